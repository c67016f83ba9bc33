//! The open journal: appends entries, and keeps the synced length in the first line.

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
    /// The lock is held until the record is dropped or the process ends.
    lock: File,
}

impl Appender {
    /// Truncates the file after the last valid line and syncs it: a killed run may have left entries that were never synced.
    pub(super) fn open(file: File, lock: File, account: &Account, extent: Extent) -> io::Result<Self> {
        let Extent { header, valid, chain, entries, .. } = extent;
        let length = file.metadata()?.len();
        let mut appender = Self {
            file,
            account: account.clone(),
            length: valid,
            chain,
            entries,
            unsynced: header.synced < valid,
            header,
            lock,
        };
        if length > valid {
            appender.truncate_to_valid()?;
            appender.unsynced = true;
        }
        appender.file.seek(SeekFrom::Start(valid))?;
        appender.sync()?;
        Ok(appender)
    }

    /// Closes the file and returns the lock.
    pub(super) fn close(self) -> File {
        self.lock
    }

    pub(super) fn append<'a>(
        &mut self,
        entries: impl Iterator<Item: Borrow<Entry<'a>>>,
        sync: bool,
    ) -> io::Result<()> {
        if let Err(error) = self.write(entries) {
            self.truncate_to_valid()?;
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

    /// Syncs the file, then writes the synced length to the first line. That write becomes durable with the next sync, so the
    /// length is never too large.
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

    /// Removes partially written entries.
    fn truncate_to_valid(&mut self) -> io::Result<()> {
        self.file.set_len(self.length)?;
        self.file.seek(SeekFrom::Start(self.length)).map(drop)
    }
}

/// Number of bytes that are written at a time.
const WRITTEN: usize = 16 * 1024;
