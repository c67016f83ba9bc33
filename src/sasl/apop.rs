//! The timestamp and the digest of `APOP` (RFC 1939 §7), which is not a SASL mechanism.

use super::SaslError;
use crate::Secret;

/// The maximum length of a timestamp in bytes. Real timestamps have 30 to 80.
const MAX_TIMESTAMP: usize = 256;

/// Returns the timestamp of a greeting with its angle brackets, or `None` if there is no valid one.
///
/// The timestamp must be the only text in angle brackets, and an ASCII msg-id (RFC 5322 §3.6.4): a server that may
/// choose arbitrary bytes can recover the first characters of the password by MD5 collisions (CVE-2007-1558).
///
/// ```
/// use pop3::sasl::apop::timestamp;
/// let greeting = b"+OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>";
/// assert_eq!(timestamp(greeting), Some(&b"<1896.697170952@dbc.mtview.ca.us>"[..]));
/// assert_eq!(timestamp(b"+OK ready <no timestamp>"), None);
/// ```
#[must_use]
pub fn timestamp(greeting: &[u8]) -> Option<&[u8]> {
    let open = sole(greeting, b'<')?;
    let close = sole(greeting, b'>')?;
    let timestamp = greeting.get(open..=close)?;
    let inside = timestamp.get(1..timestamp.len().checked_sub(1)?)?;
    let at = sole(inside, b'@')?;
    let (local, domain) = (&inside[..at], &inside[at + 1..]);
    let valid =
        timestamp.len() <= MAX_TIMESTAMP && is_dot_atom(local) && (is_dot_atom(domain) || is_literal(domain));
    valid.then_some(timestamp)
}

/// Returns the digest for `APOP`: the MD5 of timestamp and secret, in lower-case hexadecimal digits.
///
/// ```
/// # #[cfg(feature = "md5")] {
/// use pop3::{Secret, sasl::apop::digest};
/// let digest = digest(b"<1896.697170952@dbc.mtview.ca.us>", &Secret::from("tanstaaf")).unwrap();
/// assert_eq!(digest.expose(), b"c4c9334bac560ecc979e58001b3e22fb");
/// # }
/// ```
///
/// # Errors
///
/// Returns [`SaslError::MissingFeature`] without the feature `md5`.
#[cfg(feature = "md5")]
pub fn digest(timestamp: &[u8], secret: &Secret) -> Result<Secret, SaslError> {
    use std::io::Write as _;

    use md5::{Digest as _, Md5};

    let digest = Md5::new_with_prefix(timestamp).chain_update(secret.expose()).finalize();
    let digest = zeroize::Zeroizing::new(<[u8; 16]>::from(digest));
    let mut hex = Vec::with_capacity(2 * digest.len());
    let _ = write!(hex, "{}", crate::bytes::Hex(&digest[..]));
    Ok(Secret::from(hex))
}

/// Always fails, as the digest needs the feature `md5`.
///
/// # Errors
///
/// Always returns [`SaslError::MissingFeature`].
#[cfg(not(feature = "md5"))]
pub fn digest(_: &[u8], _: &Secret) -> Result<Secret, SaslError> {
    Err(SaslError::MissingFeature("md5"))
}

/// Returns the position of `wanted` if it occurs exactly once.
fn sole(bytes: &[u8], wanted: u8) -> Option<usize> {
    let first = bytes.iter().position(|byte| *byte == wanted)?;
    (!bytes[first + 1..].contains(&wanted)).then_some(first)
}

/// RFC 5322 §3.2.3: `dot-atom-text`.
fn is_dot_atom(bytes: &[u8]) -> bool {
    let is_atext = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(byte);
    bytes.split(|byte| *byte == b'.').all(|atom| !atom.is_empty() && atom.iter().all(is_atext))
}

/// RFC 5322 §3.6.4: `no-fold-literal`, `[127.0.0.1]`.
fn is_literal(bytes: &[u8]) -> bool {
    let is_dtext = |byte: &u8| byte.is_ascii_graphic() && !b"[]\\".contains(byte);
    match bytes {
        [b'[', inside @ .., b']'] => !inside.is_empty() && inside.iter().all(is_dtext),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_TIMESTAMP, digest, timestamp};
    use crate::Secret;

    #[cfg(feature = "md5")]
    #[test]
    fn the_example_of_rfc_1939_is_reproduced() {
        let digest = digest(b"<1896.697170952@dbc.mtview.ca.us>", &Secret::from("tanstaaf")).unwrap();
        assert_eq!(digest.expose(), b"c4c9334bac560ecc979e58001b3e22fb");
        assert_eq!(format!("{digest:?} {digest}"), "*** ***");
    }

    #[test]
    fn a_valid_msg_id_is_a_timestamp() {
        for stamp in [
            "<1896.697170952@dbc.mtview.ca.us>",
            "<16fe.1.5d8ab+c/Zw==@mail>",
            "<4.7@[127.0.0.1]>",
            "<1@[IPv6:::1]>",
        ] {
            for greeting in
                [format!("+OK ready {stamp}"), format!("+OK {stamp} r\u{e9}ady"), format!("+OK{stamp}")]
            {
                assert_eq!(timestamp(greeting.as_bytes()), Some(stamp.as_bytes()), "{greeting}");
            }
        }
    }

    #[test]
    fn anything_else_is_not_a_timestamp() {
        for stamp in [
            "",
            "<",
            ">",
            "<>",
            "><",
            "<@>",
            "<a@>",
            "<@b>",
            "<a>",
            "a@b",
            "<a@b",
            "a@b>",
            ">a@b<",
            "<a b@c>",
            "<a@b c>",
            "<a@b@c>",
            "<<a@b>>",
            "<a@<b>>",
            "<a@b><c@d>",
            "<a@b> >",
            "< <a@b>",
            "<.a@b>",
            "<a.@b>",
            "<a..b@c>",
            "<a@.b>",
            "<a@b..c>",
            "<\"a\"@b>",
            "<a(c)@b>",
            "<a@[]>",
            "<a@[1]2]>",
            "<a@[b\\c]>",
            "<a@[1 2]>",
            "<a\u{e9}@b>",
            "<a\x01@b>",
            "<a@b\x7f>",
            "<a\t@b>",
            "<a\x00b@c>",
            "<a,b@c>",
        ] {
            assert_eq!(timestamp(format!("+OK ready {stamp}").as_bytes()), None, "{stamp:?}");
        }
        assert_eq!(timestamp(b"+OK <a\xc3@b>"), None);
    }

    #[test]
    fn the_length_is_bounded() {
        let fits = format!("<{}@b>", "a".repeat(MAX_TIMESTAMP - 4));
        assert_eq!(timestamp(fits.as_bytes()), Some(fits.as_bytes()));
        assert_eq!(timestamp(format!("<{}@b>", "a".repeat(MAX_TIMESTAMP - 3)).as_bytes()), None);
    }
}
