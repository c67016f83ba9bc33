//! The window of unanswered commands (RFC 2449 §6.6).

/// RFC 2449 §6.6: unanswered commands must fit into the transport's send window, because a blocked write and a server
/// that is itself blocked on a write would deadlock. Every system provides at least this many bytes.
const MIN_WINDOW: usize = 2048;

/// A larger window is no faster: this one holds over 5,000 commands.
const MAX_WINDOW: usize = 64 * 1024;

/// The kernel includes its per-segment overhead in the buffer size; for small segments, the overhead is half of it.
const SEND_BUFFER_SHARE: usize = 2;

/// Returns the maximum size of the unanswered commands in bytes for a send buffer of this size.
pub(super) fn window(send_buffer: usize) -> usize {
    (send_buffer / SEND_BUFFER_SHARE).clamp(MIN_WINDOW, MAX_WINDOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_depends_on_the_send_buffer() {
        assert_eq!([0, 16_384, 1 << 30].map(window), [2048, 8192, 65_536]);
    }
}
