//! An mbox that other programs write too: its locks, and a group of messages that gets in whole or not at all.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant, SystemTime},
};

use crate::delivery::{
    cleanup,
    error::{Error, ErrorKind},
    fs as disk,
    record::journal::Append,
};

/// An mbox, open and locked both ways: with `FILE.lock` and with the kernel's `fcntl` lock.
pub(crate) struct Mbox {
    // The first to go: closing any descriptor of a file ends its `fcntl` lock.
    pub(crate) file: File,
    _dot_lock: DotLock,
}

impl Mbox {
    /// Opens and locks it, waiting for others at most so long. `None` where there is none and none shall be `made`.
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

    pub(crate) fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// How many line ends are missing for it to end in a blank line, as what comes before a `From ` line must.
    pub(crate) fn padding(&mut self) -> io::Result<u64> {
        let length = self.len()?;
        let mut end = vec![0; usize::try_from(length.min(2)).unwrap_or(0)];
        self.file.seek(SeekFrom::Start(length - end.len() as u64))?;
        self.file.read_exact(&mut end)?;
        Ok(match end.as_slice() {
            [] | b"\n" | b"\n\n" => 0,
            [.., b'\n'] => 1,
            _ => 2,
        })
    }

    /// Writes what the journal announced; what went wrong leaves the mbox as it was.
    pub(crate) fn append(&mut self, append: &Append, octets: &mut impl Read) -> io::Result<()> {
        let written = self.file.seek(SeekFrom::Start(append.offset)).and_then(|_| {
            self.file.write_all(&b"\n\n"[..usize::try_from(append.padding).unwrap_or(0)])?;
            let copied = io::copy(&mut octets.take(append.octets), &mut self.file)?;
            if copied == append.octets {
                self.file.sync_all()
            } else {
                Err(io::ErrorKind::UnexpectedEof.into())
            }
        });
        if written.is_err() {
            self.file.set_len(append.offset)?;
            self.file.sync_all()?;
        }
        written
    }
}

/// Whether the group of messages is in the mbox, whole.
pub(crate) fn holds(append: &Append) -> bool {
    // Reading needs no lock: the checksum tells.
    File::open(&append.mbox).is_ok_and(|file| holds_whole(&file, append).unwrap_or(false))
}

/// After a run that was killed: whether the group got in whole. What got in of it else is cut off again, unless others
/// have appended since.
pub(crate) fn settle(append: &Append, wait: Duration) -> Result<bool, Error> {
    let failure =
        |error| Error::output(format_args!("cannot finish storing in {}", append.mbox.display()), &error);
    let Some(mbox) = Mbox::lock(&append.mbox, false, wait)? else { return Ok(false) };
    if holds_whole(&mbox.file, append).map_err(failure)? {
        mbox.file.sync_all().map_err(failure)?;
        return Ok(true);
    }
    if is_remainder(&mbox.file, append).map_err(failure)? {
        mbox.file.set_len(append.offset).map_err(failure)?;
        mbox.file.sync_all().map_err(failure)?;
    }
    Ok(false)
}

fn holds_whole(mut file: &File, append: &Append) -> io::Result<bool> {
    file.seek(SeekFrom::Start(append.offset.saturating_add(append.padding)))?;
    let mut input = file.take(append.octets);
    let (mut hasher, mut block, mut octets) = (crc32fast::Hasher::new(), vec![0; BLOCK], 0);
    loop {
        match input.read(&mut block)? {
            0 => return Ok(octets == append.octets && hasher.finalize() == append.checksum),
            count => {
                hasher.update(&block[..count]);
                octets += count as u64;
            }
        }
    }
}

/// Whether what stands behind the offset is a part of the group and nothing else: no longer than the group, and with no
/// `From ` line but the group's own. Blocks that never reached the disk read as NULs.
fn is_remainder(mut file: &File, append: &Append) -> io::Result<bool> {
    let length = file.metadata()?.len();
    let end = append.offset.saturating_add(append.padding).saturating_add(append.octets);
    if length <= append.offset || length > end {
        return Ok(false);
    }
    file.seek(SeekFrom::Start(append.offset))?;
    let mut input = BufReader::with_capacity(BLOCK, file);
    let mut at_start = true;
    loop {
        // A line may be as long as a message; what matters is its beginning.
        let mut line = Vec::new();
        input.by_ref().take(BLOCK as u64).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(true);
        }
        let ended = line.pop_if(|octet| *octet == b'\n').is_some();
        let own = line == append.from || (!ended && append.from.starts_with(&line));
        if at_start && line.starts_with(b"From ") && !own {
            return Ok(false);
        }
        at_start = ended;
    }
}

/// `FILE.lock`, removed when dropped, and by a signal that ends the process.
struct DotLock {
    path: PathBuf,
    /// Windows removes it with this handle, so also when the process is ended.
    #[cfg(not(unix))]
    _file: File,
}

impl DotLock {
    fn take(path: &Path, start: Instant, wait: Duration) -> Result<Self, Error> {
        let lock = suffixed(path, ".lock");
        loop {
            let error = match Self::make(&lock) {
                Ok(made) => return Ok(made),
                Err(error) => error,
            };
            if error.kind() != io::ErrorKind::AlreadyExists && !(is_going(&error) && start.elapsed() < GOING)
            {
                return Err(Error::output(format_args!("cannot make {}", lock.display()), &error));
            }
            if is_stale(&lock) && remove_stale(&lock) {
                continue;
            }
            if start.elapsed() >= wait {
                return Err(busy(path, &format!("another program holds {}", lock.display())));
            }
            thread::sleep(POLL.min(wait));
        }
    }

    /// Made whole: a run that is killed must never leave a lock that does not name its holder.
    #[cfg(unix)]
    fn make(lock: &Path) -> io::Result<Self> {
        let own = suffixed(lock, &format!(".{}", std::process::id()));
        let mut guard = cleanup::hold();
        let _ = fs::remove_file(&own);
        let mut file = OpenOptions::new().write(true).create_new(true).open(&own)?;
        let made = writeln!(file, "{}", std::process::id()).and_then(|()| {
            drop(file);
            disk::rename_new(&own, lock)
        });
        if made.is_ok() {
            guard.set_dot_lock(Some(lock));
        } else {
            let _ = fs::remove_file(&own);
        }
        made.map(|()| Self { path: lock.to_path_buf() })
    }

    #[cfg(not(unix))]
    fn make(lock: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        #[cfg(windows)]
        std::os::windows::fs::OpenOptionsExt::custom_flags(&mut options, FILE_FLAG_DELETE_ON_CLOSE);
        let mut file = options.write(true).create_new(true).open(lock)?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Self { path: lock.to_path_buf(), _file: file })
    }
}

impl Drop for DotLock {
    fn drop(&mut self) {
        let mut guard = cleanup::hold();
        let _ = fs::remove_file(&self.path);
        guard.set_dot_lock(None);
    }
}

/// Whether the lock is gone but for somebody who looks at it: Windows gives the name free when that one has done.
fn is_going(error: &io::Error) -> bool {
    cfg!(windows) && error.kind() == io::ErrorKind::PermissionDenied
}

/// Whether the lock's holder is dead, or so long at it that it must be.
fn is_stale(lock: &Path) -> bool {
    let Ok(metadata) = lock.symlink_metadata() else { return false };
    let age = metadata.modified().ok().and_then(|made| SystemTime::now().duration_since(made).ok());
    if age.is_some_and(|age| age > STALE) {
        return true;
    }
    // Only what has been written whole tells of its holder: "1" may become "1234\n".
    let holder = metadata.is_file().then(|| fs::read_to_string(lock).ok()).flatten();
    holder.is_some_and(|holder| {
        holder.strip_suffix('\n').is_some_and(|id| id.trim().parse().is_ok_and(is_dead))
    })
}

/// Takes away what dead holders left beside the mbox: their locks, and locks that they were about to make.
pub(crate) fn sweep(path: &Path) -> io::Result<()> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let lock = suffixed(&path, ".lock");
    if is_stale(&lock) {
        remove_stale(&lock);
    }
    let prefix = suffixed(&lock, ".");
    for entry in fs::read_dir(path.parent().unwrap_or(Path::new(".")))? {
        let entry = entry?.path();
        let holder = disk::path_octets(&entry).strip_prefix(&*disk::path_octets(&prefix)).map(<[u8]>::to_vec);
        let holder = holder.and_then(|holder| String::from_utf8(holder).ok()?.parse().ok());
        if holder.is_some_and(is_dead) {
            fs::remove_file(entry)?;
        }
    }
    Ok(())
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(suffix);
    name.into()
}

/// Takes a stale lock away, and puts it back should it have been changed for a good one at the last moment.
/// Says whether it could be taken away.
fn remove_stale(lock: &Path) -> bool {
    let aside = suffixed(lock, &format!(".{}", std::process::id()));
    if fs::rename(lock, &aside).is_err() {
        return false;
    }
    if !is_stale(&aside) {
        let _ = disk::rename_new(&aside, lock);
    }
    let _ = fs::remove_file(&aside);
    true
}

#[cfg(unix)]
fn is_dead(id: i32) -> bool {
    use rustix::{
        io::Errno,
        process::{Pid, test_kill_process},
    };
    id > 0 && Pid::from_raw(id).is_some_and(|id| test_kill_process(id) == Err(Errno::SRCH))
}

#[cfg(not(unix))]
fn is_dead(_: i32) -> bool {
    false
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
    let link = disk::stands(path);
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
        Err(fs::TryLockError::WouldBlock) => Ok(false),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

fn busy(path: &Path, why: &str) -> Error {
    Error::new(ErrorKind::Busy, format!("{} is in use: {why}; try again later", path.display()))
}

/// How long a lock that is gone can still be looked at.
const GOING: Duration = Duration::from_secs(1);

/// `CreateFileW`: the file goes with its last handle.
#[cfg(windows)]
const FILE_FLAG_DELETE_ON_CLOSE: u32 = 0x0400_0000;

/// How often a held lock is tried.
const POLL: Duration = Duration::from_millis(50);

/// A dot-lock older than this is nobody's: five minutes, as other mail programs have it.
const STALE: Duration = Duration::from_secs(300);

/// Octets read at a time.
const BLOCK: usize = 64 * 1024;
