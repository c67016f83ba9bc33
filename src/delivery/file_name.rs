//! File names from untrusted text, valid on every file system.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::bytes::{Hex, percent_encode};

/// Converts bytes to a file name without extension; the caller must add one. Every byte but `A-Z a-z 0-9 - _ .` becomes `%XX`,
/// as do a leading dot or hyphen and the first letter of a name that Windows reserves. A name of more than `longest` characters
/// is cut, and ends with a hash.
///
/// `b"<1@x>"` → `%3C1%40x%3E`, `b"../a"` → `%2E.%2Fa`, `b"con.x"` → `%63on.x`
pub(crate) fn portable(bytes: &[u8], longest: usize) -> String {
    let reserved = is_reserved(bytes);
    let mut at = 0;
    let is_plain = |byte: u8| {
        let first = std::mem::replace(&mut at, 1) == 0;
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        plain && !(first && (reserved || matches!(byte, b'.' | b'-')))
    };
    let mut name: String = percent_encode(bytes, is_plain).map(char::from).collect();
    if name.is_empty() {
        // A single `%` marks an empty unique-id, since no escaped byte looks like this.
        name.push('%');
    }
    if name.len() > longest {
        let hash = short_hash(bytes);
        name.truncate(longest - hash.len() - 1);
        name.push('-');
        name.push_str(&hash);
    }
    name
}

/// Puts a number before the extension, unless `count` is 1: `uid.eml`, `uid-2.eml`, `uid-3.eml`…
pub(crate) fn numbered(name: &Path, count: u32) -> PathBuf {
    if count < 2 {
        return name.to_path_buf();
    }
    let mut stem = name.file_stem().unwrap_or_default().to_os_string();
    stem.push(format!("-{count}"));
    if let Some(extension) = name.extension() {
        stem.push(".");
        stem.push(extension);
    }
    name.with_file_name(stem)
}

/// Returns the first 64 bits of the SHA-256 hash, in hex.
pub(crate) fn short_hash(bytes: &[u8]) -> String {
    Hex(&Sha256::digest(bytes)[..8]).to_string()
}

/// Returns true for the name of a Windows device, with any extension. Superscript digits, as in `COM¹`, need no check: they are escaped.
fn is_reserved(bytes: &[u8]) -> bool {
    let stem = bytes.split(|&byte| byte == b'.').next().unwrap_or_default().to_ascii_uppercase();
    match stem.as_slice() {
        b"CON" | b"PRN" | b"AUX" | b"NUL" | b"CLOCK$" | b"CONIN$" | b"CONOUT$" => true,
        [device @ .., b'0'..=b'9'] => matches!(device, b"COM" | b"LPT"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_every_file_system_takes() {
        for (bytes, name) in [
            (&b"whqtswO00WBW418f9t5JxYwZ"[..], "whqtswO00WBW418f9t5JxYwZ"),
            (b"<1@x>", "%3C1%40x%3E"),
            (b"../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
            (b".", "%2E"),
            (b"..", "%2E."),
            (b"", "%"),
            (b"a:b\\c", "a%3Ab%5Cc"),
            (b"con", "%63on"),
            (b"Con.a.b", "%43on.a.b"),
            (b"lpt9", "%6Cpt9"),
            (b"COM\xc2\xb9", "COM%C2%B9"),
            (b"console", "console"),
            (b"a. ", "a.%20"),
            (b"a.", "a."),
            (b"-rf", "%2Drf"),
            (b"a-b", "a-b"),
        ] {
            assert_eq!(portable(bytes, 100), name);
        }
        let long = portable(&[b'/'; 400], 100);
        assert_eq!((long.len(), &long[..6]), (100, "%2F%2F"));
    }

    proptest! {
        #[test]
        fn portable_and_distinct(one: Vec<u8>, other: Vec<u8>) {
            let name = portable(&one, 100);
            prop_assert!(!name.is_empty() && name.len() <= 100);
            prop_assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.%".contains(&b)));
            prop_assert!(!name.starts_with('.') && !name.starts_with('-'));
            prop_assert_eq!(one == other, name == portable(&other, 100));
        }
    }
}
