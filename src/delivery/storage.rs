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
    writer::{Store, Writer},
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
    /// An mbox on standard output.
    MboxStdout,
    /// The words of a command that is run once a message.
    Pipe(Vec<String>),
    /// One message, as it is.
    Stdout,
    /// An LMTP server.
    Lmtp {
        /// Where it listens.
        address: LmtpAddress,
        /// Whom it is to deliver to: an address or a user name, without blanks, angle brackets and control characters.
        recipient: String,
    },
}

impl Destination {
    /// True if each message is handed to another program, so that the server is asked for one at a time.
    #[must_use]
    pub fn is_single(&self) -> bool {
        matches!(self, Self::Pipe(_) | Self::Lmtp { .. })
    }
}

/// How messages are stored.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether `Delivered` shall tell the SHA-256.
    pub sha256: bool,
    /// Whether what is stored waits for its deletion from here on.
    pub delete: bool,
    /// How long another holder of the mbox is waited for, and the longest silence of an LMTP server.
    pub timeout: Duration,
    /// When the run must be over, if ever.
    pub deadline: Option<Instant>,
    /// Environment variables, beside the known ones, that the command of `--pipe` must not see.
    pub scrub: Vec<String>,
}

/// A message that is stored, durably, and remembered; or refused by the destination.
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
    pub sha256: Option<[u8; 32]>,
    /// The destination refused it for good, and said this: it is neither stored nor remembered.
    pub refused: Option<String>,
}

/// The main thread's end of the storage thread.
pub struct Storage {
    blocks: Option<SyncSender<Block>>,
    spare: Receiver<Block>,
    /// A group at a time, so that its marks can go out in one write.
    reports: Receiver<Vec<Delivered>>,
    /// What of the last group was not given yet.
    arrived: std::vec::IntoIter<Delivered>,
    thread: Option<JoinHandle<Result<Option<Record>, Error>>>,
    block: Block,
    /// Messages complete and not delivered yet.
    outstanding: usize,
    /// The thread was told not to wait for more.
    hurried: bool,
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
    Cut,
    /// The main thread waits: commit now.
    Hurry,
}

/// A message that is being stored.
#[derive(Debug, Clone)]
pub(crate) struct Incoming {
    pub(crate) number: MessageNumber,
    pub(crate) unique_id: Option<UniqueId>,
    pub(crate) occurrence: u32,
}

impl Storage {
    /// Makes the destination ready (missing folders are made, what an earlier run left is swept) and starts the thread.
    pub fn start(
        destination: &Destination,
        record: Option<Record>,
        options: &Options,
    ) -> Result<Self, Error> {
        let tag = record.as_ref().map(Record::tag);
        let store: Box<dyn Store> = match destination {
            Destination::Dir(folder) => Box::new(Files::dir(&absolute(folder)?, tag)?),
            Destination::Maildir(folder) => Box::new(Files::maildir(&absolute(folder)?, tag)?),
            Destination::Mbox(file) => Box::new(MboxFile::new(&absolute(file)?, options.timeout)?),
            Destination::MboxStdout => Box::new(Output::mbox()?),
            Destination::Stdout => Box::new(Output::plain()?),
            Destination::Pipe(words) => Box::new(Pipe::new(words, &options.scrub)?),
            Destination::Lmtp { address, recipient } => {
                let limits = Limits { timeout: options.timeout, deadline: options.deadline };
                Box::new(Lmtp::new(address, recipient, limits))
            }
        };
        let (blocks, incoming) = mpsc::sync_channel(IN_FLIGHT);
        let (used, spare) = mpsc::channel();
        let (sender, reports) = mpsc::channel();
        let writer = Writer::new(store, record, options, sender);
        let thread = std::thread::Builder::new()
            .name("storage".into())
            .spawn(move || writer.run(&incoming, &used))
            .map_err(|error| Error::output("cannot start the storage thread", &error))?;
        let block = Block::default();
        Ok(Self {
            blocks: Some(blocks),
            spare,
            reports,
            arrived: Vec::new().into_iter(),
            thread: Some(thread),
            block,
            outstanding: 0,
            hurried: false,
            failed: None,
        })
    }

    /// A message begins. `occurrence` tells messages with one unique-id apart, from 0 in the order of their numbers.
    pub fn begin(
        &mut self,
        number: MessageNumber,
        unique_id: Option<UniqueId>,
        occurrence: u32,
    ) -> Result<(), Error> {
        self.mark(Mark::Begin(Incoming { number, unique_id, occurrence }))
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
        self.hurried = false;
        self.mark(Mark::End)
    }

    /// The message will never be complete: it is thrown away.
    pub fn cut(&mut self) -> Result<(), Error> {
        self.mark(Mark::Cut)
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

    /// Messages complete and not delivered yet.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.outstanding
    }

    /// The next message that is stored, if there is one now.
    pub fn delivered(&mut self) -> Result<Option<Delivered>, Error> {
        if let Some(delivered) = self.arrived.next() {
            return Ok(Some(self.count(delivered)));
        }
        match self.reports.try_recv() {
            Ok(group) => Ok(self.arrive(group)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(self.failure()),
        }
    }

    /// The next message that is stored, waited for at most so long. Nothing is waited for where none is outstanding.
    pub fn wait(&mut self, at_most: Duration) -> Result<Option<Delivered>, Error> {
        if self.outstanding == 0 || self.arrived.len() > 0 {
            return self.delivered();
        }
        if !self.hurried {
            self.hurried = true;
            // Its failure is reported after what was delivered before it.
            let _ = self.mark(Mark::Hurry).and_then(|()| self.flush());
        }
        match self.reports.recv_timeout(at_most) {
            Ok(group) => Ok(self.arrive(group)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(self.failure()),
        }
    }

    /// Ends the thread: everything complete is made durable, what is not is thrown away. The messages delivered since
    /// the last call stand beside the outcome, as a failure does not undo them.
    pub fn finish(mut self) -> (Vec<Delivered>, Result<Option<Record>, Error>) {
        let flushed = self.flush();
        self.blocks = None;
        let delivered = self.arrived.by_ref().chain(self.reports.iter().flatten()).collect();
        let ended = match flushed {
            Ok(()) => self.join(),
            Err(error) => Err(error),
        };
        (delivered, ended)
    }

    fn mark(&mut self, mark: Mark) -> Result<(), Error> {
        self.block.marks.push((self.block.octets.len(), mark));
        // Messages without octets must not pile up.
        if self.block.marks.len() >= MARKS { self.flush() } else { Ok(()) }
    }

    fn arrive(&mut self, group: Vec<Delivered>) -> Option<Delivered> {
        self.arrived = group.into_iter();
        let delivered = self.arrived.next()?;
        Some(self.count(delivered))
    }

    fn count(&mut self, delivered: Delivered) -> Delivered {
        self.outstanding = self.outstanding.saturating_sub(1);
        delivered
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
            // Whoever asks again after a failure must not be told that all is well.
            None => self.failed.as_ref().map_or(Ok(None), |error| Err(error.repeat())),
        }
    }
}

/// An early return must not leave a lock or a half-written group behind: what is complete is committed.
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
const MARKS: usize = 512;

/// Blocks that wait for the thread: while it syncs, the socket's own buffer takes far more.
const IN_FLIGHT: usize = 4;
