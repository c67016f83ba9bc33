//! Kills a refresh and a login at every system call, or lets a call fail: at worst a new login is needed, and the
//! error says so. `POP3_TEST_KILL=long` also kills at calls that change nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::server::Server;
use crate::support::sandbox::{Outcome, POP3, run};
use crate::syscalls::strace_works;

/// Calls that change a file or communicate with a server.
const CALLS: &str = "write,writev,pwrite64,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,\
                     ftruncate,flock,connect,sendto,sendmsg,recvfrom,recvmsg";

/// Calls that change the file of a grant, or wait for its lock.
const FILE_CALLS: &str =
    "write,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,flock";

const AGAIN: &str = "run pop3 login -a work";

/// Runs `pop3` with these words under strace with these options.
fn traced(server: &Server, options: &[&str], words: &[&str]) -> Outcome {
    let log = server.room.path("strace");
    let log = log.to_str().expect("text");
    let start = ["-f", "-o", log];
    let words = [&start, options, &[POP3, "-a", "work"], words].concat();
    run(server.program("strace", &words))
}

/// Kills the run at the Nth call of each kind, for every N. `prepare` is called before each run, `check` after it.
fn kill_at_every_call(
    server: &Server,
    calls: &str,
    words: &[&str],
    prepare: impl Fn(),
    check: impl Fn(&Outcome, &str),
) {
    let long = std::env::var("POP3_TEST_KILL").is_ok_and(|value| value == "long");
    let trace = format!("trace={}", if long { "all" } else { calls });
    prepare();
    let whole = traced(server, &["-e", &trace], words).expect(0);
    check(&whole, "not killed");
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for line in fs::read_to_string(server.room.path("strace")).expect("strace's log").lines() {
        let call = line.split_once(' ').map_or("", |(_, rest)| rest.trim_start());
        if let Some((name, _)) = call.split_once('(').filter(|(name, _)| !name.contains([' ', '<'])) {
            *counts.entry(name.to_owned()).or_default() += 1;
        }
    }
    let mut kills = 0;
    for (call, &count) in &counts {
        for nth in 1..=count {
            prepare();
            let inject = format!("inject={call}:signal=KILL:when={nth}");
            let outcome = traced(server, &["-e", &trace, "-e", &inject], words);
            kills += u32::from(outcome.code.is_none());
            check(&outcome, &format!("killed at {call} {nth}"));
        }
    }
    eprintln!("killed {kills} times at {counts:?}");
    assert!(kills > 5, "strace hardly ever kills: {kills} at {counts:?}");
}

fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("a file");
    }
}

/// The server rotates refresh tokens, and revokes the grant if a token is used twice.
#[test]
fn a_refresh_that_is_killed_costs_at_most_a_login() {
    if !strace_works() {
        return;
    }
    let server = Server::start(3, true);
    server.login();
    let before = server.room.path("before");
    copy(&server.folder(), &before);
    let first = server.state().refresh.clone();
    let prepare = || {
        copy(&before, &server.folder());
        server.state().refresh.clone_from(&first);
    };
    let lost = std::cell::Cell::new(0);
    kill_at_every_call(&server, CALLS, &["status"], prepare, |_, when| {
        let good = server.state().refresh.clone();
        let stored = server.stored().unwrap_or_else(|| panic!("{when}: no grant is left"));
        assert!(stored == first[0] || good.contains(&stored), "{when}: {stored} is no grant");
        let next = server.run(&["status"]);
        if next.code == Some(0) {
            assert!(good.contains(&stored), "{when}: {next:?}");
            return;
        }
        // The new token was lost with the process. A slow server may handle the request only after `good` was copied.
        lost.set(lost.get() + 1);
        assert!(next.code == Some(77) && next.stderr().contains(AGAIN), "{when}: {next:?}");
        assert_eq!(server.state().refresh, [""; 0], "{when}");
    });
    assert!(lost.get() > 0, "no kill between response and rename");
    // Leftovers of a killed run do not affect a later run.
    server.login();
    server.run(&["status"]).expect(0);
    let names: Vec<_> =
        fs::read_dir(server.folder()).expect("a folder").map(|entry| entry.unwrap().path()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn a_killed_login_leaves_a_valid_grant_or_none() {
    if !strace_works() {
        return;
    }
    let server = Server::start(3, true);
    kill_at_every_call(
        &server,
        FILE_CALLS,
        &["login", "--device"],
        || drop(fs::remove_dir_all(server.room.state())),
        |outcome, when| {
            let stored = server.stored();
            let next = server.run(&["status"]);
            match stored {
                Some(_) => assert_eq!(next.code, Some(0), "{when}: {next:?}"),
                None => assert!(next.code == Some(78) && next.stderr().contains(AGAIN), "{when}: {next:?}"),
            }
            assert!(outcome.code.is_none() || server.file("json").is_some(), "{when}: {outcome:?}");
        },
    );
}

/// A second login: the old grant remains valid until the new one is stored.
#[test]
fn a_killed_second_login_keeps_the_first() {
    if !strace_works() {
        return;
    }
    let server = Server::start(3, true);
    server.login();
    kill_at_every_call(
        &server,
        FILE_CALLS,
        &["login", "--device"],
        || (),
        |_, when| {
            let next = server.run(&["status"]);
            assert_eq!(next.code, Some(0), "{when}: {next:?}");
        },
    );
}

/// Calls that fail while the grant is written, and their errors. Each call concerns the file, its folder or its new
/// name.
const FAULTS: [(&str, &str); 6] = [
    ("openat", "ENOSPC"),
    ("write", "ENOSPC"),
    ("write", "EDQUOT"),
    ("fsync", "EIO"),
    ("rename", "ENOSPC"),
    ("unlink", "EROFS"),
];

#[test]
fn a_grant_that_cannot_be_stored_is_an_error() {
    if !strace_works() {
        return;
    }
    for rotates in [true, false] {
        let server = Server::start(3, rotates);
        server.login();
        let file = server.file("json").expect("a grant");
        let new = file.with_extension("new");
        let old = fs::read(&file).expect("a file");
        for (call, error) in FAULTS {
            fs::write(&file, &old).expect("a file");
            let first = server.stored().expect("a grant");
            server.state().refresh = vec![first];
            // A file is only unlinked if an earlier run was killed.
            if call == "unlink" {
                fs::write(&new, "half a grant").expect("a file");
            }
            let connections = server.pop3.connections();
            let inject = format!("inject={call}:error={error}");
            let path = new.to_str().expect("text");
            let options = ["-P", path, "-e", &format!("trace={call}"), "-e", &inject];
            let outcome = traced(&server, &options, &["status"]);
            let when = format!("{call} fails with {error}");
            if rotates {
                assert!(outcome.code == Some(73) && outcome.stderr().contains(AGAIN), "{when}: {outcome:?}");
                assert_eq!(server.pop3.connections(), connections, "{when}: the login is not tried");
            } else {
                assert!(
                    outcome.code == Some(0) && outcome.stderr().contains("cannot be stored"),
                    "{when}: {outcome:?}"
                );
            }
            assert!(!outcome.stderr().contains("s3cret"), "{when}: {outcome:?}");
            assert_eq!(fs::read(&file).expect("a file"), old, "{when}");
            assert!(call == "unlink" || !new.exists(), "{when}: half a grant is left");
            let _ = fs::remove_file(&new);
        }
    }
}

#[test]
fn a_login_on_a_full_disk_fails() {
    if !strace_works() {
        return;
    }
    let server = Server::start(3, true);
    server.login();
    let new = server.file("json").expect("a grant").with_extension("new");
    let path = new.to_str().expect("text");
    let options = ["-P", path, "-e", "trace=write", "-e", "inject=write:error=ENOSPC"];
    let outcome = traced(&server, &options, &["login", "--device"]).expect(73);
    assert!(outcome.stderr().contains("No space left") && outcome.stderr().contains(AGAIN), "{outcome:?}");
    // The grant of the earlier login is unchanged.
    server.run(&["status"]).expect(0);
}
