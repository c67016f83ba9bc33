//! Imports lists of seen messages that real programs wrote after fetching from Dovecot.

use std::fs::{self, File};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use crate::support::dovecot::Dovecot;
use crate::support::messages::messages;
use crate::support::sandbox::{Sandbox, run};
use crate::support::skip::need;

const PASSWORD: &str = "dovecote9";

/// Delivers five messages to Dovecot, has the other program fetch them with `fetch`, and delivers two more. `pop3`
/// must import `list` and fetch exactly those two.
fn two_of_seven(fetch: impl FnOnce(&Sandbox, &Dovecot) -> Command, list: impl FnOnce(u16) -> String) {
    let Some(dovecot) = Dovecot::start(&[("alice", PASSWORD)]) else { return };
    let mail = messages(7, 3);
    dovecot.deliver("alice", &mail[..5]);
    let room = Sandbox::new();
    let outcome = run(fetch(&room, &dovecot));
    assert_eq!(outcome.code, Some(0), "{outcome:?}\n{}", dovecot.log());
    dovecot.deliver_from(5, "alice", &mail[5..]);
    let pop3 = |arguments: &[&str]| {
        let mut command = room.pop3(dovecot.port);
        command.args(arguments).env("POP3_TLS", "none").env("POP3_PASSWORD", PASSWORD);
        run(command)
    };
    let list = room.path("home").join(list(dovecot.port));
    let list = list.to_str().expect("a name");
    let outcome = pop3(&["record", "--import", list]).expect(0);
    assert!(outcome.stdout().contains(": 5 messages"), "{outcome:?}\n{:?}", fs::read(list));
    let outcome = pop3(&["record", "--import", list]).expect(0);
    assert!(outcome.stdout().contains(": 0 messages; 5 known before"), "{outcome:?}");
    assert_eq!(pop3(&["record", "--json"]).expect(0).json().len(), 5);
    let rows = pop3(&["fetch", "--json", "--dir", "new"]).expect(0).json();
    assert_eq!(rows.len(), 2, "{rows:?}");
}

fn config(room: &Sandbox, name: &str, text: &str) -> String {
    let path = room.path("home").join(name);
    fs::write(&path, text).expect("a file");
    let own = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600);
    fs::set_permissions(&path, own).expect("own file");
    path.to_str().expect("a name").to_owned()
}

#[test]
fn mpop() {
    let Some(mpop) = need("mpop") else { return };
    two_of_seven(
        |room, dovecot| {
            let maildir = room.path("home").join("Mail");
            for folder in ["", "new", "cur", "tmp"] {
                fs::create_dir_all(maildir.join(folder)).expect("a folder");
            }
            let text = format!(
                "account default\nhost 127.0.0.1\nport {}\nuser alice\npassword {PASSWORD}\ntls off\nauth user\n\
                 keep on\ndelivery maildir {}\nuidls_file {}\n",
                dovecot.port,
                maildir.display(),
                room.path("home").join("uidls").display()
            );
            let file = config(room, "mpoprc", &text);
            let mut command = room.program(mpop);
            command.args(["-q", &format!("--file={file}")]);
            command
        },
        |_| "uidls".to_owned(),
    );
}

#[test]
fn fetchmail() {
    let Some(fetchmail) = need("fetchmail") else { return };
    two_of_seven(
        |room, dovecot| {
            let text = format!(
                "poll 127.0.0.1 protocol POP3 port {} uidl timeout 20 user alice password \"{PASSWORD}\" \
                 sslproto \"\" keep mda \"/bin/cat\"\n",
                dovecot.port
            );
            let file = config(room, "fetchmailrc", &text);
            let mut command = room.program(fetchmail);
            command.args(["-f", &file, "-i"]).arg(room.path("home").join("fetchids"));
            command.env("FETCHMAILHOME", room.path("home"));
            command
        },
        |_| "fetchids".to_owned(),
    );
}

#[test]
fn getmail() {
    let Some(getmail) = need("getmail") else { return };
    two_of_seven(
        |room, dovecot| {
            let home = room.path("home");
            let text = format!(
                "[retriever]\ntype = SimplePOP3Retriever\nserver = 127.0.0.1\nport = {}\nusername = alice\n\
                 password = {PASSWORD}\n[destination]\ntype = MDA_external\npath = /bin/cat\n\
                 allow_root_commands = true\n[options]\ndelete = false\nread_all = false\n",
                dovecot.port
            );
            config(room, "getmailrc", &text);
            let mut command = room.program(getmail);
            command
                .args(["--quiet", "--rcfile", "getmailrc"])
                .arg(format!("--getmaildir={}", home.display()));
            command
        },
        |port| format!("oldmail-127.0.0.1-{port}-alice"),
    );
}

/// A list with an incomplete last line and a list that changes while it is read are refused, and change nothing.
#[test]
fn a_list_that_is_being_written() {
    let room = Sandbox::new();
    let record = |arguments: &[&str]| {
        let mut command = room.pop3(110);
        command.arg("record").args(arguments);
        run(command)
    };
    let list = room.work().join("fetchids");
    fs::write(&list, "alice@127.0.0.1 u1\nalice@127.0.0.1 u2\nalice@127.0.0.1 u").expect("a file");
    let outcome = record(&["--import", "fetchids"]).expect(65);
    assert_eq!(
        outcome.stderr(),
        "pop3: fetchids: the list is incomplete in line 3: another program may be writing it\n"
    );

    let lines: Vec<_> = (0..50_000).map(|nth| format!("alice@127.0.0.1 u{nth}\n")).collect();
    fs::write(&list, lines.concat()).expect("a file");
    let is_done = AtomicBool::new(false);
    let refused = thread::scope(|scope| {
        scope.spawn(|| {
            let file = File::options().write(true).open(&list).expect("the file");
            for second in 1.. {
                if is_done.load(Ordering::Relaxed) {
                    break;
                }
                file.set_modified(UNIX_EPOCH + Duration::from_secs(second)).expect("a time");
            }
        });
        // It depends on the scheduler whether the list changes while it is read, so several attempts are made.
        let refused = (0..100).map(|_| record(&["--import", "fetchids"])).find(|outcome| {
            if outcome.code == Some(0) {
                record(&["--forget", "--all"]);
            }
            outcome.code != Some(0)
        });
        is_done.store(true, Ordering::Relaxed);
        refused
    });
    let outcome = refused.expect("a change that was noticed").expect(65);
    assert_eq!(
        outcome.stderr(),
        "pop3: fetchids: changed while it was read; end the program that writes it\n"
    );
    assert_eq!(record(&[]).expect(0).stdout(), "");
}
