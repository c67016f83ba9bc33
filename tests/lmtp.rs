//! `fetch --lmtp` to a scripted server and to Dovecot.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use crate::support::dovecot::Dovecot;
use crate::support::mailbox::{Mailbox, Message, Quirks, Tls};
use crate::support::messages::{crlf, messages};
use crate::support::sandbox::{Outcome, Sandbox, run};
use crate::support::skip::skipped;

/// An LMTP server that answers each message according to its content, until the test ends.
struct Lmtp {
    port: u16,
    /// Every line of every connection except message data; `---` marks the start of a connection.
    heard: Arc<Mutex<Vec<String>>>,
    taken: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Lmtp {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let (heard, taken) = (Arc::default(), Arc::default());
        let lmtp = Self { port, heard: Arc::clone(&heard), taken: Arc::clone(&taken) };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                serve(&stream.expect("a connection"), &heard, &taken);
            }
        });
        lmtp
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("no server panics").clone()
    }

    fn taken(&self) -> Vec<Vec<u8>> {
        self.taken.lock().expect("no server panics").clone()
    }
}

fn serve(mut stream: &TcpStream, heard: &Mutex<Vec<String>>, taken: &Mutex<Vec<Vec<u8>>>) {
    let note = |line: &str| heard.lock().expect("no test panics").push(line.to_owned());
    note("---");
    let mut lines = BufReader::new(stream).split(b'\n');
    let _ = stream.write_all(b"220 test LMTP\r\n");
    while let Some(Ok(line)) = lines.next() {
        let line = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
        note(&line);
        let answer = match line.split_once(' ').map_or(line.as_str(), |(verb, _)| verb) {
            "LHLO" => "250-test\r\n250-8BITMIME\r\n250-SIZE\r\n250 PIPELINING",
            "RCPT" if line.contains("nobody") => "550 5.1.1 no such user",
            "RCPT" if line.contains("later") => "451 4.3.0 try later",
            "DATA" => "354 go on",
            _ => "250 OK",
        };
        let _ = stream.write_all(format!("{answer}\r\n").as_bytes());
        if answer.starts_with("354") {
            let mut message = Vec::new();
            loop {
                let Some(Ok(line)) = lines.next() else { return };
                if line == b".\r" {
                    break;
                }
                message.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
                message.push(b'\n');
            }
            let text = String::from_utf8_lossy(&message);
            let answer = if text.contains("refuse me") {
                "554 5.6.0 refused"
            } else if text.contains("not now") {
                "452 4.2.2 over quota"
            } else {
                taken.lock().expect("no test panics").push(message);
                "250 2.0.0 saved"
            };
            let _ = stream.write_all(format!("{answer}\r\n").as_bytes());
        }
    }
}

fn server(texts: &[&str]) -> Mailbox {
    let mail = (1..).zip(texts).map(|(nth, text)| Message::new(format!("u{nth}"), crlf(text.as_bytes())));
    Mailbox::start(Tls::None, Quirks::default()).with_user("alice", "secret", mail.collect())
}

fn fetch(room: &Sandbox, server: &Mailbox, arguments: &[&str]) -> Outcome {
    let mut command = room.pop3(server.port());
    command.arg("fetch").args(arguments).env("POP3_TLS", "none");
    run(command)
}

#[test]
fn all_messages_share_one_connection() {
    let server = server(&["a: 1\n\n.one\n", "a: 2\n\ntwo\n", "a: 3\n\nthree\n"]);
    let (room, lmtp) = (Sandbox::new(), Lmtp::start());
    let to = format!("127.0.0.1:{}", lmtp.port);
    let arguments = ["--lmtp", &to, "--rcpt", "alice@example.org", "--json", "--delete", "--commit"];
    let rows = fetch(&room, &server, &arguments).expect(0).json();
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row["path"].is_null() && row["deleted"] == true), "{rows:?}");
    assert!(rows[0]["sha256"].is_string() && rows[0]["octets"] == 14, "{rows:?}");
    assert_eq!(
        lmtp.taken(),
        [&b"a: 1\r\n\r\n.one\r\n"[..], b"a: 2\r\n\r\ntwo\r\n", b"a: 3\r\n\r\nthree\r\n"]
    );
    assert!(server.unique_ids("alice").is_empty());
    // No message is new, so no connection is made.
    let rows = fetch(&room, &server, &arguments).expect(0).json();
    assert!(rows.is_empty());
    let heard = lmtp.heard();
    assert_eq!(heard.iter().filter(|line| *line == "---").count(), 1, "{heard:?}");
    assert_eq!(heard.iter().filter(|line| *line == "MAIL FROM:<> SIZE=14").count(), 1, "{heard:?}");
    assert_eq!(heard.iter().filter(|line| *line == "RCPT TO:<alice@example.org>").count(), 3, "{heard:?}");
}

#[test]
fn a_refused_message_does_not_affect_the_others() {
    let server = server(&["a: 1\n\none\n", "a: 2\n\nrefuse me\n", "a: 3\n\nthree\n"]);
    let (room, lmtp) = (Sandbox::new(), Lmtp::start());
    let to = format!("127.0.0.1:{}", lmtp.port);
    let arguments = ["--lmtp", &to, "--rcpt", "alice", "--json", "--delete", "--commit"];
    for _ in 0..2 {
        let outcome = fetch(&room, &server, &arguments).expect(76);
        assert!(outcome.stderr().contains("\"code\":\"partial\""), "{outcome:?}");
        let rows = outcome.json();
        let refused = rows.iter().find(|row| row["uid"] == "u2").expect("its row");
        assert_eq!(refused["error"], "554 5.6.0 refused", "{outcome:?}");
        assert_eq!(server.unique_ids("alice"), ["u2"], "the others are deleted");
    }
    assert_eq!(lmtp.taken().len(), 2, "none is taken twice");
}

#[test]
fn temporary_refusals_end_the_run() {
    let server = server(&["a: 1\n\none\n", "a: 2\n\nnot now\n", "a: 3\n\nthree\n"]);
    let (room, lmtp) = (Sandbox::new(), Lmtp::start());
    let to = format!("127.0.0.1:{}", lmtp.port);
    let outcome =
        fetch(&room, &server, &["--lmtp", &to, "--rcpt", "alice", "--json", "--delete", "--commit"])
            .expect(75);
    assert!(outcome.stderr().contains("452 4.2.2 over quota"), "{outcome:?}");
    assert_eq!(server.unique_ids("alice").len(), 3, "a run that ends early commits nothing");
    assert_eq!(lmtp.taken().len(), 1);
    let outcome = fetch(&room, &server, &["--lmtp", &to, "--rcpt", "later", "--json", "--new"]).expect(75);
    assert!(outcome.stderr().contains("451 4.3.0 try later"), "{outcome:?}");
    // The first message is remembered, and is not delivered again.
    fetch(&room, &server, &["--lmtp", &to, "--rcpt", "alice", "3"]).expect(0);
    assert_eq!(lmtp.taken().len(), 2);
}

#[test]
fn permanent_refusals_and_unreachable_servers() {
    let server = server(&["a: 1\n\none\n"]);
    let (room, lmtp) = (Sandbox::new(), Lmtp::start());
    let to = format!("127.0.0.1:{}", lmtp.port);
    let outcome = fetch(&room, &server, &["--lmtp", &to, "--rcpt", "nobody"]).expect(73);
    assert!(outcome.stderr().contains("the recipient refused: 550 5.1.1 no such user"), "{outcome:?}");
    let closed = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
    let outcome = fetch(&room, &server, &["--lmtp", &closed.to_string(), "--rcpt", "alice"]).expect(69);
    assert!(outcome.stderr().contains(&closed.to_string()), "{outcome:?}");
    fetch(&room, &server, &["--lmtp", "./none", "--rcpt", "alice"]).expect(69);
    // A silent server, and a server of another protocol.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let to_silent = silent.local_addr().expect("bound").to_string();
    let outcome =
        fetch(&room, &server, &["--lmtp", &to_silent, "--rcpt", "alice", "--timeout", "0.5"]).expect(69);
    assert!(outcome.stderr().contains("timed out"), "{outcome:?}");
    fetch(&room, &server, &["--lmtp", &to_silent, "--rcpt", "alice", "--deadline", "0.5"]).expect(69);
    let pop3 = format!("127.0.0.1:{}", server.port());
    fetch(&room, &server, &["--lmtp", &pop3, "--rcpt", "alice"]).expect(76);
    // The message is still new.
    fetch(&room, &server, &["--lmtp", &to, "--rcpt", "alice"]).expect(0);
    assert_eq!(lmtp.taken().len(), 1);
}

#[test]
fn malformed_responses_end_the_run() {
    let server = server(&[]);
    let room = Sandbox::new();
    for arguments in [
        &["--lmtp", "localhost:24"][..],
        &["--rcpt", "alice"],
        &["--lmtp", "localhost", "--rcpt", "alice"],
        &["--lmtp", "localhost:24", "--rcpt", "alice> SIZE=1"],
        &["--lmtp", "localhost:24", "--rcpt", "a\r\nRSET"],
        &["--lmtp", "localhost:24", "--rcpt", ""],
        &["--lmtp", "localhost:24", "--rcpt", "alice", "--dir", "mail"],
        &["--lmtp", "localhost:24", "--rcpt", "alice", "--stdout"],
    ] {
        fetch(&room, &server, arguments).expect(2);
    }
    let config = |keys: &str| {
        std::fs::write(room.path("config.toml"), format!("[account.work]\n{keys}\n")).expect("a file");
        let mut command = room.pop3(server.port());
        command
            .args(["fetch", "-a", "work", "--config"])
            .arg(room.path("config.toml"))
            .env("POP3_TLS", "none");
        run(command)
    };
    config("lmtp = \"localhost:24\"").expect(78);
    config("lmtp = \"localhost\"\nrcpt = \"alice\"").expect(78);
    config("lmtp = \"localhost:24\"\nrcpt = \"alice\"\ndir = \"mail\"").expect(78);
    config("lmtp = \"localhost:24\"\nrcpt = \"alice\"").expect(0);
}

/// Dovecot's `service lmtp`, on a socket and a port.
fn with_lmtp(port: u16) -> impl FnOnce(&Path) -> String {
    move |root| {
        format!(
            "protocols = pop3 lmtp\nservice lmtp {{\n  unix_listener {}/lmtp {{\n    mode = 0666\n  }}\n  \
             inet_listener lmtp {{\n    address = 127.0.0.1\n    port = {port}\n  }}\n}}\n",
            root.display()
        )
    }
}

#[test]
fn dovecot() {
    if !Path::new("/usr/lib/dovecot/lmtp").exists() {
        skipped("Dovecot's lmtp is not installed (package dovecot-lmtpd)");
        return;
    }
    let port = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound").port();
    let users = [("alice", "secret"), ("bob", "secret"), ("carol", "secret")];
    let Some(dovecot) = Dovecot::start_with(&users, with_lmtp(port)) else { return };
    let mut mail = messages(60, 5);
    mail.push(b"Subject: dots\n\n.\n..\n.a\n\n".to_vec());
    mail.push(b"Subject: eight bits \xc3\xa4\n\n\xff\x80\n".to_vec());
    mail.push([&b"Subject: large\n\n"[..], &b"0123456789abcdef\n".repeat(100_000)].concat());
    dovecot.deliver("alice", &mail);
    for user in ["bob", "carol"] {
        dovecot.deliver(user, &[]);
    }
    let socket = dovecot.ca_file().with_file_name("lmtp");
    for (user, address) in [("bob", socket.display().to_string()), ("carol", format!("127.0.0.1:{port}"))] {
        let room = Sandbox::new();
        let fetch = |rcpt: &str| {
            let mut command: Command = room.pop3(dovecot.port);
            command.args(["fetch", "--lmtp", &address, "--rcpt", rcpt, "--json"]).env("POP3_TLS", "none");
            run(command)
        };
        let unknown = fetch("nosuch").expect(73);
        assert!(unknown.stderr().contains("550 5.1.1"), "{unknown:?}");
        let rows = fetch(user).expect(0).json();
        assert_eq!(rows.len(), mail.len());
        assert!(fetch(user).expect(0).json().is_empty());
        // Bob and Carol receive the same message as Alice, after the fields that delivery adds.
        let download = |user: &str| -> Vec<Vec<u8>> {
            let room = Sandbox::new();
            let mut command = room.pop3(dovecot.port);
            command.arg("fetch").env("POP3_TLS", "none").env("POP3_USER", user);
            run(command).expect(0);
            room.files().into_iter().map(|(_, octets)| octets).collect()
        };
        let mut sent = download("alice");
        let mut received: Vec<Vec<u8>> =
            download(user).iter().map(|message| without_trace(message)).collect();
        sent.sort();
        received.sort();
        assert_eq!(received.len(), sent.len());
        for (received, sent) in received.iter().zip(&sent) {
            assert!(received == sent, "{}\nis not\n{}", received.escape_ascii(), sent.escape_ascii());
        }
    }
}

/// Returns a message without the fields that Dovecot adds.
fn without_trace(message: &[u8]) -> Vec<u8> {
    let mut rest = message;
    while ["Return-Path:", "Delivered-To:", "Received:", " ", "\t"]
        .iter()
        .any(|start| rest.starts_with(start.as_bytes()))
    {
        let end = rest.iter().position(|&byte| byte == b'\n').expect("a line");
        rest = &rest[end + 1..];
    }
    rest.to_vec()
}
