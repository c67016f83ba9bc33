//! Recovers an mbox after a killed run.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    ops::ControlFlow,
    time::Duration,
};

use memchr::memmem;

use super::locked::{BUFFER, Mbox, PAGE, before, content_of, each_page};
use crate::delivery::record::{journal::Append, recovery::Outcome};

/// Checks whether a group was appended completely, and removes a partially written group. A partial group is removed only if the
/// mbox is unchanged up to the offset. A complete group counts at any position in the mbox.
pub(crate) fn recover(append: &Append, wait: Duration) -> Outcome {
    let open = |why: &dyn std::fmt::Display| Outcome::Open(why.to_string());
    if append.mbox.parent().is_some_and(|folder| !folder.is_dir()) {
        return open(&format_args!("the folder of {} does not exist", append.mbox.display()));
    }
    let mbox = match Mbox::lock(&append.mbox, false, wait) {
        Ok(Some(mbox)) => mbox,
        Ok(None) => return Outcome::Void,
        Err(error) => return open(&error),
    };
    match find_group(&mbox.file, append) {
        Ok(Group::Whole) => Outcome::Stored(append.mbox.clone()),
        Ok(Group::Missing) => Outcome::Void,
        Ok(Group::Torn) => Outcome::Torn(append.mbox.clone()),
        Err(error) => open(&format_args!("cannot finish storing in {}: {error}", append.mbox.display())),
    }
}

/// How much of a group an mbox contains.
enum Group {
    Whole,
    Missing,
    /// The beginning, followed by other data.
    Torn,
}

fn find_group(file: &File, append: &Append) -> io::Result<Group> {
    let length = file.metadata()?.len();
    let mut otherwise = Group::Missing;
    if length >= append.offset && before(file, append.offset)? == append.before {
        if group_starts_at(file, append, append.offset.saturating_add(append.padding))? {
            file.sync_all()?;
            return Ok(Group::Whole);
        }
        if length > append.offset && is_part(file, append, length)? {
            file.set_len(append.offset)?;
            file.sync_all()?;
            return Ok(Group::Missing);
        }
        if first_page_matches(file, append)? {
            otherwise = Group::Torn;
        }
    }
    if was_moved(file, append, length)? {
        file.sync_all()?;
        return Ok(Group::Whole);
    }
    Ok(otherwise)
}

fn first_page_matches(mut file: &File, append: &Append) -> io::Result<bool> {
    file.seek(SeekFrom::Start(append.offset))?;
    let mut matches = false;
    each_page(append, &mut file, |page| {
        matches = append.pages.first() == Some(&crc32fast::hash(page));
        Ok(ControlFlow::Break(()))
    })?;
    Ok(matches)
}

fn group_starts_at(mut file: &File, append: &Append, start: u64) -> io::Result<bool> {
    file.seek(SeekFrom::Start(start))?;
    Ok(content_of(&mut file.take(append.content.octets))? == append.content)
}

/// Returns true if only a part of the group follows the offset: whole pages of it, or pages that never reached the disk and read as
/// NULs.
fn is_part(mut file: &File, append: &Append, length: u64) -> io::Result<bool> {
    if length > append.end() || (length < append.end() && !length.is_multiple_of(PAGE)) {
        return Ok(false);
    }
    file.seek(SeekFrom::Start(append.offset))?;
    let (mut is_part, mut pages) = (true, append.pages.iter());
    each_page(append, &mut file, |page| {
        is_part &= pages.next() == Some(&crc32fast::hash(page)) || page.iter().all(|&byte| byte == 0);
        Ok(if is_part { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(is_part)
}

/// Returns true if the group is in the mbox at another place: a mail reader that changes or removes other messages moves the
/// messages after them. Only identical bytes count. A message of the group that the reader itself changed, for
/// instance with a `Status:` field, cannot be distinguished from another message with the same text, so the group is
/// fetched again.
fn was_moved(mut file: &File, append: &Append, length: u64) -> io::Result<bool> {
    let size = append.content.octets;
    let Some(last) = length.checked_sub(size).filter(|_| size > 0 && !append.pages.is_empty()) else {
        return Ok(false);
    };
    let first = last.saturating_sub(MAX_SEARCHED);
    let mut starts = VecDeque::new();
    let mut take = |start: u64| {
        if start <= last {
            starts.push_back(start);
        }
        if starts.len() > MAX_STARTS {
            starts.pop_front();
        }
    };
    if first == 0 {
        take(0);
    }
    file.seek(SeekFrom::Start(first))?;
    let mut input = file.take(length - first);
    let (mut block, mut filled, mut at) = (vec![0; BUFFER], 0, first);
    loop {
        let count = input.read(&mut block[filled..])?;
        if count == 0 {
            break;
        }
        filled += count;
        memmem::find_iter(&block[..filled], FROM).for_each(|found| take(at + found as u64 + 1));
        // A match may begin at the end of the block.
        let kept = filled.min(FROM.len() - 1);
        block.copy_within(filled - kept..filled, 0);
        at += (filled - kept) as u64;
        filled = kept;
    }
    // From the last position back, because the group was once at the end.
    for start in starts.into_iter().rev() {
        if pages_match(file, append, start)? && group_starts_at(file, append, start)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Compares the checksums of the pages up to the first difference, which usually is in the first page.
fn pages_match(mut file: &File, append: &Append, start: u64) -> io::Result<bool> {
    file.seek(SeekFrom::Start(start))?;
    let padding = &b"\n\n"[..usize::try_from(append.padding).unwrap_or(0).min(2)];
    let (mut matches, mut pages) = (true, append.pages.iter());
    each_page(append, &mut padding.chain(file.take(append.content.octets)), |page| {
        matches = pages.next() == Some(&crc32fast::hash(page));
        Ok(if matches { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(matches && pages.next().is_none())
}

/// The line end before a message, and the first bytes of the message.
const FROM: &[u8] = b"\nFrom ";

/// Number of bytes before the last possible start of the group that are searched. Reading more would delay the run by seconds only
/// to avoid fetching a group again.
const MAX_SEARCHED: u64 = 256 * 1024 * 1024;

/// Maximum number of positions that are compared with the group, from the last one back. Each comparison reads from the mbox.
const MAX_STARTS: usize = 65_536;
