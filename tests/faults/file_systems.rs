//! File systems that do not support a call, and disks that fill up in the last part of a message.

use std::collections::BTreeMap;
use std::process::Command;

use super::numbered;
use crate::kill::{Store, complete, expected, maildrop};
use crate::support::mailbox::{Mailbox, Message, Quirks, Tls};
use crate::support::sandbox::{POP3, Sandbox, files, run};
use crate::support::skip::need;
use crate::syscalls::{log, strace_works};

const STORES: [Store; 3] = [Store::Dir, Store::Maildir, Store::Mbox];

fn serve(mail: &[Message]) -> Mailbox {
    Mailbox::start(Tls::None, Quirks::default()).with_user("alice", "secret", mail.to_vec())
}

/// Runs `pop3 fetch --delete --commit` under strace with these options.
fn traced(room: &Sandbox, server: &Mailbox, store: Store, options: &[&str]) -> Command {
    let mut command = room.with_account("strace", server.port());
    command.args(["-f", "-y", "-s", "100", "-o"]).arg(room.path("strace")).args(options);
    command.arg(POP3).args(store.arguments(true)).env("POP3_TLS", "none");
    command
}

/// Checks that everything is stored and deleted although every call of these kinds fails, for these paths if any are
/// given.
fn works_without(calls: &[(&str, &str)], paths: impl Fn(Store) -> &'static [&'static str]) {
    if !strace_works() {
        return;
    }
    for store in STORES {
        let paths = paths(store);
        let mail = maildrop(4, 9);
        let (server, room) = (serve(&mail), Sandbox::new());
        let paths: Vec<String> = paths.iter().map(|path| room.path(path).display().to_string()).collect();
        let injected: Vec<String> =
            calls.iter().map(|(calls, error)| format!("inject={calls}:error={error}")).collect();
        let mut options: Vec<&str> = paths.iter().flat_map(|path| ["-P", path]).collect();
        options.extend(injected.iter().flat_map(|inject| ["-e", inject]));
        let outcome = run(traced(&room, &server, store, &options));
        let log = log(&room);
        let what = format!("{store:?}, without {calls:?}: {outcome:?}\n{log}");
        assert!(log.contains("(INJECTED)"), "nothing failed: {what}");
        assert!(outcome.code == Some(0) && outcome.stderr.is_empty(), "{what}");
        assert!(server.unique_ids("alice").is_empty(), "{what}");
        complete(store, true, &room, &server, &mail, &what);
    }
}

/// CIFS and some FUSE file systems refuse to sync a folder.
#[test]
fn folders_that_cannot_be_synced() {
    for error in ["EINVAL", "EOPNOTSUPP", "ENOSYS"] {
        works_without(&[("fsync,fdatasync", error)], |store| match store {
            Store::Mbox => &["work", "state"],
            _ => &["work", "work/mail", "work/mail/new", "state"],
        });
    }
}

/// NFS with squashed users and CIFS do not allow changing modes.
#[test]
fn folders_whose_mode_cannot_be_changed() {
    for error in ["EPERM", "EOPNOTSUPP", "ENOSYS"] {
        works_without(&[("chmod,fchmod,fchmodat", error)], |_| &[]);
    }
}

/// exFAT, Android storage and some FUSE file systems support neither hard links nor a rename that fails if the target
/// exists.
#[test]
fn no_hard_links_and_no_exclusive_rename() {
    for error in ["EPERM", "EOPNOTSUPP", "ENOSYS"] {
        works_without(&[("renameat2", "EINVAL"), ("link,linkat", error)], |_| &[]);
    }
}

/// Without hard links, with a file of another program under the name of a message, and killed at each rename.
#[test]
fn without_links_nothing_is_replaced_and_a_kill_loses_nothing() {
    if !strace_works() {
        return;
    }
    let lacks = ["-e", "inject=renameat2:error=EINVAL", "-e", "inject=link,linkat:error=EPERM"];
    for store in STORES {
        let mut kills = 0;
        for nth in 1..20 {
            let mail = maildrop(3, 9);
            let (server, room) = (serve(&mail), Sandbox::new());
            let foreign = room.work().join("mail/unique-0001.eml");
            if store == Store::Dir {
                std::fs::create_dir(room.work().join("mail")).expect("a folder");
                std::fs::write(&foreign, "another program's\n").expect("a file");
            }
            let kill = format!("inject=rename:signal=KILL:when={nth}");
            let killed = run(traced(&room, &server, store, &[&lacks[..], &["-e", &kill]].concat()));
            server.hang_up();
            let outcome = run(traced(&room, &server, store, &lacks));
            let what = format!("{store:?}, killed at rename {nth}: {killed:?}\nthen {outcome:?}");
            assert_eq!(outcome.code, Some(0), "{what}");
            if store == Store::Dir {
                assert_eq!(std::fs::read(&foreign).expect("a file"), b"another program's\n", "{what}");
                std::fs::remove_file(foreign).expect("a file");
            }
            assert_eq!(store.stored(&room.work()), expected(&mail), "{what}");
            let left: Vec<String> = room.files().into_iter().map(|(name, _)| name).collect();
            assert_eq!(left.len(), if store == Store::Mbox { 1 } else { mail.len() }, "{what}: {left:?}");
            assert!(server.unique_ids("alice").is_empty(), "{what}");
            if killed.code.is_some() {
                break;
            }
            kills += 1;
        }
        assert!(kills >= if store == Store::Mbox { 1 } else { 3 }, "strace hardly ever kills: {kills}");
    }
}

/// Returns messages of which the third takes several writes.
fn one_large() -> Vec<Message> {
    let text = |lines: usize| format!("Subject: {lines}\r\n\r\n{}", "sixteen bytes.\r\n".repeat(lines));
    [3, 40, 9000, 50].map(|lines| Message::new(format!("lines-{lines}"), text(lines))).to_vec()
}

/// Checks that no message is torn or lost after an incomplete write, and that the next run completes.
#[track_caller]
fn nothing_torn(store: Store, room: &Sandbox, server: &Mailbox, mail: &[Message], what: &str) {
    let log = server.log();
    assert!(!log.iter().flatten().any(|command| command == "QUIT"), "{what}: {log:?}");
    let whole = expected(mail);
    assert!(store.stored(&room.work()).iter().all(|message| whole.contains(message)), "{what}: torn");
    complete(store, true, room, server, mail, what);
}

/// A file size limit that leaves no room for the last bytes of the large message.
#[test]
fn a_file_size_limit_in_the_last_part_of_a_message() {
    if need("prlimit").is_none() {
        return;
    }
    let mail = one_large();
    for store in STORES {
        let whole = Sandbox::new();
        let reference = serve(&mail[..3]);
        let mut command = whole.pop3(reference.port());
        command.args(store.arguments(false)).env("POP3_TLS", "none");
        run(command).expect(0);
        let size = files(&whole.work()).iter().map(|(_, octets)| octets.len()).max().expect("a file");
        for missing in [1, 100] {
            let (server, room) = (serve(&mail), Sandbox::new());
            let mut command = room.with_account("prlimit", server.port());
            command.arg(format!("--fsize={}", size - missing)).arg(POP3).args(store.arguments(true));
            command.env("POP3_TLS", "none");
            let outcome = run(command);
            let what = format!("{store:?}, {missing} bytes too few: {outcome:?}");
            assert_eq!(outcome.code, Some(73), "{what}");
            nothing_torn(store, &room, &server, &mail, &what);
        }
    }
}

/// A disk that is full at any one write, including the last write of the large message.
#[test]
fn a_full_disk_at_each_write() {
    if !strace_works() {
        return;
    }
    let mail = one_large();
    for store in STORES {
        let (server, room) = (serve(&mail), Sandbox::new());
        run(traced(&room, &server, store, &["-e", "trace=write"])).expect(0);
        let (log, work) = (log(&room), room.work().display().to_string());
        let writes = numbered(&log, &["write"]);
        let mut of_files: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (_, nth, arguments) in &writes {
            let file = arguments.split(['<', '>']).nth(1).unwrap_or_default();
            if file.starts_with(&work) {
                of_files.entry(file).or_default().push(*nth);
            }
        }
        let pieces = of_files.values().map(Vec::len).max();
        assert!(pieces > Some(2), "the large message takes several writes: {of_files:?}");
        for nth in of_files.into_values().flatten() {
            let (server, room) = (serve(&mail), Sandbox::new());
            let inject = format!("inject=write:error=ENOSPC:when={nth}");
            let outcome = run(traced(&room, &server, store, &["-e", "trace=write", "-e", &inject]));
            let what = format!("{store:?}, a full disk at write {nth}: {outcome:?}");
            assert_eq!(outcome.code, Some(73), "{what}");
            nothing_torn(store, &room, &server, &mail, &what);
        }
    }
}
