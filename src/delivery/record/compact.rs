//! Forgets messages that the server no longer lists, and rewrites the journal when it has become too long.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File},
    hash::{BuildHasher, Hasher, RandomState},
    io::{self, BufWriter, Write},
    path::Path,
};

use super::{
    Record,
    journal::{Entry, Header},
    word::escape,
};
use crate::delivery::{Error, fs as disk};

impl Record {
    /// Records the end of a successful session at the time `now` (in seconds since 1970). Messages are given as unique-id and
    /// occurrence: the server confirmed the deletion of those in `deleted`, those in `verified` were compared with the record,
    /// and those in `listed` were in the maildrop when the session began.
    ///
    /// A message is forgotten after an absence of four weeks and of five sessions on different days. A listing that is suddenly
    /// short or empty therefore does not cause messages to be forgotten.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Output`](crate::delivery::ErrorKind::Output) if the record cannot be written.
    pub fn finish<'a>(
        &mut self,
        deleted: impl IntoIterator<Item = (&'a [u8], u32)>,
        verified: impl IntoIterator<Item = (&'a [u8], u32)>,
        listed: impl Iterator<Item = (&'a [u8], u32)> + Clone,
        now: u64,
    ) -> Result<(), Error> {
        self.update_absent(&verified.into_iter().collect(), listed.clone(), now)?;
        self.mark_deleted(deleted, listed)?;
        self.sync()?;
        let entries = self.appender.as_ref().map_or(0, |appender| appender.entries);
        let messages = self.len() + self.index.missing();
        if entries > 3 * messages as u64 + SLACK
            && let Err(error) = self.rewrite(|_, _| true, std::iter::empty(), b"")
        {
            // This failure is harmless, as the journal is only longer than necessary.
            self.warnings.push(format!("cannot compact the record: {}", error.message()));
        }
        Ok(())
    }

    fn mark_deleted<'a>(
        &mut self,
        deleted: impl IntoIterator<Item = (&'a [u8], u32)>,
        listed: impl Iterator<Item = (&'a [u8], u32)>,
    ) -> Result<(), Error> {
        let mut repeated: HashMap<&[u8], u32> = HashMap::new();
        for (unique_id, occurrence) in listed.filter(|&(_, occurrence)| occurrence > 0) {
            let of = repeated.entry(unique_id).or_default();
            *of = (*of).max(occurrence + 1);
        }
        let mut deleted: Vec<_> = deleted.into_iter().collect();
        // The order is from the last occurrence to the first, because a deletion changes the occurrences of later
        // messages.
        deleted.sort_unstable_by(|one, other| other.cmp(one));
        for (unique_id, occurrence) in deleted {
            let of = repeated.get_mut(unique_id).map_or(1, |of| {
                *of -= 1;
                *of + 1
            });
            self.append([Entry::Deleted { unique_id: &escape(unique_id), occurrence, of }], false)?;
        }
        Ok(())
    }

    fn update_absent<'a>(
        &mut self,
        verified: &HashSet<(&'a [u8], u32)>,
        listed: impl Iterator<Item = (&'a [u8], u32)>,
        now: u64,
    ) -> Result<(), Error> {
        let mut any = false;
        for (unique_id, occurrence) in listed {
            any = true;
            let word = escape(unique_id);
            let Some(known) = self.index.see(&word, occurrence) else { continue };
            let Some(since) = known.absent else { continue };
            // After an absence the unique-id may belong to another message, so only a comparison ends the absence. Without
            // data to compare, the absence serves no purpose and ends at once.
            if !known.is_comparable() || verified.contains(&(unique_id, occurrence)) {
                self.append([Entry::Present { unique_id: &word, occurrence }], false)?;
            } else if now.saturating_sub(since) >= DAY {
                // The message is listed today, so the four weeks start over.
                self.append([Entry::Absent { unique_id: &word, occurrence, time: now }], false)?;
            }
        }
        if !any {
            return Ok(());
        }
        if self.index.last_session().is_none_or(|last| now.saturating_sub(last) >= DAY) {
            self.append([Entry::Session { time: now }], false)?;
        }
        let mut changes = Vec::new();
        for (unique_id, occurrence, known) in self.index.unseen() {
            match known.absent {
                None => changes.push((unique_id.to_vec(), occurrence, false)),
                Some(since)
                    if now.saturating_sub(since) >= FORGOTTEN_AFTER
                        && self.index.sessions_since(since) >= FORGOTTEN_SESSIONS =>
                {
                    changes.push((unique_id.to_vec(), occurrence, true));
                }
                Some(_) => {}
            }
        }
        let entries: Vec<_> = changes
            .iter()
            .map(|(unique_id, occurrence, forgotten)| match forgotten {
                true => Entry::Forgotten { unique_id, occurrence: *occurrence },
                false => Entry::Absent { unique_id, occurrence: *occurrence, time: now },
            })
            .collect();
        self.append(&entries, false)
    }

    /// Durably replaces the journal with one that consists of these entries.
    pub(super) fn write_anew<'a>(
        &self,
        nonce: String,
        entries: impl Iterator<Item = Entry<'a>>,
    ) -> io::Result<()> {
        let path = self.path.with_extension("new");
        self.write_file(&path, nonce, |output| {
            for entry in entries {
                output.entry(&entry)?;
            }
            Ok(())
        })?;
        self.install(&path)
    }

    pub(super) fn write_file(
        &self,
        path: &Path,
        nonce: String,
        entries: impl FnOnce(&mut Output<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        disk::remove_if_present(path)?;
        let file = disk::private_options().write(true).create_new(true).open(path)?;
        disk::make_private(&file)?;
        let written = self.write_lines(&file, nonce, entries).and_then(|()| file.sync_all());
        if written.is_err() {
            let _ = fs::remove_file(path);
        }
        written
    }

    fn write_lines(
        &self,
        file: &File,
        nonce: String,
        entries: impl FnOnce(&mut Output<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        use std::io::{Seek, SeekFrom};
        let mut header = Header { synced: 0, nonce };
        let (first, chain) = header.line(&self.account);
        let mut output = Output {
            file: BufWriter::with_capacity(WRITTEN, file),
            chain,
            length: first.len() as u64,
            line: Vec::new(),
        };
        output.file.write_all(&first)?;
        entries(&mut output)?;
        output.file.flush()?;
        // The whole file is synced before the rename, so the header may already count all bytes as synced.
        header.synced = output.length;
        let mut file = file;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&header.line(&self.account).0)
    }

    /// Replaces the journal with a new file.
    pub(super) fn install(&self, path: &Path) -> io::Result<()> {
        fs::rename(path, &self.path)?;
        disk::sync_folder(self.path.parent().unwrap_or(Path::new(".")))
    }
}

/// A journal that is being written.
pub(super) struct Output<'f> {
    file: BufWriter<&'f File>,
    chain: u32,
    length: u64,
    line: Vec<u8>,
}

impl Output<'_> {
    pub(super) fn entry(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        self.line.clear();
        self.chain = entry.write(self.chain, &mut self.line);
        self.length += self.line.len() as u64;
        self.file.write_all(&self.line)
    }
}

/// Returns 64 random bits in hex.
pub(super) fn new_nonce() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

/// A message is forgotten after this absence, in seconds: four weeks.
const FORGOTTEN_AFTER: u64 = 28 * DAY;

/// Minimum number of sessions, on different days, in which a forgotten message was absent.
const FORGOTTEN_SESSIONS: usize = 5;

/// A day in seconds.
const DAY: u64 = 24 * 60 * 60;

/// Maximum number of sessions that are kept.
pub(super) const MAX_SESSIONS: usize = 32;

/// The journal is rewritten when it has more than three entries per message and this many in addition.
const SLACK: u64 = 256;

/// Number of bytes that are written at a time.
const WRITTEN: usize = 16 * 1024;
