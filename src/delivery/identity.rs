//! Compares a message on the server with the stored one: its listed size and a hash of its header.

use std::collections::{HashMap, HashSet};

use memchr::memchr;
use sha2::{Digest as _, Sha256};

use super::record::{Identity, Record, journal::Digest};
use crate::{
    Error,
    proto::{MessageNumber, UniqueId},
    session::{Reply, Transaction},
};

/// A message that is about to be deleted without having been retrieved in this session.
///
/// Exhaustive on purpose: the deletion depends on every field, so the caller must set each of them.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The message-number.
    pub number: MessageNumber,
    /// The unique-id.
    pub unique_id: &'a UniqueId,
    /// The position among the messages with this unique-id, from 0.
    pub occurrence: u32,
    /// The size in octets in the server's listing.
    pub octets: Option<u64>,
}

/// The candidates, grouped by the result of the comparison.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Verified {
    /// Messages that were stored and have not changed.
    pub same: HashSet<MessageNumber>,
    /// Other messages with reused unique-ids: their sizes or headers differ. If the server sends different headers in response to
    /// `TOP` and to `RETR`, unchanged messages are among them.
    pub other: HashSet<MessageNumber>,
    /// Messages without proof: they were skipped, imported, or fetched by an earlier version.
    pub unproven: HashSet<MessageNumber>,
    /// Messages for which the server refused `TOP`, although it supports the command, with the error.
    pub refused: Vec<(MessageNumber, Error)>,
}

/// Compares messages with the record: their sizes and, if the server supports `TOP` (RFC 1939 §7), their headers.
///
/// # Errors
///
/// Returns the errors of the session. A refused `TOP` is not an error.
pub fn verify<'a>(
    transaction: &mut Transaction,
    record: &Record,
    candidates: impl IntoIterator<Item = Candidate<'a>>,
) -> Result<Verified, Error> {
    let mut verified = Verified::default();
    let mut asked = Vec::new();
    for candidate in candidates {
        let Candidate { number, unique_id, occurrence, octets } = candidate;
        match record.identify(unique_id.as_bytes(), occurrence, octets, None) {
            Identity::Same => asked.push(candidate),
            Identity::Other => drop(verified.other.insert(number)),
            Identity::Unknown => drop(verified.unproven.insert(number)),
        }
    }
    let Headers { hashes, refused, supported } =
        headers(transaction, asked.iter().map(|candidate| candidate.number))?;
    if supported {
        verified.refused = refused;
    }
    for Candidate { number, unique_id, occurrence, octets } in asked {
        let header = hashes.get(&number);
        if header.is_none() && supported {
            continue;
        }
        let set = match record.identify(unique_id.as_bytes(), occurrence, octets, header) {
            Identity::Same => &mut verified.same,
            Identity::Other => &mut verified.other,
            Identity::Unknown => &mut verified.unproven,
        };
        set.insert(number);
    }
    Ok(verified)
}

/// The responses to `TOP`.
#[derive(Default)]
struct Headers {
    hashes: HashMap<MessageNumber, Digest>,
    refused: Vec<(MessageNumber, Error)>,
    /// True if the server supports `TOP`: it announced the command, sent a header, or refused the command with a response code,
    /// which a server without the command does not send.
    supported: bool,
}

fn headers(
    transaction: &mut Transaction,
    numbers: impl Iterator<Item = MessageNumber>,
) -> Result<Headers, Error> {
    let mut headers = Headers { supported: transaction.announces_top(), ..Headers::default() };
    let mut tops = transaction.top_all(numbers, 0);
    tops.finish();
    while let Some(reply) = tops.next()? {
        match reply {
            Reply::Message(number, mut message) => {
                let mut hash = HeaderHash::default();
                while let Some(bytes) = message.chunk()? {
                    hash.update(bytes);
                }
                headers.hashes.insert(number, hash.finish());
                headers.supported = true;
            }
            Reply::Refused { number, error, .. } => {
                headers.supported |= error.response_code().is_some();
                headers.refused.push((number, error));
            }
            Reply::Marked(_) | Reply::Vouched => {}
        }
    }
    Ok(headers)
}

/// The SHA-256 of a message's header, which is every line before the empty line. Some servers omit the empty line of
/// a message without a body.
#[derive(Debug, Clone)]
pub(crate) struct HeaderHash {
    hash: Sha256,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    LineStart,
    /// After a CR at the beginning of a line.
    HeldCr,
    Within,
    Ended,
}

impl Default for HeaderHash {
    fn default() -> Self {
        Self { hash: Sha256::new(), state: State::LineStart }
    }
}

impl HeaderHash {
    /// Adds bytes of the message as received, in pieces of any size.
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        while let Some(&first) = bytes.first() {
            match (self.state, first) {
                (State::Ended, _) => return,
                (State::LineStart | State::HeldCr, b'\n') => self.state = State::Ended,
                (State::LineStart, b'\r') => {
                    self.state = State::HeldCr;
                    bytes = &bytes[1..];
                }
                (State::HeldCr, _) => {
                    self.hash.update(b"\r");
                    self.state = State::Within;
                }
                (State::LineStart | State::Within, _) => {
                    let end = memchr(b'\n', bytes);
                    let line = end.map_or(bytes.len(), |at| at + 1);
                    self.hash.update(&bytes[..line]);
                    self.state = if end.is_some() { State::LineStart } else { State::Within };
                    bytes = &bytes[line..];
                }
            }
        }
    }

    pub(crate) fn finish(self) -> Digest {
        self.hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(octets: &[u8], piece: usize) -> Digest {
        let mut hash = HeaderHash::default();
        octets.chunks(piece).for_each(|octets| hash.update(octets));
        hash.finish()
    }

    #[test]
    fn the_header_ends_at_the_empty_line() {
        let header = Sha256::digest(b"a: b\r\n\rc: d\r\ne\r\n");
        for message in [
            &b"a: b\r\n\rc: d\r\ne\r\n"[..],
            b"a: b\r\n\rc: d\r\ne\r\n\r\n",
            b"a: b\r\n\rc: d\r\ne\r\n\r\nbody\r\n\r\n",
        ] {
            for piece in 1..=message.len() {
                assert_eq!(hash(message, piece)[..], header[..], "{}", message.escape_ascii());
            }
        }
        assert_eq!(hash(b"\r\nbody", 3)[..], Sha256::digest(b"")[..]);
        assert_ne!(hash(b"a: b\r\n", 3), hash(b"a: c\r\n", 3));
    }
}
