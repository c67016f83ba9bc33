//! Deletion: marks, `QUIT`, and sessions that end without it.

use super::*;

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

#[test]
fn without_commit_marks_are_removed_and_quit_is_not_sent() {
    let server = Server::new(&[
        ("", "+OK\r\n"),
        ("CAPA\r\n", "-ERR\r\n"),
        ("USER mrose\r\n", "+OK\r\n"),
        USER_PASS,
        ("DELE 2\r\n", "+OK\r\n"),
        ("STAT\r\n", "+OK 1 10\r\n"),
        ("RSET\r\n", "+OK\r\n"),
    ]);
    let mut transaction = login(server.session(), None).unwrap();
    transaction.dele_all([number(2)], |_, error| panic!("{error}")).unwrap();
    transaction.abandon().unwrap();
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
