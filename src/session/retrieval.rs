//! `RETR`, `TOP` and `DELE` through one window.

use std::{
    collections::VecDeque,
    io::{self, Read},
};

use crate::{
    error::{Error, ErrorKind},
    proto::{Command, MessageNumber, engine::Frame},
    session::wire::Wire,
};

/// Messages that were asked for, and marks, through one window of unanswered commands (RFC 2449 §6.6).
///
/// Call [`next`](Self::next) until it gives `None`. [`mark`](Self::mark) may be called in between: a message that was
/// just stored is marked while others are still on their way.
pub struct Retrieval<'t> {
    wire: &'t mut Wire,
    marked: &'t mut bool,
    wanted: Numbers,
    marks: Numbers,
    /// `TOP` with so many lines, or `RETR`.
    lines: Option<u32>,
    in_flight: VecDeque<Asked>,
}

#[derive(Debug, Clone, Copy)]
enum Asked {
    Message(MessageNumber),
    Mark(MessageNumber),
}

/// A queue of numbers. Most follow one another, so that a hundred thousand take no more room than one.
#[derive(Debug, Default)]
struct Numbers(VecDeque<(MessageNumber, MessageNumber)>);

impl Numbers {
    fn push(&mut self, number: MessageNumber) {
        match self.0.back_mut() {
            Some((_, last)) if following(*last) == Some(number) => *last = number,
            _ => self.0.push_back((number, number)),
        }
    }

    fn pop(&mut self) -> Option<MessageNumber> {
        let (first, last) = self.0.front_mut()?;
        let number = *first;
        match following(number) {
            Some(next) if number < *last => *first = next,
            _ => drop(self.0.pop_front()),
        }
        Some(number)
    }
}

fn following(number: MessageNumber) -> Option<MessageNumber> {
    MessageNumber::new(number.get().checked_add(1)?)
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
}

impl<'t> Retrieval<'t> {
    pub(super) fn new(
        wire: &'t mut Wire,
        marked: &'t mut bool,
        wanted: impl IntoIterator<Item = MessageNumber>,
        lines: Option<u32>,
    ) -> Self {
        let mut retrieval = Self {
            wire,
            marked,
            wanted: Numbers::default(),
            marks: Numbers::default(),
            lines,
            in_flight: VecDeque::new(),
        };
        wanted.into_iter().for_each(|number| retrieval.want(number));
        retrieval
    }

    /// Adds a message to those that are asked for.
    pub fn want(&mut self, number: MessageNumber) {
        self.wanted.push(number);
    }

    /// Marks a message as deleted with the next commands that go out. For one that was retrieved: only when it is
    /// safe elsewhere.
    pub fn mark(&mut self, number: MessageNumber) {
        self.marks.push(number);
    }

    /// Whether the next answer (or a part of it) is here already, so that [`next`](Self::next) need not wait for it.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.wire.has_input()
    }

    /// `NOOP`, where nothing is in flight: keeps a session alive while what came before is being stored.
    pub fn noop(&mut self) -> Result<(), Error> {
        if self.in_flight.is_empty() {
            self.wire.call(&Command::Noop)?;
        }
        Ok(())
    }

    /// The next answer, in the order in which the commands went out; `None` when everything is answered.
    ///
    /// # Errors
    /// Any error ends the session; a single message that the server refuses is [`Reply::Refused`].
    #[allow(
        clippy::should_implement_trait,
        reason = "a reply borrows the connection, which no Iterator can say"
    )]
    pub fn next(&mut self) -> Result<Option<Reply<'_>>, Error> {
        self.wire.pass_over()?;
        self.refill()?;
        let Some(asked) = self.in_flight.pop_front() else { return Ok(None) };
        let (number, verb) = match asked {
            Asked::Message(number) => (number, if self.lines.is_some() { "TOP" } else { "RETR" }),
            Asked::Mark(number) => (number, "DELE"),
        };
        let mark = matches!(asked, Asked::Mark(_));
        match self.wire.status(verb) {
            Ok(_) if mark => {
                *self.marked = true;
                Ok(Some(Reply::Marked(number)))
            }
            Ok(_) => Ok(Some(Reply::Message(number, Message::open(self.wire)))),
            Err(error) if error.kind() == ErrorKind::Refused => {
                Ok(Some(Reply::Refused { number, mark, error }))
            }
            Err(error) => Err(error),
        }
    }

    /// Tops the window up when it is half empty, in one write.
    fn refill(&mut self) -> Result<(), Error> {
        let window = self.wire.window();
        if self.wire.unanswered() > window / 2 {
            return Ok(());
        }
        let mut queued = false;
        while self.wire.unanswered() < window.max(1) {
            if let Some(number) = self.marks.pop() {
                self.wire.queue(&Command::Dele(number))?;
                self.in_flight.push_back(Asked::Mark(number));
            } else if let Some(number) = self.wanted.pop() {
                match self.lines {
                    Some(lines) => self.wire.queue(&Command::Top { number, lines })?,
                    None => self.wire.queue(&Command::Retr(number))?,
                }
                self.in_flight.push_back(Asked::Message(number));
            } else {
                break;
            }
            queued = true;
        }
        if queued { self.wire.flush() } else { Ok(()) }
    }
}

/// A message on its way in, unstuffed, its CRLF as they came: take it by [`chunk`](Self::chunk) without a copy, or as
/// [`Read`]. Its end is the lone dot and nothing else: a connection that ends before is an error.
pub struct Message<'r> {
    wire: &'r mut Wire,
    /// What [`Read`] has not given yet of the last run.
    rest: Option<Frame>,
}

impl<'r> Message<'r> {
    pub(super) fn ask(wire: &'r mut Wire, command: &Command<'_>) -> Result<Self, Error> {
        wire.call(command)?;
        Ok(Self::open(wire))
    }

    fn open(wire: &'r mut Wire) -> Self {
        wire.open_body();
        Self { wire, rest: None }
    }

    /// The next octets, as many as are here; `None` at the message's end.
    pub fn chunk(&mut self) -> Result<Option<&[u8]>, Error> {
        let frame = match self.rest.take() {
            Some(rest) => Some(rest),
            None => self.wire.body()?,
        };
        Ok(frame.map(|frame| self.wire.octets(&frame)))
    }
}

impl Read for Message<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        let frame = match self.rest.take() {
            Some(rest) => Some(rest),
            None => self.wire.body().map_err(io::Error::other)?,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_out_as_they_went_in() {
        let mut numbers = Numbers::default();
        let given = [1, 2, 3, 7, 5, 6, 6, 7, u32::MAX - 1, u32::MAX, 1];
        for round in 0..3 {
            for number in given {
                numbers.push(MessageNumber::new(number).unwrap());
            }
            assert_eq!(numbers.0.len(), 6, "round {round}: runs of numbers");
            let taken: Vec<_> = std::iter::from_fn(|| numbers.pop()).map(MessageNumber::get).collect();
            assert_eq!(taken, given);
        }
    }
}
