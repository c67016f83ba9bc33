//! The window of unanswered commands (RFC 2449 §6.6).

/// RFC 2449 §6.6: unanswered commands must fit into the transport's send window, so that a write never blocks on a server
/// that is itself blocked in writing. Every system has at least this many bytes.
const MIN_WINDOW: usize = 2048;

/// A larger window is no faster: this one holds over 5,000 commands.
const MAX_WINDOW: usize = 64 * 1024;

/// The kernel counts its bookkeeping of segments too; for small segments that doubles the size.
const SEND_BUFFER_SHARE: usize = 2;

/// Returns how many bytes of commands may be unanswered, given the size of the send buffer.
pub(super) fn window(send_buffer: usize) -> usize {
    (send_buffer / SEND_BUFFER_SHARE).clamp(MIN_WINDOW, MAX_WINDOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_fits_the_send_buffer_and_has_bounds() {
        assert_eq!([0, 16_384, 1 << 30].map(window), [2048, 8192, 65_536]);
    }
}
