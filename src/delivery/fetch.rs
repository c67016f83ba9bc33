//! [`Fetcher`]: retrieves messages, stores them, and marks those that are safe.

use std::{collections::VecDeque, time::Duration};

use super::{
    error::Error,
    record::Record,
    storage::{Delivered, Failed, Incoming, Report, Storage},
};
use crate::{
    proto::{MessageNumber, UniqueId},
    session::{Message, Reply, Retrieval, Transaction},
};

/// A message that is to be fetched.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Its message-number.
    pub number: MessageNumber,
    /// Its unique-id, if the server gave one.
    pub unique_id: Option<&'a UniqueId>,
    /// Its place among the messages with this unique-id, from 0.
    pub occurrence: u32,
    /// Its octets by the server's listing.
    pub octets: Option<u64>,
    /// See [`Incoming::unless_stored`].
    pub unless_stored: bool,
}

/// How the transfer goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// A message begins.
    Message(MessageNumber),
    /// So many octets of it came.
    Octets(u64),
}

/// What happened to a message. Each is final: it is proven that the answers were to these commands, and what is stored is
/// durable and remembered.
#[derive(Debug)]
pub enum Event {
    /// It is stored.
    Stored(Delivered),
    /// The destination did not take it; it is tried again next time.
    Failed(Failed),
    /// The server marked it as deleted.
    Marked(MessageNumber),
    /// The server refused this message, or its mark.
    Refused {
        /// Which message.
        number: MessageNumber,
        /// It was the mark that was refused.
        mark: bool,
        /// With the server's line.
        error: crate::Error,
    },
}

/// Fetches messages: call [`next`](Self::next) until it gives `None`, then [`finish`](Self::finish).
pub struct Fetcher<'t, 'a> {
    retrieval: Retrieval<'t>,
    storage: Storage,
    wanted: Vec<Wanted<'a>>,
    /// How many were asked for.
    asked: usize,
    /// How many came or were refused: answers come in the order of the commands.
    answered: usize,
    /// Whether stored messages are marked.
    mark: bool,
    keep_alive: Duration,
    /// Answers that are not vouched for yet.
    unvouched: Vec<Event>,
    events: VecDeque<Event>,
    progress: Box<dyn FnMut(Progress) + 'a>,
}

/// What a [`Fetcher`] does with the messages.
#[derive(Debug, Clone, Copy, Default)]
pub struct FetchOptions {
    /// Ask for the next message when the last one is stored, so that `NOOP` can be said in between.
    pub one_by_one: bool,
    /// Mark what is stored as deleted.
    pub mark: bool,
    /// The longest silence that the server allows for.
    pub timeout: Duration,
}

impl<'t, 'a> Fetcher<'t, 'a> {
    /// Asks for the `wanted` messages, and marks the `left_over` ones, which were stored and verified before.
    pub fn new(
        transaction: &'t mut Transaction,
        storage: Storage,
        wanted: Vec<Wanted<'a>>,
        left_over: impl IntoIterator<Item = MessageNumber>,
        options: FetchOptions,
    ) -> Self {
        let FetchOptions { one_by_one, mark, timeout } = options;
        let asked = if one_by_one { wanted.len().min(1) } else { wanted.len() };
        let mut retrieval = transaction.retr_all(wanted[..asked].iter().map(|wanted| wanted.number));
        for number in left_over {
            retrieval.dele(number);
        }
        Self {
            retrieval,
            storage,
            wanted,
            asked,
            answered: 0,
            mark,
            keep_alive: (timeout / 3).clamp(Duration::from_secs(1), MAX_SILENCE),
            unvouched: Vec::new(),
            events: VecDeque::new(),
            progress: Box::new(|_| {}),
        }
    }

    /// Calls `progress` as messages come in.
    #[must_use]
    pub fn with_progress(mut self, progress: impl FnMut(Progress) + 'a) -> Self {
        self.progress = Box::new(progress);
        self
    }

    /// The next event; `None` when every message is stored or refused, and every mark answered. An error ends the
    /// session; [`finish`](Self::finish) still makes durable what was vouched for.
    #[allow(clippy::should_implement_trait, reason = "errors end it, which no Iterator says")]
    pub fn next(&mut self) -> Result<Option<Event>, Error> {
        loop {
            while let Some(report) = self.storage.report()? {
                self.take(report);
            }
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            if !self.retrieval.is_ready() {
                self.storage.flush()?;
            }
            if self.answered == self.wanted.len() && self.storage.outstanding() == 0 {
                // Everything is stored, and every mark was asked for.
                self.retrieval.finish();
            }
            match self.retrieval.next()? {
                Some(Reply::Message(number, message)) => {
                    if let Some(wanted) = take_answered(&self.wanted, &mut self.answered, number) {
                        store(&mut self.storage, wanted, message, &mut *self.progress)?;
                    }
                }
                Some(Reply::Vouched) => {
                    self.storage.vouch()?;
                    self.events.extend(self.unvouched.drain(..));
                }
                Some(Reply::Marked(number)) => self.unvouched.push(Event::Marked(number)),
                Some(Reply::Refused { number, mark, error }) => {
                    if !mark {
                        take_answered(&self.wanted, &mut self.answered, number);
                    }
                    self.unvouched.push(Event::Refused { number, mark, error });
                }
                None if self.storage.outstanding() > 0 => match self.storage.wait(self.keep_alive)? {
                    Some(report) => self.take(report),
                    None => self.retrieval.noop()?,
                },
                None => match self.wanted.get(self.asked) {
                    Some(wanted) => {
                        self.retrieval.request(wanted.number);
                        self.asked += 1;
                    }
                    None => return Ok(None),
                },
            }
        }
    }

    /// Whether [`next`](Self::next) has an event at once, without waiting for the server.
    #[must_use]
    pub fn has_event(&self) -> bool {
        !self.events.is_empty()
    }

    /// Ends the storing: everything vouched for is made durable, whatever ended the transfer. Gives back the events that
    /// [`next`](Self::next) did not give, and the record.
    pub fn finish(self) -> (Vec<Event>, Result<Option<Record>, Error>) {
        let Self { storage, mut events, .. } = self;
        let (reports, ended) = storage.finish();
        events.extend(reports.into_iter().map(event));
        (events.into(), ended)
    }

    /// A message is safe: it is reported, and may be marked.
    fn take(&mut self, report: Report) {
        if let Report::Stored(delivered) = &report
            && self.mark
            && delivered.deletable
        {
            self.retrieval.dele(delivered.number);
        }
        self.events.push_back(event(report));
    }
}

/// The message that is answered, and those before it are over: answers come in the order of the commands.
fn take_answered<'w, 'a>(
    wanted: &'w [Wanted<'a>],
    answered: &mut usize,
    number: MessageNumber,
) -> Option<&'w Wanted<'a>> {
    let at = wanted[*answered..].iter().position(|wanted| wanted.number == number)?;
    *answered += at + 1;
    wanted.get(*answered - 1)
}

fn event(report: Report) -> Event {
    match report {
        Report::Stored(delivered) => Event::Stored(delivered),
        Report::Failed(failed) => Event::Failed(failed),
    }
}

fn store(
    storage: &mut Storage,
    wanted: &Wanted<'_>,
    mut message: Message<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Error> {
    progress(Progress::Message(wanted.number));
    storage.begin(Incoming {
        number: wanted.number,
        unique_id: wanted.unique_id.cloned(),
        occurrence: wanted.occurrence,
        listed: wanted.octets,
        unless_stored: wanted.unless_stored,
    })?;
    loop {
        match message.chunk() {
            Ok(Some(octets)) => {
                storage.write(octets)?;
                progress(Progress::Octets(octets.len() as u64));
            }
            Ok(None) => return storage.end(),
            Err(error) => {
                // The connection is what failed; a store that fails as well is reported when it ends.
                drop(storage.abort());
                return Err(error.into());
            }
        }
    }
}

/// Some servers (Outlook.com) drop sessions that are idle for a minute.
const MAX_SILENCE: Duration = Duration::from_secs(20);
