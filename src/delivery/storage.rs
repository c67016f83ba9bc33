//! [`Storage`]: the handle of the thread that writes messages.

use std::{
    path::PathBuf,
    sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TryRecvError},
    thread::JoinHandle,
    time::Duration,
};

use super::{
    destination::{Destination, Opened, Options},
    error::{Error, ErrorKind},
    record::Record,
    store::Staged,
    writer::Writer,
};
use crate::proto::{MessageNumber, UniqueId};

/// A message that is about to be stored.
///
/// Exhaustive on purpose: the record depends on every field, so the caller sets each one.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// The message-number.
    pub number: MessageNumber,
    /// The unique-id, if the server sent one.
    pub unique_id: Option<UniqueId>,
    /// The position among the messages with this unique-id, from 0.
    pub occurrence: u32,
    /// The size in octets in the server's listing.
    pub listed: Option<u64>,
    /// True if the unique-id is recorded with another size. If the content has not changed, only the record is
    /// updated.
    pub unless_stored: bool,
}

impl Incoming {
    /// Returns true if `octets` is 0 although the server listed a size.
    pub(crate) fn is_missing(&self, octets: u64) -> bool {
        octets == 0 && self.listed.is_none_or(|listed| listed > MAX_EMPTY)
    }
}

/// A message that is stored durably and recorded as fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivered {
    /// The message-number.
    pub number: MessageNumber,
    /// The unique-id, if the server sent one.
    pub unique_id: Option<UniqueId>,
    /// The position among the messages with this unique-id, from 0.
    pub occurrence: u32,
    /// The size in octets, as received.
    pub octets: u64,
    /// The file with the message; `None` if the destination has no files.
    pub path: Option<PathBuf>,
    /// The SHA-256 hash of the bytes as received.
    pub sha256: [u8; 32],
    /// True if an earlier run stored the message, and only its listed size changed.
    pub stored_before: bool,
    /// True if a file with the same bytes already existed and was kept.
    pub kept: bool,
    /// True if the message can safely be deleted on the server. False if the response was empty although the listing
    /// has a size.
    pub deletable: bool,
}

impl Delivered {
    pub(crate) fn of(message: Staged, path: Option<PathBuf>, stored_before: bool) -> Self {
        let Staged { incoming: Incoming { number, unique_id, occurrence, .. }, content, deletable, .. } =
            message;
        let (octets, sha256) = (content.octets, content.sha256);
        Self { number, unique_id, occurrence, octets, path, sha256, stored_before, kept: false, deletable }
    }
}

/// A message that was written to standard output. It is not recorded as fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shown {
    /// The message-number.
    pub number: MessageNumber,
    /// The size in octets, as received.
    pub octets: u64,
    /// True if the response was empty although the listing has a size.
    pub missing: bool,
}

/// A message that the destination did not accept. The other messages are not affected.
#[derive(Debug)]
#[non_exhaustive]
pub struct Failed {
    /// The message-number.
    pub number: MessageNumber,
    /// The unique-id, if the server sent one.
    pub unique_id: Option<UniqueId>,
    /// The reason.
    pub error: Error,
}

/// The result of storing or showing a message.
///
/// Exhaustive on purpose: only a stored message may be deleted, so a caller handles every result.
#[derive(Debug)]
pub enum Report {
    /// The message is stored.
    Stored(Delivered),
    /// The message was written to standard output.
    Shown(Shown),
    /// The destination did not accept the message.
    Failed(Failed),
}

/// The handle of the storage thread.
pub struct Storage {
    blocks: Option<SyncSender<Block>>,
    spare: Receiver<Block>,
    /// Reports arrive by group, so that the `DELE` commands of a group are sent in one write.
    reports: Receiver<Vec<Report>>,
    /// Reports of the last group that are yet to be returned.
    arrived: std::vec::IntoIter<Report>,
    thread: Option<JoinHandle<Result<Option<Record>, Error>>>,
    block: Block,
    /// The number of complete messages without a report.
    outstanding: usize,
    /// True once [`Mark::Flush`] was sent.
    flushing: bool,
    failed: Option<Error>,
}

/// Bytes of messages, with marks at positions among them.
#[derive(Default)]
pub(crate) struct Block {
    pub(crate) bytes: Vec<u8>,
    pub(crate) marks: Vec<(usize, Mark)>,
}

impl Block {
    /// Returns the bytes and the marks in order.
    pub(crate) fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let mut from = 0;
        let marked = self.marks.iter().flat_map(move |(at, mark)| {
            let bytes = &self.bytes[from..*at];
            from = *at;
            [Part::Bytes(bytes), Part::Mark(mark)]
        });
        let last = self.marks.last().map_or(0, |(at, _)| *at);
        marked.chain([Part::Bytes(&self.bytes[last..])])
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.marks.clear();
    }
}

/// A part of a block. Bytes may be empty.
pub(crate) enum Part<'a> {
    Bytes(&'a [u8]),
    Mark(&'a Mark),
}

pub(crate) enum Mark {
    Begin(Incoming),
    End,
    Abort,
    /// The responses of all complete messages before this mark are proven to belong to their commands.
    Vouched,
    /// Commit now: the calling thread waits for the reports.
    Flush,
}

impl Storage {
    /// Prepares the destination (makes missing folders, removes temporary files of earlier runs) and starts the thread. If messages
    /// are only shown, the record is not changed.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Output`] if the destination cannot be used.
    pub fn start(
        destination: &Destination,
        record: Option<Record>,
        options: &Options,
    ) -> Result<Self, Error> {
        let opened = destination.open(record.as_ref(), options)?;
        let (blocks, incoming) = mpsc::sync_channel(IN_FLIGHT);
        let (used, spare) = mpsc::channel();
        let (sender, reports) = mpsc::channel();
        let delete = options.delete;
        let thread = std::thread::Builder::new()
            .name("storage".into())
            .spawn(move || match opened {
                Opened::Store(store) => Writer::new(store, record, delete, sender).run(&incoming, &used),
                Opened::Look(output) => output.run(&incoming, &used, &sender).map(|()| record),
            })
            .map_err(|error| Error::output("cannot start the storage thread", &error))?;
        Ok(Self {
            blocks: Some(blocks),
            spare,
            reports,
            arrived: Vec::new().into_iter(),
            thread: Some(thread),
            block: Block::default(),
            outstanding: 0,
            flushing: false,
            failed: None,
        })
    }

    /// Begins a message.
    ///
    /// # Errors
    ///
    /// Returns the error that ended the thread.
    pub fn begin(&mut self, message: Incoming) -> Result<(), Error> {
        self.mark(Mark::Begin(message))
    }

    /// Adds bytes of the message as received, in pieces of any size.
    ///
    /// # Errors
    ///
    /// Returns the error that ended the thread.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while !bytes.is_empty() {
            if self.block.bytes.capacity() == 0 {
                self.block.bytes.reserve_exact(BLOCK);
            }
            let room = BLOCK - self.block.bytes.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.block.bytes.extend_from_slice(now);
            bytes = later;
            if self.block.bytes.len() == BLOCK {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Ends a complete message.
    ///
    /// # Errors
    ///
    /// Returns the error that ended the thread.
    pub fn end(&mut self) -> Result<(), Error> {
        self.outstanding += 1;
        self.flushing = false;
        self.mark(Mark::End)
    }

    /// Discards an incomplete message.
    ///
    /// # Errors
    ///
    /// Returns the error that ended the thread.
    pub fn abort(&mut self) -> Result<(), Error> {
        self.mark(Mark::Abort)
    }

    /// Vouches for the complete messages: their responses belong to their commands, so the messages may be committed. Messages
    /// without this proof are discarded at the end.
    ///
    /// # Errors
    ///
    /// Returns the error that ended the thread.
    pub fn vouch(&mut self) -> Result<(), Error> {
        self.flushing = false;
        self.mark(Mark::Vouched)
    }

    /// Sends batched bytes to the thread. Call it before waiting for the network.
    ///
    /// # Errors
    ///
    /// Returns the error that ended the thread.
    pub fn flush(&mut self) -> Result<(), Error> {
        if self.block.bytes.is_empty() && self.block.marks.is_empty() {
            return Ok(());
        }
        let spare = self.spare.try_recv().unwrap_or_default();
        let block = std::mem::replace(&mut self.block, spare);
        let sent = self.blocks.as_ref().is_some_and(|blocks| blocks.send(block).is_ok());
        if sent { Ok(()) } else { Err(self.failure()) }
    }

    /// Returns the number of complete messages without a report.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.outstanding
    }

    /// Returns the next report, if one is ready.
    ///
    /// # Errors
    ///
    /// Returns the error that ended the thread.
    pub fn report(&mut self) -> Result<Option<Report>, Error> {
        if let Some(report) = self.arrived.next() {
            return Ok(Some(self.count(report)));
        }
        match self.reports.try_recv() {
            Ok(group) => Ok(self.arrive(group)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(self.failure()),
        }
    }

    /// Waits up to `at_most` for the next report and returns it. Does not wait if no message is outstanding.
    ///
    /// # Errors
    ///
    /// Returns the error that ended the thread.
    pub fn wait(&mut self, at_most: Duration) -> Result<Option<Report>, Error> {
        if self.outstanding == 0 || self.arrived.len() > 0 {
            return self.report();
        }
        if !self.flushing {
            self.flushing = true;
            // A failure is reported after the messages that were stored before it.
            let _ = self.mark(Mark::Flush).and_then(|()| self.flush());
        }
        match self.reports.recv_timeout(at_most) {
            Ok(group) => Ok(self.arrive(group)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(self.failure()),
        }
    }

    /// Ends the thread: complete messages with proof are made durable, all others are discarded. Returns the remaining reports
    /// even after a failure, because the messages in them stay stored.
    pub fn finish(mut self) -> (Vec<Report>, Result<Option<Record>, Error>) {
        let flushed = self.flush();
        self.blocks = None;
        let reports = self.arrived.by_ref().chain(self.reports.iter().flatten()).collect();
        let ended = match flushed {
            Ok(()) => self.join(),
            Err(error) => Err(error),
        };
        (reports, ended)
    }

    fn mark(&mut self, mark: Mark) -> Result<(), Error> {
        self.block.marks.push((self.block.bytes.len(), mark));
        // Limits a block of many empty messages.
        if self.block.marks.len() >= MAX_MARKS { self.flush() } else { Ok(()) }
    }

    fn arrive(&mut self, group: Vec<Report>) -> Option<Report> {
        self.arrived = group.into_iter();
        let report = self.arrived.next()?;
        Some(self.count(report))
    }

    fn count(&mut self, report: Report) -> Report {
        self.outstanding = self.outstanding.saturating_sub(1);
        report
    }

    fn failure(&mut self) -> Error {
        let error = match self.join() {
            Err(error) => error,
            Ok(_) => Error::new(ErrorKind::Output, "the storage thread has already ended"),
        };
        self.failed = Some(error.repeat());
        error
    }

    fn join(&mut self) -> Result<Option<Record>, Error> {
        self.blocks = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(ended)) => ended,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            // Repeats the error if called again.
            None => self.failed.as_ref().map_or(Ok(None), |error| Err(error.repeat())),
        }
    }
}

/// Waits for the thread: without this, an early return could leave a lock or a half-written group.
impl Drop for Storage {
    fn drop(&mut self) {
        self.blocks = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Size of a block, in bytes.
const BLOCK: usize = 32 * 1024;

/// Number of marks at which a block is sent.
const MAX_MARKS: usize = 512;

/// The number of blocks that may wait for the thread. More blocks would not help, because the socket buffer is far
/// larger.
const IN_FLIGHT: usize = 4;

/// Maximum listed size, in octets, of a message that may be empty.
const MAX_EMPTY: u64 = 16;
