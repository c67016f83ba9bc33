//! The entries of the journal, and their format as lines.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

use super::{
    journal::{append_checksum, parse_checksum, write_checksum},
    operations::Operations,
    word::{Fields, escape, field, flag, number, parse_number, parse_small, unescape},
};
use crate::{bytes::hex_digits, delivery::fs as disk};

/// A SHA-256 hash.
pub(crate) type Digest = [u8; 32];

/// The length and hash that identify a sequence of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) octets: u64,
    pub(crate) sha256: Digest,
}

/// The content of a message's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileContent {
    /// Bytes with this length and hash.
    Bytes(Content),
    /// This number of bytes, which have the hash of the message once each LF is converted to CRLF.
    Lf { octets: u64 },
}

/// The state of a message's deletion on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Deletion {
    #[default]
    No,
    /// The message was stored to be deleted, but the server has not confirmed the deletion.
    Pending,
    Confirmed,
}

impl Deletion {
    fn word(self) -> &'static [u8] {
        match self {
            Self::No => b"-",
            Self::Pending => b"delete",
            Self::Confirmed => b"deleted",
        }
    }

    fn parse(word: &[u8]) -> Option<Self> {
        [Self::No, Self::Pending, Self::Confirmed].into_iter().find(|deletion| deletion.word() == word)
    }
}

/// A message, with the data that identifies it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    /// The unique-id, escaped as in the journal.
    pub(crate) unique_id: &'a [u8],
    pub(crate) occurrence: u32,
    /// Seconds since 1970.
    pub(crate) time: u64,
    pub(crate) deletion: Deletion,
    /// The size in octets in the server's listing.
    pub(crate) listed: Option<u64>,
    /// The content as received; `None` if the message was skipped or imported.
    pub(crate) content: Option<Content>,
    pub(crate) header: Option<Digest>,
}

/// A group of messages that is about to be appended to an mbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Append {
    pub(crate) mbox: PathBuf,
    /// The length of the mbox before the append.
    pub(crate) offset: u64,
    /// The last bytes before the offset: if they differ later, another program has changed the mbox.
    pub(crate) before: Content,
    /// The number of line ends before the group: an mbox must end in an empty line.
    pub(crate) padding: u64,
    /// The group, without the padding.
    pub(crate) content: Content,
    /// The CRC-32 of each page of the file from the offset on, to recognize a partially written group.
    pub(crate) pages: Vec<u32>,
}

impl Append {
    /// The length of the mbox with the group.
    pub(crate) fn end(&self) -> u64 {
        self.offset.saturating_add(self.padding).saturating_add(self.content.octets)
    }
}

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry<'a> {
    /// The temporary file is durable, contains `stored`, and is about to be renamed.
    File {
        message: Message<'a>,
        stored: FileContent,
        temporary: Cow<'a, Path>,
        name: Cow<'a, Path>,
    },
    /// The messages that follow as `part` are about to be appended.
    Append(Append),
    /// Further pages of the last `append`.
    Pages(Vec<u32>),
    Part(Message<'a>),
    /// The message is stored durably. `place` (escaped) is informative: the program never reads it back.
    Done {
        message: Message<'a>,
        place: &'a [u8],
    },
    /// Like `Done`, for the last `file` or `part` line of the message. Written without repeating that line, and read as `Done`.
    Stored {
        message: Message<'a>,
        place: &'a [u8],
    },
    /// The operation of a `file` or `part` line failed.
    Void {
        unique_id: &'a [u8],
        occurrence: u32,
    },
    /// The server confirmed the deletion of one of `of` messages with this unique-id.
    Deleted {
        unique_id: &'a [u8],
        occurrence: u32,
        of: u32,
    },
    /// The server has not listed the message since `time`.
    Absent {
        unique_id: &'a [u8],
        occurrence: u32,
        time: u64,
    },
    /// The server lists the message again, and a comparison showed that it is the same one.
    Present {
        unique_id: &'a [u8],
        occurrence: u32,
    },
    /// The server lists the same message with another size.
    Listed {
        unique_id: &'a [u8],
        occurrence: u32,
        octets: u64,
        deletion: Deletion,
    },
    Forgotten {
        unique_id: &'a [u8],
        occurrence: u32,
    },
    /// A session ended without errors; recorded at most once per day.
    Session {
        time: u64,
    },
}

impl<'a> Entry<'a> {
    /// Appends the entry as a line and returns its checksum, which also covers `chain`, the checksum of the previous line.
    pub(crate) fn write(&self, chain: u32, line: &mut Vec<u8>) -> u32 {
        let start = line.len();
        match self {
            Self::File { message, stored, temporary, name } => {
                message.write("file", line);
                match stored {
                    FileContent::Bytes(content) => {
                        number(line, content.octets);
                        digest(line, Some(&content.sha256));
                    }
                    FileContent::Lf { octets } => {
                        number(line, *octets);
                        field(line, LF);
                    }
                }
                for path in [temporary, name] {
                    field(line, &escape(&disk::path_bytes(path)));
                }
            }
            Self::Append(append) => {
                line.extend_from_slice(b"append");
                field(line, &escape(&disk::path_bytes(&append.mbox)));
                number(line, append.offset);
                number(line, append.before.octets);
                digest(line, Some(&append.before.sha256));
                number(line, append.padding);
                number(line, append.content.octets);
                digest(line, Some(&append.content.sha256));
            }
            Self::Pages(pages) => {
                line.extend_from_slice(b"pages ");
                for &page in pages {
                    write_checksum(line, page);
                }
            }
            Self::Part(message) => message.write("part", line),
            Self::Done { message, place } => {
                message.write("done", line);
                field(line, place);
            }
            Self::Stored { message, place } => {
                key("stored", message.unique_id, message.occurrence, line);
                field(line, place);
            }
            Self::Void { unique_id, occurrence } => key("void", unique_id, *occurrence, line),
            Self::Deleted { unique_id, occurrence, of } => {
                key("deleted", unique_id, *occurrence, line);
                number(line, u64::from(*of));
            }
            Self::Absent { unique_id, occurrence, time } => {
                key("absent", unique_id, *occurrence, line);
                number(line, *time);
            }
            Self::Present { unique_id, occurrence } => key("present", unique_id, *occurrence, line),
            Self::Listed { unique_id, occurrence, octets, deletion } => {
                key("listed", unique_id, *occurrence, line);
                number(line, *octets);
                field(line, deletion.word());
            }
            Self::Forgotten { unique_id, occurrence } => key("forgotten", unique_id, *occurrence, line),
            Self::Session { time } => {
                line.extend_from_slice(b"session");
                number(line, *time);
            }
        }
        append_checksum(chain, line, start)
    }

    /// Parses a line whose checksum is correct. `operations` are unfinished before this line.
    pub(super) fn parse(body: &'a [u8], operations: &Operations) -> Option<Self> {
        let mut fields = Fields::of(body);
        let entry = match fields.next()? {
            b"file" => Self::File {
                message: Message::parse(&mut fields)?,
                stored: parse_file_content(&mut fields)?,
                temporary: disk::path_from_bytes(unescape(fields.next()?)?).into(),
                name: disk::path_from_bytes(unescape(fields.next()?)?).into(),
            },
            b"append" => Self::Append(Append {
                mbox: disk::path_from_bytes(unescape(fields.next()?)?),
                offset: parse_number(fields.next()?)?,
                before: parse_content(&mut fields)??,
                padding: parse_number(fields.next()?)?,
                content: parse_content(&mut fields)??,
                pages: Vec::new(),
            }),
            b"pages" => Self::Pages(fields.next()?.chunks(8).map(parse_checksum).collect::<Option<_>>()?),
            b"part" => Self::Part(Message::parse(&mut fields)?),
            b"done" => Self::Done { message: Message::parse(&mut fields)?, place: fields.next()? },
            b"stored" => {
                let (unique_id, occurrence) = (fields.next()?, parse_small(fields.next()?)?);
                let place = fields.next()?;
                // This program never writes such a line without its operation. If it did, the message would be fetched again.
                match operations.message(unique_id, occurrence) {
                    Some(message) => Self::Done { message, place },
                    None => Self::Void { unique_id, occurrence },
                }
            }
            b"void" => Self::Void { unique_id: fields.next()?, occurrence: parse_small(fields.next()?)? },
            b"deleted" => Self::Deleted {
                unique_id: fields.next()?,
                occurrence: parse_small(fields.next()?)?,
                of: parse_small(fields.next()?)?,
            },
            b"absent" => Self::Absent {
                unique_id: fields.next()?,
                occurrence: parse_small(fields.next()?)?,
                time: parse_number(fields.next()?)?,
            },
            b"present" => {
                Self::Present { unique_id: fields.next()?, occurrence: parse_small(fields.next()?)? }
            }
            b"listed" => Self::Listed {
                unique_id: fields.next()?,
                occurrence: parse_small(fields.next()?)?,
                octets: parse_number(fields.next()?)?,
                deletion: Deletion::parse(fields.next()?)?,
            },
            b"forgotten" => {
                Self::Forgotten { unique_id: fields.next()?, occurrence: parse_small(fields.next()?)? }
            }
            b"session" => Self::Session { time: parse_number(fields.next()?)? },
            _ => return None,
        };
        fields.next().is_none().then_some(entry)
    }
}

impl<'a> Message<'a> {
    fn write(&self, kind: &str, line: &mut Vec<u8>) {
        key(kind, self.unique_id, self.occurrence, line);
        number(line, self.time);
        field(line, self.deletion.word());
        optional(line, self.listed);
        optional(line, self.content.map(|content| content.octets));
        digest(line, self.content.as_ref().map(|content| &content.sha256));
        digest(line, self.header.as_ref());
    }

    fn parse(fields: &mut Fields<'a>) -> Option<Self> {
        Some(Self {
            unique_id: fields.next()?,
            occurrence: parse_small(fields.next()?)?,
            time: parse_number(fields.next()?)?,
            deletion: Deletion::parse(fields.next()?)?,
            listed: flag(fields.next()?, parse_number)?,
            content: parse_content(fields)?,
            header: flag(fields.next()?, parse_digest)?,
        })
    }
}

fn key(kind: &str, unique_id: &[u8], occurrence: u32, line: &mut Vec<u8>) {
    line.extend_from_slice(kind.as_bytes());
    field(line, unique_id);
    number(line, u64::from(occurrence));
}

fn optional(line: &mut Vec<u8>, value: Option<u64>) {
    match value {
        Some(value) => number(line, value),
        None => field(line, b"-"),
    }
}

fn digest(line: &mut Vec<u8>, digest: Option<&Digest>) {
    match digest {
        None => field(line, b"-"),
        Some(digest) => {
            field(line, digest.map(hex_digits).as_flattened());
        }
    }
}

fn parse_digest(word: &[u8]) -> Option<Digest> {
    let mut digest = [0; 32];
    if word.len() != 64 {
        return None;
    }
    let mut invalid = 0;
    for (byte, digits) in digest.iter_mut().zip(word.chunks_exact(2)) {
        let [high, low] = [digits[0], digits[1]].map(|digit| NIBBLES[usize::from(digit)]);
        invalid |= high | low;
        *byte = high << 4 | low;
    }
    (invalid < 16).then_some(digest)
}

/// The value of each hex digit; [`u8::MAX`] for all other bytes. A table, because a record contains several hashes per message.
static NIBBLES: [u8; 256] = {
    let mut nibbles = [u8::MAX; 256];
    let mut value = 0;
    while value < 16 {
        nibbles[b"0123456789abcdef"[value as usize] as usize] = value;
        value += 1;
    }
    nibbles
};

/// Parses a length and a hash. The outer `Option` is `None` if they are malformed.
#[allow(clippy::option_option, reason = "an absent content is a value")]
fn parse_content(fields: &mut Fields<'_>) -> Option<Option<Content>> {
    let octets = flag(fields.next()?, parse_number)?;
    let sha256 = flag(fields.next()?, parse_digest)?;
    Some(octets.zip(sha256).map(|(octets, sha256)| Content { octets, sha256 }))
}

fn parse_file_content(fields: &mut Fields<'_>) -> Option<FileContent> {
    let octets = parse_number(fields.next()?)?;
    match fields.next()? {
        LF => Some(FileContent::Lf { octets }),
        word => Some(FileContent::Bytes(Content { octets, sha256: parse_digest(word)? })),
    }
}

/// In place of the hash of a file: see [`FileContent::Lf`].
const LF: &[u8] = b"lf";

/// Maximum number of pages in a line.
pub(crate) const PAGES: usize = 1024;

/// The maximum number of messages with the same unique-id that are distinguished. When one is deleted, the index visits all of
/// them.
pub const MAX_OCCURRENCES: u32 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_consists_of_64_lower_case_hex_digits() {
        let digits = "0123456789abcdef".repeat(4);
        let mut line = Vec::new();
        digest(&mut line, parse_digest(digits.as_bytes()).as_ref());
        assert_eq!(line, format!(" {digits}").as_bytes());
        for (at, wrong) in [(0, 'g'), (63, 'G'), (31, 'A'), (32, '/'), (7, ':'), (8, '`'), (9, '\0')] {
            let mut digits = digits.clone();
            digits.replace_range(at..=at, &wrong.to_string());
            assert_eq!(parse_digest(digits.as_bytes()), None, "{digits}");
        }
        assert_eq!(parse_digest(&digits.as_bytes()[..62]), None);
    }
}
