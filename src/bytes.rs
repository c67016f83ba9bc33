//! Small conversions between bytes and text.

use std::fmt;

/// Bytes as lower-case hexadecimal digits, two a byte.
///
/// ```
/// assert_eq!(pop3::bytes::Hex(b"\x00\xab").to_string(), "00ab");
/// ```
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
