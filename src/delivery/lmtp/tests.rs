use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::*;
use crate::{ErrorKind, net::Limits};

/// Runs a script on one connection: sends `S: ` lines, expects `C: ` lines (escaped), and closes the connection at `close`. After
/// the last line the client must not send anything.
struct Server {
    address: LmtpAddress,
    thread: JoinHandle<()>,
}

impl Server {
    fn start(script: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = LmtpAddress::parse(&listener.local_addr().unwrap().to_string()).unwrap();
        let thread = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            play(&stream, script);
        });
        Self { address, thread }
    }

    fn connect(&self) -> Result<Client, crate::Error> {
        Client::connect(&self.address, "client.example", limits(20_000))
    }

    fn end(self) {
        self.thread.join().unwrap();
    }
}

fn play(stream: &TcpStream, script: &str) {
    let mut output = stream;
    let mut lines = BufReader::new(stream).split(b'\n');
    for step in script.lines().map(str::trim_start).filter(|step| !step.is_empty()) {
        if let Some(said) = step.strip_prefix("S: ") {
            output.write_all(format!("{said}\r\n").as_bytes()).unwrap();
        } else if let Some(expected) = step.strip_prefix("C: ") {
            let line = lines.next().unwrap_or_else(|| panic!("closed before {expected:?}")).unwrap();
            assert_eq!(line.escape_ascii().to_string(), format!("{expected}\\r"));
        } else {
            assert_eq!(step, "close");
            return;
        }
    }
    let rest: Vec<u8> = lines.flat_map(Result::unwrap).collect();
    assert_eq!(rest.escape_ascii().to_string(), "");
}

fn limits(milliseconds: u64) -> Limits {
    Limits { timeout: Duration::from_millis(milliseconds), deadline: None }
}

fn message(text: &[u8]) -> Spool {
    let mut spool = Spool::new();
    spool.write(text).unwrap();
    spool.end().unwrap();
    spool
}

fn deliver(client: &mut Client, text: &[u8]) -> Result<Verdict, crate::Error> {
    client.deliver("alice@example.org", &mut message(text))
}

#[test]
fn several_messages_over_one_connection() {
    let server = Server::start(
        r"S: 220 mail.example.org LMTP ready
        C: LHLO client.example
        S: 250-mail.example.org
        S: 250-8bitmime
        S: 250-SMTPUTF8
        S: 250-PIPELINING
        S: 250-ENHANCEDSTATUSCODES
        S: 250 SIZE 10000
        C: MAIL FROM:<> SIZE=9
        C: RCPT TO:<alice@example.org>
        C: DATA
        S: 250 2.1.0 OK
        S: 250 2.1.5 OK
        S: 354 go on
        C: a: b
        C: ..
        C: .
        S: 250-2.0.0 <alice@example.org>
        S: 250 2.0.0 saved
        C: MAIL FROM:<> SIZE=9 BODY=8BITMIME
        C: RCPT TO:<alice@example.org>
        C: DATA
        S: 250 OK
        S: 250 OK
        S: 354 go on
        C: \r
        C: \xc3\xa4\r\xff
        C: .
        S: 250 saved
        C: MAIL FROM:<> SIZE=7 BODY=8BITMIME SMTPUTF8
        C: RCPT TO:<alice@example.org>
        C: DATA
        S: 250 OK
        S: 250 OK
        S: 354 go on
        C: a: \xc3\xa4
        C: .
        S: 250 saved
        C: QUIT",
    );
    let mut client = server.connect().unwrap();
    assert_eq!(deliver(&mut client, b"a: b\n.\n").unwrap(), Verdict::Delivered);
    assert_eq!(deliver(&mut client, b"\r\r\n\xc3\xa4\r\xff\n").unwrap(), Verdict::Delivered);
    assert_eq!(deliver(&mut client, b"a: \xc3\xa4\r\n").unwrap(), Verdict::Delivered);
    client.quit();
    server.end();
}

#[test]
fn a_server_without_extensions_is_asked_line_by_line() {
    let server = Server::start(
        r"S: 220 ready
        C: LHLO client.example
        S: 250 mail.example.org
        C: MAIL FROM:<>
        S: 250 OK
        C: RCPT TO:<alice@example.org>
        S: 250 OK
        C: DATA
        S: 354 go on
        C: \xff
        C: .
        S: 554 5.6.0 no such thing here
        C: MAIL FROM:<>
        S: 250 OK
        C: RCPT TO:<alice@example.org>
        S: 250 OK
        C: DATA
        S: 554 5.5.1 not now
        C: RSET
        S: 250 OK
        C: MAIL FROM:<>
        S: 250 OK
        C: RCPT TO:<alice@example.org>
        S: 250 OK
        C: DATA
        S: 354 go on
        C: a
        C: .
        S: 250 saved",
    );
    let mut client = server.connect().unwrap();
    let refused = |line: &str| Verdict::Refused(line.into());
    assert_eq!(deliver(&mut client, b"\xff\r\n").unwrap(), refused("554 5.6.0 no such thing here"));
    assert_eq!(deliver(&mut client, b"a\r\n").unwrap(), refused("554 5.5.1 not now"));
    assert_eq!(deliver(&mut client, b"a\r\n").unwrap(), Verdict::Delivered);
    drop(client);
    server.end();
}

#[test]
fn a_message_that_is_too_large_is_refused_alone() {
    let server = Server::start(
        "S: 220 ready
        C: LHLO client.example
        S: 250-SIZE 5
        S: 250 PIPELINING
        C: MAIL FROM:<> SIZE=9
        C: RCPT TO:<alice@example.org>
        C: DATA
        S: 552 5.3.4 too large
        S: 503 5.5.1 no sender
        S: 503 5.5.1 no sender
        C: MAIL FROM:<> SIZE=3
        C: RCPT TO:<alice@example.org>
        C: DATA
        S: 250 OK
        S: 250 OK
        S: 354 go on
        C: a
        C: .
        S: 250 saved",
    );
    let mut client = server.connect().unwrap();
    assert_eq!(deliver(&mut client, b"a: b\r\nc").unwrap(), Verdict::Refused("552 5.3.4 too large".into()));
    assert_eq!(deliver(&mut client, b"a").unwrap(), Verdict::Delivered);
    drop(client);
    server.end();
}

/// Returns the error text of a conversation that begins with these lines.
#[track_caller]
fn fails(script: &'static str, kind: ErrorKind, says: &str) {
    let server = Server::start(script);
    let error = server.connect().and_then(|mut client| deliver(&mut client, b"a\r\n")).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(says), "{error}");
    assert!(error.to_string().starts_with("LMTP server 127.0.0.1:"), "{error}");
}

macro_rules! after_ready {
    ($rest:literal) => {
        concat!(
            "S: 220 ready\nC: LHLO client.example\nS: 250 PIPELINING\n",
            "C: MAIL FROM:<>\nC: RCPT TO:<alice@example.org>\nC: DATA\n",
            $rest
        )
    };
}

#[test]
fn refusals_end_the_run_or_are_temporary() {
    fails("S: 554 go away\n", ErrorKind::Refused, "greeting refused: 554 go away");
    fails("S: 421 4.3.2 later\n", ErrorKind::Temporary, "greeting refused: 421 4.3.2 later");
    fails(
        "S: 220 smtp\nC: LHLO client.example\nS: 502 what?\n",
        ErrorKind::Refused,
        "LHLO refused: 502 what?",
    );
    let mail = after_ready!("S: 550 who?\nS: 503 no\nS: 503 no\n");
    fails(mail, ErrorKind::Refused, "the sender refused: 550 who?");
    let rcpt = after_ready!("S: 250 OK\nS: 550-5.1.1 no\nS: 550 5.1.1 such user\nS: 503 no\n");
    fails(rcpt, ErrorKind::Refused, "the recipient refused: 550 5.1.1 such user");
    let rcpt = after_ready!("S: 250 OK\nS: 451 later\nS: 503 no\n");
    fails(rcpt, ErrorKind::Temporary, "the recipient refused: 451 later");
    let data = after_ready!("S: 250 OK\nS: 250 OK\nS: 452 disk full\n");
    fails(data, ErrorKind::Temporary, "DATA refused: 452 disk full");
    let end = after_ready!("S: 250 OK\nS: 250 OK\nS: 354 go on\nC: a\nC: .\nS: 452 4.2.2 over quota\n");
    fails(end, ErrorKind::Temporary, "the message refused: 452 4.2.2 over quota");
}

#[test]
fn what_is_no_reply_is_a_broken_protocol() {
    fails("S: +OK ready\n", ErrorKind::Protocol, "malformed reply: +OK ready");
    fails("S: 220_ready\n", ErrorKind::Protocol, "malformed reply: 220_ready");
    fails("S: 999 ready\n", ErrorKind::Protocol, "malformed reply: 999 ready");
    fails("S: 354 ready\n", ErrorKind::Protocol, "greeting refused: 354 ready");
    fails(after_ready!("S: 250 OK\nS: 250 OK\nS: 250 OK\n"), ErrorKind::Protocol, "DATA refused: 250 OK");
    fails("S: 220 ready\nclose\n", ErrorKind::Unavailable, "connection");
    let closed = after_ready!("S: 250 OK\nS: 250 OK\nS: 354 go on\nC: a\nC: .\nclose\n");
    fails(closed, ErrorKind::Unavailable, "connection lost at the message");
}

#[test]
fn endless_replies_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = LmtpAddress::parse(&listener.local_addr().unwrap().to_string()).unwrap();
    for text in [&b"220-more\r\n"[..], b"220 x", b"\n"] {
        thread::scope(|scope| {
            scope.spawn(|| {
                let (mut stream, _) = listener.accept().unwrap();
                while stream.write_all(text).is_ok() {}
            });
            let error = Client::connect(&address, "client.example", limits(20_000)).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        });
    }
}

#[test]
fn silence_and_deadlines_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = LmtpAddress::parse(&listener.local_addr().unwrap().to_string()).unwrap();
    let error = Client::connect(&address, "client.example", limits(150)).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.message().contains("timed out at greeting"), "{error}");
    let over = Limits { timeout: Duration::from_secs(60), deadline: Some(Instant::now()) };
    let error = Client::connect(&address, "client.example", over).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}

#[cfg(unix)]
#[test]
fn sockets_of_the_file_system() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lmtp");
    let address = LmtpAddress::Socket(path.clone());
    let error = Client::connect(&address, "client.example", limits(150)).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let error = Client::connect(&address, "client.example", limits(150)).err().unwrap();
    assert!(error.message().contains("timed out at greeting"), "{error}");
    drop(listener);
}
