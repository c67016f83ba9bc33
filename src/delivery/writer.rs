//! The storage thread: receives messages in blocks, stages them one by one, and commits them in groups once the session has
//! vouched for their responses.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, Sender},
    time::{Duration, Instant, SystemTime},
};

use sha2::{Digest as _, Sha256};

use super::{
    error::Error,
    identity::HeaderHash,
    record::{
        Record,
        journal::{Content, Deletion, Entry},
    },
    storage::{Block, Incoming, Mark, Part, Report},
    store::{CommitContext, Staged, Store},
};

pub(crate) struct Writer {
    store: Box<dyn Store>,
    context: CommitContext,
    /// True if stored messages are to be deleted on the server.
    delete: bool,
    current: Option<Current>,
    /// The number of messages staged in the store, and how many of them the session has vouched for.
    staged: usize,
    vouched: usize,
    staged_octets: u64,
    /// Messages that an earlier run stored and whose listed size changed.
    known: Vec<Staged>,
    known_vouched: usize,
    since: Instant,
    flush: bool,
}

struct Current {
    incoming: Incoming,
    octets: u64,
    sha256: Sha256,
    header: HeaderHash,
}

impl Writer {
    pub(crate) fn new(
        store: Box<dyn Store>,
        record: Option<Record>,
        delete: bool,
        reports: Sender<Vec<Report>>,
    ) -> Self {
        Self {
            store,
            context: CommitContext::new(record, reports),
            delete,
            current: None,
            staged: 0,
            vouched: 0,
            staged_octets: 0,
            known: Vec::new(),
            known_vouched: 0,
            since: Instant::now(),
            flush: false,
        }
    }

    /// Runs until the handle is dropped. Then complete messages with proof are durable.
    pub(crate) fn run(
        mut self,
        blocks: &Receiver<Block>,
        used: &Sender<Block>,
    ) -> Result<Option<Record>, Error> {
        let worked = self.work(blocks, used);
        // Messages before the failure are complete and can still be stored.
        let ended = self.discard_unvouched().and_then(|()| self.commit());
        worked.and(ended)?;
        Ok(self.context.record)
    }

    fn work(&mut self, blocks: &Receiver<Block>, used: &Sender<Block>) -> Result<(), Error> {
        loop {
            let received = if self.may_commit() {
                blocks.recv_timeout(IDLE_TIMEOUT)
            } else {
                blocks.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            match received {
                Ok(mut block) => {
                    self.take(&block)?;
                    block.clear();
                    let _ = used.send(block);
                    if self.flush && self.may_commit() {
                        self.flush = false;
                        self.commit()?;
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.commit()?,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }

    fn take(&mut self, block: &Block) -> Result<(), Error> {
        block.parts().try_for_each(|part| match part {
            Part::Bytes(bytes) => self.write(bytes),
            Part::Mark(Mark::Begin(incoming)) => self.begin(incoming),
            Part::Mark(Mark::End) => self.end(),
            Part::Mark(Mark::Abort) => self.abort(),
            Part::Mark(Mark::Vouched) => self.vouch(),
            Part::Mark(Mark::Flush) => {
                self.flush = true;
                Ok(())
            }
        })
    }

    fn begin(&mut self, incoming: &Incoming) -> Result<(), Error> {
        self.abort()?;
        self.current = Some(Current {
            incoming: incoming.clone(),
            octets: 0,
            sha256: Sha256::new(),
            header: HeaderHash::default(),
        });
        self.store.begin(incoming)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let Some(current) = self.current.as_mut().filter(|_| !bytes.is_empty()) else { return Ok(()) };
        current.octets += bytes.len() as u64;
        current.sha256.update(bytes);
        current.header.update(bytes);
        self.store.write(bytes)
    }

    fn end(&mut self) -> Result<(), Error> {
        let Some(Current { incoming, octets, sha256, header }) = &self.current else { return Ok(()) };
        let content = Content { octets: *octets, sha256: sha256.clone().finalize().into() };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        // A message must not be deleted if the server sent it empty but listed a size.
        let deletable = !incoming.is_missing(content.octets);
        let staged = Staged {
            incoming: incoming.clone(),
            content,
            header: header.clone().finish(),
            time: now.as_secs(),
            deletion: if self.delete && deletable { Deletion::Pending } else { Deletion::No },
            deletable,
        };
        if self.is_known(&staged) {
            self.abort()?;
            self.known.push(staged);
            return Ok(());
        }
        // If the store fails, `abort` discards the message.
        self.store.end(staged)?;
        self.current = None;
        if self.staged == 0 {
            self.since = Instant::now();
        }
        self.staged += 1;
        self.staged_octets += content.octets;
        Ok(())
    }

    /// Returns true if an earlier run stored the same message, and only its listed size changed.
    fn is_known(&self, staged: &Staged) -> bool {
        let Some((record, unique_id)) = self.context.record.as_ref().zip(staged.incoming.unique_id.as_ref())
        else {
            return false;
        };
        staged.incoming.unless_stored
            && record.has_content(unique_id.as_bytes(), staged.incoming.occurrence, &staged.content.sha256)
    }

    fn vouch(&mut self) -> Result<(), Error> {
        self.vouched = self.staged;
        self.known_vouched = self.known.len();
        let full = self.staged >= self.store.group()
            || self.staged_octets >= GROUP_OCTETS
            || (self.staged > 0 && self.since.elapsed() >= GROUP_TIME);
        if full && self.may_commit() { self.commit() } else { Ok(()) }
    }

    fn may_commit(&self) -> bool {
        self.staged + self.known.len() > 0
            && (self.staged, self.known.len()) == (self.vouched, self.known_vouched)
            && (self.current.is_none() || self.store.commits_amid())
    }

    fn abort(&mut self) -> Result<(), Error> {
        if self.current.take().is_some() { self.store.abort() } else { Ok(()) }
    }

    fn discard_unvouched(&mut self) -> Result<(), Error> {
        self.abort()?;
        self.known.truncate(self.known_vouched);
        if self.staged > self.vouched {
            self.staged = self.vouched;
            self.store.keep(self.vouched)?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Error> {
        self.staged = 0;
        self.vouched = 0;
        self.staged_octets = 0;
        self.known_vouched = 0;
        let known = std::mem::take(&mut self.known);
        let committed = self.store.commit(&mut self.context).and_then(|()| self.remember_known(known));
        self.context.report();
        committed
    }

    fn remember_known(&mut self, known: Vec<Staged>) -> Result<(), Error> {
        for message in &known {
            if let (Some(word), Some(octets)) = (message.word(), message.incoming.listed) {
                let (occurrence, deletion) = (message.incoming.occurrence, message.deletion);
                self.context.append([Entry::Listed { unique_id: &word, occurrence, octets, deletion }])?;
            }
        }
        for message in known {
            self.context.stored_before(message);
        }
        Ok(())
    }
}

/// Maximum number of bytes that are synced together: larger groups would delay the end of the run.
const GROUP_OCTETS: u64 = 32 * 1024 * 1024;

/// The time that a message waits for others to be synced with. If the process is killed, waiting messages are fetched
/// again.
const GROUP_TIME: Duration = Duration::from_millis(500);

/// A group is committed before it is full if nothing arrives for this time.
const IDLE_TIMEOUT: Duration = Duration::from_millis(5);
