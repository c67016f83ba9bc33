//! Message-numbers, unique-ids and listings as values that are valid by construction.

use std::{borrow::Borrow, fmt, num::NonZeroU32};

use thiserror::Error;

/// A message-number: the position of a message in the maildrop during one session, from 1 (RFC 1939 §5).
///
/// ```
/// use pop3::proto::MessageNumber;
/// assert_eq!(MessageNumber::new(0), None);
/// assert_eq!(MessageNumber::new(7).unwrap().to_string(), "7");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageNumber(NonZeroU32);

impl MessageNumber {
    /// Returns the message-number, or `None` if `number` is 0.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// Returns the number, which is at least 1.
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

/// A unique-id (RFC 1939 §7): the server's permanent identifier of a message, opaque to clients.
///
/// RFC 1939 allows 1 to 70 characters from `!` to `~`. Real servers send other unique-ids too, so any nonempty rest
/// of a listing line is accepted. A unique-id contains no line feed, and no white space at its ends.
///
/// ```
/// use pop3::proto::UniqueId;
/// let unique_id = UniqueId::try_from("whqtswO00WBw418f9t5JxYwZ").unwrap();
/// assert_eq!(unique_id.as_bytes(), b"whqtswO00WBw418f9t5JxYwZ");
/// assert_eq!(format!("{unique_id:?}"), "UniqueId(\"whqtswO00WBw418f9t5JxYwZ\")");
/// assert!(UniqueId::try_from("").is_err());
/// assert!(UniqueId::try_from(" a ").is_err());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UniqueId(Box<[u8]>);

/// The bytes are not a [`UniqueId`]: they are empty, contain a line feed, or begin or end with white space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a unique-id: empty, or with a line feed, or with white space at its ends")]
#[non_exhaustive]
pub struct InvalidUniqueId;

impl UniqueId {
    /// Returns the bytes of the unique-id. They are untrusted: escape them before printing them to a terminal.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<&[u8]> for UniqueId {
    type Error = InvalidUniqueId;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidUniqueId> {
        if bytes.is_empty() || bytes.trim_ascii().len() != bytes.len() || bytes.contains(&b'\n') {
            return Err(InvalidUniqueId);
        }
        Ok(Self(bytes.into()))
    }
}

impl TryFrom<&str> for UniqueId {
    type Error = InvalidUniqueId;

    fn try_from(text: &str) -> Result<Self, InvalidUniqueId> {
        Self::try_from(text.as_bytes())
    }
}

impl AsRef<[u8]> for UniqueId {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Borrow<[u8]> for UniqueId {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UniqueId(\"{}\")", self.0.escape_ascii())
    }
}

/// A drop listing, the response to `STAT` (RFC 1939 §5): `+OK 2 320`.
///
/// Exhaustive because RFC 1939 defines two fields and lets clients ignore the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DropListing {
    /// The number of messages in the maildrop, without those marked as deleted.
    pub messages: u32,
    /// The total size of the messages in octets, as the server computes it.
    pub octets: u64,
}

/// A scan listing, one line of the response to `LIST` (RFC 1939 §5): `1 120`.
///
/// Exhaustive because RFC 1939 defines two fields and lets clients ignore the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanListing {
    /// The message.
    pub number: MessageNumber,
    /// The size in octets, as the server computes it; `RETR` may send a different number of bytes.
    pub octets: u64,
}

/// A unique-id listing, one line of the response to `UIDL` (RFC 1939 §7): `1 whqtswO00WBw418f9t5JxYwZ`.
///
/// Exhaustive because RFC 1939 defines two fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UniqueIdListing {
    /// The message.
    pub number: MessageNumber,
    /// The unique-id of the message.
    pub unique_id: UniqueId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unique_id_is_the_rest_of_a_line() {
        for valid in ["a", "a b@c", "\u{e9}", "a\0b", "a\rb", "../x"] {
            assert_eq!(UniqueId::try_from(valid).unwrap().as_bytes(), valid.as_bytes());
        }
        for invalid in ["", " ", " a", "a ", "a\t", "\ra", "a\n", "a\nb"] {
            assert_eq!(UniqueId::try_from(invalid), Err(InvalidUniqueId), "{invalid:?}");
        }
    }
}
