//! Tests of all destinations: the files they write, the messages they record, and the files they never change.

use std::{fs, path::Path, time::Duration};

use super::*;
use crate::proto::{MessageNumber, UniqueId};

const MESSAGE: &[u8] = b"Subject: one\r\n\r\n.\r\nFrom here\r\n";

fn options() -> Options {
    Options { scrub: vec!["POP3_SCRUBBED".into()], ..Options::default() }
}

fn record(state: &Path) -> Record {
    Record::lock(state, "alice", "pop.example.org", 995, Duration::ZERO).unwrap().open(None).unwrap()
}

fn read(state: &Path) -> Record {
    Record::read(state, "alice", "pop.example.org", 995).unwrap()
}

fn incoming(at: u32, unique_id: Option<UniqueId>, occurrence: u32) -> Incoming {
    Incoming { number: number(at), unique_id, occurrence, listed: Some(100), unless_stored: false }
}

fn number(number: u32) -> MessageNumber {
    MessageNumber::new(number).unwrap()
}

fn store(
    state: &Path,
    destination: &Destination,
    messages: &[(&str, &[u8])],
) -> (Vec<Delivered>, Result<Option<Record>, Error>) {
    let mut storage = Storage::start(destination, Some(record(state)), &options()).unwrap();
    for (at, (unique_id, message)) in (1..).zip(messages) {
        storage.begin(incoming(at, Some(UniqueId::try_from(*unique_id).unwrap()), 0)).unwrap();
        for piece in message.chunks(7) {
            storage.write(piece).unwrap();
        }
        storage.end().unwrap();
    }
    storage.vouch().unwrap();
    let (reports, ended) = storage.finish();
    (reports.into_iter().map(delivered).collect(), ended)
}

#[track_caller]
fn delivered(report: Report) -> Delivered {
    match report {
        Report::Stored(delivered) => delivered,
        Report::Shown(shown) => panic!("message {} was not stored", shown.number),
        Report::Failed(failed) => panic!("{}", failed.error),
    }
}

fn stored(state: &Path, destination: &Destination, messages: &[(&str, &[u8])]) -> Vec<Delivered> {
    let (delivered, record) = store(state, destination, messages);
    drop(record.unwrap().unwrap());
    let record = read(state);
    for (unique_id, _) in messages {
        assert!(record.fetched(unique_id.as_bytes(), 0, None).is_some());
    }
    assert_eq!((delivered.len(), record.len()), (messages.len(), messages.len()));
    delivered
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_folder_of_eml() {
    let dir = tempfile::tempdir().unwrap();
    let mail = dir.path().join("made/mail");
    let destination = Destination::Dir(mail.clone());
    let delivered = stored(dir.path(), &destination, &[("uid/1", MESSAGE), ("con", b""), ("..", b"x")]);
    assert_eq!(names(&mail), ["%2E..eml", "%63on.eml", "uid%2F1.eml"]);
    assert_eq!(fs::read(mail.join("uid%2F1.eml")).unwrap(), MESSAGE);
    let first = &delivered[0];
    assert_eq!((first.number, first.octets), (number(1), MESSAGE.len() as u64));
    assert_eq!(first.path.as_deref(), Some(&*mail.join("uid%2F1.eml")));
    let hash: [u8; 32] = <sha2::Sha256 as sha2::Digest>::digest(MESSAGE).into();
    assert_eq!(first.sha256, hash);
}

#[test]
fn existing_files_stay() {
    let dir = tempfile::tempdir().unwrap();
    let mail = dir.path().join("mail");
    fs::create_dir(&mail).unwrap();
    fs::write(mail.join("a.eml"), "foreign").unwrap();
    fs::write(mail.join("B.eml"), "foreign").unwrap();
    fs::write(mail.join("c.eml"), "same").unwrap();
    let destination = Destination::Dir(mail.clone());
    let messages: [(&str, &[u8]); 5] = [("a", b"1"), ("b", b"2"), ("c", b"same"), ("d", b"4"), ("D", b"5")];
    for _ in 0..2 {
        stored(dir.path(), &destination, &messages);
        assert_eq!(names(&mail), ["B.eml", "D-2.eml", "a-2.eml", "a.eml", "b-2.eml", "c.eml", "d.eml"]);
    }
    for (name, content) in [("a", "foreign"), ("a-2", "1"), ("B", "foreign"), ("b-2", "2"), ("D-2", "5")] {
        assert_eq!(fs::read_to_string(mail.join(format!("{name}.eml"))).unwrap(), content);
    }
}

#[test]
fn messages_without_unique_id_and_twice_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let mail = dir.path().join("mail");
    let mut storage =
        Storage::start(&Destination::Dir(mail.clone()), Some(record(dir.path())), &options()).unwrap();
    let same = || Some(UniqueId::try_from("same").unwrap());
    for (at, unique_id, occurrence, message) in
        [(1, None, 0, b"a"), (2, same(), 0, b"b"), (3, same(), 1, b"c"), (4, same(), 2, b"c")]
    {
        storage.begin(incoming(at, unique_id, occurrence)).unwrap();
        storage.write(message).unwrap();
        storage.end().unwrap();
    }
    storage.vouch().unwrap();
    let (delivered, record) = storage.finish();
    drop(record.unwrap());
    assert_eq!((delivered.len(), read(dir.path()).len()), (4, 3));
    let hash = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
    assert_eq!(names(&mail)[0], format!("{hash}.eml"));
    assert!(mail.join("same.eml").exists() && mail.join("same-2.eml").exists());
}

#[test]
fn a_maildir() {
    let dir = tempfile::tempdir().unwrap();
    let mail = dir.path().join("mail");
    let delivered = stored(dir.path(), &Destination::Maildir(mail.clone()), &[("a", MESSAGE), ("b", b"x\r")]);
    assert_eq!(names(&mail), ["cur", "new", "tmp"]);
    assert_eq!((names(&mail.join("tmp")).len(), names(&mail.join("new")).len()), (0, 2));
    let content = |at: usize| fs::read_to_string(delivered[at].path.as_ref().unwrap()).unwrap();
    assert_eq!((&*content(0), &*content(1)), ("Subject: one\n\n.\nFrom here\n", "x\r"));
    assert_eq!(delivered[0].octets, MESSAGE.len() as u64);
}

#[test]
fn an_mbox() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("made/mbox");
    let destination = Destination::Mbox(path.clone());
    stored(dir.path(), &destination, &[("a", MESSAGE)]);
    let text = fs::read_to_string(&path).unwrap();
    let (from, rest) = text.split_once('\n').unwrap();
    assert!(from.starts_with("From MAILER-DAEMON "));
    assert_eq!(rest, "Subject: one\n\n.\n>From here\n\n");
    fs::write(&path, "From x\nno end").unwrap();
    fs::remove_dir_all(dir.path().join("state")).ok();
    stored(&dir.path().join("other"), &destination, &[("a", b"1"), ("b", b"2")]);
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<_> =
        text.lines().map(|line| if line.starts_with("From M") { "From" } else { line }).collect();
    assert_eq!(lines, ["From x", "no end", "", "From", "1", "", "From", "2", ""]);
    assert_eq!(names(&dir.path().join("made")), ["mbox"]);
}

#[test]
fn an_incomplete_message_leaves_nothing() {
    for kind in [Destination::Dir, Destination::Maildir, Destination::Mbox] {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("mail");
        let mut storage = Storage::start(&kind(place.clone()), Some(record(dir.path())), &options()).unwrap();
        let give = |storage: &mut Storage, unique_id: &str, ended| {
            storage.begin(incoming(1, Some(UniqueId::try_from(unique_id).unwrap()), 0)).unwrap();
            storage.write(&b"line\r\n".repeat(50_000)).unwrap();
            if ended { storage.end().unwrap() } else { storage.abort().unwrap() }
        };
        give(&mut storage, "a", true);
        give(&mut storage, "b", false);
        give(&mut storage, "c", true);
        storage.vouch().unwrap();
        give(&mut storage, "d", true);
        storage.begin(incoming(4, None, 0)).unwrap();
        storage.write(b"begun").unwrap();
        let (delivered, ended) = storage.finish();
        drop(ended.unwrap());
        assert_eq!((delivered.len(), read(dir.path()).len()), (2, 2));
        let octets: u64 = match kind(place.clone()) {
            Destination::Mbox(path) => {
                let text = fs::read_to_string(path).unwrap();
                text.matches("line\n").count() as u64
            }
            Destination::Dir(folder) => {
                assert_eq!(names(&folder), ["a.eml", "c.eml"]);
                names(&folder).len() as u64 * 50_000
            }
            _ => {
                assert_eq!(names(&place.join("tmp")).len(), 0);
                names(&place.join("new")).len() as u64 * 50_000
            }
        };
        assert_eq!(octets, 100_000);
    }
}

#[test]
fn reports_while_the_run_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let destination = Destination::Dir(dir.path().join("mail"));
    let mut storage = Storage::start(&destination, Some(record(dir.path())), &options()).unwrap();
    assert!(storage.wait(Duration::from_secs(60)).unwrap().is_none(), "nothing is outstanding");
    storage.begin(incoming(9, Some(UniqueId::try_from("a").unwrap()), 0)).unwrap();
    storage.end().unwrap();
    assert_eq!(storage.outstanding(), 1);
    assert!(storage.wait(Duration::from_millis(50)).unwrap().is_none(), "nobody vouched for it");
    storage.vouch().unwrap();
    let delivered = delivered(storage.wait(Duration::from_secs(60)).unwrap().unwrap());
    assert_eq!((delivered.number, storage.outstanding()), (number(9), 0));
    assert!(read(dir.path()).fetched(b"a", 0, None).is_some(), "remembered before it is reported");
    assert!(storage.report().unwrap().is_none());
}

#[test]
fn own_leftovers_are_swept() {
    let dir = tempfile::tempdir().unwrap();
    let mail = dir.path().join("mail");
    fs::create_dir(&mail).unwrap();
    let tag = record(dir.path()).nonce().unwrap().to_owned();
    fs::write(mail.join(format!(".pop3-{tag}-1-1.tmp")), "mine").unwrap();
    fs::write(mail.join(".pop3-0123456789abcdef-1-1.tmp"), "another account's").unwrap();
    stored(dir.path(), &Destination::Dir(mail.clone()), &[("a", b"1")]);
    assert_eq!(names(&mail), [".pop3-0123456789abcdef-1-1.tmp", "a.eml"]);
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn new_files_are_private() {
        let dir = tempfile::tempdir().unwrap();
        let [mail, maildir, mbox] = ["a/mail", "b/maildir", "c/mbox"].map(|name| dir.path().join(name));
        for destination in [
            Destination::Dir(mail.clone()),
            Destination::Maildir(maildir.clone()),
            Destination::Mbox(mbox.clone()),
        ] {
            stored(dir.path(), &destination, &[("x", b"1")]);
        }
        for folder in ["a", "a/mail", "b", "b/maildir", "b/maildir/new", "c"] {
            assert_eq!(mode(&dir.path().join(folder)), 0o700, "{folder}");
        }
        assert_eq!((mode(&mail.join("x.eml")), mode(&mbox)), (0o600, 0o600));
        fs::set_permissions(&mbox, fs::Permissions::from_mode(0o664)).unwrap();
        stored(dir.path(), &Destination::Mbox(mbox.clone()), &[("x", b"1")]);
        assert_eq!(mode(&mbox), 0o664);
    }

    #[test]
    fn planted_links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (mail, victim) = (dir.path().join("mail"), dir.path().join("victim"));
        fs::create_dir(&mail).unwrap();
        fs::write(&victim, "1").unwrap();
        symlink(&victim, mail.join("a.eml")).unwrap();
        symlink(dir.path().join("nowhere"), mail.join("b.eml")).unwrap();
        stored(dir.path(), &Destination::Dir(mail.clone()), &[("a", b"1"), ("b", b"2")]);
        assert_eq!(names(&mail), ["a-2.eml", "a.eml", "b-2.eml", "b.eml"]);
        assert_eq!(fs::read_to_string(&victim).unwrap(), "1");
        assert!(!dir.path().join("nowhere").exists());
    }

    #[test]
    fn folder_and_mbox_may_be_links() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("real")).unwrap();
        symlink("real", dir.path().join("mail")).unwrap();
        symlink("real/mbox", dir.path().join("box")).unwrap();
        stored(dir.path(), &Destination::Dir(dir.path().join("mail")), &[("a", b"1")]);
        stored(dir.path(), &Destination::Mbox(dir.path().join("box")), &[("a", b"1")]);
        stored(dir.path(), &Destination::Mbox(dir.path().join("box")), &[("a", b"1")]);
        assert_eq!(names(&dir.path().join("real")), ["a.eml", "mbox"]);
        assert!(dir.path().join("box").symlink_metadata().unwrap().is_symlink());
    }

    #[test]
    fn destinations_that_cannot_be_written() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        for destination in [
            Destination::Dir(dir.path().join("file")),
            Destination::Maildir(dir.path().join("file/x")),
            Destination::Mbox("/dev/null".into()),
            Destination::Mbox(dir.path().to_path_buf()),
        ] {
            let failure = Storage::start(&destination, None, &options()).err().unwrap();
            assert_eq!(failure.kind(), ErrorKind::Output, "{}", failure.message());
        }
        // The folder disappears in the middle of a run.
        let mail = dir.path().join("mail");
        let mut storage =
            Storage::start(&Destination::Dir(mail.clone()), Some(record(dir.path())), &options()).unwrap();
        fs::remove_dir_all(&mail).unwrap();
        storage.begin(incoming(1, Some(UniqueId::try_from("a").unwrap()), 0)).unwrap();
        storage.end().unwrap();
        storage.vouch().unwrap();
        assert!(storage.wait(Duration::from_secs(60)).is_err());
        assert!(storage.report().is_err());
        let (delivered, ended) = storage.finish();
        assert!(delivered.is_empty());
        assert_eq!(ended.err().unwrap().kind(), ErrorKind::Output);
        assert_eq!(read(dir.path()).len(), 0);
    }

    #[test]
    fn a_command_for_each_message() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        let script = format!(
            "echo \"$POP3_NUMBER $POP3_UID ${{POP3_SCRUBBED-}}\" >> {0}; cat >> {0}; echo noise",
            out.display()
        );
        let words = |script: &str| Destination::Pipe(["sh", "-c", script].map(str::to_owned).to_vec());
        let delivered = stored(dir.path(), &words(&script), &[("a b", MESSAGE), ("$(x)", b"1\r\n")]);
        assert_eq!(fs::read_to_string(&out).unwrap(), "1 a b \nSubject: one\n\n.\nFrom here\n2 $(x) \n1\n");
        assert_eq!(delivered[0].path, None);
        // A failure affects only the failed message.
        let state = dir.path().join("other");
        let script = words("test $POP3_NUMBER != 2");
        let mut storage = Storage::start(&script, Some(record(&state)), &options()).unwrap();
        for at in 1..=3 {
            storage
                .begin(incoming(at, Some(UniqueId::try_from(&[b'a'; 3][..at as usize]).unwrap()), 0))
                .unwrap();
            storage.end().unwrap();
            storage.vouch().unwrap();
        }
        let (reports, ended) = storage.finish();
        drop(ended.unwrap());
        let outcomes: Vec<_> = reports
            .iter()
            .map(|report| match report {
                Report::Stored(delivered) => (delivered.number.get(), String::new()),
                Report::Shown(shown) => (shown.number.get(), "shown".to_owned()),
                Report::Failed(failed) => (failed.number.get(), failed.error.message().to_owned()),
            })
            .collect();
        let failure = "--pipe sh: exit status: 1 for message 2".to_owned();
        assert_eq!(outcomes, [(1, String::new()), (2, failure), (3, String::new())]);
        assert_eq!(read(&state).len(), 2);
    }

    #[test]
    fn a_command_that_hangs_is_ended_with_its_children() {
        let dir = tempfile::tempdir().unwrap();
        let words = |script: &str| Destination::Pipe(["sh", "-c", script].map(str::to_owned).to_vec());
        let options = Options { pipe_timeout: Some(Duration::from_millis(100)), ..options() };
        let mut storage =
            Storage::start(&words("test $POP3_NUMBER = 2 || sleep 1000"), Some(record(dir.path())), &options)
                .unwrap();
        for at in 1..=2 {
            storage
                .begin(incoming(at, Some(UniqueId::try_from(&[b'a'; 3][..at as usize]).unwrap()), 0))
                .unwrap();
            storage.end().unwrap();
            storage.vouch().unwrap();
        }
        let (reports, ended) = storage.finish();
        drop(ended.unwrap());
        assert!(matches!(&reports[..], [Report::Failed(failed), Report::Stored(_)]
            if failed.error.message() == "--pipe sh: timed out for message 1"));
        let deadline = Some(std::time::Instant::now() + Duration::from_millis(100));
        let options = Options { deadline, ..self::options() };
        let mut storage = Storage::start(&words("sleep 1000"), None, &options).unwrap();
        storage.begin(incoming(1, None, 0)).unwrap();
        storage.end().unwrap();
        storage.vouch().unwrap();
        assert_eq!(storage.finish().1.err().unwrap().kind(), ErrorKind::TimedOut);
    }

    /// A command may start a process that reads its message later.
    #[test]
    fn each_message_has_a_spool_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("go");
        let out = dir.path().join("out");
        let script = format!(
            "exec 3<&0; test $POP3_NUMBER = 2 || {{ (read x < {0}; cat <&3 > {1}.new; mv {1}.new {1}) & }}",
            fifo.display(),
            out.display()
        );
        let status = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
        assert!(status.success());
        let words = Destination::Pipe(["sh", "-c", &script].map(str::to_owned).to_vec());
        stored(dir.path(), &words, &[("a", b"first"), ("b", b"second")]);
        fs::write(&fifo, "go\n").unwrap();
        while !out.exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(fs::read_to_string(out).unwrap(), "first");
    }

    #[test]
    fn a_mbox_that_others_hold_is_temporary() {
        let dir = tempfile::tempdir().unwrap();
        let mbox = dir.path().join("mbox");
        fs::write(dir.path().join("mbox.lock"), format!("{}\n", std::process::id())).unwrap();
        let (delivered, ended) = store(dir.path(), &Destination::Mbox(mbox.clone()), &[("a", b"1")]);
        assert!(delivered.is_empty() && !mbox.exists());
        assert_eq!(ended.err().unwrap().kind(), ErrorKind::Busy);
    }
}
