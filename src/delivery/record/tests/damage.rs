//! Tests torn and damaged journals.

use super::*;

/// Returns a journal with unsynced lines, which a power failure may tear, and its synced length. The first line does not count
/// them yet.
fn unsynced(path: &Path, add: impl FnOnce(&mut Record)) -> (Vec<u8>, usize) {
    let synced = fs::read(path).unwrap();
    let mut record = open(path.parent().unwrap());
    add(&mut record);
    drop(record);
    let mut whole = fs::read(path).unwrap();
    let header = synced.iter().position(|&byte| byte == b'\n').unwrap();
    whole[..header].copy_from_slice(&synced[..header]);
    (whole, synced.len())
}

#[test]
fn a_torn_end_is_repaired_with_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    let path = recorded(dir.path(), &["a", "b"]);
    let (whole, synced) = unsynced(&path, |record| record.append(&[done("c")], true).unwrap());
    let old = whole[..synced].to_vec();
    for cut in synced..whole.len() {
        for tail in
            [&b""[..], b"\0\0\0", b"\0\0 1a2b3c4d\n", &[0; 5000], b"done x\n", &old, b"From a mail\nline\n"]
        {
            if cut == synced && tail.is_empty() {
                continue;
            }
            fs::write(&path, [&whole[..cut], tail].concat()).unwrap();
            assert_eq!(known(&read(dir.path()), &["a", "b", "c"]), [true, true, false]);
            let mut record = open(dir.path());
            assert!(record.take_warnings()[0].contains("incomplete"));
            assert_eq!(known(&record, &["a", "b", "c"]), [true, true, false]);
            record.append(&[done("d")], true).unwrap();
            drop(record);
            let mut record = open(dir.path());
            assert_eq!(record.take_warnings(), [""; 0]);
            assert_eq!(known(&record, &["a", "b", "c", "d"]), [true, true, false, true]);
        }
    }
}

#[test]
fn blocks_of_what_was_not_synced_may_be_missing() {
    let dir = tempfile::tempdir().unwrap();
    let path = recorded(dir.path(), &["a"]);
    let (mut whole, _) =
        unsynced(&path, |record| record.append(&[done("b"), done("c"), done("d")], true).unwrap());
    let at = whole.windows(7).position(|octets| octets == b"done c ").unwrap();
    whole[at..at + 5].fill(0);
    fs::write(&path, &whole).unwrap();
    assert_eq!(known(&open(dir.path()), &["a", "b", "c", "d"]), [true, true, false, false]);
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
        refused(dir.path(), "move it away");
        assert_eq!(fs::read(&path).unwrap(), damaged, "nothing is changed");
    }
    // The journal is truncated at every position, also between two lines.
    for cut in 0..whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        refused(dir.path(), "is damaged");
    }
    fs::write(&path, [0; 4096]).unwrap();
    refused(dir.path(), "move it away");
    fs::copy(recorded(dir.path().join("other").as_path(), &[]), &path).unwrap();
    assert_eq!(open(dir.path()).len(), 0);
    let bob = open_as(dir.path(), "bob").unwrap().path.clone();
    fs::copy(bob, &path).unwrap();
    refused(dir.path(), "another account");
    Record::lock(dir.path(), "alice", "pop.example.org", 995, NOW).unwrap().clear().unwrap();
    assert_eq!(open(dir.path()).len(), 0);
}

/// Lines with correct checksums that this program never writes must not cause an overflow or a very long loop.
#[test]
fn journals_made_by_hand_do_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let mbox = dir.path().join("box");
    fs::write(&mbox, "From x\n\n").unwrap();
    let mut record = open(dir.path());
    let last = u64::MAX;
    let append = Append {
        mbox: mbox.clone(),
        offset: last,
        before: content(b""),
        padding: last,
        content: Content { octets: last, sha256: [0; 32] },
        pages: vec![0],
    };
    let late = Message { time: last, ..message("b") };
    let entries = [
        Entry::Deleted { unique_id: b"a", occurrence: 0, of: MAX_OCCURRENCES },
        Entry::Append(append),
        Entry::Part(message("e")),
        Entry::Done { message: late, place: b"-" },
        Entry::Session { time: last },
        Entry::Absent { unique_id: b"b", occurrence: 0, time: last },
    ];
    record.append(&entries, true).unwrap();
    drop(record);
    assert_eq!(known(&open(dir.path()), &["b", "e"]), [true, false]);
    let mut record = open(dir.path());
    record.finish([], [], [(&b"c"[..], 0)].into_iter(), 0).unwrap();
    assert_eq!(fs::read(&mbox).unwrap(), b"From x\n\n");
}
