//! The one place that knows which commands are unanswered and where in the octets each answer stands.

use std::{collections::VecDeque, ops::Range, sync::LazyLock};

use memchr::{memchr, memmem};

use super::{
    command::{Command, Shape},
    error::ProtocolError,
    quirks,
    status::{StatusIndicator, StatusLine},
};

/// The longest status line, listing line or challenge, in octets. RFC 2449 §4 allows 512; servers with long
/// unique-ids and SASL challenges with JSON in them need more, and nothing honest needs this much.
pub const MAX_LINE: usize = 8192;

/// What came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// The status line of the oldest unanswered command (or the greeting). `-ERR`, and `+OK` to a command with a
    /// one-line answer, end that answer.
    Status(StatusLine<'a>),
    /// A challenge, raw: what stands behind `+` and a blank.
    Challenge(&'a [u8]),
    /// A line of a listing, unstuffed, without its line end.
    Line(&'a [u8]),
    /// Octets of a message, unstuffed, the longest run there is: never empty, not a line, not the whole message.
    Body(&'a [u8]),
    /// The lone dot: the answer is complete.
    End,
}

/// The engine: commands in flight, framing, dot-unstuffing. It sees octets, never a socket.
///
/// ```
/// use pop3::proto::{Command, Engine, Event, MessageNumber, StatusLine};
/// let mut engine = Engine::new();
/// assert!(matches!(engine.receive(b"+OK ready\r\n"), Ok((11, Some(Event::Status(_))))));
///
/// let mut out = Vec::new();
/// engine.send(&Command::Retr(MessageNumber::new(1).unwrap()), &mut out);
/// assert_eq!(out, b"RETR 1\r\n");
/// let input = b"+OK\r\n..a\r\n.\r\n";
/// assert!(matches!(engine.receive(input), Ok((5, Some(Event::Status(_))))));
/// assert_eq!(engine.receive(&input[5..]), Ok((5, Some(Event::Body(b".a\r\n")))));
/// assert_eq!(engine.receive(&input[10..]), Ok((3, Some(Event::End))));
/// ```
#[derive(Debug)]
pub struct Engine {
    in_flight: VecDeque<Expected>,
    /// The sum of `octets` over `in_flight`.
    unanswered: usize,
    state: State,
    line_end: LineEnd,
}

#[derive(Debug, Clone, Copy)]
struct Expected {
    shape: Shape,
    /// Four octets, as a window may hold 5,000 commands.
    octets: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Greeting,
    Status,
    Lines,
    Body(Edge),
}

/// What the last octets of a message were: only at the start of a line a dot means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    /// No octet of the message came yet.
    Start,
    LineStart,
    AfterCr,
    Within,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnd {
    CrLf,
    Lf,
}

/// An event as a place in the input, for a caller who holds the buffer and the engine side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    /// Its octets in the input given.
    pub(crate) at: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Status,
    Challenge,
    Line,
    Body,
    End,
}

impl Engine {
    /// An engine that waits for the greeting.
    #[must_use]
    pub fn new() -> Self {
        Self { in_flight: VecDeque::new(), unanswered: 0, state: State::Greeting, line_end: LineEnd::CrLf }
    }

    /// An engine for the octets behind `STLS`: there is no second greeting, and nothing that was said in cleartext counts,
    /// line ends included.
    #[must_use]
    pub fn after_stls() -> Self {
        Self { state: State::Status, ..Self::new() }
    }

    /// Appends a command to `out`, and expects its answer from then on. Tells where in `out` its secret stands.
    pub fn send(&mut self, command: &Command<'_>, out: &mut Vec<u8>) -> Option<Range<usize>> {
        let start = out.len();
        let secret_at = command.encode(out);
        let octets = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
        self.in_flight.push_back(Expected { shape: command.shape(), octets });
        self.unanswered += octets as usize;
        secret_at
    }

    /// How many octets of commands are unanswered: what a window bounds (RFC 2449 §6.6).
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.unanswered
    }

    /// Whether nothing is unanswered: the next octet from the server would be one too many.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.in_flight.is_empty() && self.state == State::Status
    }

    /// Takes the next event from the head of `input`, and tells how many octets it used; the caller gives the rest
    /// again. Without an event, it needs more octets than there are: `Ok((0, None))`.
    ///
    /// However the octets are cut, the events are the same, but for the cuts in [`Event::Body`].
    ///
    /// # Errors
    /// [`ProtocolError`]; the session cannot go on after it.
    pub fn receive<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Option<Event<'a>>), ProtocolError> {
        let (used, frame) = self.frame(input)?;
        let event = frame.map(|Frame { kind, at }| {
            let octets = &input[at];
            Ok(match kind {
                Kind::Status => Event::Status(StatusLine::parse(octets)?),
                Kind::Challenge => Event::Challenge(octets),
                Kind::Line => Event::Line(octets),
                Kind::Body => Event::Body(octets),
                Kind::End => Event::End,
            })
        });
        Ok((used, event.transpose()?))
    }

    pub(crate) fn frame(&mut self, input: &[u8]) -> Result<(usize, Option<Frame>), ProtocolError> {
        if input.is_empty() {
            return Ok((0, None));
        }
        match self.state {
            State::Body(Edge::Start) => match begins_with_status(input) {
                Some(true) => Err(ProtocolError::OutOfStep),
                Some(false) => Ok(self.body(Edge::LineStart, input)),
                None => Ok((0, None)),
            },
            State::Body(edge) => Ok(self.body(edge, input)),
            State::Status if self.in_flight.is_empty() => Err(ProtocolError::Unsolicited),
            State::Greeting | State::Status | State::Lines => self.line(input),
        }
    }

    fn line(&mut self, input: &[u8]) -> Result<(usize, Option<Frame>), ProtocolError> {
        let Some(feed) = memchr(b'\n', &input[..input.len().min(MAX_LINE)]) else {
            return if input.len() < MAX_LINE { Ok((0, None)) } else { Err(ProtocolError::LineTooLong) };
        };
        let used = feed + 1;
        if self.state == State::Greeting && quirks::lf_session(&input[..used]) {
            self.line_end = LineEnd::Lf;
        }
        let end = match (input[..feed].ends_with(b"\r"), self.line_end) {
            (true, _) => feed - 1,
            (false, LineEnd::Lf) => feed,
            (false, LineEnd::CrLf) => return Err(ProtocolError::BareLineFeed),
        };
        let frame = if self.state == State::Lines {
            self.listing_line(&input[..end])
        } else {
            self.status_line(&input[..end])?
        };
        Ok((used, Some(frame)))
    }

    fn listing_line(&mut self, line: &[u8]) -> Frame {
        match line {
            b"." => {
                self.answered();
                Frame { kind: Kind::End, at: 0..0 }
            }
            [b'.', ..] => Frame { kind: Kind::Line, at: 1..line.len() },
            _ => Frame { kind: Kind::Line, at: 0..line.len() },
        }
    }

    fn status_line(&mut self, line: &[u8]) -> Result<Frame, ProtocolError> {
        let shape = self.in_flight.front().map_or(Shape::Line, |expected| expected.shape);
        if shape == Shape::Challenges && (line == b"+" || line.starts_with(b"+ ")) {
            return Ok(Frame { kind: Kind::Challenge, at: line.len().min(2)..line.len() });
        }
        match (StatusLine::parse(line)?.indicator(), shape) {
            (StatusIndicator::Ok, Shape::Lines) => self.state = State::Lines,
            (StatusIndicator::Ok, Shape::Body) => self.state = State::Body(Edge::Start),
            _ => self.answered(),
        }
        Ok(Frame { kind: Kind::Status, at: 0..line.len() })
    }

    fn body(&mut self, edge: Edge, input: &[u8]) -> (usize, Option<Frame>) {
        let mut start = 0;
        if edge == Edge::LineStart && input[0] == b'.' {
            match (&input[1..], self.line_end) {
                ([] | [b'\r'], _) => return (0, None),
                ([b'\r', b'\n', ..], _) => return self.end_of_body(3),
                ([b'\n', ..], LineEnd::Lf) => return self.end_of_body(2),
                _ => start = 1,
            }
        }
        let end = if edge == Edge::AfterCr && input.starts_with(b"\n.") {
            1
        } else {
            self.dot_line(&input[start..]).map_or(input.len(), |line| start + line)
        };
        self.state = State::Body(self.edge_behind(edge, &input[start..end]));
        (end, Some(Frame { kind: Kind::Body, at: start..end }))
    }

    fn end_of_body(&mut self, used: usize) -> (usize, Option<Frame>) {
        self.answered();
        (used, Some(Frame { kind: Kind::End, at: 0..0 }))
    }

    /// Where the first line begins, behind the first one, that begins with a dot.
    fn dot_line(&self, input: &[u8]) -> Option<usize> {
        static CRLF_DOT: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(b"\r\n."));
        static LF_DOT: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(b"\n."));
        match self.line_end {
            LineEnd::CrLf => CRLF_DOT.find(input).map(|at| at + 2),
            LineEnd::Lf => LF_DOT.find(input).map(|at| at + 1),
        }
    }

    fn edge_behind(&self, before: Edge, run: &[u8]) -> Edge {
        match (run, self.line_end) {
            ([.., b'\n'], LineEnd::Lf) | ([.., b'\r', b'\n'], LineEnd::CrLf) => Edge::LineStart,
            ([b'\n'], LineEnd::CrLf) if before == Edge::AfterCr => Edge::LineStart,
            ([.., b'\r'], _) => Edge::AfterCr,
            _ => Edge::Within,
        }
    }

    fn answered(&mut self) {
        if let Some(expected) = self.in_flight.pop_front() {
            self.unanswered -= expected.octets as usize;
        }
        self.state = State::Status;
    }
}

/// Whether a message begins with a status indicator, so that it is no message but the next answer; `None` where it
/// takes more octets to know.
fn begins_with_status(input: &[u8]) -> Option<bool> {
    for indicator in [&b"+OK"[..], b"-ERR"] {
        let common = input.iter().zip(indicator).take_while(|(a, b)| a == b).count();
        if common == input.len() {
            return None;
        }
        if common == indicator.len() {
            return Some(matches!(input[common], b' ' | b'\t' | b'\r' | b'\n'));
        }
    }
    Some(false)
}

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::proto::{argument::Argument, types::MessageNumber};

    const ONE: MessageNumber = MessageNumber::new(1).unwrap();

    /// Events without their borrow, runs of a body joined.
    #[derive(Debug, Clone, PartialEq, Eq)]
    enum Said {
        Status(Vec<u8>),
        Challenge(Vec<u8>),
        Line(Vec<u8>),
        Body(Vec<u8>),
        End,
        Broken(ProtocolError),
    }

    fn ready(commands: &[Command<'_>]) -> Engine {
        let mut engine = Engine::new();
        engine.receive(b"+OK\r\n").unwrap();
        for command in commands {
            engine.send(command, &mut Vec::new());
        }
        engine
    }

    /// Feeds `input` in pieces that end at `cuts`.
    fn listen(mut engine: Engine, input: &[u8], cuts: &[usize]) -> Vec<Said> {
        let mut said = Vec::new();
        let mut held: Vec<u8> = Vec::new();
        let mut from = 0;
        for &cut in cuts.iter().chain([&input.len()]) {
            held.extend_from_slice(&input[from..cut]);
            from = cut;
            loop {
                let (used, event) = match engine.receive(&held) {
                    Ok(answer) => answer,
                    Err(error) => {
                        said.push(Said::Broken(error));
                        return said;
                    }
                };
                match event {
                    None => break,
                    Some(Event::Status(status)) => said.push(Said::Status(status.line().to_vec())),
                    Some(Event::Challenge(octets)) => said.push(Said::Challenge(octets.to_vec())),
                    Some(Event::Line(line)) => said.push(Said::Line(line.to_vec())),
                    Some(Event::Body(run)) => {
                        assert!(!run.is_empty());
                        if let Some(Said::Body(body)) = said.last_mut() {
                            body.extend_from_slice(run);
                        } else {
                            said.push(Said::Body(run.to_vec()));
                        }
                    }
                    Some(Event::End) => said.push(Said::End),
                }
                held.drain(..used);
            }
        }
        said
    }

    fn stuffed(message: &[u8]) -> Vec<u8> {
        let mut wire = b"+OK\r\n".to_vec();
        let mut line_start = true;
        for (at, &octet) in message.iter().enumerate() {
            if line_start && octet == b'.' {
                wire.push(b'.');
            }
            wire.push(octet);
            line_start = octet == b'\n' && at > 0 && message[at - 1] == b'\r';
        }
        wire.extend_from_slice(if line_start { b".\r\n" } else { b"\r\n.\r\n" });
        wire
    }

    #[test]
    fn a_body_ends_at_crlf_dot_crlf_only() {
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
            let said = listen(ready(&[Command::Retr(ONE)]), wire, &[]);
            let body = (!body.is_empty()).then(|| Said::Body(body.to_vec()));
            let expected: Vec<_> =
                [Some(Said::Status(b"+OK".to_vec())), body, Some(Said::End)].into_iter().flatten().collect();
            assert_eq!(said, expected, "{}", wire.escape_ascii());
        }
    }

    #[test]
    fn a_session_that_greets_with_lf_ends_its_bodies_with_lf() {
        let mut engine = Engine::new();
        engine.receive(b"+OK hello\n").unwrap();
        engine.send(&Command::Retr(ONE), &mut Vec::new());
        engine.send(&Command::Noop, &mut Vec::new());
        let said = listen(engine, b"+OK\na\n..b\r\n.\n+OK\r\n", &[]);
        let body = Said::Body(b"a\n.b\r\n".to_vec());
        assert_eq!(said, [Said::Status(b"+OK".to_vec()), body, Said::End, Said::Status(b"+OK".to_vec())]);
    }

    #[test]
    fn answers_go_to_commands_in_order() {
        let mut engine = ready(&[Command::Retr(ONE), Command::Uidl(None), Command::Dele(ONE)]);
        assert_eq!(engine.unanswered(), b"RETR 1\r\nUIDL\r\nDELE 1\r\n".len());
        assert_eq!(engine.receive(b"-ERR gone\r\n").map(|(used, _)| used), Ok(11));
        assert_eq!(engine.unanswered(), b"UIDL\r\nDELE 1\r\n".len());
        let said = listen(engine, b"+OK\r\n1 a\r\n.2 b\r\n.\r\n-ERR no\r\n+OK too many\r\n", &[]);
        assert_eq!(
            said,
            [
                Said::Status(b"+OK".to_vec()),
                Said::Line(b"1 a".to_vec()),
                Said::Line(b"2 b".to_vec()),
                Said::End,
                Said::Status(b"-ERR no".to_vec()),
                Said::Broken(ProtocolError::Unsolicited),
            ]
        );
    }

    /// An answer that is left out, or one too many, makes a status line the first line of a message.
    #[test]
    fn a_message_never_begins_with_a_status_indicator() {
        for body in ["+OK\r\n", "+OK 315 octets\r\n", "-ERR no\r\n", "-ERR\n", "+OK\tx\r\n"] {
            let wire = format!("+OK\r\n{body}.\r\n").into_bytes();
            for cuts in [vec![], (1..wire.len()).collect()] {
                let said = listen(ready(&[Command::Retr(ONE)]), &wire, &cuts);
                assert_eq!(said[1..], [Said::Broken(ProtocolError::OutOfStep)], "{body:?}");
            }
        }
        for body in ["+OKAY: x\r\n", "+O\r\n", "-ERRATA: x\r\n", "-\r\n", "+\r\n", "a\r\n+OK\r\n", " +OK\r\n"]
        {
            let wire = format!("+OK\r\n{body}.\r\n").into_bytes();
            for cuts in [vec![], (1..wire.len()).collect()] {
                let said = listen(ready(&[Command::Retr(ONE)]), &wire, &cuts);
                assert_eq!(said[1..], [Said::Body(body.into()), Said::End], "{body:?}");
            }
        }
    }

    #[test]
    fn challenges_are_for_auth_alone() {
        let said = listen(
            ready(&[Command::Auth { mechanism: "PLAIN", initial: None }]),
            b"+ \r\n+\r\n+ eA==\r\n+OK in\r\n",
            &[],
        );
        let challenge = |octets: &[u8]| Said::Challenge(octets.to_vec());
        assert_eq!(
            said,
            [challenge(b""), challenge(b""), challenge(b"eA=="), Said::Status(b"+OK in".to_vec())]
        );
        let user = Argument::try_from("u").unwrap();
        let said = listen(ready(&[Command::User(&user)]), b"+ eA==\r\n", &[]);
        assert_eq!(said, [Said::Broken(ProtocolError::NoStatusIndicator)]);
    }

    #[test]
    fn lines_are_bounded_and_end_as_the_greeting_did() {
        let long = [b"+OK ", &vec![b'x'; MAX_LINE][..]].concat();
        assert_eq!(ready(&[Command::Stat]).receive(&long), Err(ProtocolError::LineTooLong));
        assert_eq!(ready(&[Command::Stat]).receive(&long[..MAX_LINE - 1]), Ok((0, None)));
        assert_eq!(ready(&[Command::Stat]).receive(b"+OK 1 2\n"), Err(ProtocolError::BareLineFeed));
        assert_eq!(ready(&[]).receive(b"+"), Err(ProtocolError::Unsolicited));
    }

    proptest! {
        #[test]
        fn cutting_never_changes_the_events(
            message in proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'.'), Just(b'a')], 0..60),
            mut cuts in proptest::collection::vec(0usize..400, 0..8),
        ) {
            let mut wire = stuffed(&message);
            let body = wire[5..].to_vec();
            wire.extend_from_slice(b"-ERR [IN-USE] x\r\n+OK\r\n1 120\r\n..2 3\r\n.\r\n+OK bye\r\n");
            for cut in &mut cuts {
                *cut %= wire.len() + 1;
            }
            cuts.sort_unstable();
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
            let got = match &whole[1] { Said::Body(body) => body.clone(), _ => Vec::new() };
            prop_assert_eq!(got, expected);
            prop_assert_eq!(whole.last(), Some(&Said::Status(b"+OK bye".to_vec())));
        }

        #[test]
        fn no_octets_panic(input in proptest::collection::vec(any::<u8>(), 0..300), cut in 0usize..300) {
            let commands = [Command::Retr(ONE), Command::Capa, Command::Stat, Command::Top { number: ONE, lines: 0 }];
            let cut = cut.min(input.len());
            let whole = listen(ready(&commands), &input, &[]);
            prop_assert_eq!(listen(ready(&commands), &input, &[cut]), whole);
        }
    }
}
