//! The fields of a journal's line.

use std::borrow::Cow;

use memchr::memchr;

use super::entry::MAX_OCCURRENCES;
use crate::bytes::{percent_decode, percent_encode};

/// Escapes bytes as a word: `%`, spaces and everything that is not printable ASCII become `%XX`; an empty word becomes `%`.
pub(crate) fn escape(bytes: &[u8]) -> Cow<'_, [u8]> {
    let plain = |byte: u8| matches!(byte, b'!'..=b'~') && byte != b'%';
    if !bytes.is_empty() && bytes.iter().copied().all(plain) {
        return Cow::Borrowed(bytes);
    }
    let mut word: Vec<u8> = percent_encode(bytes, plain).collect();
    if word.is_empty() {
        word.push(b'%');
    }
    Cow::Owned(word)
}

pub(crate) fn unescape(word: &[u8]) -> Option<Vec<u8>> {
    if memchr(b'%', word).is_none() {
        return Some(word.to_vec());
    }
    if word == b"%" { Some(Vec::new()) } else { percent_decode(word) }
}

/// The fields of a line, separated by single spaces.
pub(super) struct Fields<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(line: &'a [u8]) -> Self {
        Self { rest: Some(line) }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        let Some(at) = memchr(b' ', rest) else { return self.rest.take() };
        self.rest = Some(&rest[at + 1..]);
        Some(&rest[..at])
    }
}

pub(crate) fn field(line: &mut Vec<u8>, bytes: &[u8]) {
    line.push(b' ');
    line.extend_from_slice(bytes);
}

pub(crate) fn number(line: &mut Vec<u8>, number: u64) {
    field(line, number.to_string().as_bytes());
}

/// Parses a field that may be `-`, which means no value.
#[allow(clippy::option_option, reason = "an absent value is a value")]
pub(crate) fn flag<T>(word: &[u8], parse: impl FnOnce(&[u8]) -> Option<T>) -> Option<Option<T>> {
    if word == b"-" { Some(None) } else { parse(word).map(Some) }
}

pub(crate) fn parse_number(word: &[u8]) -> Option<u64> {
    if word.is_empty() || word.len() > 20 {
        return None;
    }
    word.iter().try_fold(0_u64, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

/// Parses an occurrence or a number of occurrences, both limited by [`MAX_OCCURRENCES`].
pub(crate) fn parse_small(word: &[u8]) -> Option<u32> {
    parse_number(word)?.try_into().ok().filter(|&number| number <= MAX_OCCURRENCES)
}
