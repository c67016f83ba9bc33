//! Connecting: proxies, address families, pinned certificates and trust anchors, timeouts.

use std::net::{Ipv6Addr, TcpListener, ToSocketAddrs as _};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::support::mailbox::{Certificate, Mailbox, Quirks, Tls};
use crate::support::pki::{Authority, Issued};
use crate::support::sandbox::{Outcome, Sandbox, run};
use crate::support::service::{Peer, Service};

mod proxies;
mod tunnel;

fn mailbox(tls: Tls, quirks: Quirks) -> Mailbox {
    Mailbox::start(tls, quirks).with_user("alice", "secret", Vec::new())
}

fn status(room: &Sandbox, port: u16, arguments: &[&str]) -> Command {
    let mut command = room.pop3(port);
    command.args(["status", "--json"]).args(arguments);
    command
}

fn file(room: &Sandbox, name: &str, text: &str) -> PathBuf {
    let path = room.path(name);
    std::fs::write(&path, text).expect("a file");
    path
}

/// Returns the code and message of the only error on standard error.
fn error(outcome: &Outcome) -> (String, String) {
    let stderr = outcome.stderr();
    let line = stderr.lines().find(|line| line.starts_with("{\"error\"")).unwrap_or_default();
    let value: serde_json::Value =
        serde_json::from_str(line).unwrap_or_else(|_| panic!("no error: {outcome:?}"));
    let text = |key: &str| value["error"][key].as_str().unwrap_or_default().to_owned();
    (text("code"), text("message"))
}

/// Serves an empty maildrop over TLS, with any credential.
fn over_tls(certificate: &Issued, clients: Option<&Authority>, capabilities: &'static str) -> Service {
    let config = certificate.server_config(clients);
    Service::start(move |mut peer: Peer| {
        peer.encrypt(&config);
        peer.say("+OK ready\r\n");
        loop {
            let line = peer.line();
            match line.split_whitespace().next() {
                None => return,
                Some("CAPA") => peer.say(format!("+OK\r\nUSER\r\nUIDL\r\n{capabilities}.\r\n")),
                Some("USER") => peer.say("+OK\r\n"),
                Some("PASS") => {
                    peer.say("+OK\r\n");
                    return peer.maildrop();
                }
                Some(_) => peer.say("-ERR\r\n"),
            }
        }
    })
}

#[test]
fn a_pinned_fingerprint_replaces_all_other_checks() {
    for tls in [Tls::Stls, Tls::Implicit] {
        // The name does not match and the CA is unknown.
        let certificate = Certificate::for_names(&["elsewhere.example.org"]);
        let pin = certificate.fingerprint.clone();
        let server =
            Mailbox::start_with(tls, Quirks::default(), certificate).with_user("alice", "secret", Vec::new());
        let room = Sandbox::new();
        let way = if tls == Tls::Stls { "starttls" } else { "implicit" };
        let colons = pin.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).to_uppercase());
        for good in [pin.clone(), colons.collect::<Vec<_>>().join(":")] {
            run(status(&room, server.port(), &["--tls", way, "--tls-fingerprint", &good])).expect(0);
        }
        let logins = || server.log().concat().iter().filter(|line| line.starts_with("AUTH")).count();
        let before = logins();
        assert_eq!(before, 2);
        // A fingerprint that differs in one bit is refused, even if the CA of the certificate is trusted.
        let mut wrong = pin.clone();
        wrong.replace_range(..1, if pin.starts_with('0') { "1" } else { "0" });
        let ca = file(&room, "ca.pem", &server.certificate().ca_pem).display().to_string();
        let outcome =
            run(status(&room, server.port(), &["--tls", way, "--tls-fingerprint", &wrong, "--ca-file", &ca]));
        assert_eq!(error(&outcome.expect(78)).0, "tls");
        // The error for an untrusted certificate contains its fingerprint, which can be compared and pinned.
        let outcome = run(status(&room, server.port(), &["--tls", way, "--ca-file", &ca])).expect(78);
        let message = error(&outcome).1.replace(':', "").to_lowercase();
        assert!(message.contains(&pin), "{outcome:?}");
        assert_eq!(logins(), before, "{:?}", server.log());
    }
}

#[test]
fn an_incomplete_fingerprint_is_refused() {
    let room = Sandbox::new();
    for pin in ["", "ab", "zz", &"a".repeat(63)] {
        run(status(&room, 1, &["--tls-fingerprint", pin])).expect(2);
    }
    run({
        let mut command = status(&room, 1, &[]);
        command.env("POP3_TLS_FINGERPRINT", "ab");
        command
    })
    .expect(78);
}

#[test]
fn a_client_certificate_is_sent_on_request() {
    let (authority, clients) = (Authority::new("servers"), Authority::new("clients"));
    let server = over_tls(&authority.server(90), Some(&clients), "");
    let room = Sandbox::new();
    let ca = file(&room, "ca.pem", &authority.pem()).display().to_string();
    let own = clients.client("alice");
    let certificate = file(&room, "own.pem", &own.pem).display().to_string();
    let key = file(&room, "own.key", &own.key_pem).display().to_string();
    let both = file(&room, "both.pem", &format!("{}{}", own.pem, own.key_pem)).display().to_string();
    let stranger = Authority::new("strangers").client("alice");
    let strange = file(&room, "stranger.pem", &format!("{}{}", stranger.pem, stranger.key_pem));
    let strange = strange.display().to_string();
    let try_with = |arguments: &[&str]| {
        run(status(&room, server.port(), &[&["--tls", "implicit", "--ca-file", &ca], arguments].concat()))
    };
    try_with(&["--client-cert", &certificate, "--client-key", &key]).expect(0);
    try_with(&["--client-cert", &both]).expect(0);
    for refused in [&[][..], &["--client-cert", &strange]] {
        assert_eq!(error(&try_with(refused).expect(78)).0, "tls");
    }
    // An unusable file is reported before connecting.
    let before = server.connections();
    for (arguments, option) in [
        (&["--client-cert", &certificate, "--client-key", &ca][..], "--client-key"),
        (&["--client-cert", "nowhere.pem"], "--client-cert"),
        (&["--client-cert", &key], "--client-cert"),
        (&["--ca-file", "nowhere.pem"], "--ca-file"),
        (&["--ca-file", &key], "--ca-file"),
        (&["--client-key", &key], "--client-key"),
    ] {
        let trust = if option == "--ca-file" { &[][..] } else { &["--ca-file", &ca] };
        let words = [&["--tls", "implicit"], trust, arguments].concat();
        let outcome = run(status(&room, server.port(), &words)).expect(2);
        let (code, message) = error(&outcome);
        assert!(code == "usage" && message.starts_with(&format!("{option}: ")), "{message}");
    }
    let mut command = status(&room, server.port(), &["--tls", "implicit"]);
    command.env("POP3_CA_FILE", "nowhere.pem");
    let (code, message) = error(&run(command).expect(78));
    assert!(code == "configuration" && message.starts_with("POP3_CA_FILE: nowhere.pem: "), "{message}");
    assert_eq!(server.connections(), before);
}

#[test]
fn a_certificate_that_expires_soon_causes_a_warning() {
    let authority = Authority::new("servers");
    let room = Sandbox::new();
    let ca = file(&room, "ca.pem", &authority.pem()).display().to_string();
    for (days, warned) in [(5, true), (30, false)] {
        let certificate = authority.server(days);
        let server = over_tls(&certificate, None, "EXPIRE 0\r\nLOGIN-DELAY 300\r\nIMPLEMENTATION here\r\n");
        let arguments = ["--tls", "implicit", "--ca-file", &ca, "--server"];
        let outcome = run(status(&room, server.port(), &arguments)).expect(0);
        assert_eq!(outcome.stderr().contains(&format!("expires in {days} days")), warned, "{outcome:?}");
        let told = &outcome.json()[0]["server"];
        assert_eq!(told["greeting"], "+OK ready");
        assert_eq!(told["tls_version"], "TLSv1.3");
        assert_eq!(told["mechanism"], "USER");
        assert_eq!((&told["login_delay"], &told["expire"]), (&300.into(), &0.into()));
        assert_eq!(told["certificate"]["sha256"], certificate.fingerprint.as_str());
        let names = (&told["certificate"]["subject"], &told["certificate"]["issuer"]);
        assert_eq!(names, (&"CN=localhost".into(), &"CN=servers".into()));
        assert!(
            told["capabilities"].as_array().is_some_and(|all| all.contains(&"IMPLEMENTATION here".into()))
        );
        assert!(!outcome.stderr().contains("EXPIRE 0"));
        let committing =
            run(status(&room, server.port(), &[&arguments[..], &["--commit"]].concat())).expect(0);
        assert!(committing.stderr().contains("EXPIRE 0"), "{committing:?}");
    }
}

#[test]
fn only_the_chosen_address_family_is_used() {
    let server = mailbox(Tls::None, Quirks::default());
    let room = Sandbox::new();
    let status = |host: &str, family: &str| {
        run(status(&room, server.port(), &["--tls", "none", "--host", host, family]))
    };
    status("127.0.0.1", "-4").expect(0);
    status("localhost", "-4").expect(0);
    status("127.0.0.1", "-6").expect(2);
    status("[::1]", "-4").expect(2);
    // The server listens on 127.0.0.1 only.
    if ("localhost", 1).to_socket_addrs().is_ok_and(|mut all| all.any(|address| address.is_ipv6())) {
        status("localhost", "-6").expect(69);
    }
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
        status("::1", "-6").expect(69);
    }
    let only_ipv6 = ("ip6-localhost", 1).to_socket_addrs();
    if only_ipv6.is_ok_and(|mut all| all.all(|address| address.is_ipv6())) {
        status("ip6-localhost", "-4").expect(68);
    }
}

#[test]
fn timeout_and_deadline_end_a_silent_connection() {
    let drips =
        Quirks { a_slow_server_ends_at_the_deadline: Some(Duration::from_millis(200)), ..Quirks::default() };
    let dripping = mailbox(Tls::None, drips);
    // The server sends no greeting, no ServerHello and no response to a proxy request.
    let silent = Service::start(|mut peer: Peer| while !peer.line().is_empty() {});
    let proxies = ["socks5", "http"].map(|scheme| format!("{scheme}://127.0.0.1:{}", silent.port()));
    let room = Sandbox::new();
    std::thread::scope(|scope| {
        let check = |port: u16, arguments: Vec<&str>| {
            let outcome = run(status(&room, port, &arguments)).expect(69);
            assert_eq!(error(&outcome).0, "unavailable", "{arguments:?}");
        };
        scope.spawn(move || check(dripping.port(), vec!["--tls", "none", "--deadline", "1"]));
        for arguments in [
            vec!["--tls", "none", "--timeout", "1"],
            vec!["--tls", "implicit", "--timeout", "1"],
            vec!["--tls", "implicit", "--deadline", "1"],
            vec!["--tls", "none", "--timeout", "1", "--proxy", &proxies[0]],
            vec!["--tls", "none", "--deadline", "1", "--proxy", &proxies[1]],
        ] {
            let port = silent.port();
            scope.spawn(move || check(port, arguments));
        }
    });
}

#[test]
fn a_maildrop_in_use_is_retried() {
    let in_use = |times| Quirks { login_refused: Some(("-ERR [IN-USE] locked", times)), ..Quirks::default() };
    let room = Sandbox::new();
    let server = mailbox(Tls::None, in_use(1));
    run(status(&room, server.port(), &["--tls", "none", "--wait", "30"])).expect(0);
    assert_eq!(server.log().len(), 2);

    for (refusal, wait) in [
        ("-ERR [IN-USE] locked", "0"),
        // The following refusals are reported at once, since `--wait` does not apply to them.
        ("-ERR [LOGIN-DELAY] too early", "30"),
        ("-ERR [SYS/TEMP] later", "30"),
    ] {
        let quirks = Quirks { login_refused: Some((refusal, 9)), ..Quirks::default() };
        let server = mailbox(Tls::None, quirks);
        let outcome = run(status(&room, server.port(), &["--tls", "none", "--wait", wait])).expect(75);
        assert_eq!(error(&outcome).0, "temporary");
        assert_eq!(server.log().len(), 1, "{refusal}");
    }
    let server = mailbox(Tls::None, in_use(u64::MAX));
    run(status(&room, server.port(), &["--tls", "none", "--wait", "1"])).expect(75);
    assert!(server.log().len() > 1);
}
