//! Server certificates and their fingerprints.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

#[cfg(feature = "certificate-details")]
use super::details::CertificateDetails;
use crate::{Error, ErrorKind, bytes};

/// A server's certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Certificate {
    /// The owner, issuer, names and dates (feature `certificate-details`).
    #[cfg(feature = "certificate-details")]
    pub details: CertificateDetails,
    /// The SHA-256 of the whole certificate (DER).
    pub sha256: [u8; 32],
}

impl Certificate {
    /// Parses a certificate in DER.
    #[must_use]
    pub fn from_der(der: &[u8]) -> Self {
        Self {
            #[cfg(feature = "certificate-details")]
            details: CertificateDetails::from_der(der),
            sha256: Sha256::digest(der).into(),
        }
    }
}

/// Formats a SHA-256 digest as a fingerprint of 32 pairs of digits: `AA:BB:…`.
#[must_use]
pub fn format_fingerprint(sha256: &[u8; 32]) -> String {
    sha256.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

/// Parses a SHA-256 digest of 64 hexadecimal digits in either case, with a colon between all pairs or without colons.
///
/// # Errors
///
/// Returns [`ErrorKind::Argument`] for anything else, including an empty text.
pub fn parse_fingerprint(text: &str) -> Result<[u8; 32], Error> {
    let digits = match text.len() {
        95 if text.split(':').all(|pair| pair.len() == 2) => &text.replace(':', ""),
        _ => text,
    };
    let sha256 = bytes::parse_hex(digits).and_then(|bytes| bytes.try_into().ok());
    sha256.ok_or_else(|| Error::new(ErrorKind::Argument, "a SHA-256 fingerprint has 64 hexadecimal digits"))
}

/// Formats untrusted text for an error: keeps printable ASCII, escapes the rest, and truncates at [`MAX_CHARACTERS`].
pub(in crate::net) fn printable(text: &str) -> String {
    let mut shown = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == MAX_CHARACTERS {
            shown.push_str("...");
            break;
        }
        match character {
            ' '..='~' => shown.push(character),
            _ => {
                let _ = write!(shown, "{}", character.escape_unicode());
            }
        }
    }
    shown
}

/// A domain name has at most 253 characters (RFC 1035 §2.3.4).
const MAX_CHARACTERS: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_round_trip() {
        let sha256: [u8; 32] = Sha256::digest(b"x").into();
        assert_eq!(Certificate::from_der(b"x").sha256, sha256);
        let shown = format_fingerprint(&sha256);
        assert_eq!(shown.len(), 95);
        assert_eq!(parse_fingerprint(&shown).unwrap(), sha256);
        assert_eq!(parse_fingerprint(&shown.to_lowercase().replace(':', "")).unwrap(), sha256);
        let short = &shown[..92];
        let misplaced = format!(":{}", &shown[..94]);
        let signed = format!("+1{}", "0".repeat(62));
        for text in ["", "AA", short, &misplaced, &shown.replace(':', "-"), &"é".repeat(32), &signed] {
            assert_eq!(parse_fingerprint(text).unwrap_err().kind(), ErrorKind::Argument, "{text}");
        }
    }

    #[test]
    fn untrusted_text_is_escaped_and_truncated() {
        assert_eq!(printable("a\u{1b}\u{202e}é"), "a\\u{1b}\\u{202e}\\u{e9}");
        assert_eq!(printable(&"a".repeat(9_999)).len(), 256);
    }
}
