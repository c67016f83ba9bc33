//! Counts the bytes that the parser examines, so that tests can check for linear time without a clock.

/// Adds to the count; does nothing outside tests.
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

    /// Returns the count and resets it to 0.
    pub(in crate::header) fn take() -> usize {
        STEPS.take()
    }
}
