//! The record of fetched messages, per user, host and port: no message is fetched twice, and none is lost.
//!
//! - `journal`, `entry`, `word`: the file format, and how it survives a power failure; `version1`: the format of earlier versions
//! - `open`: opens the record for writing; `appender`: the open journal; `lock`: one writer per account
//! - `compact`, `rewrite`: forgetting messages, and rewriting the journal
//! - `operations`: unfinished operations; `recovery`: how the next run finishes or undoes them
//! - `index`: the messages in memory; `list`: the messages as a list, without holding them in memory
//! - `import`: the lists of other programs

mod appender;
mod compact;
mod entry;
pub mod import;
mod index;
pub(crate) mod journal;
mod list;
mod lock;
mod open;
mod operations;
pub(crate) mod recovery;
mod rewrite;
#[cfg(test)]
mod tests;
mod version1;
pub(crate) mod word;

use std::{
    borrow::Borrow,
    fs::File,
    io,
    path::{Path, PathBuf},
};

pub use entry::MAX_OCCURRENCES;
pub use index::Fetched;
pub use open::Locked;
pub use rewrite::Imported;

use self::{
    appender::Appender,
    index::{Index, half},
    journal::{Account, Deletion, Digest, Entry, Message, Unreadable},
    operations::Operations,
    word::escape,
};
use crate::delivery::{
    error::{Error, ErrorKind},
    file_name,
};

/// The record of an account. Messages with the same unique-id are distinguished by their occurrence in the maildrop: 0 for the
/// message with the lowest message-number, 1 for the next…
///
/// The messages that a [`Storage`](super::Storage) stores are added to the file only: until the record is opened again, the methods
/// return what earlier runs recorded.
pub struct Record {
    index: Index,
    path: PathBuf,
    account: Account,
    /// Operations of earlier runs whose outcome cannot be determined yet.
    unfinished: Operations,
    warnings: Vec<String>,
    /// `None` if the record is only read.
    appender: Option<Appender>,
}

/// A message that is recorded as fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Remembered {
    /// The unique-id.
    pub unique_id: Vec<u8>,
    /// The position among the messages with this unique-id, from 0.
    pub occurrence: u32,
    /// The time of fetching, in seconds since 1970.
    pub time: u64,
    /// The place where the message was stored: a path, `pipe`, `skipped`, `imported:TOOL`…
    pub place: Vec<u8>,
    /// True if the server confirmed the deletion.
    pub deleted: bool,
    /// True if the message was stored to be deleted, but the server has not confirmed the deletion.
    pub pending_deletion: bool,
}

/// A message that counts as fetched although this program did not store it.
///
/// Exhaustive on purpose: a message that counts as fetched is never fetched again, so the caller must set every field.
#[derive(Debug, Clone, Copy)]
pub struct Foreign<'a> {
    /// The unique-id.
    pub unique_id: &'a [u8],
    /// The position among the messages with this unique-id, from 0.
    pub occurrence: u32,
    /// The time of fetching, in seconds since 1970.
    pub time: u64,
    /// The size in octets in the server's listing, if known.
    pub octets: Option<u64>,
    /// The reason why the message counts as fetched: `skipped`, `imported:TOOL`…
    pub place: &'a str,
}

/// The result of comparing a message with the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    Same,
    Other,
    /// The record contains too little for a comparison.
    Unknown,
}

impl Record {
    /// Reads the record without locking it. Ignores unfinished messages. A missing record counts as empty.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Output`] if the record cannot be read or is damaged.
    pub fn read(state_dir: &Path, user: &str, host: &str, port: u16) -> Result<Self, Error> {
        let mut record = Self::new(state_dir, user, host, port);
        match File::open(&record.path) {
            Ok(file) => drop(record.load(&file)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => drop(record.take_over(|_, _| {})?),
            Err(error) => return Err(record.failure("read", &error)),
        }
        Ok(record)
    }

    /// Returns the record's data about a message, or `None` if it was not fetched. A message whose recorded size differs from its
    /// listed size in octets is another message, so the result is `None` as well.
    #[must_use]
    pub fn fetched(&self, unique_id: &[u8], occurrence: u32, listed: Option<u64>) -> Option<Fetched> {
        let known = self.index.get(&escape(unique_id), occurrence)?;
        if known.listed.zip(listed).is_some_and(|(known, listed)| known != listed) {
            return None;
        }
        Some(Fetched {
            time: known.time.cast_signed(),
            pending_deletion: known.deletion == Deletion::Pending,
            gone: known.deletion == Deletion::Confirmed || known.absent.is_some(),
            stored: known.sha256.is_some(),
        })
    }

    /// Returns true if a message with this unique-id and occurrence is recorded, regardless of its size.
    #[must_use]
    pub fn knows(&self, unique_id: &[u8], occurrence: u32) -> bool {
        self.index.get(&escape(unique_id), occurrence).is_some()
    }

    /// Returns the number of recorded messages.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Returns true if no message is recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the path of the record's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the warnings for the user, such as a repaired last line or operations that remain unfinished.
    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// Durably records messages that were not stored by this program. Messages already recorded are not changed.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Output`] if the record cannot be written.
    pub fn remember<'a>(&mut self, messages: impl IntoIterator<Item = Foreign<'a>>) -> Result<(), Error> {
        for Foreign { unique_id, occurrence, time, octets, place } in messages {
            let word = escape(unique_id);
            if self.index.get(&word, occurrence).is_some() {
                continue;
            }
            let message = Message {
                unique_id: &word,
                occurrence,
                time,
                deletion: Deletion::No,
                listed: octets,
                content: None,
                header: None,
            };
            self.append([Entry::Done { message, place: &escape(place.as_bytes()) }], false)?;
        }
        self.sync()
    }

    /// Compares a message with the record: its listed size and, if the server sent the header, the hash of the header.
    pub(crate) fn identify(
        &self,
        unique_id: &[u8],
        occurrence: u32,
        listed: Option<u64>,
        header: Option<&Digest>,
    ) -> Identity {
        let Some(known) = self.index.get(&escape(unique_id), occurrence) else { return Identity::Other };
        let (Some(octets), Some(expected)) = (known.listed, &known.header) else { return Identity::Unknown };
        match (listed, header) {
            (None, _) => Identity::Unknown,
            (Some(listed), _) if listed != octets => Identity::Other,
            (_, Some(header)) if half(header) != *expected => Identity::Other,
            _ => Identity::Same,
        }
    }

    /// Returns true if the recorded message has this content.
    pub(crate) fn has_content(&self, unique_id: &[u8], occurrence: u32, sha256: &Digest) -> bool {
        let known = self.index.get(&escape(unique_id), occurrence);
        known.is_some_and(|known| known.sha256 == Some(half(sha256)))
    }

    /// Returns a random word that is unique to this record, for the names of temporary files.
    pub(crate) fn nonce(&self) -> Option<&str> {
        self.appender.as_ref().map(|appender| appender.header.nonce.as_str())
    }

    /// Returns true if a file is the temporary file of an unfinished operation and must not be removed.
    pub(crate) fn needs(&self, temporary: &Path) -> bool {
        self.unfinished.needs(temporary)
    }

    /// Appends entries. With `sync`, these and all earlier entries are durable on return.
    pub(crate) fn append<'a>(
        &mut self,
        entries: impl IntoIterator<Item: Borrow<Entry<'a>>>,
        sync: bool,
    ) -> Result<(), Error> {
        self.append_and(Index::apply, entries, sync)
    }

    /// Durably appends the entries of messages that are being stored. They are not added to the messages in memory.
    pub(crate) fn append_stored<'a>(
        &mut self,
        entries: impl IntoIterator<Item: Borrow<Entry<'a>>>,
    ) -> Result<(), Error> {
        self.append_and(Index::update, entries, true)
    }

    fn append_and<'a>(
        &mut self,
        change: fn(&mut Index, &Entry<'_>),
        entries: impl IntoIterator<Item: Borrow<Entry<'a>>>,
        sync: bool,
    ) -> Result<(), Error> {
        let Some(appender) = &mut self.appender else { return Ok(()) };
        let (index, unfinished) = (&mut self.index, &mut self.unfinished);
        let entries = entries.into_iter().inspect(|entry| {
            change(index, entry.borrow());
            unfinished.end(entry.borrow());
        });
        appender.append(entries, sync).map_err(|error| {
            Error::output(format_args!("cannot write the record {}", self.path.display()), &error)
        })
    }

    /// Makes all entries durable.
    pub(crate) fn sync(&mut self) -> Result<(), Error> {
        self.append([] as [Entry<'_>; 0], true)
    }

    fn new(state_dir: &Path, user: &str, host: &str, port: u16) -> Self {
        let host = host.to_ascii_lowercase();
        let key = [user.as_bytes(), b"\0", host.as_bytes(), b"\0", port.to_string().as_bytes()].concat();
        let name = file_name::portable(format!("{user}@{host}").as_bytes(), MAX_NAME);
        Self {
            index: Index::default(),
            path: state_dir.join(format!("{name}-{port}-{}.record", file_name::short_hash(&key))),
            account: Account { user: user.to_owned(), host, port },
            unfinished: Operations::default(),
            warnings: Vec::new(),
            appender: None,
        }
    }

    fn load(&mut self, file: &File) -> Result<(journal::Extent, Operations), Error> {
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        self.index = Index::default();
        self.index.reserve(usize::try_from(length / USUAL_MESSAGE).unwrap_or(0));
        let index = &mut self.index;
        journal::scan(file, &self.account, |entry| index.apply(entry))
            .map_err(|unreadable| self.unreadable(&self.path, unreadable))
    }

    /// Reads the whole journal from its start or, if there is none, the journal of an earlier version.
    fn scan_open(&self, file: Option<&File>, mut see: impl FnMut(&Entry<'_>)) -> Result<(), Error> {
        use std::io::Seek as _;
        let Some(mut file) = file else { return self.scan_version1(see).map(drop) };
        file.rewind().map_err(|error| self.failure("read", &error))?;
        journal::scan(file, &self.account, &mut see)
            .map(drop)
            .map_err(|unreadable| self.unreadable(&self.path, unreadable))
    }

    /// Reads the record that an earlier version wrote for this user and host. Returns false if there is none.
    fn take_over(&mut self, mut see: impl FnMut(&Self, &Entry<'_>)) -> Result<bool, Error> {
        let mut index = Index::default();
        let found = self.scan_version1(|entry| {
            index.apply(entry);
            see(self, entry);
        })?;
        self.index = index;
        Ok(found)
    }

    fn scan_version1(&self, see: impl FnMut(&Entry<'_>)) -> Result<bool, Error> {
        let Account { user, host, port } = &self.account;
        if !version1::DEFAULT_PORTS.contains(port) {
            return Ok(false);
        }
        let path = self.path.with_file_name(format!("{}.record", version1::file_stem(user, host)));
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            file => file.map_err(|error| {
                Error::output(format_args!("cannot read the record {}", path.display()), &error)
            })?,
        };
        version1::scan(file, user, host, see).map_err(|unreadable| self.unreadable(&path, unreadable))?;
        Ok(true)
    }

    fn unreadable(&self, path: &Path, unreadable: Unreadable) -> Error {
        let what = match unreadable {
            Unreadable::Io(error) => return self.failure("read", &error),
            Unreadable::Damaged(line) => format!("is damaged in line {line}"),
            Unreadable::Short(line) => format!("is damaged: lines are missing after line {line}"),
            Unreadable::Foreign => "belongs to another account or to a later version of pop3".to_owned(),
        };
        let path = path.display();
        let message = format!(
            "the record {path} {what}; move it away to start over (every message then counts as new)"
        );
        Error::new(ErrorKind::Output, message)
    }

    fn failure(&self, verb: &str, error: &io::Error) -> Error {
        Error::output(format_args!("cannot {verb} the record {}", self.path.display()), error)
    }
}

/// Maximum length of a record's file name before the port and the hash, in characters.
const MAX_NAME: usize = 60;

/// Upper estimate of a journal's bytes per message: usually two lines.
const USUAL_MESSAGE: u64 = 480;
