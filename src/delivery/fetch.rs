//! [`Fetcher`]: retrieves messages, stores them, and marks them for deletion once they are safe.

use std::{collections::VecDeque, iter::Peekable, time::Duration};

use super::{
    error::Error,
    record::Record,
    storage::{Delivered, Failed, Incoming, Report, Shown, Storage},
};
use crate::{
    proto::{MessageNumber, UniqueId},
    session::{Message, Reply, Retrieval, Transaction},
};

/// A message to fetch.
///
/// Exhaustive on purpose: the record depends on every field, so the caller must set each of them.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The message-number.
    pub number: MessageNumber,
    /// The unique-id, if the server sent one.
    pub unique_id: Option<&'a UniqueId>,
    /// The position among the messages with this unique-id, from 0.
    pub occurrence: u32,
    /// The size in octets in the server's listing.
    pub octets: Option<u64>,
    /// See [`Incoming::unless_stored`].
    pub unless_stored: bool,
}

/// Progress of the transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// A message begins.
    Message(MessageNumber),
    /// The number of octets of the message that were received.
    Octets(u64),
}

/// An event about a message. Events are final: the response is proven to belong to its command, and a stored message is durable and
/// recorded.
///
/// Exhaustive on purpose: a front end must handle every outcome of a message, and not miss one in a wildcard.
#[derive(Debug)]
pub enum Event {
    /// The message is stored.
    Stored(Delivered),
    /// The message was written to standard output.
    Shown(Shown),
    /// The destination did not accept the message. The next run tries again.
    Failed(Failed),
    /// The server marked the message as deleted.
    Marked(MessageNumber),
    /// The server refused to send the message or to mark it.
    Refused {
        /// The message-number.
        number: MessageNumber,
        /// True if the server refused to mark the message, false if it refused to send it.
        mark: bool,
        /// The refusal, with the server's line.
        error: crate::Error,
    },
}

/// Fetches messages: call [`next`](Self::next) until it returns `None`, then [`finish`](Self::finish).
pub struct Fetcher<'t, 'a> {
    retrieval: Retrieval<'t>,
    storage: Storage,
    /// The messages that are yet to be requested.
    wanted: Peekable<Box<dyn Iterator<Item = Wanted<'a>> + 'a>>,
    /// The requested messages without a response. Responses arrive in the order of the commands.
    requested: VecDeque<Wanted<'a>>,
    one_by_one: bool,
    /// True if stored messages are to be marked.
    mark: bool,
    keep_alive: Duration,
    /// Events of responses that are not yet proven.
    unvouched: Vec<Event>,
    events: VecDeque<Event>,
    progress: Box<dyn FnMut(Progress) + 'a>,
}

/// Options of a [`Fetcher`].
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct FetchOptions {
    /// True to request a message only after the previous one is stored, so that `NOOP` can be sent in between.
    pub one_by_one: bool,
    /// True to mark stored messages as deleted.
    pub mark: bool,
    /// The time after which the server may close an idle session.
    pub timeout: Duration,
}

impl<'t, 'a> Fetcher<'t, 'a> {
    /// Requests the `wanted` messages and marks the `left_over` messages, which an earlier run stored and [`verify`] compared.
    ///
    /// [`verify`]: super::verify
    pub fn new(
        transaction: &'t mut Transaction,
        storage: Storage,
        wanted: impl IntoIterator<Item = Wanted<'a>, IntoIter: 'a>,
        left_over: impl IntoIterator<Item = MessageNumber>,
        options: FetchOptions,
    ) -> Self {
        let FetchOptions { one_by_one, mark, timeout } = options;
        let wanted: Box<dyn Iterator<Item = Wanted<'a>> + 'a> = Box::new(wanted.into_iter());
        let mut retrieval = transaction.retr_all([]);
        for number in left_over {
            retrieval.dele(number);
        }
        Self {
            retrieval,
            storage,
            wanted: wanted.peekable(),
            requested: VecDeque::new(),
            one_by_one,
            mark,
            keep_alive: (timeout / 3).clamp(Duration::from_secs(1), MAX_SILENCE),
            unvouched: Vec::new(),
            events: VecDeque::new(),
            progress: Box::new(|_| {}),
        }
    }

    /// Calls `progress` while messages are received.
    #[must_use]
    pub fn with_progress(mut self, progress: impl FnMut(Progress) + 'a) -> Self {
        self.progress = Box::new(progress);
        self
    }

    /// Returns the next event, or `None` once all messages are stored or refused, and all marks are confirmed or refused.
    ///
    /// # Errors
    ///
    /// Every error ends the session. [`finish`](Self::finish) still makes complete and proven messages durable.
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
            self.request();
            if self.requested.is_empty() && self.wanted.peek().is_none() && self.storage.outstanding() == 0 {
                // Everything is stored, and every mark was requested.
                self.retrieval.finish();
            }
            match self.retrieval.next()? {
                Some(Reply::Message(number, message)) => {
                    if let Some(wanted) = take_answered(&mut self.requested, number) {
                        store(&mut self.storage, &wanted, message, &mut *self.progress)?;
                    }
                }
                Some(Reply::Vouched) => {
                    self.storage.vouch()?;
                    self.events.extend(self.unvouched.drain(..));
                }
                Some(Reply::Marked(number)) => self.unvouched.push(Event::Marked(number)),
                Some(Reply::Refused { number, mark, error }) => {
                    if !mark {
                        take_answered(&mut self.requested, number);
                    }
                    self.unvouched.push(Event::Refused { number, mark, error });
                }
                None if self.storage.outstanding() > 0 => match self.storage.wait(self.keep_alive)? {
                    Some(report) => self.take(report),
                    None => self.retrieval.noop()?,
                },
                None if self.wanted.peek().is_some() => {}
                None => return Ok(None),
            }
        }
    }

    /// Returns true if [`next`](Self::next) returns an event without waiting for the server.
    #[must_use]
    pub fn has_event(&self) -> bool {
        !self.events.is_empty()
    }

    /// Makes complete messages with proof durable, even after an error. Returns the remaining events and the record.
    pub fn finish(self) -> (Vec<Event>, Result<Option<Record>, Error>) {
        let Self { storage, mut events, .. } = self;
        let (reports, ended) = storage.finish();
        events.extend(reports.into_iter().map(event));
        (events.into(), ended)
    }

    /// Requests messages: with `one_by_one` only after the previous one is stored, otherwise ahead of the responses.
    fn request(&mut self) {
        let ahead =
            if self.one_by_one { usize::from(self.storage.outstanding() == 0) } else { MAX_REQUESTED };
        while self.requested.len() < ahead
            && let Some(wanted) = self.wanted.next()
        {
            self.retrieval.request(wanted.number);
            self.requested.push_back(wanted);
        }
    }

    /// Reports a message, and marks it for deletion if it is stored.
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

/// Removes and returns the message with this number. Messages before it are removed as well: responses arrive in the order of the
/// commands.
fn take_answered<'a>(requested: &mut VecDeque<Wanted<'a>>, number: MessageNumber) -> Option<Wanted<'a>> {
    let at = requested.iter().position(|wanted| wanted.number == number)?;
    requested.drain(..=at).next_back()
}

fn event(report: Report) -> Event {
    match report {
        Report::Stored(delivered) => Event::Stored(delivered),
        Report::Shown(shown) => Event::Shown(shown),
        Report::Failed(failed) => Event::Failed(failed),
    }
}

/// Passes a message to the storage, either completely or not at all.
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
            Ok(Some(bytes)) => {
                storage.write(bytes)?;
                progress(Progress::Octets(bytes.len() as u64));
            }
            Ok(None) => return storage.end(),
            Err(error) => {
                // The error of the connection comes first. An error of the store is reported by `finish`.
                drop(storage.abort());
                return Err(error.into());
            }
        }
    }
}

/// Maximum number of requested messages without a response. The window of unanswered commands holds fewer, so that it never waits
/// for requests.
const MAX_REQUESTED: usize = 8192;

/// Maximum interval between two `NOOP` commands: some servers (Outlook.com) close sessions that are idle for a minute.
const MAX_SILENCE: Duration = Duration::from_secs(20);
