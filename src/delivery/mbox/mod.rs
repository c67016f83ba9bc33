//! `--mbox`: spools a group of messages next to the mbox, then appends the group under both locks.

mod dot_lock;
mod locked;
mod quoting;
mod recovery;

use std::{
    fs::File,
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use sha2::{Digest as _, Sha256};

pub(crate) use self::locked::Mbox;
pub(crate) use self::quoting::{Mboxrd, from_line};
pub(crate) use self::recovery::recover;
use super::{
    error::Error,
    fs as disk,
    record::{
        journal::{Content, Entry, PAGES},
        word::escape,
    },
    storage::Incoming,
    store::{CommitContext, Staged, Store},
};

pub(crate) struct MboxFile {
    path: PathBuf,
    wait: Duration,
    /// An unnamed file, which disappears when the process ends.
    spool: File,
    spooled: Spooled,
    quoter: Mboxrd,
    buffer: Vec<u8>,
    /// The `From ` line of the group.
    from: Vec<u8>,
    /// Messages, each with the state of the spool after the message.
    staged: Vec<(Staged, Spooled)>,
}

#[derive(Clone, Default)]
struct Spooled {
    octets: u64,
    sha256: Sha256,
}

impl MboxFile {
    pub(crate) fn new(path: &Path, wait: Duration) -> Result<Self, Error> {
        let folder = path.parent().unwrap_or(Path::new("/"));
        let failure = |error| Error::output(format_args!("cannot write {}", path.display()), &error);
        disk::make_folder(folder).map_err(failure)?;
        if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
            return Err(failure(io::Error::other("not a regular file")));
        }
        dot_lock::sweep(path).map_err(failure)?;
        let spool = tempfile::tempfile_in(folder).map_err(failure)?;
        disk::make_private(&spool).map_err(failure)?;
        Ok(Self {
            path: path.to_path_buf(),
            wait,
            spool,
            spooled: Spooled::default(),
            quoter: Mboxrd::new(),
            buffer: Vec::new(),
            from: Vec::new(),
            staged: Vec::new(),
        })
    }

    fn spool(&mut self) -> Result<(), Error> {
        self.spool.write_all(&self.buffer).map_err(|error| self.failure(&error))?;
        self.spooled.sha256.update(&self.buffer);
        self.spooled.octets += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn failure(&self, error: &io::Error) -> Error {
        Error::output(format_args!("cannot write {}", self.path.display()), error)
    }

    /// Truncates the spool after the last staged message.
    fn rewind(&mut self) -> io::Result<()> {
        self.buffer.clear();
        self.quoter = Mboxrd::new();
        self.spooled = self.staged.last().map(|(_, spooled)| spooled.clone()).unwrap_or_default();
        self.spool.set_len(self.spooled.octets)?;
        self.spool.seek(SeekFrom::Start(self.spooled.octets)).map(drop)
    }

    fn store(&mut self, staged: Vec<(Staged, Spooled)>, context: &mut CommitContext) -> Result<(), Error> {
        let Some(mut mbox) = Mbox::lock(&self.path, true, self.wait)? else { return Ok(()) };
        let Some(Spooled { octets, sha256 }) = staged.last().map(|(_, spooled)| spooled.clone()) else {
            return Ok(());
        };
        let staged: Vec<_> = staged.into_iter().map(|(staged, _)| staged).collect();
        let group = Content { octets, sha256: sha256.finalize().into() };
        let append = mbox.prepare(&self.path, &self.spool, group).map_err(|error| self.failure(&error))?;
        let words: Vec<_> = staged.iter().map(Staged::word).collect();
        let messages = staged.iter().zip(&words);
        let messages: Vec<_> =
            messages.filter_map(|(message, word)| Some(message.message(word.as_deref()?))).collect();
        if !messages.is_empty() {
            let pages = append.pages.chunks(PAGES).map(|pages| Entry::Pages(pages.to_vec()));
            let parts = messages.iter().map(|message| Entry::Part(*message));
            context.append(std::iter::once(Entry::Append(append.clone())).chain(pages).chain(parts))?;
        }
        if let Err(error) = mbox.append(&append, &self.spool) {
            if mbox.truncate(&append).is_ok() {
                let void = messages.iter().map(|message| Entry::Void {
                    unique_id: message.unique_id,
                    occurrence: message.occurrence,
                });
                // If this fails too, recovery finds nothing of the group in the mbox, with the same result.
                let _ = context.append(void);
            }
            // If the mbox could not be truncated, recovery in the next run removes the partial group.
            return Err(self.failure(&error));
        }
        let place = disk::path_bytes(&self.path);
        let place = &*escape(&place);
        // The group is recorded before the mbox is unlocked, because other programs may change the mbox afterwards.
        context.append(messages.iter().map(|&message| Entry::Stored { message, place }))?;
        drop(mbox);
        drop(words);
        for message in staged {
            context.stored(message, Some(self.path.clone()));
        }
        Ok(())
    }
}

impl Store for MboxFile {
    /// Returns false: the message that is being received shares the spool with the staged messages.
    fn commits_amid(&self) -> bool {
        false
    }

    fn begin(&mut self, _: &Incoming) -> Result<(), Error> {
        if self.staged.is_empty() {
            self.rewind().map_err(|error| self.failure(&error))?;
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            self.from = from_line(now.as_secs());
        }
        self.buffer.extend_from_slice(&self.from);
        self.buffer.push(b'\n');
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.quoter.convert(bytes, &mut self.buffer);
        if self.buffer.len() >= BUFFER { self.spool() } else { Ok(()) }
    }

    fn end(&mut self, message: Staged) -> Result<(), Error> {
        self.quoter.finish(&mut self.buffer);
        self.spool()?;
        self.staged.push((message, self.spooled.clone()));
        Ok(())
    }

    fn abort(&mut self) -> Result<(), Error> {
        self.rewind().map_err(|error| self.failure(&error))
    }

    fn keep(&mut self, count: usize) -> Result<(), Error> {
        self.staged.truncate(count);
        self.rewind().map_err(|error| self.failure(&error))
    }

    fn commit(&mut self, context: &mut CommitContext) -> Result<(), Error> {
        let staged = std::mem::take(&mut self.staged);
        if staged.is_empty() { Ok(()) } else { self.store(staged, context) }
    }
}

/// Size in bytes at which the buffer is written to the spool.
const BUFFER: usize = 64 * 1024;
