//! STLS and the end of a TLS connection.

use std::time::{Duration, Instant};

use super::over_tls;
use crate::support::mailbox::Certificate;
use crate::support::sandbox::{Sandbox, run};
use crate::support::service::Service;

/// fetchmail-SA-2011-01: silence after the `+OK` to STLS. No credential is sent, and the run ends at its timeout.
#[test]
fn silence_in_the_handshake() {
    for tls in ["starttls", "implicit"] {
        let server = Service::start(move |mut peer| {
            if tls == "starttls" {
                peer.say("+OK\r\n");
                peer.hear();
                peer.say("+OK\r\nSTLS\r\n.\r\n");
                peer.hear();
                peer.say("+OK go on\r\n");
            }
            peer.wait();
        });
        let room = Sandbox::new();
        let mut command = room.pop3(server.port());
        command.args(["status"]).env("POP3_TLS", tls).env("POP3_TIMEOUT", "1");
        let begun = Instant::now();
        run(command).expect(69);
        assert!(begun.elapsed() < Duration::from_secs(10), "{tls}: {:?}", begun.elapsed());
        let heard = server.finish().join("\n");
        assert!(!heard.contains("AUTH") && !heard.contains("USER"), "{tls}: {heard}");
    }
}

/// RFC 2595 §4: capabilities and the greeting in cleartext (here pipelining, a mechanism, a timestamp) are discarded
/// after STLS.
#[test]
fn data_from_before_tls_is_discarded() {
    let certificate = Certificate::for_loopback();
    let config = certificate.server_config();
    let server = Service::start(move |mut peer| {
        peer.say("+OK <1@example.org>\r\n");
        peer.hear();
        peer.say("+OK\r\nSTLS\r\nPIPELINING\r\nSASL LOGIN\r\n.\r\n");
        peer.hear();
        peer.say("+OK\r\n");
        peer.encrypt(&config);
        assert_eq!(peer.hear(), "CAPA");
        peer.say("+OK\r\nUSER\r\n.\r\n");
        for command in ["USER alice", "PASS secret", "STAT"] {
            assert_eq!(peer.hear(), command);
            peer.say(if command == "STAT" { "+OK 0 0\r\n" } else { "+OK\r\n" });
        }
        for command in ["UIDL", "LIST"] {
            assert_eq!(peer.hear(), command);
            assert!(!peer.has_more(), "it pipelines");
            peer.say("+OK\r\n.\r\n");
        }
        peer.wait();
    });
    let room = Sandbox::new();
    let ca_file = room.path("ca.pem");
    std::fs::write(&ca_file, &certificate.ca_pem).expect("a file");
    let mut command = room.pop3(server.port());
    command.args(["status"]).env("POP3_CA_FILE", ca_file);
    run(command).expect(0);
    server.finish();
}

/// An attacker can forge the cleartext greeting. If a greeting with a bare LF made LF . LF end a message inside TLS,
/// the rest of that message would be read as responses to later commands.
#[test]
fn a_bare_line_feed_before_tls_has_no_effect_inside_tls() {
    let certificate = Certificate::for_loopback();
    let config = certificate.server_config();
    let server = Service::start(move |mut peer| {
        peer.say("+OK forged\n");
        peer.hear();
        peer.say("+OK\nSTLS\n.\n");
        peer.hear();
        peer.say("+OK\n");
        peer.encrypt(&config);
        peer.hear();
        peer.say("+OK\r\nPIPELINING\r\nSASL PLAIN\r\n.\r\n");
        peer.hear();
        peer.say("+OK\r\n");
        peer.list(2);
        for _ in 0..4 {
            peer.hear();
        }
        peer.say("+OK\r\na: b\n.\n+OK\nforged\n\r\n.\r\n+OK 1 5\r\n+OK\r\nsecond\r\n.\r\n+OK 2 5\r\n");
        peer.wait();
    });
    let room = Sandbox::new();
    let ca_file = room.path("ca.pem");
    std::fs::write(&ca_file, &certificate.ca_pem).expect("a file");
    let mut command = room.pop3(server.port());
    command.args(["fetch"]).env("POP3_CA_FILE", ca_file);
    run(command).expect(0);
    let files = room.files();
    assert_eq!(files[0], ("u1.eml".to_owned(), b"a: b\n.\n+OK\nforged\n\r\n".to_vec()));
    assert_eq!(files[1], ("u2.eml".to_owned(), b"second\r\n".to_vec()));
    server.finish();
}

/// A forged FIN ends the connection without `close_notify`, inside a message or right after one of its lines. After
/// the `+OK` to QUIT it is harmless.
#[test]
fn an_end_without_close_notify() {
    let certificate = Certificate::for_loopback();
    for (message, code) in [("a: b\r\n", 69), ("a: b\r\n\r\n.", 69), ("a: b\r\n.\r\n", 0)] {
        let server = over_tls(certificate.server_config(), move |peer| {
            peer.log_in();
            peer.list(1);
            peer.hear();
            peer.say(format!("+OK\r\n{message}"));
            if code == 0 {
                assert_eq!(peer.hear(), "LIST 1");
                peer.say("+OK 1 5\r\n");
                assert_eq!(peer.hear(), "QUIT");
                peer.say("+OK\r\n");
            }
        });
        let room = Sandbox::new();
        let mut command = room.pop3(server.port());
        command
            .args(["fetch", "--commit"])
            .env("POP3_TLS", "implicit")
            .env("POP3_TLS_FINGERPRINT", &certificate.fingerprint);
        run(command).expect(code);
        let heard = server.finish();
        assert_eq!(heard.iter().any(|line| line == "QUIT"), code == 0);
        assert_eq!(room.files().len(), usize::from(code == 0), "{message:?}");
    }
}
