//! Converts paths to JSON strings.

use crate::bytes::percent_encode;
use std::path::Path;

/// Returns a path as text. If the path is not UTF-8, its bytes are percent-encoded, and the flag is true.
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
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte);
    percent_encode(octets, plain).map(char::from).collect()
}
