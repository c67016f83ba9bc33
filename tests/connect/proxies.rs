//! SOCKS 5 and HTTP CONNECT proxies: with and without a password, unreachable, and broken.

use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::process::Command;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{error, file, mailbox, status};
use crate::support::mailbox::{Certificate, Mailbox, Quirks, Tls};
use crate::support::sandbox::{Sandbox, run};
use crate::support::service::{Peer, Service};

/// A name that only the proxy can resolve.
const HIDDEN: &str = "mail.hidden.test";
const PROXY_PASSWORD: &str = "p@ss:w/rd";
/// The password, percent-encoded for a URL.
const ENCODED: &str = "p%40ss%3Aw%2Frd";

/// Copies in both directions until one side closes.
fn tunnel(peer: Peer, port: u16) {
    let (Some(client), Ok(server)) = (peer.into_tcp(), TcpStream::connect((Ipv4Addr::LOCALHOST, port)))
    else {
        return;
    };
    let pairs =
        [(client.try_clone().expect("a handle"), server.try_clone().expect("a handle")), (server, client)];
    let threads = pairs.map(|(mut from, mut to)| {
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        })
    });
    for thread in threads {
        let _ = thread.join();
    }
}

/// Starts a SOCKS 5 proxy (RFC 1928, RFC 1929) that resolves [`HIDDEN`] to 127.0.0.1 and refuses other names.
fn socks5(password: bool) -> Service {
    Service::start(move |mut peer: Peer| {
        let methods = peer.octets(2)[1];
        let methods = peer.octets(usize::from(methods));
        let wanted = if password { 2 } else { 0 };
        if !methods.contains(&wanted) {
            peer.say([5, 0xff]);
            return;
        }
        peer.say([5, wanted]);
        if password {
            let part = |peer: &mut Peer| {
                let length = peer.octets(1)[0];
                peer.octets(usize::from(length))
            };
            let _version = peer.octets(1);
            let (user, password) = (part(&mut peer), part(&mut peer));
            let good = user == b"me" && password == PROXY_PASSWORD.as_bytes();
            peer.say([1, u8::from(!good)]);
            if !good {
                return;
            }
        }
        let request = peer.octets(5);
        let name = peer.octets(usize::from(request[4]));
        let port = peer.octets(2);
        let port = u16::from_be_bytes([port[0], port[1]]);
        if request[..4] != [5, 1, 0, 3] || name != HIDDEN.as_bytes() {
            peer.say([5, 4, 0, 1, 0, 0, 0, 0, 0, 0]);
            return;
        }
        peer.say([5, 0, 0, 1, 127, 0, 0, 1, 0, 0]);
        tunnel(peer, port);
    })
}

fn http(password: bool) -> Service {
    Service::start(move |mut peer: Peer| {
        let request = peer.line();
        let mut good = !password;
        let basic =
            format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(format!("me:{PROXY_PASSWORD}")));
        loop {
            match peer.line() {
                end if end == "\r\n" || end.is_empty() => break,
                field => good |= field == basic,
            }
        }
        let port =
            request.strip_prefix(&format!("CONNECT {HIDDEN}:")).and_then(|rest| rest.split(' ').next());
        match port.and_then(|port| port.parse().ok()) {
            Some(port) if good => {
                peer.say("HTTP/1.1 200 Connection established\r\nVia: here\r\n\r\n");
                tunnel(peer, port);
            }
            Some(_) => peer.say("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"),
            None => peer.say("HTTP/1.1 502 Bad Gateway\r\n\r\n"),
        }
    })
}

#[test]
fn through_a_proxy() {
    let certificate = Certificate::for_names(&[HIDDEN]);
    let server =
        Mailbox::start_with(Tls::Stls, Quirks::default(), certificate).with_user("alice", "secret", vec![]);
    let clear = mailbox(Tls::None, Quirks::default());
    let room = Sandbox::new();
    let ca = file(&room, "ca.pem", &server.certificate().ca_pem);
    for (proxy, scheme, password) in [
        (socks5(false), "socks5", false),
        (socks5(true), "socks5", true),
        (http(false), "http", false),
        (http(true), "http", true),
    ] {
        let through = |user: &str, port: u16, arguments: &[&str]| {
            let url = format!("{scheme}://{user}127.0.0.1:{}", proxy.port());
            let mut command = status(&room, port, &["--proxy", &url]);
            command.args(arguments).env("POP3_HOST", HIDDEN).env("POP3_CA_FILE", &ca);
            run(command)
        };
        let right = format!("me:{ENCODED}@");
        let user = if password { right.as_str() } else { "" };
        through(user, server.port(), &["--tls", "starttls"]).expect(0);
        // The warning about cleartext is needed because the proxy may be another machine.
        let outcome = through(user, clear.port(), &["--tls", "none", "--auth", "plain"]).expect(0);
        assert!(outcome.stderr().contains("in cleartext"), "{outcome:?}");
        // A name that the proxy cannot resolve.
        let outcome = through(user, server.port(), &["--host", "other.test"]).expect(69);
        assert!(
            outcome.stderr().contains("; check --host and --port, and what the proxy allows"),
            "{outcome:?}"
        );
        if password {
            for user in ["me:wrong-one@", ""] {
                let outcome = through(user, server.port(), &[]).expect(69);
                let (code, message) = error(&outcome);
                assert_eq!(code, "unavailable");
                assert!(message.contains("; check the user and password"), "{message}");
                assert!(!outcome.stderr().contains("wrong-one"), "{outcome:?}");
            }
        }
    }
}

#[test]
fn a_dead_proxy() {
    let room = Sandbox::new();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let dead = listener.local_addr().expect("bound").port();
    drop(listener);
    for scheme in ["socks5", "http"] {
        let url = format!("{scheme}://me:{ENCODED}@127.0.0.1:{dead}");
        let outcome = run(status(&room, 110, &["--host", HIDDEN, "--proxy", &url])).expect(69);
        assert!(
            !outcome.stderr().contains(ENCODED) && !outcome.stderr().contains(PROXY_PASSWORD),
            "{outcome:?}"
        );
        assert!(error(&outcome).1.ends_with("an empty POP3_PROXY means no proxy"), "{outcome:?}");
        let outcome =
            run(status(&room, 110, &["--proxy", &format!("{scheme}://nobody.invalid:1080")])).expect(68);
        assert!(error(&outcome).1.contains("(from --proxy): nobody.invalid does not resolve"), "{outcome:?}");
        assert!(error(&outcome).1.contains("; check --proxy"), "{outcome:?}");
    }
    for url in ["ftp://127.0.0.1:1", "socks5://", "http://a b:1", "127.0.0.1:1080"] {
        run(status(&room, 110, &["--proxy", url])).expect(2);
        let mut command = status(&room, 110, &[]);
        command.env("POP3_PROXY", url);
        run(command).expect(78);
    }
}

#[test]
fn the_proxy_of_the_environment() {
    let server = mailbox(Tls::None, Quirks::default());
    let proxy = http(false);
    let room = Sandbox::new();
    let try_with = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = status(&room, server.port(), &["--tls", "none", "--trace"]);
        let all = format!("me:{ENCODED}@127.0.0.1:{}", proxy.port());
        command.args(arguments).env("ALL_PROXY", all).envs(variables.iter().copied());
        let outcome = run(command);
        assert!(!outcome.stderr().contains(ENCODED), "{outcome:?}");
        outcome
    };
    let through = format!("through the proxy http://127.0.0.1:{} (from ", proxy.port());
    let outcome = try_with(&["--host", HIDDEN], &[]).expect(0);
    // Variable names are case-insensitive on Windows, and the lower-case name is looked up first.
    let name = if cfg!(windows) { "all_proxy)" } else { "ALL_PROXY)" };
    assert!(outcome.stderr().contains(&(through.clone() + name)), "{outcome:?}");
    assert_eq!(proxy.connections(), 1);

    // As in curl, localhost is not exempt: this proxy cannot resolve it.
    try_with(&["--host", "localhost"], &[]).expect(69);
    assert_eq!(proxy.connections(), 2);
    for (name, list) in [("NO_PROXY", "a.test, localhost"), ("no_proxy", "*")] {
        try_with(&["--host", "localhost"], &[(name, list)]).expect(0);
    }
    let outcome = try_with(&[], &[("NO_PROXY", "127.0.0.0/8")]).expect(0);
    assert!(outcome.stderr().contains("127.0.0.1 is excluded from it"), "{outcome:?}");
    try_with(&[], &[("POP3_PROXY", "")]).expect(0);
    assert_eq!(proxy.connections(), 2);

    let own = format!("http://127.0.0.1:{}", proxy.port());
    let outcome = try_with(&["--host", HIDDEN], &[("POP3_PROXY", &own), ("NO_PROXY", "*")]).expect(0);
    assert!(outcome.stderr().contains(&(through + "POP3_PROXY)")), "{outcome:?}");
    assert_eq!(proxy.connections(), 3);

    let outcome = try_with(&["--host", HIDDEN], &[("all_proxy", "socks4://u:hush@127.0.0.1:1")]).expect(78);
    let (code, message) = error(&outcome);
    assert_eq!(code, "configuration");
    assert!(message.starts_with("all_proxy: ") && !message.contains("hush"), "{message}");
}

/// After malformed responses from a proxy, the client fails and reveals no secret.
#[test]
fn malformed_proxy_responses() {
    let password = PROXY_PASSWORD.to_owned();
    let echo = STANDARD.encode(format!("me:{password}"));
    let lies: Vec<(&str, Vec<u8>)> = vec![
        ("socks5", vec![]),
        ("socks5", b"\x05".to_vec()),
        ("socks5", b"\x04\x00".to_vec()),
        ("socks5", b"\x05\x01".to_vec()),
        ("socks5", b"\x05\xff".to_vec()),
        ("socks5", b"\x05\x02\x01\x01".to_vec()),
        ("socks5", b"\x05\x00\x05\x05\x00\x01".to_vec()),
        ("socks5", b"\x05\x00\x05\x63\x00\x01\0\0\0\0\0\0".to_vec()),
        ("socks5", b"\x05\x00\x05\x00\x00\x07\0\0\0\0\0\0".to_vec()),
        ("socks5", b"\x05\x00\x05\x00\x00\x03\xffshort".to_vec()),
        ("socks5", b"+OK ready\r\n".to_vec()),
        ("http", vec![]),
        ("http", b"+OK ready\r\n".to_vec()),
        ("http", b"HTTP/1.1 200 OK\r\n".to_vec()),
        ("http", b"HTTP/1.1 2\r\n\r\n".to_vec()),
        ("http", b"HTTP/2 200\r\n\r\n".to_vec()),
        ("http", b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n".to_vec()),
        ("http", format!("HTTP/1.1 403 {password} {echo} \x1b[31m\r\n\r\n").into_bytes()),
        ("http", [&b"HTTP/1.1 200 OK\r\nX: "[..], &b"x".repeat(1_000_000)].concat()),
    ];
    let room = Sandbox::new();
    for (scheme, lie) in lies {
        let shown = String::from_utf8_lossy(&lie[..lie.len().min(40)]).into_owned();
        let proxy = Service::start(move |mut peer: Peer| {
            // Reads first, because closing with unread data would reset the connection and drop the response.
            let _ = peer.octets(1);
            peer.say(&lie);
            peer.hang_up();
        });
        let url = format!("{scheme}://me:{ENCODED}@127.0.0.1:{}", proxy.port());
        let mut command: Command =
            status(&room, 110, &["--host", HIDDEN, "--tls", "none", "--proxy", &url, "--trace"]);
        command.env("POP3_PASSWORD", "own-password").env("RUST_LOG", "trace");
        let outcome = run(command).expect(69);
        let (code, message) = error(&outcome);
        assert_eq!(code, "unavailable", "{scheme} {shown:?}");
        assert!(message.contains("proxy") && !message.contains("and the network"), "{message}");
        let stderr = outcome.stderr();
        for secret in [PROXY_PASSWORD, ENCODED, &echo, "own-password", "\x1b"] {
            assert!(!stderr.contains(secret), "{scheme} {shown:?}: {secret:?} in {stderr}");
        }
        let heard = proxy.heard();
        assert!(!heard.windows(12).any(|window| window == b"own-password"), "{scheme} {shown:?}");
        assert!(!heard.windows(4).any(|window| window == b"CAPA"), "{scheme} {shown:?}");
    }
}

/// Bytes that follow the proxy's response in the same packet come from the server.
#[test]
fn the_greeting_may_follow_the_response_in_one_packet() {
    let room = Sandbox::new();
    for (scheme, consent) in [
        ("socks5", b"\x05\0\0\x01\0\0\0\0\0\0+OK ready\r\n".to_vec()),
        ("http", b"HTTP/1.0 200\r\n\r\n+OK ready\r\n".to_vec()),
    ] {
        let proxy = Service::start(move |mut peer: Peer| {
            if consent[0] == 5 {
                let _ = peer.octets(3);
                peer.say([5, 0]);
                let _ = peer.octets(5 + HIDDEN.len() + 2);
            } else {
                while peer.line().len() > 2 {}
            }
            peer.say(&consent);
            for answer in ["-ERR\r\n", "+OK\r\n", "+OK\r\n"] {
                peer.line();
                peer.say(answer);
            }
            peer.maildrop();
        });
        let url = format!("{scheme}://127.0.0.1:{}", proxy.port());
        run(status(&room, 110, &["--host", HIDDEN, "--tls", "none", "--proxy", &url])).expect(0);
    }
}
