//! The requests of a retrieval: what is sent next, and what is in flight.

use std::collections::VecDeque;

use crate::{
    error::Error,
    proto::{Command, MessageNumber},
    session::{
        checkpoint::{Checkpoint, RetrievalState},
        connection::Connection,
    },
};

#[derive(Debug, Clone, Copy)]
pub(super) enum Request {
    Message(MessageNumber),
    Mark(MessageNumber),
    Checkpoint(Checkpoint),
}

/// Messages and marks that are yet to be requested, and the requests without a response.
pub(super) struct Requests {
    pub(super) wanted: VecDeque<MessageNumber>,
    pub(super) marks: VecDeque<MessageNumber>,
    /// The number of lines for `TOP`; `None` for `RETR`.
    lines: Option<u32>,
    in_flight: VecDeque<Request>,
    marks_in_flight: usize,
    /// The number of messages requested since the last checkpoint.
    unchecked: usize,
    /// The bytes of these messages received so far.
    pub(super) unchecked_bytes: u64,
    /// The last requested message, unless it is marked.
    anchor: Option<MessageNumber>,
    /// The last received message, unless it is marked. The server has this message, so `LIST n` should succeed.
    pub(super) received: Option<MessageNumber>,
    /// True if `LIST n` was refused and no message was requested since then.
    list_refused: bool,
    /// True if no more messages and marks will be added.
    pub(super) finished: bool,
}

impl Requests {
    pub(super) fn new(wanted: VecDeque<MessageNumber>, lines: Option<u32>) -> Self {
        Self {
            wanted,
            marks: VecDeque::new(),
            lines,
            in_flight: VecDeque::new(),
            marks_in_flight: 0,
            unchecked: 0,
            unchecked_bytes: 0,
            anchor: None,
            received: None,
            list_refused: false,
            finished: false,
        }
    }

    /// Returns true if every request was answered.
    pub(super) fn all_answered(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Returns true if a response to `DELE` is outstanding.
    pub(super) fn has_marks_in_flight(&self) -> bool {
        self.marks_in_flight > 0
    }

    /// Returns the next checkpoint in flight.
    pub(super) fn next_checkpoint(&self) -> Option<Checkpoint> {
        self.in_flight.iter().find_map(|request| match request {
            Request::Checkpoint(checkpoint) => Some(*checkpoint),
            _ => None,
        })
    }

    /// Removes and returns the request whose response comes next.
    pub(super) fn pop(&mut self) -> Option<Request> {
        let request = self.in_flight.pop_front()?;
        self.marks_in_flight -= usize::from(matches!(request, Request::Mark(_)));
        Some(request)
    }

    /// Requests another checkpoint if none is in flight, because `LIST n` was refused and proved nothing.
    pub(super) fn checkpoint_refused(&mut self) {
        self.list_refused = true;
        self.unchecked += usize::from(self.next_checkpoint().is_none());
    }

    /// Queues the next request. Returns false if there is nothing to request.
    ///
    /// `unconfirmed` is true if a checkpoint was answered whose response may be that of another command.
    pub(super) fn queue_next(
        &mut self,
        connection: &mut Connection,
        state: &mut RetrievalState,
        unconfirmed: bool,
    ) -> Result<bool, Error> {
        let Some(request) = self.next(connection.pipelining(), state, unconfirmed) else { return Ok(false) };
        let command = match (request, self.lines) {
            (Request::Message(number), Some(lines)) => Command::Top { number, lines },
            (Request::Message(number), None) => Command::Retr(number),
            (Request::Mark(number), _) => Command::Dele(number),
            (Request::Checkpoint(checkpoint), _) => checkpoint.command(),
        };
        connection.queue(&command).map_err(|error| connection.with_context(error, self.received))?;
        match request {
            Request::Message(number) => {
                self.unchecked += 1;
                self.list_refused = false;
                self.anchor = Some(number);
            }
            Request::Mark(number) => {
                self.marks_in_flight += 1;
                state.marks_unproven = true;
                self.anchor = self.anchor.filter(|&anchor| anchor != number);
                self.received = self.received.filter(|&received| received != number);
            }
            Request::Checkpoint(_) => (self.unchecked, self.unchecked_bytes) = (0, 0),
        }
        self.in_flight.push_back(request);
        Ok(true)
    }

    fn next(&mut self, pipelining: bool, state: &RetrievalState, unconfirmed: bool) -> Option<Request> {
        let is_due = if pipelining {
            self.unchecked > 0
        } else {
            let group = MAX_UNCHECKED_MESSAGES.min(1 << state.proofs.min(usize::BITS - 1));
            self.unchecked >= group || self.unchecked_bytes >= MAX_UNCHECKED_BYTES
        };
        if is_due {
            return Some(Request::Checkpoint(self.checkpoint(pipelining)));
        }
        if let Some(number) = self.marks.pop_front() {
            return Some(Request::Mark(number));
        }
        if (!pipelining || state.probed)
            && let Some(number) = self.wanted.pop_front()
        {
            return Some(Request::Message(number));
        }
        let ends_checked = matches!(self.in_flight.back(), Some(Request::Checkpoint(_)));
        let last_marks = self.finished && state.marks_unproven && !unconfirmed && !ends_checked;
        if self.unchecked > 0 || last_marks {
            return Some(Request::Checkpoint(self.checkpoint(pipelining)));
        }
        let confirm = unconfirmed && state.ambiguous && self.in_flight.is_empty();
        confirm.then_some(Request::Checkpoint(Checkpoint::Stat))
    }

    fn checkpoint(&self, pipelining: bool) -> Checkpoint {
        let listed = self.anchor.or(self.received).filter(|_| pipelining && !self.list_refused);
        listed.map_or(Checkpoint::Stat, Checkpoint::List)
    }
}

/// Messages per checkpoint without pipelining. The number begins at one and doubles with each checkpoint.
const MAX_UNCHECKED_MESSAGES: usize = 32;

/// Bytes of messages per checkpoint without pipelining: messages after the last checkpoint are fetched again after an
/// interruption, and each attempt must make progress.
const MAX_UNCHECKED_BYTES: u64 = 64 * 1024;
