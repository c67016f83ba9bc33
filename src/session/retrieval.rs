//! Pipelined `RETR`, `TOP` and `DELE`.

use std::collections::VecDeque;

use crate::{
    error::{Error, ErrorKind},
    proto::{Command, MessageNumber, ProtocolError},
    session::{
        checkpoint::{Checkpoint, RetrievalState},
        connection::Connection,
        message::Message,
    },
};

/// Requested messages and marks, pipelined in one window of unanswered commands (RFC 2449 §6.6).
///
/// Call [`next`](Self::next) until it returns `None`. In between, [`dele`](Self::dele) may be called to mark a
/// message that was stored while others are still in flight.
///
/// POP3 assigns responses to commands only by their order, and some servers send them in the wrong order. The order
/// is therefore proven: a message must not begin with a status indicator, and each pipelined `RETR n` or `TOP n` is
/// followed by a checkpoint, `LIST n`, whose response repeats the number. A response that is missing, sent twice or
/// moved is then detected at the next checkpoint. With fewer checkpoints, a doubled and a missing response would
/// cancel out.
///
/// Without pipelining, a checkpoint costs a round trip, so that there is one for several messages: `STAT`, whose
/// response has two numbers. The first one follows the first message, because responses are most likely out of step from
/// the beginning.
///
/// If other responses of the server look like that to a checkpoint, a checkpoint counts only once the next response
/// begins with a status indicator. So does the first checkpoint, before which no other response is known to be in place.
///
/// Record, show or mark a message only after the next [`Reply::Vouched`].
#[expect(clippy::struct_excessive_bools, reason = "the facts are independent of each other")]
pub struct Retrieval<'t> {
    connection: &'t mut Connection,
    state: &'t mut RetrievalState,
    wanted: VecDeque<MessageNumber>,
    marks: VecDeque<MessageNumber>,
    /// The number of lines for `TOP`; `None` for `RETR`.
    lines: Option<u32>,
    in_flight: VecDeque<Request>,
    /// The number of marks in flight.
    marks_in_flight: usize,
    /// The number of messages requested since the last checkpoint.
    unchecked: usize,
    /// The bytes of these messages received so far.
    unchecked_bytes: u64,
    /// True if a checkpoint was answered whose response may be that of another command.
    unconfirmed: bool,
    /// True if replies were returned that are not yet followed by [`Reply::Vouched`].
    unvouched: bool,
    /// The last requested message, unless it is marked.
    anchor: Option<MessageNumber>,
    /// The last received message, unless it is marked. The server has this message, so `LIST n` should succeed.
    received: Option<MessageNumber>,
    /// True if `LIST n` was refused and no message was requested since then.
    list_refused: bool,
    /// True if no more requests will be made.
    finished: bool,
    /// The response that confirmed a checkpoint, to be evaluated after [`Reply::Vouched`].
    held: Option<(Request, Result<Vec<u8>, Error>)>,
}

#[derive(Debug, Clone, Copy)]
enum Request {
    Message(MessageNumber),
    Mark(MessageNumber),
    Checkpoint(Checkpoint),
}

/// A reply to a request of a [`Retrieval`].
///
/// Exhaustive on purpose: a caller that ignored a kind of reply would lose a message, or treat an unproven message as
/// proven.
pub enum Reply<'r> {
    /// A message. The next call discards its unread rest.
    Message(MessageNumber, Message<'r>),
    /// The message is marked as deleted.
    Marked(MessageNumber),
    /// The server refused a command for this message; the session continues.
    Refused {
        /// The message.
        number: MessageNumber,
        /// True if `DELE` was refused, false if `RETR` or `TOP` was.
        mark: bool,
        /// The error of kind [`ErrorKind::Refused`], with the server's line.
        error: Error,
    },
    /// All previous replies are proven to be the responses to their commands, so earlier messages may be recorded.
    Vouched,
}

impl<'t> Retrieval<'t> {
    pub(super) fn new(
        connection: &'t mut Connection,
        state: &'t mut RetrievalState,
        wanted: impl IntoIterator<Item = MessageNumber>,
        lines: Option<u32>,
    ) -> Self {
        Self {
            connection,
            state,
            wanted: wanted.into_iter().collect(),
            marks: VecDeque::new(),
            lines,
            in_flight: VecDeque::new(),
            marks_in_flight: 0,
            unchecked: 0,
            unchecked_bytes: 0,
            unconfirmed: false,
            unvouched: false,
            anchor: None,
            received: None,
            list_refused: false,
            finished: false,
            held: None,
        }
    }

    /// Requests one more message.
    pub fn request(&mut self, number: MessageNumber) {
        self.wanted.push_back(number);
    }

    /// Requests `DELE` for a message. Mark a message of this retrieval only after [`Reply::Vouched`], and after it
    /// was stored.
    pub fn dele(&mut self, number: MessageNumber) {
        self.marks.push_back(number);
    }

    /// Declares that [`request`](Self::request) and [`dele`](Self::dele) will not be called again. The checkpoint for
    /// the last marks is then sent with them; otherwise [`commit`](super::Transaction::commit) needs a round trip for
    /// it.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// Returns true if a part of the next reply was received, so that [`next`](Self::next) may return without
    /// waiting.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.held.is_some() || self.connection.has_input()
    }

    /// Sends `NOOP` if nothing is in flight, to keep the session alive while messages are stored. A refused `NOOP` is
    /// not an error, because the server answered.
    pub fn noop(&mut self) -> Result<(), Error> {
        if !self.in_flight.is_empty() || self.held.is_some() {
            return Ok(());
        }
        match self.connection.call(&Command::Noop) {
            Err(error) if error.kind() != ErrorKind::Refused => Err(error),
            _ => Ok(()),
        }
    }

    /// Returns the next reply in the order of the requests; `None` after all requests were answered and the messages
    /// are proven. For marks, see [`finish`](Self::finish).
    ///
    /// # Errors
    ///
    /// Every error ends the session. An error while waiting for a message has its [`number`](Error::number). A
    /// message that the server refuses is not an error but [`Reply::Refused`].
    #[allow(
        clippy::should_implement_trait,
        reason = "a reply borrows the connection, which the items of an Iterator cannot"
    )]
    pub fn next(&mut self) -> Result<Option<Reply<'_>>, Error> {
        if self.held.is_none() {
            let last = self.received;
            self.connection.discard_body().map_err(|error| self.connection.with_context(error, last))?;
            self.unchecked_bytes += self.connection.take_body_count();
        }
        loop {
            let (request, response) = if let Some(held) = self.held.take() {
                held
            } else {
                self.refill()?;
                let Some(request) = self.in_flight.pop_front() else {
                    if std::mem::take(&mut self.unconfirmed) {
                        self.vouch();
                        return Ok(Some(Reply::Vouched));
                    }
                    return Ok(None);
                };
                self.marks_in_flight -= usize::from(matches!(request, Request::Mark(_)));
                (request, self.response(request)?)
            };
            if std::mem::take(&mut self.unconfirmed) {
                self.vouch();
                self.state.marks_unproven |= matches!(request, Request::Mark(_));
                self.held = Some((request, response));
                return Ok(Some(Reply::Vouched));
            }
            let Request::Checkpoint(checkpoint) = request else { return Ok(self.reply(request, response)) };
            if self.proves(checkpoint, response)? && self.unvouched {
                if self.state.ambiguous || self.state.proofs == 0 {
                    self.unconfirmed = true;
                } else {
                    self.vouch();
                    return Ok(Some(Reply::Vouched));
                }
            }
        }
    }

    /// Applies a proven checkpoint.
    fn vouch(&mut self) {
        self.unvouched = false;
        self.state.proofs = self.state.proofs.saturating_add(1);
        self.state.marks_unproven = self.marks_in_flight > 0;
    }

    fn reply(&mut self, request: Request, response: Result<Vec<u8>, Error>) -> Option<Reply<'_>> {
        self.unvouched = true;
        if let Ok(line) = &response {
            let has_form_of_checkpoint = Checkpoint::Stat.is_answered_by(line);
            self.state.ambiguous |= has_form_of_checkpoint;
            let suspect = has_form_of_checkpoint && self.answers_next_checkpoint(line);
            self.connection.set_suspect(suspect.then(|| line.clone()));
        }
        match (request, response) {
            (Request::Message(number), Ok(_)) => {
                self.received = Some(number);
                Some(Reply::Message(number, Message::open(self.connection, number)))
            }
            (Request::Message(number), Err(error)) => Some(Reply::Refused { number, mark: false, error }),
            (Request::Mark(number), Ok(_)) => {
                self.state.marked = true;
                Some(Reply::Marked(number))
            }
            (Request::Mark(number), Err(error)) => Some(Reply::Refused { number, mark: true, error }),
            (Request::Checkpoint(_), _) => None,
        }
    }

    /// Returns the status line of the response to a request, or the refusal.
    fn response(&mut self, request: Request) -> Result<Result<Vec<u8>, Error>, Error> {
        let number = match request {
            Request::Message(number) | Request::Mark(number) => Some(number),
            Request::Checkpoint(checkpoint) => self.checked(checkpoint),
        };
        match self.connection.status() {
            Ok(line) => Ok(Ok(line)),
            Err(error) if error.kind() == ErrorKind::Refused => Ok(Err(error)),
            Err(error) => Err(self.connection.with_context(error, number)),
        }
    }

    /// Returns true if a status line has the form of the response to the next checkpoint in flight. If nothing
    /// follows this line, the server omitted a response before the checkpoint.
    fn answers_next_checkpoint(&self, line: &[u8]) -> bool {
        let checkpoint = self.in_flight.iter().find_map(|request| match request {
            Request::Checkpoint(checkpoint) => Some(checkpoint),
            _ => None,
        });
        checkpoint.is_some_and(|checkpoint| checkpoint.is_answered_by(line))
    }

    /// Returns true if the response to a checkpoint proves the order of the responses, and false if a later
    /// checkpoint must prove it.
    fn proves(&mut self, checkpoint: Checkpoint, response: Result<Vec<u8>, Error>) -> Result<bool, Error> {
        let line = match (checkpoint, response) {
            (_, Ok(line)) if checkpoint.is_answered_by(&line) => return Ok(true),
            (_, Ok(line)) => self.connection.redacted(&line),
            // Another session may have removed the message.
            (Checkpoint::List(_), Err(_)) => {
                self.list_refused = true;
                let another = self.in_flight.iter().any(|request| matches!(request, Request::Checkpoint(_)));
                self.unchecked += usize::from(!another);
                return Ok(false);
            }
            (Checkpoint::Stat, Err(error)) => error.response().unwrap_or_default().to_vec(),
        };
        self.connection.poison();
        let error = Error::from(ProtocolError::OutOfStep).with_response(line);
        Err(self.connection.with_context(error, self.checked(checkpoint)))
    }

    /// Returns the message before a checkpoint. Data in place of the checkpoint's response most likely belongs to
    /// that message.
    fn checked(&self, checkpoint: Checkpoint) -> Option<MessageNumber> {
        match checkpoint {
            Checkpoint::List(number) => Some(number),
            Checkpoint::Stat => self.received,
        }
    }

    /// Refills the window with one write if it is half empty.
    fn refill(&mut self) -> Result<(), Error> {
        if !self.state.probed && self.connection.pipelining() && self.in_flight.is_empty() {
            self.probe()?;
        }
        let window = self.connection.window();
        if self.connection.unanswered() > window / 2 {
            return Ok(());
        }
        let mut queued = false;
        while self.connection.unanswered() < window.max(1) {
            let Some(request) = self.next_request() else { break };
            self.queue(request)?;
            queued = true;
        }
        if queued { self.connection.flush() } else { Ok(()) }
    }

    /// Sends a first `LIST n`. Commands are pipelined only if its response repeats the number.
    fn probe(&mut self) -> Result<(), Error> {
        let Some(&number) = self.wanted.front() else { return Ok(()) };
        let response = match self.connection.call(&Command::List(Some(number))) {
            Err(error) if error.kind() != ErrorKind::Refused => {
                return Err(self.connection.with_context(error, None));
            }
            response => response,
        };
        self.state.apply_probe(self.connection, number, &response);
        Ok(())
    }

    fn next_request(&mut self) -> Option<Request> {
        let pipelining = self.connection.pipelining();
        let is_due = if pipelining {
            self.unchecked > 0
        } else {
            let group = MAX_UNCHECKED_MESSAGES.min(1 << self.state.proofs.min(usize::BITS - 1));
            self.unchecked >= group || self.unchecked_bytes >= MAX_UNCHECKED_BYTES
        };
        if is_due {
            return Some(Request::Checkpoint(self.checkpoint()));
        }
        if let Some(number) = self.marks.pop_front() {
            return Some(Request::Mark(number));
        }
        if (!pipelining || self.state.probed)
            && let Some(number) = self.wanted.pop_front()
        {
            return Some(Request::Message(number));
        }
        let last_marks =
            self.finished && self.state.marks_unproven && !self.unconfirmed && !self.ends_checked();
        if self.unchecked > 0 || last_marks {
            return Some(Request::Checkpoint(self.checkpoint()));
        }
        let confirm = self.unconfirmed && self.state.ambiguous && self.in_flight.is_empty();
        confirm.then_some(Request::Checkpoint(Checkpoint::Stat))
    }

    /// Returns true if the last request in flight is a checkpoint.
    fn ends_checked(&self) -> bool {
        matches!(self.in_flight.back(), Some(Request::Checkpoint(_)))
    }

    fn checkpoint(&self) -> Checkpoint {
        let listed =
            self.anchor.or(self.received).filter(|_| self.connection.pipelining() && !self.list_refused);
        listed.map_or(Checkpoint::Stat, Checkpoint::List)
    }

    fn queue(&mut self, request: Request) -> Result<(), Error> {
        let queued = match (request, self.lines) {
            (Request::Message(number), Some(lines)) => self.connection.queue(&Command::Top { number, lines }),
            (Request::Message(number), None) => self.connection.queue(&Command::Retr(number)),
            (Request::Mark(number), _) => self.connection.queue(&Command::Dele(number)),
            (Request::Checkpoint(checkpoint), _) => self.connection.queue(&checkpoint.command()),
        };
        queued.map_err(|error| self.connection.with_context(error, self.received))?;
        match request {
            Request::Message(number) => {
                self.unchecked += 1;
                self.list_refused = false;
                self.anchor = Some(number);
            }
            Request::Mark(number) => {
                self.marks_in_flight += 1;
                self.state.marks_unproven = true;
                self.anchor = self.anchor.filter(|&anchor| anchor != number);
                self.received = self.received.filter(|&received| received != number);
            }
            Request::Checkpoint(_) => (self.unchecked, self.unchecked_bytes) = (0, 0),
        }
        self.in_flight.push_back(request);
        Ok(())
    }
}

/// Messages per checkpoint without pipelining. The number begins at one and doubles with each checkpoint.
const MAX_UNCHECKED_MESSAGES: usize = 32;

/// Bytes of messages per checkpoint without pipelining: messages after the last checkpoint are fetched again after an
/// interruption, and each attempt must make progress.
const MAX_UNCHECKED_BYTES: u64 = 64 * 1024;
