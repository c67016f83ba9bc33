//! Sessions against scripted servers on loopback.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::Duration,
};

use super::*;
use crate::{
    Error, ErrorKind, Secret,
    net::{self, Address, Family, Host, Limits, Stream, TlsConnector, TlsSettings},
    proto::MessageNumber,
    sasl::{Credential, Mechanism, auto::Choice},
    trace::Trace,
};

/// A server that says the first line, then waits for each exact octets and answers them.
struct Server {
    address: Address,
    thread: JoinHandle<Result<(), String>>,
}

const LIMITS: Limits = Limits { timeout: Duration::from_secs(20), deadline: None };

impl Server {
    fn new(script: &'static [(&'static str, &'static str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = Address::parse("127.0.0.1", listener.local_addr().unwrap().port()).unwrap();
        let thread = std::thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            for (expected, answer) in script {
                let mut got = vec![0; expected.len()];
                socket.read_exact(&mut got).map_err(|error| format!("{expected:?}: {error}"))?;
                if got != expected.as_bytes() {
                    return Err(format!("{:?} instead of {expected:?}", String::from_utf8_lossy(&got)));
                }
                socket.write_all(answer.as_bytes()).unwrap();
            }
            let mut rest = Vec::new();
            match socket.read_to_end(&mut rest) {
                Ok(_) if !rest.is_empty() => Err(format!("too much: {}", rest.escape_ascii())),
                _ => Ok(()),
            }
        });
        Self { address, thread }
    }

    fn open(&self, options: Options) -> Result<Authorization, Error> {
        let tcp = net::connect(&self.address, Family::Any, None, LIMITS, &mut |_| {})?;
        Authorization::open(Stream::Plain(tcp), options)
    }

    fn session(&self) -> Authorization {
        self.open(Options::default()).unwrap()
    }

    fn check(self) {
        self.thread.join().unwrap().unwrap();
    }
}

fn number(number: u32) -> MessageNumber {
    MessageNumber::new(number).unwrap()
}

fn login(session: Authorization, mechanism: Option<Choice>) -> Result<Transaction, Error> {
    let credential = Credential::Password(Secret::from("tanstaaf"));
    session.login(&Login { user: "mrose", credential: &credential, mechanism, host: "h", port: 110 })
}

const USER_PASS: (&str, &str) = ("PASS tanstaaf\r\n", "+OK\r\n");

#[test]
fn a_refusing_greeting_is_told_by_its_code() {
    for (greeting, kind) in [
        (&[("", "-ERR too busy\r\n")], ErrorKind::Unavailable),
        (&[("", "-ERR [SYS/TEMP] later\r\n")], ErrorKind::Temporary),
        (&[("", "-ERR [AUTH] whatever\r\n")], ErrorKind::Unavailable),
        (&[("", "220 smtp.example.org ESMTP\r\n")], ErrorKind::Protocol),
    ] {
        let server = Server::new(greeting);
        let tcp = net::connect(&server.address, Family::Any, None, LIMITS, &mut |_| {}).unwrap();
        let error = Authorization::open(Stream::Plain(tcp), Options::default()).err().unwrap();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.response().is_some());
    }
}

#[test]
fn capabilities_are_asked_once_and_their_lack_is_no_error() {
    let server = Server::new(&[
        ("", "+OK\r\n"),
        ("CAPA\r\n", "-ERR what?\r\n"),
        ("USER mrose\r\n", "+OK\r\n"),
        USER_PASS,
    ]);
    let mut session = server.session();
    assert_eq!(session.capabilities().unwrap(), None);
    let transaction = login(session, None).unwrap();
    assert_eq!(transaction.mechanism(), "USER");
    transaction.abandon().unwrap();
    server.check();
}

#[test]
fn auto_takes_plain_and_an_explicit_mechanism_is_obeyed() {
    const CAPA: (&str, &str) = ("CAPA\r\n", "+OK\r\nSASL LOGIN PLAIN\r\nUSER\r\n.\r\n");
    let server = Server::new(&[("", "+OK\r\n"), CAPA, ("AUTH PLAIN AG1yb3NlAHRhbnN0YWFm\r\n", "+OK\r\n")]);
    assert_eq!(login(server.session(), None).unwrap().mechanism(), "PLAIN");
    server.check();
    let server = Server::new(&[
        ("", "+OK\r\n"),
        CAPA,
        ("AUTH LOGIN\r\n", "+ VXNlcm5hbWU6\r\n"),
        ("bXJvc2U=\r\n", "+ UGFzc3dvcmQ6\r\n"),
        ("dGFuc3RhYWY=\r\n", "+OK\r\n"),
    ]);
    assert_eq!(login(server.session(), Some(Choice::Sasl(Mechanism::Login))).unwrap().mechanism(), "LOGIN");
    server.check();
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Trace for Log {
    fn sent(&mut self, octets: &[u8]) {
        self.0.lock().unwrap().push_str(&octets.escape_ascii().to_string());
    }
    fn received(&mut self, octets: &[u8]) {
        self.sent(octets);
    }
    fn note(&mut self, text: &str) {
        self.sent(text.as_bytes());
    }
}

#[test]
fn an_echoed_secret_is_seen_nowhere() {
    let server = Server::new(&[
        ("", "+OK\r\n"),
        ("CAPA\r\n", "-ERR\r\n"),
        ("USER mrose\r\n", "+OK\r\n"),
        ("PASS tanstaaf\r\n", "-ERR [AUTH] tanstaaf (dGFuc3RhYWY=) is not it\r\n"),
    ]);
    let log = Log::default();
    let options = Options { pipelining: true, trace: Some(Box::new(log.clone())) };
    let error = login(server.open(options).unwrap(), None).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Authentication);
    let shown = format!("{error} {error:?} {}", log.0.lock().unwrap());
    assert!(shown.contains("PASS ***") && shown.contains("*** (***=) is not it"), "{shown}");
    assert!(!shown.contains("tanstaaf") && !shown.contains("dGFuc3RhYWY"), "{shown}");
    server.check();
}

#[test]
fn junk_in_an_exchange_is_given_up_and_broken() {
    let server = Server::new(&[
        ("", "+OK\r\n"),
        ("CAPA\r\n", "-ERR\r\n"),
        ("AUTH CRAM-MD5\r\n", "+ not base64!\r\n"),
        ("*\r\n", "-ERR cancelled\r\n"),
    ]);
    let error = login(server.session(), Some(Choice::Sasl(Mechanism::CramMd5))).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    server.check();
}

#[test]
fn a_scram_server_that_does_not_prove_itself_is_not_believed() {
    let server =
        Server::new(&[("", "+OK\r\n"), ("CAPA\r\n", "-ERR\r\n"), ("AUTH SCRAM-SHA-1 ", "+OK in you go\r\n")]);
    let error = login(server.session(), Some(Choice::Sasl(Mechanism::ScramSha1))).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
}

#[test]
fn commands_share_one_window_and_marks_wait_for_commit() {
    let server = Server::new(&[
        ("", "+OK\r\n"),
        ("CAPA\r\n", "+OK\r\nPIPELINING\r\n.\r\n"),
        ("USER mrose\r\n", "+OK\r\n"),
        USER_PASS,
        (
            "STAT\r\nUIDL\r\nLIST\r\n",
            "+OK 3 30\r\n+OK\r\n1 a\r\n2 b\r\n3 c\r\n.\r\n+OK\r\n1 10\r\n2 10\r\n3 10\r\n.\r\n",
        ),
        ("RETR 1\r\nRETR 2\r\nRETR 3\r\n", "+OK\r\none\r\n.\r\n-ERR gone\r\n+OK\r\nthree\r\n.\r\n"),
        ("DELE 1\r\n", "+OK\r\n"),
        ("DELE 3\r\n", "-ERR no\r\n"),
        ("QUIT\r\n", "+OK\r\n"),
    ]);
    let mut transaction = login(server.session(), None).unwrap();
    let maildrop = transaction.maildrop().unwrap();
    assert_eq!(maildrop.entries().count(), 3);
    let mut retrieval = transaction.retrieve(maildrop.entries().map(|entry| entry.number));
    let mut heard = Vec::new();
    while let Some(reply) = retrieval.next().unwrap() {
        match reply {
            Reply::Message(of, mut message) => {
                let mut text = String::new();
                message.read_to_string(&mut text).unwrap();
                heard.push(format!("{of} {text}"));
                retrieval.mark(of);
            }
            Reply::Refused { number: of, mark, error } => {
                heard.push(format!("{of} {mark} {}", error.response().unwrap().escape_ascii()));
            }
            Reply::Marked(of) => heard.push(format!("{of} marked")),
        }
    }
    assert_eq!(heard, ["1 one\r\n", "2 false -ERR gone", "3 three\r\n", "1 marked", "3 true -ERR no"]);
    transaction.commit().unwrap();
    server.check();
}

#[test]
fn without_commit_marks_are_taken_back_and_nobody_quits() {
    let server = Server::new(&[
        ("", "+OK\r\n"),
        ("CAPA\r\n", "-ERR\r\n"),
        ("USER mrose\r\n", "+OK\r\n"),
        USER_PASS,
        ("DELE 2\r\n", "+OK\r\n"),
        ("RSET\r\n", "+OK\r\n"),
    ]);
    let mut transaction = login(server.session(), None).unwrap();
    transaction.mark([number(2)], |_, error| panic!("{error}")).unwrap();
    transaction.abandon().unwrap();
    server.check();
}

#[test]
fn an_answer_that_nothing_asked_for_ends_the_session() {
    let server = Server::new(&[
        ("", "+OK\r\n"),
        ("CAPA\r\n", "-ERR\r\n"),
        ("USER mrose\r\n", "+OK\r\n"),
        ("PASS tanstaaf\r\n", "+OK\r\n+OK 1 120\r\n"),
    ]);
    let mut transaction = login(server.session(), None).unwrap();
    assert_eq!(transaction.stat().unwrap_err().kind(), ErrorKind::Protocol);
    assert_eq!(transaction.noop().unwrap_err().kind(), ErrorKind::Protocol);
    assert_eq!(transaction.commit().unwrap_err().kind(), ErrorKind::Protocol);
    server.check();
}

/// No `QUIT` may follow a time-out: what is on its way could be anything, and it would delete what is marked.
#[test]
fn nothing_is_said_after_a_time_out() {
    let server = Server::new(&[
        ("", "+OK\r\n"),
        ("CAPA\r\n", "-ERR\r\n"),
        ("USER mrose\r\n", "+OK\r\n"),
        ("PASS tanstaaf\r\n", "+OK\r\n"),
        ("STAT\r\n", ""),
    ]);
    let limits = Limits { timeout: Duration::from_millis(500), deadline: None };
    let tcp = net::connect(&server.address, Family::Any, None, limits, &mut |_| {}).unwrap();
    let session = Authorization::open(Stream::Plain(tcp), Options::default()).unwrap();
    let mut transaction = login(session, None).unwrap();
    assert_eq!(transaction.stat().unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(transaction.noop().unwrap_err().kind(), ErrorKind::Protocol);
    assert_eq!(transaction.commit().unwrap_err().kind(), ErrorKind::Protocol);
    server.check();
}

#[test]
fn octets_behind_stls_are_never_taken_for_answers() {
    let server = Server::new(&[("", "+OK\r\n"), ("STLS\r\n", "+OK\r\n+OK injected\r\n")]);
    let connector = TlsConnector::prepare(TlsSettings::default());
    let error = server.session().stls(&connector, &Host::parse("localhost").unwrap()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    server.check();
    let server = Server::new(&[("", "+OK\r\n"), ("STLS\r\n", "-ERR no such thing\r\n")]);
    let error = server.session().stls(&connector, &Host::parse("localhost").unwrap()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
}

#[test]
fn a_quit_without_answer_leaves_the_commit_open() {
    for (script, kind) in [
        (
            &[
                ("", "+OK\r\n"),
                ("CAPA\r\n", "-ERR\r\n"),
                ("USER mrose\r\n", "+OK\r\n"),
                USER_PASS,
                ("QUIT\r\n", "-ERR not all\r\n"),
            ],
            ErrorKind::Refused,
        ),
        (
            &[
                ("", "+OK\r\n"),
                ("CAPA\r\n", "-ERR\r\n"),
                ("USER mrose\r\n", "+OK\r\n"),
                USER_PASS,
                ("QUIT\r\n", "what?\r\n"),
            ],
            ErrorKind::Protocol,
        ),
    ] {
        let server = Server::new(script);
        let error = login(server.session(), None).unwrap().commit().unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = Address::parse("127.0.0.1", listener.local_addr().unwrap().port()).unwrap();
    let server = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        socket.write_all(b"+OK\r\n").unwrap();
        for expected in ["CAPA\r\n", "USER mrose\r\n", "PASS tanstaaf\r\n", "QUIT\r\n"] {
            socket.read_exact(&mut vec![0; expected.len()]).unwrap();
            if expected != "QUIT\r\n" {
                socket.write_all(if expected == "CAPA\r\n" { b"-ERR\r\n" } else { b"+OK\r\n" }).unwrap();
            }
        }
    });
    let tcp = net::connect(&address, Family::Any, None, LIMITS, &mut |_| {}).unwrap();
    let session = Authorization::open(Stream::Plain(tcp), Options::default()).unwrap();
    let error = login(session, None).unwrap().commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommitUnknown, "{error}");
    server.join().unwrap();
}
