//! The messages of a record in memory.

use std::{borrow::Cow, collections::HashMap};

use super::journal::{Deletion, Digest, Entry, Message};

/// The record's data about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fetched {
    /// The time of fetching, in seconds since 1970.
    pub time: i64,
    /// True if the message was stored to be deleted, but the server has not confirmed the deletion.
    pub pending_deletion: bool,
    /// True if the server confirmed the deletion, or did not list the message in a later session: the unique-id may
    /// now belong to another message.
    pub gone: bool,
    /// True if this program stored the message, so that deleting it loses nothing. False for skipped and imported
    /// messages.
    pub stored: bool,
}

/// The first 128 bits of a SHA-256 hash. Half a hash is enough to compare, and saves memory.
pub(crate) type Half = [u8; 16];

pub(crate) fn half(digest: &Digest) -> Half {
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    half
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) time: u64,
    pub(crate) deletion: Deletion,
    pub(crate) listed: Option<u64>,
    pub(crate) sha256: Option<Half>,
    pub(crate) header: Option<Half>,
    /// The time of the first session without the message, if the server no longer lists it.
    pub(crate) absent: Option<u64>,
    /// True if the server listed the message in this session.
    seen: bool,
}

impl Known {
    /// Returns true if the server's message can be compared with this one. Skipped and imported messages have no header hash.
    pub(crate) fn is_comparable(&self) -> bool {
        self.listed.is_some() && self.header.is_some()
    }
}

/// Messages by unique-id (escaped) and occurrence: 0 for the first message with a unique-id, 1 for the second…
#[derive(Default)]
pub(crate) struct Index {
    known: HashMap<Box<[u8]>, Known>,
    /// The number of recorded messages that are missing here.
    missing: usize,
    /// The times of sessions without errors, in ascending order.
    sessions: Vec<u64>,
}

impl Index {
    pub(crate) fn reserve(&mut self, messages: usize) {
        self.known.reserve(messages);
    }

    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// Returns the number of recorded messages that are missing here, see [`update`](Self::update).
    pub(crate) fn missing(&self) -> usize {
        self.missing
    }

    pub(crate) fn get(&self, unique_id: &[u8], occurrence: u32) -> Option<&Known> {
        self.known.get(&*key(unique_id, occurrence))
    }

    pub(crate) fn last_session(&self) -> Option<u64> {
        self.sessions.last().copied()
    }

    pub(crate) fn sessions_since(&self, time: u64) -> usize {
        self.sessions.iter().filter(|&&session| session > time).count()
    }

    /// Applies an entry. Entries of unfinished operations do not change the index.
    pub(crate) fn apply(&mut self, entry: &Entry<'_>) {
        match *entry {
            Entry::Done { ref message, .. } | Entry::Stored { ref message, .. } => self.insert(message),
            Entry::Deleted { unique_id, occurrence, of } => self.delete(unique_id, occurrence, of),
            Entry::Absent { unique_id, occurrence, time } => {
                self.change(unique_id, occurrence, |known| known.absent = Some(time));
            }
            Entry::Present { unique_id, occurrence } => {
                self.change(unique_id, occurrence, |known| known.absent = None);
            }
            Entry::Listed { unique_id, occurrence, octets, deletion } => {
                self.change(unique_id, occurrence, |known| {
                    known.listed = Some(octets);
                    known.deletion = deletion;
                    known.absent = None;
                });
            }
            Entry::Forgotten { unique_id, occurrence } => {
                self.known.remove(&*key(unique_id, occurrence));
            }
            Entry::Session { time } => self.sessions.push(time),
            Entry::File { .. } | Entry::Append(_) | Entry::Pages(_) | Entry::Part(_) | Entry::Void { .. } => {
            }
        }
    }

    /// Applies an entry, but does not add a message that is not there: in a run that stores many messages, they would take most of
    /// the memory, and the run has no use for them.
    pub(crate) fn update(&mut self, entry: &Entry<'_>) {
        match entry {
            Entry::Done { message, .. } | Entry::Stored { message, .. }
                if self.get(message.unique_id, message.occurrence).is_none() =>
            {
                self.missing += 1;
            }
            entry => self.apply(entry),
        }
    }

    fn insert(&mut self, message: &Message<'_>) {
        let known = Known {
            time: message.time,
            deletion: message.deletion,
            listed: message.listed,
            sha256: message.content.as_ref().map(|content| half(&content.sha256)),
            header: message.header.as_ref().map(half),
            absent: None,
            seen: false,
        };
        self.known.insert(key(message.unique_id, message.occurrence).into(), known);
    }

    /// Deletes one of `of` messages with the same unique-id: the occurrences of later messages decrease by one.
    fn delete(&mut self, unique_id: &[u8], occurrence: u32, of: u32) {
        if of <= 1 {
            return self.change(unique_id, occurrence, |known| known.deletion = Deletion::Confirmed);
        }
        self.known.remove(&*key(unique_id, occurrence));
        for later in occurrence + 1..of {
            if let Some(known) = self.known.remove(&*key(unique_id, later)) {
                self.known.insert(key(unique_id, later - 1).into(), known);
            }
        }
    }

    fn change(&mut self, unique_id: &[u8], occurrence: u32, change: impl FnOnce(&mut Known)) {
        if let Some(known) = self.known.get_mut(&*key(unique_id, occurrence)) {
            change(known);
        }
    }

    /// Marks a message as listed by the server, and returns the record's data about it.
    pub(crate) fn see(&mut self, unique_id: &[u8], occurrence: u32) -> Option<Known> {
        let known = self.known.get_mut(&*key(unique_id, occurrence))?;
        known.seen = true;
        Some(*known)
    }

    /// Returns all messages: unique-id (escaped), occurrence and data.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], u32, &Known)> {
        self.known.iter().map(|(key, known)| {
            let (unique_id, occurrence) = split(key);
            (unique_id, occurrence, known)
        })
    }

    /// Returns the messages that the server did not list in this session: unique-id (escaped), occurrence and data.
    pub(crate) fn unseen(&self) -> impl Iterator<Item = (&[u8], u32, &Known)> {
        self.known.iter().filter(|(_, known)| !known.seen).map(|(key, known)| {
            let (unique_id, occurrence) = split(key);
            (unique_id, occurrence, known)
        })
    }

    /// Removes the message of a `done` line and returns it with its current occurrence, or `None` if the message was forgotten or
    /// a later line replaced it. An occurrence only ever decreases, so the search starts at that of the line.
    pub(crate) fn take(&mut self, message: &Message<'_>) -> Option<(u32, Known)> {
        let sha256 = message.content.as_ref().map(|content| half(&content.sha256));
        (0..=message.occurrence).rev().find_map(|occurrence| {
            let key = key(message.unique_id, occurrence);
            self.known.get(&*key).filter(|known| known.time == message.time && known.sha256 == sha256)?;
            Some((occurrence, self.known.remove(&*key)?))
        })
    }

    pub(crate) fn sessions(&self) -> &[u64] {
        &self.sessions
    }
}

/// Returns the key of a message. Keys are distinct because an escaped unique-id contains no space.
pub(super) fn key(unique_id: &[u8], occurrence: u32) -> Cow<'_, [u8]> {
    if occurrence == 0 {
        return Cow::Borrowed(unique_id);
    }
    [unique_id, format!(" {occurrence}").as_bytes()].concat().into()
}

fn split(key: &[u8]) -> (&[u8], u32) {
    let Some(at) = key.iter().rposition(|&byte| byte == b' ') else { return (key, 0) };
    let occurrence = std::str::from_utf8(&key[at + 1..]).ok().and_then(|word| word.parse().ok());
    (&key[..at], occurrence.unwrap_or(0))
}
