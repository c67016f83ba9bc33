//! Conversions between bytes and text that more than one layer needs, and the check for line breaks.

use std::fmt;

use jiff::{SignedDuration, civil::DateTime};

/// The byte order mark of UTF-8, which editors and shells of Windows put before text.
pub const BOM: &[u8] = b"\xef\xbb\xbf";

/// The bytes without a leading [`BOM`].
///
/// ```
/// assert_eq!(pop3::bytes::strip_bom(b"\xef\xbb\xbfhost"), b"host");
/// ```
#[must_use]
pub fn strip_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BOM).unwrap_or(bytes)
}

/// True for CR, LF and NUL, which no argument of a command may hold (RFC 1939 §3).
#[must_use]
pub fn is_line_break_or_nul(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n' | 0)
}

/// True if the bytes hold CR, LF or NUL.
///
/// User names and passwords are refused for them whatever the mechanism, also where the mechanism could carry them: what
/// is possible must not depend on the mechanisms that a server offers.
///
/// ```
/// assert!(pop3::bytes::has_line_break_or_nul(b"alice\r\nDELE 1"));
/// ```
#[must_use]
pub fn has_line_break_or_nul(bytes: &[u8]) -> bool {
    bytes.iter().copied().any(is_line_break_or_nul)
}

/// Bytes as lower-case hexadecimal digits, two per byte.
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

/// Parses hexadecimal digits in either case, two per byte; `None` for anything else.
///
/// ```
/// assert_eq!(pop3::bytes::parse_hex("00aB"), Some(vec![0, 0xab]));
/// assert_eq!(pop3::bytes::parse_hex("0"), None);
/// ```
#[must_use]
pub fn parse_hex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| hex_byte(*pair.first()?, *pair.get(1)?)).collect()
}

/// The byte that two hexadecimal digits stand for.
#[must_use]
pub fn hex_byte(high: u8, low: u8) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

/// Returns the bytes with `%XX` (RFC 3986 §2.1) for each one that is not plain; `is_plain` is called in order.
///
/// ```
/// let text: String =
///     pop3::bytes::percent_encode(b"a b", |byte| byte.is_ascii_alphanumeric()).map(char::from).collect();
/// assert_eq!(text, "a%20b");
/// ```
pub fn percent_encode(bytes: &[u8], mut is_plain: impl FnMut(u8) -> bool) -> impl Iterator<Item = u8> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    bytes.iter().flat_map(move |&byte| {
        let digits = [byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]);
        let (encoded, length) =
            if is_plain(byte) { ([byte, 0, 0], 1) } else { ([b'%', digits[0], digits[1]], 3) };
        encoded.into_iter().take(length)
    })
}

/// Decodes `%XX` (RFC 3986 §2.1); `None` if two digits do not follow each percent sign.
///
/// The result is allocated once, so that growing it leaves no copy of a secret.
///
/// ```
/// assert_eq!(pop3::bytes::percent_decode(b"a%20b"), Some(b"a b".to_vec()));
/// assert_eq!(pop3::bytes::percent_decode(b"100%"), None);
/// ```
#[must_use]
pub fn percent_decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            decoded.push(*first);
            continue;
        }
        let [high, low, tail @ ..] = rest else { return None };
        decoded.push(hex_byte(*high, *low)?);
        rest = tail;
    }
    Some(decoded)
}

/// A time in seconds since 1970-01-01T00:00:00Z in the form of RFC 3339, in UTC; the number itself where it is out of
/// range.
///
/// ```
/// assert_eq!(pop3::bytes::rfc3339(951_782_400), "2000-02-29T00:00:00Z");
/// ```
#[must_use]
pub fn rfc3339(seconds: i64) -> String {
    // RFC 5280 §4.1.2.5: a certificate without an end is valid to the last second of 9999, which no `Timestamp` reaches.
    let time = EPOCH.checked_add(SignedDuration::from_secs(seconds));
    time.map_or_else(|_| seconds.to_string(), |time| format!("{time}Z"))
}

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_utc() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(-1), "1969-12-31T23:59:59Z");
        assert_eq!(rfc3339(253_402_300_799), "9999-12-31T23:59:59Z");
        assert_eq!(rfc3339(i64::MAX), i64::MAX.to_string());
    }

    #[test]
    fn malformed_hex_is_refused() {
        for text in ["a", "abc", "0g", "+1", " 1", "é"] {
            assert_eq!(parse_hex(text), None, "{text:?}");
        }
        assert_eq!(parse_hex(""), Some(Vec::new()));
    }

    #[test]
    fn percent_encoding_round_trips() {
        let bytes: Vec<u8> = (0..=255).collect();
        let text: Vec<u8> = percent_encode(&bytes, |byte| byte.is_ascii_alphanumeric()).collect();
        assert_eq!(percent_decode(&text), Some(bytes));
        for malformed in ["%", "%0", "%0g", "%%41", "a%4"] {
            assert_eq!(percent_decode(malformed.as_bytes()), None, "{malformed}");
        }
    }
}
