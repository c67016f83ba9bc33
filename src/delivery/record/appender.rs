//! The open journal: entries are added at its end, and its first line says how much of it was synced.

use std::{
    borrow::Borrow,
    fs::File,
    io::{self, Seek, SeekFrom, Write},
};

use super::journal::{Account, Entry, Extent, Header};

pub(super) struct Appender {
    file: File,
    pub(super) header: Header,
    account: Account,
    length: u64,
    chain: u32,
    pub(super) entries: u64,
    unsynced: bool,
    /// Held until the record is dropped, or the process ends.
    lock: File,
}

impl Appender {
    /// Cuts what stands behind the sound lines. Everything that was read is synced: a run that was killed may have left
    /// entries that are not.
    pub(super) fn open(file: File, lock: File, account: &Account, extent: Extent) -> io::Result<Self> {
        let Extent { header, sound, chain, entries, .. } = extent;
        let length = file.metadata()?.len();
        let mut appender = Self {
            file,
            account: account.clone(),
            length: sound,
            chain,
            entries,
            unsynced: header.synced < sound,
            header,
            lock,
        };
        if length > sound {
            appender.truncate()?;
            appender.unsynced = true;
        }
        appender.file.seek(SeekFrom::Start(sound))?;
        appender.sync()?;
        Ok(appender)
    }

    /// Closes the file, and gives back the lock.
    pub(super) fn close(self) -> File {
        self.lock
    }

    pub(super) fn append<'a>(
        &mut self,
        entries: impl Iterator<Item: Borrow<Entry<'a>>>,
        sync: bool,
    ) -> io::Result<()> {
        if let Err(error) = self.write(entries) {
            self.truncate()?;
            return Err(error);
        }
        if sync { self.sync() } else { Ok(()) }
    }

    fn write<'a>(&mut self, entries: impl Iterator<Item: Borrow<Entry<'a>>>) -> io::Result<()> {
        let mut file = &self.file;
        let mut lines = Vec::new();
        let (mut chain, mut length, mut count) = (self.chain, self.length, 0);
        let mut write = |lines: &mut Vec<u8>| {
            length += lines.len() as u64;
            file.write_all(lines).map(|()| lines.clear())
        };
        for entry in entries {
            chain = entry.borrow().write(chain, &mut lines);
            count += 1;
            if lines.len() >= WRITTEN {
                write(&mut lines)?;
            }
        }
        write(&mut lines)?;
        (self.chain, self.length) = (chain, length);
        self.entries += count;
        self.unsynced |= count > 0;
        Ok(())
    }

    /// One `fdatasync`. The first line is written after it, and becomes durable with the next: it never says too much.
    fn sync(&mut self) -> io::Result<()> {
        if !self.unsynced {
            return Ok(());
        }
        self.file.sync_data()?;
        self.unsynced = false;
        self.header.synced = self.length;
        self.write_header()
    }

    fn write_header(&self) -> io::Result<()> {
        let (line, _) = self.header.line(&self.account);
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&line)?;
        file.seek(SeekFrom::Start(self.length)).map(drop)
    }

    /// Cuts what was written of entries that could not be written whole.
    fn truncate(&mut self) -> io::Result<()> {
        self.file.set_len(self.length)?;
        self.file.seek(SeekFrom::Start(self.length)).map(drop)
    }
}

/// Bytes of a journal written at a time.
const WRITTEN: usize = 16 * 1024;
