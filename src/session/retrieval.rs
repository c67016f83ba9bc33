//! Pipelined `RETR`, `TOP` and `DELE`.

use crate::{
    error::{Error, ErrorKind},
    proto::{Command, MessageNumber, ProtocolError},
    session::{
        checkpoint::{Checkpoint, RetrievalState},
        connection::Connection,
        message::Message,
        requests::{Request, Requests},
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
pub struct Retrieval<'t> {
    connection: &'t mut Connection,
    state: &'t mut RetrievalState,
    requests: Requests,
    proof: Proof,
    /// The response that confirmed a checkpoint, to be evaluated after [`Reply::Vouched`].
    held: Option<(Request, Result<Vec<u8>, Error>)>,
}

/// The proof that the replies so far are the responses to their commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// All replies are proven, and [`Reply::Vouched`] was returned.
    Complete,
    /// Replies were returned that are not proven.
    Missing,
    /// Unproven replies are followed by the response to a checkpoint, which may be that of another command.
    Unconfirmed,
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
        let requests = Requests::new(wanted.into_iter().collect(), lines);
        Self { connection, state, requests, proof: Proof::Complete, held: None }
    }

    /// Requests one more message.
    pub fn request(&mut self, number: MessageNumber) {
        self.requests.wanted.push_back(number);
    }

    /// Requests `DELE` for a message. Mark a message of this retrieval only after [`Reply::Vouched`], and after it
    /// was stored.
    pub fn dele(&mut self, number: MessageNumber) {
        self.requests.marks.push_back(number);
    }

    /// Declares that [`request`](Self::request) and [`dele`](Self::dele) will not be called again. The checkpoint for
    /// the last marks is then sent with them; otherwise [`commit`](super::Transaction::commit) needs a round trip for
    /// it.
    pub fn finish(&mut self) {
        self.requests.finished = true;
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
        if !self.requests.all_answered() || self.held.is_some() {
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
            let last = self.requests.received;
            self.connection.discard_body().map_err(|error| self.connection.with_context(error, last))?;
            self.requests.unchecked_bytes += self.connection.take_body_count();
        }
        loop {
            let (request, response) = if let Some(held) = self.held.take() {
                held
            } else {
                self.refill()?;
                let Some(request) = self.requests.pop() else {
                    if self.proof == Proof::Unconfirmed {
                        self.vouch();
                        return Ok(Some(Reply::Vouched));
                    }
                    return Ok(None);
                };
                (request, self.response(request)?)
            };
            if self.proof == Proof::Unconfirmed {
                self.vouch();
                self.state.marks_unproven |= matches!(request, Request::Mark(_));
                self.held = Some((request, response));
                return Ok(Some(Reply::Vouched));
            }
            let Request::Checkpoint(checkpoint) = request else { return Ok(self.reply(request, response)) };
            if self.proves(checkpoint, response)? && self.proof == Proof::Missing {
                if self.state.ambiguous || self.state.proofs == 0 {
                    self.proof = Proof::Unconfirmed;
                } else {
                    self.vouch();
                    return Ok(Some(Reply::Vouched));
                }
            }
        }
    }

    /// Applies a proven checkpoint.
    fn vouch(&mut self) {
        self.proof = Proof::Complete;
        self.state.proofs = self.state.proofs.saturating_add(1);
        self.state.marks_unproven = self.requests.has_marks_in_flight();
    }

    fn reply(&mut self, request: Request, response: Result<Vec<u8>, Error>) -> Option<Reply<'_>> {
        self.proof = Proof::Missing;
        if let Ok(line) = &response {
            let has_form_of_checkpoint = Checkpoint::Stat.is_answered_by(line);
            self.state.ambiguous |= has_form_of_checkpoint;
            // If nothing follows this line, the server omitted a response before the next checkpoint.
            let checkpoint = self.requests.next_checkpoint().filter(|_| has_form_of_checkpoint);
            let suspect = checkpoint.is_some_and(|checkpoint| checkpoint.is_answered_by(line));
            self.connection.set_suspect(suspect.then(|| line.clone()));
        }
        match (request, response) {
            (Request::Message(number), Ok(_)) => {
                self.requests.received = Some(number);
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

    /// Returns true if the response to a checkpoint proves the order of the responses, and false if a later
    /// checkpoint must prove it.
    fn proves(&mut self, checkpoint: Checkpoint, response: Result<Vec<u8>, Error>) -> Result<bool, Error> {
        let line = match (checkpoint, response) {
            (_, Ok(line)) if checkpoint.is_answered_by(&line) => return Ok(true),
            (_, Ok(line)) => self.connection.redacted(&line),
            // Another session may have removed the message.
            (Checkpoint::List(_), Err(_)) => {
                self.requests.checkpoint_refused();
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
            Checkpoint::Stat => self.requests.received,
        }
    }

    /// Refills the window with one write if it is half empty.
    fn refill(&mut self) -> Result<(), Error> {
        if !self.state.probed && self.connection.pipelining() && self.requests.all_answered() {
            self.probe()?;
        }
        let window = self.connection.window();
        if self.connection.unanswered() > window / 2 {
            return Ok(());
        }
        let unconfirmed = self.proof == Proof::Unconfirmed;
        let mut queued = false;
        while self.connection.unanswered() < window.max(1)
            && self.requests.queue_next(self.connection, self.state, unconfirmed)?
        {
            queued = true;
        }
        if queued { self.connection.flush() } else { Ok(()) }
    }

    /// Sends a first `LIST n`. Commands are pipelined only if its response repeats the number.
    fn probe(&mut self) -> Result<(), Error> {
        let Some(&number) = self.requests.wanted.front() else { return Ok(()) };
        let response = match self.connection.call(&Command::List(Some(number))) {
            Err(error) if error.kind() != ErrorKind::Refused => {
                return Err(self.connection.with_context(error, None));
            }
            response => response,
        };
        self.state.apply_probe(self.connection, number, &response);
        Ok(())
    }
}
