//! Every subcommand against Dovecot: in cleartext, with `STLS`, and with implicit TLS.

use std::process::Command;

use crate::support::dovecot::Dovecot;
use crate::support::messages::{crlf, messages};
use crate::support::sandbox::{Sandbox, files, run};

const PASSWORD: &str = "dove-cote 9";
const WAYS: [&str; 3] = ["none", "starttls", "implicit"];

/// Returns a `pop3` command for `user` of this server.
fn pop3(room: &Sandbox, dovecot: &Dovecot, tls: &str, user: &str, arguments: &[&str]) -> Command {
    let mut command = room.pop3(if tls == "implicit" { dovecot.tls_port } else { dovecot.port });
    command
        .args(arguments)
        .env("POP3_TLS", tls)
        .env("POP3_CA_FILE", dovecot.ca_file())
        .env("POP3_USER", user)
        .env("POP3_PASSWORD", PASSWORD);
    command
}

/// Returns the expected download of messages in a Maildir; a body always ends with a line end.
fn received(messages: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = messages
        .iter()
        .map(|message| {
            let mut octets = crlf(message);
            if !octets.ends_with(b"\r\n") {
                octets.extend_from_slice(b"\r\n");
            }
            octets
        })
        .collect();
    all.sort();
    all
}

#[test]
fn every_subcommand() {
    let Some(dovecot) = Dovecot::start(&[("none", PASSWORD), ("starttls", PASSWORD), ("implicit", PASSWORD)])
    else {
        return;
    };
    let mail = messages(12, 7);
    for tls in WAYS {
        dovecot.deliver(tls, &mail);
        let room = Sandbox::new();
        let run = |arguments: &[&str]| run(pop3(&room, &dovecot, tls, tls, arguments));

        let status = &run(&["status", "--json"]).expect(0).json()[0];
        assert_eq!((&status["messages"], &status["new_messages"]), (&12.into(), &12.into()));
        // Everything received before STLS is discarded, including the greeting.
        let greeting = run(&["status", "--server"]).expect(0).stdout().contains("Dovecot");
        assert_eq!(greeting, tls != "starttls");
        assert!(run(&["headers"]).expect(0).stdout().contains("Sender 3"));
        let headers = run(&["headers", "--json"]).expect(0).json();
        assert_eq!(headers.len(), 12);
        assert_eq!(headers[3]["from"][0]["address"], "sender3@example.org");

        let listing = run(&["uidl", "--json"]).expect(0).json();
        let unique_id = listing[5]["uid"].as_str().expect("Dovecot has UIDL");
        let row = &run(&["fetch", "--uid", unique_id, "--json"]).expect(0).json()[0];
        assert_eq!(row["number"], 6);
        let fetched =
            std::fs::read(room.work().join(row["path"].as_str().expect("a path"))).expect("the file");
        assert!(received(&mail[5..6]).contains(&fetched));
        run(&["fetch", "--maildir", "mail"]).expect(0);
        assert_eq!(files(&room.work().join("mail/new")).len(), 11);
        assert_eq!(run(&["status", "--check"]).code, Some(1), "all are fetched");

        let kept = run(&["delete", "1-4"]).expect(0);
        assert!(kept.stderr().contains("--commit"), "{kept:?}");
        assert_eq!(dovecot.count(tls), 12, "nothing is deleted without --commit");
        let rows = run(&["delete", "1-4", "--commit", "--json"]).expect(0).json();
        assert!(rows.len() == 4 && rows.iter().all(|row| row["deleted"] == true), "{rows:?}");
        assert_eq!(dovecot.count(tls), 8);
        run(&["fetch", "--all", "--no-state", "--dir", "rest", "--delete", "--commit"]).expect(0);
        assert_eq!(dovecot.count(tls), 0);
        let rest: Vec<Vec<u8>> =
            files(&room.work().join("rest")).into_iter().map(|(_, octets)| octets).collect();
        let mut expected = received(&mail[4..]);
        let mut rest = rest;
        rest.sort();
        expected.sort();
        assert!(rest == expected, "{tls}: what was fetched and deleted is on disk");
    }
}

#[test]
fn two_hundred_messages_are_identical() {
    let Some(dovecot) = Dovecot::start(&[("starttls", PASSWORD), ("implicit", PASSWORD)]) else { return };
    let mail = messages(200, 42);
    let expected = received(&mail);
    for tls in ["starttls", "implicit"] {
        dovecot.deliver(tls, &mail);
        for pipelining in [true, false] {
            let room = Sandbox::new();
            let arguments: &[&str] = if pipelining { &["fetch"] } else { &["fetch", "--no-pipelining"] };
            run(pop3(&room, &dovecot, tls, tls, arguments)).expect(0);
            let mut fetched: Vec<Vec<u8>> = room.files().into_iter().map(|(_, octets)| octets).collect();
            fetched.sort();
            assert_eq!(fetched.len(), 200);
            for (fetched, expected) in fetched.iter().zip(&expected) {
                assert!(
                    fetched == expected,
                    "over {tls}:\n{}\nis not\n{}",
                    fetched.escape_ascii(),
                    expected.escape_ascii()
                );
            }
        }
    }
}

#[test]
fn mechanisms() {
    let Some(dovecot) = Dovecot::start(&[("alice", PASSWORD)]) else { return };
    dovecot.deliver("alice", &messages(1, 1));
    let room = Sandbox::new();
    let mechanisms =
        ["auto", "user-pass", "plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256", "apop"];
    for tls in WAYS {
        for mechanism in mechanisms {
            let arguments = ["status", "--json", "--auth", mechanism];
            if (tls, mechanism) == ("starttls", "apop") {
                // The timestamp was in the cleartext greeting, which STLS discards.
                run(pop3(&room, &dovecot, tls, "alice", &arguments)).expect(76);
                continue;
            }
            run(pop3(&room, &dovecot, tls, "alice", &arguments)).expect(0);
            let mut wrong = pop3(&room, &dovecot, tls, "alice", &arguments);
            wrong.env("POP3_PASSWORD", "wrong");
            let refused = run(wrong).expect(77);
            assert!(refused.stderr().contains("-ERR [AUTH]"), "{tls} {mechanism}: {refused:?}");
        }
    }
    let server = &run(pop3(&room, &dovecot, "implicit", "alice", &["status", "--server", "--json"]))
        .expect(0)
        .json()[0]["server"];
    assert_eq!(server["tls_version"], "TLSv1.3");
    assert_eq!(server["certificate"]["sha256"], dovecot.fingerprint());
    assert!(server["mechanism"].as_str().is_some_and(|name| name.starts_with("SCRAM-SHA-256")), "{server}");
}

#[test]
fn certificates() {
    let Some(dovecot) = Dovecot::start(&[("alice", PASSWORD)]) else { return };
    dovecot.deliver("alice", &messages(1, 1));
    let room = Sandbox::new();
    let other = crate::support::mailbox::Certificate::for_loopback();
    let other_ca = room.path("other.pem");
    std::fs::write(&other_ca, &other.ca_pem).expect("a file");
    for tls in ["starttls", "implicit"] {
        // The certificate is not in the system's trust store, and was not signed by another CA.
        let mut untrusted = pop3(&room, &dovecot, tls, "alice", &["status"]);
        untrusted.env_remove("POP3_CA_FILE");
        let mut wrong_ca = pop3(&room, &dovecot, tls, "alice", &["status"]);
        wrong_ca.env("POP3_CA_FILE", &other_ca);
        for command in [untrusted, wrong_ca] {
            let refused = run(command).expect(78);
            let stderr = refused.stderr().to_lowercase().replace(':', "");
            assert!(stderr.contains(dovecot.fingerprint()), "the fingerprint seen is told: {refused:?}");
        }
        let mut pinned = pop3(&room, &dovecot, tls, "alice", &["status"]);
        pinned.env_remove("POP3_CA_FILE").env("POP3_TLS_FINGERPRINT", dovecot.fingerprint());
        run(pinned).expect(0);
        let mut wrong_pin = pop3(&room, &dovecot, tls, "alice", &["status"]);
        wrong_pin.env_remove("POP3_CA_FILE").env("POP3_TLS_FINGERPRINT", &other.fingerprint);
        run(wrong_pin).expect(78);
    }
}
