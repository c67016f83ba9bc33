//! Lists the messages of a record without holding them in memory.

use std::{
    collections::HashMap,
    fs::File,
    hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState},
    io,
    ops::ControlFlow,
    path::Path,
};

use super::{
    Record, Remembered,
    journal::{Deletion, Entry},
    word::unescape,
};
use crate::delivery::error::Error;

impl Record {
    /// Calls `see` with every recorded message in the order of fetching, until `see` breaks. Reads the record without locking it;
    /// a missing record counts as empty.
    ///
    /// Messages are read from the file one at a time; only a few bytes of each are held in memory.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Output`](crate::delivery::ErrorKind::Output) if the record cannot be read or is damaged.
    pub fn list(
        state_dir: &Path,
        user: &str,
        host: &str,
        port: u16,
        mut see: impl FnMut(Remembered) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let record = Self::new(state_dir, user, host, port);
        // The file is opened once for both passes, because another run may replace it.
        let file = match File::open(&record.path) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(record.failure("read", &error)),
        };
        let mut last = Last::default();
        record.scan_open(file.as_ref(), |entry| last.apply(entry))?;
        let (rows, ascending) = last.rows();
        let mut rows = rows.into_iter().peekable();
        let mut held = Vec::new();
        let mut number = 0;
        let mut flow = ControlFlow::Continue(());
        record.scan_open(file.as_ref(), |entry| {
            let this = number;
            number += 1;
            let Entry::Done { message, place } = *entry else { return };
            let Some((_, deletion)) = rows.next_if(|(row, _)| *row == this) else { return };
            let row = Remembered {
                unique_id: unescape(message.unique_id).unwrap_or_default(),
                occurrence: message.occurrence,
                time: message.time,
                place: unescape(place).unwrap_or_default(),
                deleted: deletion == Deletion::Confirmed,
                pending_deletion: deletion == Deletion::Pending,
            };
            if !ascending {
                held.push(row);
            } else if flow.is_continue() {
                flow = see(row);
            }
        })?;
        // `held` is empty unless the entries are out of order because the clock was set back.
        held.sort_by_key(|row| row.time);
        let _ = held.into_iter().try_for_each(see);
        Ok(())
    }
}

/// The last valid entry of each message.
#[derive(Default)]
struct Last {
    hasher: RandomState,
    /// The number of the entry and the state of the deletion, by a 64-bit hash of unique-id and occurrence. The probability that
    /// two of a million messages collide is one in forty million.
    messages: HashMap<u64, (u32, Deletion), BuildHasherDefault<Identity>>,
    entries: u32,
    time: u64,
    descends: bool,
}

impl Last {
    fn apply(&mut self, entry: &Entry<'_>) {
        let number = self.entries;
        self.entries = self.entries.saturating_add(1);
        match *entry {
            Entry::Done { ref message, .. } => {
                let key = self.key(message.unique_id, message.occurrence);
                self.messages.insert(key, (number, message.deletion));
                self.descends |= message.time < self.time;
                self.time = message.time;
            }
            Entry::Deleted { unique_id, occurrence, of: 0 | 1 } => {
                self.set(unique_id, occurrence, Deletion::Confirmed);
            }
            Entry::Deleted { unique_id, occurrence, of } => {
                self.messages.remove(&self.key(unique_id, occurrence));
                for later in occurrence + 1..of {
                    if let Some(message) = self.messages.remove(&self.key(unique_id, later)) {
                        self.messages.insert(self.key(unique_id, later - 1), message);
                    }
                }
            }
            Entry::Listed { unique_id, occurrence, deletion, .. } => {
                self.set(unique_id, occurrence, deletion);
            }
            Entry::Forgotten { unique_id, occurrence } => {
                self.messages.remove(&self.key(unique_id, occurrence));
            }
            _ => {}
        }
    }

    fn set(&mut self, unique_id: &[u8], occurrence: u32, to: Deletion) {
        let key = self.key(unique_id, occurrence);
        if let Some((_, deletion)) = self.messages.get_mut(&key) {
            *deletion = to;
        }
    }

    fn key(&self, unique_id: &[u8], occurrence: u32) -> u64 {
        self.hasher.hash_one((unique_id, occurrence))
    }

    /// Returns the numbers of the entries in the order of the file, each with the state of the deletion, and whether their times
    /// ascend.
    fn rows(self) -> (Vec<(u32, Deletion)>, bool) {
        let mut rows: Vec<_> = self.messages.into_values().collect();
        rows.sort_unstable_by_key(|&(number, _)| number);
        (rows, !self.descends)
    }
}

/// A hasher for keys that are already hashes.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
