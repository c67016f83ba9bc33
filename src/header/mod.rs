//! Header fields: dates, addresses, encoded words, charsets (RFC 5322, RFC 6532, RFC 2047).
//!
//! ```
//! let message = b"From: =?iso-8859-1?Q?Ren=E9?= <rene@example.org>\r\nSubject: =?utf-8?B?Y2Fmw6k=?=\r\n\r\nbody";
//! let header = pop3::header::parse(message);
//! assert_eq!(header.subject.as_deref(), Some("café"));
//! let from = &header.from.unwrap()[0];
//! assert_eq!((from.name.as_deref(), from.address.as_deref()), (Some("René"), Some("rene@example.org")));
//! ```
//!
//! Any bytes are accepted. Programs route and delete mail by these values, so there are no guesses: input that
//! matches neither the RFCs nor a known deviation of mailers becomes `None`, or U+FFFD within text. Parsing takes
//! linear time and never panics.

mod address;
mod charset;
mod comment;
mod date;
mod encoded_word;
mod field;
mod steps;

use std::borrow::Cow;

pub use self::{
    address::{Mailbox, mailboxes},
    date::Date,
    encoded_word::decode_words,
    field::Field,
};
use self::{
    charset::decode_raw,
    field::{Fields, Lines, split},
};

/// The common fields of a header. A missing field is `None`; an empty field is `Some`.
#[derive(Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// The `Date` field; `None` also if the text is not entirely a date, or if the date does not exist.
    pub date: Option<Date>,
    /// The mailboxes of all `From` fields, groups flattened.
    pub from: Option<Vec<Mailbox>>,
    /// The mailboxes of all `To` fields.
    pub to: Option<Vec<Mailbox>>,
    /// The mailboxes of all `Cc` fields.
    pub cc: Option<Vec<Mailbox>>,
    /// The `Subject` field, unfolded and decoded.
    pub subject: Option<String>,
    /// The `Message-ID` field without `<>`, comments and folds.
    pub message_id: Option<String>,
}

/// Parses the header of a message, which may be complete or truncated anywhere.
///
/// If a field that must not be repeated (RFC 5322 §3.6) is repeated, the first one is used. At most 10,000 mailboxes
/// of each kind are returned.
#[must_use]
pub fn parse(message: &[u8]) -> Header {
    let mut header = Header::default();
    let mut has_date = false;
    for field in fields(message) {
        let is = |name| field.name().eq_ignore_ascii_case(name);
        if is("From") {
            field.add_mailboxes(header.from.get_or_insert_default());
        } else if is("To") {
            field.add_mailboxes(header.to.get_or_insert_default());
        } else if is("Cc") {
            field.add_mailboxes(header.cc.get_or_insert_default());
        } else if is("Subject") {
            header.subject.get_or_insert_with(|| field.text());
        } else if is("Message-ID") {
            header.message_id.get_or_insert_with(|| field.message_id());
        } else if is("Date") && !has_date {
            has_date = true;
            header.date = field.date();
        }
    }
    header
}

/// Returns the fields of a header in order. Lines that are not fields (the `From ` line of an mbox, garbage) are
/// skipped, including their continuation lines.
///
/// ```
/// let fields: Vec<_> = pop3::header::fields(b"X-One: 1\r\nX-Two: 2\r\n 3\r\n\r\nX: body")
///     .map(|field| (field.name().to_owned(), field.text()))
///     .collect();
/// assert_eq!(fields, [("X-One".to_owned(), "1".to_owned()), ("X-Two".to_owned(), "2 3".to_owned())]);
/// ```
pub fn fields(message: &[u8]) -> impl Iterator<Item = Field<'_>> {
    Fields::new(split(message).0)
}

/// Returns the first `lines` lines of the body without their line ends. Lines that are mostly valid UTF-8 are decoded
/// as UTF-8, others as windows-1252; transfer encodings are not decoded.
pub fn preview(message: &[u8], lines: usize) -> impl Iterator<Item = Cow<'_, str>> + Clone {
    Lines::new(split(message).1).take(lines).map(|line| decode_raw(line).text)
}

#[cfg(test)]
mod tests;
