//! The protocol's words as values.

use std::{fmt, num::NonZeroU32};

/// A message-number: the place of a message in the maildrop for the length of one session, from 1 (RFC 1939 §5).
///
/// ```
/// use pop3::proto::MessageNumber;
/// assert_eq!(MessageNumber::new(0), None);
/// assert_eq!(MessageNumber::new(7).unwrap().to_string(), "7");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageNumber(NonZeroU32);

impl MessageNumber {
    /// The number, unless it is 0.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number as an integer, 1 or more.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for MessageNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A unique-id (RFC 1939 §7): the server's lasting name of a message, octets that mean nothing to a client.
///
/// RFC 1939 allows 1 to 70 characters from `!` to `~`; real servers send more, so it holds whatever stood in the
/// listing up to the end of the line, and never white space at its ends.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UniqueId(Box<[u8]>);

impl UniqueId {
    /// The unique-id's octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for UniqueId {
    fn from(octets: &[u8]) -> Self {
        Self(octets.into())
    }
}

impl fmt::Debug for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UniqueId(\"{}\")", self.0.escape_ascii())
    }
}

/// A drop listing, the answer to `STAT` (RFC 1939 §5): `+OK 2 320`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DropListing {
    /// How many messages the maildrop holds; those marked as deleted are not counted.
    pub messages: u32,
    /// Their size in octets, by the server's reckoning.
    pub octets: u64,
}

/// A scan listing, one line of the answer to `LIST` (RFC 1939 §5): `1 120`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanListing {
    /// Which message.
    pub number: MessageNumber,
    /// Its size in octets by the server's reckoning, which need not be what `RETR` sends.
    pub octets: u64,
}

/// A unique-id listing, one line of the answer to `UIDL` (RFC 1939 §7): `1 whqtswO00WBw418f9t5JxYwZ`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UniqueIdListing {
    /// Which message.
    pub number: MessageNumber,
    /// Its unique-id.
    pub unique_id: UniqueId,
}
