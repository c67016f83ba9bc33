//! The journal: readable lines of text, each with a checksum that also covers the checksum of the previous line.
//!
//! ```text
//! pop3-record 2 00000000000000000382 5b1fd2a0 8d6b41c5 alice pop.example.org 995 0c8d1f42
//! file uid-1 0 1795341600 - 315 315 9f86… 2c26… 315 9f86… /mail/.pop3-8d6b41c5-7-1.tmp /mail/uid-1.eml 90ab12cd
//! stored uid-1 0 /mail/uid-1.eml 77b1c2d3
//! done uid-2 0 1795341600 - 4000 4000 60fd… 41b8… pipe 5c0de1f2
//! ```
//!
//! The first line contains the number of synced bytes. It is overwritten in place after each sync, so the number is never too
//! large. Up to that position a missing or invalid line means that the journal is damaged. After that position a power failure
//! may have left incomplete lines: the journal ends before the first line with a wrong checksum, whatever follows.

use std::io::{self, BufRead, BufReader, Read};

pub(crate) use super::entry::{Append, Content, Deletion, Digest, Entry, FileContent, Message, PAGES};
use super::{
    operations::Operations,
    word::{escape, field, number, parse_number},
};
use crate::bytes::hex_digits;

/// The account to which a journal belongs.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) user: String,
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// The first line of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    /// The number of synced bytes of the file.
    pub(crate) synced: u64,
    /// A random word that starts the chain of checksums and is part of the names of this record's temporary files.
    pub(crate) nonce: String,
}

impl Header {
    /// Returns the line and the checksum that starts the chain. The number of synced bytes changes, so it has a checksum that the
    /// chain does not cover.
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
            let nonce = rest.split(|&byte| byte == b' ').nth(1)?;
            Some(std::str::from_utf8(nonce).ok()?.to_owned())
        }));
        let (synced, nonce) = parsed.ok_or(Unreadable::Damaged(1))?;
        let header = Self { synced, nonce };
        let (expected, chain) = header.line(account);
        if line == expected {
            return Ok((header, chain));
        }
        let valid = body(&line[FORMAT.len() + 29..], 0).is_some()
            && line[..FORMAT.len() + 29] == expected[..FORMAT.len() + 29];
        Err(if valid { Unreadable::Foreign } else { Unreadable::Damaged(1) })
    }
}

/// The state of a journal after reading its entries.
#[derive(Debug)]
pub(crate) struct Extent {
    pub(crate) header: Header,
    /// The position after the last valid line.
    pub(crate) valid: u64,
    /// The checksum of the last valid line.
    pub(crate) chain: u32,
    pub(crate) entries: u64,
    /// True if invalid bytes follow the valid lines.
    pub(crate) torn: bool,
}

/// The reason why a journal cannot be read.
#[derive(Debug)]
pub(crate) enum Unreadable {
    Io(io::Error),
    /// The number of the first damaged line, from 1.
    Damaged(u64),
    /// Synced lines are missing after the line with this number.
    Short(u64),
    /// The file is intact but belongs to another account, or its format is newer.
    Foreign,
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads a journal from its start and calls `see` with each valid entry. Returns the operations that remain unfinished.
pub(crate) fn scan(
    input: impl Read,
    account: &Account,
    mut see: impl FnMut(&Entry<'_>),
) -> Result<(Extent, Operations), Unreadable> {
    let mut input = BufReader::with_capacity(BLOCK, input);
    let mut line = Vec::with_capacity(1024);
    let mut next = |line: &mut Vec<u8>| {
        line.clear();
        input.by_ref().take(MAX_LINE).read_until(b'\n', line)
    };
    next(&mut line)?;
    let (header, mut chain) = Header::parse(&line, account)?;
    let (mut valid, mut entries) = (line.len() as u64, 0);
    let mut operations = Operations::default();
    let torn = loop {
        if next(&mut line)? == 0 {
            break false;
        }
        let parsed = body(&line, chain);
        let parsed = parsed.and_then(|(body, sum)| Some((Entry::parse(body, &operations)?, sum)));
        let Some((entry, sum)) = parsed else { break true };
        see(&entry);
        operations.apply(entry);
        chain = sum;
        valid += line.len() as u64;
        entries += 1;
    };
    if valid < header.synced {
        return Err(if torn { Unreadable::Damaged(entries + 2) } else { Unreadable::Short(entries + 1) });
    }
    Ok((Extent { header, valid, chain, entries, torn }, operations))
}

/// Returns the body and the checksum of a valid line.
fn body(line: &[u8], chain: u32) -> Option<(&[u8], u32)> {
    let line = line.strip_suffix(b"\n")?;
    let (body, sum) = line.split_at_checked(line.len().checked_sub(9)?)?;
    let sum = parse_checksum(sum.strip_prefix(b" ")?)?;
    (sum == checksum(chain, body)).then_some((body, sum))
}

pub(super) fn append_checksum(chain: u32, line: &mut Vec<u8>, start: usize) -> u32 {
    let sum = checksum(chain, &line[start..]);
    line.push(b' ');
    write_checksum(line, sum);
    line.push(b'\n');
    sum
}

fn checksum(chain: u32, body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&chain.to_be_bytes());
    hasher.update(body);
    hasher.finalize()
}

pub(super) fn write_checksum(line: &mut Vec<u8>, sum: u32) {
    line.extend_from_slice(sum.to_be_bytes().map(hex_digits).as_flattened());
}

pub(super) fn parse_checksum(word: &[u8]) -> Option<u32> {
    if word.len() != 8 || !word.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()
}

/// The first bytes of a journal in the current format.
const FORMAT: &str = "pop3-record 2 ";

/// Size of the read buffer, in bytes.
const BLOCK: usize = 64 * 1024;

/// Maximum length of a line, in bytes. Unique-ids and paths have a few thousand bytes at most.
const MAX_LINE: u64 = 256 * 1024;
