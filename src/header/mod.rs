//! Header fields: dates, addresses, encoded words, charsets (RFC 5322, RFC 2047).
//!
//! ```
//! let header = pop3::header::parse(
//!     b"From: =?iso-8859-1?Q?Ren=E9?= <rene@example.org>\r\nSubject: =?utf-8?B?Y2Fmw6k=?=\r\n\r\nbody",
//!     false,
//! );
//! assert_eq!(header.subject.as_deref(), Some("café"));
//! assert_eq!(header.from.unwrap()[0].name.as_deref(), Some("René"));
//! ```
//!
//! Any input is accepted: parsing takes linear time and never panics.

mod address;
mod charset;
mod date;
mod encoded_word;

use std::borrow::Cow;

pub use self::address::Mailbox;

/// The fields of a header that people look for. A missing field is `None`, an empty one is not.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// RFC 3339 with the sender's offset; `None` also where it is no possible date.
    pub date: Option<String>,
    /// The mailboxes of all `From` fields, groups flattened.
    pub from: Option<Vec<Mailbox>>,
    /// The mailboxes of all `To` fields.
    pub to: Option<Vec<Mailbox>>,
    /// The mailboxes of all `Cc` fields.
    pub cc: Option<Vec<Mailbox>>,
    /// Unfolded and decoded.
    pub subject: Option<String>,
    /// Without `<>`.
    pub message_id: Option<String>,
    /// Every field in its order, name and value, unfolded and decoded; empty unless asked for.
    pub fields: Vec<(String, String)>,
}

/// Parses a message from its beginning, be it an answer to `TOP` or the whole. What is beyond [`MOST_FIELDS`], or
/// beyond the bounds on addresses, is passed over. Of fields that may stand only once, the
/// first counts; addresses of all `From`, `To` and `Cc` fields are joined.
#[must_use]
pub fn parse(message: &[u8], with_fields: bool) -> Header {
    let mut header = Header::default();
    for field in Fields(split(message).0) {
        if with_fields && header.fields.len() < MOST_FIELDS {
            header.fields.push((field.name.to_owned(), encoded_word::decode(&field.text())));
        }
        let is = |name| field.name.eq_ignore_ascii_case(name);
        if is("From") {
            address::add(&field.text(), header.from.get_or_insert_default());
        } else if is("To") {
            address::add(&field.text(), header.to.get_or_insert_default());
        } else if is("Cc") {
            address::add(&field.text(), header.cc.get_or_insert_default());
        } else if is("Subject") {
            header.subject.get_or_insert_with(|| encoded_word::decode(&field.text()));
        } else if is("Message-ID") {
            header.message_id.get_or_insert_with(|| message_id(&field.text()));
        } else if is("Date") && header.date.is_none() {
            header.date = date::parse(&field.text());
        }
    }
    header
}

/// The first lines of the body as they are, without their line ends: a line that is not UTF-8 as windows-1252. `TOP n 0`
/// that returns the whole body (some servers do) has `lines` of it all the same.
///
/// They are made when they are asked for: a million empty lines are two megabytes of mail.
pub fn preview(message: &[u8], lines: usize) -> impl Iterator<Item = Cow<'_, str>> + Clone {
    Lines(split(message).1).take(lines).map(charset::utf8_or_windows_1252)
}

/// Header and body; the empty line between belongs to neither, and a message may end without one.
fn split(message: &[u8]) -> (&[u8], &[u8]) {
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

/// Lines without their ends: CRLF, or LF alone where a server stores it so. A CR alone is a character like others.
#[derive(Clone)]
struct Lines<'a>(&'a [u8]);

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

/// The fields of a header; lines that are none (mbox's `From `, debris) are passed over with their continuations.
struct Fields<'a>(&'a [u8]);

struct Field<'a> {
    name: &'a str,
    /// What follows the colon, folded, with its line ends.
    body: &'a [u8],
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

impl<'a> Field<'a> {
    fn new(field: &'a [u8]) -> Option<Self> {
        let colon = memchr::memchr2(b':', b'\n', field).filter(|&at| field[at] == b':')?;
        // RFC 5322 §4.5: obsolete syntax allows blanks before the colon.
        let name = field[..colon].trim_ascii_end();
        if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        Some(Self { name: str::from_utf8(name).ok()?, body: &field[colon + 1..] })
    }

    /// The value unfolded (RFC 5322 §2.2.3), without blanks at its ends. A tab that begins a continuation stands for the
    /// blank that some mailer folded at.
    fn text(&self) -> Cow<'a, str> {
        let body = self.body.trim_ascii();
        if !body.contains(&b'\n') {
            return charset::utf8_or_windows_1252(body);
        }
        let mut unfolded = Vec::with_capacity(body.len());
        for line in Lines(body) {
            match line {
                [b'\t', rest @ ..] if !unfolded.is_empty() => {
                    unfolded.push(b' ');
                    unfolded.extend_from_slice(rest);
                }
                _ => unfolded.extend_from_slice(line),
            }
        }
        Cow::Owned(charset::utf8_or_windows_1252(&unfolded).into_owned())
    }
}

/// ```text
/// "<1@example.org> (comment)" → "1@example.org"     "1@example.org" → "1@example.org"
/// ```
fn message_id(text: &str) -> String {
    let id = text.split_once('<').map_or(text, |(_, id)| id);
    id.split_once('>').map_or(id, |(id, _)| id).trim().to_owned()
}

/// Honest messages have a hundred; a field of four octets takes twenty times that in memory.
const MOST_FIELDS: usize = 50_000;

#[cfg(test)]
mod tests;
