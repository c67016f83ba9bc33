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

/// Retrieves three messages from a pipelining server with these responses.
fn three(answers: &'static [(&'static str, &'static str)]) -> (Heard, Server) {
    let begin = [("", "+OK\r\n"), CAPA_PIPELINING, USER, USER_PASS, LISTINGS];
    let server = Server::new(Vec::leak([&begin[..], answers].concat()));
    let mut transaction = login(server.session(), None).unwrap();
    transaction.listing().unwrap();
    let heard = hear(&mut transaction.retr_all([1, 2, 3].map(number)));
    (heard, server)
}

const RETR_3: &str = "RETR 1\r\nLIST 1\r\nRETR 2\r\nLIST 2\r\nRETR 3\r\nLIST 3\r\n";

/// Each case once stored a message under the unique-id of another message.
#[test]
fn responses_out_of_step_prove_nothing() {
    const ONE: &str = "+OK\r\none\r\n.\r\n";
    const TWO: &str = "+OK\r\ntwo\r\n.\r\n";
    const THREE: &str = "+OK\r\nthree\r\n.\r\n";
    const LIST_1: &str = "+OK 1 10\r\n";
    const LIST_2: &str = "+OK 2 10\r\n";
    const LIST_3: &str = "+OK 3 10\r\n";
    for (answers, vouched, at) in [
        // An extra response before, between and after the messages.
        (&["+OK\r\n", "+OK 5 octets\r\none\r\n.\r\n", LIST_1, TWO, LIST_2, THREE, LIST_3][..], 0, 1),
        (&[ONE, "+OK\r\n", LIST_1, TWO, LIST_2, THREE, LIST_3], 0, 1),
        (&[ONE, LIST_1, "+OK\r\n", TWO, LIST_2, THREE, LIST_3], 1, 2),
        (&["-ERR busy\r\n", ONE, LIST_1, TWO, LIST_2, THREE, LIST_3], 0, 1),
        (&[ONE, LIST_1, TWO, LIST_2, THREE, "-ERR busy\r\n", LIST_3], 2, 3),
        (&[ONE, LIST_1, TWO, LIST_2, THREE, "+OK\r\n", LIST_3], 2, 3),
        // The response to another LIST.
        (&[ONE, LIST_1, TWO, LIST_2, THREE, LIST_2], 2, 3),
        // A response within another one: the text after the first one is not a response.
        (&["+OK\r\none\r\n+OK 5 octets\r\n.\r\n", "two\r\n.\r\n", LIST_1, LIST_2, THREE, LIST_3], 0, 1),
        // A missing response.
        (&[ONE, LIST_1, LIST_2, THREE, LIST_3], 1, 2),
        (&[ONE, LIST_1, TWO, THREE, LIST_3], 1, 2),
        // One response is sent twice and another one is missing: the number of responses is right.
        (&[ONE, ONE, LIST_1, LIST_2, THREE, LIST_3], 0, 1),
        (&[ONE, LIST_1, TWO, TWO, LIST_2, LIST_3], 1, 2),
        (&[ONE, LIST_1, LIST_1, TWO, THREE, LIST_3], 1, 2),
        (&[ONE, ONE, LIST_2, TWO, THREE, LIST_3], 0, 1),
        // Two responses in the wrong order.
        (&[TWO, LIST_2, ONE, LIST_1, THREE, LIST_3], 0, 1),
        (&[LIST_1, ONE, TWO, LIST_2, THREE, LIST_3], 0, 1),
    ] {
        let sent: &str = String::leak(answers.concat());
        let (heard, _server) = three(Vec::leak(vec![(RETR_3, sent)]));
        let (heard, error) = heard.unwrap_err();
        assert_eq!(
            heard.iter().filter(|reply| *reply == "vouched").count(),
            vouched,
            "{answers:?}: {heard:?}"
        );
        let proven = ["1 one\r\n", "vouched", "2 two\r\n", "vouched"];
        assert_eq!(heard[..2 * vouched], proven[..2 * vouched], "{answers:?}");
        assert_eq!(error.kind(), ErrorKind::Protocol, "{answers:?}: {error}");
        assert!(error.is_pipelined());
        assert_eq!(error.number(), Some(number(at)), "{answers:?}: {error}");
    }
}

/// The server omits a response and has nothing left to send at the end: the last status line shows it.
#[test]
fn an_omitted_last_response_is_a_protocol_error() {
    let begin = [("", "+OK\r\n"), CAPA_PIPELINING, USER, USER_PASS, LISTINGS];
    let retrieve = |answers: &str| {
        let answers: &'static str = String::leak(format!("+OK\r\none\r\n.\r\n+OK 1 10\r\n{answers}"));
        let server = Server::closing(Vec::leak([&begin[..], &[(RETR_3, answers)][..]].concat()));
        let mut transaction = login(server.session(), None).unwrap();
        transaction.listing().unwrap();
        hear(&mut transaction.retr_all([1, 2, 3].map(number))).unwrap_err()
    };
    for (answers, kind, vouched, at) in [
        ("+OK\r\ntwo\r\n.\r\n+OK 2 10\r\n+OK 3 10\r\n", ErrorKind::Protocol, 2, 3),
        // These cases cannot be distinguished from a lost connection.
        ("+OK\r\ntwo\r\n.\r\n+OK 2 10\r\n+OK\r\nthree\r\n.\r\n", ErrorKind::Unavailable, 2, 3),
        ("+OK\r\ntwo\r\n.\r\n+OK 2 10\r\n+OK 2 10\r\n", ErrorKind::Unavailable, 2, 3),
        ("+OK\r\ntwo\r\n.\r\n+OK 2 10\r\n+OK 3 10\r\nthr", ErrorKind::Unavailable, 2, 3),
    ] {
        let (heard, error) = retrieve(answers);
        assert_eq!(
            heard.iter().filter(|reply| *reply == "vouched").count(),
            vouched,
            "{answers:?}: {heard:?}"
        );
        assert_eq!((error.kind(), error.number()), (kind, Some(number(at))), "{answers:?}: {error}");
        assert!(error.is_pipelined());
        assert_eq!(error.response().is_some(), kind == ErrorKind::Protocol);
    }
    for (answers, kind) in
        [("+OK\r\n+OK 1 10\r\n", ErrorKind::Protocol), ("+OK\r\n+OK\r\n", ErrorKind::Unavailable)]
    {
        let marks = [("DELE 1\r\nDELE 2\r\nSTAT\r\n", answers)];
        let server = Server::closing(Vec::leak([&begin[..4], &marks[..]].concat()));
        let mut transaction = login(server.session(), None).unwrap();
        let error = transaction.dele_all([1, 2].map(number), |_, _| {}).unwrap_err();
        assert_eq!(error.kind(), kind, "{answers:?}: {error}");
    }
}

/// `LIST` also refuses a message that was removed after the login, so the next checkpoint proves the order.
#[test]
fn a_refused_checkpoint_proves_nothing() {
    let (heard, server) = three(&[(
        RETR_3,
        "+OK\r\none\r\n.\r\n+OK 1 10\r\n-ERR gone\r\n-ERR gone\r\n+OK\r\nthree\r\n.\r\n+OK 3 10\r\n",
    )]);
    assert_eq!(heard.unwrap(), ["1 one\r\n", "vouched", "2 -ERR gone", "3 three\r\n", "vouched"]);
    server.check();
    // After the last message, the checkpoint uses another message.
    let refused = "+OK\r\none\r\n.\r\n+OK 1 10\r\n+OK\r\ntwo\r\n.\r\n+OK 2 10\r\n-ERR gone\r\n-ERR gone\r\n";
    let (heard, server) = three(Vec::leak(vec![(RETR_3, refused), ("LIST 2\r\n", "+OK 2 10\r\n")]));
    let proven = ["1 one\r\n", "vouched", "2 two\r\n", "vouched"];
    assert_eq!(heard.unwrap(), [&proven[..], &["3 -ERR gone", "vouched"]].concat());
    server.check();
    let (heard, _server) = three(Vec::leak(vec![(RETR_3, refused), ("LIST 2\r\n", "-ERR no\r\n")]));
    let (heard, error) = heard.unwrap_err();
    assert_eq!(heard, [&proven[..], &["3 -ERR gone"]].concat());
    assert_eq!(error.kind(), ErrorKind::Protocol);
}

/// Without pipelining, each response proves the previous one, even a refusal of `STAT`.
#[test]
fn without_pipelining_each_response_proves_the_last_one() {
    for last in ["+OK 3 30\r\n", "-ERR not now\r\n"] {
        let server = Server::new(Vec::leak(vec![
            ("", "+OK\r\n"),
            ("CAPA\r\n", "-ERR\r\n"),
            USER,
            USER_PASS,
            ("RETR 1\r\n", "+OK\r\none\r\n.\r\n"),
            ("RETR 2\r\n", "-ERR gone\r\n"),
            ("RETR 3\r\n", "+OK\r\nthree\r\n.\r\n"),
            ("STAT\r\n", last),
            ("DELE 1\r\n", "+OK\r\n"),
            ("QUIT\r\n", "+OK\r\n"),
        ]));
        let mut transaction = login(server.session(), None).unwrap();
        let mut retrieval = transaction.retr_all([1, 2, 3].map(number));
        let heard = hear(&mut retrieval).unwrap();
        let vouched = "vouched";
        assert_eq!(heard, ["1 one\r\n", vouched, "2 -ERR gone", vouched, "3 three\r\n", vouched]);
        retrieval.dele(number(1));
        assert_eq!(hear(&mut retrieval).unwrap(), ["1 marked", vouched]);
        transaction.commit().unwrap();
        server.check();
    }
}

#[test]
fn without_pipelining_a_late_line_is_a_protocol_error() {
    let server = Server::new(&[
        ("", "+OK\r\n"),
        ("CAPA\r\n", "-ERR\r\n"),
        USER,
        USER_PASS,
        ("RETR 1\r\n", "+OK\r\none\r\n.\r\n"),
        ("STAT\r\n", "+OK 2000004 octets\r\n"),
    ]);
    let mut transaction = login(server.session(), None).unwrap();
    let (heard, error) = hear(&mut transaction.retr_all([number(1)])).unwrap_err();
    assert_eq!((heard, error.number()), (vec!["1 one\r\n".to_owned()], Some(number(1))));
    assert!(error.kind() == ErrorKind::Protocol && !error.is_pipelined(), "{error}");
    drop(transaction);
    server.check();
}

/// If `LIST n` does not repeat the number or is refused, nothing can prove the order of pipelined responses.
#[test]
fn without_numbers_in_list_pipelining_is_off() {
    for echo in ["+OK\r\n", "+OK 120 octets\r\n", "-ERR what?\r\n", "+OK 2 10\r\n"] {
        let listings: &'static str = String::leak(LISTINGS.1.replace("+OK 1 10\r\n", echo));
        let server = Server::new(Vec::leak(vec![
            ("", "+OK\r\n"),
            CAPA_PIPELINING,
            USER,
            USER_PASS,
            (LISTINGS.0, listings),
            ("RETR 1\r\n", "+OK\r\none\r\n.\r\n"),
            ("RETR 2\r\n", "+OK\r\ntwo\r\n.\r\n"),
            ("STAT\r\n", "+OK 3 30\r\n"),
        ]));
        let mut transaction = login(server.session(), None).unwrap();
        transaction.listing().unwrap();
        let heard = hear(&mut transaction.retr_all([1, 2].map(number))).unwrap();
        assert_eq!(heard, ["1 one\r\n", "vouched", "2 two\r\n", "vouched"], "{echo:?}");
        transaction.abandon().unwrap();
        server.check();
    }
}

/// Without listings, or if they lack message 1, another message shows if `LIST n` repeats the number.
#[test]
fn the_probe_uses_a_listed_message() {
    let server = Server::new(&[
        ("", "+OK\r\n"),
        CAPA_PIPELINING,
        USER,
        USER_PASS,
        ("LIST 2\r\n", "+OK 2 10\r\n"),
        ("RETR 2\r\nLIST 2\r\n", "+OK\r\ntwo\r\n.\r\n+OK 2 10\r\n"),
    ]);
    let mut transaction = login(server.session(), None).unwrap();
    let heard = hear(&mut transaction.retr_all([number(2)])).unwrap();
    assert_eq!(heard, ["2 two\r\n", "vouched"]);
    server.check_after(transaction);
    let server = Server::new(&[
        ("", "+OK\r\n"),
        CAPA_PIPELINING,
        USER,
        USER_PASS,
        (
            "STAT\r\nUIDL\r\nLIST\r\nLIST 1\r\n",
            "+OK 3 10\r\n+OK\r\n3 c\r\n.\r\n+OK\r\n3 10\r\n.\r\n-ERR no\r\n",
        ),
        ("LIST 3\r\n", "+OK 3 10\r\n"),
        ("RETR 3\r\nLIST 3\r\n", "+OK\r\nthree\r\n.\r\n+OK 3 10\r\n"),
    ]);
    let mut transaction = login(server.session(), None).unwrap();
    transaction.listing().unwrap();
    assert_eq!(hear(&mut transaction.retr_all([number(3)])).unwrap(), ["3 three\r\n", "vouched"]);
    server.check_after(transaction);
}

/// All checkpoints are in one window.
#[test]
fn each_message_has_a_checkpoint() {
    let (mut sent, mut answers, mut expected) = (Vec::new(), Vec::new(), Vec::new());
    for of in 1..=70 {
        sent.push(format!("RETR {of}\r\nLIST {of}\r\n"));
        answers.push(format!("+OK\r\n{of}\r\n.\r\n+OK {of} 5\r\n"));
        expected.extend([format!("{of} {of}\r\n"), "vouched".to_owned()]);
    }
    let server = Server::new(Vec::leak(vec![
        ("", "+OK\r\n"),
        CAPA_PIPELINING,
        USER,
        USER_PASS,
        ("LIST 1\r\n", "+OK 1 5\r\n"),
        (String::leak(sent.concat()), String::leak(answers.concat())),
    ]));
    let mut transaction = login(server.session(), None).unwrap();
    assert_eq!(hear(&mut transaction.retr_all((1..=70).map(number))).unwrap(), expected);
    server.check_after(transaction);
}

/// A marked message is no longer listed.
#[test]
fn a_checkpoint_never_uses_a_marked_message() {
    let server = Server::new(&[
        ("", "+OK\r\n"),
        CAPA_PIPELINING,
        USER,
        USER_PASS,
        ("LIST 1\r\n", "+OK 1 5\r\n"),
        ("RETR 1\r\nLIST 1\r\n", "+OK\r\none\r\n.\r\n+OK 1 5\r\n"),
        ("DELE 1\r\nSTAT\r\n", "+OK\r\n+OK 2 20\r\n"),
    ]);
    let mut transaction = login(server.session(), None).unwrap();
    let mut retrieval = transaction.retr_all([number(1)]);
    hear(&mut retrieval).unwrap();
    retrieval.dele(number(1));
    retrieval.finish();
    assert_eq!(hear(&mut retrieval).unwrap(), ["1 marked", "vouched"]);
    drop(transaction);
    server.check();
}

/// Responses to `DELE` contain no number, so their count is proven before `QUIT`.
#[test]
fn marks_are_counted_before_they_are_committed() {
    let start = [("", "+OK\r\n"), CAPA_PIPELINING, USER, USER_PASS];
    let run = |rest: &'static [(&'static str, &'static str)]| {
        let server = Server::new(Vec::leak([&start[..], rest].concat()));
        let mut transaction = login(server.session(), None).unwrap();
        let marked = transaction.dele_all([1, 2].map(number), |_, _| {});
        (marked.and_then(|()| transaction.commit()), server)
    };
    let (ended, server) =
        run(&[("DELE 1\r\nDELE 2\r\nSTAT\r\n", "+OK\r\n+OK\r\n+OK 0 0\r\n"), ("QUIT\r\n", "+OK\r\n")]);
    ended.unwrap();
    server.check();
    for answers in ["+OK\r\n+OK\r\n+OK\r\n+OK 0 0\r\n", "+OK\r\n-ERR busy\r\n+OK\r\n+OK 0 0\r\n"] {
        let (ended, server) = run(Vec::leak(vec![("DELE 1\r\nDELE 2\r\nSTAT\r\n", answers)]));
        assert_eq!(ended.unwrap_err().kind(), ErrorKind::Protocol);
        server.check();
    }
}

/// Marks without a later checkpoint are proven at the commit.
#[test]
fn a_commit_proves_the_marks_first() {
    let server = Server::new(&[
        ("", "+OK\r\n"),
        CAPA_PIPELINING,
        USER,
        USER_PASS,
        ("DELE 1\r\n", "+OK\r\n"),
        ("STAT\r\n", "+OK\r\n"),
    ]);
    let mut transaction = login(server.session(), None).unwrap();
    let mut retrieval = transaction.retr_all([]);
    retrieval.dele(number(1));
    assert_eq!(hear(&mut retrieval).unwrap(), ["1 marked"]);
    assert_eq!(transaction.commit().unwrap_err().kind(), ErrorKind::Protocol);
    server.check();
}

/// After a retrieval was dropped midway, `QUIT` would be confirmed by the response to another command.
#[test]
fn nothing_is_committed_while_responses_are_outstanding() {
    let server = Server::new(&[
        ("", "+OK\r\n"),
        CAPA_PIPELINING,
        USER,
        USER_PASS,
        LISTINGS,
        (
            "RETR 1\r\nLIST 1\r\nRETR 2\r\nLIST 2\r\n",
            "+OK\r\none\r\n.\r\n+OK 1 10\r\n+OK\r\ntwo\r\n.\r\n+OK 2 10\r\n",
        ),
    ]);
    let mut transaction = login(server.session(), None).unwrap();
    transaction.listing().unwrap();
    assert!(matches!(transaction.retr_all([1, 2].map(number)).next(), Ok(Some(Reply::Message(..)))));
    assert_eq!(transaction.commit().unwrap_err().kind(), ErrorKind::Argument);
    server.check();
}

/// With the number, a user can skip a message on which the session always fails.
#[test]
fn an_error_within_a_message_has_its_number() {
    let server = Server::closing(&[
        ("", "+OK\r\n"),
        CAPA_PIPELINING,
        USER,
        USER_PASS,
        LISTINGS,
        (RETR_3, "+OK\r\none\r\n.\r\n+OK 1 10\r\n+OK\r\ntw"),
    ]);
    let mut transaction = login(server.session(), None).unwrap();
    transaction.listing().unwrap();
    let (heard, error) = hear(&mut transaction.retr_all([1, 2, 3].map(number))).unwrap_err();
    assert_eq!(heard, ["1 one\r\n", "vouched"]);
    assert_eq!((error.kind(), error.number()), (ErrorKind::Unavailable, Some(number(2))));
    server.check();
}

#[test]
fn without_commit_marks_are_removed_and_quit_is_not_sent() {
    let server = Server::new(&[
        ("", "+OK\r\n"),
        ("CAPA\r\n", "-ERR\r\n"),
        ("USER mrose\r\n", "+OK\r\n"),
        USER_PASS,
        ("DELE 2\r\n", "+OK\r\n"),
        ("RSET\r\n", "+OK\r\n"),
    ]);
    let mut transaction = login(server.session(), None).unwrap();
    transaction.dele_all([number(2)], |_, error| panic!("{error}")).unwrap();
    transaction.abandon().unwrap();
    server.check();
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

/// Data after the response to `QUIT` means that the response belonged to another command.
#[test]
fn data_after_the_response_to_quit_is_an_error() {
    let server = Server::new(&[
        ("", "+OK\r\n"),
        ("CAPA\r\n", "-ERR\r\n"),
        USER,
        USER_PASS,
        ("DELE 1\r\n", "+OK\r\n"),
        ("QUIT\r\n", "+OK marked\r\n-ERR not all removed\r\n"),
    ]);
    let mut transaction = login(server.session(), None).unwrap();
    transaction.dele(number(1)).unwrap();
    assert_eq!(transaction.commit().unwrap_err().kind(), ErrorKind::Protocol);
    server.check();
}

/// No `QUIT` may follow a timeout: the state of the session is unknown, and marked messages would be deleted.
#[test]
fn nothing_is_sent_after_a_timeout() {
    let server = Server::new(&[
        ("", "+OK\r\n"),
        ("CAPA\r\n", "-ERR\r\n"),
        ("USER mrose\r\n", "+OK\r\n"),
        ("PASS tanstaaf\r\n", "+OK\r\n"),
        ("STAT\r\n", ""),
    ]);
    let connector = Connector::new().timeout(Duration::from_millis(500));
    let session = connector.connect(&server.address.to_string(), TlsMode::None).unwrap();
    let mut transaction = login(session, None).unwrap();
    assert_eq!(transaction.stat().unwrap_err().kind(), ErrorKind::Unavailable);
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

#[test]
fn a_quit_without_a_response_is_commit_unknown() {
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
    let tcp = net::connect(&address, &Route::default(), Limits::default(), &mut |_| {}).unwrap();
    let session = Authorization::open(tcp, &address, SessionOptions::default()).unwrap();
    let error = login(session, None).unwrap().commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommitUnknown, "{error}");
    server.join().unwrap();
}
