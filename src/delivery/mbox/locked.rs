//! An mbox that other programs write too: locked both ways, and a group of messages that gets in whole or not at all.

use std::{
    fs::File,
    io::{self, BufWriter, Read, Seek, SeekFrom, Write},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use sha2::{Digest as _, Sha256};

use super::dot_lock::{DotLock, POLL, busy};
use crate::delivery::{
    error::{Error, ErrorKind},
    fs as disk,
    record::{
        journal::{Append, Content},
        recovery::Outcome,
    },
};

/// An mbox, open and locked both ways: with `FILE.lock` and with the kernel's `fcntl` lock.
pub(crate) struct Mbox {
    // The first to go: closing any descriptor of a file ends its `fcntl` lock.
    file: File,
    _dot_lock: DotLock,
}

impl Mbox {
    /// Opens and locks it, waiting for others at most `wait`. `None` where there is none and none shall be `made`.
    pub(crate) fn lock(path: &Path, made: bool, wait: Duration) -> Result<Option<Self>, Error> {
        let failure =
            |error: io::Error| Error::output(format_args!("cannot open {}", path.display()), &error);
        if !made && !path.exists() {
            return Ok(None);
        }
        // The lock belongs beside the file itself, where others who know it by another name look too.
        let path = &path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let start = Instant::now();
        let dot_lock = DotLock::take(path, start, wait)?;
        let file = open(path).map_err(failure)?;
        if !file.metadata().map_err(failure)?.is_file() {
            return Err(Error::new(ErrorKind::Output, format!("{} is not a plain file", path.display())));
        }
        while !try_lock(&file).map_err(failure)? {
            if start.elapsed() >= wait {
                return Err(busy(path, "another program has it locked"));
            }
            thread::sleep(POLL);
        }
        Ok(Some(Self { file, _dot_lock: dot_lock }))
    }

    /// What is about to be appended: the messages of a spool, which are known by their digest.
    pub(super) fn prepare(&mut self, path: &Path, spool: &File, content: Content) -> io::Result<Append> {
        let offset = self.file.metadata()?.len();
        let padding = self.padding(offset)?;
        let before = before(&self.file, offset)?;
        let mut append =
            Append { mbox: path.to_path_buf(), offset, before, padding, content, pages: Vec::new() };
        let mut pages = Vec::new();
        each_page(&append, &mut padded(&append, spool)?, |page| {
            pages.push(crc32fast::hash(page));
            Ok(())
        })?;
        append.pages = pages;
        Ok(append)
    }

    /// Writes what the record announced; what went wrong leaves the mbox as it was.
    pub(super) fn append(&mut self, append: &Append, spool: &File) -> io::Result<()> {
        let written = self.write(append, spool);
        if written.is_err() {
            self.file.set_len(append.offset)?;
            self.file.sync_all()?;
        }
        written
    }

    fn write(&mut self, append: &Append, spool: &File) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(append.offset))?;
        // Each write ends where a page of the file ends, so that a part of the group can be recognized.
        let mut file = BufWriter::with_capacity(BUFFER, &self.file);
        let mut written = 0;
        each_page(append, &mut padded(append, spool)?, |page| {
            written += page.len() as u64;
            file.write_all(page)
        })?;
        if written != append.padding + append.content.octets {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        file.flush()?;
        drop(file);
        self.file.sync_all()
    }

    /// How many line ends are missing for it to end in an empty line, as what comes before a `From ` line must.
    fn padding(&mut self, length: u64) -> io::Result<u64> {
        let mut end = vec![0; usize::try_from(length.min(2)).unwrap_or(0)];
        self.file.seek(SeekFrom::Start(length - end.len() as u64))?;
        self.file.read_exact(&mut end)?;
        Ok(match end.as_slice() {
            [] | b"\n" | b"\n\n" => 0,
            [.., b'\n'] => 1,
            _ => 2,
        })
    }
}

/// After a run that was killed: whether the group got in whole. A part of it is cut off again. The mbox must be the one that
/// it was: it ends as it did, and what stands behind that is the group's, page by page.
pub(crate) fn settle(append: &Append, wait: Duration) -> Outcome {
    let open = |why: &dyn std::fmt::Display| Outcome::Open(why.to_string());
    if append.mbox.parent().is_some_and(|folder| !folder.is_dir()) {
        return open(&format_args!("{} is not there", append.mbox.display()));
    }
    let mbox = match Mbox::lock(&append.mbox, false, wait) {
        Ok(Some(mbox)) => mbox,
        Ok(None) => return Outcome::Void,
        Err(error) => return open(&error),
    };
    match settle_locked(&mbox.file, append) {
        Ok(true) => Outcome::Stored(append.mbox.clone()),
        Ok(false) => Outcome::Void,
        Err(error) => open(&format_args!("cannot finish storing in {}: {error}", append.mbox.display())),
    }
}

fn settle_locked(mut file: &File, append: &Append) -> io::Result<bool> {
    let length = file.metadata()?.len();
    if length < append.offset || before(file, append.offset)? != append.before {
        return Ok(false);
    }
    file.seek(SeekFrom::Start(append.offset.saturating_add(append.padding)))?;
    if content_of(&mut file.take(append.content.octets))? == append.content {
        file.sync_all()?;
        return Ok(true);
    }
    if length > append.offset && is_part(file, append, length)? {
        file.set_len(append.offset)?;
        file.sync_all()?;
    }
    Ok(false)
}

/// Whether what stands behind the offset is a part of the group and nothing else: whole pages of it, or pages that never
/// reached the disk and read as NULs.
fn is_part(mut file: &File, append: &Append, length: u64) -> io::Result<bool> {
    let end = append.offset.saturating_add(append.padding).saturating_add(append.content.octets);
    if length > end || (length < end && !length.is_multiple_of(PAGE)) {
        return Ok(false);
    }
    file.seek(SeekFrom::Start(append.offset))?;
    let (mut is_part, mut pages) = (true, append.pages.iter());
    each_page(append, &mut file, |page| {
        is_part &= pages.next() == Some(&crc32fast::hash(page)) || page.iter().all(|&octet| octet == 0);
        Ok(())
    })?;
    Ok(is_part)
}

/// The last bytes before an offset, which tell this mbox from a changed one.
fn before(mut file: &File, offset: u64) -> io::Result<Content> {
    file.seek(SeekFrom::Start(offset - offset.min(BEFORE)))?;
    content_of(&mut file.take(offset.min(BEFORE)))
}

fn content_of(input: &mut impl Read) -> io::Result<Content> {
    let (mut hash, mut block, mut octets) = (Sha256::new(), vec![0; BUFFER], 0);
    loop {
        match input.read(&mut block)? {
            0 => return Ok(Content { octets, sha256: hash.finalize().into() }),
            count => {
                hash.update(&block[..count]);
                octets += count as u64;
            }
        }
    }
}

/// The padding and the spool as they go into the mbox.
fn padded<'s>(append: &Append, mut spool: &'s File) -> io::Result<impl Read + 's> {
    spool.seek(SeekFrom::Start(0))?;
    let padding: &[u8] = &b"\n\n"[..usize::try_from(append.padding).unwrap_or(0).min(2)];
    Ok(padding.chain(spool.take(append.content.octets)))
}

/// Gives what is read in pieces that end where a page of the mbox ends.
fn each_page(
    append: &Append,
    input: &mut impl Read,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut page = vec![0; usize::try_from(PAGE).unwrap_or(0)];
    let mut at = append.offset;
    loop {
        let room = usize::try_from(PAGE - at % PAGE).unwrap_or(0);
        let mut filled = 0;
        while filled < room {
            match input.read(&mut page[filled..room]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if filled == 0 {
            return Ok(());
        }
        take(&page[..filled])?;
        at += filled as u64;
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = disk::private_options();
    options.read(true).write(true);
    // A FIFO or a device would be waited for; what is no plain file is refused by the caller.
    match path.metadata() {
        Ok(metadata) if !metadata.is_file() => return Err(io::Error::other("it is not a plain file")),
        Ok(_) => return options.open(path),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Err(_) => {}
    }
    // Through a link of the user's that leads nowhere yet, it is made all the same.
    let link = disk::exists(path);
    let file = if link { options.create(true).open(path)? } else { options.create_new(true).open(path)? };
    disk::make_private(&file)?;
    let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    disk::sync_folder(path.parent().unwrap_or(Path::new("/")))?;
    Ok(file)
}

#[cfg(unix)]
fn try_lock(file: &File) -> io::Result<bool> {
    use rustix::{
        fs::{FlockOperation, fcntl_lock},
        io::Errno,
    };
    match fcntl_lock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::AGAIN | Errno::ACCESS) => Ok(false),
        locked => Ok(locked.map(|()| true)?),
    }
}

#[cfg(not(unix))]
fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(std::fs::TryLockError::WouldBlock) => Ok(false),
        Err(std::fs::TryLockError::Error(error)) => Err(error),
    }
}

/// Bytes that are compared before the offset.
const BEFORE: u64 = 64 * 1024;

/// What the kernel writes as a whole, or not at all, when a process is killed.
const PAGE: u64 = 4096;

/// Bytes read at a time.
const BUFFER: usize = 64 * 1024;
