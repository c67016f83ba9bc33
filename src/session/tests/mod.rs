//! Sessions against scripted servers on loopback.

mod commit;
mod retrieval;

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
    net::{self, Address, Limits, Route, TlsConnector, TlsSettings},
    proto::MessageNumber,
    sasl::{AuthMethod, Credential, Mechanism},
    trace::Trace,
};

/// A server that sends the first line, and then waits for each command in turn and sends its response.
struct Server {
    address: Address,
    thread: JoinHandle<Result<(), String>>,
}

const TIMEOUT: Duration = Duration::from_secs(20);

impl Server {
    /// Starts a server that reads until the client closes the connection.
    fn new(script: &'static [(&'static str, &'static str)]) -> Self {
        Self::start(script, false)
    }

    /// Starts a server that closes the connection at the end of the script.
    fn closing(script: &'static [(&'static str, &'static str)]) -> Self {
        Self::start(script, true)
    }

    fn start(script: &'static [(&'static str, &'static str)], closes: bool) -> Self {
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
            if closes {
                return Ok(());
            }
            let mut rest = Vec::new();
            match socket.read_to_end(&mut rest) {
                Ok(_) if !rest.is_empty() => Err(format!("too much: {}", rest.escape_ascii())),
                _ => Ok(()),
            }
        });
        Self { address, thread }
    }

    fn open(&self) -> Result<Authorization, Error> {
        Connector::new().timeout(TIMEOUT).connect(&self.address.to_string(), TlsMode::None)
    }

    fn session(&self) -> Authorization {
        self.open().unwrap()
    }

    fn check_after(self, transaction: Transaction) {
        transaction.abandon().unwrap();
        self.check();
    }

    fn check(self) {
        self.thread.join().unwrap().unwrap();
    }
}

fn number(number: u32) -> MessageNumber {
    MessageNumber::new(number).unwrap()
}

fn login(session: Authorization, method: Option<AuthMethod>) -> Result<Transaction, Error> {
    let credential = Credential::Password(Secret::from("tanstaaf"));
    let login = match method {
        Some(method) => session.login_with(method, "mrose", &credential),
        None => session.login("mrose", &credential),
    };
    Ok(login?)
}

const USER_PASS: (&str, &str) = ("PASS tanstaaf\r\n", "+OK\r\n");

#[test]
fn the_response_code_of_a_refusing_greeting_sets_the_kind() {
    for (greeting, kind) in [
        (&[("", "-ERR too busy\r\n")], ErrorKind::Unavailable),
        (&[("", "-ERR [SYS/TEMP] later\r\n")], ErrorKind::Temporary),
        (&[("", "-ERR [AUTH] whatever\r\n")], ErrorKind::Unavailable),
        (&[("", "220 smtp.example.org ESMTP\r\n")], ErrorKind::Protocol),
    ] {
        let server = Server::new(greeting);
        let error = server.open().unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.response().is_some());
    }
}

#[test]
fn capabilities_are_requested_once_and_are_optional() {
    let server = Server::new(&[
        ("", "+OK\r\n"),
        ("CAPA\r\n", "-ERR what?\r\n"),
        ("USER mrose\r\n", "+OK\r\n"),
        USER_PASS,
    ]);
    let mut session = server.session();
    assert_eq!(session.capabilities().unwrap(), None);
    let transaction = login(session, None).unwrap();
    assert_eq!(transaction.method(), AuthMethod::UserPass);
    transaction.abandon().unwrap();
    server.check();
}

#[test]
fn an_explicit_mechanism_overrides_the_choice() {
    const CAPA: (&str, &str) = ("CAPA\r\n", "+OK\r\nSASL LOGIN PLAIN\r\nUSER\r\n.\r\n");
    let server = Server::new(&[("", "+OK\r\n"), CAPA, ("AUTH PLAIN AG1yb3NlAHRhbnN0YWFm\r\n", "+OK\r\n")]);
    assert_eq!(login(server.session(), None).unwrap().method().name(), "PLAIN");
    server.check();
    let server = Server::new(&[
        ("", "+OK\r\n"),
        CAPA,
        ("AUTH LOGIN\r\n", "+ VXNlcm5hbWU6\r\n"),
        ("bXJvc2U=\r\n", "+ UGFzc3dvcmQ6\r\n"),
        ("dGFuc3RhYWY=\r\n", "+OK\r\n"),
    ]);
    assert_eq!(
        login(server.session(), Some(AuthMethod::Sasl(Mechanism::Login))).unwrap().method().name(),
        "LOGIN"
    );
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
fn an_echoed_secret_is_redacted_everywhere() {
    let server = Server::new(&[
        ("", "+OK\r\n"),
        ("CAPA\r\n", "-ERR\r\n"),
        ("USER mrose\r\n", "+OK\r\n"),
        ("PASS tanstaaf\r\n", "-ERR [AUTH] tanstaaf (dGFuc3RhYWY=) is not it\r\n"),
    ]);
    let log = Log::default();
    let connector = Connector::new().trace(log.clone());
    let session = connector.connect(&server.address.to_string(), TlsMode::None).unwrap();
    let error = login(session, None).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Authentication);
    let shown = format!("{error} {error:?} {}", log.0.lock().unwrap());
    assert!(shown.contains("PASS ***") && shown.contains("*** (***=) is not it"), "{shown}");
    assert!(!shown.contains("tanstaaf") && !shown.contains("dGFuc3RhYWY"), "{shown}");
    server.check();
}

/// An interactive client can ask for the password again on the same connection.
#[test]
fn a_refused_login_returns_the_session() {
    let wrong = Secret::from("wrong");
    let server = Server::new(&[
        ("", "+OK <1.2@h>\r\n"),
        ("USER mrose\r\n", "+OK\r\n"),
        ("PASS wrong\r\n", "-ERR [AUTH] no\r\n"),
        ("APOP mrose 3f2449ba963cf4ee0f2793d9ad126fa8\r\n", "-ERR [IN-USE] busy\r\n"),
        ("CAPA\r\n", "+OK\r\nSASL PLAIN\r\n.\r\n"),
        ("AUTH PLAIN AG1yb3NlAHdyb25n\r\n", "-ERR no\r\n"),
        ("AUTH PLAIN AG1yb3NlAHRhbnN0YWFm\r\n", "+OK\r\n"),
    ]);
    let mut session = server.session();
    session.user("mrose").unwrap();
    let refused = session.pass(&wrong).unwrap_err();
    assert_eq!(refused.error().kind(), ErrorKind::Authentication);
    let unsent = refused.into_session().unwrap().pass(&Secret::from("a\r\nb")).unwrap_err();
    assert_eq!(unsent.error().kind(), ErrorKind::Argument);
    let refused = unsent.into_session().unwrap().apop("mrose", &wrong).unwrap_err();
    assert_eq!(refused.error().kind(), ErrorKind::Temporary);
    let session = refused.into_session().unwrap();
    let refused = session.login("mrose", &Credential::Password(wrong)).unwrap_err();
    let transaction = login(refused.into_session().unwrap(), None).unwrap();
    transaction.abandon().unwrap();
    server.check();
}

#[test]
fn a_failed_login_does_not_return_the_session() {
    for (script, method) in [
        (
            &[("", "+OK\r\n"), ("CAPA\r\n", "-ERR\r\n"), ("USER mrose\r\n", "what?\r\n")][..],
            AuthMethod::UserPass,
        ),
        (
            &[("", "+OK\r\n"), ("CAPA\r\n", "-ERR\r\n"), ("AUTH SCRAM-SHA-1 ", "+OK\r\n")],
            AuthMethod::Sasl(Mechanism::ScramSha1),
        ),
    ] {
        let server = Server::new(script);
        let credential = Credential::Password(Secret::from("tanstaaf"));
        let failed = server.session().login_with(method, "mrose", &credential).unwrap_err();
        let error = failed.into_session().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    }
}

#[test]
fn a_session_can_end_before_the_login() {
    let server = Server::new(&[("", "+OK\r\n"), ("QUIT\r\n", "+OK bye\r\n")]);
    server.session().quit().unwrap();
    server.check();
}

#[test]
fn junk_in_an_exchange_ends_the_session() {
    let server = Server::new(&[
        ("", "+OK\r\n"),
        ("CAPA\r\n", "-ERR\r\n"),
        ("AUTH CRAM-MD5\r\n", "+ not base64!\r\n"),
        ("*\r\n", "-ERR cancelled\r\n"),
    ]);
    let error = login(server.session(), Some(AuthMethod::Sasl(Mechanism::CramMd5))).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    server.check();
}

#[test]
fn a_scram_server_without_a_valid_signature_is_refused() {
    let server =
        Server::new(&[("", "+OK\r\n"), ("CAPA\r\n", "-ERR\r\n"), ("AUTH SCRAM-SHA-1 ", "+OK in you go\r\n")]);
    let error = login(server.session(), Some(AuthMethod::Sasl(Mechanism::ScramSha1))).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
}

#[test]
fn commands_share_one_window() {
    let server = Server::new(&[
        ("", "+OK\r\n"),
        CAPA_PIPELINING,
        USER,
        USER_PASS,
        LISTINGS,
        (RETR_3, "+OK\r\none\r\n.\r\n+OK 1 10\r\n-ERR gone\r\n+OK 2 10\r\n+OK\r\nthree\r\n.\r\n+OK 3 10\r\n"),
        ("DELE 1\r\nDELE 3\r\nSTAT\r\n", "+OK\r\n-ERR no\r\n+OK 2 20\r\n"),
        ("QUIT\r\n", "+OK\r\n"),
    ]);
    let mut transaction = login(server.session(), None).unwrap();
    let messages = transaction.listing().unwrap();
    assert_eq!(messages.len(), 3);
    let mut retrieval = transaction.retr_all(messages.iter().map(|message| message.number));
    let heard = hear(&mut retrieval).unwrap();
    assert_eq!(heard, ["1 one\r\n", "vouched", "2 -ERR gone", "vouched", "3 three\r\n", "vouched"]);
    retrieval.dele(number(1));
    retrieval.dele(number(3));
    retrieval.finish();
    assert_eq!(hear(&mut retrieval).unwrap(), ["1 marked", "mark 3 -ERR no", "vouched"]);
    transaction.commit().unwrap();
    server.check();
}

const CAPA_PIPELINING: (&str, &str) = ("CAPA\r\n", "+OK\r\nPIPELINING\r\n.\r\n");
const USER: (&str, &str) = ("USER mrose\r\n", "+OK\r\n");
const LISTINGS: (&str, &str) = (
    "STAT\r\nUIDL\r\nLIST\r\nLIST 1\r\n",
    "+OK 3 30\r\n+OK\r\n1 a\r\n2 b\r\n3 c\r\n.\r\n+OK\r\n1 10\r\n2 10\r\n3 10\r\n.\r\n+OK 1 10\r\n",
);

const RETR_3: &str = "RETR 1\r\nLIST 1\r\nRETR 2\r\nLIST 2\r\nRETR 3\r\nLIST 3\r\n";

/// All replies, or the replies before an error and the error.
type Heard = Result<Vec<String>, (Vec<String>, Error)>;

/// Collects every reply.
fn hear(retrieval: &mut Retrieval<'_>) -> Heard {
    let mut heard = Vec::new();
    loop {
        match retrieval.next() {
            Ok(None) => return Ok(heard),
            Ok(Some(Reply::Message(of, mut message))) => {
                let mut octets = Vec::new();
                loop {
                    match message.chunk() {
                        Ok(Some(chunk)) => octets.extend_from_slice(chunk),
                        Ok(None) => break,
                        Err(error) => return Err((heard, error)),
                    }
                }
                heard.push(format!("{of} {}", String::from_utf8_lossy(&octets)));
            }
            Ok(Some(Reply::Refused { number, mark, error })) => {
                let what = if mark { "mark " } else { "" };
                heard.push(format!("{what}{number} {}", error.response().unwrap().escape_ascii()));
            }
            Ok(Some(Reply::Marked(of))) => heard.push(format!("{of} marked")),
            Ok(Some(Reply::Vouched)) => heard.push("vouched".to_owned()),
            Err(error) => return Err((heard, error)),
        }
    }
}

#[test]
fn unexpected_data_ends_the_session() {
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

#[test]
fn cleartext_after_stls_is_never_a_response() {
    let server = Server::new(&[("", "+OK\r\n"), ("STLS\r\n", "+OK\r\n+OK injected\r\n")]);
    let connector = TlsConnector::prepare(TlsSettings::default());
    let error = server.session().stls(&connector).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    server.check();
    let server = Server::new(&[("", "+OK\r\n"), ("STLS\r\n", "-ERR no such thing\r\n")]);
    let error = server.session().stls(&connector).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
}
