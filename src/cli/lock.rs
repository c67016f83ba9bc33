//! Waits for a file lock that another process holds. The system releases the lock when that process ends, even if it is killed.

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
    /// Another process still held the lock after the timeout.
    TimedOut,
    /// Another process still held the lock at the deadline of the run.
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

/// Interval between two attempts. Locks are held for a request or a write: a few hundred milliseconds at most.
const PAUSE: Duration = Duration::from_millis(20);
