//! What was fetched, per user and host: remembered so that nothing comes twice and nothing is lost.
//!
//! - `journal`: the lines, and what of them survives a power cut
//! - `recovery`: what a run that was killed left half done
//! - `index`: the messages in memory
//! - `lock`: who else may be at work

pub mod import;
mod index;
pub(crate) mod journal;
mod lock;
pub(crate) mod recovery;
#[cfg(test)]
mod tests;

use std::{
    borrow::Borrow,
    collections::HashMap,
    fs::{self, File},
    io::{self, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::Duration,
};

pub use index::Fetched;
pub use journal::MAX_OCCURRENCES;

use self::{
    index::Index,
    journal::{Entry, Message, Unreadable, escape},
    recovery::{Pending, Unsettled},
};
use crate::delivery::{
    error::{Error, ErrorKind},
    file_name, fs as disk,
};

/// The record of one account. Messages with one unique-id are told apart by their occurrence in the maildrop: 0 for the
/// one with the lowest message-number, 1 for the next…
pub struct Record {
    index: Index,
    path: PathBuf,
    header: Vec<u8>,
    tag: String,
    /// `None` where the record is only read.
    journal: Option<Journal>,
}

/// A record that no other process writes, not yet read.
pub struct Locked {
    record: Record,
    lock: File,
    /// How long another holder of an mbox is waited for, where a run left one half written.
    wait: Duration,
}

struct Journal {
    file: File,
    length: u64,
    entries: u64,
    /// The number of the batch that is being written.
    batch: u64,
    /// Messages that are done since it was opened, and that the index does not know.
    fresh: usize,
    unsynced: bool,
    /// Held until the record is dropped, or the process is.
    _lock: File,
}

impl Record {
    /// Reads the record and waits for nobody. What a run left half done, or is at this moment doing, counts as the next
    /// one would settle it. No record yet is an empty one.
    pub fn read(state_dir: &Path, user: &str, host: &str) -> Result<Self, Error> {
        let mut record = Self::new(state_dir, user, host);
        let file = match File::open(&record.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(record),
            opened => opened.map_err(|error| record.failure("read", &error))?,
        };
        let (_, pending) = record.load(&file)?;
        for pending in pending {
            if pending.stands() {
                record.index.insert(&pending.message.borrow());
            }
        }
        Ok(record)
    }

    /// Takes the record to write, alone: another process that has it is waited for.
    pub fn lock(state_dir: &Path, user: &str, host: &str, wait: Duration) -> Result<Locked, Error> {
        let record = Self::new(state_dir, user, host);

        let state_dir = record.path.parent().unwrap_or(Path::new(".")).to_path_buf();
        disk::make_folder(&state_dir).map_err(|error| {
            Error::output(format_args!("cannot make the state folder {}", state_dir.display()), &error)
        })?;
        let lock = lock::take(&record.path.with_extension("lock"), &format!("{user}@{host}"), wait)?;
        Ok(Locked { record, lock, wait })
    }

    #[cfg(test)]
    pub(crate) fn open(state_dir: &Path, user: &str, host: &str, wait: Duration) -> Result<Self, Error> {
        Self::lock(state_dir, user, host, wait)?.open()
    }

    /// When the message was fetched before this record was opened, if it was.
    #[must_use]
    pub fn fetched(&self, unique_id: &[u8], occurrence: u32) -> Option<Fetched> {
        self.index.get(&escape(unique_id), occurrence)
    }

    /// How many messages were remembered when it was opened.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// A word for the names of temporary files that tells this account's from all others.
    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }

    /// Adds entries, which whoever opens the record next will know. With `sync` they, and all before them, are durable
    /// on return.
    pub(crate) fn append<'a>(
        &mut self,
        entries: impl IntoIterator<Item: Borrow<Entry<'a>>>,
        sync: bool,
    ) -> Result<(), Error> {
        let Some(journal) = &mut self.journal else { return Ok(()) };
        let failed =
            |error| Error::output(format_args!("cannot write the record {}", self.path.display()), &error);
        let mut fresh = 0;
        let counted = entries.into_iter().inspect(|entry| {
            if let Entry::Done { message, .. } = entry.borrow()
                && self.index.get(message.unique_id, message.occurrence).is_none()
            {
                fresh += 1;
            }
        });
        journal.append(counted, sync).map_err(failed)?;
        journal.fresh += fresh;
        Ok(())
    }

    /// Remembers messages that were fetched at a time (in seconds since 1970) and are kept at a place, durably.
    pub fn remember<'a>(
        &mut self,
        messages: impl IntoIterator<Item = (&'a [u8], u64, &'a Path)>,
    ) -> Result<(), Error> {
        for (unique_id, time, place) in messages {
            let word = escape(unique_id);
            let message = Message { unique_id: &word, occurrence: 0, time, delete: false };
            self.append([Entry::Done { message, place: &escape(&disk::path_octets(place)) }], false)?;
        }
        self.sync()
    }

    /// The file of the record.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes everything that was added durable.
    pub(crate) fn sync(&mut self) -> Result<(), Error> {
        self.append([] as [Entry<'_>; 0], true)
    }

    /// Ends a good run: the server confirmed the deletion of `deleted`, and its maildrop held `listed` when the session
    /// began, each a unique-id with its occurrence. What it does not list any more is forgotten when the journal is
    /// written anew, which happens where that pays. A maildrop that is suddenly empty makes nothing forgotten. Gives back a
    /// warning if the journal could not be written anew.
    pub fn finish<'a>(
        mut self,
        deleted: impl IntoIterator<Item = (&'a [u8], u32)>,
        listed: impl Iterator<Item = (&'a [u8], u32)> + Clone,
    ) -> Result<Option<String>, Error> {
        let mut repeated: HashMap<&[u8], u32> = HashMap::new();
        for (unique_id, occurrence) in listed.clone().filter(|&(_, occurrence)| occurrence > 0) {
            let of = repeated.entry(unique_id).or_default();
            *of = (*of).max(occurrence + 1);
        }
        let mut deleted: Vec<_> = deleted.into_iter().collect();
        // From the last occurrence to the first, so that none moves up before it is its turn.
        deleted.sort_unstable_by(|one, other| other.cmp(one));
        let words: Vec<_> = deleted
            .iter()
            .map(|&(unique_id, occurrence)| {
                let of = repeated.get_mut(unique_id).map_or(1, |of| {
                    *of -= 1;
                    *of + 1
                });
                (escape(unique_id), occurrence, of)
            })
            .collect();
        let entries: Vec<_> = words
            .iter()
            .map(|(unique_id, occurrence, of)| Entry::Deleted { unique_id, occurrence: *occurrence, of: *of })
            .collect();
        self.append(&entries, true)?;
        // Nothing is lost where it fails; the journal stays as long as it is.
        let warning = self.compact(listed).err();
        let warning =
            warning.map(|error| format!("cannot shorten the record {}: {error}", self.path.display()));
        Ok(warning)
    }

    fn new(state_dir: &Path, user: &str, host: &str) -> Self {
        let host = host.to_ascii_lowercase();
        let account = [user.as_bytes(), b"\0", host.as_bytes()].concat();
        let tag = file_name::short_hash(&account);
        let name = file_name::portable(format!("{user}@{host}").as_bytes(), LONGEST_NAME);
        Self {
            index: Index::default(),
            path: state_dir.join(format!("{name}-{tag}.record")),
            header: journal::header(user.as_bytes(), &host),
            tag,
            journal: None,
        }
    }

    fn load(&mut self, file: &File) -> Result<(journal::Extent, Vec<Pending>), Error> {
        let index = &mut self.index;
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        index.reserve(usize::try_from(length / USUAL_MESSAGE).unwrap_or(0));
        let mut unsettled = Unsettled::default();
        let scanned = journal::scan(file, &self.header, |batch, entry| match &entry {
            Entry::Done { message, .. } => {
                unsettled.settled(index.key(message.unique_id, message.occurrence));
                index.insert(message);
            }
            Entry::Void { unique_id, occurrence } => unsettled.settled(index.key(unique_id, *occurrence)),
            Entry::Deleted { unique_id, occurrence, of } => index.delete(unique_id, *occurrence, *of),
            Entry::File { message, .. } | Entry::Part(message) => {
                unsettled.begun(index.key(message.unique_id, message.occurrence), batch, &entry, message);
            }
            Entry::Append(append) => unsettled.appending(batch, append),
        });
        match scanned {
            Ok(extent) => Ok((extent, unsettled.into_pending())),
            Err(Unreadable::Io(error)) => Err(self.failure("read", &error)),
            Err(unreadable) => {
                let what = match unreadable {
                    Unreadable::Damaged(line) => format!("is damaged in line {line}"),
                    _ => "is of another account or a later version of pop3".to_owned(),
                };
                let path = self.path.display();
                Err(Error::new(
                    ErrorKind::Output,
                    format!(
                        "the record {path} {what}; move it away to start anew (every message then counts as new)"
                    ),
                ))
            }
        }
    }

    fn settle(&mut self, pending: &[Pending], wait: Duration) -> Result<(), Error> {
        if pending.is_empty() {
            return Ok(());
        }
        let places = recovery::settle(pending, wait)?;
        let words: Vec<_> = places.iter().map(|place| place.as_deref().map(disk::path_octets)).collect();
        let escaped: Vec<_> = words.iter().map(|place| place.as_deref().map(escape)).collect();
        let entries: Vec<_> = pending
            .iter()
            .zip(&escaped)
            .map(|(Pending { message, .. }, place)| match place {
                Some(place) => Entry::Done { message: message.borrow(), place },
                None => Entry::Void { unique_id: &message.unique_id, occurrence: message.occurrence },
            })
            .collect();
        for entry in &entries {
            if let Entry::Done { message, .. } = entry {
                self.index.insert(message);
            }
        }
        self.append(&entries, true)
    }

    /// Writes the journal anew with only what the server still lists, if that pays.
    fn compact<'a>(&mut self, listed: impl Iterator<Item = (&'a [u8], u32)> + Clone) -> io::Result<()> {
        let Some(journal) = self.journal.take() else { return Ok(()) };
        let known =
            listed.clone().filter(|&(unique_id, occurrence)| self.fetched(unique_id, occurrence).is_some());
        let known = known.count() + journal.fresh;
        let entries = usize::try_from(journal.entries).unwrap_or(usize::MAX);
        let forgets = self.index.len() + journal.fresh > known && journal.length <= SHORT;
        if known == 0 || (entries <= 2 * known + known / 4 + SLACK && !forgets) {
            return Ok(());
        }
        let Journal { mut file, length, _lock, .. } = journal;
        // With what this run added, which the index was spared.
        self.index = Index::default();
        file.seek(SeekFrom::Start(0))?;
        self.load(&file).map_err(|failure| io::Error::other(failure.message()))?;
        let mut index = std::mem::take(&mut self.index);
        for (unique_id, occurrence) in listed {
            index.list(&escape(unique_id), occurrence);
        }
        if index.listed() == 0 {
            return Ok(());
        }
        file.seek(SeekFrom::Start(0))?;
        let path = self.write_anew(|output| {
            let mut line = Vec::new();
            let mut written = Ok(());
            journal::scan((&file).take(length), &self.header, |_, entry| {
                let Entry::Done { message, place } = entry else { return };
                let taken = index.take(message.unique_id, message.occurrence, message.time);
                if let Some((occurrence, delete)) = taken.filter(|_| written.is_ok()) {
                    line.clear();
                    let message = Message { occurrence, delete, ..message };
                    Entry::Done { message, place }.write(1, &mut line);
                    written = output.write_all(&line);
                }
            })
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
            written
        })?;
        // Windows replaces no file that is open.
        drop(file);
        self.install(&path)
    }

    /// Writes a journal beside the one that there is, durably.
    fn write_anew(
        &self,
        entries: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
    ) -> io::Result<PathBuf> {
        let path = self.path.with_extension("new");
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = disk::private_options().write(true).create_new(true).open(&path)?;
        disk::make_private(&file)?;
        let mut output = BufWriter::with_capacity(WRITTEN, &file);
        let written = output
            .write_all(&self.header)
            .and_then(|()| entries(&mut output))
            .and_then(|()| output.flush())
            .and_then(|()| file.sync_all());
        if let Err(error) = written {
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        Ok(path)
    }

    /// Puts a new journal in the place of the old one.
    fn install(&self, path: &Path) -> io::Result<()> {
        fs::rename(path, &self.path)?;
        disk::sync_folder(self.path.parent().unwrap_or(Path::new(".")))
    }

    fn failure(&self, verb: &str, error: &io::Error) -> Error {
        Error::output(format_args!("cannot {verb} the record {}", self.path.display()), error)
    }
}

impl Locked {
    /// Opens the record. Mends what a power cut tore, and settles on disk what a run left half done.
    pub fn open(self) -> Result<Record, Error> {
        let Self { mut record, lock, wait } = self;
        if !disk::stands(&record.path) {
            record
                .write_anew(|_| Ok(()))
                .and_then(|path| record.install(&path))
                .map_err(|error| record.failure("write", &error))?;
        }
        let file = disk::private_options()
            .read(true)
            .write(true)
            .open(&record.path)
            .map_err(|error| record.failure("open", &error))?;
        let (extent, pending) = record.load(&file)?;
        // Synced, as a run that was killed may have left entries that are not: only the last batch may be so.
        mend(&file, extent.sound)
            .and_then(|()| file.sync_all())
            .map_err(|error| record.failure("mend", &error))?;
        record.journal = Some(Journal {
            file,
            length: extent.sound,
            entries: extent.entries,
            batch: extent.batch.saturating_add(1),
            fresh: 0,
            unsynced: false,
            _lock: lock,
        });
        record.settle(&pending, wait)?;
        Ok(record)
    }
}

impl Journal {
    fn append<'a>(&mut self, entries: impl Iterator<Item: Borrow<Entry<'a>>>, sync: bool) -> io::Result<()> {
        match self.write(entries) {
            Ok((_, 0)) => {}
            Ok((octets, entries)) => {
                self.length += octets;
                self.entries += entries;
                self.unsynced = true;
            }
            Err(error) => {
                mend(&self.file, self.length)?;
                return Err(error);
            }
        }
        if sync && self.unsynced {
            self.file.sync_data()?;
            self.unsynced = false;
            self.batch = self.batch.saturating_add(1);
        }
        Ok(())
    }

    /// How many octets and entries it wrote.
    fn write<'a>(&self, entries: impl Iterator<Item: Borrow<Entry<'a>>>) -> io::Result<(u64, u64)> {
        let mut file = &self.file;
        let mut lines = Vec::new();
        let [mut octets, mut count] = [0, 0];
        let mut write = |lines: &mut Vec<u8>| {
            octets += lines.len() as u64;
            file.write_all(lines).map(|()| lines.clear())
        };
        for entry in entries {
            entry.borrow().write(self.batch, &mut lines);
            count += 1;
            if lines.len() >= WRITTEN {
                write(&mut lines)?;
            }
        }
        write(&mut lines)?;
        Ok((octets, count))
    }
}

/// Cuts what stands behind the sound lines, and goes there.
fn mend(mut file: &File, sound: u64) -> io::Result<()> {
    if file.metadata()?.len() > sound {
        file.set_len(sound)?;
    }
    file.seek(SeekFrom::Start(sound)).map(drop)
}

/// Characters of a record's name before its hash.
const LONGEST_NAME: usize = 60;

/// A journal up to this length is written anew whenever there is something to forget: it costs next to nothing.
const SHORT: u64 = 64 * 1024;

/// Entries beyond two and a quarter a message, which no first run writes, that are no reason yet to write the journal anew.
const SLACK: usize = 256;

/// Octets of a journal that tell of one message, or fewer: mostly two lines.
const USUAL_MESSAGE: u64 = 320;

/// Octets of a journal written at a time.
const WRITTEN: usize = 16 * 1024;
