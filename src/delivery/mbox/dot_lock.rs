//! `FILE.lock`, which other mail programs look for. On Unix ours names its holder: the process id in the first line, as
//! elsewhere, then `pop3` with the host, the boot and the start of the process.

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

/// Removed when dropped, and by a signal that ends the process.
pub(crate) struct DotLock {
    path: PathBuf,
    /// Windows removes it with this handle, so also when the process is ended.
    #[cfg(not(unix))]
    _file: fs::File,
}

impl DotLock {
    /// Waits for another holder until `wait` has passed since `start`.
    pub(super) fn take(mbox: &Path, start: Instant, wait: Duration) -> Result<Self, Error> {
        let lock = suffixed(mbox, ".lock");
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
                return Err(busy(mbox, &format!("another program holds {}", lock.display())));
            }
            thread::sleep(POLL.min(wait));
        }
    }

    /// Made whole: a run that is killed must never leave a lock that does not name its holder.
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
        // One that somebody broke, and that belongs to another now, stays.
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

/// The name under which this process prepares its lock.
#[cfg(unix)]
fn own_name(lock: &Path) -> PathBuf {
    suffixed(lock, &format!("{PREPARED}{}", std::process::id()))
}

/// Whether the lock is gone but for somebody who looks at it: Windows gives the name free when that one has done.
fn is_going(error: &io::Error) -> bool {
    cfg!(windows) && error.kind() == io::ErrorKind::PermissionDenied
}

/// What a lock says of its holder.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(not(unix), allow(dead_code, reason = "only Unix tells of other processes"))]
enum Says {
    /// A process of this host that runs.
    Alive,
    /// Our own, of this host, and dead.
    Dead,
    /// Another program's process id, that no process of this host has.
    DeadId,
    Nothing,
}

fn is_stale(lock: &Path) -> bool {
    let Ok(metadata) = lock.symlink_metadata() else { return false };
    let Ok(made) = metadata.modified() else { return false };
    let says = if metadata.is_file() { says(lock) } else { Says::Nothing };
    // The clock of a file server may be a little off.
    let of_earlier_boot = booted().is_some_and(|booted| made + CLOCKS < booted);
    let age = SystemTime::now().duration_since(made).unwrap_or_default();
    match says {
        Says::Dead => true,
        _ if of_earlier_boot => true,
        Says::Alive => false,
        Says::DeadId => age > DEAD_ID,
        Says::Nothing => age > UNKNOWN,
    }
}

#[cfg(unix)]
fn says(lock: &Path) -> Says {
    let Ok(text) = fs::read_to_string(lock) else { return Says::Nothing };
    let mut lines = text.split_inclusive('\n').map(|line| line.strip_suffix('\n'));
    // Only what has been written whole tells of its holder: "1" may become "1234\n".
    let (Some(Some(id)), second) = (lines.next(), lines.next().flatten()) else { return Says::Nothing };
    if let Some(holder) = second.and_then(|line| Holder::parse(line.strip_prefix("pop3 ")?)) {
        return match holder.is_dead() {
            true => Says::Dead,
            false if holder.is_alive() => Says::Alive,
            false => Says::Nothing,
        };
    }
    match id.trim().parse() {
        Ok(id) if is_alive(id) => Says::Alive,
        // Another host's, should a host be named.
        Ok(_)
            if second
                .is_none_or(|second| second.trim().is_empty() || second == super::super::process::host()) =>
        {
            Says::DeadId
        }
        _ => Says::Nothing,
    }
}

#[cfg(not(unix))]
fn says(_: &Path) -> Says {
    Says::Nothing
}

/// Takes away what dead runs of this program left beside the mbox: their lock, and locks that they were about to make.
#[cfg_attr(not(unix), allow(clippy::unnecessary_wraps, reason = "only Unix reads the folder"))]
pub(super) fn sweep(mbox: &Path) -> io::Result<()> {
    let mbox = mbox.canonicalize().unwrap_or_else(|_| mbox.to_path_buf());
    let lock = suffixed(&mbox, ".lock");
    if is_stale(&lock) {
        remove_stale(&lock);
    }
    #[cfg(unix)]
    {
        let prefix = disk::path_octets(&suffixed(&lock, PREPARED));
        for entry in fs::read_dir(mbox.parent().unwrap_or(Path::new(".")))? {
            let path = entry?.path();
            if disk::path_octets(&path).starts_with(&prefix) && says(&path) == Says::Dead {
                fs::remove_file(path)?;
            }
        }
    }
    Ok(())
}

pub(super) fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(suffix);
    name.into()
}

/// Takes a stale lock away, and puts it back should it have been changed for a good one at the last moment.
/// Says whether it could be taken away.
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

/// Between the lock's name and the process id.
const PREPARED: &str = ".pop3-";

/// How long a lock that is gone can still be looked at.
const GOING: Duration = Duration::from_secs(1);

/// `CreateFileW`: the file goes with its last handle.
#[cfg(windows)]
const FILE_FLAG_DELETE_ON_CLOSE: u32 = 0x0400_0000;

/// How often a held lock is tried.
pub(super) const POLL: Duration = Duration::from_millis(50);

/// How far clocks may be apart.
const CLOCKS: Duration = Duration::from_secs(2);

/// Another program's lock is stale so long after its process ended: the id may be another host's.
const DEAD_ID: Duration = Duration::from_secs(60);

/// A lock of nobody known is stale after five minutes, as other mail programs have it.
const UNKNOWN: Duration = Duration::from_secs(300);

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
    fn what_belongs_to_others_stays() {
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

        let held = DotLock::take(&mbox, Instant::now(), Duration::ZERO).unwrap();
        fs::remove_file(&lock).unwrap();
        fs::write(&lock, "1\n").unwrap();
        drop(held);
        assert_eq!(fs::read_to_string(&lock).unwrap(), "1\n", "another program's lock stays");
    }
}
