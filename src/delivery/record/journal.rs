//! The journal's lines: text that a person can read, each with a checksum that covers the line before it.
//!
//! ```text
//! pop3-record 2 00000000000000000382 5b1fd2a0 8d6b41c5 alice pop.example.org 995 0c8d1f42
//! file uid-1 0 1795341600 - 315 315 9f86… 2c26… 315 9f86… /mail/.pop3-8d6b41c5-7-1.tmp /mail/uid-1.eml 90ab12cd
//! done uid-1 0 1795341600 - 315 315 9f86… 2c26… /mail/uid-1.eml 77b1c2d3
//! ```
//!
//! The first line says how many bytes of the file were synced: written in place after each sync, so it never says too much.
//! Up to there every line must be sound, or the journal is damaged; whole lines that are missing are damage too. Behind it
//! stands what a power cut may have torn: it ends at the first line whose checksum does not follow, whatever it holds.

use std::{
    borrow::Cow,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use super::word::{escape, field, flag, number, parse_number, parse_small, unescape};
use crate::delivery::fs as disk;

/// SHA-256.
pub(crate) type Digest = [u8; 32];

/// Bytes that are known by their number and digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) octets: u64,
    pub(crate) sha256: Digest,
}

/// What is to become of a stored message on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Deletion {
    #[default]
    No,
    /// It was stored to be deleted, and no server confirmed the deletion.
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

/// A message and what proves that another one is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    /// Escaped, as in the journal.
    pub(crate) unique_id: &'a [u8],
    pub(crate) occurrence: u32,
    /// Seconds since 1970.
    pub(crate) time: u64,
    pub(crate) deletion: Deletion,
    /// Octets by the server's listing.
    pub(crate) listed: Option<u64>,
    /// As received; `None` for a message that was never received here.
    pub(crate) content: Option<Content>,
    pub(crate) header: Option<Digest>,
}

/// A group of messages that is about to be appended to an mbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Append {
    pub(crate) mbox: PathBuf,
    /// Where the mbox ended.
    pub(crate) offset: u64,
    /// The last bytes before the offset: where they differ, it is not the same mbox any more.
    pub(crate) before: Content,
    /// Line ends put before the group, for an mbox that does not end in a blank line.
    pub(crate) padding: u64,
    /// The group, without the padding.
    pub(crate) content: Content,
    /// CRC-32 of each page of the file from the offset on, to recognize a part of the group.
    pub(crate) pages: Vec<u32>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry<'a> {
    /// The message is about to get its name; its temporary file is durable and holds `stored`.
    File {
        message: Message<'a>,
        stored: Content,
        temporary: Cow<'a, Path>,
        name: Cow<'a, Path>,
    },
    /// The messages that follow as `part` are about to be appended.
    Append(Append),
    /// More of the pages of the last `append`.
    Pages(Vec<u32>),
    Part(Message<'a>),
    /// The message is stored, durably; `place` is escaped, and there for people.
    Done {
        message: Message<'a>,
        place: &'a [u8],
    },
    /// A `file` or `part` failed or came to nothing.
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
    /// The server does not list the message any more since `time`.
    Absent {
        unique_id: &'a [u8],
        occurrence: u32,
        time: u64,
    },
    /// It lists the message again.
    Present {
        unique_id: &'a [u8],
        occurrence: u32,
    },
    /// The server lists the message with other octets, and it is the same all the same.
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
    /// A session in which all went well, at most one a day.
    Session {
        time: u64,
    },
}

impl<'a> Entry<'a> {
    /// Appends the entry as a line whose checksum follows `chain`, and gives back its checksum.
    pub(crate) fn write(&self, chain: u32, line: &mut Vec<u8>) -> u32 {
        let start = line.len();
        match self {
            Self::File { message, stored, temporary, name } => {
                message.write("file", line);
                number(line, stored.octets);
                digest(line, Some(&stored.sha256));
                for path in [temporary, name] {
                    field(line, &escape(&disk::path_octets(path)));
                }
            }
            Self::Append(append) => {
                line.extend_from_slice(b"append");
                field(line, &escape(&disk::path_octets(&append.mbox)));
                number(line, append.offset);
                number(line, append.before.octets);
                digest(line, Some(&append.before.sha256));
                number(line, append.padding);
                number(line, append.content.octets);
                digest(line, Some(&append.content.sha256));
            }
            Self::Pages(pages) => {
                line.extend_from_slice(b"pages ");
                for page in pages {
                    line.extend_from_slice(format!("{page:08x}").as_bytes());
                }
            }
            Self::Part(message) => message.write("part", line),
            Self::Done { message, place } => {
                message.write("done", line);
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

    /// The entry in a line that is sound.
    fn parse(body: &'a [u8]) -> Option<Self> {
        let mut fields = body.split(|&octet| octet == b' ');
        let entry = match fields.next()? {
            b"file" => Self::File {
                message: Message::parse(&mut fields)?,
                stored: parse_content(&mut fields)??,
                temporary: disk::octets_path(unescape(fields.next()?)?).into(),
                name: disk::octets_path(unescape(fields.next()?)?).into(),
            },
            b"append" => Self::Append(Append {
                mbox: disk::octets_path(unescape(fields.next()?)?),
                offset: parse_number(fields.next()?)?,
                before: parse_content(&mut fields)??,
                padding: parse_number(fields.next()?)?,
                content: parse_content(&mut fields)??,
                pages: Vec::new(),
            }),
            b"pages" => Self::Pages(fields.next()?.chunks(8).map(parse_checksum).collect::<Option<_>>()?),
            b"part" => Self::Part(Message::parse(&mut fields)?),
            b"done" => Self::Done { message: Message::parse(&mut fields)?, place: fields.next()? },
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

    fn parse(fields: &mut impl Iterator<Item = &'a [u8]>) -> Option<Self> {
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

/// Whose journal it is.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) user: String,
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    /// Bytes of the file that were synced.
    pub(crate) synced: u64,
    /// A random word: it begins the chain of checksums, and is in the names of this record's temporary files.
    pub(crate) nonce: String,
}

impl Header {
    /// The line, and the checksum that begins the chain. The part that changes stands first and has its own checksum.
    pub(crate) fn line(&self, account: &Account) -> (Vec<u8>, u32) {
        let mut line = format!("{FORMAT}{:020}", self.synced).into_bytes();
        append_checksum(0, &mut line, 0);
        line.pop();
        let start = line.len();
        field(&mut line, self.nonce.as_bytes());
        field(&mut line, &escape(account.user.as_bytes()));
        field(&mut line, &escape(account.host.as_bytes()));
        number(&mut line, u64::from(account.port));
        let chain = append_checksum(0, &mut line, start);
        (line, chain)
    }

    fn parse(line: &[u8], account: &Account) -> Result<(Self, u32), Unreadable> {
        let Some(rest) = line.strip_prefix(FORMAT.as_bytes()) else {
            let other = line.starts_with(b"pop3-record ") && line.ends_with(b"\n");
            return Err(if other { Unreadable::Foreign } else { Unreadable::Damaged(1) });
        };
        let parsed = rest.get(..20).and_then(parse_number).zip(rest.get(29..).and_then(|rest| {
            let nonce = rest.split(|&octet| octet == b' ').nth(1)?;
            Some(std::str::from_utf8(nonce).ok()?.to_owned())
        }));
        let (synced, nonce) = parsed.ok_or(Unreadable::Damaged(1))?;
        let header = Self { synced, nonce };
        let (expected, chain) = header.line(account);
        if line == expected {
            return Ok((header, chain));
        }
        let sound = body(&line[FORMAT.len() + 29..], 0).is_some()
            && line[..FORMAT.len() + 29] == expected[..FORMAT.len() + 29];
        Err(if sound { Unreadable::Foreign } else { Unreadable::Damaged(1) })
    }
}

/// What a journal holds beside its entries.
#[derive(Debug)]
pub(crate) struct Extent {
    pub(crate) header: Header,
    /// Where the sound lines end.
    pub(crate) sound: u64,
    /// The checksum of the last sound line.
    pub(crate) chain: u32,
    pub(crate) entries: u64,
    /// Something stands behind the sound lines.
    pub(crate) torn: bool,
}

/// Why a journal cannot be read on.
#[derive(Debug)]
pub(crate) enum Unreadable {
    Io(io::Error),
    /// The number of the first line that is damaged, from 1.
    Damaged(u64),
    /// Lines that were synced are missing after this one.
    Short(u64),
    /// The file is whole but of another account, or of a later format.
    Foreign,
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads a journal from its start and gives each sound entry to `see`.
pub(crate) fn scan(
    input: impl Read,
    account: &Account,
    mut see: impl FnMut(Entry<'_>),
) -> Result<Extent, Unreadable> {
    let mut input = BufReader::with_capacity(BLOCK, input);
    let mut line = Vec::with_capacity(1024);
    let mut next = |line: &mut Vec<u8>| {
        line.clear();
        input.by_ref().take(MAX_LINE).read_until(b'\n', line)
    };
    next(&mut line)?;
    let (header, mut chain) = Header::parse(&line, account)?;
    let (mut sound, mut entries) = (line.len() as u64, 0);
    let torn = loop {
        if next(&mut line)? == 0 {
            break false;
        }
        let Some((entry, sum)) = body(&line, chain).and_then(|(body, sum)| Some((Entry::parse(body)?, sum)))
        else {
            break true;
        };
        see(entry);
        chain = sum;
        sound += line.len() as u64;
        entries += 1;
    };
    if sound < header.synced {
        return Err(if torn { Unreadable::Damaged(entries + 2) } else { Unreadable::Short(entries + 1) });
    }
    Ok(Extent { header, sound, chain, entries, torn })
}

/// What a sound line says, without its checksum, and its checksum.
fn body(line: &[u8], chain: u32) -> Option<(&[u8], u32)> {
    let line = line.strip_suffix(b"\n")?;
    let (body, sum) = line.split_at_checked(line.len().checked_sub(9)?)?;
    let sum = parse_checksum(sum.strip_prefix(b" ")?)?;
    (sum == checksum(chain, body)).then_some((body, sum))
}

fn append_checksum(chain: u32, line: &mut Vec<u8>, start: usize) -> u32 {
    let sum = checksum(chain, &line[start..]);
    line.extend_from_slice(format!(" {sum:08x}\n").as_bytes());
    sum
}

fn checksum(chain: u32, body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&chain.to_be_bytes());
    hasher.update(body);
    hasher.finalize()
}

fn parse_checksum(word: &[u8]) -> Option<u32> {
    if word.len() != 8 || !word.iter().all(|octet| matches!(octet, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()
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
            line.push(b' ');
            for octet in digest {
                line.extend([octet >> 4, octet & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]));
            }
        }
    }
}

fn parse_digest(word: &[u8]) -> Option<Digest> {
    let mut digest = [0; 32];
    if word.len() != 64 {
        return None;
    }
    for (octet, digits) in digest.iter_mut().zip(word.chunks(2)) {
        *octet = nibble(digits[0])? << 4 | nibble(digits[1])?;
    }
    Some(digest)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// The outer `Option` is `None` for what cannot be read.
#[allow(clippy::option_option, reason = "an absent content is a value")]
fn parse_content<'a>(fields: &mut impl Iterator<Item = &'a [u8]>) -> Option<Option<Content>> {
    let octets = flag(fields.next()?, parse_number)?;
    let sha256 = flag(fields.next()?, parse_digest)?;
    Some(octets.zip(sha256).map(|(octets, sha256)| Content { octets, sha256 }))
}

/// The beginning of a journal of the format that this program writes.
const FORMAT: &str = "pop3-record 2 ";

/// Bytes of a journal read at a time.
const BLOCK: usize = 64 * 1024;

/// No line is as long: a unique-id has a few thousand bytes at most, a path too.
const MAX_LINE: u64 = 256 * 1024;

/// Pages in one line.
pub(crate) const PAGES: usize = 1024;

/// No more messages with one unique-id are told apart. The index looks at all of them when one is deleted.
pub const MAX_OCCURRENCES: u32 = 1024;
