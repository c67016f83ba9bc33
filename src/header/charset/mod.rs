//! Decoding of charsets: those of the WHATWG Encoding Standard, and others that occur in mail.
//!
//! Bytes that a charset does not define become U+FFFD, and so do the non-ASCII bytes of an unknown charset: a guess
//! would show characters that the sender did not write.

mod code_page;
mod iso_2022;
mod label;
mod utf;

use crate::bytes::strip_bom;
use std::borrow::Cow;

pub(super) use self::utf::base64_digit;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// A charset of an encoded word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charset {
    /// An encoding of the WHATWG standard.
    Whatwg(&'static Encoding),
    /// UTF-16 without a byte order in its label.
    Utf16,
    /// UTF-32; `true` and `false` are big- and little-endian, `None` is detected from the first bytes.
    Utf32(Option<bool>),
    /// RFC 2152.
    Utf7,
    /// ISO-2022-JP, -KR, -CN, with the set that SO selects if none was designated.
    Iso2022(iso_2022::Set),
    /// RFC 1843.
    Hz,
    /// A single-byte code page, with the upper half of its table.
    CodePage(&'static str),
    /// ASCII, and U+FFFD for the rest.
    Unknown,
}

impl Charset {
    /// Returns the charset of a label of the WHATWG standard or the IANA registry, or of a common misspelling of such
    /// a label. Any other label is [`Charset::Unknown`].
    pub(super) fn from_label(label: &str) -> Self {
        label::charset(label)
    }

    /// Appends the decoded text of `bytes`, without a leading byte order mark.
    pub(super) fn decode(self, bytes: &[u8], out: &mut String) {
        match self {
            Self::Whatwg(encoding) if encoding == UTF_8 => {
                out.push_str(&String::from_utf8_lossy(strip_bom(bytes)));
            }
            Self::Whatwg(encoding) if encoding == UTF_16LE || encoding == UTF_16BE => {
                utf::utf16(bytes, Some(encoding), out);
            }
            Self::Whatwg(encoding) => out.push_str(&encoding.decode_without_bom_handling(bytes).0),
            Self::Utf16 => utf::utf16(bytes, None, out),
            Self::Utf32(big_endian) => utf::utf32(bytes, big_endian, out),
            Self::Utf7 => utf::utf7(bytes, out),
            Self::Iso2022(shifted) => iso_2022::decode(bytes, shifted, out),
            Self::Hz => iso_2022::decode_hz(bytes, out),
            Self::CodePage(table) => code_page::decode(bytes, table, out),
            Self::Unknown => out.extend(bytes.iter().map(|&byte| ascii(byte))),
        }
    }
}

/// Decoded text without a charset label.
pub(super) struct RawText<'a> {
    pub(super) text: Cow<'a, str>,
    /// True if the bytes are UTF-8, and false if another charset was guessed.
    pub(super) is_utf8: bool,
}

/// Decodes text without a charset label: as UTF-8 (RFC 6532) with U+FFFD for errors if most of it is valid, as
/// ISO-2022-JP if it has the escape sequences of that and returns to ASCII, and otherwise as windows-1252, the most
/// common charset of mailers that omit the label.
///
/// ```text
/// b"K\xc3\xb6l\xc3" → "Köl\u{fffd}"     b"caf\xe9" → "café"     b"\x1b$BF|\x1b(B" → "日"
/// ```
pub(super) fn decode_raw(bytes: &[u8]) -> RawText<'_> {
    if let Ok(text) = str::from_utf8(bytes) {
        if text.is_ascii() && iso_2022::is_plausible(bytes) {
            let mut text = String::with_capacity(bytes.len());
            iso_2022::decode(bytes, iso_2022::Set::Katakana, &mut text);
            return RawText { text: Cow::Owned(text), is_utf8: false };
        }
        return RawText { text: Cow::Borrowed(text), is_utf8: true };
    }
    let (mut valid, mut invalid) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        valid += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        invalid += usize::from(!chunk.invalid().is_empty());
    }
    if valid >= invalid {
        RawText { text: String::from_utf8_lossy(bytes), is_utf8: true }
    } else {
        RawText { text: WINDOWS_1252.decode_without_bom_handling(bytes).0, is_utf8: false }
    }
}

fn ascii(byte: u8) -> char {
    if byte.is_ascii() { char::from(byte) } else { char::REPLACEMENT_CHARACTER }
}
