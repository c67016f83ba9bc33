//! Header fields (RFC 5322 §2.2): splitting and unfolding.

use crate::bytes::strip_bom;
use std::borrow::Cow;

use super::{
    Date, Mailbox, address,
    charset::{RawText, decode_raw},
    comment,
    encoded_word::decode_words,
};

/// A field of a header.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    name: &'a str,
    /// The folded text after the colon, with its line ends.
    body: &'a [u8],
}

impl<'a> Field<'a> {
    fn new(field: &'a [u8]) -> Option<Self> {
        let colon = memchr::memchr2(b':', b'\n', field).filter(|&at| field[at] == b':')?;
        // RFC 5322 §4.5: obsolete syntax allows white space before the colon.
        let name = field[..colon].trim_ascii_end();
        if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        Some(Self { name: str::from_utf8(name).ok()?, body: &field[colon + 1..] })
    }

    /// Returns the name as written in the message. Names are case-insensitive.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// Returns the body, unfolded (RFC 5322 §2.2.3) and decoded, without white space at its ends.
    #[must_use]
    pub fn text(&self) -> String {
        let body = unfolded(self.body);
        let RawText { text, .. } = decode_raw(&body);
        match decode_words(&text) {
            Cow::Borrowed(_) => text.into_owned(),
            Cow::Owned(decoded) => decoded,
        }
    }

    /// Returns the body as a date; see [`Date::parse`].
    #[must_use]
    pub fn date(&self) -> Option<Date> {
        Date::parse(str::from_utf8(self.body).ok()?)
    }

    /// Returns the body as a list of addresses; see [`mailboxes`](super::mailboxes).
    #[must_use]
    pub fn mailboxes(&self) -> Vec<Mailbox> {
        let mut list = Vec::new();
        self.add_mailboxes(&mut list);
        list
    }

    pub(super) fn add_mailboxes(&self, list: &mut Vec<Mailbox>) {
        let body = unfolded(self.body);
        let RawText { text, is_utf8 } = decode_raw(&body);
        address::add(&text, is_utf8, list);
    }

    /// Returns the first message identifier (RFC 5322 §3.6.4) without white space, which some mailers insert when
    /// folding.
    ///
    /// ```text
    /// "<1@example.org> (comment)" → "1@example.org"     "1@example.org" → "1@example.org"
    /// ```
    pub(super) fn message_id(&self) -> String {
        let body = unfolded(self.body);
        let text = decode_raw(&body).text;
        let mut id = text.trim_ascii_start();
        while id.starts_with('(')
            && let Some(length) = comment::length(id.as_bytes())
        {
            id = id[length..].trim_ascii_start();
        }
        let id = id.split_once('<').map_or(id, |(_, id)| id);
        let id = id.split_once('>').map_or(id, |(id, _)| id);
        id.split_ascii_whitespace().collect()
    }
}

/// The fields of a header.
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// Ignores a byte order mark before the first field, which some mailers (Office 365) write.
    pub(super) fn new(header: &'a [u8]) -> Self {
        Self(strip_bom(header))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        while !self.0.is_empty() {
            let (field, rest) = self.0.split_at(end_of_field(self.0));
            self.0 = rest;
            if let Some(field) = Field::new(field) {
                return Some(field);
            }
        }
        None
    }
}

fn end_of_field(header: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', header)
        .map(|at| at + 1)
        .find(|&next| !matches!(header.get(next), Some(b' ' | b'\t')))
        .unwrap_or(header.len())
}

/// Splits a message into header and body. The empty line between them belongs to neither; without it, the body is
/// empty.
pub(super) fn split(message: &[u8]) -> (&[u8], &[u8]) {
    let mut lines = Lines(message);
    loop {
        let before = lines.0;
        match lines.next() {
            None => return (message, &[]),
            Some([]) => return (&message[..message.len() - before.len()], lines.0),
            Some(_) => {}
        }
    }
}

/// Iterates over lines without their ends, which are CRLF or LF. A bare CR is an ordinary character.
#[derive(Clone)]
pub(super) struct Lines<'a>(&'a [u8]);

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self(text)
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', self.0);
        let line = &self.0[..end.unwrap_or(self.0.len())];
        self.0 = &self.0[end.map_or(self.0.len(), |end| end + 1)..];
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

/// Unfolds the body of a field, and removes white space at its ends. A tab at the start of a folded line becomes a
/// space, since some mailers fold that way. The space of a fold within a character is dropped.
fn unfolded(body: &[u8]) -> Cow<'_, [u8]> {
    let body = body.trim_ascii();
    if memchr::memchr(b'\n', body).is_none() {
        return Cow::Borrowed(body);
    }
    let mut unfolded = Vec::with_capacity(body.len());
    for line in Lines(body) {
        match line {
            [b' ' | b'\t', rest @ ..] if is_cut_character(&unfolded, rest) => {
                unfolded.extend_from_slice(rest);
            }
            [b'\t', rest @ ..] if !unfolded.is_empty() => {
                unfolded.push(b' ');
                unfolded.extend_from_slice(rest);
            }
            _ => unfolded.extend_from_slice(line),
        }
    }
    Cow::Owned(unfolded)
}

/// Returns true if a UTF-8 character begins in `before` and ends in `after`.
fn is_cut_character(before: &[u8], after: &[u8]) -> bool {
    let end = &before[before.len().saturating_sub(3)..];
    let Some(start) = end.iter().rposition(|&byte| !is_continuation(byte)) else { return false };
    let begun = &end[start..];
    let length = begun[0].leading_ones() as usize;
    let mut character = [0; 4];
    if !(2..=4).contains(&length) || begun.len() >= length {
        return false;
    }
    let Some(missing) = after.get(..length - begun.len()) else { return false };
    character[..begun.len()].copy_from_slice(begun);
    character[begun.len()..length].copy_from_slice(missing);
    str::from_utf8(&character[..length]).is_ok()
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}
