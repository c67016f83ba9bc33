//! Pipelined retrievals, and the checkpoints that prove the order of their responses.

use super::*;
use crate::proto::UniqueId;

/// Starts a server with `PIPELINING`, which has this conversation after the login.
fn pipelining(rest: &[(&'static str, &'static str)]) -> Server {
    let begin = [("", "+OK\r\n"), CAPA_PIPELINING, USER, USER_PASS];
    Server::new(Vec::leak([&begin[..], rest].concat()))
}

/// Retrieves three messages from a pipelining server with these responses.
fn three(answers: &[(&'static str, &'static str)]) -> (Heard, Server) {
    let server = pipelining(&[&[LISTINGS], answers].concat());
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
        let (heard, _server) = three(&[(RETR_3, sent)]);
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
    // After the last message, `STAT` proves the order.
    let refused = "+OK\r\none\r\n.\r\n+OK 1 10\r\n+OK\r\ntwo\r\n.\r\n+OK 2 10\r\n-ERR gone\r\n-ERR gone\r\n";
    let proven = ["1 one\r\n", "vouched", "2 two\r\n", "vouched"];
    let (heard, server) = three(&[(RETR_3, refused), ("STAT\r\n", "+OK 2 20\r\n")]);
    assert_eq!(heard.unwrap(), [&proven[..], &["3 -ERR gone", "vouched"]].concat());
    server.check();
    let (heard, _server) = three(&[(RETR_3, refused), ("STAT\r\n", "-ERR no\r\n")]);
    let (heard, error) = heard.unwrap_err();
    assert_eq!(heard, [&proven[..], &["3 -ERR gone"]].concat());
    assert_eq!(error.kind(), ErrorKind::Protocol);
}

/// A message that `RETR` returns and `LIST` refuses does not hold up the others.
#[test]
fn a_message_without_a_checkpoint_is_proven_by_the_next_one() {
    let (heard, server) = three(&[(
        RETR_3,
        "+OK\r\none\r\n.\r\n-ERR no\r\n+OK\r\ntwo\r\n.\r\n+OK 2 10\r\n+OK\r\nthree\r\n.\r\n+OK 3 10\r\n",
    )]);
    let replies = ["1 one\r\n", "2 two\r\n", "vouched", "3 three\r\n", "vouched"];
    assert_eq!(heard.unwrap(), replies);
    server.check();
}

/// The status line of `RETR` repeats the number and the size, as the response to `LIST` does: the next response must
/// begin with a status indicator, too.
#[test]
fn a_status_line_that_looks_like_a_checkpoint_proves_nothing() {
    let (heard, server) = three(&[
        (
            RETR_3,
            "+OK 1 10\r\none\r\n.\r\n+OK 1 10\r\n+OK 2 10\r\ntwo\r\n.\r\n+OK 2 10\r\n+OK 3 10\r\nthree\r\n.\r\n+OK 3 10\r\n",
        ),
        ("STAT\r\n", "+OK 3 30\r\n"),
    ]);
    let replies = ["1 one\r\n", "vouched", "2 two\r\n", "vouched", "3 three\r\n", "vouched"];
    assert_eq!(heard.unwrap(), replies);
    server.check();
    // The second message again, in place of the third: LIST 3 is answered by the status line of RETR 3.
    let (heard, _server) = three(&[
        (
            RETR_3,
            "+OK 1 10\r\none\r\n.\r\n+OK 1 10\r\n+OK 2 10\r\ntwo\r\n.\r\n+OK 2 10\r\n+OK 2 10\r\ntwo\r\n.\r\n+OK 3 10\r\nthree\r\n.\r\n+OK 3 10\r\n",
        ),
        ("STAT\r\n", "+OK 3 30\r\n"),
    ]);
    let (heard, error) = heard.unwrap_err();
    assert_eq!(heard, ["1 one\r\n", "vouched", "2 two\r\n", "vouched", "3 two\r\n"]);
    assert_eq!(error.kind(), ErrorKind::Protocol);
}

/// Starts a server without `PIPELINING`, which has this conversation after the login.
fn one_by_one(rest: &[(&'static str, &'static str)]) -> Server {
    let begin = [("", "+OK\r\n"), ("CAPA\r\n", "-ERR\r\n"), USER, USER_PASS];
    Server::new(Vec::leak([&begin[..], rest].concat()))
}

/// `STAT` follows the first message, each group of messages, and the last marks.
#[test]
fn without_pipelining_a_group_has_a_checkpoint() {
    let server = one_by_one(&[
        ("RETR 1\r\n", "+OK\r\none\r\n.\r\n"),
        ("STAT\r\n", "+OK 3 30\r\n"),
        ("RETR 2\r\n", "-ERR gone\r\n"),
        ("RETR 3\r\n", "+OK\r\nthree\r\n.\r\n"),
        ("STAT\r\n", "+OK 3 30\r\n"),
        ("DELE 1\r\n", "+OK\r\n"),
        ("STAT\r\n", "+OK 2 20\r\n"),
        ("QUIT\r\n", "+OK\r\n"),
    ]);
    let mut transaction = login(server.session(), None).unwrap();
    let mut retrieval = transaction.retr_all([1, 2, 3].map(number));
    assert_eq!(
        hear(&mut retrieval).unwrap(),
        ["1 one\r\n", "vouched", "2 -ERR gone", "3 three\r\n", "vouched"]
    );
    retrieval.dele(number(1));
    retrieval.finish();
    assert_eq!(hear(&mut retrieval).unwrap(), ["1 marked", "vouched"]);
    transaction.commit().unwrap();
    server.check();
}

/// Twice as many messages as before, at most 32, or 64 KiB of them.
#[test]
fn without_pipelining_groups_are_bounded() {
    let mut rest = Vec::new();
    let large: &'static str = String::leak(format!("+OK\r\n{}.\r\n", "sixteen octets\r\n".repeat(4096)));
    let checked = [1, 3, 7, 15, 31, 63, 64, 90];
    for of in 1..=90 {
        let command: &'static str = String::leak(format!("RETR {of}\r\n"));
        rest.push((command, if of == 64 { large } else { "+OK\r\nx\r\n.\r\n" }));
        if checked.contains(&of) {
            rest.push(("STAT\r\n", "+OK 90 10\r\n"));
        }
    }
    let server = one_by_one(&rest);
    let mut transaction = login(server.session(), None).unwrap();
    let heard = hear(&mut transaction.retr_all((1..=90).map(number))).unwrap();
    let vouched: Vec<_> = (0..heard.len()).filter(|&at| heard[at] == "vouched").collect();
    assert_eq!(vouched, [1, 4, 9, 18, 35, 68, 70, 97]);
    server.check_after(transaction);
}

/// Each of these once stored a message under the unique-id of another one, or deleted one that was never received.
#[test]
fn without_pipelining_responses_out_of_step_prove_nothing() {
    const TWO: &str = "+OK\r\ntwo\r\n.\r\n";
    for rest in [
        // A stray line, and a refusal that `STAT` takes for its own.
        [("RETR 2\r\n", "-ERR stray\r\n"), ("RETR 3\r\n", TWO), ("STAT\r\n", "-ERR quota\r\n")],
        [("RETR 2\r\n", "-ERR stray\r\n"), ("RETR 3\r\n", TWO), ("STAT\r\n", "+OK 5 octets\r\n")],
        [("RETR 2\r\n", "+OK\r\none\r\n.\r\n"), ("RETR 3\r\n", TWO), ("STAT\r\n", "+OK\r\n")],
        [("RETR 2\r\n", "-ERR stray\r\n"), ("RETR 3\r\n", TWO), ("STAT\r\n", "+OK 3\r\n")],
    ] {
        let first = [("RETR 1\r\n", "+OK\r\none\r\n.\r\n"), ("STAT\r\n", "+OK 3 30\r\n")];
        let server = one_by_one(&[&first[..], &rest].concat());
        let mut transaction = login(server.session(), None).unwrap();
        let (heard, error) = hear(&mut transaction.retr_all([1, 2, 3].map(number))).unwrap_err();
        assert_eq!(heard[..2], ["1 one\r\n", "vouched"], "{rest:?}");
        assert!(!heard[2..].contains(&"vouched".to_owned()), "{rest:?}: {heard:?}");
        assert_eq!(error.kind(), ErrorKind::Protocol, "{rest:?}: {error}");
        drop(transaction);
        server.check();
    }
}

/// Without pipelining, too, a second `STAT` follows if other responses have the form of the first one.
#[test]
fn without_pipelining_an_ambiguous_checkpoint_is_confirmed() {
    let server = one_by_one(&[
        ("RETR 1\r\n", "+OK 1 5\r\none\r\n.\r\n"),
        ("STAT\r\n", "+OK 2 10\r\n"),
        ("RETR 2\r\n", "+OK 2 5\r\ntwo\r\n.\r\n"),
        ("STAT\r\n", "+OK 2 10\r\n"),
        ("STAT\r\n", "+OK 2 10\r\n"),
    ]);
    let mut transaction = login(server.session(), None).unwrap();
    let heard = hear(&mut transaction.retr_all([1, 2].map(number))).unwrap();
    assert_eq!(heard, ["1 one\r\n", "vouched", "2 two\r\n", "vouched"]);
    server.check_after(transaction);
    // STAT is answered by the status line of RETR 1, and its text follows.
    let server = one_by_one(&[
        ("RETR 1\r\n", "+OK 9 9\r\nstray\r\n.\r\n"),
        ("STAT\r\n", "+OK 1 5\r\n"),
        ("RETR 2\r\n", "one\r\n.\r\n"),
    ]);
    let mut transaction = login(server.session(), None).unwrap();
    let (heard, error) = hear(&mut transaction.retr_all([1, 2].map(number))).unwrap_err();
    assert_eq!(heard, ["1 stray\r\n"]);
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    drop(transaction);
    server.check();
}

/// A late second response to `LIST` before the first message, whose own status line then looks like a checkpoint: only
/// the next response shows it.
#[test]
fn the_first_checkpoint_is_confirmed() {
    let (heard, _server) = three(&[(
        RETR_3,
        "+OK\r\n1 10\r\n.\r\n+OK 1 10\r\none\r\n.\r\n+OK 1 10\r\n+OK 2 10\r\ntwo\r\n.\r\n+OK 2 10\r\n",
    )]);
    let (heard, error) = heard.unwrap_err();
    assert_eq!(heard, ["1 1 10\r\n"]);
    assert_eq!(error.kind(), ErrorKind::Protocol);
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
        let server = pipelining(&[
            (LISTINGS.0, listings),
            ("STAT\r\n", "+OK 3 30\r\n"),
            ("RETR 1\r\n", "+OK\r\none\r\n.\r\n"),
            ("STAT\r\n", "+OK 3 30\r\n"),
            ("RETR 2\r\n", "+OK\r\ntwo\r\n.\r\n"),
            ("STAT\r\n", "+OK 3 30\r\n"),
        ]);
        let mut transaction = login(server.session(), None).unwrap();
        transaction.listing().unwrap();
        let heard = hear(&mut transaction.retr_all([1, 2].map(number))).unwrap();
        assert_eq!(heard, ["1 one\r\n", "vouched", "2 two\r\n", "vouched"], "{echo:?}");
        transaction.abandon().unwrap();
        server.check();
    }
}

/// A response that is out of place after the listing also lacks the number: `STAT` shows the difference.
#[test]
fn a_listing_out_of_step_is_an_error() {
    let listings: &'static str = String::leak(LISTINGS.1.replace("+OK 1 10\r\n", "-ERR stray\r\n"));
    let server = pipelining(&[(LISTINGS.0, listings), ("STAT\r\n", "+OK 1 10\r\n")]);
    let mut transaction = login(server.session(), None).unwrap();
    let error = transaction.listing().unwrap_err();
    assert!(error.kind() == ErrorKind::Protocol && error.is_pipelined(), "{error}");
    drop(transaction);
    server.check();
}

/// The responses to `UIDL` and `LIST` in the wrong order, or the second one twice: they are requested again, one at a
/// time.
#[test]
fn a_listing_whose_unique_ids_are_sizes_is_requested_again() {
    const SIZES: &str = "+OK\r\n1 30\r\n2 40\r\n3 50\r\n.\r\n";
    const IDS: &str = "+OK\r\n1 1001\r\n2 1002\r\n3 1003\r\n.\r\n";
    for second in [IDS, SIZES] {
        let skewed: &'static str = String::leak(format!("+OK 3 120\r\n{SIZES}{second}+OK 1 30\r\n"));
        let server = pipelining(&[
            (LISTINGS.0, skewed),
            ("STAT\r\n", "+OK 3 120\r\n"),
            ("UIDL\r\n", IDS),
            ("LIST\r\n", SIZES),
        ]);
        let mut transaction = login(server.session(), None).unwrap();
        let listing = transaction.listing().unwrap();
        let first = listing.iter().next().unwrap();
        assert_eq!((first.unique_id.map(UniqueId::as_bytes), first.octets), (Some(&b"1001"[..]), Some(30)));
        server.check_after(transaction);
    }
}

/// Without listings, or if they lack message 1, another message shows if `LIST n` repeats the number.
#[test]
fn the_probe_uses_a_listed_message() {
    let server = pipelining(&[
        ("LIST 2\r\n", "+OK 2 10\r\n"),
        ("RETR 2\r\nLIST 2\r\n", "+OK\r\ntwo\r\n.\r\n+OK 2 10\r\n"),
    ]);
    let mut transaction = login(server.session(), None).unwrap();
    let heard = hear(&mut transaction.retr_all([number(2)])).unwrap();
    assert_eq!(heard, ["2 two\r\n", "vouched"]);
    server.check_after(transaction);
    let server = pipelining(&[
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

/// All checkpoints are in one window, however large the messages are.
#[test]
fn each_message_has_a_checkpoint() {
    let (mut sent, mut answers, mut expected) = (Vec::new(), Vec::new(), Vec::new());
    for of in 1..=70 {
        sent.push(format!("RETR {of}\r\nLIST {of}\r\n"));
        let text = format!("{of:02000}\r\n");
        answers.push(format!("+OK\r\n{text}.\r\n+OK {of} 5\r\n"));
        expected.extend([format!("{of} {text}"), "vouched".to_owned()]);
    }
    let server = pipelining(&[
        ("LIST 1\r\n", "+OK 1 5\r\n"),
        (String::leak(sent.concat()), String::leak(answers.concat())),
    ]);
    let mut transaction = login(server.session(), None).unwrap();
    assert_eq!(hear(&mut transaction.retr_all((1..=70).map(number))).unwrap(), expected);
    server.check_after(transaction);
}

/// A marked message is no longer listed.
#[test]
fn a_checkpoint_never_uses_a_marked_message() {
    let server = pipelining(&[
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
