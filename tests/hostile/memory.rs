//! Peak memory with responses that are meant to exhaust it.

use std::time::Duration;

use crate::support::sandbox::{Sandbox, start};
use crate::support::service::{Peer, Service};

/// The limit in bytes, which includes the base memory of a debug build.
const MOST: u64 = 32_000_000;

/// Sends `part` repeatedly, up to `octets` bytes or until the client is gone.
fn repeat(peer: &mut Peer, part: &[u8], octets: usize) {
    let block = part.repeat((64 * 1024 / part.len()).max(1));
    let mut left = octets;
    while left > 0 && peer.try_say(&block) {
        left = left.saturating_sub(block.len());
    }
}

/// Returns the peak memory of a run. It is polled, so the server pauses after its largest responses.
fn peak(serve: impl Fn(&mut Peer) + Send + Sync + 'static, arguments: &[&str]) -> u64 {
    let server = Service::start(move |mut peer| serve(&mut peer));
    let room = Sandbox::new();
    let mut command = room.pop3(server.port());
    command.args(arguments).env("POP3_TLS", "none");
    let mut running = start(command, b"", false);
    let status = format!("/proc/{}/status", running.child.id());
    let mut most = 0;
    while running.child.try_wait().expect("a child").is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        most = most.max(peak.unwrap_or(0) * 1024);
        std::thread::sleep(Duration::from_millis(1));
    }
    let outcome = running.finish();
    assert!(!outcome.hung, "{outcome:?}");
    most
}

fn pause() {
    std::thread::sleep(Duration::from_millis(700));
}

/// CVE-2021-36386 and similar: endless capabilities, status lines and challenges.
#[test]
fn endless_lines() {
    for line in
        [b"SASL ".iter().chain(b"A ".repeat(4000).iter()).copied().collect::<Vec<u8>>(), vec![b'x'; 7000]]
    {
        let most = peak(
            move |peer| {
                peer.say("+OK\r\n");
                peer.hear();
                peer.say("+OK\r\n");
                for _ in 0..2000 {
                    peer.say([line.as_slice(), b"\r\n"].concat());
                }
                pause();
            },
            &["status"],
        );
        assert!(most < MOST, "{most}");
    }
    let most = peak(
        |peer| {
            peer.say("-ERR ");
            repeat(peer, b"\x1b", 64 << 20);
        },
        &["status"],
    );
    assert!(most < MOST, "{most}");
}

/// CVE-2021-3181 and similar: data whose parsed form takes many times its size.
#[test]
fn headers_whose_parsed_form_is_large() {
    for (name, part, options) in [
        ("From: ", "a,", &["--json"][..]),
        ("To: ", "a:b;", &["--json"]),
        ("", "a:\r\n", &["--fields", "--json"]),
        ("", "Cc: a,b,c,d,e,f\r\n", &[]),
        ("Subject: ", "\u{e9}", &[]),
        ("\r\n", "\r\n", &["--lines", "4000000"]),
    ] {
        let most = peak(
            move |peer| {
                peer.log_in();
                peer.list(1);
                peer.hear();
                peer.say(format!("+OK\r\n{name}"));
                repeat(peer, part.as_bytes(), 8 << 20);
                pause();
                peer.say("\r\n\r\n.\r\n+OK 1 5\r\n");
                peer.wait();
            },
            &[&["headers"], options].concat(),
        );
        assert!(most < MOST, "{most} for {part:?}");
    }
}

/// CVE-2010-1167: a line of 40 MB, stored in a file and traced.
#[test]
fn a_line_of_40_megabytes() {
    let most = peak(
        |peer| {
            peer.log_in();
            peer.list(1);
            peer.hear();
            peer.say("+OK\r\n");
            repeat(peer, b"x", 40 << 20);
            pause();
            peer.say("\r\n.\r\n+OK 1 5\r\n");
            peer.wait();
        },
        &["fetch", "--trace=t"],
    );
    assert!(most < MOST, "{most}");
}

/// One unique-id for all messages: the first 1,024 keep it, the others are treated as having none, and the time stays
/// linear.
#[test]
fn one_unique_id_for_all() {
    let server = Service::start(|mut peer| {
        peer.log_in();
        for _ in 0..4 {
            peer.hear();
        }
        let rows = |what: &str| (1..=1100).fold(String::new(), |rows, n| rows + &format!("{n} {what}\r\n"));
        peer.say(format!(
            "+OK 1100 1100\r\n+OK\r\n{}.\r\n+OK\r\n{}.\r\n+OK 1 1\r\n",
            rows("same"),
            rows("1")
        ));
        peer.wait();
    });
    let room = Sandbox::new();
    let mut command = room.pop3(server.port());
    command.args(["uidl", "--json"]).env("POP3_TLS", "none");
    let rows = crate::support::sandbox::run(command).expect(0).json();
    let named = rows.iter().filter(|row| row["uid"] == "same").count();
    assert_eq!((rows.len(), named), (1100, 1024));
    assert!(rows[1024..].iter().all(|row| row["uid"].is_null()));
}
