//! An mbox that other programs also write: it is locked in both ways, and a group of messages is appended either completely or
//! not at all.

use std::{
    fs::File,
    io::{self, BufWriter, Read, Seek, SeekFrom, Write},
    ops::ControlFlow,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use sha2::{Digest as _, Sha256};

use super::dot_lock::{DotLock, POLL, busy};
use crate::delivery::{
    error::{Error, ErrorKind},
    fs as disk,
    record::journal::{Append, Content},
};

/// An open mbox, locked in both ways: with `FILE.lock` and with the kernel's `fcntl` lock.
pub(crate) struct Mbox {
    // The file is declared, and so dropped, before the dot-lock, because closing it releases its `fcntl` lock.
    pub(super) file: File,
    _dot_lock: DotLock,
}

impl Mbox {
    /// Opens and locks the mbox. Waits up to `wait` if another program has locked it. A missing mbox is made if `made` is true;
    /// otherwise returns `None`.
    pub(crate) fn lock(path: &Path, made: bool, wait: Duration) -> Result<Option<Self>, Error> {
        let failure =
            |error: io::Error| Error::output(format_args!("cannot open {}", path.display()), &error);
        if !made && !path.exists() {
            return Ok(None);
        }
        // Links are resolved: other programs may use another path, so the lock must be next to the file itself.
        let path = &path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let start = Instant::now();
        let dot_lock = DotLock::take(path, start, wait)?;
        let file = open(path).map_err(failure)?;
        if !file.metadata().map_err(failure)?.is_file() {
            return Err(Error::new(ErrorKind::Output, format!("{} is not a regular file", path.display())));
        }
        while !try_lock(&file).map_err(failure)? {
            if start.elapsed() >= wait {
                return Err(busy(path, "another program has it locked"));
            }
            thread::sleep(POLL);
        }
        Ok(Some(Self { file, _dot_lock: dot_lock }))
    }

    /// Describes the group that is about to be appended: `content`, the content of the spool.
    pub(super) fn prepare(&mut self, path: &Path, spool: &File, content: Content) -> io::Result<Append> {
        let offset = self.file.metadata()?.len();
        let padding = self.padding(offset)?;
        let before = before(&self.file, offset)?;
        let mut append =
            Append { mbox: path.to_path_buf(), offset, before, padding, content, pages: Vec::new() };
        let mut pages = Vec::new();
        each_page(&append, &mut padded(&append, spool)?, |page| {
            pages.push(crc32fast::hash(page));
            Ok(ControlFlow::Continue(()))
        })?;
        append.pages = pages;
        Ok(append)
    }

    /// Removes a partially written group.
    pub(super) fn truncate(&mut self, append: &Append) -> io::Result<()> {
        self.file.set_len(append.offset)?;
        self.file.sync_all()
    }

    /// Durably appends the group.
    pub(super) fn append(&mut self, append: &Append, spool: &File) -> io::Result<()> {
        #[cfg(unix)]
        check_limit(append)?;
        self.file.seek(SeekFrom::Start(append.offset))?;
        // Each write ends at a page boundary, so that a partially written group can be recognized.
        let mut file = BufWriter::with_capacity(BUFFER, &self.file);
        let mut written = 0;
        each_page(append, &mut padded(append, spool)?, |page| {
            written += page.len() as u64;
            file.write_all(page)?;
            Ok(ControlFlow::Continue(()))
        })?;
        if append.offset + written != append.end() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        file.flush()?;
        drop(file);
        self.file.sync_all()
    }

    /// Returns the number of line ends to add: a `From ` line must follow an empty line.
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

/// Returns the length and hash of the last bytes before an offset: if they differ later, another program has changed the mbox.
pub(super) fn before(mut file: &File, offset: u64) -> io::Result<Content> {
    file.seek(SeekFrom::Start(offset - offset.min(BEFORE)))?;
    content_of(&mut file.take(offset.min(BEFORE)))
}

pub(super) fn content_of(input: &mut impl Read) -> io::Result<Content> {
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

/// Returns a reader of the bytes to append: the padding and the spool.
fn padded<'s>(append: &Append, mut spool: &'s File) -> io::Result<impl Read + 's> {
    spool.seek(SeekFrom::Start(0))?;
    let padding: &[u8] = &b"\n\n"[..usize::try_from(append.padding).unwrap_or(0).min(2)];
    Ok(padding.chain(spool.take(append.content.octets)))
}

/// Calls `take` with pieces of the input that end at the page boundaries of the mbox, until `take` breaks.
pub(super) fn each_page(
    append: &Append,
    input: &mut impl Read,
    mut take: impl FnMut(&[u8]) -> io::Result<ControlFlow<()>>,
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
        if filled == 0 || take(&page[..filled])?.is_break() {
            return Ok(());
        }
        at += filled as u64;
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = disk::private_options();
    options.read(true).write(true);
    // The type is checked before the file is opened, because opening a FIFO or a device could block.
    match path.metadata() {
        Ok(metadata) if !metadata.is_file() => return Err(io::Error::other("not a regular file")),
        Ok(_) => return options.open(path),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Err(_) => {}
    }
    // A dangling link: the target is made.
    let link = disk::exists(path);
    let file = if link { options.create(true).open(path)? } else { options.create_new(true).open(path)? };
    disk::make_private(&file)?;
    let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    disk::sync_folder(path.parent().unwrap_or(Path::new("/")))?;
    Ok(file)
}

/// Fails if the group would exceed the size limit of files (`ulimit -f`). A write that the limit cuts short ends within a page,
/// and after a kill that part of the group could not be recognized.
#[cfg(unix)]
fn check_limit(append: &Append) -> io::Result<()> {
    use rustix::{
        io::Errno,
        process::{Resource, getrlimit},
    };
    match getrlimit(Resource::Fsize).current {
        Some(limit) if append.end() > limit => Err(Errno::FBIG.into()),
        _ => Ok(()),
    }
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

/// Number of bytes before the offset that are compared.
const BEFORE: u64 = 64 * 1024;

/// Page size in bytes: if a process is killed, the kernel has written a page either completely or not at all.
pub(super) const PAGE: u64 = 4096;

/// Number of bytes that are read at a time.
pub(super) const BUFFER: usize = 64 * 1024;
