//! Waiting for a lock that another process holds. The system releases a lock when its holder ends, however it ends.

use std::{
    fs::{File, TryLockError},
    io, thread,
    time::{Duration, Instant},
};

use crate::net::Limits;

/// The outcome of waiting for a lock.
pub enum Waited {
    /// The lock is held until the file is closed.
    Locked,
    /// Another process still holds it after the timeout.
    TimedOut,
    /// The same, at the deadline of the run.
    PastDeadline,
}

/// Locks a file exclusively, waiting for other processes within the limits.
pub fn wait(file: &File, limits: Limits) -> io::Result<Waited> {
    let started = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Waited::Locked),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) => {}
        }
        if limits.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Ok(Waited::PastDeadline);
        }
        let left = limits.timeout.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Ok(Waited::TimedOut);
        }
        thread::sleep(PAUSE.min(limits.remaining()).min(left));
    }
}

/// Holders keep a lock for a request or a write: some hundred milliseconds at most.
const PAUSE: Duration = Duration::from_millis(20);
