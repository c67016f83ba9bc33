//! The trait of destinations, and what a commit works with.

use std::{borrow::Borrow, borrow::Cow, path::PathBuf, sync::mpsc::Sender};

use super::{
    error::Error,
    record::{
        Record,
        journal::{Content, Deletion, Digest, Entry, Message},
        word::escape,
    },
    storage::{Delivered, Failed, Incoming, Report},
};

/// One kind of destination. Messages are staged one by one; a commit makes all that are staged durable. After an error in
/// `begin`, `write` or `end`, `abort` is called.
pub(crate) trait Store: Send {
    /// How many messages may share a commit.
    fn group(&self) -> usize {
        GROUP_MESSAGES
    }

    /// Whether what is staged can be committed while another message is on its way in.
    fn commits_amid(&self) -> bool {
        true
    }

    fn begin(&mut self, message: &Incoming) -> Result<(), Error>;

    fn write(&mut self, octets: &[u8]) -> Result<(), Error>;

    /// The message is complete: it is staged for the next commit.
    fn end(&mut self, message: Staged) -> Result<(), Error>;

    /// Discards the message that was begun.
    fn abort(&mut self) -> Result<(), Error>;

    /// Discards all staged messages but the first `count`.
    fn keep(&mut self, count: usize) -> Result<(), Error>;

    /// Makes everything staged durable, remembers and reports it. What fails is not under its name afterwards; what did
    /// not is reported all the same.
    fn commit(&mut self, context: &mut CommitContext) -> Result<(), Error>;
}

/// A complete message.
pub(crate) struct Staged {
    pub(crate) incoming: Incoming,
    pub(crate) content: Content,
    pub(crate) header: Digest,
    /// Seconds since 1970.
    pub(crate) time: u64,
    pub(crate) deletion: Deletion,
    /// See [`Delivered::deletable`].
    pub(crate) deletable: bool,
}

impl Staged {
    /// The unique-id as it stands in the record.
    pub(crate) fn word(&self) -> Option<Cow<'_, [u8]>> {
        self.incoming.unique_id.as_ref().map(|unique_id| escape(unique_id.as_bytes()))
    }

    /// What the record says of the message.
    pub(crate) fn message<'a>(&self, unique_id: &'a [u8]) -> Message<'a> {
        Message {
            unique_id,
            occurrence: self.incoming.occurrence,
            time: self.time,
            deletion: self.deletion,
            listed: self.incoming.listed,
            content: Some(self.content),
            // An empty answer tells nothing of the message: nothing can agree with it.
            header: self.deletable.then_some(self.header),
        }
    }
}

/// Where a commit is remembered and reported.
pub(crate) struct CommitContext {
    pub(crate) record: Option<Record>,
    done: Vec<Report>,
    reports: Sender<Vec<Report>>,
}

impl CommitContext {
    pub(crate) fn new(record: Option<Record>, reports: Sender<Vec<Report>>) -> Self {
        Self { record, done: Vec::new(), reports }
    }

    /// Adds entries to the record, durably.
    pub(crate) fn append<'a>(
        &mut self,
        entries: impl IntoIterator<Item: Borrow<Entry<'a>>>,
    ) -> Result<(), Error> {
        self.record.as_mut().map_or(Ok(()), |record| record.append(entries, true))
    }

    /// Remembers a single message, durably.
    pub(crate) fn remember(&mut self, message: &Staged, place: &[u8]) -> Result<(), Error> {
        let Some(word) = message.word() else { return Ok(()) };
        self.append([Entry::Done { message: message.message(&word), place }])
    }

    /// The message is stored and remembered; it is reported with its group.
    pub(crate) fn stored(&mut self, message: Staged, path: Option<PathBuf>) {
        self.done.push(Report::Stored(Delivered::of(message, path, false)));
    }

    /// The message is remembered, and a file with its bytes was there already.
    pub(crate) fn kept(&mut self, message: Staged, path: PathBuf) {
        self.done.push(Report::Stored(Delivered { kept: true, ..Delivered::of(message, Some(path), false) }));
    }

    /// The message was stored by an earlier run.
    pub(crate) fn stored_before(&mut self, message: Staged) {
        self.done.push(Report::Stored(Delivered::of(message, None, true)));
    }

    /// The destination did not take this message; the others go on.
    pub(crate) fn failed(&mut self, message: Staged, error: Error) {
        let Staged { incoming: Incoming { number, unique_id, .. }, .. } = message;
        self.done.push(Report::Failed(Failed { number, unique_id, error }));
    }

    /// Reports the group.
    pub(crate) fn report(&mut self) {
        if !self.done.is_empty() {
            // Nobody listens any more where the run has failed; what is done stays done.
            let _ = self.reports.send(std::mem::take(&mut self.done));
        }
    }
}

/// Messages that share one sync of each kind. Measured with 5,000 of 6 KB on ext4: 50 a group cost 0.4 s more than none
/// at all, 250 0.1 s, and beyond 500 nothing is gained.
const GROUP_MESSAGES: usize = 500;
