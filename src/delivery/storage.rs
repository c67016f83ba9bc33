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
    /// A folder with one `.eml` file per message.
    Dir(PathBuf),
    /// A Maildir.
    Maildir(PathBuf),
    /// An mbox (mboxrd).
    Mbox(PathBuf),
    /// An mbox on standard output; the messages are not remembered.
    MboxStdout,
    /// The words of a command that is run once per message.
    Pipe(Vec<String>),
    /// One message, unchanged, on standard output; it is not remembered.
    Stdout,
    /// An LMTP server.
    Lmtp {
        /// The address of the server.
        address: LmtpAddress,
        /// The recipient: an address or a user name, without spaces, angle brackets and control characters.
        recipient: String,
    },
}

impl Destination {
    /// True if messages are only shown, and not remembered.
    #[must_use]
    pub fn is_look(&self) -> bool {
        matches!(self, Self::Stdout | Self::MboxStdout)
    }

    /// True if each message goes to another program, so that messages are requested one at a time.
    #[must_use]
    pub fn is_single(&self) -> bool {
        matches!(self, Self::Pipe(_) | Self::Lmtp { .. })
    }

    /// The absolute path of the file or folder, as in the record.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Dir(path) | Self::Maildir(path) | Self::Mbox(path) => disk::absolute(path).ok(),
            Self::MboxStdout | Self::Pipe(_) | Self::Stdout | Self::Lmtp { .. } => None,
        }
    }

    /// Makes missing folders, and finds out whether a message can be stored here. Call it before connecting.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Output`] names the path and the reason.
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
    /// True if messages stored from now on are to be deleted on the server.
    pub delete: bool,
    /// The longest wait for another holder of the mbox, and the longest silence of an LMTP server.
    pub timeout: Duration,
    /// The end of the whole run, including the command of a pipe.
    pub deadline: Option<Instant>,
    /// The longest time that the command of a pipe may take for one message.
    pub pipe_timeout: Option<Duration>,
    /// More environment variables that are removed for the command of a pipe.
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
    /// Its unique-id is remembered with other octets: if its content is the remembered one, only the record is updated.
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
    /// Its octets as received.
    pub octets: u64,
    /// Its file; `None` if it is in no file.
    pub path: Option<PathBuf>,
    /// SHA-256 of the bytes as received.
    pub sha256: [u8; 32],
    /// An earlier run stored it, and only its octets in the listing changed.
    pub stored_before: bool,
    /// A file with these bytes already existed, and was kept.
    pub kept: bool,
    /// Deleting it on the server loses nothing. False for an empty answer to a message that is listed as larger.
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
    /// The reason.
    pub error: Error,
}

/// The result of storing a message.
#[derive(Debug)]
pub enum Report {
    /// It is stored.
    Stored(Delivered),
    /// The destination did not take it.
    Failed(Failed),
}

/// The handle of the storage thread.
pub struct Storage {
    blocks: Option<SyncSender<Block>>,
    spare: Receiver<Block>,
    /// Reports of a whole group, so that its marks go out in one write.
    reports: Receiver<Vec<Report>>,
    /// Reports of the last group that were not returned yet.
    arrived: std::vec::IntoIter<Report>,
    thread: Option<JoinHandle<Result<Option<Record>, Error>>>,
    block: Block,
    /// Complete messages that are not reported yet.
    outstanding: usize,
    /// [`Mark::Flush`] was sent.
    flushing: bool,
    failed: Option<Error>,
}

/// Bytes of messages, with marks at positions among them.
#[derive(Default)]
pub(crate) struct Block {
    pub(crate) bytes: Vec<u8>,
    pub(crate) marks: Vec<(usize, Mark)>,
}

pub(crate) enum Mark {
    Begin(Incoming),
    End,
    Abort,
    /// The answers of all complete messages before it are proven to belong to their commands.
    Vouched,
    /// Commit now: the main thread waits.
    Flush,
}

impl Storage {
    /// Prepares the destination (makes missing folders, removes temporary files of earlier runs) and starts the thread.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Output`] if the destination cannot be used.
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

    /// Begins a message.
    pub fn begin(&mut self, message: Incoming) -> Result<(), Error> {
        self.mark(Mark::Begin(message))
    }

    /// Adds bytes of the message as received, in pieces of any size.
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
    pub fn end(&mut self) -> Result<(), Error> {
        self.outstanding += 1;
        self.flushing = false;
        self.mark(Mark::End)
    }

    /// Discards a message that will not be complete.
    pub fn abort(&mut self) -> Result<(), Error> {
        self.mark(Mark::Abort)
    }

    /// Vouches for the complete messages: their answers belong to their commands, and they may be stored for good. Other
    /// messages are discarded at the end.
    pub fn vouch(&mut self) -> Result<(), Error> {
        self.flushing = false;
        self.mark(Mark::Vouched)
    }

    /// Hands batched bytes to the thread. Call it before waiting for the network.
    pub fn flush(&mut self) -> Result<(), Error> {
        if self.block.bytes.is_empty() && self.block.marks.is_empty() {
            return Ok(());
        }
        let spare = self.spare.try_recv().unwrap_or_default();
        let block = std::mem::replace(&mut self.block, spare);
        let sent = self.blocks.as_ref().is_some_and(|blocks| blocks.send(block).is_ok());
        if sent { Ok(()) } else { Err(self.failure()) }
    }

    /// Returns the number of complete messages that are not reported yet.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.outstanding
    }

    /// Returns the next report, if there is one now.
    ///
    /// # Errors
    ///
    /// The error that ended the thread.
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

    /// Returns the next report, and waits for it at most `at_most`. Does not wait if no message is outstanding.
    ///
    /// # Errors
    ///
    /// The error that ended the thread.
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

    /// Ends the thread: complete messages with proof are made durable, others are discarded. Returns the remaining reports as
    /// well, because a failure does not undo them.
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
        // Bounds a block of many empty messages.
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
            // A second call must return the error again.
            None => self.failed.as_ref().map_or(Ok(None), |error| Err(error.repeat())),
        }
    }
}

/// Ends the thread, so that an early return leaves no lock and no half-written group.
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

/// Bytes in one block.
const BLOCK: usize = 32 * 1024;

/// Marks in one block.
const MAX_MARKS: usize = 512;

/// Blocks that wait for the thread. While it syncs, the socket's buffer holds far more.
const IN_FLIGHT: usize = 4;
