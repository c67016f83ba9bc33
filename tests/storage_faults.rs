//! Failures while messages are stored: full disks, folders that cannot be written or disappear, signals, two runs at once, a
//! damaged record. No `QUIT` is sent, no partial file has a final name, and the next run completes.

use std::{
    fs, io,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    kill::{Store, Trap, complete, expected, maildrop},
    support::{
        mailbox::{Mailbox, Message, Quirks, Tls},
        sandbox::{LONGEST_RUN, POP3, Sandbox, run, start},
        skip::skipped,
    },
};

const STORES: [Store; 3] = [Store::Dir, Store::Maildir, Store::Mbox];

fn serve(quirks: Quirks, mail: &[Message]) -> Mailbox {
    Mailbox::start(Tls::None, quirks).with_user("alice", "secret", mail.to_vec())
}

fn fetch(room: &Sandbox, server: &Mailbox, store: Store) -> Command {
    let mut command = room.pop3(server.port());
    command.args(store.arguments(true)).env("POP3_TLS", "none");
    command
}

/// Runs `fetch` under `ulimit -f`: no file may be longer than this number of blocks of 512 bytes.
fn limited(room: &Sandbox, server: &Mailbox, store: Store, blocks: u32) -> Command {
    let mut command = room.with_account("sh", server.port());
    let script = format!("ulimit -f {blocks}; exec \"$@\"");
    command.args(["-c", &script, "sh", POP3]).args(store.arguments(true)).env("POP3_TLS", "none");
    command
}

#[track_caller]
fn nobody_quit(server: &Mailbox) {
    let log = server.log();
    assert!(!log.iter().flatten().any(|command| command == "QUIT"), "{log:?}");
}

/// Checks that every file with a final name is a complete message, and that an mbox contains only complete messages.
#[track_caller]
fn all_whole(store: Store, work: &Path, mail: &[Message]) {
    let expected = expected(mail);
    for octets in store.stored(work) {
        assert!(expected.contains(&octets), "{store:?}: half a message is stored");
    }
}

fn large_and_small() -> Vec<Message> {
    let text = |kilobytes: usize| {
        format!("Subject: {kilobytes}\r\n\r\n{}", "sixteen octets\r\n".repeat(kilobytes * 64))
    };
    [1, 2, 300, 3].map(|kilobytes| Message::new(format!("k{kilobytes}"), text(kilobytes))).to_vec()
}

#[test]
fn a_file_size_limit() {
    for store in STORES {
        let mail = large_and_small();
        let (server, room) = (serve(Quirks::default(), &mail), Sandbox::new());
        let outcome = run(limited(&room, &server, store, 200)).expect(73);
        assert_eq!(outcome.stderr().lines().count(), 1, "{}", outcome.stderr());
        nobody_quit(&server);
        all_whole(store, &room.work(), &mail);
        complete(store, true, &room, &server, &mail, "after a file that could not grow");
    }
}

/// A small file system that is mounted where messages are stored. Needs root.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: PathBuf, options: &str) -> Option<Self> {
        fs::create_dir_all(&at).expect("a folder");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", options, "none"]).arg(&at).output().ok()?;
        if mounted.status.success() {
            return Some(Self(at));
        }
        let why = String::from_utf8_lossy(&mounted.stderr).into_owned();
        skipped(&format!("a small disk cannot be mounted: {}", why.trim_end()));
        None
    }

    fn again(&self, options: &str) {
        let options = format!("remount,{options}");
        assert!(Command::new("mount").args(["-o", &options]).arg(&self.0).status().expect("mount").success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

#[test]
fn a_full_disk_and_a_read_only_disk() {
    for store in STORES {
        let mail = large_and_small();
        let (server, room) = (serve(Quirks::default(), &mail), Sandbox::new());
        let Some(disk) = SmallDisk::mount(room.work(), "size=256k") else { return };
        run(fetch(&room, &server, store)).expect(73);
        all_whole(store, &room.work(), &mail);
        disk.again("ro,size=4m");
        run(fetch(&room, &server, store)).expect(73);
        nobody_quit(&server);
        disk.again("rw,size=4m");
        complete(store, true, &room, &server, &mail, "after a full disk");
    }
}

#[test]
fn a_read_only_state_folder() {
    let mail = maildrop(3, 1);
    let (server, room) = (serve(Quirks::default(), &mail), Sandbox::new());
    fs::write(room.path("state"), "a file").unwrap();
    let outcome = run(fetch(&room, &server, Store::Dir)).expect(73);
    assert!(outcome.stderr().contains("state"), "{}", outcome.stderr());
    assert!(server.log().is_empty(), "without a record, no connection is made");
    fs::remove_file(room.path("state")).unwrap();
    complete(Store::Dir, true, &room, &server, &mail, "with a state folder");
}

#[test]
fn a_folder_that_is_removed() {
    let mail = maildrop(40, 2);
    let room = Sandbox::new();
    let trap = Arc::new(Trap::default());
    let server = serve(trapped(&trap), &mail);
    let (reached, resume) = trap.arm(u64::MAX, mail.iter().map(Message::octets).sum::<u64>() / 2, true);
    let mut command = room.pop3(server.port());
    command.args(["fetch", "--dir", "mail", "--delete", "--commit"]).env("POP3_TLS", "none");
    let running = start(command, b"", false);
    reached.recv().unwrap();
    // Meanwhile the program may store what it has received.
    while let Err(error) = fs::remove_dir_all(room.work().join("mail")) {
        assert_eq!(error.kind(), io::ErrorKind::DirectoryNotEmpty);
    }
    drop(resume);
    running.finish().expect(73);
    nobody_quit(&server);
    assert_eq!(server.unique_ids("alice").len(), mail.len());
}

#[test]
fn signals() {
    for (store, signal) in STORES.into_iter().zip([Signal::INT, Signal::TERM, Signal::HUP]) {
        let mail = maildrop(40, 3);
        let room = Sandbox::new();
        let trap = Arc::new(Trap::default());
        let server = serve(trapped(&trap), &mail);
        let (reached, resume) = trap.arm(u64::MAX, mail.iter().map(Message::octets).sum::<u64>() / 2, true);
        let mut running = start(fetch(&room, &server, store), b"", false);
        reached.recv().unwrap();
        kill_process(Pid::from_child(&running.child), signal).unwrap();
        let ended = running.child.wait().unwrap();
        drop(resume);
        running.finish();
        server.hang_up();
        assert_eq!(ended.signal(), Some(signal.as_raw()), "{store:?}");
        assert!(!room.work().join("mail.lock").exists(), "the dot-lock outlives its holder");
        nobody_quit(&server);
        complete(store, true, &room, &server, &mail, "after a signal");
    }
}

fn trapped(trap: &Arc<Trap>) -> Quirks {
    let trap = Arc::clone(trap);
    Quirks { watch: Some(Arc::new(move |progress| trap.watch(progress))), ..Quirks::default() }
}

#[test]
fn two_at_once() {
    for round in 0..20 {
        let mail = maildrop(30, round);
        let (server, room) = (serve(Quirks::default(), &mail), Sandbox::new());
        let store = STORES[usize::try_from(round).unwrap() % STORES.len()];
        let without_deleting = || {
            let mut command = room.pop3(server.port());
            command.args(store.arguments(false)).env("POP3_TLS", "none");
            start(command, b"", false)
        };
        let [one, other] = [without_deleting(), without_deleting()];
        one.finish().expect(0);
        other.finish().expect(0);
        assert_eq!(store.stored(&room.work()), expected(&mail), "{store:?}, round {round}");
    }
}

#[test]
fn a_second_run_times_out() {
    let mail = maildrop(5, 4);
    let room = Sandbox::new();
    let trap = Arc::new(Trap::default());
    let server = serve(trapped(&trap), &mail);
    let (reached, resume) = trap.arm(4, u64::MAX, true);
    let first = start(fetch(&room, &server, Store::Dir), b"", false);
    reached.recv().unwrap();
    let mut second = fetch(&room, &server, Store::Dir);
    second.args(["--timeout", "0.2", "--json"]);
    let outcome = run(second).expect(75);
    assert!(outcome.stderr().contains("\"temporary\""), "{}", outcome.stderr());
    // Other subcommands only read the record, and do not wait.
    let mut status = room.pop3(server.port());
    status.args(["uidl", "--host", "127.0.0.1", "--wait", "0"]).env("POP3_TLS", "none");
    run(status).expect(75);
    drop(resume);
    first.finish().expect(0);
    assert_eq!(Store::Dir.stored(&room.work()), expected(&mail));
}

#[test]
fn a_damaged_record_is_an_error() {
    let mail = maildrop(3, 5);
    let (server, room) = (serve(Quirks::default(), &mail), Sandbox::new());
    run(room.pop3(server.port()).args(Store::Dir.arguments(false)).env("POP3_TLS", "none").take()).expect(0);
    let record = fs::read_dir(room.state())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "record"))
        .unwrap();
    let sound = fs::read(&record).unwrap();
    let mut flipped = sound.clone();
    flipped[sound.len() / 2] ^= 1;
    for damaged in [&b""[..], b"something else\n", &flipped] {
        fs::write(&record, damaged).unwrap();
        for arguments in [&["fetch"][..], &["status"], &["headers"]] {
            let mut command = room.pop3(server.port());
            let outcome = run(command.args(arguments).env("POP3_TLS", "none").take()).expect(73);
            let said = outcome.stderr();
            assert!(said.contains(".record") && said.contains("move it away"), "{said}");
        }
    }
    // A record that is truncated, also at the end of a line.
    let lines: Vec<_> = sound.split_inclusive(|&octet| octet == b'\n').collect();
    for cut in [sound[..sound.len() - 5].to_vec(), lines[..lines.len() - 1].concat(), lines[0].to_vec()] {
        fs::write(&record, &cut).unwrap();
        run(room.pop3(server.port()).args(["fetch"]).env("POP3_TLS", "none").take()).expect(73);
        assert_eq!(fs::read(&record).unwrap(), cut);
    }
    // A record that was torn after its synced part by a power cut is repaired with a warning.
    fs::write(&record, [&sound, &b"done uid"[..]].concat()).unwrap();
    let mended = run(room.pop3(server.port()).args(["fetch"]).env("POP3_TLS", "none").take()).expect(0);
    assert!(mended.stderr().contains("was incomplete"), "{}", mended.stderr());
    assert_eq!(Store::Dir.stored(&room.work()), expected(&mail));
}

/// If the server refuses `NOOP` while a slow command handles a message, the session continues.
#[test]
fn a_refused_noop_during_a_slow_command() {
    let mail = maildrop(2, 6);
    let (server, room) = (serve(Quirks { noop: false, ..Quirks::default() }, &mail), Sandbox::new());
    let script = "sh -c 'mkdir -p mail; cat > mail/$POP3_NUMBER.eml; until test -e go; do sleep 0.01; done'";
    let mut command = room.pop3(server.port());
    // `NOOP` is sent after a third of the timeout.
    command.args(["fetch", "--pipe", script, "--delete", "--commit", "--timeout", "3"]);
    command.env("POP3_TLS", "none");
    let running = start(command, b"", false);
    let started = Instant::now();
    while !server.log().iter().flatten().any(|command| command == "NOOP") {
        assert!(started.elapsed() < LONGEST_RUN, "no NOOP");
        thread::sleep(Duration::from_millis(5));
    }
    fs::write(room.work().join("go"), "").unwrap();
    running.finish().expect(0);
    assert_eq!(Store::Pipe.stored(&room.work()), expected(&mail));
    assert!(server.unique_ids("alice").is_empty());
}

/// Turns a command that was built in one expression into a value.
trait Take {
    fn take(&mut self) -> Command;
}

impl Take for Command {
    fn take(&mut self) -> Command {
        std::mem::replace(self, Command::new("true"))
    }
}
