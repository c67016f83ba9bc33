//! Converts unique-ids to text and back, for JSON, the command line and the environment of commands.

use std::{borrow::Cow, fmt::Write as _};

use crate::bytes::{BOM, hex_byte, is_line_break_or_nul};

/// Returns a unique-id as text that [`parse_unique_id`] converts back to the same bytes. UTF-8 is unchanged; a byte that is not
/// UTF-8, or that a line of standard input cannot contain, becomes `\xNN`. A backslash that would look like such an escape is
/// itself escaped, so different unique-ids have different texts.
///
/// ```text
/// b"caf\xc3\xa9" → "café"     b"caf\xe9" → r"caf\xe9"     br"caf\xe9" → r"caf\x5cxe9"
/// ```
#[must_use]
pub fn unique_id_text(octets: &[u8]) -> Cow<'_, str> {
    let special = |octets: &[u8]| {
        octets.starts_with(BOM) || octets.iter().any(|&byte| byte == b'\\' || is_line_break_or_nul(byte))
    };
    match str::from_utf8(octets) {
        Ok(text) if !special(octets) => return Cow::Borrowed(text),
        _ => {}
    }
    let mut out = String::with_capacity(octets.len() + 16);
    let escape = |out: &mut String, byte: u8| {
        let _ = write!(out, "\\x{byte:02x}");
    };
    let mut rest = octets;
    // `--uid -` skips a byte order mark at the beginning of its input, so one in a unique-id is escaped.
    if let Some(after) = rest.strip_prefix(BOM) {
        for &byte in BOM {
            escape(&mut out, byte);
        }
        rest = after;
    }
    let mut at = 0;
    for chunk in rest.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' if escaped_byte(&rest[at..]).is_some() => escape(&mut out, b'\\'),
                '\r' => escape(&mut out, b'\r'),
                '\n' => escape(&mut out, b'\n'),
                '\0' => escape(&mut out, b'\0'),
                c => out.push(c),
            }
            at += c.len_utf8();
        }
        for &byte in chunk.invalid() {
            escape(&mut out, byte);
        }
        at += chunk.invalid().len();
    }
    Cow::Owned(out)
}

/// Parses the text of a unique-id: replaces each `\xNN` with its byte. Other bytes, UTF-8 or not, are unchanged. This is the
/// inverse of [`unique_id_text`].
#[must_use]
pub fn parse_unique_id(typed: &[u8]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(typed.len());
    let mut rest = typed;
    while let [first, after @ ..] = rest {
        if let Some(byte) = escaped_byte(rest) {
            octets.push(byte);
            rest = &rest[r"\xNN".len()..];
        } else {
            octets.push(*first);
            rest = after;
        }
    }
    octets
}

/// `br"\xe9 and more"` → `0xe9`
fn escaped_byte(octets: &[u8]) -> Option<u8> {
    let [b'\\', b'x', high, low, ..] = octets else { return None };
    hex_byte(*high, *low)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn different_unique_ids_have_different_texts() {
        let table: &[(&[u8], &str)] = &[
            (b"plain-1", "plain-1"),
            (b"caf\xc3\xa9", "caf\u{e9}"),
            (b"caf\xe9", r"caf\xe9"),
            (br"caf\xe9", r"caf\x5cxe9"),
            (b"\xc2\x80", "\u{80}"),
            (b"\x80", r"\x80"),
            (b"C:\\x", "C:\\x"),
            (b"\\\xe9", "\\\\xe9"),
            (b"a\x1b\tb", "a\x1b\tb"),
            (b"a\rb\0", r"a\x0db\x00"),
            (b"\xef\xbb\xbfa", r"\xef\xbb\xbfa"),
        ];
        for (octets, shown) in table {
            assert_eq!(unique_id_text(octets), *shown, "{octets:?}");
            assert_eq!(parse_unique_id(shown.as_bytes()), *octets, "{shown:?}");
        }
        assert_eq!(parse_unique_id(b"caf\xe9 \\xE9 \\x4"), b"caf\xe9 \xe9 \\x4");
    }

    proptest! {
        #[test]
        fn a_unique_id_comes_back(octets in prop::collection::vec(prop::sample::select(&b"\\\\x5c0a\xe9\xc3\xa9\xef\xbb\xbf\r\n\0"[..]), 0..12)) {
            let shown = unique_id_text(&octets);
            let beginning = shown.chars().next();
            prop_assert!(!shown.contains(['\r', '\n', '\0']), "{shown:?}");
            prop_assert_ne!(beginning, Some('\u{feff}'));
            prop_assert_eq!(parse_unique_id(shown.as_bytes()), octets);
        }
    }
}
