//! Locks a record and opens it for writing.

use std::{collections::BTreeSet, fs::File, path::Path, time::Duration};

use super::{
    Record,
    appender::Appender,
    compact::new_nonce,
    journal::{Deletion, Entry, Message},
    lock,
    recovery::Outcome,
    word::escape,
};
use crate::delivery::{error::Error, fs as disk};

/// A locked record that has not been read.
pub struct Locked {
    record: Record,
    lock: File,
    /// The time to wait for the lock of an mbox that an earlier run left half written.
    wait: Duration,
}

impl Record {
    /// Locks the record for writing. Waits up to `wait` if another process has locked it.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Busy`](crate::delivery::ErrorKind::Busy) if the other process does not release it,
    /// [`ErrorKind::Output`](crate::delivery::ErrorKind::Output) if the lock cannot be made.
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
}

impl Locked {
    /// Opens the record. Removes a last line that a power failure left incomplete, and recovers the operations that an earlier
    /// run left unfinished; an operation whose outcome cannot be determined yet stays unfinished. `destination` is the file or
    /// folder in which this run stores messages.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Output`](crate::delivery::ErrorKind::Output) if the record cannot be read or written, or
    /// is damaged.
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
        let (extent, operations) = record.load(&file)?;
        if extent.torn {
            let path = record.path.display();
            record
                .warnings
                .push(format!("the last line of the record {path} was incomplete and has been removed"));
        }
        let appender = Appender::open(file, lock, &record.account, extent);
        record.appender = Some(appender.map_err(|error| record.failure("repair", &error))?);
        record.unfinished = operations;
        record.recover(destination, wait)?;
        Ok(record)
    }

    /// Forgets all messages, even if the record is damaged: every message then counts as new.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Output`](crate::delivery::ErrorKind::Output) if the record cannot be written.
    pub fn clear(self) -> Result<(), Error> {
        // The file is emptied, not removed: otherwise the record of an earlier version would be imported again.
        self.record.create_empty()
    }
}

impl Record {
    /// Makes the journal, with the messages from the journal of an earlier version.
    fn create(&mut self) -> Result<(), Error> {
        let mut lines = Vec::new();
        self.take_over(|_, entry| {
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

    fn recover(&mut self, destination: Option<&Path>, wait: Duration) -> Result<(), Error> {
        if self.unfinished.is_empty() {
            return Ok(());
        }
        let mut open: Vec<String> = Vec::new();
        let mut torn = BTreeSet::new();
        for (message, outcome) in self.unfinished.recover(destination, wait) {
            let message = message.borrow();
            let Message { unique_id, occurrence, .. } = message;
            match outcome {
                Outcome::Stored(place) => {
                    let place = disk::path_bytes(&place);
                    self.append([Entry::Done { message, place: &escape(&place) }], false)?;
                }
                Outcome::Void => self.append([Entry::Void { unique_id, occurrence }], false)?,
                Outcome::Torn(mbox) => {
                    self.append([Entry::Void { unique_id, occurrence }], false)?;
                    torn.insert(mbox);
                }
                Outcome::Open(why) if open.contains(&why) => {}
                Outcome::Open(why) => open.push(why),
            }
        }
        self.warnings.extend(
            open.into_iter().map(|why| format!("a message of an earlier run remains unfinished: {why}")),
        );
        self.warnings.extend(torn.into_iter().map(|mbox| {
            format!(
                "{} contains a part of the messages that an interrupted run was storing, followed by other mail: it stays \
                 there, and these messages are fetched again",
                mbox.display()
            )
        }));
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
