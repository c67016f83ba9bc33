//! The dot-lock `FILE.lock`, which other mail programs respect. On Unix it contains the process id in the first line, as other
//! programs write it, and in the second line `pop3` with the host, the boot and the start time of the process.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant, SystemTime},
};

#[cfg(unix)]
use crate::delivery::cleanup;
#[cfg(unix)]
use crate::delivery::process::{Holder, is_alive};
use crate::delivery::{
    error::{Error, ErrorKind},
    fs as disk,
    process::booted,
};

/// A dot-lock. It is removed when dropped, or when a signal ends the process.
pub(crate) struct DotLock {
    path: PathBuf,
    /// Windows removes the file when this handle closes, even if the process is killed.
    #[cfg(not(unix))]
    _file: fs::File,
}

impl DotLock {
    /// Takes the lock. If another program holds it, waits until `wait` has passed since `start`.
    pub(super) fn take(mbox: &Path, start: Instant, wait: Duration) -> Result<Self, Error> {
        let lock = suffixed(mbox, ".lock");
        loop {
            let error = match Self::make(&lock) {
                Ok(made) => return Ok(made),
                Err(error) => error,
            };
            if error.kind() != io::ErrorKind::AlreadyExists
                && !(is_being_removed(&error) && start.elapsed() < REMOVAL)
            {
                return Err(Error::output(format_args!("cannot make {}", lock.display()), &error));
            }
            if is_stale(&lock) && remove_stale(&lock) {
                continue;
            }
            if start.elapsed() >= wait {
                return Err(busy(mbox, &format!("another program holds {}", lock.display())));
            }
            thread::sleep(POLL.min(wait));
        }
    }

    /// Makes the lock together with its content, by renaming a complete file: a killed run must never leave a lock without a
    /// process id.
    #[cfg(unix)]
    fn make(lock: &Path) -> io::Result<Self> {
        let own = own_name(lock);
        let content = content();
        let mut guard = cleanup::hold();
        let _ = fs::remove_file(&own);
        let mut file = OpenOptions::new().write(true).create_new(true).open(&own)?;
        let made = file.write_all(content.as_bytes()).and_then(|()| {
            drop(file);
            disk::rename_new(&own, lock)
        });
        if made.is_ok() {
            guard.add_dot_lock(lock, content.as_bytes());
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
        // The lock is not removed if another program broke it and now holds it.
        #[cfg(unix)]
        cleanup::hold().remove_dot_lock(&self.path);
        #[cfg(not(unix))]
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(unix)]
fn content() -> String {
    let holder = Holder::current();
    format!("{}\npop3 {}\n", holder.id, holder.line())
}

/// Returns the name of the file that this process renames to the lock.
#[cfg(unix)]
fn own_name(lock: &Path) -> PathBuf {
    suffixed(lock, &format!("{PREPARED}{}", std::process::id()))
}

/// Returns true if the lock was removed while another process has it open: Windows frees the name when that process closes the file.
fn is_being_removed(error: &io::Error) -> bool {
    cfg!(windows) && error.kind() == io::ErrorKind::PermissionDenied
}

/// The state of the process that is named in a lock.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(not(unix), allow(dead_code, reason = "other processes are checked on Unix only"))]
enum Owner {
    /// A running process of this host.
    Alive,
    /// A `pop3` of this host that has ended.
    Dead,
    /// The lock of another program, with a process id that no process of this host has.
    DeadId,
    Unknown,
}

fn is_stale(lock: &Path) -> bool {
    let Ok(metadata) = lock.symlink_metadata() else { return false };
    let Ok(made) = metadata.modified() else { return false };
    let owner = if metadata.is_file() { owner(lock) } else { Owner::Unknown };
    // The clock of a file server may differ slightly.
    let of_earlier_boot = booted().is_some_and(|booted| made + MAX_CLOCK_SKEW < booted);
    let age = SystemTime::now().duration_since(made).unwrap_or_default();
    match owner {
        Owner::Dead => true,
        _ if of_earlier_boot => true,
        Owner::Alive => false,
        Owner::DeadId => age > MAX_AGE_DEAD_ID,
        Owner::Unknown => age > MAX_AGE_UNKNOWN,
    }
}

#[cfg(unix)]
fn owner(lock: &Path) -> Owner {
    let Ok(mut text) = fs::read_to_string(lock) else { return Owner::Unknown };
    // On a file system without hard links, a killed run may have left a placeholder instead of its lock.
    let prepared = text.strip_prefix(disk::PLACEHOLDER).and_then(|name| name.strip_suffix('\n'));
    if let Some(prepared) =
        prepared.filter(|name| name.contains(PREPARED)).map(|name| lock.with_file_name(name))
    {
        match fs::read_to_string(&prepared) {
            Ok(prepared_text) if disk::is_placeholder(lock, &prepared) => text = prepared_text,
            _ => return Owner::Unknown,
        }
    }
    let mut lines = text.split_inclusive('\n').map(|line| line.strip_suffix('\n'));
    // A line without a line end may be incomplete: "1" may become "1234\n".
    let (Some(Some(id)), second) = (lines.next(), lines.next().flatten()) else { return Owner::Unknown };
    if let Some(holder) = second.and_then(|line| Holder::parse(line.strip_prefix("pop3 ")?)) {
        return match holder.is_dead() {
            true => Owner::Dead,
            false if holder.is_alive() => Owner::Alive,
            false => Owner::Unknown,
        };
    }
    match id.trim().parse() {
        Ok(id) if is_alive(id) => Owner::Alive,
        // Other programs may write a host name in the second line.
        Ok(_)
            if second
                .is_none_or(|second| second.trim().is_empty() || second == super::super::process::host()) =>
        {
            Owner::DeadId
        }
        _ => Owner::Unknown,
    }
}

#[cfg(not(unix))]
fn owner(_: &Path) -> Owner {
    Owner::Unknown
}

/// Removes the files that ended runs of this program left next to the mbox: a stale lock, and files to be renamed to the lock.
#[cfg_attr(not(unix), allow(clippy::unnecessary_wraps, reason = "only Unix reads the folder"))]
pub(super) fn sweep(mbox: &Path) -> io::Result<()> {
    let mbox = mbox.canonicalize().unwrap_or_else(|_| mbox.to_path_buf());
    let lock = suffixed(&mbox, ".lock");
    if is_stale(&lock) {
        remove_stale(&lock);
    }
    #[cfg(unix)]
    {
        let prefix = disk::path_bytes(&suffixed(&lock, PREPARED));
        for entry in fs::read_dir(mbox.parent().unwrap_or(Path::new(".")))? {
            let path = entry?.path();
            let name = disk::path_bytes(&path);
            let Some(id) = name.strip_prefix(&*prefix) else { continue };
            if owner(&path) == Owner::Dead || is_unwritten(&path, id) && is_stale(&path) {
                disk::remove_if_present(&path)?;
            }
        }
    }
    Ok(())
}

/// Returns true for the file of a run that was killed before it wrote its process into the file: it is empty, and its name ends in
/// a process id.
#[cfg(unix)]
fn is_unwritten(path: &Path, id: &[u8]) -> bool {
    !id.is_empty()
        && id.iter().all(u8::is_ascii_digit)
        && path.symlink_metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0)
}

pub(super) fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(suffix);
    name.into()
}

/// Removes a stale lock. Returns false if it cannot be removed. The lock is first renamed: if another program has just replaced
/// it with a valid one, it is put back.
fn remove_stale(lock: &Path) -> bool {
    let aside = suffixed(lock, &format!("{PREPARED}{}-stale", std::process::id()));
    if fs::rename(lock, &aside).is_err() {
        return false;
    }
    if !is_stale(&aside) {
        let _ = disk::rename_new(&aside, lock);
    }
    let _ = fs::remove_file(&aside);
    true
}

pub(super) fn busy(path: &Path, why: &str) -> Error {
    Error::new(ErrorKind::Busy, format!("{} is in use: {why}; try again later", path.display()))
}

/// The part of a file name between the lock's name and the process id.
const PREPARED: &str = ".pop3-";

/// The time for which a removed lock may stay open in another process.
const REMOVAL: Duration = Duration::from_secs(1);

/// A flag of `CreateFileW`: the system removes the file when its last handle closes.
#[cfg(windows)]
const FILE_FLAG_DELETE_ON_CLOSE: u32 = 0x0400_0000;

/// Interval between two attempts to take the lock.
pub(super) const POLL: Duration = Duration::from_millis(50);

/// Maximum difference between the clocks of this host and a file server.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(2);

/// Age at which another program's lock is stale if no process has its id. It is not stale at once, because the id may belong to
/// another host.
const MAX_AGE_DEAD_ID: Duration = Duration::from_secs(60);

/// Age at which a lock of an unknown process is stale, as in other mail programs.
const MAX_AGE_UNKNOWN: Duration = Duration::from_secs(300);

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    fn stale(content: &str, age: u64) -> bool {
        let dir = tempfile::tempdir().unwrap();
        let lock = dir.path().join("box.lock");
        fs::write(&lock, content).unwrap();
        let file = fs::File::options().write(true).open(&lock).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
        is_stale(&lock)
    }

    #[test]
    fn a_lock_is_stale_by_its_holder_and_age() {
        let own = Holder::current().line();
        let id = std::process::id();
        let word = |at: usize, with: &str| {
            let mut words: Vec<_> = own.split(' ').collect();
            words[at] = with;
            format!("{id}\npop3 {}\n", words.join(" "))
        };
        let boot = booted().map(|booted| SystemTime::now().duration_since(booted).unwrap().as_secs());
        for (content, stale_after) in [
            (format!("{id}\npop3 {own}\n"), None),
            // The file named in the placeholder does not exist.
            ("pop3 is about to put here: box.lock.pop3-99999999\n".to_owned(), Some(300)),
            (format!("{id}\n"), None),
            ("1\n".to_owned(), None),
            (word(0, "99999999"), Some(0)),
            (word(2, "another-boot"), Some(0)),
            (word(3, "1"), Some(0)),
            (word(1, "another/1"), Some(300)),
            ("99999999\n".to_owned(), Some(60)),
            ("99999999".to_owned(), Some(300)),
            ("99999999\nanother\n".to_owned(), Some(300)),
            (String::new(), Some(300)),
            ("\0\0\0".to_owned(), Some(300)),
        ] {
            for age in [1, 50, 70, 290, 310, 3000] {
                let of_earlier_boot = boot.is_some_and(|boot| age > boot + 2);
                let expected = of_earlier_boot || stale_after.is_some_and(|after| age > after);
                assert_eq!(stale(&content, age), expected, "{content:?} after {age} s");
            }
            if let Some(boot) = boot {
                assert!(stale(&content, boot + 10), "{content:?} is older than this boot");
            }
        }
    }

    #[test]
    fn a_placeholder_is_as_stale_as_the_lock_that_it_stands_for() {
        let own = Holder::current().line();
        let id = std::process::id();
        for (holder, expected) in [(own.clone(), false), (own.replacen(&id.to_string(), "99999999", 1), true)]
        {
            let dir = tempfile::tempdir().unwrap();
            let lock = dir.path().join("box.lock");
            let prepared = dir.path().join("box.lock.pop3-7");
            fs::write(&prepared, format!("7\npop3 {holder}\n")).unwrap();
            fs::write(&lock, "pop3 is about to put here: box.lock.pop3-7\n").unwrap();
            assert_eq!(is_stale(&lock), expected);
            sweep(&dir.path().join("box")).unwrap();
            assert_eq!((lock.exists(), prepared.exists()), (!expected, !expected));
        }
    }

    #[test]
    fn files_of_other_programs_stay() {
        let dir = tempfile::tempdir().unwrap();
        let mbox = dir.path().join("box");
        let lock = dir.path().join("box.lock");
        for name in ["box.lock.20261122", "box.lock.99999999", "box.lock.pop3-7", "box.lock.pop3-notes"] {
            fs::write(dir.path().join(name), "99999999\n").unwrap();
        }
        sweep(&mbox).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4);
        let own = Holder::current().line().replacen(&std::process::id().to_string(), "99999999", 1);
        fs::write(dir.path().join("box.lock.pop3-99999999"), format!("99999999\npop3 {own}\n")).unwrap();
        sweep(&mbox).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4);

        // A run was killed before it wrote its process into the file.
        let unwritten = dir.path().join("box.lock.pop3-99999998");
        for (age, remaining) in [(1, 5), (310, 4)] {
            fs::write(&unwritten, "").unwrap();
            let file = fs::File::options().write(true).open(&unwritten).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
            sweep(&mbox).unwrap();
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), remaining, "after {age} s");
        }

        let held = DotLock::take(&mbox, Instant::now(), Duration::ZERO).unwrap();
        fs::remove_file(&lock).unwrap();
        fs::write(&lock, "1\n").unwrap();
        drop(held);
        assert_eq!(fs::read_to_string(&lock).unwrap(), "1\n", "another program's lock stays");
    }
}
