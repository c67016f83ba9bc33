//! `RETR`, `TOP` and `DELE` through one window.

use std::{
    collections::VecDeque,
    io::{self, Read},
};

use crate::{
    error::{Error, ErrorKind},
    proto::{Command, MessageNumber, ProtocolError, StatusLine, engine::Frame, listing},
    session::wire::Wire,
};

/// A message counts as received in a pipelined session only when a checkpoint after it was answered in its place. The
/// bound on messages between two checkpoints is the bound on what a caller holds back.
const MESSAGES_PER_CHECKPOINT: usize = 32;

/// A checkpoint follows this many bytes (by the listing) even after fewer messages: a connection that is lost again and
/// again must bring some messages each time, and what no checkpoint vouched for is fetched again.
const OCTETS_PER_CHECKPOINT: u64 = 64 * 1024;

/// Messages that were asked for, and marks, through one window of unanswered commands (RFC 2449 §6.6).
///
/// Call [`next`](Self::next) until it gives `None`. [`mark`](Self::mark) may be called in between: a message that was
/// just stored is marked while others are still on their way.
///
/// POP3 attributes answers to commands by their order alone, and some servers get the order wrong. So the order is
/// proven: a message must not begin with a status indicator, and a pipelined retrieval holds checkpoints, `LIST n`, whose
/// answer repeats the number. A message may be remembered, shown or marked once [`Reply::Vouched`] came after it.
pub struct Retrieval<'t> {
    wire: &'t mut Wire,
    state: &'t mut State,
    wanted: VecDeque<MessageNumber>,
    marks: VecDeque<MessageNumber>,
    /// `TOP` with so many lines, or `RETR`.
    lines: Option<u32>,
    in_flight: VecDeque<Asked>,
    /// Messages asked for since the last checkpoint.
    unchecked: usize,
    /// Their octets by the listing; zero for those without a listed size.
    unchecked_octets: u64,
    /// Replies were given for which no [`Reply::Vouched`] followed yet.
    unvouched: bool,
    /// The last message of all that was asked for, if it is not marked.
    anchor: Option<MessageNumber>,
    /// The last message that came, if it is not marked: `LIST` knows it for certain.
    received: Option<MessageNumber>,
    /// The last message that was refused: `LIST` may refuse it too.
    refused: Option<MessageNumber>,
    /// Nothing more will be asked for.
    finished: bool,
    /// An answer that vouches for those before it, until these are vouched for.
    held: Option<(Asked, Result<Vec<u8>, Error>)>,
}

#[derive(Debug, Clone, Copy)]
enum Asked {
    Message(MessageNumber),
    Mark(MessageNumber),
    Checkpoint(Checkpoint),
}

/// A command whose answer cannot be taken for the answer to another one.
#[derive(Debug, Clone, Copy)]
enum Checkpoint {
    /// `LIST n`: the answer repeats the number.
    List(MessageNumber),
    /// `STAT`, where no message is known to be listed: the answer has two numbers.
    Stat,
}

/// What the retrievals of a session leave behind.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The server answered `+OK` to a `DELE` since the last `RSET`. An answer that never came poisons the session, which
    /// then ends without `QUIT` in any case.
    pub(super) marked: bool,
    /// Pipelined answers to `DELE` were not followed by a checkpoint yet.
    pub(super) marks_unproven: bool,
    /// `LIST n` was tried: [`Wire::pipelining`] is true only if its answer repeats the number.
    pub(super) probed: bool,
    /// The sizes of the last listing, in the order of the numbers.
    pub(super) sizes: Vec<(MessageNumber, u64)>,
}

impl State {
    fn octets(&self, number: MessageNumber) -> u64 {
        let at = self.sizes.binary_search_by_key(&number, |&(number, _)| number);
        at.map_or(0, |at| self.sizes[at].1)
    }

    /// Takes the answer to `LIST number`. Without the number in it nothing proves that pipelined answers are in their
    /// places, so the server is served one command at a time.
    pub(super) fn probed(&mut self, wire: &mut Wire, number: MessageNumber, answer: &Result<Vec<u8>, Error>) {
        self.probed = true;
        if !answer.as_ref().is_ok_and(|line| Checkpoint::List(number).is_answered_by(line)) {
            wire.note("not pipelined: the answer to LIST with a message-number does not repeat the number");
            wire.set_pipelining(false);
        }
    }
}

impl Checkpoint {
    fn command(self) -> Command<'static> {
        match self {
            Self::List(number) => Command::List(Some(number)),
            Self::Stat => Command::Stat,
        }
    }

    fn is_answered_by(self, line: &[u8]) -> bool {
        let Ok(status) = StatusLine::parse(line) else { return false };
        match self {
            Self::List(number) => {
                listing::scan_listing(status.text()).is_ok_and(|listing| listing.number == number)
            }
            Self::Stat => listing::drop_listing(status.text()).is_ok(),
        }
    }
}

/// An answer.
pub enum Reply<'r> {
    /// A message, to be read before the next call; what is not read is passed over.
    Message(MessageNumber, Message<'r>),
    /// The message is marked as deleted.
    Marked(MessageNumber),
    /// The server refused this one message; the session goes on.
    Refused {
        /// Which message.
        number: MessageNumber,
        /// Whether it was the mark that was refused, and not the message.
        mark: bool,
        /// Of kind [`ErrorKind::Refused`], with the server's line.
        error: Error,
    },
    /// All replies before this one are proven to be the answers to the commands that they were taken for. What was
    /// received before may now be remembered.
    Vouched,
}

impl<'t> Retrieval<'t> {
    pub(super) fn new(
        wire: &'t mut Wire,
        state: &'t mut State,
        wanted: impl IntoIterator<Item = MessageNumber>,
        lines: Option<u32>,
    ) -> Self {
        Self {
            wire,
            state,
            wanted: wanted.into_iter().collect(),
            marks: VecDeque::new(),
            lines,
            in_flight: VecDeque::new(),
            unchecked: 0,
            unchecked_octets: 0,
            unvouched: false,
            anchor: None,
            received: None,
            refused: None,
            finished: false,
            held: None,
        }
    }

    /// Adds a message to those that are asked for.
    pub fn want(&mut self, number: MessageNumber) {
        self.wanted.push_back(number);
    }

    /// Marks a message as deleted with the next commands that go out. For one that was retrieved: only when it is
    /// vouched for, and safe elsewhere.
    pub fn mark(&mut self, number: MessageNumber) {
        self.marks.push_back(number);
    }

    /// Tells that [`want`](Self::want) and [`mark`](Self::mark) will not be called any more: the checkpoint for the last
    /// marks goes out with them. Without this call it costs a round trip of its own at
    /// [`commit`](super::Transaction::commit).
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// Whether the next answer (or a part of it) is here already, so that [`next`](Self::next) need not wait for it.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.held.is_some() || self.wire.has_input()
    }

    /// `NOOP`, where nothing is in flight: keeps a session alive while what came before is being stored. A server that
    /// refuses `NOOP` is one that answered.
    pub fn noop(&mut self) -> Result<(), Error> {
        if !self.in_flight.is_empty() || self.held.is_some() {
            return Ok(());
        }
        match self.wire.call(&Command::Noop) {
            Err(error) if error.kind() != ErrorKind::Refused => Err(error),
            _ => Ok(()),
        }
    }

    /// The next answer, in the order in which the commands went out; `None` when everything is answered, and vouched
    /// for but for marks: see [`finish`](Self::finish).
    ///
    /// # Errors
    /// Any error ends the session; a single message that the server refuses is [`Reply::Refused`]. An error while the
    /// answer for a message is awaited has its [`number`](Error::number).
    #[allow(
        clippy::should_implement_trait,
        reason = "a reply borrows the connection, which no Iterator can say"
    )]
    pub fn next(&mut self) -> Result<Option<Reply<'_>>, Error> {
        if let Some((asked, answer)) = self.held.take() {
            return Ok(self.reply(asked, answer));
        }
        let last = self.received;
        self.wire.pass_over().map_err(|error| self.located(error, last))?;
        loop {
            self.refill()?;
            let Some(asked) = self.in_flight.pop_front() else {
                let complete = self.unvouched && !self.wire.pipelining();
                self.unvouched = false;
                return Ok(complete.then_some(Reply::Vouched));
            };
            let answer = self.answer(asked)?;
            if let Asked::Checkpoint(checkpoint) = asked {
                if self.proves(checkpoint, answer)? {
                    self.state.marks_unproven =
                        self.in_flight.iter().any(|asked| matches!(asked, Asked::Mark(_)));
                    self.unvouched = false;
                    return Ok(Some(Reply::Vouched));
                }
                continue;
            }
            // One command at a time, an answer that begins as one ends the one before.
            if self.unvouched && !self.wire.pipelining() {
                self.unvouched = false;
                self.unchecked = usize::from(matches!((asked, &answer), (Asked::Message(_), Ok(_))));
                self.held = Some((asked, answer));
                return Ok(Some(Reply::Vouched));
            }
            return Ok(self.reply(asked, answer));
        }
    }

    fn reply(&mut self, asked: Asked, answer: Result<Vec<u8>, Error>) -> Option<Reply<'_>> {
        self.unvouched = true;
        match (asked, answer) {
            (Asked::Message(number), Ok(_)) => {
                self.received = Some(number);
                Some(Reply::Message(number, Message::open(self.wire, number)))
            }
            (Asked::Message(number), Err(error)) => {
                self.refused = Some(number);
                if !self.wire.pipelining() {
                    self.unchecked = 0;
                }
                Some(Reply::Refused { number, mark: false, error })
            }
            (Asked::Mark(number), Ok(_)) => {
                self.state.marked = true;
                Some(Reply::Marked(number))
            }
            (Asked::Mark(number), Err(error)) => Some(Reply::Refused { number, mark: true, error }),
            (Asked::Checkpoint(_), _) => None,
        }
    }

    /// The status line that answers a command, or its refusal.
    fn answer(&mut self, asked: Asked) -> Result<Result<Vec<u8>, Error>, Error> {
        let (verb, number) = match asked {
            Asked::Message(number) if self.lines.is_some() => ("TOP", Some(number)),
            Asked::Message(number) => ("RETR", Some(number)),
            Asked::Mark(number) => ("DELE", Some(number)),
            // An answer that is none is most likely a part of the message before it.
            Asked::Checkpoint(checkpoint) => (checkpoint.command().verb(), self.received),
        };
        match self.wire.status(verb) {
            Ok(line) => Ok(Ok(line)),
            Err(error) if error.kind() == ErrorKind::Refused => Ok(Err(error)),
            Err(error) => Err(self.located(error, number)),
        }
    }

    /// Whether the answer to a checkpoint proves that it is one. `false`: it proves nothing, and a later one must.
    fn proves(&mut self, checkpoint: Checkpoint, answer: Result<Vec<u8>, Error>) -> Result<bool, Error> {
        let refusal = match answer {
            Ok(line) if checkpoint.is_answered_by(&line) => return Ok(true),
            Ok(line) => self.wire.masked(&line),
            // One command at a time, a refusal is an answer like another.
            Err(_) if !self.wire.pipelining() => return Ok(true),
            Err(error) => {
                // A message that is gone is refused in every command.
                if let Checkpoint::List(number) = checkpoint
                    && self.refused == Some(number)
                {
                    self.unchecked = self.unchecked.max(1);
                    self.anchor = self.anchor.filter(|&anchor| anchor != number);
                    return Ok(false);
                }
                error.response().unwrap_or_default().to_vec()
            }
        };
        self.wire.poison();
        let error = ProtocolError::OutOfStep;
        let error =
            Error::new(ErrorKind::Protocol, error.to_string()).with_response(refusal).with_source(error);
        Err(self.located(error, self.received))
    }

    fn located(&self, error: Error, number: Option<MessageNumber>) -> Error {
        self.wire.located(error, number)
    }

    /// Tops the window up when it is half empty, in one write.
    fn refill(&mut self) -> Result<(), Error> {
        if !self.state.probed && self.wire.pipelining() && self.in_flight.is_empty() {
            self.probe()?;
        }
        let window = self.wire.window();
        if self.wire.unanswered() > window / 2 {
            return Ok(());
        }
        let mut queued = false;
        while self.wire.unanswered() < window.max(1) {
            let Some(asked) = self.next_command() else { break };
            self.queue(asked)?;
            queued = true;
        }
        if queued { self.wire.flush() } else { Ok(()) }
    }

    fn probe(&mut self) -> Result<(), Error> {
        let Some(&number) = self.wanted.front() else { return Ok(()) };
        let answer = match self.wire.call(&Command::List(Some(number))) {
            Err(error) if error.kind() != ErrorKind::Refused => return Err(self.located(error, None)),
            answer => answer,
        };
        self.state.probed(self.wire, number, &answer);
        Ok(())
    }

    fn next_command(&mut self) -> Option<Asked> {
        let pipelining = self.wire.pipelining();
        let due = self.unchecked >= MESSAGES_PER_CHECKPOINT || self.unchecked_octets >= OCTETS_PER_CHECKPOINT;
        if pipelining && due {
            return Some(Asked::Checkpoint(self.checkpoint()));
        }
        if let Some(number) = self.marks.pop_front() {
            return Some(Asked::Mark(number));
        }
        if (!pipelining || self.state.probed)
            && let Some(number) = self.wanted.pop_front()
        {
            return Some(Asked::Message(number));
        }
        let last_marks = self.finished && pipelining && self.state.marks_unproven && !self.ends_checked();
        (self.unchecked > 0 || last_marks).then(|| Asked::Checkpoint(self.checkpoint()))
    }

    /// Whether the last command in flight is a checkpoint.
    fn ends_checked(&self) -> bool {
        matches!(self.in_flight.back(), Some(Asked::Checkpoint(_)))
    }

    fn checkpoint(&self) -> Checkpoint {
        // One command at a time, any answer does; that of STAT has been understood before.
        match self.anchor.or(self.received) {
            Some(number) if self.wire.pipelining() => Checkpoint::List(number),
            _ => Checkpoint::Stat,
        }
    }

    fn queue(&mut self, asked: Asked) -> Result<(), Error> {
        let queued = match (asked, self.lines) {
            (Asked::Message(number), Some(lines)) => self.wire.queue(&Command::Top { number, lines }),
            (Asked::Message(number), None) => self.wire.queue(&Command::Retr(number)),
            (Asked::Mark(number), _) => self.wire.queue(&Command::Dele(number)),
            (Asked::Checkpoint(checkpoint), _) => self.wire.queue(&checkpoint.command()),
        };
        queued.map_err(|error| self.located(error, self.received))?;
        match asked {
            Asked::Message(number) => {
                self.unchecked += 1;
                let octets = if self.lines.is_none() { self.state.octets(number) } else { 0 };
                self.unchecked_octets = self.unchecked_octets.saturating_add(octets);
                self.anchor = Some(number);
            }
            Asked::Mark(number) => {
                self.state.marks_unproven = self.wire.pipelining();
                self.anchor = self.anchor.filter(|&anchor| anchor != number);
                self.received = self.received.filter(|&received| received != number);
            }
            Asked::Checkpoint(_) => (self.unchecked, self.unchecked_octets) = (0, 0),
        }
        self.in_flight.push_back(asked);
        Ok(())
    }
}

/// A message on its way in, unstuffed, its CRLF as they came: take it by [`chunk`](Self::chunk) without a copy, or as
/// [`Read`]. Its end is the lone dot and nothing else: a connection that ends before is an error.
pub struct Message<'r> {
    wire: &'r mut Wire,
    number: MessageNumber,
    /// What [`Read`] has not given yet of the last run.
    rest: Option<Frame>,
}

impl<'r> Message<'r> {
    pub(super) fn ask(
        wire: &'r mut Wire,
        command: &Command<'_>,
        number: MessageNumber,
    ) -> Result<Self, Error> {
        wire.call(command).map_err(|error| error.with_number(number))?;
        Ok(Self::open(wire, number))
    }

    fn open(wire: &'r mut Wire, number: MessageNumber) -> Self {
        wire.open_body();
        Self { wire, number, rest: None }
    }

    /// The next octets, as many as are here; `None` at the message's end.
    pub fn chunk(&mut self) -> Result<Option<&[u8]>, Error> {
        let frame = match self.rest.take() {
            Some(rest) => Some(rest),
            None => self.body()?,
        };
        Ok(frame.map(|frame| self.wire.octets(&frame)))
    }

    fn body(&mut self) -> Result<Option<Frame>, Error> {
        self.wire.body().map_err(|error| self.wire.located(error, Some(self.number)))
    }
}

impl Read for Message<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        let frame = match self.rest.take() {
            Some(rest) => Some(rest),
            None => self.body().map_err(io::Error::other)?,
        };
        let Some(mut frame) = frame else { return Ok(0) };
        let octets = self.wire.octets(&frame);
        let taken = octets.len().min(into.len());
        into[..taken].copy_from_slice(&octets[..taken]);
        frame.at.start += taken;
        self.rest = (!frame.at.is_empty()).then_some(frame);
        Ok(taken)
    }
}
