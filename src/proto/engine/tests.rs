use proptest::prelude::*;

use super::*;
use crate::{
    bytes::split_at_all,
    proto::{argument::Argument, types::MessageNumber},
};

const ONE: MessageNumber = MessageNumber::new(1).unwrap();

/// An owned event; consecutive body events are joined.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Status(Vec<u8>),
    Challenge(Vec<u8>),
    Line(Vec<u8>),
    Body(Vec<u8>),
    End,
    Failed(ProtocolError),
}

fn ready(commands: &[Command<'_>]) -> Engine {
    let mut engine = Engine::new();
    engine.receive(b"+OK\r\n").unwrap();
    for command in commands {
        engine.send(command, &mut Vec::new());
    }
    engine
}

/// Feeds `input` to the engine, split at `cuts`.
fn listen(mut engine: Engine, input: &[u8], cuts: &[usize]) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut held: Vec<u8> = Vec::new();
    for piece in split_at_all(input, cuts) {
        held.extend_from_slice(piece);
        loop {
            let (used, event) = match engine.receive(&held) {
                Ok(answer) => answer,
                Err(error) => {
                    seen.push(Seen::Failed(error));
                    return seen;
                }
            };
            match event {
                None => break,
                Some(Event::Status { line, .. }) => seen.push(Seen::Status(line.to_vec())),
                Some(Event::Challenge(bytes)) => seen.push(Seen::Challenge(bytes.to_vec())),
                Some(Event::Line(line)) => seen.push(Seen::Line(line.to_vec())),
                Some(Event::Body(run)) => {
                    assert!(!run.is_empty());
                    if let Some(Seen::Body(body)) = seen.last_mut() {
                        body.extend_from_slice(run);
                    } else {
                        seen.push(Seen::Body(run.to_vec()));
                    }
                }
                Some(Event::End) => seen.push(Seen::End),
            }
            held.drain(..used);
        }
    }
    seen
}

fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut wire = b"+OK\r\n".to_vec();
    let mut line_start = true;
    for (at, &byte) in message.iter().enumerate() {
        if line_start && byte == b'.' {
            wire.push(b'.');
        }
        wire.push(byte);
        line_start = byte == b'\n' && at > 0 && message[at - 1] == b'\r';
    }
    wire.extend_from_slice(if line_start { b".\r\n" } else { b"\r\n.\r\n" });
    wire
}

#[test]
fn a_body_ends_only_at_crlf_dot_crlf() {
    for (wire, body) in [
        (&b"+OK\r\n.\r\n"[..], &b""[..]),
        (b"+OK\r\n\r\n.\r\n", b"\r\n"),
        (b"+OK\r\na\n.\nb\r\n.\r\n", b"a\n.\nb\r\n"),
        (b"+OK\r\na\n.\r\nb\r\n.\r\n", b"a\n.\r\nb\r\n"),
        (b"+OK\r\na\r.\r\nb\r\n.\r\n", b"a\r.\r\nb\r\n"),
        (b"+OK\r\n..\r\n...\r\n.a\r\n.\r\n", b".\r\n..\r\na\r\n"),
        (b"+OK\r\n.\rb\r\n.\r\n", b"\rb\r\n"),
        (b"+OK\r\n.\n\r\n.\r\n", b"\n\r\n"),
        (b"+OK\r\na\r\r\n.\r\n", b"a\r\r\n"),
    ] {
        let seen = listen(ready(&[Command::Retr(ONE)]), wire, &[]);
        let body = (!body.is_empty()).then(|| Seen::Body(body.to_vec()));
        let expected: Vec<_> =
            [Some(Seen::Status(b"+OK".to_vec())), body, Some(Seen::End)].into_iter().flatten().collect();
        assert_eq!(seen, expected, "{}", wire.escape_ascii());
    }
}

#[test]
fn a_session_that_greets_with_lf_ends_its_bodies_with_lf() {
    let mut engine = Engine::new();
    engine.receive(b"+OK hello\n").unwrap();
    engine.send(&Command::Retr(ONE), &mut Vec::new());
    engine.send(&Command::Noop, &mut Vec::new());
    let seen = listen(engine, b"+OK\na\n..b\r\n.\n+OK\r\n", &[]);
    let body = Seen::Body(b"a\n.b\r\n".to_vec());
    assert_eq!(seen, [Seen::Status(b"+OK".to_vec()), body, Seen::End, Seen::Status(b"+OK".to_vec())]);
}

#[test]
fn responses_are_assigned_to_commands_in_order() {
    let mut engine = ready(&[Command::Retr(ONE), Command::Uidl(None), Command::Dele(ONE)]);
    assert_eq!(engine.unanswered(), b"RETR 1\r\nUIDL\r\nDELE 1\r\n".len());
    assert_eq!(engine.receive(b"-ERR gone\r\n").map(|(used, _)| used), Ok(11));
    assert_eq!(engine.unanswered(), b"UIDL\r\nDELE 1\r\n".len());
    let seen = listen(engine, b"+OK\r\n1 a\r\n.2 b\r\n.\r\n-ERR no\r\n+OK too many\r\n", &[]);
    assert_eq!(
        seen,
        [
            Seen::Status(b"+OK".to_vec()),
            Seen::Line(b"1 a".to_vec()),
            Seen::Line(b"2 b".to_vec()),
            Seen::End,
            Seen::Status(b"-ERR no".to_vec()),
            Seen::Failed(ProtocolError::Unsolicited),
        ]
    );
}

/// A missing or an extra response makes a status line the first line of a message.
#[test]
fn a_message_never_begins_with_a_status_indicator() {
    for body in ["+OK\r\n", "+OK 315 octets\r\n", "-ERR no\r\n", "-ERR\n", "+OK\tx\r\n"] {
        let wire = format!("+OK\r\n{body}.\r\n").into_bytes();
        for cuts in [vec![], (1..wire.len()).collect()] {
            let seen = listen(ready(&[Command::Retr(ONE)]), &wire, &cuts);
            assert_eq!(seen[1..], [Seen::Failed(ProtocolError::OutOfStep)], "{body:?}");
        }
    }
    for body in ["+OKAY: x\r\n", "+O\r\n", "-ERRATA: x\r\n", "-\r\n", "+\r\n", "a\r\n+OK\r\n", " +OK\r\n"] {
        let wire = format!("+OK\r\n{body}.\r\n").into_bytes();
        for cuts in [vec![], (1..wire.len()).collect()] {
            let seen = listen(ready(&[Command::Retr(ONE)]), &wire, &cuts);
            assert_eq!(seen[1..], [Seen::Body(body.into()), Seen::End], "{body:?}");
        }
    }
}

/// A caller with several commands in flight needs to know which one was answered, and if the response is complete.
#[test]
fn a_status_has_its_command_and_whether_more_follows() {
    let mut engine = Engine::new();
    let user = Argument::try_from("u").unwrap();
    let commands = [Command::User(&user), Command::Retr(ONE), Command::List(None), Command::List(Some(ONE))];
    let input = b"+OK hi\r\n+OK\r\n+OK\r\na\r\n.\r\n-ERR\r\n+OK 1 2\r\n";
    let (mut seen, mut from) = (Vec::new(), 0);
    while let (used @ 1.., event) = engine.receive(&input[from..]).unwrap() {
        from += used;
        if let Some(Event::Status { command, indicator, more, .. }) = event {
            if command.is_none() {
                for command in &commands {
                    engine.send(command, &mut Vec::new());
                }
            }
            seen.push((command, indicator, more));
        }
    }
    let (ok, err) = (StatusIndicator::Ok, StatusIndicator::Err);
    assert_eq!(
        seen,
        [
            (None, ok, false),
            (Some(Keyword::User), ok, false),
            (Some(Keyword::Retr), ok, true),
            (Some(Keyword::List), err, false),
            (Some(Keyword::List), ok, false),
        ]
    );
}

#[test]
fn only_auth_has_challenges() {
    let seen = listen(
        ready(&[Command::Auth { mechanism: "PLAIN", initial: None }]),
        b"+ \r\n+\r\n+ eA==\r\n+OK in\r\n",
        &[],
    );
    let challenge = |bytes: &[u8]| Seen::Challenge(bytes.to_vec());
    assert_eq!(seen, [challenge(b""), challenge(b""), challenge(b"eA=="), Seen::Status(b"+OK in".to_vec())]);
    let user = Argument::try_from("u").unwrap();
    let seen = listen(ready(&[Command::User(&user)]), b"+ eA==\r\n", &[]);
    assert_eq!(seen, [Seen::Failed(ProtocolError::NoStatusIndicator)]);
}

#[test]
fn lines_are_bounded_and_end_like_the_greeting() {
    let long = [b"+OK ", &vec![b'x'; MAX_LINE][..]].concat();
    assert_eq!(ready(&[Command::Stat]).receive(&long), Err(ProtocolError::LineTooLong));
    assert_eq!(ready(&[Command::Stat]).receive(&long[..MAX_LINE - 1]), Ok((0, None)));
    assert_eq!(ready(&[Command::Stat]).receive(b"+OK 1 2\n"), Err(ProtocolError::BareLineFeed));
    assert_eq!(ready(&[]).receive(b"+"), Err(ProtocolError::Unsolicited));
}

proptest! {
    #[test]
    fn splitting_the_input_does_not_change_the_events(
        message in proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'.'), Just(b'a')], 0..60),
        cuts in proptest::collection::vec(0usize..400, 0..8),
    ) {
        let mut wire = stuffed(&message);
        let body = wire[5..].to_vec();
        wire.extend_from_slice(b"-ERR [IN-USE] x\r\n+OK\r\n1 120\r\n..2 3\r\n.\r\n+OK bye\r\n");
        let commands =
            [Command::Retr(ONE), Command::Dele(ONE), Command::List(None), Command::Quit];
        let whole = listen(ready(&commands), &wire, &[]);
        prop_assert_eq!(&listen(ready(&commands), &wire, &cuts), &whole);
        let each: Vec<_> = (0..wire.len()).collect();
        prop_assert_eq!(&listen(ready(&commands), &wire, &each), &whole);
        let mut expected = message.clone();
        if !message.ends_with(b"\r\n") && !body.starts_with(b".\r\n") {
            expected.extend_from_slice(b"\r\n");
        }
        let got = match &whole[1] { Seen::Body(body) => body.clone(), _ => Vec::new() };
        prop_assert_eq!(got, expected);
        prop_assert_eq!(whole.last(), Some(&Seen::Status(b"+OK bye".to_vec())));
    }

    #[test]
    fn no_input_panics(input in proptest::collection::vec(any::<u8>(), 0..300), cut in 0usize..300) {
        let commands = [Command::Retr(ONE), Command::Capa, Command::Stat, Command::Top { number: ONE, lines: 0 }];
        let whole = listen(ready(&commands), &input, &[]);
        prop_assert_eq!(listen(ready(&commands), &input, &[cut]), whole);
    }
}
