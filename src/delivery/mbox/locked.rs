//! An mbox that other programs write too: locked in both ways, and a group of messages is appended whole or not at all.

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
    // Dropped before the dot-lock: closing any descriptor of a file ends its `fcntl` lock.
    pub(super) file: File,
    _dot_lock: DotLock,
}

impl Mbox {
    /// Opens and locks the mbox, and waits at most `wait` for other holders. A missing mbox is made if `made` is true,
    /// otherwise the result is `None`.
    pub(crate) fn lock(path: &Path, made: bool, wait: Duration) -> Result<Option<Self>, Error> {
        let failure =
            |error: io::Error| Error::output(format_args!("cannot open {}", path.display()), &error);
        if !made && !path.exists() {
            return Ok(None);
        }
        // Other programs may open the file by another name: the lock belongs next to the file itself.
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

    /// Describes what is about to be appended: the messages of a spool, which are identified by their digest.
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

    /// Removes a group that was written in part.
    pub(super) fn truncate(&mut self, append: &Append) -> io::Result<()> {
        self.file.set_len(append.offset)?;
        self.file.sync_all()
    }

    /// Writes the announced group, durably.
    pub(super) fn append(&mut self, append: &Append, spool: &File) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(append.offset))?;
        // Each write ends at the end of a page, so that a part of the group can be recognized.
        let mut file = BufWriter::with_capacity(BUFFER, &self.file);
        let mut written = 0;
        each_page(append, &mut padded(append, spool)?, |page| {
            written += page.len() as u64;
            file.write_all(page)?;
            Ok(ControlFlow::Continue(()))
        })?;
        if written != append.padding + append.content.octets {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        file.flush()?;
        drop(file);
        self.file.sync_all()
    }

    /// The number of line ends missing before a `From ` line, which must follow an empty line.
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

/// The last bytes before an offset: if they differ, another program has changed the mbox.
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

/// The bytes to append: the padding and the spool.
fn padded<'s>(append: &Append, mut spool: &'s File) -> io::Result<impl Read + 's> {
    spool.seek(SeekFrom::Start(0))?;
    let padding: &[u8] = &b"\n\n"[..usize::try_from(append.padding).unwrap_or(0).min(2)];
    Ok(padding.chain(spool.take(append.content.octets)))
}

/// Calls `take` with pieces of the input that end where a page of the mbox ends, until it breaks.
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
    // Opening a FIFO or a device would block; the caller refuses everything but a regular file.
    match path.metadata() {
        Ok(metadata) if !metadata.is_file() => return Err(io::Error::other("it is not a plain file")),
        Ok(_) => return options.open(path),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Err(_) => {}
    }
    // A link that leads nowhere yet: the file is made where it leads.
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

/// Bytes compared before the offset.
const BEFORE: u64 = 64 * 1024;

/// The unit that the kernel writes as a whole, or not at all, when a process is killed.
pub(super) const PAGE: u64 = 4096;

/// Bytes read at a time.
pub(super) const BUFFER: usize = 64 * 1024;
