//! Paths as JSON strings.

use std::{fmt::Write as _, path::Path};

/// Returns a path as text, and true if it is percent-encoded because it is not UTF-8. Decoding gives the bytes of the
/// path.
pub fn path(path: &Path) -> (String, bool) {
    match path.to_str() {
        Some(text) => (text.to_owned(), false),
        None => (percent_encoded(path.as_os_str().as_encoded_bytes()), true),
    }
}

/// Returns the bytes of a path as text, percent-encoded if they are not UTF-8.
pub fn path_octets(path: Vec<u8>) -> String {
    String::from_utf8(path).unwrap_or_else(|error| percent_encoded(error.as_bytes()))
}

/// `b"/caf\xe9"` → `/caf%E9`
fn percent_encoded(octets: &[u8]) -> String {
    let mut encoded = String::with_capacity(octets.len() + 8);
    for &octet in octets {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                encoded.push(octet.into());
            }
            _ => {
                let _ = write!(encoded, "%{octet:02X}");
            }
        }
    }
    encoded
}
