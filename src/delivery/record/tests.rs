//! The record through what befalls it: power cuts, damage, two processes, runs that were killed.

use std::{fs, path::Path, time::Duration};

use crate::delivery::mbox::locked as mbox;

use super::{
    journal::{Append, Entry, Message},
    *,
};

const NOW: Duration = Duration::ZERO;

fn open(dir: &Path) -> Record {
    Record::open(dir, "alice", "pop.example.org", NOW).unwrap()
}

fn read(dir: &Path) -> Record {
    Record::read(dir, "alice", "pop.example.org").unwrap()
}

fn message(unique_id: &str) -> Message<'_> {
    Message { unique_id: unique_id.as_bytes(), occurrence: 0, time: 1_795_341_600, delete: false }
}

fn done(unique_id: &str) -> Entry<'_> {
    Entry::Done { message: message(unique_id), place: b"-" }
}

/// A record of these messages, each of its own batch; gives back the journal's path.
fn recorded(dir: &Path, unique_ids: &[&str]) -> PathBuf {
    let mut record = open(dir);
    for unique_id in unique_ids {
        record.append(&[done(unique_id)], true).unwrap();
    }
    record.path.clone()
}

fn known(record: &Record, unique_ids: &[&str]) -> Vec<bool> {
    unique_ids.iter().map(|unique_id| record.fetched(unique_id.as_bytes(), 0).is_some()).collect()
}

#[track_caller]
fn refused(dir: &Path, text: &str) {
    for opened in
        [Record::open(dir, "alice", "pop.example.org", NOW), Record::read(dir, "alice", "pop.example.org")]
    {
        let failure = opened.err().unwrap();
        assert_eq!(failure.kind(), ErrorKind::Output);
        assert!(
            failure.message().contains(text) && failure.message().contains(".record"),
            "{}",
            failure.message()
        );
    }
}

#[test]
fn remembers() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("deep/state");
    assert_eq!(read(&state).len(), 0);
    assert!(!state.exists(), "reading makes nothing");
    let unique_id = b"\xff %\n";
    let word = escape(unique_id);
    let mut record = open(&state);
    let flagged = Message { delete: true, occurrence: 1, ..message("x") };
    record
        .append(&[Entry::Done { message: Message { unique_id: &word, ..flagged }, place: b"-" }], true)
        .unwrap();
    drop(record);
    for record in [read(&state), open(&state)] {
        assert_eq!(record.fetched(unique_id, 0), None);
        assert_eq!(
            record.fetched(unique_id, 1),
            Some(Fetched { time: 1_795_341_600, pending_deletion: true })
        );
    }
    let other = Record::open(&state, "bob", "pop.example.org", NOW).unwrap();
    assert_eq!(other.len(), 0);
    let same = Record::read(&state, "alice", "POP.example.ORG").unwrap();
    assert_eq!(same.len(), 1);
}

#[cfg(unix)]
#[test]
fn is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("a/b");
    recorded(&state, &["x"]);
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&dir.path().join("a")), mode(&state)), (0o700, 0o700));
    for entry in fs::read_dir(&state).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
}

#[test]
fn one_writer_and_any_readers() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path());
    let failure =
        Record::open(dir.path(), "alice", "pop.example.org", Duration::from_millis(50)).err().unwrap();
    assert_eq!(failure.kind(), ErrorKind::Busy);
    assert_eq!(read(dir.path()).len(), 0);
    let other = std::thread::spawn({
        let dir = dir.path().to_path_buf();
        move || Record::open(&dir, "alice", "pop.example.org", Duration::from_secs(20)).is_ok()
    });
    std::thread::sleep(Duration::from_millis(30));
    drop(first);
    assert!(other.join().unwrap());
}

#[test]
fn a_torn_end_is_mended() {
    let dir = tempfile::tempdir().unwrap();
    let path = recorded(dir.path(), &["a", "b", "c"]);
    let whole = fs::read(&path).unwrap();
    let last = whole[..whole.len() - 1].iter().rposition(|&octet| octet == b'\n').unwrap() + 1;
    for cut in last..whole.len() {
        for tail in [&b""[..], b"\0\0\0", b"\0\0 1a2b3c4d\n", &[0; 5000]] {
            if cut == last && tail.is_empty() {
                continue;
            }
            fs::write(&path, [&whole[..cut], tail].concat()).unwrap();
            assert_eq!(known(&read(dir.path()), &["a", "b", "c"]), [true, true, false]);
            let mut record = open(dir.path());
            assert_eq!(known(&record, &["a", "b", "c"]), [true, true, false]);
            record.append(&[done("d")], true).unwrap();
            drop(record);
            assert_eq!(known(&read(dir.path()), &["a", "b", "c", "d"]), [true, true, false, true]);
        }
    }
    // An end that was being written, of any kind.
    fs::write(&path, [&whole, &b"garbage"[..]].concat()).unwrap();
    assert_eq!(known(&open(dir.path()), &["a", "b", "c"]), [true; 3]);
    assert_eq!(fs::read(&path).unwrap(), whole);
}

/// Lines whose checksums are right and that this program would never write: no overflow, no loop to the end of numbers.
#[test]
fn journals_made_by_hand_do_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let path = recorded(dir.path(), &["a"]);
    let whole = fs::read(&path).unwrap();
    let written = |body: &str| {
        let line = format!("{body} {:08x}\n", crc32fast::hash(body.as_bytes()));
        fs::write(&path, [&whole, line.as_bytes()].concat()).unwrap();
    };
    let last = u64::MAX;
    written("2 deleted a 0 4294967295");
    refused(dir.path(), "is damaged in line 3");
    written("2 done a 4294967295 1795341600 - -");
    refused(dir.path(), "is damaged in line 3");
    written(&format!("{last} done b 0 {last} - -"));
    let mut record = open(dir.path());
    record.append(&[done("c")], true).unwrap();
    record.append(&[done("d")], true).unwrap();
    drop(record);
    assert_eq!(known(&open(dir.path()), &["a", "b", "c", "d"]), [true; 4]);
    let sound = fs::read(&path).unwrap();
    fs::write(&path, [&sound, &b"\0\0\n"[..], &sound[whole.len()..]].concat()).unwrap();
    assert_eq!(known(&open(dir.path()), &["a", "b", "c", "d"]), [true; 4]);
    let mbox = dir.path().join("box");
    fs::write(&mbox, "From x\n\n").unwrap();
    let place = String::from_utf8(escape(mbox.as_os_str().as_encoded_bytes()).into_owned()).unwrap();
    let append = format!("2 append {place} {last} {last} {last} 0 %");
    let part = "2 part e 0 1795341600 -".to_owned();
    let lines = [append, part].map(|body| format!("{body} {:08x}\n", crc32fast::hash(body.as_bytes())));
    fs::write(&path, [&whole[..], lines.concat().as_bytes()].concat()).unwrap();
    drop(Record::open(dir.path(), "alice", "pop.example.org", NOW));
    assert_eq!(fs::read(&mbox).unwrap(), b"From x\n\n");
}

#[test]
fn blocks_of_the_last_batch_may_be_missing() {
    let dir = tempfile::tempdir().unwrap();
    let path = recorded(dir.path(), &["a"]);
    let mut record = open(dir.path());
    record.append(&[done("b"), done("c"), done("d")], true).unwrap();
    drop(record);
    let whole = fs::read_to_string(&path).unwrap();
    let at = whole.find(" done c").unwrap();
    let mut holed = whole.clone().into_bytes();
    holed[at..at + 5].fill(0);
    fs::write(&path, &holed).unwrap();
    assert_eq!(known(&open(dir.path()), &["a", "b", "c", "d"]), [true, true, false, false]);
    // The same hole with a synced batch behind it is damage.
    fs::write(&path, &whole).unwrap();
    let mut record = open(dir.path());
    record.append(&[done("e")], true).unwrap();
    drop(record);
    let mut holed = fs::read(&path).unwrap();
    holed[at..at + 5].fill(0);
    fs::write(&path, &holed).unwrap();
    refused(dir.path(), "is damaged in line 4");
}

#[test]
fn any_other_damage_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = recorded(dir.path(), &["a", "b", "c"]);
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&path, &damaged).unwrap();
        // A last line without its end is what a power cut leaves.
        if at + 1 < whole.len() {
            refused(dir.path(), if at < 42 { "is damaged in line 1" } else { "is damaged in line" });
        }
        assert!(at + 1 == whole.len() || fs::read(&path).unwrap() == damaged, "nothing is changed");
    }
    fs::write(&path, b"").unwrap();
    refused(dir.path(), "move it away");
    fs::write(&path, [0; 4096]).unwrap();
    refused(dir.path(), "is damaged in line 1");
    fs::write(&path, &whole[..20]).unwrap();
    refused(dir.path(), "is damaged in line 1");
    fs::copy(recorded(dir.path().join("other").as_path(), &[]), &path).unwrap();
    assert_eq!(open(dir.path()).len(), 0);
    let bob = Record::open(dir.path(), "bob", "pop.example.org", NOW).unwrap().path.clone();
    fs::copy(bob, &path).unwrap();
    refused(dir.path(), "of another account");
}

#[test]
fn what_the_server_does_not_list_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let path = recorded(dir.path(), &["a", "b", "c"]);
    let listed = [(&b"a"[..], 0), (b"c", 0), (b"unknown", 0)].into_iter();
    open(dir.path()).finish([], [].into_iter()).unwrap();
    assert_eq!(read(dir.path()).len(), 3, "an empty maildrop makes nothing forgotten");
    open(dir.path()).finish([], listed.clone()).unwrap();
    let record = open(dir.path());
    assert_eq!(known(&record, &["a", "b", "c"]), [true, false, true]);
    drop(record);
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 3);
    // Nothing to forget: not written anew.
    let before = fs::read(&path).unwrap();
    open(dir.path()).finish([], listed.clone()).unwrap();
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn what_a_run_adds_is_not_forgotten_with_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    recorded(dir.path(), &["a", "b"]);
    let mut record = open(dir.path());
    record.append([done("c"), done("d")], true).unwrap();
    let path = record.path.clone();
    record.finish([], [(&b"a"[..], 0), (b"c", 0)].into_iter()).unwrap();
    assert_eq!(fs::read_to_string(path).unwrap().lines().count(), 3, "written anew");
    assert_eq!(known(&read(dir.path()), &["a", "b", "c", "d"]), [true, false, true, false]);
}

#[test]
fn deletions_are_pending_until_confirmed() {
    let dir = tempfile::tempdir().unwrap();
    let flagged =
        |unique_id| Entry::Done { message: Message { delete: true, ..message(unique_id) }, place: b"-" };
    let mut record = open(dir.path());
    record.append(&[flagged("a"), flagged("b")], true).unwrap();
    record.finish([(&b"a"[..], 0)], [(&b"a"[..], 0), (b"b", 0)].into_iter()).unwrap();
    let record = read(dir.path());
    let pending = |unique_id| record.fetched(unique_id, 0).unwrap().pending_deletion;
    assert_eq!((pending(b"a"), pending(b"b")), (false, true));
}

#[test]
fn occurrences_of_one_unique_id_move_up() {
    let dir = tempfile::tempdir().unwrap();
    let at =
        |occurrence, time| Entry::Done { message: Message { occurrence, time, ..message("a") }, place: b"-" };
    let mut record = open(dir.path());
    // Fetched once more with `--all`: still one message.
    record.append(&[at(0, 5), at(0, 7), at(2, 9)], true).unwrap();
    assert_eq!(read(dir.path()).len(), 2);
    record.finish([(&b"a"[..], 0)], [(&b"a"[..], 0), (b"a", 1), (b"a", 2), (b"b", 0)].into_iter()).unwrap();
    for compacted in [false, true] {
        let record = open(dir.path());
        let time = |occurrence| record.fetched(b"a", occurrence).map(|fetched| fetched.time);
        // The second, never fetched, is the first now; the third is the second.
        assert_eq!((time(0), time(1), time(2)), (None, Some(9), None), "compacted: {compacted}");
        record.finish([], [(&b"a"[..], 1)].into_iter()).unwrap();
    }
}

#[test]
fn a_long_journal_is_shortened() {
    let dir = tempfile::tempdir().unwrap();
    let unique_ids: Vec<_> = (0..1000).map(|number| format!("uid-{number}")).collect();
    let mut record = open(dir.path());
    let entries: Vec<_> = unique_ids.iter().map(|unique_id| done(unique_id)).collect();
    // Fetched with `--all` again and again.
    for _ in 0..3 {
        record.append(&entries, true).unwrap();
        drop(record);
        record = open(dir.path());
    }
    record.append(&entries, false).unwrap();
    let path = record.path.clone();
    record.finish([], unique_ids.iter().map(|unique_id| (unique_id.as_bytes(), 0))).unwrap();
    assert_eq!(fs::read_to_string(path).unwrap().lines().count(), 1001);
    assert_eq!(read(dir.path()).len(), 1000);
}

/// A run was killed between announcing two messages and recording them as done.
fn killed(state: &Path, mail: &Path) -> [PathBuf; 4] {
    let paths = ["a.tmp", "a.eml", "b.tmp", "b.eml"].map(|name| mail.join(name));
    let [first, first_name, second, second_name] = paths.clone();
    let mut record = open(state);
    let one = Entry::File { message: message("a"), temporary: first.into(), name: first_name.into() };
    let other = Entry::File { message: message("b"), temporary: second.into(), name: second_name.into() };
    record.append(&[one, other], true).unwrap();
    paths
}

#[test]
fn files_are_settled() {
    for (temporary, name, stored) in [
        (None, None, None),
        (Some("new"), None, Some("b.eml")),
        (None, Some("new"), Some("b.eml")),
        (Some("new"), Some("new"), Some("b.eml")),
        (Some("new"), Some("foreign"), Some("b-2.eml")),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (state, mail) = (dir.path().join("state"), dir.path().join("mail"));
        fs::create_dir(&mail).unwrap();
        let [first, _, second, second_name] = killed(&state, &mail);
        fs::write(&first, "first").unwrap();
        for (path, content) in [(&second, temporary), (&second_name, name)] {
            if let Some(content) = content {
                fs::write(path, content).unwrap();
            }
        }
        assert_eq!(known(&read(&state), &["a", "b"]), [true, stored.is_some()]);
        assert!(first.exists(), "reading settles nothing");
        for _ in 0..2 {
            assert_eq!(known(&open(&state), &["a", "b"]), [true, stored.is_some()]);
            assert!(!first.exists() && !second.exists());
            if let Some(stored) = stored {
                assert_eq!(fs::read_to_string(mail.join(stored)).unwrap(), "new");
            }
            if let Some(name) = name {
                assert_eq!(fs::read_to_string(&second_name).unwrap(), name);
            }
        }
        // Settled once and for all: what happens to the files later means nothing.
        fs::remove_dir_all(&mail).unwrap();
        assert_eq!(known(&read(&state), &["a", "b"]), [true, stored.is_some()]);
    }
}

/// Windows has no `:` in names.
#[cfg(unix)]
#[test]
fn what_a_mail_reader_moved_is_found() {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["tmp", "new", "cur"] {
        fs::create_dir(dir.path().join(folder)).unwrap();
    }
    let mut record = open(dir.path());
    let [temporary, name] = ["tmp/1.M2.host", "new/1.M2.host"].map(|name| dir.path().join(name));
    record
        .append(
            &[Entry::File { message: message("a"), temporary: temporary.into(), name: name.into() }],
            true,
        )
        .unwrap();
    drop(record);
    fs::write(dir.path().join("cur/1.M2.host7:2,S"), "another's").unwrap();
    assert_eq!(known(&read(dir.path()), &["a"]), [false]);
    fs::write(dir.path().join("cur/1.M2.host:2,S"), "mine").unwrap();
    assert_eq!(known(&read(dir.path()), &["a"]), [true]);
    assert_eq!(known(&open(dir.path()), &["a"]), [true]);
}

#[test]
fn a_group_is_in_the_mbox_whole_or_cut_off() {
    const OLD: &str = "From x y\nold\n\n";
    const GROUP: &str = "From MAILER-DAEMON now\na\n\nFrom MAILER-DAEMON now\nb\n\n";
    for (behind, stored, left) in [
        (GROUP.to_owned(), true, GROUP),
        (
            format!("{GROUP}From foreign\n"),
            true,
            "From MAILER-DAEMON now\na\n\nFrom MAILER-DAEMON now\nb\n\nFrom foreign\n",
        ),
        (String::new(), false, ""),
        (GROUP[..5].to_owned(), false, ""),
        (GROUP[..30].to_owned(), false, ""),
        (GROUP[..GROUP.len() - 1].to_owned(), false, ""),
        ("\0".repeat(20), false, ""),
        (format!("{}From f\n", &GROUP[..26]), false, "From MAILER-DAEMON now\na\n\nFrom f\n"),
        ("From f\n".to_owned(), false, "From f\n"),
        (
            GROUP.replace("\na\n", "\nA line that is longer\n"),
            false,
            "From MAILER-DAEMON now\nA line that is longer\n\nFrom MAILER-DAEMON now\nb\n\n",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let mbox = dir.path().join("mbox");
        let append = Append {
            mbox: mbox.clone(),
            offset: OLD.len() as u64,
            padding: 0,
            octets: GROUP.len() as u64,
            checksum: crc32fast::hash(GROUP.as_bytes()),
            from: b"From MAILER-DAEMON now".to_vec(),
        };
        let mut record = open(dir.path());
        let part = |unique_id| Entry::Part(message(unique_id));
        record.append(&[Entry::Append(append), part("a"), part("b")], true).unwrap();
        drop(record);
        fs::write(&mbox, format!("{OLD}{behind}")).unwrap();
        // Its holder is dead.
        if cfg!(unix) {
            fs::write(dir.path().join("mbox.lock"), "99999999\n").unwrap();
        }
        assert_eq!(known(&read(dir.path()), &["a", "b"]), [stored; 2], "{behind:?}");
        assert_eq!(known(&open(dir.path()), &["a", "b"]), [stored; 2], "{behind:?}");
        assert_eq!(fs::read_to_string(&mbox).unwrap(), format!("{OLD}{left}"));
        assert!(!dir.path().join("mbox.lock").exists());
        fs::remove_file(&mbox).unwrap();
        assert_eq!(known(&open(dir.path()), &["a", "b"]), [stored; 2], "{behind:?}");
    }
}

#[test]
fn a_mbox_in_use_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mbox");
    let held = mbox::Mbox::lock(&path, true, NOW).unwrap().unwrap();
    let failure = mbox::Mbox::lock(&path, true, Duration::from_millis(60)).err().unwrap();
    assert_eq!(failure.kind(), ErrorKind::Busy);
    assert!(failure.message().contains("mbox.lock"), "{}", failure.message());
    drop(held);
    assert!(mbox::Mbox::lock(&path, true, NOW).unwrap().is_some());
    // What a run left that was killed while it locked.
    let left = dir.path().join("mbox.lock.99999999");
    fs::write(&left, "").unwrap();
    fs::write(dir.path().join("mbox.lock"), "99999999\n").unwrap();
    mbox::sweep(&path).unwrap();
    assert!(cfg!(not(unix)) || fs::read_dir(dir.path()).unwrap().count() == 1);
    // Old enough to be nobody's, whatever it says.
    let lock = fs::File::create(dir.path().join("mbox.lock")).unwrap();
    assert!(mbox::Mbox::lock(&path, true, NOW).is_err());
    lock.set_modified(std::time::SystemTime::now() - Duration::from_secs(600)).unwrap();
    drop(lock);
    assert!(mbox::Mbox::lock(&path, true, NOW).unwrap().is_some());
}

#[test]
fn opens_a_hundred_thousand_messages_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut record = open(dir.path());
    let unique_ids: Vec<_> = (0..100_000).map(|number| format!("{number:016x}{number:016x}")).collect();
    let place = b"/home/alice/Maildir/new/1795341600.M123456P7Q8R0123456789abcdef.host.example.org";
    let entries: Vec<_> =
        unique_ids.iter().map(|unique_id| Entry::Done { message: message(unique_id), place }).collect();
    record.append(&entries, true).unwrap();
    drop(record);
    let start = std::time::Instant::now();
    let record = read(dir.path());
    let opened = start.elapsed();
    assert_eq!(record.len(), 100_000);
    // A debug build on a busy machine is many times slower than what ships.
    assert!(opened < Duration::from_secs(5), "{opened:?}");
    println!("opened in {opened:?}");
}
