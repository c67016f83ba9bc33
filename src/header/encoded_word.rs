//! Encoded words (RFC 2047).
//!
//! Adjacent words of one charset are joined before decoding, because some mailers split characters or even base64
//! quanta between words. Each byte is examined a constant number of times.

use std::borrow::Cow;

use super::{
    charset::{Charset, base64_digit},
    steps,
};

/// Returns the text with its encoded words decoded (RFC 2047 §6.2); white space between two encoded words is dropped.
/// Text that only resembles an encoded word is left unchanged.
///
/// Encoded words are decoded everywhere, even within other words, as mail clients do.
///
/// ```
/// use pop3::header::decode_words;
/// assert_eq!(decode_words("=?utf-8?Q?caf=C3?= =?utf-8?Q?=A9?= au lait"), "café au lait");
/// assert_eq!(decode_words("1 =? 2"), "1 =? 2");
/// ```
#[must_use]
pub fn decode_words(text: &str) -> Cow<'_, str> {
    match next(text, 0) {
        Some((start, word)) => Cow::Owned(decode_from(text, start, word)),
        None => Cow::Borrowed(text),
    }
}

/// Decodes the encoded words, the first of which begins at `start`.
fn decode_from<'a>(text: &'a str, mut start: usize, mut word: Word<'a>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run = Run::default();
    let mut copied = 0;
    loop {
        out.push_str(&text[copied..start]);
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
    out
}

/// Returns the length of the encoded word at the start of the text.
pub(super) fn length(text: &str) -> Option<usize> {
    Word::read(text).map(|word| word.length)
}

/// Returns true if the text contains an encoded word.
pub(super) fn is_in(text: &str) -> bool {
    next(text, 0).is_some()
}

/// Returns the first encoded word at or after `from`, and its position.
fn next(text: &str, from: usize) -> Option<(usize, Word<'_>)> {
    // A plain loop: in hostile text full of `=?`, the start-up cost of a vectorised search at each `=?` is higher.
    let pairs = text.as_bytes()[from..].windows(2).enumerate();
    let found = pairs.filter(|&(_, pair)| pair == b"=?").find_map(|(at, _)| {
        let start = from + at;
        Word::read(&text[start..]).map(|word| (start, word))
    });
    steps::add(found.as_ref().map_or(text.len(), |&(start, _)| start) - from);
    found
}

struct Word<'a> {
    /// The name of the charset, without a language (RFC 2231 §5).
    label: &'a str,
    encoding: Encoding,
    encoded: &'a [u8],
    /// The length of the encoded word in the text.
    length: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    B,
    Q,
}

impl<'a> Word<'a> {
    /// Parses the encoded word at the start of the text. Stops at the next `=?`, so searching from every `=?` takes
    /// linear time.
    fn read(text: &'a str) -> Option<Self> {
        let (label, rest) = charset_label(text.strip_prefix("=?")?)?;
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
        let label = label.split_once('*').map_or(label, |(label, _)| label);
        Some(Self { label, encoding, encoded, length })
    }
}

/// Splits off the label of a charset, which ends at `?`. A label is a token (RFC 2047 §2), which cannot contain `=`.
fn charset_label(text: &str) -> Option<(&str, &str)> {
    let end = text
        .bytes()
        .take(MAX_LABEL + 1)
        .position(|byte| matches!(byte, b'?' | b'=') || !byte.is_ascii_graphic())
        .filter(|&end| end > 0 && text.as_bytes()[end] == b'?')?;
    steps::add(end);
    Some((&text[..end], &text[end + 1..]))
}

/// Returns the position of the `?=` that ends the encoded text, or `None` if another encoded word begins before that.
fn end(encoded: &[u8]) -> Option<usize> {
    for (at, &byte) in encoded.iter().enumerate() {
        if byte != b'?' {
            continue;
        }
        let is_end = encoded.get(at + 1) == Some(&b'=');
        if is_end || at > 0 && encoded[at - 1] == b'=' {
            steps::add(at);
            return is_end.then_some(at);
        }
    }
    steps::add(encoded.len());
    None
}

fn is_base64(byte: u8) -> bool {
    base64_digit(byte).is_some() || byte == b'=' || byte.is_ascii_whitespace()
}

/// Decodes adjacent words of one charset together.
struct Run<'a> {
    label: &'a str,
    charset: Charset,
    bytes: Vec<u8>,
    /// Q-encoded text that is still to be decoded.
    quoted: Vec<u8>,
    base64: Base64,
}

impl Default for Run<'_> {
    fn default() -> Self {
        let base64 = Base64::default();
        Self { label: "", charset: Charset::Unknown, bytes: Vec::new(), quoted: Vec::new(), base64 }
    }
}

impl<'a> Run<'a> {
    fn push(&mut self, word: &Word<'a>, out: &mut String) {
        // Most words have the label of the previous word.
        if word.label != self.label {
            let charset = Charset::from_label(word.label);
            if charset != self.charset {
                self.flush(out);
            }
            (self.label, self.charset) = (word.label, charset);
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

/// Base64 as mailers write it: with or without padding, padded in the middle, or split anywhere between words.
#[derive(Default)]
struct Base64 {
    bits: u32,
    /// The number of digits in `bits`.
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

    /// Returns true if the last word ended within a quantum that this word continues, and false if the last word only
    /// lacks its padding. The quantum is continued if it could not end there, or if this word is incomplete by
    /// itself.
    fn is_continued_by(&self, word: &[u8]) -> bool {
        let can_end = match self.digits {
            2 => self.bits.trailing_zeros() >= 4,
            3 => self.bits.trailing_zeros() >= 2,
            _ => false,
        };
        !can_end || word.iter().filter(|byte| !byte.is_ascii_whitespace()).count() % 4 != 0
    }

    /// Ends the quantum. A single digit is less than a byte and is dropped.
    fn finish(&mut self, out: &mut Vec<u8>) {
        let bits = self.bits << (6 * (4 - self.digits.min(4)));
        let whole = (self.digits * 6 / 8) as usize;
        out.extend_from_slice(&bits.to_be_bytes()[1..=whole]);
        *self = Self::default();
    }
}

/// Appends the bytes of Q-encoded text (RFC 2047 §4.2). A `=` without two hexadecimal digits is literal, because some
/// mailers do not escape it.
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

/// The maximum length of a label. The longest registered name, `Extended_UNIX_Code_Fixed_Width_for_Japanese`, has 43
/// characters, and a language may follow.
const MAX_LABEL: usize = 64;
