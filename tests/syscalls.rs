//! Runs `fetch` under strace: kills it at every system call that changes anything, and checks the order of these
//! calls.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::kill::{Store, complete, maildrop};
use crate::support::mailbox::{Mailbox, Message, Quirks, Quit, Tls};
use crate::support::sandbox::{POP3, Sandbox, run};
use crate::support::skip::skipped;

/// System calls that change a file, a folder or the server.
pub(crate) const CHANGES: [&str; 22] = [
    "write",
    "pwrite64",
    "writev",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "unlink",
    "unlinkat",
    "ftruncate",
    "fallocate",
    "mkdir",
    "mkdirat",
    "fchmod",
    "sendto",
    "sendmsg",
    "openat",
    "close",
];

/// Returns true if strace is installed and may trace. Otherwise reports the test as skipped.
pub(crate) fn strace_works() -> bool {
    let works =
        Command::new("strace").args(["-f", "true"]).output().is_ok_and(|output| output.status.success());
    if !works {
        skipped("strace is not installed, or may not trace here");
    }
    works
}

fn server(mail: &[Message]) -> Mailbox {
    Mailbox::start(Tls::None, Quirks::default()).with_user("alice", "secret", mail.to_vec())
}

/// Returns a user who has already fetched the first message; the others are new. strace counts the calls of each
/// thread separately, and with existing folders, the writer thread makes almost all of them.
fn not_for_the_first_time(store: Store, mail: &[Message]) -> (Sandbox, Mailbox) {
    let (room, server) = (Sandbox::new(), server(&mail[..1]));
    let mut command = room.pop3(server.port());
    command.args(store.arguments(true)).env("POP3_TLS", "none");
    run(command).expect(0);
    for message in &mail[1..] {
        server.deliver("alice", message.clone());
    }
    (room, server)
}

/// Runs `pop3 fetch` under strace with these options; the log is written to the file `strace`.
fn traced(room: &Sandbox, server: &Mailbox, options: &[&str], store: Store, delete: bool) -> Command {
    let mut command = room.with_account("strace", server.port());
    command
        .args(["-f", "-o"])
        .arg(room.path("strace"))
        .args(options)
        .arg(POP3)
        .args(store.arguments(delete))
        .env("POP3_TLS", "none");
    command
}

pub(crate) fn log(room: &Sandbox) -> String {
    String::from_utf8_lossy(&std::fs::read(room.path("strace")).expect("strace's log")).into_owned()
}

/// Returns the name of the system call in a line `123 write(3, …`.
pub(crate) fn name(line: &str) -> Option<&str> {
    let call = line.split_once(' ')?.1.trim_start();
    let (name, _) = call.split_once('(')?;
    CHANGES.contains(&name).then_some(name)
}

/// Returns a user who fetched all messages in a run whose `QUIT` was not answered, so that the next run only marks
/// them and updates the record.
fn made_up_for(store: Store, mail: &[Message]) -> (Sandbox, Mailbox) {
    let quirks = Quirks { quit: Quit::DropsBefore, ..Quirks::default() };
    let lossy = Mailbox::start(Tls::None, quirks).with_user("alice", "secret", mail.to_vec());
    let room = Sandbox::new();
    let mut command = room.pop3(lossy.port());
    command.args(store.arguments(true)).env("POP3_TLS", "none");
    run(command).expect(75);
    (room, server(mail))
}

/// Kills `fetch` at the Nth call of each kind, for every N, and then runs it to the end.
fn kill_at_every_call(store: Store, prepare: impl Fn(&[Message]) -> (Sandbox, Mailbox)) {
    if !strace_works() {
        return;
    }
    let mail = maildrop(4, 9);
    let trace = format!("trace={}", CHANGES.join(","));
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    {
        let (room, server) = prepare(&mail);
        run(traced(&room, &server, &["-e", &trace], store, true)).expect(0);
        for line in log(&room).lines() {
            if let Some(name) = name(line) {
                *counts.entry(name.to_owned()).or_default() += 1;
            }
        }
    }
    let long = std::env::var("POP3_TEST_KILL").is_ok_and(|value| value == "long");
    let mut kills = 0;
    for (call, &count) in &counts {
        // Opening and closing files are frequent and change little, so they are only tried in the long form.
        if matches!(call.as_str(), "openat" | "close") && !long {
            continue;
        }
        for nth in 1..=count {
            let (room, server) = prepare(&mail);
            let inject = format!("inject={call}:signal=KILL:when={nth}");
            let outcome = run(traced(&room, &server, &["-e", &trace, "-e", &inject], store, true));
            kills += u32::from(outcome.code.is_none());
            server.hang_up();
            complete(store, true, &room, &server, &mail, &format!("killed at {call} {nth}"));
        }
    }
    eprintln!("{store:?}: killed {kills} times at {counts:?}");
    assert!(kills > 10, "strace hardly ever kills: {kills} at {counts:?}");
}

#[test]
fn dir() {
    kill_at_every_call(Store::Dir, |mail| not_for_the_first_time(Store::Dir, mail));
}

#[test]
fn maildir() {
    kill_at_every_call(Store::Maildir, |mail| not_for_the_first_time(Store::Maildir, mail));
}

#[test]
fn mbox() {
    kill_at_every_call(Store::Mbox, |mail| not_for_the_first_time(Store::Mbox, mail));
}

#[test]
fn marks_that_are_repeated() {
    kill_at_every_call(Store::Dir, |mail| made_up_for(Store::Dir, mail));
}

/// The order must be: sync the message, sync the record, rename, sync the folder, and only then send `DELE`.
#[test]
fn order() {
    if !strace_works() {
        return;
    }
    let mail = maildrop(1, 9);
    for store in [Store::Dir, Store::Maildir] {
        let (room, server) = (Sandbox::new(), server(&mail));
        let trace = format!("trace={}", CHANGES.join(","));
        run(traced(&room, &server, &["-y", "-s", "200", "-e", &trace], store, true)).expect(0);
        let log = log(&room);
        let lines: Vec<&str> = log.lines().filter(|line| name(line).is_some()).collect();
        let state = room.state();
        let folder = room.work().join(if store == Store::Dir { "mail" } else { "mail/new" });
        let is_sync = |line: &str| name(line).is_some_and(|name| matches!(name, "fsync" | "fdatasync"));
        let renames = |line: &str| {
            !line.contains("/.pop3-probe-")
                && name(line).is_some_and(|name| {
                    matches!(name, "rename" | "renameat" | "renameat2" | "link" | "linkat")
                })
        };
        // The folder of a message before it has its final name.
        let unnamed = room.work().join(if store == Store::Dir { "mail" } else { "mail/tmp" });
        let within = |line: &str, path: &Path| line.contains(&format!("<{}/", path.display()));
        let is = |line: &str, path: &Path| line.contains(&format!("<{}>", path.display()));
        let mut from = 0;
        let mut next = |what: &str, fits: &dyn Fn(&str) -> bool| {
            let at = lines[from..].iter().position(|line| fits(line));
            let at = at
                .unwrap_or_else(|| panic!("{store:?}: no {what} from line {from} on:\n{}", lines.join("\n")));
            from += at + 1;
            from
        };
        let synced = next("message synced", &|line| is_sync(line) && within(line, &unnamed));
        next("record synced", &|line| is_sync(line) && within(line, &state));
        let named = next("message named", &|line| renames(line) && line.contains("mail"));
        next("folder synced", &|line| is_sync(line) && is(line, &folder));
        let marked = next("DELE", &|line| line.contains("\"DELE 1\\r\\n"));
        // No step may happen too early.
        assert_eq!(lines.iter().position(|line| renames(line) && line.contains("mail")), Some(named - 1));
        assert_eq!(lines.iter().position(|line| line.contains("\"DELE ")), Some(marked - 1));
        assert!(
            !lines[synced..].iter().any(|line| name(line) == Some("write") && within(line, &unnamed)),
            "{store:?}: the message is written to after its sync:\n{}",
            lines.join("\n")
        );
    }
}
