//! The journal's lines: text that a person can read, each with its checksum, appended a batch at a time.
//!
//! ```text
//! pop3-record 1 alice pop.example.org 5b1fd2a0
//! 1 file uid-1 0 1795341600 - /mail/.pop3-8d6b….tmp /mail/uid-1.eml 0c8d1f42
//! 2 done uid-1 0 1795341600 - /mail/uid-1.eml 90ab12cd
//! ```
//!
//! Every line begins with the number of its batch and ends with the CRC-32 of what stands before. A batch is synced
//! before the next one is written, so a power cut can spoil the last one only, and spoils it in a way that shows:
//! the last line has no end, or blocks that never reached the disk read as NULs. Anything else is damage.

use std::{
    borrow::Cow,
    io::{self, Read},
    path::{Path, PathBuf},
};

use memchr::{memchr, memchr_iter};

use crate::delivery::fs as disk;

/// The first word of a journal, and the format that this program writes and reads.
pub(crate) const FORMAT: &[u8] = b"pop3-record 1";

/// Which message, and what the record says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    /// Escaped, as in the journal.
    pub(crate) unique_id: &'a [u8],
    pub(crate) occurrence: u32,
    pub(crate) time: u64,
    pub(crate) delete: bool,
}

/// Where a group of messages is about to be appended to an mbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Append {
    pub(crate) mbox: PathBuf,
    /// Where the mbox ended; it is cut back to here if the group did not get in whole.
    pub(crate) offset: u64,
    /// Line ends put before the group, for a mbox that does not end in a blank line.
    pub(crate) padding: u64,
    pub(crate) octets: u64,
    pub(crate) checksum: u32,
    /// The `From ` line of every message of the group, without its end.
    pub(crate) from: Vec<u8>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry<'a> {
    /// The message is about to get its name; its temporary file is durable.
    File {
        message: Message<'a>,
        temporary: Cow<'a, Path>,
        name: Cow<'a, Path>,
    },
    /// The messages that the same batch names as `part` are about to be appended.
    Append(Append),
    Part(Message<'a>),
    /// The message is stored, durably; `place` is escaped, and there for people.
    Done {
        message: Message<'a>,
        place: &'a [u8],
    },
    /// A `file` or `part` came to nothing.
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
}

impl<'a> Entry<'a> {
    /// Appends the entry as a line.
    pub(crate) fn write(&self, batch: u64, line: &mut Vec<u8>) {
        let start = line.len();
        number(line, batch);
        match self {
            Self::File { message, temporary, name } => {
                message.write("file", line);
                for path in [temporary, name] {
                    field(line, &escape(&disk::path_octets(path)));
                }
            }
            Self::Append(append) => {
                word(line, "append");
                field(line, &escape(&disk::path_octets(&append.mbox)));
                for figure in [append.offset, append.padding, append.octets, append.checksum.into()] {
                    line.push(b' ');
                    number(line, figure);
                }
                field(line, &escape(&append.from));
            }
            Self::Part(message) => message.write("part", line),
            Self::Done { message, place } => {
                message.write("done", line);
                field(line, place);
            }
            Self::Void { unique_id, occurrence } => {
                word(line, "void");
                field(line, unique_id);
                line.push(b' ');
                number(line, u64::from(*occurrence));
            }
            Self::Deleted { unique_id, occurrence, of } => {
                word(line, "deleted");
                field(line, unique_id);
                for figure in [occurrence, of] {
                    line.push(b' ');
                    number(line, u64::from(*figure));
                }
            }
        }
        seal(line, start);
    }

    /// The entry in a line that is sound, with its batch.
    fn parse(body: &'a [u8]) -> Option<(u64, Self)> {
        let mut fields = body.split(|&octet| octet == b' ');
        let batch = figure(fields.next()?)?;
        let entry = match fields.next()? {
            b"file" => Self::File {
                message: Message::parse(&mut fields)?,
                temporary: disk::octets_path(unescape(fields.next()?)?).into(),
                name: disk::octets_path(unescape(fields.next()?)?).into(),
            },
            b"append" => Self::Append(Append {
                mbox: disk::octets_path(unescape(fields.next()?)?),
                offset: figure(fields.next()?)?,
                padding: figure(fields.next()?)?,
                octets: figure(fields.next()?)?,
                checksum: figure(fields.next()?)?.try_into().ok()?,
                from: unescape(fields.next()?)?,
            }),
            b"part" => Self::Part(Message::parse(&mut fields)?),
            b"done" => Self::Done { message: Message::parse(&mut fields)?, place: fields.next()? },
            b"void" => Self::Void { unique_id: fields.next()?, occurrence: small(fields.next()?)? },
            b"deleted" => Self::Deleted {
                unique_id: fields.next()?,
                occurrence: small(fields.next()?)?,
                of: small(fields.next()?)?,
            },
            _ => return None,
        };
        fields.next().is_none().then_some((batch, entry))
    }
}

impl<'a> Message<'a> {
    fn write(&self, kind: &str, line: &mut Vec<u8>) {
        word(line, kind);
        field(line, self.unique_id);
        line.push(b' ');
        number(line, u64::from(self.occurrence));
        line.push(b' ');
        number(line, self.time);
        word(line, if self.delete { "delete" } else { "-" });
    }

    fn parse(fields: &mut impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        Some(Self {
            unique_id: fields.next()?,
            occurrence: small(fields.next()?)?,
            time: figure(fields.next()?)?,
            delete: match fields.next()? {
                b"delete" => true,
                b"-" => false,
                _ => return None,
            },
        })
    }
}

/// The first line of an account's journal.
pub(crate) fn header(user: &[u8], host: &str) -> Vec<u8> {
    let mut line = FORMAT.to_vec();
    field(&mut line, &escape(user));
    field(&mut line, &escape(host.as_bytes()));
    seal(&mut line, 0);
    line
}

/// What a journal holds beside its entries.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Where the sound lines end; what stands behind is a torn batch.
    pub(crate) sound: u64,
    pub(crate) batch: u64,
    pub(crate) entries: u64,
}

/// Why a journal cannot be read on.
#[derive(Debug)]
pub(crate) enum Unreadable {
    Io(io::Error),
    /// The number of the first line that cannot be understood, from 1.
    Damaged(u64),
    /// The file is whole but of another account, or of a later format.
    Foreign,
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads a journal from its start and gives each sound entry with its batch to `see`.
pub(crate) fn scan(
    mut input: impl Read,
    header: &[u8],
    mut see: impl FnMut(u64, Entry<'_>),
) -> Result<Extent, Unreadable> {
    let mut extent = Extent { sound: 0, batch: 0, entries: 0 };
    let mut tail: Option<Tail> = None;
    let mut held = Vec::with_capacity(2 * BLOCK);
    let mut number = 0;
    loop {
        let start = held.len();
        let read = input.by_ref().take(BLOCK as u64).read_to_end(&mut held)?;
        let mut used = 0;
        for end in memchr_iter(b'\n', &held[start..]) {
            let line = &held[used..=start + end];
            used = start + end + 1;
            number += 1;
            if number == 1 {
                check_header(line, header)?;
                extent.sound = line.len() as u64;
                continue;
            }
            match (body(line).and_then(Entry::parse), &mut tail) {
                (Some((batch, entry)), None) if batch >= extent.batch => {
                    extent = Extent {
                        sound: extent.sound + line.len() as u64,
                        batch,
                        entries: extent.entries + 1,
                    };
                    see(batch, entry);
                }
                (Some((batch, _)), Some(tail)) => tail.follow(batch)?,
                (_, Some(tail)) => tail.spoil(line),
                (_, None) => tail = Some(Tail::new(number, extent.batch, line)),
            }
        }
        held.drain(..used);
        if held.len() > LONGEST || (read == 0 && !held.is_empty()) {
            number += 1;
            let tail = tail.get_or_insert_with(|| Tail::new(number, extent.batch, b""));
            // Without an end it is torn, whatever it holds, if nothing follows it.
            tail.nuls |= memchr(0, &held).is_some();
            held.clear();
        }
        if read == 0 {
            break;
        }
    }
    if number == 0 || extent.sound == 0 {
        return Err(Unreadable::Damaged(1));
    }
    tail.map_or(Ok(()), |tail| tail.judge())?;
    Ok(extent)
}

/// What stands behind the last sound line.
struct Tail {
    line: u64,
    /// The last batch that is known to be synced, or the torn one itself.
    batch: u64,
    torn: Option<u64>,
    nuls: bool,
    /// A line without NULs that is not sound has come; only the very last one may be so.
    spoilt: bool,
}

impl Tail {
    fn new(line: u64, batch: u64, octets: &[u8]) -> Self {
        let mut tail = Self { line, batch, torn: None, nuls: false, spoilt: false };
        if !octets.is_empty() {
            tail.spoil(octets);
        }
        tail
    }

    fn spoil(&mut self, line: &[u8]) {
        match memchr(0, line) {
            Some(_) => self.nuls = true,
            None => self.spoilt = true,
        }
    }

    /// A sound line behind unsound ones: of the same batch, written to disk out of order, or the damage is older.
    fn follow(&mut self, batch: u64) -> Result<(), Unreadable> {
        let torn = *self.torn.get_or_insert(batch);
        if !self.nuls || batch != torn || !(self.batch..=self.batch.saturating_add(1)).contains(&batch) {
            return Err(Unreadable::Damaged(self.line));
        }
        Ok(())
    }

    fn judge(&self) -> Result<(), Unreadable> {
        // A block boundary may fall into a line, so that the rest of it stands behind the NULs.
        if self.spoilt && !self.nuls { Err(Unreadable::Damaged(self.line)) } else { Ok(()) }
    }
}

fn check_header(line: &[u8], expected: &[u8]) -> Result<(), Unreadable> {
    if line == expected {
        return Ok(());
    }
    Err(if body(line).is_some_and(|body| body.starts_with(b"pop3-record ")) {
        Unreadable::Foreign
    } else {
        Unreadable::Damaged(1)
    })
}

/// What a sound line says, without its checksum.
fn body(line: &[u8]) -> Option<&[u8]> {
    let line = line.strip_suffix(b"\n")?;
    let (body, sum) = line.split_at_checked(line.len().checked_sub(9)?)?;
    let sum = std::str::from_utf8(sum.strip_prefix(b" ")?).ok()?;
    (u32::from_str_radix(sum, 16).ok()? == crc32fast::hash(body)).then_some(body)
}

fn seal(line: &mut Vec<u8>, start: usize) {
    let sum = crc32fast::hash(&line[start..]);
    line.extend_from_slice(format!(" {sum:08x}\n").as_bytes());
}

/// Octets as one word: what is not printable ASCII, the blank and `%` as `%XX`; no octets at all as `%`.
pub(crate) fn escape(octets: &[u8]) -> Cow<'_, [u8]> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let plain = |octet: &u8| matches!(octet, b'!'..=b'~') && *octet != b'%';
    if !octets.is_empty() && octets.iter().all(plain) {
        return Cow::Borrowed(octets);
    }
    let mut word = Vec::with_capacity(octets.len());
    for &octet in octets {
        if plain(&octet) {
            word.push(octet);
        } else {
            word.extend_from_slice(&[b'%', DIGITS[usize::from(octet >> 4)], DIGITS[usize::from(octet & 15)]]);
        }
    }
    if word.is_empty() {
        word.push(b'%');
    }
    Cow::Owned(word)
}

fn unescape(word: &[u8]) -> Option<Vec<u8>> {
    if memchr(b'%', word).is_none() {
        return Some(word.to_vec());
    }
    let mut octets = Vec::with_capacity(word.len());
    let mut rest = if word == b"%" { b"" } else { word };
    while let [first, others @ ..] = rest {
        rest = others;
        if *first != b'%' {
            octets.push(*first);
            continue;
        }
        let (digits, others) = rest.split_at_checked(2)?;
        octets.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = others;
    }
    Some(octets)
}

fn word(line: &mut Vec<u8>, word: &str) {
    field(line, word.as_bytes());
}

fn field(line: &mut Vec<u8>, octets: &[u8]) {
    line.push(b' ');
    line.extend_from_slice(octets);
}

fn number(line: &mut Vec<u8>, number: u64) {
    line.extend_from_slice(number.to_string().as_bytes());
}

fn figure(field: &[u8]) -> Option<u64> {
    if field.is_empty() || field.len() > 20 {
        return None;
    }
    field.iter().try_fold(0_u64, |sum, octet| {
        let digit = octet.is_ascii_digit().then(|| u64::from(octet - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

/// An occurrence, or how many there are.
fn small(field: &[u8]) -> Option<u32> {
    figure(field)?.try_into().ok().filter(|&number| number <= MAX_OCCURRENCES)
}

/// Octets of a journal read at a time.
const BLOCK: usize = 64 * 1024;

/// No more messages with one unique-id are told apart. The index looks at all of them when one is deleted.
pub const MAX_OCCURRENCES: u32 = 1024;

/// No line is as long: a unique-id has a few thousand octets at most, a path too.
const LONGEST: usize = 256 * 1024;
