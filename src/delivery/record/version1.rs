//! Reads journals of format 1, which earlier versions wrote per user and host. Their messages are imported for the default
//! ports. The format contains unique-ids and times, but nothing to compare a message with.

use std::io::{self, BufRead, BufReader, Read};

use super::{
    journal::{Deletion, Entry, Message, Unreadable},
    word::{Fields, escape, parse_number, parse_small},
};
use crate::delivery::file_name;

/// Returns the file name of an account's journal of format 1, without extension.
pub(crate) fn file_stem(user: &str, host: &str) -> String {
    let tag = file_name::short_hash(&[user.as_bytes(), b"\0", host.as_bytes()].concat());
    let name = file_name::portable(format!("{user}@{host}").as_bytes(), super::MAX_NAME);
    format!("{name}-{tag}")
}

/// Reads a journal of format 1. Ignores unfinished messages, so they are fetched again.
pub(crate) fn scan(
    input: impl Read,
    user: &str,
    host: &str,
    mut see: impl FnMut(&Entry<'_>),
) -> Result<(), Unreadable> {
    let mut input = BufReader::new(input);
    let mut line = Vec::new();
    let mut next = |line: &mut Vec<u8>| -> io::Result<usize> {
        line.clear();
        input.by_ref().take(256 * 1024).read_until(b'\n', line)
    };
    next(&mut line)?;
    let header = [b"pop3-record 1 ", &*escape(user.as_bytes()), b" ", &*escape(host.as_bytes())].concat();
    match body(&line) {
        Some(body) if body == header => {}
        Some(_) => return Err(Unreadable::Foreign),
        None => return Err(Unreadable::Damaged(1)),
    }
    let (mut count, mut torn) = (1, None);
    while next(&mut line)? > 0 {
        count += 1;
        match (body(&line), torn) {
            (Some(_), Some(line)) => return Err(Unreadable::Damaged(line)),
            (Some(body), None) => {
                if let Some(entry) = parse(body) {
                    see(&entry);
                }
            }
            (None, None) => torn = Some(count),
            (None, Some(_)) => {}
        }
    }
    Ok(())
}

fn body(line: &[u8]) -> Option<&[u8]> {
    let line = line.strip_suffix(b"\n")?;
    let (body, sum) = line.split_at_checked(line.len().checked_sub(9)?)?;
    let sum = std::str::from_utf8(sum.strip_prefix(b" ")?).ok()?;
    (u32::from_str_radix(sum, 16).ok()? == crc32fast::hash(body)).then_some(body)
}

/// `7 done uid-1 0 1795341600 - /mail/uid-1.eml`, `9 deleted uid-1 0 1`
fn parse(body: &[u8]) -> Option<Entry<'_>> {
    let mut fields = Fields::of(body);
    fields.next()?;
    let kind = fields.next()?;
    let unique_id = fields.next()?;
    let occurrence = parse_small(fields.next()?)?;
    Some(match kind {
        b"done" => {
            let time = parse_number(fields.next()?)?;
            let deletion = if fields.next()? == b"delete" { Deletion::Pending } else { Deletion::No };
            let message =
                Message { unique_id, occurrence, time, deletion, listed: None, content: None, header: None };
            Entry::Done { message, place: fields.next()? }
        }
        b"deleted" => Entry::Deleted { unique_id, occurrence, of: parse_small(fields.next()?)? },
        _ => return None,
    })
}

/// The ports whose records earlier versions kept in the same file.
pub(crate) const DEFAULT_PORTS: [u16; 2] = [110, 995];
