//! Tests the record after power failures, after damage, with two processes, and after killed runs.

mod damage;
mod unfinished;

use std::{fs, path::Path, time::Duration};

use sha2::Digest as _;

use super::{
    journal::{Append, Content, FileContent},
    *,
};
use crate::delivery::mbox::{Mbox, recover};

const NOW: Duration = Duration::ZERO;

fn open_as(dir: &Path, user: &str) -> Result<Record, Error> {
    Record::lock(dir, user, "pop.example.org", 995, Duration::from_secs(20))?.open(None)
}

fn open(dir: &Path) -> Record {
    open_as(dir, "alice").unwrap()
}

fn try_read(dir: &Path) -> Result<Record, Error> {
    Record::read(dir, "alice", "pop.example.org", 995)
}

fn read(dir: &Path) -> Record {
    try_read(dir).unwrap()
}

fn list(dir: &Path) -> Vec<Remembered> {
    let mut rows = Vec::new();
    Record::list(dir, "alice", "pop.example.org", 995, |row| {
        rows.push(row);
        std::ops::ControlFlow::Continue(())
    })
    .unwrap();
    rows
}

fn batch(messages: &[(&str, Option<u64>)]) -> import::Batch {
    let mut batch = import::Batch::default();
    for (unique_id, time) in messages {
        assert!(batch.push(import::Seen { unique_id: unique_id.as_bytes(), time: *time }, 2_000_000_000));
    }
    batch
}

#[test]
fn imported_messages_are_known_and_sorted_in() {
    let dir = tempfile::tempdir().unwrap();
    recorded(dir.path(), &["a", "b"]);
    let messages = [("z", None), ("b", Some(5)), ("y", Some(7)), ("x", Some(6)), ("x", Some(9))];
    let import = || open(dir.path()).import(import::Tool::Mpop, batch(&messages)).unwrap();
    assert_eq!(import(), Imported { new: 3, known: 1 });
    let text = fs::read(open(dir.path()).path()).unwrap();
    assert_eq!(import(), Imported { new: 0, known: 4 });
    assert_eq!(fs::read(open(dir.path()).path()).unwrap(), text, "importing again changes nothing");
    let rows: Vec<_> = list(dir.path())
        .into_iter()
        .map(|row| {
            (String::from_utf8(row.unique_id).unwrap(), row.time, String::from_utf8(row.place).unwrap())
        })
        .collect();
    let row = |unique_id: &str, time, place: &str| (unique_id.to_owned(), time, place.to_owned());
    assert_eq!(
        rows,
        [
            row("x", 6, "imported:mpop"),
            row("y", 7, "imported:mpop"),
            row("a", 1_795_341_600, "-"),
            row("b", 1_795_341_600, "-"),
            row("z", 2_000_000_000, "imported:mpop"),
        ]
    );
    let record = read(dir.path());
    let proof = |unique_id| record.fetched(unique_id, 0, None).unwrap().stored;
    assert!(proof(b"b") && !proof(b"x"), "what was stored here keeps its proof");
}

#[test]
fn hyphens_of_getmail_may_be_slashes() {
    let dir = tempfile::tempdir().unwrap();
    let imported = open(dir.path())
        .import(
            import::Tool::Getmail,
            batch(&[("a-b-c", Some(1)), ("plain", Some(2)), ("d/e", None), ("d-e", None)]),
        )
        .unwrap();
    assert_eq!(imported, Imported { new: 4, known: 0 });
    assert_eq!(
        known(&read(dir.path()), &["a-b-c", "a/b/c", "plain", "d/e", "d-e", "a/b-c"]),
        [true, true, true, true, true, false]
    );
    let imported = open(dir.path()).import(import::Tool::Mpop, batch(&[("f-g", None)])).unwrap();
    assert_eq!(imported.new, 1);
    assert_eq!(known(&read(dir.path()), &["f-g", "f/g"]), [true, false]);
}

#[test]
fn forgotten_messages_can_be_imported() {
    let dir = tempfile::tempdir().unwrap();
    recorded(dir.path(), &["a", "b"]);
    assert_eq!(open(dir.path()).forget(|unique_id, _| unique_id == b"a").unwrap(), 1);
    assert_eq!(open(dir.path()).forget(|unique_id, _| unique_id == b"a").unwrap(), 0);
    assert_eq!(known(&read(dir.path()), &["a", "b"]), [false, true]);
    open(dir.path()).import(import::Tool::Fetchmail, batch(&[("a", Some(1))])).unwrap();
    assert_eq!(known(&read(dir.path()), &["a", "b"]), [true, true]);
    assert_eq!(open(dir.path()).forget(|_, time| time > 1).unwrap(), 1);
    assert_eq!(known(&read(dir.path()), &["a", "b"]), [true, false]);
}

#[test]
fn the_list_follows_later_entries() {
    let dir = tempfile::tempdir().unwrap();
    let mut record = open(dir.path());
    let at = |unique_id, occurrence, time| Entry::Done {
        message: Message { occurrence, time, ..message(unique_id) },
        place: b"-",
    };
    let deleted = |unique_id: &'static str, occurrence, of| Entry::Deleted {
        unique_id: unique_id.as_bytes(),
        occurrence,
        of,
    };
    let entries = [
        at("a", 0, 5),
        at("twice", 0, 6),
        at("twice", 1, 7),
        at("b", 0, 8),
        deleted("twice", 0, 2),
        deleted("b", 0, 1),
        at("a", 0, 9),
        Entry::Forgotten { unique_id: b"none", occurrence: 0 },
        at("late", 0, 3),
    ];
    record.append(&entries, true).unwrap();
    let rows: Vec<_> = list(dir.path())
        .into_iter()
        .map(|row| (String::from_utf8(row.unique_id).unwrap(), row.time, row.deleted))
        .collect();
    let row = |unique_id: &str, time, deleted| (unique_id.to_owned(), time, deleted);
    let expected = [row("late", 3, false), row("twice", 7, false), row("b", 8, true), row("a", 9, false)];
    assert_eq!(rows, expected);
}

fn content(octets: &[u8]) -> Content {
    Content { octets: octets.len() as u64, sha256: sha2::Sha256::digest(octets).into() }
}

fn message(unique_id: &str) -> Message<'_> {
    Message {
        unique_id: unique_id.as_bytes(),
        occurrence: 0,
        time: 1_795_341_600,
        deletion: Deletion::No,
        listed: Some(4),
        content: Some(content(b"mail")),
        header: Some([7; 32]),
    }
}

fn done(unique_id: &str) -> Entry<'_> {
    Entry::Done { message: message(unique_id), place: b"-" }
}

/// Writes a record of these messages, with a sync after each, and returns the path of the journal.
fn recorded(dir: &Path, unique_ids: &[&str]) -> PathBuf {
    let mut record = open(dir);
    for unique_id in unique_ids {
        record.append(&[done(unique_id)], true).unwrap();
    }
    record.path.clone()
}

fn known(record: &Record, unique_ids: &[&str]) -> Vec<bool> {
    unique_ids.iter().map(|unique_id| record.knows(unique_id.as_bytes(), 0)).collect()
}

#[track_caller]
fn refused(dir: &Path, text: &str) {
    for opened in [open_as(dir, "alice"), try_read(dir)] {
        let error = opened.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Output);
        assert!(error.message().contains(text) && error.message().contains(".record"), "{}", error.message());
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
    let flagged = Message { unique_id: &word, deletion: Deletion::Pending, occurrence: 1, ..message("x") };
    record.append(&[Entry::Done { message: flagged, place: b"-" }], true).unwrap();
    drop(record);
    for record in [read(&state), open(&state)] {
        assert_eq!(record.fetched(unique_id, 0, None), None);
        let fetched = Fetched { time: 1_795_341_600, pending_deletion: true, gone: false, stored: true };
        assert_eq!(record.fetched(unique_id, 1, None), Some(fetched));
        assert_eq!(record.fetched(unique_id, 1, Some(4)), Some(fetched));
        assert_eq!(record.fetched(unique_id, 1, Some(5)), None, "other octets are another message");
    }
    assert_eq!(open_as(&state, "bob").unwrap().len(), 0);
    assert_eq!(Record::read(&state, "alice", "POP.example.ORG", 995).unwrap().len(), 1);
    assert_eq!(Record::read(&state, "alice", "pop.example.org", 1995).unwrap().len(), 0);
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
    let lock = |wait| Record::lock(dir.path(), "alice", "pop.example.org", 995, wait);
    assert_eq!(lock(Duration::from_millis(50)).err().unwrap().kind(), ErrorKind::Busy);
    assert_eq!(read(dir.path()).len(), 0);
    let other = std::thread::spawn({
        let dir = dir.path().to_path_buf();
        move || Record::lock(&dir, "alice", "pop.example.org", 995, Duration::from_secs(20)).is_ok()
    });
    std::thread::sleep(Duration::from_millis(30));
    drop(first);
    assert!(other.join().unwrap());
}

#[cfg(unix)]
#[test]
fn planted_links_are_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let path = recorded(dir.path(), &["a"]);
    let victim = dir.path().join("victim");
    for planted in [path.with_extension("lock"), path] {
        fs::rename(&planted, &victim).unwrap();
        let before = fs::read(&victim).unwrap();
        std::os::unix::fs::symlink(&victim, &planted).unwrap();
        assert_eq!(open_as(dir.path(), "alice").err().unwrap().kind(), ErrorKind::Output);
        assert_eq!(fs::read(&victim).unwrap(), before);
        fs::rename(&victim, &planted).unwrap();
    }
}

const DAY: u64 = 24 * 60 * 60;

#[test]
fn absent_messages_are_forgotten_by_age() {
    let dir = tempfile::tempdir().unwrap();
    recorded(dir.path(), &["a", "b", "c"]);
    let start = 1_795_341_600;
    let session = |day: u64, listed: &[&str]| {
        let mut record = open(dir.path());
        let listed: Vec<_> = listed.iter().map(|unique_id| (unique_id.as_bytes(), 0)).collect();
        record.finish([], listed.clone(), listed.into_iter(), start + day * DAY).unwrap();
        known(&read(dir.path()), &["a", "b", "c"])
    };
    assert_eq!(session(0, &["a", "b", "c"]), [true; 3]);
    for day in [1, 2, 3, 4] {
        assert_eq!(session(day, &["a", "c"]), [true; 3], "absent for days");
    }
    assert_eq!(session(60, &[]), [true; 3], "an empty maildrop makes nothing forgotten");
    assert_eq!(session(61, &["a", "b"]), [true; 3], "it was there again");
    assert_eq!(session(62, &["a"]), [true; 3]);
    assert_eq!(session(100, &["a"]), [true; 3], "weeks, but in few sessions");
    for day in [101, 102] {
        assert_eq!(session(day, &["a"]), [true; 3]);
    }
    assert!(session(103, &["a"])[0]);
    assert_eq!(session(104, &["a"]), [true, false, false]);
}

/// After an absence, a message may be another one with the same unique-id: it stays doubtful until it is compared.
#[test]
fn only_a_comparison_clears_the_note_of_absence() {
    let dir = tempfile::tempdir().unwrap();
    recorded(dir.path(), &["a"]);
    let skipped =
        Foreign { unique_id: b"skipped", occurrence: 0, time: 5, octets: Some(9), place: "skipped" };
    open(dir.path()).remember([skipped]).unwrap();
    let session = |day: u64, verified: &[&str], listed: &[&str]| {
        let verified: Vec<_> = verified.iter().map(|unique_id| (unique_id.as_bytes(), 0)).collect();
        let listed: Vec<_> = listed.iter().map(|unique_id| (unique_id.as_bytes(), 0)).collect();
        open(dir.path()).finish([], verified, listed.into_iter(), 1_795_341_600 + day * DAY).unwrap();
        ["a", "skipped"].map(|unique_id| {
            read(dir.path()).fetched(unique_id.as_bytes(), 0, None).map(|fetched| fetched.gone)
        })
    };
    assert_eq!(session(0, &[], &["a", "skipped"]), [Some(false), Some(false)]);
    assert_eq!(session(1, &[], &["b"]), [Some(true), Some(true)]);
    // The record of the skipped message contains nothing to compare.
    assert_eq!(session(2, &[], &["a", "skipped"]), [Some(true), Some(false)]);
    for day in [20, 30, 31, 32, 33, 34, 35] {
        assert_eq!(session(day, &[], &["a", "skipped"]), [Some(true), Some(false)]);
    }
    assert_eq!(session(36, &[], &["b"]), [Some(true), Some(true)], "listed yesterday, so not forgotten");
    assert_eq!(session(37, &["a"], &["a"]), [Some(false), Some(true)]);
}

/// A server may list only some of its messages in one session.
#[test]
fn a_short_listing_makes_nothing_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let unique_ids: Vec<_> = (0..100).map(|number| format!("uid-{number}")).collect();
    let mut record = open(dir.path());
    record.append(unique_ids.iter().map(|unique_id| done(unique_id)), true).unwrap();
    record.finish([], [], [(&b"uid-3"[..], 0)].into_iter(), 1_795_341_600).unwrap();
    assert_eq!(read(dir.path()).len(), 100);
}

#[test]
fn a_record_of_an_earlier_version_is_taken_over_for_the_default_ports() {
    let dir = tempfile::tempdir().unwrap();
    let line = |body: &str| format!("{body} {:08x}\n", crc32fast::hash(body.as_bytes()));
    let lines = [
        "pop3-record 1 alice pop.example.org",
        "1 file a 0 1795341600 - /x.tmp /x.eml",
        "2 done a 0 1795341600 - /x.eml",
        "2 done b 0 1795341601 delete /y.eml",
        "3 file c 0 1795341602 - /z.tmp /z.eml",
    ];
    let text: String = lines.into_iter().map(line).collect();
    let stem = version1::file_stem("alice", "pop.example.org");
    let path = dir.path().join(format!("{stem}.record"));
    fs::write(&path, &text).unwrap();
    let states = |record: &Record| {
        assert_eq!(known(record, &["a", "b", "c"]), [true, true, false]);
        let fetched = record.fetched(b"b", 0, Some(7)).unwrap();
        assert!(fetched.pending_deletion && !fetched.stored, "nothing proves what it was");
        assert_eq!(record.identify(b"b", 0, Some(7), None), Identity::Unknown);
    };
    let other = || Record::read(dir.path(), "alice", "pop.example.org", 1995).unwrap();
    assert_eq!(other().len(), 0, "another port is another maildrop");
    states(&read(dir.path()));
    for _ in 0..2 {
        states(&open(dir.path()));
        states(&read(dir.path()));
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    drop(open(dir.path()));
    let places: Vec<_> = list(dir.path()).into_iter().map(|known| known.place).collect();
    assert_eq!(places, [b"/x.eml", b"/y.eml"]);
    fs::write(&path, "damaged\n").unwrap();
    assert_eq!(open(dir.path()).len(), 2, "it is taken over once");
    let error = Record::read(dir.path(), "alice", "pop.example.org", 110).err().unwrap();
    assert!(error.message().contains(&stem), "{error}");
}

#[test]
fn deletions_are_pending_until_confirmed() {
    let dir = tempfile::tempdir().unwrap();
    let pending = |unique_id| Message { deletion: Deletion::Pending, ..message(unique_id) };
    let entry = |unique_id| Entry::Done { message: pending(unique_id), place: b"-" };
    let mut record = open(dir.path());
    record.append(&[entry("a"), entry("b")], true).unwrap();
    record.finish([(&b"a"[..], 0)], [], [(&b"a"[..], 0), (b"b", 0)].into_iter(), 0).unwrap();
    drop(record);
    let record = read(dir.path());
    let state = |unique_id| {
        let fetched = record.fetched(unique_id, 0, None).unwrap();
        (fetched.pending_deletion, fetched.gone)
    };
    assert_eq!((state(b"a"), state(b"b")), ((false, true), (true, false)));
    let listed: Vec<_> = list(dir.path())
        .into_iter()
        .map(|known| (known.unique_id, known.deleted, known.pending_deletion))
        .collect();
    assert_eq!(listed, [(b"a".to_vec(), true, false), (b"b".to_vec(), false, true)]);
}

#[test]
fn occurrences_of_one_unique_id_move_up() {
    let dir = tempfile::tempdir().unwrap();
    let at = |occurrence, time| Message { occurrence, time, ..message("a") };
    let at = |occurrence, time| Entry::Done { message: at(occurrence, time), place: b"-" };
    let mut record = open(dir.path());
    // A message that is fetched again with `--all` still counts as one message.
    record.append(&[at(0, 5), at(0, 7), at(2, 9)], true).unwrap();
    assert_eq!(read(dir.path()).len(), 2);
    let listed = [(&b"a"[..], 0), (b"a", 1), (b"a", 2), (b"b", 0)];
    record.finish([(&b"a"[..], 0)], [], listed.into_iter(), 0).unwrap();
    drop(record);
    for compacted in [false, true] {
        let mut record = open(dir.path());
        let time =
            |record: &Record, occurrence| record.fetched(b"a", occurrence, None).map(|fetched| fetched.time);
        // The second message, which was never fetched, is now the first; the third is now the second.
        let times = [0, 1, 2].map(|occurrence| time(&record, occurrence));
        assert_eq!(times, [None, Some(9), None], "compacted: {compacted}");
        record.append((0..300).map(|_| Entry::Void { unique_id: b"x", occurrence: 0 }), true).unwrap();
        record.finish([], [], [(&b"a"[..], 1)].into_iter(), 0).unwrap();
        assert!(fs::read_to_string(&record.path).unwrap().lines().count() < 10, "written anew");
    }
}

#[test]
fn a_long_journal_is_shortened() {
    let dir = tempfile::tempdir().unwrap();
    let unique_ids: Vec<_> = (0..1000).map(|number| format!("uid-{number}")).collect();
    let mut record = open(dir.path());
    let nonce = record.nonce().unwrap().to_owned();
    // The message is fetched repeatedly with `--all`.
    for _ in 0..4 {
        let entries: Vec<_> = unique_ids.iter().map(|unique_id| done(unique_id)).collect();
        record.append(&entries, true).unwrap();
        drop(record);
        record = open(dir.path());
    }
    let octets = Entry::Listed { unique_id: b"uid-7", occurrence: 0, octets: 9, deletion: Deletion::No };
    record.append([octets], true).unwrap();
    record.finish([], [], unique_ids.iter().map(|unique_id| (unique_id.as_bytes(), 0)), 0).unwrap();
    drop(record);
    let path = read(dir.path()).path;
    assert_eq!(fs::read_to_string(path).unwrap().lines().count(), 1002, "a header, a session, the messages");
    let record = open(dir.path());
    assert_eq!((record.len(), record.nonce().unwrap()), (1000, &*nonce));
    assert!(record.fetched(b"uid-7", 0, Some(9)).is_some() && record.fetched(b"uid-7", 0, Some(4)).is_none());
}

/// A run does not hold the messages that it stores in memory, but shortens the journal without losing them.
#[test]
fn messages_of_this_run_survive_a_shortened_journal() {
    let dir = tempfile::tempdir().unwrap();
    let mut record = open(dir.path());
    record.append(&[done("old"), done("changed")], true).unwrap();
    record.append((0..300).map(|_| Entry::Void { unique_id: b"x", occurrence: 0 }), true).unwrap();
    drop(record);
    let mut record = open(dir.path());
    let changed = Entry::Done { message: Message { listed: Some(9), ..message("changed") }, place: b"-" };
    record.append_stored([changed, done("new"), done("deleted")]).unwrap();
    assert_eq!(record.fetched(b"changed", 0, Some(9)).map(|fetched| fetched.gone), Some(false));
    let listed = ["changed", "deleted", "new", "old"].map(|unique_id| (unique_id.as_bytes(), 0));
    record.finish([(&b"deleted"[..], 0)], [], listed.into_iter(), 0).unwrap();
    drop(record);
    let record = open(dir.path());
    assert!(fs::read_to_string(&record.path).unwrap().lines().count() < 10, "written anew");
    assert_eq!(known(&record, &["changed", "deleted", "new", "old"]), [true; 4]);
    assert!(record.fetched(b"deleted", 0, None).unwrap().gone);
}

#[test]
fn skipped_and_imported_messages_are_not_new_and_prove_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut record = open(dir.path());
    record.append([done("a")], true).unwrap();
    let skipped = |unique_id, octets| Foreign { unique_id, occurrence: 0, time: 5, octets, place: "skipped" };
    record.remember([skipped(&b"a"[..], None), skipped(b"b", Some(9)), skipped(b"c d", None)]).unwrap();
    drop(record);
    let record = open(dir.path());
    let stored = |unique_id: &[u8]| record.fetched(unique_id, 0, None).map(|fetched| fetched.stored);
    assert_eq!(
        [stored(b"a"), stored(b"b"), stored(b"c d"), stored(b"d")],
        [Some(true), Some(false), Some(false), None]
    );
    assert_eq!(record.fetched(b"b", 0, Some(10)), None);
    assert_eq!(record.identify(b"c d", 0, Some(1), None), Identity::Unknown);
    assert_eq!(record.forget(|unique_id, _| unique_id == b"b").unwrap(), 1);
    let places: Vec<_> = list(dir.path()).into_iter().map(|known| (known.unique_id, known.place)).collect();
    assert_eq!(places, [(b"c d".to_vec(), b"skipped".to_vec()), (b"a".to_vec(), b"-".to_vec())]);
}

#[test]
fn identity_is_octets_and_header() {
    let dir = tempfile::tempdir().unwrap();
    recorded(dir.path(), &["a"]);
    let record = read(dir.path());
    for (octets, header, identity) in [
        (Some(4), Some([7; 32]), Identity::Same),
        (Some(4), None, Identity::Same),
        (Some(5), Some([7; 32]), Identity::Other),
        (Some(4), Some([8; 32]), Identity::Other),
        (None, Some([7; 32]), Identity::Unknown),
    ] {
        assert_eq!(record.identify(b"a", 0, octets, header.as_ref()), identity);
    }
    assert_eq!(record.identify(b"b", 0, Some(4), None), Identity::Other);
}
