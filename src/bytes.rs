//! Conversions between bytes and text, and a check for line breaks, which several layers share.

use std::fmt::{self, Write as _};

use jiff::{SignedDuration, civil::DateTime};

/// The UTF-8 byte order mark, which Windows editors and shells write before text.
pub const BOM: &[u8] = b"\xef\xbb\xbf";

/// Returns the bytes without a leading [`BOM`].
///
/// ```
/// assert_eq!(pop3::bytes::strip_bom(b"\xef\xbb\xbfhost"), b"host");
/// ```
#[must_use]
pub fn strip_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BOM).unwrap_or(bytes)
}

/// Returns true for CR, LF and NUL, which an argument of a command must not contain (RFC 1939 §3).
#[must_use]
pub fn is_line_break_or_nul(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n' | 0)
}

/// Returns true if the bytes contain CR, LF or NUL.
///
/// User names and passwords must not contain these bytes, even if the mechanism could transmit them: the accepted
/// credentials must not depend on the mechanisms that a server offers.
///
/// ```
/// assert!(pop3::bytes::has_line_break_or_nul(b"alice\r\nDELE 1"));
/// ```
#[must_use]
pub fn has_line_break_or_nul(bytes: &[u8]) -> bool {
    bytes.iter().copied().any(is_line_break_or_nul)
}

/// Formats bytes as lower-case hexadecimal digits, two per byte.
///
/// ```
/// assert_eq!(pop3::bytes::Hex(b"\x00\xab").to_string(), "00ab");
/// ```
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().flat_map(|&byte| hex_digits(byte)).try_for_each(|digit| f.write_char(char::from(digit)))
    }
}

/// Returns the lower-case hexadecimal digits of a byte.
///
/// ```
/// assert_eq!(pop3::bytes::hex_digits(0xab), *b"ab");
/// ```
#[must_use]
pub fn hex_digits(byte: u8) -> [u8; 2] {
    [byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)])
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

/// Returns the byte with these two hexadecimal digits, or `None` if one of them is not a digit.
#[must_use]
pub fn hex_byte(high: u8, low: u8) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

/// Percent-encodes bytes (RFC 3986 §2.1), except those for which `is_plain` returns true. `is_plain` is called for
/// each byte in order.
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

/// Percent-decodes text (RFC 3986 §2.1). Returns `None` if a percent sign is not followed by two hexadecimal digits.
///
/// Allocates the result once: growing it would leave copies of a secret in memory.
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

/// Formats seconds since 1970-01-01T00:00:00Z as an RFC 3339 time in UTC, or as a plain number if the year is out of
/// range.
///
/// ```
/// assert_eq!(pop3::bytes::rfc3339(951_782_400), "2000-02-29T00:00:00Z");
/// ```
#[must_use]
pub fn rfc3339(seconds: i64) -> String {
    // A certificate without an expiry date is valid until the last second of 9999 (RFC 5280 §4.1.2.5), which is
    // beyond the range of `Timestamp`.
    let time = EPOCH.checked_add(SignedDuration::from_secs(seconds));
    time.map_or_else(|_| seconds.to_string(), |time| format!("{time}Z"))
}

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// Splits bytes at these positions, in any order, each modulo the length: no result may depend on how bytes arrive.
#[cfg(test)]
pub(crate) fn split_at_all<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    ends.push(bytes.len());
    ends.sort_unstable();
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts.zip(&ends).map(|(start, &end)| &bytes[start..end]).collect()
}

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
