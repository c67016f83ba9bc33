//! Encoded words (RFC 2047).
//!
//! mail-parser decodes each word for itself, so a character cut in two between words is lost, and a word without an end
//! makes it read the line again from every `=?`. Hence words are found and joined here, each octet looked at a constant
//! number of times.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use memchr::memmem;

use super::charset;

/// The text with its encoded words decoded; neighbours of one charset are joined before they are decoded, and the
/// blanks between them fall away. What only looks like an encoded word stays as it is.
///
/// ```text
/// "=?utf-8?Q?caf=C3?= =?utf-8?Q?=A9?= au lait" → "café au lait"
/// ```
pub(super) fn decode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Plain(plain) => out.push_str(plain),
            Piece::Words(words) => out.push_str(&words),
        }
    }
    out
}

/// The text with each run of encoded words made one word of UTF-8, and with [`STAND_IN`] for the second octet of every
/// `=?` that begins none: mail-parser's part is then an easy one. [`restore`] undoes the latter.
pub(super) fn normalise(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Plain(plain) => out.push_str(&plain.replace("=?", STAND_IN)),
            Piece::Words(words) => {
                out.push_str("=?utf-8?B?");
                STANDARD.encode_string(words, &mut out);
                out.push_str("?=");
            }
        }
    }
    out
}

pub(super) fn restore(text: &str) -> String {
    text.replace(STAND_IN, "=?")
}

enum Piece<'a> {
    Plain(&'a str),
    /// A run of encoded words, decoded.
    Words(String),
}

fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    // Set once no "?=" is left, so that it is not looked for again and again.
    let mut exhausted = false;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut from = 0;
        while let Some(start) = rest[from..].find("=?").map(|at| from + at).filter(|_| !exhausted) {
            if let Some(word) = Word::read(&rest[start..], &mut exhausted) {
                if start > 0 {
                    let (plain, words) = rest.split_at(start);
                    rest = words;
                    return Some(Piece::Plain(plain));
                }
                let (words, used) = run(word, rest, &mut exhausted);
                rest = &rest[used..];
                return Some(Piece::Words(words));
            }
            from = start + 2;
        }
        Some(Piece::Plain(std::mem::take(&mut rest)))
    })
}

/// Decodes a word and those that follow it with nothing but blanks between; says how much of the text they are.
fn run(first: Word<'_>, text: &str, exhausted: &mut bool) -> (String, usize) {
    let mut out = String::new();
    let mut used = first.length;
    let mut charset = first.charset;
    let mut octets = first.octets;
    loop {
        let rest = text[used..].trim_start_matches([' ', '\t']);
        let Some(next) = Word::read(rest, exhausted) else { break };
        used = text.len() - rest.len() + next.length;
        if next.charset.eq_ignore_ascii_case(charset) {
            octets.extend(next.octets);
        } else {
            out += &charset::decode(charset, &octets);
            charset = next.charset;
            octets = next.octets;
        }
    }
    out += &charset::decode(charset, &octets);
    (out, used)
}

struct Word<'a> {
    charset: &'a str,
    octets: Vec<u8>,
    /// Of the word as it stands in the text.
    length: usize,
}

impl<'a> Word<'a> {
    /// The encoded word that the text begins with.
    fn read(text: &'a str, exhausted: &mut bool) -> Option<Self> {
        if *exhausted {
            return None;
        }
        let (charset, rest) = bounded_name(text.strip_prefix("=?")?)?;
        // RFC 2231 §5: a language may follow the charset.
        let charset = charset.split_once('*').map_or(charset, |(charset, _)| charset);
        let encoding = rest.as_bytes().first().filter(|octet| matches!(octet, b'Q' | b'q' | b'B' | b'b'))?;
        let encoded = rest[1..].strip_prefix('?')?;
        let Some(end) = memmem::find(encoded.as_bytes(), b"?=") else {
            *exhausted = true;
            return None;
        };
        let octets = match encoding.to_ascii_uppercase() {
            b'Q' => quoted(&encoded.as_bytes()[..end]),
            _ => charset::base64(&encoded.as_bytes()[..end])?,
        };
        Some(Self { charset, octets, length: text.len() - encoded.len() + end + 2 })
    }
}

/// The charset's name, up to its `?`.
fn bounded_name(text: &str) -> Option<(&str, &str)> {
    let end = text
        .bytes()
        .take(LONGEST_CHARSET + 1)
        .position(|octet| octet == b'?' || !octet.is_ascii_graphic())
        .filter(|&end| end > 0 && text.as_bytes()[end] == b'?')?;
    Some((&text[..end], &text[end + 1..]))
}

/// The Q encoding (RFC 2047 §4.2). A `=` that begins no octet is itself, as some mailers leave it.
fn quoted(text: &[u8]) -> Vec<u8> {
    let hex = |at: usize| text.get(at).and_then(|&digit| char::from(digit).to_digit(16));
    let mut octets = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&octet) = text.get(at) {
        let value = (octet == b'=').then(|| Some(hex(at + 1)? * 16 + hex(at + 2)?)).flatten();
        if let Some(value) = value.and_then(|value| u8::try_from(value).ok()) {
            octets.push(value);
            at += 3;
        } else {
            octets.push(if octet == b'_' { b' ' } else { octet });
            at += 1;
        }
    }
    octets
}

/// The longest registered name, `Extended_UNIX_Code_Fixed_Width_for_Japanese`, has 43 characters; a language may follow.
const LONGEST_CHARSET: usize = 64;

/// U+FDD0 is a noncharacter, in no text by definition.
const STAND_IN: &str = "=\u{fdd0}";
