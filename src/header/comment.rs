//! Comments (RFC 5322 §3.2.2).

use super::steps;

/// The length of the comment that `text` begins with; `None` if it is not closed.
pub(super) fn length(text: &[u8]) -> Option<usize> {
    let mut depth = 0_usize;
    let mut is_escaped = false;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'(' => depth += 1,
            b')' if depth == 1 => {
                steps::add(at);
                return Some(at + 1);
            }
            b')' => depth -= 1,
            _ => {}
        }
    }
    steps::add(text.len());
    None
}
