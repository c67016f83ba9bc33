//! Pipelined retrievals, and the checkpoints that prove the order of their responses.

use super::*;

/// Retrieves three messages from a pipelining server with these responses.
fn three(answers: &'static [(&'static str, &'static str)]) -> (Heard, Server) {
    let begin = [("", "+OK\r\n"), CAPA_PIPELINING, USER, USER_PASS, LISTINGS];
    let server = Server::new(Vec::leak([&begin[..], answers].concat()));
    let mut transaction = login(server.session(), None).unwrap();
    transaction.listing().unwrap();
    let heard = hear(&mut transaction.retr_all([1, 2, 3].map(number)));
    (heard, server)
}

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
