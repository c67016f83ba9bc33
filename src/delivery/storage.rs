//! [`Storage`]: the handle of the thread that writes messages.

use std::{
    path::{Path, PathBuf},
    sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TryRecvError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::{
    error::{Error, ErrorKind},
    files::Files,
    fs as disk,
    lmtp::{Lmtp, LmtpAddress},
    mbox::MboxFile,
    pipe::Pipe,
    record::Record,
    stdout::Output,
    store::{Staged, Store},
    writer::Writer,
};
use crate::{
    net::Limits,
    proto::{MessageNumber, UniqueId},
};

/// Where messages are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A folder with one `.eml` a message.
    Dir(PathBuf),
    /// A Maildir.
    Maildir(PathBuf),
    /// An mbox (mboxrd).
    Mbox(PathBuf),
    /// An mbox on standard output: a look, which is not remembered.
    MboxStdout,
    /// The words of a command that is run once a message.
    Pipe(Vec<String>),
    /// One message, as it is, on standard output: a look, which is not remembered.
    Stdout,
    /// An LMTP server.
    Lmtp {
        /// Where it listens.
        address: LmtpAddress,
        /// Whom it is to deliver to: an address or a user name, without spaces, angle brackets and control characters.
        recipient: String,
    },
}

impl Destination {
    /// Whether messages are only shown, and not remembered.
    #[must_use]
    pub fn is_look(&self) -> bool {
        matches!(self, Self::Stdout | Self::MboxStdout)
    }

    /// True if each message is handed to another program, so that the server is asked for one at a time.
    #[must_use]
    pub fn is_single(&self) -> bool {
        matches!(self, Self::Pipe(_) | Self::Lmtp { .. })
    }

    /// The file or folder, with its path from the root as it stands in the record.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Dir(path) | Self::Maildir(path) | Self::Mbox(path) => disk::absolute(path).ok(),
            Self::MboxStdout | Self::Pipe(_) | Self::Stdout | Self::Lmtp { .. } => None,
        }
    }

    /// Makes missing folders, and finds out whether anything can be stored here, before a server is asked for it.
    pub fn probe(&self) -> Result<(), Error> {
        match self {
            Self::Dir(folder) => Files::probe_dir(&absolute(folder)?),
            Self::Maildir(folder) => Files::probe_maildir(&absolute(folder)?),
            Self::Mbox(file) => MboxFile::new(&absolute(file)?, Duration::ZERO).map(drop),
            Self::MboxStdout | Self::Pipe(_) | Self::Stdout | Self::Lmtp { .. } => Ok(()),
        }
    }

    fn open(&self, record: Option<&Record>, options: &Options) -> Result<Box<dyn Store>, Error> {
        Ok(match self {
            Self::Dir(folder) => Box::new(Files::dir(&absolute(folder)?, record)?),
            Self::Maildir(folder) => Box::new(Files::maildir(&absolute(folder)?, record)?),
            Self::Mbox(file) => Box::new(MboxFile::new(&absolute(file)?, options.timeout)?),
            Self::MboxStdout => Box::new(Output::mbox()?),
            Self::Stdout => Box::new(Output::plain()?),
            Self::Pipe(words) => Box::new(Pipe::new(words, options)?),
            Self::Lmtp { address, recipient } => {
                let limits = Limits { timeout: options.timeout, deadline: options.deadline };
                Box::new(Lmtp::new(address, recipient, limits))
            }
        })
    }
}

/// How messages are stored.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether what is stored is to be deleted on the server from here on.
    pub delete: bool,
    /// How long another holder of the mbox is waited for, and the longest silence of an LMTP server.
    pub timeout: Duration,
    /// When the whole run must have ended, the command of a pipe included.
    pub deadline: Option<Instant>,
    /// How long the command of a pipe may take for one message.
    pub pipe_timeout: Option<Duration>,
    /// Environment variables, beside the known ones, that the command of a pipe must not see.
    pub scrub: Vec<String>,
}

/// A message that is about to be stored.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// Its message-number.
    pub number: MessageNumber,
    /// Its unique-id, if the server gave one.
    pub unique_id: Option<UniqueId>,
    /// Its place among the messages with this unique-id, from 0.
    pub occurrence: u32,
    /// Its octets by the server's listing.
    pub listed: Option<u64>,
    /// It has a unique-id that is remembered with other octets: should its content be the remembered one, only the record
    /// is brought up to date.
    pub unless_stored: bool,
}

/// A message that is stored, durably, and remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Its message-number.
    pub number: MessageNumber,
    /// Its unique-id, if the server gave one.
    pub unique_id: Option<UniqueId>,
    /// Its place among the messages with this unique-id, from 0.
    pub occurrence: u32,
    /// As received.
    pub octets: u64,
    /// `None` where it is in no file.
    pub path: Option<PathBuf>,
    /// Of the octets as received.
    pub sha256: [u8; 32],
    /// An earlier run stored it: only its octets in the listing changed.
    pub stored_before: bool,
    /// A file with these bytes was there already, and was kept.
    pub kept: bool,
    /// Its deletion loses nothing. An empty answer for a message that is listed as large is stored and not believed.
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

/// A message that the destination did not take; the others go on.
#[derive(Debug)]
pub struct Failed {
    /// Its message-number.
    pub number: MessageNumber,
    /// Its unique-id, if the server gave one.
    pub unique_id: Option<UniqueId>,
    /// Why.
    pub error: Error,
}

/// What became of a message.
#[derive(Debug)]
pub enum Report {
    /// It is stored.
    Stored(Delivered),
    /// The destination did not take it.
    Failed(Failed),
}

/// The main thread's end of the storage thread.
pub struct Storage {
    blocks: Option<SyncSender<Block>>,
    spare: Receiver<Block>,
    /// A group at a time, so that its marks can go out in one write.
    reports: Receiver<Vec<Report>>,
    /// What of the last group was not given yet.
    arrived: std::vec::IntoIter<Report>,
    thread: Option<JoinHandle<Result<Option<Record>, Error>>>,
    block: Block,
    /// Messages complete and not reported yet.
    outstanding: usize,
    /// The thread was told not to wait for more.
    flushing: bool,
    failed: Option<Error>,
}

/// Octets of messages, with what happens where.
#[derive(Default)]
pub(crate) struct Block {
    pub(crate) octets: Vec<u8>,
    pub(crate) marks: Vec<(usize, Mark)>,
}

pub(crate) enum Mark {
    Begin(Incoming),
    End,
    Abort,
    /// All complete messages before are proven to be what they were asked for.
    Vouched,
    /// The main thread waits: commit now.
    Flush,
}

impl Storage {
    /// Makes the destination ready (missing folders are made, what earlier runs left is swept) and starts the thread.
    pub fn start(
        destination: &Destination,
        record: Option<Record>,
        options: &Options,
    ) -> Result<Self, Error> {
        let store = destination.open(record.as_ref(), options)?;
        let (blocks, incoming) = mpsc::sync_channel(IN_FLIGHT);
        let (used, spare) = mpsc::channel();
        let (sender, reports) = mpsc::channel();
        let writer = Writer::new(store, record, options.delete, sender);
        let thread = std::thread::Builder::new()
            .name("storage".into())
            .spawn(move || writer.run(&incoming, &used))
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

    /// A message begins.
    pub fn begin(&mut self, message: Incoming) -> Result<(), Error> {
        self.mark(Mark::Begin(message))
    }

    /// Octets of the message as received, cut anywhere.
    pub fn write(&mut self, mut octets: &[u8]) -> Result<(), Error> {
        while !octets.is_empty() {
            if self.block.octets.capacity() == 0 {
                self.block.octets.reserve_exact(BLOCK);
            }
            let room = BLOCK - self.block.octets.len();
            let (now, later) = octets.split_at(room.min(octets.len()));
            self.block.octets.extend_from_slice(now);
            octets = later;
            if self.block.octets.len() == BLOCK {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// The message is complete.
    pub fn end(&mut self) -> Result<(), Error> {
        self.outstanding += 1;
        self.flushing = false;
        self.mark(Mark::End)
    }

    /// The message will never be complete: it is discarded.
    pub fn abort(&mut self) -> Result<(), Error> {
        self.mark(Mark::Abort)
    }

    /// The complete messages are proven to be what was asked for: they may be stored for good. What is not vouched for
    /// is discarded in the end.
    pub fn vouch(&mut self) -> Result<(), Error> {
        self.flushing = false;
        self.mark(Mark::Vouched)
    }

    /// Hands over what is batched, to be called before waiting for the network.
    pub fn flush(&mut self) -> Result<(), Error> {
        if self.block.octets.is_empty() && self.block.marks.is_empty() {
            return Ok(());
        }
        let spare = self.spare.try_recv().unwrap_or_default();
        let block = std::mem::replace(&mut self.block, spare);
        let sent = self.blocks.as_ref().is_some_and(|blocks| blocks.send(block).is_ok());
        if sent { Ok(()) } else { Err(self.failure()) }
    }

    /// Messages complete and not reported yet.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.outstanding
    }

    /// What became of the next message, if that is known now.
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

    /// The same, waited for at most `at_most`. Nothing is waited for where no message is outstanding.
    pub fn wait(&mut self, at_most: Duration) -> Result<Option<Report>, Error> {
        if self.outstanding == 0 || self.arrived.len() > 0 {
            return self.report();
        }
        if !self.flushing {
            self.flushing = true;
            // Its failure is reported after what was stored before it.
            let _ = self.mark(Mark::Flush).and_then(|()| self.flush());
        }
        match self.reports.recv_timeout(at_most) {
            Ok(group) => Ok(self.arrive(group)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(self.failure()),
        }
    }

    /// Ends the thread: everything complete and vouched for is made durable, the rest is discarded. The reports since
    /// the last call stand beside the outcome, as a failure does not undo them.
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
        self.block.marks.push((self.block.octets.len(), mark));
        // Messages without octets must not pile up.
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
            Ok(_) => Error::new(ErrorKind::Output, "storing has ended already"),
        };
        self.failed = Some(error.repeat());
        error
    }

    fn join(&mut self) -> Result<Option<Record>, Error> {
        self.blocks = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(ended)) => ended,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            // Who asks again after a failure must not be told that all is well.
            None => self.failed.as_ref().map_or(Ok(None), |error| Err(error.repeat())),
        }
    }
}

/// An early return must not leave a lock or a half-written group behind: what is vouched for is committed.
impl Drop for Storage {
    fn drop(&mut self) {
        self.blocks = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    disk::absolute(path).map_err(|error| Error::output(format_args!("cannot use {}", path.display()), &error))
}

/// Octets handed to the thread at once.
const BLOCK: usize = 32 * 1024;

/// Marks in one block.
const MAX_MARKS: usize = 512;

/// Blocks that wait for the thread: while it syncs, the socket's own buffer takes far more.
const IN_FLIGHT: usize = 4;
