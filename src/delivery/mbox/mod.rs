//! `--mbox`: a group of messages is spooled beside the mbox and gets into it whole, under its locks.

pub(crate) mod locked;

use std::{
    fs::File,
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use crc32fast::Hasher;

use self::locked::Mbox;
use super::{
    error::Error,
    fs as disk,
    record::journal::{Append, Entry, escape},
    storage::Incoming,
    text::{Mboxrd, from_line},
    writer::{Ledger, Staged, Store},
};

pub(crate) struct MboxFile {
    path: PathBuf,
    wait: Duration,
    /// Without a name: what is left of it when the process ends is nothing.
    spool: File,
    spooled: Extent,
    /// Where the message that is being spooled began.
    began: Extent,
    quoter: Mboxrd,
    buffer: Vec<u8>,
    /// The `From ` line of the group.
    from: Vec<u8>,
    staged: Vec<Staged>,
}

#[derive(Clone, Default)]
struct Extent {
    octets: u64,
    checksum: Hasher,
}

impl MboxFile {
    pub(crate) fn new(path: &Path, wait: Duration) -> Result<Self, Error> {
        let folder = path.parent().unwrap_or(Path::new("/"));
        let failure = |error| Error::output(format_args!("cannot write {}", path.display()), &error);
        disk::make_folder(folder).map_err(failure)?;
        if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
            return Err(failure(io::Error::other("it is not a plain file")));
        }
        locked::sweep(path).map_err(failure)?;
        let spool = tempfile::tempfile_in(folder).map_err(failure)?;
        disk::make_private(&spool).map_err(failure)?;
        Ok(Self {
            path: path.to_path_buf(),
            wait,
            spool,
            spooled: Extent::default(),
            began: Extent::default(),
            quoter: Mboxrd::new(),
            buffer: Vec::new(),
            from: Vec::new(),
            staged: Vec::new(),
        })
    }

    fn spool(&mut self) -> io::Result<()> {
        self.spool.write_all(&self.buffer)?;
        self.spooled.checksum.update(&self.buffer);
        self.spooled.octets += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn failure(&self, error: &io::Error) -> Error {
        Error::output(format_args!("cannot write {}", self.path.display()), error)
    }

    fn store(&mut self, staged: Vec<Staged>, ledger: &mut Ledger) -> Result<(), Error> {
        let Some(mut mbox) = Mbox::lock(&self.path, true, self.wait)? else { return Ok(()) };
        let (offset, padding) = mbox
            .len()
            .and_then(|offset| Ok((offset, mbox.padding()?)))
            .map_err(|error| self.failure(&error))?;
        let append = Append {
            mbox: self.path.clone(),
            offset,
            padding,
            octets: self.spooled.octets,
            checksum: self.spooled.checksum.clone().finalize(),
            from: self.from.clone(),
        };
        let words: Vec<_> = staged.iter().map(Staged::word).collect();
        let delete = ledger.delete;
        let messages = staged.iter().zip(&words);
        let messages: Vec<_> =
            messages.filter_map(|(message, word)| Some(message.message(word.as_deref()?, delete))).collect();
        if let Some(record) = ledger.record.as_mut().filter(|_| !messages.is_empty()) {
            let announced = messages.iter().map(|message| Entry::Part(*message));
            record.append(std::iter::once(Entry::Append(append.clone())).chain(announced), true)?;
        }
        self.spool
            .seek(SeekFrom::Start(0))
            .and_then(|_| mbox.append(&append, &mut self.spool))
            .map_err(|error| self.failure(&error))?;
        if let Some(record) = &mut ledger.record {
            let place = disk::path_octets(&self.path);
            let place = &*escape(&place);
            let done = messages.iter().map(|&message| Entry::Done { message, place });
            // Before the lock goes: afterwards others may change what stands in the mbox.
            record.append(done, true)?;
        }
        drop(mbox);
        drop(words);
        for message in staged {
            ledger.report(message, Some(self.path.clone()));
        }
        Ok(())
    }
}

impl Store for MboxFile {
    /// The message that is on its way in stands in the same spool as those before it.
    fn commits_amid(&self) -> bool {
        false
    }

    fn begin(&mut self, _: &Incoming) -> Result<(), Error> {
        if self.staged.is_empty() {
            self.spool
                .set_len(0)
                .and_then(|()| self.spool.seek(SeekFrom::Start(0)))
                .map_err(|error| self.failure(&error))?;
            self.spooled = Extent::default();
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            self.from = from_line(now.as_secs());
        }
        self.began = self.spooled.clone();
        self.buffer.extend_from_slice(&self.from);
        self.buffer.push(b'\n');
        Ok(())
    }

    fn write(&mut self, octets: &[u8]) -> Result<(), Error> {
        self.quoter.convert(octets, &mut self.buffer);
        if self.buffer.len() >= BUFFER {
            self.spool().map_err(|error| self.failure(&error))?;
        }
        Ok(())
    }

    fn end(&mut self, message: Staged) -> Result<(), Error> {
        self.quoter.finish(&mut self.buffer);
        self.spool().map_err(|error| self.failure(&error))?;
        self.staged.push(message);
        Ok(())
    }

    fn cut(&mut self) {
        self.buffer.clear();
        self.quoter = Mboxrd::new();
        self.spooled = self.began.clone();
        // Should this fail, the checksum would not fit what is spooled, and nothing would be stored twice or wrongly.
        let _ = self.spool.set_len(self.spooled.octets);
        let _ = self.spool.seek(SeekFrom::Start(self.spooled.octets));
    }

    fn commit(&mut self, ledger: &mut Ledger) -> Result<(), Error> {
        let staged = std::mem::take(&mut self.staged);
        if staged.is_empty() { Ok(()) } else { self.store(staged, ledger) }
    }
}

/// Octets spooled at a time.
const BUFFER: usize = 64 * 1024;
