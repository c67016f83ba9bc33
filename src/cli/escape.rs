//! What a stranger wrote, made fit for a terminal: one line, no control, no change of direction.

use std::{borrow::Cow, fmt::Write as _};

/// A server's octets as text: UTF-8 where they are that, else each octet as the character of its number (Latin-1), so
/// that nothing is lost and two that differ stay apart.
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

/// Text with what must not reach a terminal shown instead of done: `\x1b`, `\n`, `\u{202e}`. A backslash stays what it
/// is, since paths of Windows are full of them; so this is for reading, not for reading back.
pub fn escape(text: &str) -> Cow<'_, str> {
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

/// C0 and C1 controls and DEL act on the terminal; the separators begin a line; the rest turns or hides text.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{2028}' | '\u{2029}'                                       // line and paragraph separator
            | '\u{061c}' | '\u{200e}' | '\u{200f}'                        // marks of direction
            | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}'           // embeddings, overrides, isolates
            | '\u{fff9}'..='\u{fffb}' | '\u{feff}'                        // interlinear annotation, byte order mark
            | '\u{e0000}'..='\u{e007f}') // tags: text that nobody sees
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{escape, text};

    #[test]
    fn text_keeps_what_is_no_utf8_apart() {
        assert_eq!(text(b"caf\xc3\xa9"), "caf\u{e9}");
        assert_eq!(text(b"caf\xe9"), "caf\u{e9}");
        assert_eq!(text(b"\x80\xff"), "\u{80}\u{ff}");
        assert_eq!(text(b""), "");
    }

    #[test]
    fn escape_shows_what_would_act() {
        let table = [
            ("plain C:\\mail \u{e9}\u{65e5}", "plain C:\\mail \u{e9}\u{65e5}"),
            ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
            ("a\r\nb\tc\0", "a\\r\\nb\\tc\\x00"),
            ("\u{b}\u{c}\u{85}\u{2028}\u{2029}", "\\x0b\\x0c\\u{85}\\u{2028}\\u{2029}"),
            ("\x7f\u{9b}31m", "\\x7f\\u{9b}31m"),
            ("\u{202e}gpj.exe\u{2066}", "\\u{202e}gpj.exe\\u{2066}"),
            ("\u{200e}\u{61c}\u{feff}\u{e0041}", "\\u{200e}\\u{61c}\\u{feff}\\u{e0041}"),
            // Joins emoji and is needed in Persian and Hindi.
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
