//! The lock of a record: one writer per account. The kernel releases it when the process ends.

use std::{
    fs::{File, TryLockError},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use crate::delivery::{
    error::{Error, ErrorKind},
    fs as disk,
};

/// Takes the lock. Waits up to `wait` if another process holds it.
pub(crate) fn take(path: &Path, account: &str, wait: Duration) -> Result<File, Error> {
    let failure =
        |error| Error::output(format_args!("cannot lock the record with {}", path.display()), &error);
    let file = disk::own_options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(failure)?;
    disk::make_private(&file).map_err(failure)?;
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(failure(error)),
            Err(TryLockError::WouldBlock) if start.elapsed() >= wait => {
                return Err(Error::new(
                    ErrorKind::Busy,
                    format!(
                        "another pop3 is fetching for {account} and has locked {}; try again later",
                        path.display()
                    ),
                ));
            }
            Err(TryLockError::WouldBlock) => thread::sleep(POLL.min(wait)),
        }
    }
}

/// Interval between two attempts to take the lock.
const POLL: Duration = Duration::from_millis(20);
