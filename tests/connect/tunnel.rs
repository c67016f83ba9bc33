//! Servers behind a tunnel: another name in the certificate, a chosen local address, recorded TLS keys.

use super::{error, file, mailbox, over_tls, status};
use crate::support::mailbox::{Certificate, Mailbox, Quirks, Tls};
use crate::support::pki::Authority;
use crate::support::sandbox::{Sandbox, run};
use crate::support::service::{Peer, Service};

#[test]
fn the_certificate_is_checked_for_another_name() {
    let room = Sandbox::new();
    for tls in [Tls::Stls, Tls::Implicit] {
        let certificate = Certificate::for_names(&["pop.example.org"]);
        let server =
            Mailbox::start_with(tls, Quirks::default(), certificate).with_user("alice", "secret", Vec::new());
        let ca = file(&room, "ca.pem", &server.certificate().ca_pem).display().to_string();
        let way = if tls == Tls::Stls { "starttls" } else { "implicit" };
        let try_with = |arguments: &[&str]| {
            run(status(&room, server.port(), &[&["--tls", way, "--ca-file", &ca], arguments].concat()))
        };
        let outcome = try_with(&["--tls-name", "POP.example.org", "--trace"]).expect(0);
        assert!(outcome.stderr().contains("TLS server name pop.example.org"), "{outcome:?}");
        // The name of `--tls-name` is checked, and is the name in the error.
        for (arguments, name) in [
            (&[][..], "127.0.0.1"),
            (&["--tls-name", "example.org"], "example.org"),
            (&["--tls-name", "127.0.0.1"], "127.0.0.1"),
            (&["--tls-name", "192.0.2.1"], "192.0.2.1"),
        ] {
            let (code, message) = error(&try_with(arguments).expect(78));
            assert_eq!(code, "tls");
            assert!(message.contains(&format!("for pop.example.org, not for {name};")), "{message}");
            let hint =
                if arguments.is_empty() { "certificate with --tls-name" } else { "; check --tls-name" };
            assert!(message.ends_with(hint), "{message}");
        }
        // With a pinned certificate, the name is not checked.
        let pin = server.certificate().fingerprint.clone();
        try_with(&["--tls-name", "elsewhere.test", "--tls-fingerprint", &pin]).expect(0);
    }
}

#[test]
fn the_name_is_sent_to_the_server() {
    let certificate = Authority::new("servers").server(90);
    let config = certificate.server_config(None);
    let server = Service::start(move |mut peer: Peer| {
        peer.encrypt(&config);
        let name = peer.server_name().unwrap_or_else(|| "nothing".to_owned());
        peer.say(format!("-ERR {name}\r\n"));
        peer.hang_up();
    });
    let room = Sandbox::new();
    for (arguments, sent) in [
        (&["--tls-name", "b\u{fc}cher.example."][..], "xn--bcher-kva.example"),
        (&["--host", "localhost"], "localhost"),
        // RFC 6066 section 3: an address is not sent.
        (&["--tls-name", "192.0.2.1", "--host", "localhost"], "nothing"),
        (&[], "nothing"),
    ] {
        let pinned = ["--tls", "implicit", "--tls-fingerprint", &certificate.fingerprint];
        let outcome = run(status(&room, server.port(), &[&pinned[..], arguments].concat())).expect(69);
        assert!(outcome.stderr().contains(&format!("-ERR {sent}\"")), "{outcome:?}");
    }
}

#[test]
fn an_invalid_name_is_refused() {
    let room = Sandbox::new();
    for name in ["", "a b", "h:995", "pops://h", "a\nb"] {
        run(status(&room, 1, &["--tls-name", name])).expect(2);
    }
    let mut command = status(&room, 1, &[]);
    command.env("POP3_TLS_NAME", "a b");
    run(command).expect(78);
}

#[test]
fn the_local_address_is_chosen() {
    let server = mailbox(Tls::None, Quirks::default());
    let room = Sandbox::new();
    let try_with = |arguments: &[&str]| {
        run(status(&room, server.port(), &[&["--tls", "none", "--trace"], arguments].concat()))
    };
    let outcome = try_with(&["--bind", "127.0.0.1"]).expect(0);
    let line = format!("connecting to 127.0.0.1:{} from 127.0.0.1", server.port());
    assert!(outcome.stderr().contains(&line), "{outcome:?}");
    try_with(&["--bind", "127.0.0.1", "--host", "localhost"]).expect(0);
    // RFC 5737: no machine has this address.
    let (code, message) = error(&try_with(&["--bind", "192.0.2.1"]).expect(69));
    assert_eq!(
        (code.as_str(), message.as_str()),
        (
            "unavailable",
            "cannot connect from 192.0.2.1: not an address of this machine; check --bind, --host, --port and the network"
        )
    );
    for refused in [&["--bind", "::1"][..], &["--bind", "127.0.0.1", "-6"], &["--bind", "localhost"]] {
        try_with(refused).expect(2);
    }
    let mut command = status(&room, server.port(), &["--tls", "none"]);
    command.env("POP3_BIND", "::1");
    run(command).expect(78);
}

#[test]
fn tls_keys_are_recorded_with_a_trace() {
    let authority = Authority::new("servers");
    let server = over_tls(&authority.server(90), None, "");
    let room = Sandbox::new();
    let ca = file(&room, "ca.pem", &authority.pem()).display().to_string();
    let keys = room.path("keys");
    let try_with = |arguments: &[&str]| {
        let mut command =
            status(&room, server.port(), &[&["--tls", "implicit", "--ca-file", &ca], arguments].concat());
        command.env("SSLKEYLOGFILE", &keys);
        run(command)
    };
    let outcome = try_with(&["-vvv"]).expect(0);
    assert!(!keys.exists() && !outcome.stderr().contains("keys"), "{outcome:?}");

    let outcome = try_with(&["--trace"]).expect(0);
    // A trace escapes backslashes.
    let shown = keys.display().to_string().replace('\\', r"\\");
    assert!(outcome.stderr().contains(&format!("TLS keys are appended to {shown}")), "{outcome:?}");
    let lines = std::fs::read_to_string(&keys).expect("a key log");
    for label in ["CLIENT_TRAFFIC_SECRET_0 ", "SERVER_TRAFFIC_SECRET_0 "] {
        let line = lines.lines().find_map(|line| line.strip_prefix(label)).expect(label);
        let hex: Vec<&str> = line.split(' ').collect();
        assert_eq!(hex.len(), 2, "{line}");
        assert_eq!(hex[0].len(), 64, "{line}");
        assert!(hex.concat().bytes().all(|digit| digit.is_ascii_hexdigit()), "{line}");
        // The trace does not contain the key.
        assert!(!outcome.stderr().contains(hex[1]), "{outcome:?}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&keys).expect("a key log").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // Keys are appended, as browsers do.
    try_with(&["--trace"]).expect(0);
    assert!(std::fs::read_to_string(&keys).expect("a key log").starts_with(&lines));

    std::fs::remove_file(&keys).expect("removed");
    std::fs::create_dir(&keys).expect("a folder");
    let before = server.connections();
    assert_eq!(error(&try_with(&["--trace"]).expect(73)).0, "output");
    assert_eq!(server.connections(), before);
}
