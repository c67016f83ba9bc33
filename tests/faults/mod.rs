//! Runs `fetch` with one failing system call, for every call on a file of the user or on the connection, and every
//! error in a table. No message may be lost, stored twice, or marked without being stored, and the next run must
//! complete.
//!
//! `cargo test` tries a few cases of each campaign; `POP3_TEST_FAULTS=long` tries all.

mod file_systems;
mod shared_mbox;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic;

use crate::kill::{Store, complete, expected, for_each_store, maildrop};
use crate::support::mailbox::{Mailbox, Message, Quirks, Tls};
use crate::support::messages::Random;
use crate::support::sandbox::{Outcome, POP3, Sandbox, run};
use crate::syscalls::strace_works;

/// System calls, and the errors that are injected into each.
const FAULTS: [(&[&str], &[&str]); 16] = [
    (&["openat"], &["EIO", "ENOSPC", "EDQUOT", "EROFS", "EINTR", "EMFILE"]),
    (&["read", "pread64", "getdents64"], &["EIO", "EINTR"]),
    (&["write", "pwrite64", "writev", "copy_file_range", "sendfile"], &["EIO", "ENOSPC", "EDQUOT", "EINTR"]),
    (&["fsync", "fdatasync", "sync_file_range", "syncfs"], &["EIO", "ENOSPC", "EDQUOT", "EROFS", "EINTR"]),
    (&["rename", "renameat", "renameat2", "link", "linkat"], &["EIO", "ENOSPC", "EDQUOT", "EROFS", "EINTR"]),
    (&["unlink", "unlinkat", "rmdir"], &["EIO", "EROFS", "EINTR"]),
    (&["ftruncate", "fallocate"], &["EIO", "ENOSPC", "EROFS", "EINTR"]),
    (&["mkdir", "mkdirat"], &["EIO", "ENOSPC", "EDQUOT", "EROFS", "EINTR"]),
    (&["fchmod", "chmod"], &["EIO", "EROFS", "EINTR"]),
    (&["close"], &["EIO", "ENOSPC", "EDQUOT", "EINTR"]),
    (&["statx", "fstat", "newfstatat", "lseek"], &["EIO"]),
    (&["flock", "fcntl"], &["EIO", "EINTR"]),
    (&["connect", "sendto", "recvfrom"], &["EIO", "EINTR"]),
    // The standard library calls `poll` at the start, and ends the program at any other error.
    (&["poll"], &["EINTR"]),
    (&["socket", "pipe2"], &["EMFILE"]),
    (&["clone3", "clone", "vfork"], &["EAGAIN"]),
];

/// The Nth call of a kind in its thread, and the error to inject.
#[derive(Clone)]
struct Case {
    call: &'static str,
    nth: usize,
    error: &'static str,
    /// Counts only calls for this file, a path relative to the sandbox.
    path: Option<String>,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.as_ref().map(|path| format!(" of {path}")).unwrap_or_default();
        write!(f, "{} {}{path} fails with {}", self.call, self.nth, self.error)
    }
}

/// A user, the server, and the unique-ids that it lists at login.
struct Scene {
    room: Sandbox,
    server: Mailbox,
    mail: Vec<Message>,
    store: Store,
    delete: bool,
}

impl Scene {
    /// With `delete`, an earlier run fetched and deleted the first message, so that all files exist. Otherwise this
    /// is the user's first run.
    fn new(store: Store, delete: bool) -> Self {
        let mail = maildrop(4, 9);
        let first = if delete { &mail[..1] } else { &mail[..] };
        let server =
            Mailbox::start(Tls::None, Quirks::default()).with_user("alice", "secret", first.to_vec());
        let scene = Self { room: Sandbox::new(), server, mail, store, delete };
        if delete {
            let mut command = scene.room.pop3(scene.server.port());
            command.args(store.arguments(true)).env("POP3_TLS", "none");
            run(command).expect(0);
            for message in &scene.mail[1..] {
                scene.server.deliver("alice", message.clone());
            }
        }
        scene
    }

    /// Runs `pop3 --json fetch` under strace, which follows its threads but not the command of `--pipe`.
    fn traced(&self, options: &[&str]) -> Outcome {
        let mut command = self.room.with_account("strace", self.server.port());
        let follow: &[&str] =
            if self.store == Store::Pipe { &["-f", "-b", "execve"] } else { &["-f", "--seccomp-bpf"] };
        command
            .args(follow)
            .args(["-qq", "-y", "-s", "64", "-o"])
            .arg(self.room.path("strace"))
            .args(options);
        command.args([POP3, "--json"]).args(self.store.arguments(self.delete)).env("POP3_TLS", "none");
        // strace is slow, and timeouts are not tested here.
        command.env("POP3_TIMEOUT", "20");
        run(command)
    }

    fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.room.path("strace")).expect("strace's log")).into_owned()
    }

    /// Returns the content of the messages with these unique-ids as stored, with LF.
    fn octets(&self, unique_ids: &BTreeSet<String>) -> Vec<Vec<u8>> {
        let named: Vec<Message> =
            self.mail.iter().filter(|message| unique_ids.contains(&message.unique_id)).cloned().collect();
        expected(&named)
    }
}

/// Calls that the loader and the start of every Rust program also make. strace selects them by file.
const BY_PATH: [&str; 9] =
    ["openat", "read", "pread64", "getdents64", "close", "statx", "fstat", "newfstatat", "lseek"];

/// Returns every relevant call of a run without faults, with every error of the table.
fn cases(store: Store, delete: bool) -> Vec<Case> {
    let scene = Scene::new(store, delete);
    let calls: Vec<&'static str> = FAULTS.iter().flat_map(|(calls, _)| calls.iter().copied()).collect();
    scene.traced(&["-e", &format!("trace={}", calls.join(","))]).expect(0);
    let log = scene.log();
    let root = scene.room.path("").display().to_string();
    let mut found = BTreeSet::new();
    for (call, nth, arguments) in numbered(&log, &calls) {
        let always = matches!(call, "socket" | "pipe2" | "clone3" | "clone" | "vfork" | "poll");
        let ours = arguments.contains(&root) || arguments.contains("socket:[") || arguments.starts_with("1<");
        // The standard library calls F_GETFD for an assertion.
        if (always || ours) && !BY_PATH.contains(&call) && !arguments.contains("F_GETFD") {
            found.insert((call, nth, None));
        }
    }
    for path in paths(&log, &root) {
        let scene = Scene::new(store, delete);
        let trace = format!("trace={}", BY_PATH.join(","));
        let file = scene.room.path(&path);
        scene.traced(&["-e", &trace, "-P", &file.display().to_string()]).expect(0);
        for (call, nth, _) in numbered(&scene.log(), &calls) {
            // The standard library panics if closing a folder fails, which happens on no file system.
            if call != "close" || file.is_file() {
                found.insert((call, nth, Some(path.clone())));
            }
        }
    }
    let errors = |call: &str| {
        FAULTS.iter().find(|(calls, _)| calls.contains(&call)).map_or(&[][..], |(_, errors)| errors)
    };
    let each = |(call, nth, path): (&'static str, usize, Option<String>)| {
        errors(call).iter().map(move |error| Case { call, nth, error, path: path.clone() })
    };
    found.into_iter().flat_map(each).collect()
}

/// Returns the calls in a log of strace: name, number in its thread, arguments.
fn numbered<'a>(log: &'a str, calls: &[&'static str]) -> Vec<(&'static str, usize, &'a str)> {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut found = Vec::new();
    for line in log.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let Some((name, arguments)) = call.trim_start().split_once('(') else { continue };
        let Some(&name) = calls.iter().find(|call| **call == name) else { continue };
        let count = counts.entry((thread, name)).or_default();
        *count += 1;
        found.push((name, *count, arguments));
    }
    found
}

/// Returns the files and folders in a log that are under `root`, as relative paths, without those that have random
/// names.
fn paths(log: &str, root: &str) -> BTreeSet<String> {
    let after = log.split(root).skip(1);
    let paths = after.filter_map(|text| text.split(['"', '>']).next());
    paths
        .filter(|path| !path.is_empty() && !path.starts_with("home"))
        .filter(|path| !path.contains(['#', ' ']) && !path.contains("/.pop3-") && !path.contains("/tmp/"))
        .filter(|path| !path.starts_with("work/mail.lock."))
        .map(str::to_owned)
        .collect()
}

/// Runs one case and checks the result; returns true if the call failed in this run.
fn fail_once(store: Store, delete: bool, case: &Case) -> bool {
    let scene = Scene::new(store, delete);
    let before = scene.server.unique_ids("alice");
    let sessions = scene.server.log().len();
    let trace = format!("trace=sendto,{}", case.call);
    let inject = format!("inject={}:error={}:when={}", case.call, case.error, case.nth);
    let path = case.path.as_ref().map(|path| scene.room.path(path).display().to_string());
    let mut options = vec!["-e", &trace, "-e", &inject];
    if let Some(path) = &path {
        options.extend(["-P", path]);
    }
    let outcome = scene.traced(&options);
    scene.server.hang_up();
    let log = scene.log();
    let Some(fault) = log.find("(INJECTED)") else { return false };
    let what = format!("{store:?}, delete {delete}, {case}: {outcome:?}\n{log}");

    assert!(!outcome.hung, "hangs: {what}");
    let code = outcome.code.unwrap_or_else(|| panic!("ended by a signal: {what}"));
    assert!(matches!(code, 0 | 68 | 69 | 73 | 75 | 78), "an unexpected exit code: {what}");
    let quit = log[fault..].contains("\"QUIT\\r\\n\"");
    assert!(code == 0 || !quit, "QUIT after a failure: {what}");

    let stored = scene.store.stored(&scene.room.work());
    let all = expected(&scene.mail);
    assert!(stored.iter().all(|octets| all.contains(octets)), "half a message is stored: {what}");
    let twice = stored.windows(2).any(|pair| pair[0] == pair[1]);
    assert!(store == Store::Pipe || !twice, "a message is stored twice: {what}");
    // A log of the calls for one file does not show when `QUIT` was sent.
    let quit = scene.server.log()[sessions..].iter().flatten().any(|command| command == "QUIT");
    assert!(code == 0 || !quit || stored.len() == all.len(), "QUIT, and not all is stored: {what}");
    let left: BTreeSet<String> = scene.server.unique_ids("alice").into_iter().collect();
    let deleted = scene.mail.iter().map(|message| message.unique_id.clone());
    let deleted: BTreeSet<String> = deleted.filter(|unique_id| !left.contains(unique_id)).collect();
    let marked = marked(&scene.server.log()[sessions..], &before);
    let told = told(&outcome);
    for (unique_ids, how) in [(&deleted, "deleted"), (&marked, "marked"), (&told, "reported")] {
        for octets in scene.octets(unique_ids) {
            assert!(stored.contains(&octets), "a message is {how} that is not stored: {what}");
        }
    }
    if code == 0 {
        assert_eq!(stored.len(), all.len(), "exit code 0, and not all is stored: {what}");
        assert_eq!(
            left.len(),
            if delete { 0 } else { all.len() },
            "exit code 0, and not all is deleted: {what}"
        );
    }
    complete(store, delete, &scene.room, &scene.server, &scene.mail, &what);
    let stored = scene.store.stored(&scene.room.work()).len();
    // The command of `--pipe` may receive the last message again.
    let most = all.len() + usize::from(store == Store::Pipe);
    assert!(stored <= most, "{stored} are stored: {what}");
    true
}

/// Returns the messages that these sessions marked for deletion; each session had the same listing.
fn marked(sessions: &[Vec<String>], listed: &[String]) -> BTreeSet<String> {
    let numbers = sessions.iter().flatten().filter_map(|command| command.strip_prefix("DELE "));
    let indices = numbers.map(|number| number.parse::<usize>().expect("a message-number") - 1);
    indices.map(|index| listed[index].clone()).collect()
}

/// Returns the messages that rows report as stored. Incomplete rows are ignored.
fn told(outcome: &Outcome) -> BTreeSet<String> {
    let text = outcome.stdout();
    let rows = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let stored = rows.filter(|row| row["error"].is_null());
    stored.map(|row| row["uid"].as_str().expect("a unique-id").to_owned()).collect()
}

fn campaign(store: Store, delete: bool) {
    if !strace_works() {
        return;
    }
    let mut cases = cases(store, delete);
    let all = cases.len();
    if std::env::var("POP3_TEST_FAULTS").is_ok_and(|value| value == "long") {
        assert!(all > 100, "strace sees hardly any calls: {all}");
    } else {
        cases = few(&cases, 1 + store as u64 * 2 + u64::from(delete));
    }
    let mut failed = 0;
    let mut broken = Vec::new();
    for case in &cases {
        match panic::catch_unwind(|| fail_once(store, delete, case)) {
            Ok(injected) => failed += usize::from(injected),
            Err(_) => broken.push(case.to_string()),
        }
    }
    eprintln!("{store:?}, delete {delete}: {failed} faults of {} cases of {all}", cases.len());
    assert!(
        broken.is_empty(),
        "{store:?}, delete {delete}: {} cases fail:\n{}",
        broken.len(),
        broken.join("\n")
    );
    assert!(failed * 2 > cases.len(), "strace hardly ever injects a fault: {failed} of {}", cases.len());
}

/// Selects one case of each system call, the same in every run.
fn few(cases: &[Case], seed: u64) -> Vec<Case> {
    let mut random = Random::new(seed);
    let calls: BTreeSet<&str> = cases.iter().map(|case| case.call).collect();
    calls
        .into_iter()
        .map(|call| {
            let of_call: Vec<&Case> = cases.iter().filter(|case| case.call == call).collect();
            of_call[usize::try_from(random.below(of_call.len() as u64)).expect("an index")].clone()
        })
        .collect()
}

for_each_store!(campaign);
