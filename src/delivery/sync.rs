//! Makes many files durable with one sync.

use std::{io, path::Path};

/// The way in which the files of a folder are synced. Measured with 5,000 files of 6 KB on ext4, in groups of 500:
/// one by one 3.2 s, by four threads 1.7 s, with one `syncfs` per group 1.2 s, without a sync 0.4 s.
pub(crate) enum Syncing {
    /// Sync each file when it is complete.
    Each,
    /// The whole file system once per group.
    #[cfg(target_os = "linux")]
    Whole(std::fs::File),
}

impl Syncing {
    #[cfg(target_os = "linux")]
    pub(crate) fn of(folder: &Path) -> io::Result<Self> {
        let folder = std::fs::File::open(folder)?;
        let sort = rustix::fs::fstatfs(&folder)?.f_type;
        let sort = u32::try_from(sort).unwrap_or(0);
        Ok(if SYNCED_WHOLE.contains(&sort) && syncfs_tells_errors() {
            Self::Whole(folder)
        } else {
            Self::Each
        })
    }

    #[cfg(not(target_os = "linux"))]
    #[allow(clippy::unnecessary_wraps, reason = "on Linux it can fail")]
    pub(crate) fn of(_: &Path) -> io::Result<Self> {
        Ok(Self::Each)
    }

    /// Syncs a complete file, unless the whole file system is synced later.
    pub(crate) fn file(&self, file: &std::fs::File) -> io::Result<()> {
        match self {
            Self::Each => file.sync_all(),
            #[cfg(target_os = "linux")]
            Self::Whole(_) => Ok(()),
        }
    }

    /// Syncs a group of complete and closed files.
    #[cfg(target_os = "linux")]
    pub(crate) fn group<'a>(&self, mut files: impl ExactSizeIterator<Item = &'a Path>) -> io::Result<()> {
        match self {
            Self::Each => Ok(()),
            Self::Whole(_) if files.len() <= MAX_SINGLE_SYNCS => files.try_for_each(super::fs::sync_file),
            Self::Whole(folder) => Ok(rustix::fs::syncfs(folder)?),
        }
    }

    #[cfg(not(target_os = "linux"))]
    #[allow(clippy::unnecessary_wraps, reason = "on Linux it can fail")]
    pub(crate) fn group<'a>(&self, _: impl ExactSizeIterator<Item = &'a Path>) -> io::Result<()> {
        let Self::Each = self;
        Ok(())
    }
}

/// Returns true if `syncfs` reports failed writes: since Linux 5.8.
#[cfg(target_os = "linux")]
fn syncfs_tells_errors() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers =
        release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().unwrap_or(0_u32));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (5, 8)
}

/// Up to this many files are synced one by one: `syncfs` also writes the data of other programs on the file system.
#[cfg(target_os = "linux")]
const MAX_SINGLE_SYNCS: usize = 8;

/// File systems with a reliable `syncfs`, by their number in `statfs(2)`: ext2 to ext4, XFS, Btrfs, F2FS, tmpfs. On others, such
/// as FUSE, `syncfs` may do nothing.
#[cfg(target_os = "linux")]
const SYNCED_WHOLE: [u32; 5] = [0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010, 0x0102_1994];
