//! Whole sessions against the mailbox server: over TLS, with many messages, with large messages, with failures.

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use crate::support::mailbox::{Certificate, Mailbox, Message, Quirks, Quit, Tls};
use crate::support::messages::{crlf, messages};
use crate::support::sandbox::{Sandbox, run, start};

fn maildrop(count: u64) -> Vec<Message> {
    let mail = messages(count, 5).into_iter().enumerate();
    mail.map(|(nth, octets)| Message::new(format!("u{}", nth + 1), crlf(&octets))).collect()
}

fn serve(tls: Tls, quirks: Quirks, mail: Vec<Message>) -> Mailbox {
    Mailbox::start(tls, quirks).with_user("alice", "secret", mail)
}

/// Returns a `pop3` command that trusts this server.
fn pop3(room: &Sandbox, server: &Mailbox, tls: Tls, arguments: &[&str]) -> Command {
    let ca_file = room.path("ca.pem");
    std::fs::write(&ca_file, &server.certificate().ca_pem).expect("a file");
    let mut command = room.pop3(server.port());
    command.args(arguments).env("POP3_CA_FILE", ca_file).env(
        "POP3_TLS",
        match tls {
            Tls::None => "none",
            Tls::Stls => "starttls",
            Tls::Implicit => "implicit",
        },
    );
    command
}

#[test]
fn every_way_to_connect() {
    for tls in [Tls::None, Tls::Stls, Tls::Implicit] {
        for (pipelining, sasl, utf8) in [(true, true, Some("UTF8")), (false, false, None)] {
            let quirks = Quirks { pipelining, sasl, utf8, ..Quirks::default() };
            let mail = maildrop(24);
            let server = serve(tls, quirks, mail.clone());
            let room = Sandbox::new();
            run(pop3(&room, &server, tls, &["fetch", "--delete", "--commit"])).expect(0);
            let files = room.files();
            assert_eq!(files.len(), 24);
            for (name, octets) in &files {
                let unique_id = name.strip_suffix(".eml").expect("a message");
                let message =
                    mail.iter().find(|message| message.unique_id == unique_id).expect("a known name");
                assert!(message.received() == *octets, "{tls:?}: {name} is not what was sent");
            }
            assert!(server.unique_ids("alice").is_empty());
            let log = server.log().concat();
            assert_eq!(
                log.iter().filter(|line| *line == "CAPA").count(),
                if tls == Tls::Stls { 2 } else { 1 }
            );
            assert_eq!(log.last().map(String::as_str), Some("QUIT"));
        }
    }
}

#[test]
fn certificate_of_another_name() {
    let certificate = Certificate::for_names(&["mail.example.org"]);
    let server = Mailbox::start_with(Tls::Implicit, Quirks::default(), certificate).with_user(
        "alice",
        "secret",
        maildrop(1),
    );
    let room = Sandbox::new();
    let refused = run(pop3(&room, &server, Tls::Implicit, &["status", "--json"])).expect(78);
    assert!(refused.stderr().contains("\"code\":\"tls\""), "{refused:?}");
    assert!(server.log().concat().is_empty(), "no credential was sent");
    let mut pinned = pop3(&room, &server, Tls::Implicit, &["status"]);
    pinned.env("POP3_TLS_FINGERPRINT", &server.certificate().fingerprint).env_remove("POP3_CA_FILE");
    run(pinned).expect(0);
}

/// `--wait`: an `[IN-USE]` refusal is retried until the time is up.
#[test]
fn a_maildrop_in_use_is_tried_again() {
    let quirks = Quirks { login_refused: Some(("-ERR [IN-USE] locked", 2)), ..Quirks::default() };
    let server = serve(Tls::None, quirks, maildrop(2));
    let room = Sandbox::new();
    run(pop3(&room, &server, Tls::None, &["status"])).expect(0);

    let quirks = Quirks { login_refused: Some(("-ERR [IN-USE] locked", 1_000_000)), ..Quirks::default() };
    let server = serve(Tls::None, quirks, maildrop(2));
    let started = Instant::now();
    run(pop3(&room, &server, Tls::None, &["status", "--wait", "1"])).expect(75);
    assert!(started.elapsed() < Duration::from_secs(10), "it waits for {:?}", started.elapsed());
}

/// Only `QUIT` deletes messages; `deleted` is true if the server confirmed it.
#[test]
fn messages_are_deleted_only_by_quit() {
    for (quit, code, deleted, left) in [
        (Quit::Ok, 0, serde_json::Value::Bool(true), 0),
        (Quit::Refused, 75, serde_json::Value::Bool(false), 3),
        (Quit::DropsBefore, 75, serde_json::Value::Null, 3),
        (Quit::DropsAfter, 75, serde_json::Value::Null, 0),
    ] {
        let server = serve(Tls::Implicit, Quirks { quit, ..Quirks::default() }, maildrop(3));
        let room = Sandbox::new();
        let outcome =
            run(pop3(&room, &server, Tls::Implicit, &["delete", "--all", "--commit", "--json"])).expect(code);
        let rows = outcome.json();
        assert_eq!(rows.len(), 3, "{quit:?}: {outcome:?}");
        assert!(rows.iter().all(|row| row["deleted"] == deleted), "{quit:?}: {outcome:?}");
        assert_eq!(server.unique_ids("alice").len(), left, "{quit:?}");
    }
}

#[test]
fn a_server_with_few_capabilities() {
    let quirks = Quirks {
        capa: false,
        pipelining: false,
        top: true,
        top_sends_all: true,
        bare_lf: true,
        size_lie: 1000,
        refuse: vec![2],
        delay: Some(Duration::from_millis(1)),
        ..Quirks::default()
    };
    let server = serve(Tls::None, quirks, maildrop(3));
    let room = Sandbox::new();
    let rows = run(pop3(&room, &server, Tls::None, &["headers", "--json"])).expect(76).json();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[1]["error"], "-ERR [SYS/TEMP] not today");
    run(pop3(&room, &server, Tls::None, &["fetch"])).expect(76);
    assert_eq!(room.files().len(), 2);

    let server = serve(Tls::None, Quirks { uidl: false, top: false, ..Quirks::default() }, maildrop(2));
    let room = Sandbox::new();
    run(pop3(&room, &server, Tls::None, &["fetch"])).expect(76);
    run(pop3(&room, &server, Tls::None, &["headers", "--all"])).expect(76);
    run(pop3(&room, &server, Tls::None, &["fetch", "--all"])).expect(0);
    assert_eq!(room.files().len(), 2);
}

/// The connection is lost again and again: each run stores some more messages, none twice, until all are stored.
#[test]
fn every_lost_connection_makes_progress() {
    let mail = maildrop(40);
    let longest = mail.iter().map(Message::octets).max().expect("messages");
    // The limit suffices for the listing and one message, so that each connection makes progress.
    let quirks = Quirks { drop_after: Some(longest * 3 / 2 + 8_000), ..Quirks::default() };
    let server = serve(Tls::Implicit, quirks, mail.clone());
    let room = Sandbox::new();
    let mut runs = 0;
    loop {
        let outcome = run(pop3(&room, &server, Tls::Implicit, &["fetch"]));
        runs += 1;
        if outcome.code == Some(0) {
            break;
        }
        outcome.expect(69);
        assert!(runs < 200, "no run makes progress");
    }
    assert!(runs > 1, "no connection was lost");
    let files = room.files();
    assert_eq!(files.len(), mail.len());
    server.deliver("alice", Message::new("late", "Subject: late\r\n\r\n"));
    let rows = run(pop3(&room, &server, Tls::Implicit, &["uidl", "--new", "--json"])).expect(0).json();
    assert!(rows.len() == 1 && rows[0]["uid"] == "late", "{rows:?}");
}

/// A server that slowly sends single bytes never exceeds `--timeout`, but does exceed `--deadline`.
#[test]
fn a_slow_server_ends_at_the_deadline() {
    let quirks =
        Quirks { a_slow_server_ends_at_the_deadline: Some(Duration::from_millis(100)), ..Quirks::default() };
    let server = serve(Tls::None, quirks, maildrop(1));
    let room = Sandbox::new();
    let started = Instant::now();
    run(pop3(&room, &server, Tls::None, &["fetch", "--timeout", "1", "--deadline", "2"])).expect(69);
    assert!(started.elapsed() < Duration::from_secs(10));
    assert!(room.files().is_empty());
}

/// A standard input that stays open is read until `--deadline`, and the error names it.
#[test]
fn a_deadline_ends_the_wait_for_unique_ids() {
    let room = Sandbox::new();
    let mut command = room.pop3(1);
    command.args(["delete", "--uid", "-", "--deadline", "0.2"]);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("pop3 starts");
    let _open = child.stdin.take();
    let output = child.wait_with_output().expect("pop3 ends");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{stderr}");
    assert!(stderr.contains("0.2 s passed while waiting for standard input (--uid -)"), "{stderr}");
}

#[test]
fn a_greeting_that_refuses() {
    let quirks = Quirks { greeting: Some("-ERR we are closed".to_owned()), ..Quirks::default() };
    let server = serve(Tls::Implicit, quirks, maildrop(1));
    let room = Sandbox::new();
    let refused = run(pop3(&room, &server, Tls::Implicit, &["status"])).expect(69);
    assert!(refused.stderr().contains("-ERR we are closed"), "{refused:?}");
}

/// A large message and an endless line, in constant memory. `POP3_TEST_LARGE=long` uses 1 GiB.
#[test]
fn large_messages_need_constant_memory() {
    let mebibytes =
        if std::env::var("POP3_TEST_LARGE").is_ok_and(|value| value == "long") { 1024 } else { 64 };
    let line = format!(".{}\r\n", "0123456789abcdef".repeat(64));
    let block = line.repeat(512);
    let times = mebibytes * 1024 * 1024 / block.len() as u64;
    let mail = vec![
        Message::repeated("many-lines", block, times),
        Message::repeated("one-line", "\0\u{ff}.abcdefghijklm".repeat(4096), mebibytes * 8),
    ];
    let most = Arc::new(Mutex::new((None::<u32>, 0_u64)));
    let quirks = Quirks {
        watch: Some({
            let most = Arc::clone(&most);
            Arc::new(move |_| {
                let mut most = most.lock().expect("no session panics");
                if let Some(octets) = most.0.and_then(peak) {
                    most.1 = most.1.max(octets);
                }
            })
        }),
        ..Quirks::default()
    };
    let server = serve(Tls::Implicit, quirks, mail.clone());
    let room = Sandbox::new();
    let running = start(pop3(&room, &server, Tls::Implicit, &["fetch", "--json"]), b"", false);
    most.lock().expect("no session panics").0 = Some(running.child.id());
    let rows = running.finish().expect(0).json();
    for (row, message) in rows.iter().zip(&mail) {
        let path = room.work().join(row["path"].as_str().expect("a path"));
        let stored = std::fs::read(path).expect("the message");
        assert!(stored == message.received(), "{} is not what was sent", message.unique_id);
        let sha256 = Sha256::digest(&stored).iter().fold(String::new(), |mut hex, octet| {
            write!(hex, "{octet:02x}").expect("a String takes every character");
            hex
        });
        assert_eq!(row["sha256"], sha256);
    }
    let peak = most.lock().expect("no session panics").1;
    assert!(peak < 24_000_000 || !cfg!(target_os = "linux"), "{peak} octets of memory");
}

/// The peak memory of a process, where the system reports it.
fn peak(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// Two tunnels to one host: the same user, host, unique-ids, sizes and headers, but other messages.
#[test]
fn another_port_is_another_maildrop() {
    let room = Sandbox::new();
    let mut all = Vec::new();
    for port in ["first", "other"] {
        let mail = (1..=3).map(|nth| {
            let text = format!("Subject: same\r\n\r\n{nth} of the {port} port\r\n");
            all.push(text.clone().into_bytes());
            Message::new(nth.to_string(), text)
        });
        let server = serve(Tls::None, Quirks::default(), mail.collect());
        for arguments in [&["delete", "--fetched", "--commit"][..], &["fetch", "--delete", "--commit"]] {
            run(pop3(&room, &server, Tls::None, arguments)).expect(0);
        }
        assert!(server.unique_ids("alice").is_empty());
    }
    let mut stored: Vec<Vec<u8>> = room.files().into_iter().map(|(_, bytes)| bytes).collect();
    stored.sort();
    all.sort();
    assert!(stored == all, "{} stored of {}", stored.len(), all.len());
}
