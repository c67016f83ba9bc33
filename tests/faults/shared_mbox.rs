//! Two accounts that share an mbox: an unfinished write of one must never lose a message of the other.

use std::process::Command;

use crate::kill::{Store, expected};
use crate::support::mailbox::{Mailbox, Message, Quirks, Tls};
use crate::support::sandbox::{POP3, Sandbox, run};
use crate::syscalls::strace_works;

fn message(of: &str, nth: u32) -> Message {
    let text = format!("Subject: {nth} of {of}\r\n\r\n{}", "a line of text\r\n".repeat(4000));
    Message::new(format!("{of}-{nth}"), text)
}

fn as_user(command: &mut Command, user: &str) {
    let mbox = ["fetch", "--mbox", "mail", "--delete", "--commit"];
    command.args(mbox).env("POP3_USER", user).env("POP3_TLS", "none");
}

/// The append of the first account fails, the second account stores and deletes, and the first account fetches again.
fn one_after_the_other(fault: &[&str], after_kill: bool) {
    let own = vec![message("alice", 1), message("alice", 2)];
    let others = vec![message("bob", 1)];
    let server = Mailbox::start(Tls::None, Quirks::default())
        .with_user("alice", "secret", own.clone())
        .with_user("bob", "secret", others.clone());
    let room = Sandbox::new();
    std::fs::write(room.work().join("mail"), "From x\nold\n\n").expect("a file");
    let mut failing = room.with_account("strace", server.port());
    failing.args(["-f", "-o"]).arg(room.path("strace")).arg("-P").arg(room.work().join("mail")).args(fault);
    failing.arg(POP3);
    as_user(&mut failing, "alice");
    let failed = run(failing);
    server.hang_up();
    let what = format!("{fault:?}: {failed:?}");
    assert_eq!(failed.code, if after_kill { None } else { Some(73) }, "{what}");
    assert_eq!(server.unique_ids("alice").len(), own.len(), "{what}");
    for (user, left) in [("bob", 0), ("alice", 0), ("bob", 0)] {
        let mut command = room.pop3(server.port());
        as_user(&mut command, user);
        let outcome = run(command);
        assert_eq!(outcome.code, Some(0), "{what}, then {user}: {outcome:?}");
        assert_eq!(server.unique_ids(user).len(), left, "{what}, then {user}");
        let stored = Store::Mbox.stored(&room.work());
        let of_others = expected(&others);
        assert!(
            of_others.iter().all(|message| stored.contains(message)),
            "{what}, then {user}: bob's is lost"
        );
    }
    let mut stored = Store::Mbox.stored(&room.work());
    let mut all = expected(&[own, others].concat());
    all.push(b"old\n".to_vec());
    if after_kill {
        // A part of a group remains if another program has appended to the mbox, because its bytes must not be cut
        // off.
        stored.retain(|message| all.contains(message));
        stored.dedup();
    }
    all.sort();
    assert!(stored == all, "{what}: {} stored of {}", stored.len(), all.len());
}

#[test]
fn a_full_disk_of_one_account_does_not_affect_the_other() {
    if !strace_works() {
        return;
    }
    for nth in 1..=2 {
        one_after_the_other(&["-e", &format!("inject=write:error=ENOSPC:when={nth}")], false);
    }
}

/// The next run removes a part of a group that could not be removed at once.
#[test]
fn a_part_that_cannot_be_removed_at_once_is_removed_later() {
    if !strace_works() {
        return;
    }
    let mail = vec![message("alice", 1), message("alice", 2), message("alice", 3)];
    let server = Mailbox::start(Tls::None, Quirks::default()).with_user("alice", "secret", mail.clone());
    let room = Sandbox::new();
    let mbox = room.work().join("mail");
    let mut failing = room.with_account("strace", server.port());
    let faults = ["-e", "inject=write:error=ENOSPC:when=2", "-e", "inject=ftruncate:error=EIO"];
    failing.args(["-f", "-o"]).arg(room.path("strace")).arg("-P").arg(&mbox).args(faults).arg(POP3);
    as_user(&mut failing, "alice");
    run(failing).expect(73);
    assert!(mbox.metadata().expect("an mbox").len() > 0, "nothing was written");
    let mut command = room.pop3(server.port());
    as_user(&mut command, "alice");
    run(command).expect(0);
    assert_eq!(Store::Mbox.stored(&room.work()), expected(&mail));
    assert!(server.unique_ids("alice").is_empty());
}

/// A file size limit cuts a write short within a page, and the run is killed before it can remove the part.
#[test]
fn a_size_limit_within_a_page_leaves_no_part_behind() {
    if !strace_works() {
        return;
    }
    let mail = vec![Message::new("m", format!("Subject: m\r\n\r\n{}", "a line of text\r\n".repeat(600)))];
    let server = Mailbox::start(Tls::None, Quirks::default()).with_user("alice", "secret", mail.clone());
    let room = Sandbox::new();
    let mbox = room.work().join("mail");
    let old = format!("From x\n{}\n", "old\n".repeat(2000));
    std::fs::write(&mbox, &old).expect("a file");
    let fetch = |faults: &[&str], limit: &str| {
        let mut command = room.with_account("sh", server.port());
        command.args(["-c", &format!("ulimit -f {limit}; exec \"$@\""), "sh", "strace", "-f", "-o"]);
        command.arg(room.path("strace")).arg("-P").arg(&mbox).args(faults).arg(POP3);
        as_user(&mut command, "alice");
        run(command)
    };
    // 29 blocks of 512 bytes: seven eighths of a page more than three pages.
    fetch(&["-e", "inject=ftruncate:error=EIO:signal=KILL"], "29");
    fetch(&[], "29").expect(73);
    assert!(std::fs::read_to_string(&mbox).expect("an mbox") == old, "a part was left behind");
    fetch(&[], "unlimited").expect(0);
    let all = std::fs::read_to_string(&mbox).expect("an mbox");
    assert!(all.starts_with(&old) && all.matches("Subject: m").count() == 1, "{} bytes", all.len());
    assert!(server.unique_ids("alice").is_empty());
}

#[test]
fn a_killed_run_of_one_account_does_not_affect_the_other() {
    if !strace_works() {
        return;
    }
    for fault in ["write:signal=KILL:when=1", "write:signal=KILL:when=2", "fsync,fdatasync:signal=KILL"] {
        one_after_the_other(&["-e", &format!("inject={fault}")], true);
    }
}
