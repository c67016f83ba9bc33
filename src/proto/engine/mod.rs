//! The protocol engine: assigns responses to the commands in flight, and removes framing and dot-stuffing.

use std::{collections::VecDeque, ops::Range, sync::LazyLock};

use memchr::{memchr, memmem};

use super::{
    command::{Command, Keyword, ResponseKind},
    error::ProtocolError,
    quirks,
    status::{StatusIndicator, StatusLine},
};

/// The maximum length of a status line, listing line or challenge in octets. RFC 2449 §4 allows 512, but long
/// unique-ids and SASL challenges that contain JSON need more.
pub const MAX_LINE: usize = 8192;

/// An event from the server.
///
/// `T` is the type of the bytes: [`Engine::receive`] borrows them from the input (`&[u8]`), [`Engine::locate`]
/// returns their position in the input (`Range<usize>`).
///
/// Exhaustive on purpose: a caller that ignored a kind of event would lose part of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<T> {
    /// The status line of the oldest unanswered command, or the greeting.
    #[non_exhaustive]
    Status {
        /// The command that the line answers; `None` for the greeting.
        command: Option<Keyword>,
        /// `+OK` or `-ERR`.
        indicator: StatusIndicator,
        /// True if lines or a message follow, up to [`Event::End`]; false if the response is complete.
        more: bool,
        /// The line without its line end; [`StatusLine::parse`] reads it.
        line: T,
    },
    /// A SASL challenge (RFC 5034 §4) in base64, without the `+` and the space before it.
    Challenge(T),
    /// A line of a listing, unstuffed, without its line end.
    Line(T),
    /// The available bytes of a message, unstuffed and never empty. The division into events has no meaning.
    Body(T),
    /// The line with a single dot, which ends the response.
    End,
}

impl<T> Event<T> {
    /// Converts the bytes of the event, for example from a position in a buffer to the bytes there.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Event<U> {
        match self {
            Self::Status { command, indicator, more, line } => {
                Event::Status { command, indicator, more, line: convert(line) }
            }
            Self::Challenge(bytes) => Event::Challenge(convert(bytes)),
            Self::Line(bytes) => Event::Line(convert(bytes)),
            Self::Body(bytes) => Event::Body(convert(bytes)),
            Self::End => Event::End,
        }
    }
}

/// The state of a session without I/O: encodes commands and decodes responses.
///
/// Pass the received bytes to [`receive`](Self::receive), in pieces of any size, until it needs more bytes.
/// `examples/tokio.rs` is an asynchronous client that is built on the engine.
///
/// ```
/// use pop3::proto::{Command, Engine, Event, Keyword, MessageNumber};
/// let mut engine = Engine::new();
/// assert!(matches!(engine.receive(b"+OK ready\r\n")?, (11, Some(Event::Status { command: None, .. }))));
///
/// let mut out = Vec::new();
/// engine.send(&Command::Retr(MessageNumber::new(1).unwrap()), &mut out);
/// assert_eq!(out, b"RETR 1\r\n");
/// let input = b"+OK\r\n..a\r\n.\r\n";
/// let (used, event) = engine.receive(input)?;
/// assert!(matches!(event, Some(Event::Status { command: Some(Keyword::Retr), more: true, .. })));
/// assert_eq!(engine.receive(&input[used..])?, (5, Some(Event::Body(&b".a\r\n"[..]))));
/// assert_eq!(engine.receive(&input[used + 5..])?, (3, Some(Event::End)));
/// # Ok::<(), pop3::proto::ProtocolError>(())
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
    keyword: Keyword,
    response: ResponseKind,
    /// A `u32` keeps the struct at 8 bytes; a window can hold 5,000 commands.
    octets: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Greeting,
    Status,
    Lines,
    Body(Edge),
}

/// The position in a message: a dot has a meaning only at the start of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    /// Before the first byte of the message.
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

/// The number of used bytes of the input, and the event in them.
type Used<T> = (usize, Option<Event<T>>);

impl Engine {
    /// Returns an engine that waits for the greeting.
    #[must_use]
    pub fn new() -> Self {
        Self { in_flight: VecDeque::new(), unanswered: 0, state: State::Greeting, line_end: LineEnd::CrLf }
    }

    /// Returns an engine for the session after `STLS` (RFC 2595 §4). There is no second greeting, and nothing learnt
    /// in cleartext is kept, not even the kind of line ends.
    #[must_use]
    pub fn after_stls() -> Self {
        Self { state: State::Status, ..Self::new() }
    }

    /// Appends a command to `out` and expects its response. Returns the position of the secret in `out`, if the
    /// command has one: these bytes must not be logged.
    pub fn send(&mut self, command: &Command<'_>, out: &mut Vec<u8>) -> Option<Range<usize>> {
        let start = out.len();
        let secret_at = command.encode(out);
        let octets = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
        let (keyword, response) = (command.keyword(), command.response_kind());
        self.in_flight.push_back(Expected { keyword, response, octets });
        self.unanswered += octets as usize;
        secret_at
    }

    /// Returns the size of the unanswered commands in octets. RFC 2449 §6.6 asks clients to bound it.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.unanswered
    }

    /// Returns true if every command is answered, so that any byte from the server is unexpected.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.in_flight.is_empty() && self.state == State::Status
    }

    /// Returns the next event at the start of `input`, and the number of bytes to remove from `input` before the next
    /// call. `Ok((0, None))` means that more bytes are needed.
    ///
    /// The events do not depend on how the bytes are divided, except that a message may be split into different
    /// [`Event::Body`] pieces.
    ///
    /// # Errors
    ///
    /// Returns a [`ProtocolError`] if the server broke the protocol. The session cannot continue.
    pub fn receive<'a>(&mut self, input: &'a [u8]) -> Result<Used<&'a [u8]>, ProtocolError> {
        let (used, event) = self.locate(input)?;
        Ok((used, event.map(|event| event.map(|at| &input[at]))))
    }

    /// Like [`receive`](Self::receive), but returns the position of the event's bytes in `input`, for a caller that
    /// owns both the engine and the buffer.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`receive`](Self::receive).
    pub fn locate(&mut self, input: &[u8]) -> Result<Used<Range<usize>>, ProtocolError> {
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

    fn line(&mut self, input: &[u8]) -> Result<Used<Range<usize>>, ProtocolError> {
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
        let event = if self.state == State::Lines {
            self.listing_line(&input[..end])
        } else {
            self.status_line(&input[..end])?
        };
        Ok((used, Some(event)))
    }

    fn listing_line(&mut self, line: &[u8]) -> Event<Range<usize>> {
        match line {
            b"." => {
                self.complete();
                Event::End
            }
            [b'.', ..] => Event::Line(1..line.len()),
            _ => Event::Line(0..line.len()),
        }
    }

    fn status_line(&mut self, line: &[u8]) -> Result<Event<Range<usize>>, ProtocolError> {
        let expected = self.in_flight.front();
        let response = expected.map_or(ResponseKind::Line, |expected| expected.response);
        if response == ResponseKind::Challenges && (line == b"+" || line.starts_with(b"+ ")) {
            return Ok(Event::Challenge(line.len().min(2)..line.len()));
        }
        let command = expected.map(|expected| expected.keyword);
        let indicator = StatusLine::parse(line)?.indicator();
        let next = match (indicator, response) {
            (StatusIndicator::Ok, ResponseKind::Lines) => Some(State::Lines),
            (StatusIndicator::Ok, ResponseKind::Body) => Some(State::Body(Edge::Start)),
            _ => None,
        };
        match next {
            Some(state) => self.state = state,
            None => self.complete(),
        }
        Ok(Event::Status { command, indicator, more: next.is_some(), line: 0..line.len() })
    }

    fn body(&mut self, edge: Edge, input: &[u8]) -> Used<Range<usize>> {
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
        self.state = State::Body(self.edge_after(edge, &input[start..end]));
        (end, Some(Event::Body(start..end)))
    }

    fn end_of_body(&mut self, used: usize) -> Used<Range<usize>> {
        self.complete();
        (used, Some(Event::End))
    }

    /// Returns the start of the first line that begins with a dot, except for the line at 0.
    fn dot_line(&self, input: &[u8]) -> Option<usize> {
        static CRLF_DOT: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(b"\r\n."));
        static LF_DOT: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(b"\n."));
        match self.line_end {
            LineEnd::CrLf => CRLF_DOT.find(input).map(|at| at + 2),
            LineEnd::Lf => LF_DOT.find(input).map(|at| at + 1),
        }
    }

    fn edge_after(&self, before: Edge, run: &[u8]) -> Edge {
        match (run, self.line_end) {
            ([.., b'\n'], LineEnd::Lf) | ([.., b'\r', b'\n'], LineEnd::CrLf) => Edge::LineStart,
            ([b'\n'], LineEnd::CrLf) if before == Edge::AfterCr => Edge::LineStart,
            ([.., b'\r'], _) => Edge::AfterCr,
            _ => Edge::Within,
        }
    }

    fn complete(&mut self) {
        if let Some(expected) = self.in_flight.pop_front() {
            self.unanswered -= expected.octets as usize;
        }
        self.state = State::Status;
    }
}

/// Returns true if a message begins with a status indicator: it is the next response instead. `None` means that more
/// bytes are needed.
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
mod tests;
