//! What was fetched, per user, host and port: remembered so that nothing comes twice and nothing is lost.
//!
//! - `journal`, `word`: the lines, and which of them survive a power cut; `version1`: those of earlier versions
//! - `appender`: the open journal; `compact`: forgetting, and writing it anew
//! - `recovery`: the steps that a run left unfinished
//! - `index`: the messages in memory
//! - `import`: what other programs fetched
//! - `lock`: one writer an account

mod appender;
mod compact;
pub mod import;
mod index;
pub(crate) mod journal;
mod list;
mod lock;
pub(crate) mod recovery;
mod rewrite;
#[cfg(test)]
mod tests;
mod version1;
pub(crate) mod word;

use std::{
    borrow::Borrow,
    collections::HashSet,
    fs::File,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

pub use index::Fetched;
pub use journal::MAX_OCCURRENCES;
pub use rewrite::Imported;

use self::{
    appender::Appender,
    compact::new_nonce,
    index::{Index, half},
    journal::{Account, Deletion, Digest, Entry, Message, Unreadable},
    recovery::{Outcome, Steps},
    word::escape,
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
    account: Account,
    /// The temporary files of steps that are still unfinished.
    temporaries: HashSet<PathBuf>,
    warnings: Vec<String>,
    /// `None` where the record is only read.
    appender: Option<Appender>,
}

/// A record that no other process writes, not yet read.
pub struct Locked {
    record: Record,
    lock: File,
    /// How long another holder of an mbox is waited for, where a run left one half written.
    wait: Duration,
}

/// What a record says of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// The unique-id.
    pub unique_id: Vec<u8>,
    /// Its place among the messages with this unique-id, from 0.
    pub occurrence: u32,
    /// When it was fetched, in seconds since 1970.
    pub time: u64,
    /// Where it was stored: a path, `pipe`, `skipped`, `imported:TOOL`…
    pub place: Vec<u8>,
    /// A server confirmed its deletion.
    pub deleted: bool,
}

/// A message that counts as fetched though it was not stored here.
#[derive(Debug, Clone, Copy)]
pub struct Foreign<'a> {
    /// The unique-id.
    pub unique_id: &'a [u8],
    /// Its place among the messages with this unique-id, from 0.
    pub occurrence: u32,
    /// When it was fetched, in seconds since 1970.
    pub time: u64,
    /// Its octets by the server's listing, if they are known.
    pub octets: Option<u64>,
    /// `skipped`, `imported:TOOL`…
    pub place: &'a str,
}

/// Whether a message of a maildrop is one that the record knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    Same,
    Other,
    /// Nothing is remembered that could tell.
    Unknown,
}

impl Record {
    /// Reads the record without locking it. Messages whose storing was not finished are not in it. A missing record is
    /// empty.
    pub fn read(state_dir: &Path, user: &str, host: &str, port: u16) -> Result<Self, Error> {
        let mut record = Self::new(state_dir, user, host, port);
        match File::open(&record.path) {
            Ok(file) => drop(record.load(&file)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => drop(record.take_over(|_, _| {})?),
            Err(error) => return Err(record.failure("read", &error)),
        }
        Ok(record)
    }

    /// Locks the record to write it: another process that has it is waited for at most `wait`.
    pub fn lock(
        state_dir: &Path,
        user: &str,
        host: &str,
        port: u16,
        wait: Duration,
    ) -> Result<Locked, Error> {
        let record = Self::new(state_dir, user, host, port);
        let state_dir = record.path.parent().unwrap_or(Path::new(".")).to_path_buf();
        disk::make_folder(&state_dir).map_err(|error| {
            Error::output(format_args!("cannot make the state folder {}", state_dir.display()), &error)
        })?;
        let lock = lock::take(&record.path.with_extension("lock"), &format!("{user}@{host}"), wait)?;
        Ok(Locked { record, lock, wait })
    }

    /// What is known of the message with this unique-id, occurrence and, where both are known, octets by the server's
    /// listing: with other octets it is another message.
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

    /// Whether anything is remembered under the unique-id and occurrence, whatever its octets.
    #[must_use]
    pub fn knows(&self, unique_id: &[u8], occurrence: u32) -> bool {
        self.index.get(&escape(unique_id), occurrence).is_some()
    }

    /// How many messages are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether no message is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The file of the record.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What a person should know: a torn end that was mended, steps that stay unfinished. Gives each once.
    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// Remembers messages that were not stored here, durably. Those that are known already stay as they are.
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

    /// Whether the message with these listed octets and header is the remembered one. A header of `None` was not to be
    /// had.
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

    /// Whether the remembered message has this content.
    pub(crate) fn has_content(&self, unique_id: &[u8], occurrence: u32, sha256: &Digest) -> bool {
        let known = self.index.get(&escape(unique_id), occurrence);
        known.is_some_and(|known| known.sha256 == Some(half(sha256)))
    }

    /// A word for the names of temporary files: random, and no other record's.
    pub(crate) fn nonce(&self) -> Option<&str> {
        self.appender.as_ref().map(|appender| appender.header.nonce.as_str())
    }

    /// The temporary files of unfinished steps, which must stay.
    pub(crate) fn temporaries(&self) -> &HashSet<PathBuf> {
        &self.temporaries
    }

    /// Adds entries. With `sync` they, and all before them, are durable on return.
    pub(crate) fn append<'a>(
        &mut self,
        entries: impl IntoIterator<Item: Borrow<Entry<'a>>>,
        sync: bool,
    ) -> Result<(), Error> {
        let Some(appender) = &mut self.appender else { return Ok(()) };
        let index = &mut self.index;
        let entries = entries.into_iter().inspect(|entry| index.apply(entry.borrow()));
        appender.append(entries, sync).map_err(|error| {
            Error::output(format_args!("cannot write the record {}", self.path.display()), &error)
        })
    }

    /// Makes everything that was added durable.
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
            temporaries: HashSet::new(),
            warnings: Vec::new(),
            appender: None,
        }
    }

    fn load(&mut self, file: &File) -> Result<(journal::Extent, Steps), Error> {
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        self.index = Index::default();
        self.index.reserve(usize::try_from(length / USUAL_MESSAGE).unwrap_or(0));
        let mut steps = Steps::default();
        let index = &mut self.index;
        let scanned = journal::scan(file, &self.account, |entry| {
            index.apply(&entry);
            steps.apply(&entry);
        });
        match scanned {
            Ok(extent) => Ok((extent, steps)),
            Err(unreadable) => Err(self.unreadable(&self.path, unreadable)),
        }
    }

    /// Reads the whole journal from its start; a record that does not exist has the entries of an earlier version's.
    fn scan_open(&self, file: Option<&File>, mut see: impl FnMut(Entry<'_>)) -> Result<(), Error> {
        use std::io::Seek as _;
        let Some(mut file) = file else { return self.scan_version1(see).map(drop) };
        file.rewind().map_err(|error| self.failure("read", &error))?;
        journal::scan(file, &self.account, &mut see)
            .map(drop)
            .map_err(|unreadable| self.unreadable(&self.path, unreadable))
    }

    /// Takes the messages of the record that an earlier version wrote for this user and host. Gives back whether there is
    /// one.
    fn take_over(&mut self, mut see: impl FnMut(&Self, &Entry<'_>)) -> Result<bool, Error> {
        let mut index = Index::default();
        let found = self.scan_version1(|entry| {
            index.apply(&entry);
            see(self, &entry);
        })?;
        self.index = index;
        Ok(found)
    }

    fn scan_version1(&self, see: impl FnMut(Entry<'_>)) -> Result<bool, Error> {
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
            Unreadable::Foreign => "is of another account or a later version of pop3".to_owned(),
        };
        let path = path.display();
        let message = format!(
            "the record {path} {what}; move it away to start anew (every message then counts as new)"
        );
        Error::new(ErrorKind::Output, message)
    }

    fn failure(&self, verb: &str, error: &io::Error) -> Error {
        Error::output(format_args!("cannot {verb} the record {}", self.path.display()), error)
    }
}

impl Locked {
    /// Opens the record. Mends what a power cut tore, and settles what a run left unfinished; what cannot be settled now
    /// stays as it is. `destination` is where this run stores.
    pub fn open(self, destination: Option<&Path>) -> Result<Record, Error> {
        let Self { mut record, lock, wait } = self;
        if !disk::exists(&record.path) {
            record.create()?;
        }
        let file = disk::own_options()
            .read(true)
            .write(true)
            .open(&record.path)
            .map_err(|error| record.failure("open", &error))?;
        let (extent, steps) = record.load(&file)?;
        if extent.torn {
            let path = record.path.display();
            record.warnings.push(format!("the record {path} was torn in its last line, and is mended"));
        }
        let appender = Appender::open(file, lock, &record.account, extent);
        record.appender = Some(appender.map_err(|error| record.failure("mend", &error))?);
        record.settle(steps, destination, wait)?;
        Ok(record)
    }

    /// Forgets everything, also where the record is damaged: every message then counts as new.
    pub fn clear(self) -> Result<(), Error> {
        // An empty record hides the one of an earlier version.
        self.record.create_empty()
    }
}

impl Record {
    /// Makes the journal, with what an earlier version remembered.
    fn create(&mut self) -> Result<(), Error> {
        let mut lines = Vec::new();
        self.take_over(|_, entry| {
            // Copied line by line: each is small.
            if let Entry::Done { .. } | Entry::Deleted { .. } = entry {
                lines.push(OwnedLine::of(entry));
            }
        })?;
        self.write_anew(new_nonce(), lines.iter().map(OwnedLine::entry))
            .map_err(|error| self.failure("write", &error))
    }

    fn create_empty(&self) -> Result<(), Error> {
        self.write_anew(new_nonce(), [].into_iter()).map_err(|error| self.failure("write", &error))
    }

    fn settle(&mut self, steps: Steps, destination: Option<&Path>, wait: Duration) -> Result<(), Error> {
        if steps.is_empty() {
            return Ok(());
        }
        let named: Vec<PathBuf> = steps.temporaries().map(Path::to_path_buf).collect();
        let mut open: Vec<String> = Vec::new();
        for (message, outcome) in steps.settle(destination, wait) {
            let Message { unique_id, occurrence, .. } = message.borrow();
            match outcome {
                Outcome::Stored(place) => {
                    let place = disk::path_octets(&place);
                    let entry = Entry::Done { message: message.borrow(), place: &escape(&place) };
                    self.append([entry], false)?;
                }
                Outcome::Void => self.append([Entry::Void { unique_id, occurrence }], false)?,
                Outcome::Open(why) if open.contains(&why) => {}
                Outcome::Open(why) => open.push(why),
            }
        }
        if !open.is_empty() {
            self.temporaries = named.into_iter().collect();
        }
        self.warnings.extend(
            open.into_iter().map(|why| format!("a message of an earlier run stays unfinished: {why}")),
        );
        self.sync()
    }
}

/// A `done` or `deleted` line of an earlier version.
enum OwnedLine {
    Done { unique_id: Vec<u8>, occurrence: u32, time: u64, deletion: Deletion, place: Vec<u8> },
    Deleted { unique_id: Vec<u8>, occurrence: u32, of: u32 },
}

impl OwnedLine {
    fn of(entry: &Entry<'_>) -> Self {
        match *entry {
            Entry::Done { ref message, place } => Self::Done {
                unique_id: message.unique_id.to_vec(),
                occurrence: message.occurrence,
                time: message.time,
                deletion: message.deletion,
                place: place.to_vec(),
            },
            Entry::Deleted { unique_id, occurrence, of } => {
                Self::Deleted { unique_id: unique_id.to_vec(), occurrence, of }
            }
            _ => Self::Deleted { unique_id: Vec::new(), occurrence: 0, of: 0 },
        }
    }

    fn entry(&self) -> Entry<'_> {
        match self {
            Self::Done { unique_id, occurrence, time, deletion, place } => Entry::Done {
                message: Message {
                    unique_id,
                    occurrence: *occurrence,
                    time: *time,
                    deletion: *deletion,
                    listed: None,
                    content: None,
                    header: None,
                },
                place,
            },
            Self::Deleted { unique_id, occurrence, of } => {
                Entry::Deleted { unique_id, occurrence: *occurrence, of: *of }
            }
        }
    }
}

/// Characters of a record's name before its port and hash.
const MAX_NAME: usize = 60;

/// Bytes of a journal that tell of one message, or fewer: mostly two lines.
const USUAL_MESSAGE: u64 = 720;
