//! Counts the bytes that the parser examines, so that tests can show linear time without a clock.

/// Counts bytes that were examined; does nothing outside tests.
#[cfg(not(test))]
#[inline]
pub(super) fn add(_bytes: usize) {}

#[cfg(test)]
pub(super) use self::counter::{add, take};

#[cfg(test)]
mod counter {
    use std::cell::Cell;

    thread_local! {
        static STEPS: Cell<usize> = const { Cell::new(0) };
    }

    pub(in crate::header) fn add(bytes: usize) {
        STEPS.set(STEPS.get() + bytes);
    }

    /// Returns the count and starts again from 0.
    pub(in crate::header) fn take() -> usize {
        STEPS.take()
    }
}
