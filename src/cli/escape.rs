//! Escapes untrusted text for terminals: the result is one line, without control characters and without characters that change
//! the direction of text.

use std::{borrow::Cow, fmt::Write as _};

pub use crate::delivery::{parse_unique_id, unique_id_text as unique_id};

/// Decodes bytes from a server: as UTF-8 if they are valid, otherwise as Latin-1, which maps every byte to a character.
///
/// ```text
/// b"caf\xc3\xa9" → "café"     b"caf\xe9" → "café"     b"\x80" → "\u{80}"
/// ```
pub fn text(octets: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(octets) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => octets.iter().map(|&octet| char::from(octet)).collect(),
    }
}

/// Shortens a name or a server's response for an error message: `abc…`
pub fn shorten(text: &str) -> Cow<'_, str> {
    shorten_to(MAX_NAME, text)
}

/// Shortens text to a number of characters.
pub fn shorten_to(characters: usize, text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(characters) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// Escapes the characters that must not reach a terminal: `\x1b`, `\n`, `\u{202e}`. A backslash is not escaped, because of Windows
/// paths, so the result cannot be parsed back.
pub fn escape(text: &str) -> Cow<'_, str> {
    // Most text is plain ASCII.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let Some(first) = text.find(is_unprintable) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(&text[..first]);
    for c in text[first..].chars() {
        match c {
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c if !is_unprintable(c) => out.push(c),
            c if c.is_ascii() => drop(write!(out, "\\x{:02x}", u32::from(c))),
            c => drop(write!(out, "\\u{{{:x}}}", u32::from(c))),
        }
    }
    Cow::Owned(out)
}

/// True for characters that control a terminal, begin a new line, reverse text or hide it.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{2028}' | '\u{2029}'                                       // line and paragraph separator
            | '\u{061c}' | '\u{200e}' | '\u{200f}'                        // marks of direction
            | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}'           // embeddings, overrides, isolates
            | '\u{fff9}'..='\u{fffb}' | '\u{feff}'                        // interlinear annotation, byte order mark
            | '\u{e0000}'..='\u{e007f}') // tags: invisible
}

/// Maximum length of a name or a server's response in a message, in characters. RFC 2449 §4 allows 512 octets for a response;
/// RFC 1939 §7 allows 70 characters for a unique-id.
const MAX_NAME: usize = 512;

/// Maximum length of a message, in characters.
pub const MAX_MESSAGE: usize = 2_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{escape, shorten, text};

    #[test]
    fn text_is_utf8_or_latin1() {
        assert_eq!(text(b"caf\xc3\xa9"), "caf\u{e9}");
        assert_eq!(text(b"caf\xe9"), "caf\u{e9}");
        assert_eq!(text(b"\x80\xff"), "\u{80}\u{ff}");
        assert_eq!(text(b""), "");
    }

    #[test]
    fn long_text_is_shortened() {
        assert_eq!(shorten("\u{e9}"), "\u{e9}");
        let long = "\u{e9}".repeat(8 << 20);
        assert!(shorten(&long).ends_with("\u{e9}…") && shorten(&long).chars().count() == 513);
    }

    #[test]
    fn control_characters_are_shown() {
        let table = [
            ("plain C:\\mail \u{e9}\u{65e5}", "plain C:\\mail \u{e9}\u{65e5}"),
            ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
            ("a\r\nb\tc\0", "a\\r\\nb\\tc\\x00"),
            ("\u{b}\u{c}\u{85}\u{2028}\u{2029}", "\\x0b\\x0c\\u{85}\\u{2028}\\u{2029}"),
            ("\x7f\u{9b}31m", "\\x7f\\u{9b}31m"),
            ("\u{202e}gpj.exe\u{2066}", "\\u{202e}gpj.exe\\u{2066}"),
            ("\u{200e}\u{61c}\u{feff}\u{e0041}", "\\u{200e}\\u{61c}\\u{feff}\\u{e0041}"),
            // Joiners are not escaped: emoji, Persian and Hindi need them.
            ("\u{200d}\u{200c}", "\u{200d}\u{200c}"),
        ];
        for (raw, shown) in table {
            assert_eq!(escape(raw), shown, "{raw:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_acts_after_escaping(octets: Vec<u8>, any: String) {
            for raw in [text(&octets).into_owned(), any] {
                let shown = escape(&raw);
                prop_assert!(!shown.chars().any(char::is_control));
                prop_assert!(shown.lines().count() <= 1);
                let again = escape(&shown);
                prop_assert_eq!(again, &*shown);
            }
        }
    }
}
