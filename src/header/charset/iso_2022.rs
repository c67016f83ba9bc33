//! ISO-2022-JP (RFC 1468, RFC 1554, RFC 2237), ISO-2022-KR (RFC 1557), ISO-2022-CN (RFC 1922), HZ (RFC 1843).
//!
//! Joined encoded words contain consecutive escape sequences, since each word returns to ASCII at its end. The WHATWG
//! decoder emits U+FFFD there, and lacks the Korean and Chinese variants. This decoder uses the tables of the EUC
//! encodings instead.

use encoding_rs::{EUC_JP, EUC_KR, Encoding, GBK};

use super::ascii;

/// A set of characters that an escape sequence selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::header) enum Set {
    Ascii,
    /// The ASCII half of JIS X 0201.
    Roman,
    /// The katakana half of JIS X 0201.
    Katakana,
    /// JIS X 0208.
    Japanese,
    /// JIS X 0212.
    JapaneseSupplement,
    /// KS C 5601.
    Korean,
    /// GB 2312.
    Chinese,
    /// A two-byte character set whose table is not included.
    Other,
}

impl Set {
    /// Returns the EUC encoding that contains the set, and the byte that precedes its characters there.
    fn euc(self) -> Option<(&'static Encoding, Option<u8>)> {
        match self {
            Self::Katakana => Some((EUC_JP, Some(0x8e))),
            Self::Japanese => Some((EUC_JP, None)),
            Self::JapaneseSupplement => Some((EUC_JP, Some(0x8f))),
            Self::Korean => Some((EUC_KR, None)),
            Self::Chinese => Some((GBK, None)),
            Self::Ascii | Self::Roman | Self::Other => None,
        }
    }

    /// Appends the character at the start of `bytes`, and returns its length in bytes.
    fn decode(self, bytes: &[u8], out: &mut Decoded<'_>) -> usize {
        let graphic = |index: usize| bytes.get(index).copied().filter(|byte| (0x21..=0x7e).contains(byte));
        let Some(first) = graphic(0) else {
            out.push(bytes.first().map_or(char::REPLACEMENT_CHARACTER, |&byte| ascii(byte)));
            return 1;
        };
        match (self, first, graphic(1)) {
            (Self::Roman, b'\\', _) => out.push('\u{a5}'),
            (Self::Roman, b'~', _) => out.push('\u{203e}'),
            (Self::Ascii | Self::Roman, ..) => out.push(char::from(first)),
            (Self::Katakana, ..) => out.push_euc(self, &[first]),
            (_, _, Some(second)) => {
                out.push_euc(self, &[first, second]);
                return 2;
            }
            (_, _, None) => out.push(char::REPLACEMENT_CHARACTER),
        }
        1
    }
}

/// Decoded text, and bytes in an EUC encoding that are still to be decoded: characters of one set are decoded
/// together.
struct Decoded<'a> {
    text: &'a mut String,
    encoding: &'static Encoding,
    euc: Vec<u8>,
}

impl<'a> Decoded<'a> {
    fn new(text: &'a mut String) -> Self {
        Self { text, encoding: EUC_JP, euc: Vec::new() }
    }

    fn push(&mut self, c: char) {
        self.flush();
        self.text.push(c);
    }

    fn push_euc(&mut self, set: Set, bytes: &[u8]) {
        let Some((encoding, prefix)) = set.euc() else { return self.push(char::REPLACEMENT_CHARACTER) };
        if encoding != self.encoding {
            self.flush();
            self.encoding = encoding;
        }
        self.euc.extend(prefix);
        self.euc.extend(bytes.iter().map(|byte| byte | 0x80));
    }

    fn flush(&mut self) {
        if !self.euc.is_empty() {
            self.text.push_str(&self.encoding.decode_without_bom_handling(&self.euc).0);
            self.euc.clear();
        }
    }
}

/// Appends the decoded text of `bytes`. `shifted` is the set that SO selects if no escape sequence designates one.
pub(super) fn decode(bytes: &[u8], mut shifted: Set, out: &mut String) {
    let mut out = Decoded::new(out);
    let mut selected = Set::Ascii;
    let mut is_shifted = false;
    let mut rest = bytes;
    while let Some(&byte) = rest.first() {
        let used = match (byte, escape(rest)) {
            (_, Some((Escape::Select(set), length))) => {
                selected = set;
                length
            }
            (_, Some((Escape::Designate(set), length))) => {
                shifted = set;
                length
            }
            (SHIFT_OUT | SHIFT_IN, None) => {
                is_shifted = byte == SHIFT_OUT;
                1
            }
            (_, None) => (if is_shifted { shifted } else { selected }).decode(rest, &mut out),
        };
        rest = &rest[used..];
    }
    out.flush();
}

/// Appends the decoded text of `bytes` in HZ: `~{` begins GB 2312, `~}` ends it, and `~~` is a tilde.
pub(super) fn decode_hz(bytes: &[u8], out: &mut String) {
    let mut out = Decoded::new(out);
    let mut set = Set::Ascii;
    let mut rest = bytes;
    while !rest.is_empty() {
        let used = match (set, rest) {
            (_, [b'~', b'{', ..]) => {
                set = Set::Chinese;
                2
            }
            (_, [b'~', b'}', ..]) => {
                set = Set::Ascii;
                2
            }
            (Set::Ascii, [b'~', b'~', ..]) => {
                out.push('~');
                2
            }
            _ => set.decode(rest, &mut out),
        };
        rest = &rest[used..];
    }
    out.flush();
}

enum Escape {
    /// Selects a set for the following bytes.
    Select(Set),
    /// Selects a set for the bytes after SO.
    Designate(Set),
}

/// Returns the escape sequence at the start of `bytes`, and its length.
fn escape(bytes: &[u8]) -> Option<(Escape, usize)> {
    Some(match *bytes {
        [0x1b, b'(', b'B', ..] => (Escape::Select(Set::Ascii), 3),
        [0x1b, b'(', b'J', ..] => (Escape::Select(Set::Roman), 3),
        [0x1b, b'(', b'I', ..] => (Escape::Select(Set::Katakana), 3),
        [0x1b, b'$', b'@' | b'B', ..] => (Escape::Select(Set::Japanese), 3),
        [0x1b, b'$', b'A', ..] => (Escape::Select(Set::Chinese), 3),
        [0x1b, b'$', b'(', b'C', ..] => (Escape::Select(Set::Korean), 4),
        [0x1b, b'$', b'(', b'D', ..] => (Escape::Select(Set::JapaneseSupplement), 4),
        [0x1b, b'$', b')', b'C', ..] => (Escape::Designate(Set::Korean), 4),
        [0x1b, b'$', b')', b'A', ..] => (Escape::Designate(Set::Chinese), 4),
        [0x1b, b'$', b')', _, ..] => (Escape::Designate(Set::Other), 4),
        _ => return None,
    })
}

/// Returns true if the text contains escape sequences of ISO-2022-JP, and the last one returns to ASCII.
pub(super) fn is_plausible(bytes: &[u8]) -> bool {
    let last = memchr::memrchr(0x1b, bytes).and_then(|at| escape(&bytes[at..]));
    matches!(last, Some((Escape::Select(Set::Ascii | Set::Roman), _)))
        && memchr::memchr_iter(0x1b, bytes).all(|at| escape(&bytes[at..]).is_some())
}

const SHIFT_OUT: u8 = 0x0e;
const SHIFT_IN: u8 = 0x0f;
