//! What was fetched, in a few octets a message.

use std::{
    collections::HashMap,
    hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState},
};

use super::journal::Message;

/// When a message was fetched, and whether it waits for its deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetched {
    /// Seconds since 1970.
    pub time: i64,
    /// A `fetch --delete --commit` stored it, and no server ever confirmed that it was deleted.
    pub pending_deletion: bool,
}

/// Messages by unique-id and occurrence (0 for the first message with it, 1 for the second…).
///
/// Only a hash of 92 bits is kept of a unique-id, with keys of this process: nobody can make two meet.
#[derive(Default)]
pub(crate) struct Index {
    known: HashMap<u64, Known, BuildHasherDefault<Itself>>,
    states: [RandomState; 2],
}

/// A unique-id with its occurrence, hashed by this process' own keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key([u64; 2]);

/// A table whose keys need no hash but themselves.
pub(crate) type ByKey<T> = HashMap<Key, T, BuildHasherDefault<Itself>>;

#[derive(Default)]
pub(crate) struct Itself(u64);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0[0]);
    }
}

impl Hasher for Itself {
    fn write(&mut self, octets: &[u8]) {
        // A key comes as the number below.
        for &octet in octets {
            self.0 = self.0.rotate_left(8) ^ u64::from(octet);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// What is known of a message in eight octets, as there may be 100,000: two flags, 34 bits for the seconds (until the
/// year 2514), and above them as much of the key as has room.
#[derive(Clone, Copy)]
struct Known(u64);

impl Known {
    const PENDING_DELETION: u64 = 1;
    const LISTED: u64 = 2;
    const FLAGS: u32 = 2;
    const TIME: u32 = 34;
    /// Seconds that do not fit stand for the end of time.
    const LATEST: u64 = (1 << Self::TIME) - 1;

    fn new(key: Key, time: u64, pending_deletion: bool) -> Self {
        let check = key.0[1] >> (Self::FLAGS + Self::TIME) << (Self::FLAGS + Self::TIME);
        Self(check | time.min(Self::LATEST) << Self::FLAGS | u64::from(pending_deletion))
    }

    /// Whether it is of this key, whose other half led to it.
    fn is_of(self, key: Key) -> bool {
        (self.0 ^ key.0[1]) >> (Self::FLAGS + Self::TIME) == 0
    }

    fn time(self) -> u64 {
        self.0 >> Self::FLAGS & Self::LATEST
    }

    fn pending_deletion(self) -> bool {
        self.0 & Self::PENDING_DELETION != 0
    }

    fn listed(self) -> bool {
        self.0 & Self::LISTED != 0
    }
}

impl Index {
    pub(crate) fn get(&self, unique_id: &[u8], occurrence: u32) -> Option<Fetched> {
        let known = self.of(self.key(unique_id, occurrence))?;
        Some(Fetched { time: known.time().cast_signed(), pending_deletion: known.pending_deletion() })
    }

    pub(crate) fn insert(&mut self, message: &Message<'_>) {
        let key = self.key(message.unique_id, message.occurrence);
        self.known.insert(key.0[0], Known::new(key, message.time, message.delete));
    }

    /// Room for so many, so that the table need not grow while they come.
    pub(crate) fn reserve(&mut self, messages: usize) {
        self.known.reserve(messages);
    }

    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// The server confirmed the deletion of one of `of` messages with this unique-id. The others move up; a single
    /// one stays known, for servers that confirm and keep it all the same.
    pub(crate) fn delete(&mut self, unique_id: &[u8], occurrence: u32, of: u32) {
        if of <= 1 {
            if let Some(known) = self.of_mut(self.key(unique_id, occurrence)) {
                known.0 &= !Known::PENDING_DELETION;
            }
            return;
        }
        self.remove(self.key(unique_id, occurrence));
        for later in occurrence + 1..of {
            if let Some(known) = self.remove(self.key(unique_id, later)) {
                let key = self.key(unique_id, later - 1);
                self.known.insert(key.0[0], Known::new(key, known.time(), known.pending_deletion()));
            }
        }
    }

    /// The server lists this message.
    pub(crate) fn list(&mut self, unique_id: &[u8], occurrence: u32) {
        if let Some(known) = self.of_mut(self.key(unique_id, occurrence)) {
            known.0 |= Known::LISTED;
        }
    }

    /// How many of those known the server lists.
    pub(crate) fn listed(&self) -> usize {
        self.known.values().filter(|known| known.listed()).count()
    }

    /// Takes out the listed message that an entry of the journal tells of, with its occurrence and whether it waits for
    /// its deletion; `None` where another entry tells of it, or none shall. Messages move up only, so the entry's own occurrence is the highest that it can be.
    pub(crate) fn take(&mut self, unique_id: &[u8], occurrence: u32, time: u64) -> Option<(u32, bool)> {
        (0..=occurrence).rev().find_map(|occurrence| {
            let key = self.key(unique_id, occurrence);
            let known =
                self.of(key).filter(|known| known.time() == time.min(Known::LATEST) && known.listed())?;
            self.remove(key);
            Some((occurrence, known.pending_deletion()))
        })
    }

    pub(crate) fn key(&self, unique_id: &[u8], occurrence: u32) -> Key {
        Key(self.states.each_ref().map(|state| {
            let mut hasher = state.build_hasher();
            hasher.write(unique_id);
            hasher.write_u32(occurrence);
            hasher.finish()
        }))
    }

    fn of(&self, key: Key) -> Option<Known> {
        self.known.get(&key.0[0]).copied().filter(|known| known.is_of(key))
    }

    fn of_mut(&mut self, key: Key) -> Option<&mut Known> {
        self.known.get_mut(&key.0[0]).filter(|known| known.is_of(key))
    }

    fn remove(&mut self, key: Key) -> Option<Known> {
        self.of(key)?;
        self.known.remove(&key.0[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_key_is_not_enough() {
        let (one, other) = (Key([7, 1 << 40]), Key([7, 2 << 40]));
        let mut index = Index::default();
        index.known.insert(7, Known::new(one, 1_795_341_600, true));
        assert!(index.of(other).is_none() && index.of_mut(other).is_none() && index.remove(other).is_none());
        let known = index.remove(one).unwrap();
        assert_eq!((known.time(), known.pending_deletion(), known.listed()), (1_795_341_600, true, false));
    }

    #[test]
    fn no_time_spills_over() {
        let key = Key([u64::MAX; 2]);
        let known = Known::new(key, u64::MAX, false);
        assert!(known.is_of(key) && !known.pending_deletion() && !known.listed());
        assert_eq!(known.time(), Known::LATEST);
        assert!(!Known::new(Key([0; 2]), u64::MAX, false).is_of(key));
    }
}
