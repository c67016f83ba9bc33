//! Tests the recovery of operations that a killed run left unfinished.

use super::*;
use crate::{
    delivery::{Destination, Incoming, Options, Storage},
    proto::{MessageNumber, UniqueId},
};

/// A run is killed after it announced two messages and before it records them as done.
fn killed(state: &Path, mail: &Path) -> [PathBuf; 4] {
    let paths = ["a.tmp", "a.eml", "b.tmp", "b.eml"].map(|name| mail.join(name));
    let [first, first_name, second, second_name] = paths.clone();
    let mut record = open(state);
    let stored = FileContent::Bytes(content(b"mail"));
    let one = Entry::File { message: message("a"), stored, temporary: first.into(), name: first_name.into() };
    let other =
        Entry::File { message: message("b"), stored, temporary: second.into(), name: second_name.into() };
    record.append(&[one, other], true).unwrap();
    paths
}

#[test]
fn files_are_recovered_by_their_content() {
    for (temporary, name, next, stored) in [
        (None, None, None, None),
        (Some("mail"), None, None, Some("b.eml")),
        (None, Some("mail"), None, Some("b.eml")),
        (Some("mail"), Some("mail"), None, Some("b.eml")),
        (Some("mail"), Some("foreign"), None, Some("b-2.eml")),
        (None, Some("foreign"), Some("mail"), Some("b-2.eml")),
        (None, Some("foreign"), None, None),
        (None, Some("liam"), None, None),
        (Some("mai"), None, None, None),
        (Some("liam"), Some("foreign"), None, None),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (state, mail) = (dir.path().join("state"), dir.path().join("mail"));
        fs::create_dir(&mail).unwrap();
        let [first, _, second, second_name] = killed(&state, &mail);
        fs::write(&first, "mail").unwrap();
        for (path, content) in [(&second, temporary), (&second_name, name), (&mail.join("b-2.eml"), next)] {
            if let Some(content) = content {
                fs::write(path, content).unwrap();
            }
        }
        assert_eq!(known(&read(&state), &["a", "b"]), [false; 2], "unfinished is not fetched");
        assert!(first.exists(), "reading recovers nothing");
        for _ in 0..2 {
            assert_eq!(known(&open(&state), &["a", "b"]), [true, stored.is_some()], "{temporary:?} {name:?}");
            assert!(!first.exists());
            if let Some(stored) = stored {
                assert_eq!(fs::read_to_string(mail.join(stored)).unwrap(), "mail");
                assert!(!second.exists());
            }
            if let Some(name) = name {
                assert_eq!(fs::read_to_string(&second_name).unwrap(), name);
            }
        }
        // Recovery is final: later changes of the files have no effect.
        fs::remove_dir_all(&mail).unwrap();
        assert_eq!(known(&read(&state), &["a", "b"]), [true, stored.is_some()]);
    }
}

/// The line of a file with LF in place of CRLF contains no hash of the file: the hash of the message proves the content.
#[test]
fn files_with_other_line_ends_are_recovered_by_their_content() {
    let received = b"a\r\n\rb\r\r\nc";
    let unix = "a\n\rb\r\nc";
    for (in_place, content_of_file, is_stored) in [
        (true, unix, true),
        (false, unix, true),
        (true, "a\n\rb\n\nc", false),
        (true, "a\n\rb\r\nd", false),
        (true, "a\n\rb\r\n", false),
        (false, "a\n\rb\r\n", false),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (state, mail) = (dir.path().join("state"), dir.path().join("mail"));
        fs::create_dir(&mail).unwrap();
        let [temporary, name] = ["1.tmp", "1.host"].map(|name| mail.join(name));
        let message = Message { content: Some(content(received)), ..message("a") };
        let entry = Entry::File {
            message,
            stored: FileContent::Lf { octets: unix.len() as u64 },
            temporary: temporary.as_path().into(),
            name: name.as_path().into(),
        };
        open(&state).append(&[entry], true).unwrap();
        fs::write(if in_place { &name } else { &temporary }, content_of_file).unwrap();
        assert_eq!(known(&open(&state), &["a"]), [is_stored], "{in_place} {content_of_file:?}");
        assert_eq!(name.exists(), in_place || is_stored);
        assert!(read(&state).is_empty() || read(&state).has_content(b"a", 0, &content(received).sha256));
    }
}

/// The lines that a Maildir's messages really get, with and without a bare LF, suffice to recover the files.
#[test]
fn the_lines_of_files_in_a_maildir_prove_their_content() {
    let dir = tempfile::tempdir().unwrap();
    let (state, mail) = (dir.path().join("state"), dir.path().join("mail"));
    let messages = [("crlf", "a\r\nb\r\n"), ("lf", "a\nb\r\n"), ("cr", "a\rb\r\r\n\r"), ("lf2", "\r\n\n")];
    let mut storage =
        Storage::start(&Destination::Maildir(mail), Some(open(&state)), &Options::default()).unwrap();
    for (number, (unique_id, message)) in (1..).zip(messages) {
        let number = MessageNumber::new(number).unwrap();
        let unique_id = UniqueId::try_from(unique_id).ok();
        let (occurrence, listed, unless_stored) = (0, Some(9), false);
        storage.begin(Incoming { number, unique_id, occurrence, listed, unless_stored }).unwrap();
        for piece in message.as_bytes().chunks(1) {
            storage.write(piece).unwrap();
        }
        storage.end().unwrap();
    }
    storage.vouch().unwrap();
    drop(storage.finish().1.unwrap());
    let journal = fs::read_to_string(read(&state).path()).unwrap();
    let lines: Vec<_> = journal.lines().filter(|line| line.starts_with("file ")).collect();
    let has_hash: Vec<_> = lines.iter().map(|line| line.split(' ').nth(10) != Some("lf")).collect();
    assert_eq!(has_hash, [false, true, false, true], "{journal}");

    // A run that was killed before it wrote `stored`.
    let killed = dir.path().join("killed");
    let none = Operations::default();
    let entries = lines.iter().map(|line| Entry::parse(&line.as_bytes()[..line.len() - 9], &none).unwrap());
    open(&killed).append(entries, true).unwrap();
    let names = messages.map(|(unique_id, _)| unique_id);
    assert_eq!(known(&read(&killed), &names), [false; 4]);
    assert_eq!(known(&open(&killed), &names), [true; 4]);
}

#[test]
fn a_missing_destination_leaves_its_operations_open_and_blocks_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (state, mail) = (dir.path().join("state"), dir.path().join("mail"));
    fs::create_dir(&mail).unwrap();
    let [first, ..] = killed(&state, &mail);
    fs::write(&first, "mail").unwrap();
    let away = dir.path().join("away");
    fs::rename(&mail, &away).unwrap();
    for _ in 0..2 {
        let mut record = open(&state);
        assert_eq!(known(&record, &["a", "b"]), [false; 2]);
        let warnings = record.take_warnings();
        assert!(warnings.iter().all(|warning| warning.contains("remains unfinished")) && warnings.len() == 2);
        assert!(record.needs(&first), "its temporary file is not swept");
    }
    fs::rename(&away, &mail).unwrap();
    let mut record = open(&state);
    assert_eq!((known(&record, &["a", "b"]), record.take_warnings().len()), (vec![true, false], 0));
}

/// A rewritten journal keeps the operations whose outcome is not yet known.
#[test]
fn open_operations_survive_a_rewritten_journal() {
    for forgets in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let (state, mail) = (dir.path().join("state"), dir.path().join("mail"));
        let away = dir.path().join("away");
        fs::create_dir(&away).unwrap();
        killed(&state, &mail);
        let (old, group) = ("From x y\n\n", format!("From MAILER-DAEMON now\n{}\n", "new\n".repeat(4000)));
        let mut record = open(&state);
        record.append(killed_append(&append(&mail.join("mbox"), old, &group), &["c", "d"]), true).unwrap();
        record.append([done("e")], true).unwrap();
        drop(record);
        fs::write(away.join("a.eml"), "mail").unwrap();
        fs::write(away.join("mbox"), format!("{old}{group}")).unwrap();
        if forgets {
            assert_eq!(open(&state).forget(|unique_id, _| unique_id == b"e").unwrap(), 1);
        } else {
            let mut record = open(&state);
            record.append((0..300).map(|_| Entry::Void { unique_id: b"x", occurrence: 0 }), true).unwrap();
            record.finish([], [], [(&b"e"[..], 0)].into_iter(), 0).unwrap();
        }
        let journal = fs::read_to_string(read(&state).path()).unwrap();
        assert!(journal.lines().count() < 20, "written anew");
        assert_eq!(known(&read(&state), &["a", "b", "c", "d"]), [false; 4]);
        fs::rename(&away, &mail).unwrap();
        assert_eq!(known(&open(&state), &["a", "b", "c", "d"]), [true, false, true, true]);
    }
}

/// This test runs on Unix only, because Windows allows no `:` in file names.
#[cfg(unix)]
#[test]
fn a_message_that_a_mail_reader_moved_is_found() {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["tmp", "new", "cur"] {
        fs::create_dir(dir.path().join(folder)).unwrap();
    }
    let mut record = open(dir.path());
    let [temporary, name] = ["tmp/1.M2.host", "new/1.M2.host"].map(|name| dir.path().join(name));
    let (temporary, name) = (temporary.into(), name.into());
    record
        .append(
            &[Entry::File {
                message: message("a"),
                stored: FileContent::Bytes(content(b"mail")),
                temporary,
                name,
            }],
            true,
        )
        .unwrap();
    drop(record);
    let journal = fs::read(read(dir.path()).path).unwrap();
    fs::write(dir.path().join("cur/1.M2.host:2,"), "else").unwrap();
    assert_eq!(known(&open(dir.path()), &["a"]), [false]);
    fs::write(read(dir.path()).path, journal).unwrap();
    fs::write(dir.path().join("cur/1.M2.host:2,S"), "mail").unwrap();
    assert_eq!(known(&open(dir.path()), &["a"]), [true]);
}

/// Returns an mbox with old mail, and a group that is about to be appended to it.
fn append(mbox: &Path, old: &str, group: &str) -> Append {
    let mut pages = Vec::new();
    let mut rest = group.as_bytes();
    let mut at = old.len();
    while !rest.is_empty() {
        let (page, others) = rest.split_at(rest.len().min(4096 - at % 4096));
        pages.push(crc32fast::hash(page));
        (rest, at) = (others, at + page.len());
    }
    Append {
        mbox: mbox.to_path_buf(),
        offset: old.len() as u64,
        before: content(&old.as_bytes()[old.len() - old.len().min(65536)..]),
        padding: 0,
        content: content(group.as_bytes()),
        pages,
    }
}

/// Returns the entries of a run that is killed while it appends these messages.
fn killed_append<'a>(append: &Append, unique_ids: &[&'a str]) -> Vec<Entry<'a>> {
    let pages = Entry::Pages(append.pages.clone());
    let mut entries = vec![Entry::Append(Append { pages: Vec::new(), ..append.clone() }), pages];
    entries.extend(unique_ids.iter().map(|unique_id| Entry::Part(message(unique_id))));
    entries
}

#[test]
fn a_group_is_in_the_mbox_whole_or_cut_off() {
    let old = format!("From x y\n{}\n", "old\n".repeat(1000));
    let group = format!("From MAILER-DAEMON now\n{}\n", "new\n".repeat(4000));
    let page = 4096 - old.len() % 4096;
    let foreign = "From someone else\nwrote this\n\n";
    let changed = old.replace("old\n\n", "old and longer\n\n");
    // Longer than the blocks in which the mbox is searched.
    let many = "From x\n\n".repeat(40_000);
    let nuls = "\0".repeat(5000);
    for (before, behind, stored, left) in [
        (&old, group.clone(), true, group.clone()),
        (&old, format!("{group}{foreign}"), true, format!("{group}{foreign}")),
        (&old, String::new(), false, String::new()),
        // A killed run leaves complete pages.
        (&old, group[..page].to_owned(), false, String::new()),
        (&old, group[..page + 4096].to_owned(), false, String::new()),
        (&old, nuls[..page].to_owned(), false, String::new()),
        (&old, format!("{}{}", &group[..page], &nuls[..4096]), false, String::new()),
        // Other bytes were written by another program.
        (&old, group[..page - 1].to_owned(), false, group[..page - 1].to_owned()),
        (&old, foreign.to_owned(), false, foreign.to_owned()),
        (&old, format!("{}{foreign}", &group[..page]), false, format!("{}{foreign}", &group[..page])),
        (&old, group.replace("new", "NEW"), false, group.replace("new", "NEW")),
        // A mail reader changed an old message: the bytes after the offset may be mail of the user.
        (&changed, String::new(), false, String::new()),
        (&changed, group[..page].to_owned(), false, group[..page].to_owned()),
        // A complete group counts at any position: a mail reader may have moved it.
        (&changed, group.clone(), true, group.clone()),
        (&changed, format!("{foreign}{group}{foreign}"), true, format!("{foreign}{group}{foreign}")),
        (&String::new(), group.clone(), true, group.clone()),
        (&many, group.clone(), true, group.clone()),
        (&changed, group.replacen("new", "neW", 1), false, group.replacen("new", "neW", 1)),
        (&changed, group.replace('N', "n"), false, group.replace('N', "n")),
        (&changed, group[..group.len() - 1].to_owned(), false, group[..group.len() - 1].to_owned()),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let mbox = dir.path().join("mbox");
        let mut record = open(dir.path());
        record.append(killed_append(&append(&mbox, &old, &group), &["a", "b"]), true).unwrap();
        drop(record);
        fs::write(&mbox, format!("{before}{behind}")).unwrap();
        assert_eq!(known(&read(dir.path()), &["a", "b"]), [false; 2]);
        for nth in 0..2 {
            let mut record = open(dir.path());
            assert_eq!(known(&record, &["a", "b"]), [stored; 2], "{behind:.40}");
            // A part that stays is reported once.
            let is_torn = nth == 0 && behind == format!("{}{foreign}", &group[..page]);
            let warnings = record.take_warnings();
            assert_eq!(warnings.len(), usize::from(is_torn), "{behind:.40}: {warnings:?}");
            assert!(fs::read_to_string(&mbox).unwrap() == format!("{before}{left}"), "{behind:.40}");
        }
        assert!(!dir.path().join("mbox.lock").exists());
    }
}

#[test]
fn an_mbox_that_is_locked_or_missing_leaves_its_operation_open() {
    let dir = tempfile::tempdir().unwrap();
    let mbox = dir.path().join("mail/mbox");
    fs::create_dir(dir.path().join("mail")).unwrap();
    fs::write(&mbox, "old\n\n").unwrap();
    let append = append(&mbox, "old\n\n", "From x\n\n");
    let held = Mbox::lock(&mbox, true, NOW).unwrap().unwrap();
    assert!(matches!(recover(&append, NOW), recovery::Outcome::Open(why) if why.contains("mbox.lock")));
    drop(held);
    assert_eq!(recover(&append, NOW), recovery::Outcome::Void);
    fs::rename(dir.path().join("mail"), dir.path().join("away")).unwrap();
    assert!(matches!(recover(&append, NOW), recovery::Outcome::Open(_)));
}

/// A `stored` line takes everything but the unique-id and the place from the line of its operation, in every reading of the journal.
#[test]
fn a_stored_line_completes_the_line_of_its_operation() {
    let dir = tempfile::tempdir().unwrap();
    let (state, mail) = (dir.path().join("state"), dir.path().join("mail"));
    killed(&state, &mail);
    let stored = |unique_id, place| Entry::Stored { message: message(unique_id), place };
    let part = Message { deletion: Deletion::Pending, occurrence: 1, ..message("a") };
    let mut record = open(&state);
    // Operations of a missing folder stay unfinished until these lines end them.
    record.take_warnings();
    record.append(&killed_append(&append(&mail.join("mbox"), "", "group"), &["c"]), true).unwrap();
    record.append(&[Entry::Part(part), stored("a", b"first"), stored("c", b"box")], true).unwrap();
    record.append(&[Entry::Stored { message: part, place: b"second" }], true).unwrap();
    // Without an operation there is nothing that the message could be compared with.
    record.append(&[stored("none", b"-")], true).unwrap();
    drop(record);
    let check = || {
        let record = read(&state);
        assert_eq!(known(&record, &["a", "b", "c", "none"]), [true, false, true, false]);
        let fetched = Fetched { time: 1_795_341_600, pending_deletion: true, gone: false, stored: true };
        assert_eq!(record.fetched(b"a", 1, Some(4)), Some(fetched));
        assert_eq!(record.fetched(b"a", 0, Some(5)), None, "its size is known");
        assert_eq!(record.identify(b"a", 0, Some(4), Some(&[8; 32])), Identity::Other, "its header is known");
        assert!(record.has_content(b"c", 0, &content(b"mail").sha256));
        let places: Vec<_> = list(&state).into_iter().map(|row| (row.occurrence, row.place)).collect();
        let place = |occurrence, place: &str| (occurrence, place.as_bytes().to_vec());
        assert_eq!(places, [place(0, "first"), place(0, "box"), place(1, "second")]);
    };
    check();
    assert_eq!(open(&state).forget(|unique_id, _| unique_id == b"none").unwrap(), 0);
    let mut record = open(&state);
    record.append((0..300).map(|_| Entry::Void { unique_id: b"x", occurrence: 0 }), true).unwrap();
    let listed = [(&b"a"[..], 0), (b"a", 1), (b"c", 0)];
    record.finish([], [], listed.into_iter(), 0).unwrap();
    assert!(!fs::read_to_string(read(&state).path()).unwrap().contains("stored "), "rewritten");
    let record = open(&state);
    assert_eq!(record.warnings.len(), 1, "{:?}", record.warnings);
    drop(record);
    check();
}
