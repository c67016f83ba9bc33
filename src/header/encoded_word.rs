//! Encoded words (RFC 2047).
//!
//! Neighbouring words of one charset are joined before they are decoded, since mailers cut characters, and even the
//! quanta of base64, in two. Each byte of a text is looked at a constant number of times.

use std::borrow::Cow;

use memchr::memmem;

use super::charset::{Charset, base64_digit};

/// Returns the text with its encoded words decoded (RFC 2047 §6.2); white space between two encoded words is dropped.
/// What only resembles an encoded word stays as it is.
///
/// Words are decoded wherever they are, within other words too, as mail clients do.
///
/// ```
/// use pop3::header::decode_words;
/// assert_eq!(decode_words("=?utf-8?Q?caf=C3?= =?utf-8?Q?=A9?= au lait"), "café au lait");
/// assert_eq!(decode_words("1 =? 2"), "1 =? 2");
/// ```
#[must_use]
pub fn decode_words(text: &str) -> Cow<'_, str> {
    let Some((mut start, mut word)) = next(text, 0) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    loop {
        out.push_str(&text[copied..start]);
        let mut run = Run::new(word.charset);
        copied = start;
        loop {
            copied += word.length;
            run.push(&word, &mut out);
            let blanks = text[copied..].len() - text[copied..].trim_start_matches([' ', '\t']).len();
            let Some(neighbour) = Word::read(&text[copied + blanks..]) else { break };
            copied += blanks;
            word = neighbour;
        }
        run.flush(&mut out);
        match next(text, copied) {
            Some(found) => (start, word) = found,
            None => break,
        }
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// Returns the length of the encoded word that the text begins with.
pub(super) fn length(text: &str) -> Option<usize> {
    Word::read(text).map(|word| word.length)
}

/// Returns true if any part of the text is an encoded word.
pub(super) fn is_in(text: &str) -> bool {
    next(text, 0).is_some()
}

/// The first encoded word at or after `from`, and where it begins.
fn next(text: &str, from: usize) -> Option<(usize, Word<'_>)> {
    memmem::find_iter(&text.as_bytes()[from..], b"=?").find_map(|at| {
        let start = from + at;
        Word::read(&text[start..]).map(|word| (start, word))
    })
}

struct Word<'a> {
    charset: Charset,
    encoding: Encoding,
    encoded: &'a [u8],
    /// Of the word as it is in the text.
    length: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    B,
    Q,
}

impl<'a> Word<'a> {
    /// The encoded word that the text begins with. Looks no further than to the next `=?`, so that a search from each of
    /// them takes linear time.
    fn read(text: &'a str) -> Option<Self> {
        let (charset, rest) = charset_label(text.strip_prefix("=?")?)?;
        let (encoding, encoded) = match rest.as_bytes() {
            [b'B' | b'b', b'?', encoded @ ..] => (Encoding::B, encoded),
            [b'Q' | b'q', b'?', encoded @ ..] => (Encoding::Q, encoded),
            _ => return None,
        };
        let end = end(encoded)?;
        let length = text.len() - encoded.len() + end + 2;
        let encoded = &encoded[..end];
        if encoding == Encoding::B && !encoded.iter().all(|&byte| is_base64(byte)) {
            return None;
        }
        // RFC 2231 §5: a language may follow the charset.
        let charset = charset.split_once('*').map_or(charset, |(charset, _)| charset);
        Some(Self { charset: Charset::from_label(charset), encoding, encoded, length })
    }
}

/// The label of a charset, up to its `?`.
fn charset_label(text: &str) -> Option<(&str, &str)> {
    let end = text
        .bytes()
        .take(MAX_LABEL + 1)
        .position(|byte| byte == b'?' || !byte.is_ascii_graphic())
        .filter(|&end| end > 0 && text.as_bytes()[end] == b'?')?;
    Some((&text[..end], &text[end + 1..]))
}

/// The position of the `?=` that ends an encoded text; `None` if another word begins before.
fn end(encoded: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'?', encoded).find_map(|at| {
        if encoded.get(at + 1) == Some(&b'=') {
            return Some(Some(at));
        }
        (at > 0 && encoded[at - 1] == b'=').then_some(None)
    })?
}

fn is_base64(byte: u8) -> bool {
    base64_digit(byte).is_some() || byte == b'=' || byte.is_ascii_whitespace()
}

/// Neighbouring words of one charset, on their way to text.
struct Run {
    charset: Charset,
    bytes: Vec<u8>,
    /// Q-encoded text not decoded yet.
    quoted: Vec<u8>,
    base64: Base64,
}

impl Run {
    fn new(charset: Charset) -> Self {
        Self { charset, bytes: Vec::new(), quoted: Vec::new(), base64: Base64::default() }
    }

    fn push(&mut self, word: &Word<'_>, out: &mut String) {
        if word.charset != self.charset {
            self.flush(out);
            self.charset = word.charset;
        }
        match word.encoding {
            Encoding::Q => {
                self.base64.finish(&mut self.bytes);
                self.quoted.extend_from_slice(word.encoded);
            }
            Encoding::B => {
                self.decode_quoted();
                self.base64.push(word.encoded, &mut self.bytes);
            }
        }
    }

    fn decode_quoted(&mut self) {
        decode_q(&self.quoted, &mut self.bytes);
        self.quoted.clear();
    }

    fn flush(&mut self, out: &mut String) {
        self.base64.finish(&mut self.bytes);
        self.decode_quoted();
        self.charset.decode(&self.bytes, out);
        self.bytes.clear();
    }
}

/// Base64 as mailers write it: with and without padding, padded amid, and cut anywhere between words.
#[derive(Default)]
struct Base64 {
    bits: u32,
    /// Digits of the quantum that `bits` has.
    digits: u32,
}

impl Base64 {
    fn push(&mut self, word: &[u8], out: &mut Vec<u8>) {
        if self.digits > 0 && !self.is_continued_by(word) {
            self.finish(out);
        }
        out.reserve(word.len() / 4 * 3 + 3);
        for &byte in word {
            if let Some(digit) = base64_digit(byte) {
                self.bits = self.bits << 6 | u32::from(digit);
                self.digits += 1;
                if self.digits == 4 {
                    out.extend_from_slice(&self.bits.to_be_bytes()[1..]);
                    *self = Self::default();
                }
            } else if byte == b'=' {
                self.finish(out);
            }
        }
    }

    /// Returns true if the last word ended within a quantum and this one has the rest, rather than that the last word
    /// lacks its padding: the quantum could not end there, or the word is not whole by itself.
    fn is_continued_by(&self, word: &[u8]) -> bool {
        let can_end = match self.digits {
            2 => self.bits.trailing_zeros() >= 4,
            3 => self.bits.trailing_zeros() >= 2,
            _ => false,
        };
        !can_end || word.iter().filter(|byte| !byte.is_ascii_whitespace()).count() % 4 != 0
    }

    /// Ends the quantum; a single digit is too little for a byte and is dropped.
    fn finish(&mut self, out: &mut Vec<u8>) {
        let bits = self.bits << (6 * (4 - self.digits.min(4)));
        let whole = (self.digits * 6 / 8) as usize;
        out.extend_from_slice(&bits.to_be_bytes()[1..=whole]);
        *self = Self::default();
    }
}

/// Appends the bytes of Q-encoded text (RFC 2047 §4.2). A `=` that begins no byte is itself, as some mailers leave it.
fn decode_q(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len());
    let hex = |at: usize| text.get(at).and_then(|&digit| char::from(digit).to_digit(16));
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let value = (byte == b'=').then(|| Some(hex(at + 1)? * 16 + hex(at + 2)?)).flatten();
        if let Some(value) = value.and_then(|value| u8::try_from(value).ok()) {
            out.push(value);
            at += 3;
        } else {
            out.push(if byte == b'_' { b' ' } else { byte });
            at += 1;
        }
    }
}

/// The longest registered name, `Extended_UNIX_Code_Fixed_Width_for_Japanese`, has 43 characters; a language may follow.
const MAX_LABEL: usize = 64;
