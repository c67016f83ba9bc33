//! Octets in some charset to text.

use std::borrow::Cow;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use mail_parser::decoders::charsets::map::charset_decoder;

/// Raw 8-bit text: UTF-8 (RFC 6532) where it is that, else windows-1252, the usual one of mailers that do not say.
pub(super) fn utf8_or_windows_1252(octets: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(octets) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(
            charset_decoder(b"windows-1252")
                .map_or_else(|| String::from_utf8_lossy(octets).into_owned(), |decode| decode(octets)),
        ),
    }
}

/// Decodes text of a named charset; what is wrong in it becomes U+FFFD, and a charset that nobody knows is guessed.
pub(super) fn decode(charset: &str, octets: &[u8]) -> String {
    let name = charset.to_ascii_lowercase().replace('_', "-");
    match name.as_str() {
        "utf-8" | "utf8" | "unicode-1-1-utf-8" => String::from_utf8_lossy(octets).into_owned(),
        "utf-7" | "unicode-1-1-utf-7" | "csutf7" => utf7(octets),
        name => match charset_decoder(alias(name).as_bytes()) {
            Some(decode) if alias(name) == "iso-2022-jp" => decode(&without_idle_escapes(octets)),
            Some(decode) => decode(octets),
            None => utf8_or_windows_1252(octets).into_owned(),
        },
    }
}

/// Names in use that mail-parser does not know.
fn alias(name: &str) -> &str {
    match name {
        "cp932" | "x-ms-cp932" | "shift-jisx0213" => "shift_jis",
        "cp949" | "uhc" | "x-windows-949" | "euckr" => "euc-kr",
        "cp950" | "big-5" => "big5",
        "eucjp" | "x-eucjp" => "euc-jp",
        "iso-2022-jp-1" | "iso-2022-jp-2" | "iso-2022-jp-3" | "iso-2022-jp-ms" | "cp50220" | "cp50221" => {
            "iso-2022-jp"
        }
        "euc-cn" | "gb-18030" | "x-euc-cn" => "gb18030",
        "koi8r" => "koi8-r",
        "koi8u" => "koi8-u",
        "cp874" => "windows-874",
        "win-1251" | "windows1251" => "windows-1251",
        "windows1252" => "windows-1252",
        name => name,
    }
}

/// ISO-2022-JP without the escape sequences that another follows at once. Words that are joined have them, each word
/// going back to ASCII at its end; the decoder takes them for an attack.
///
/// ```text
/// ESC $ B F | ESC ( B  ESC $ B K \\ ESC ( B → ESC $ B F |  ESC $ B K \\ ESC ( B
/// ```
fn without_idle_escapes(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(octets.len());
    let mut rest = octets;
    while let Some((&octet, after)) = rest.split_first() {
        if let [0x1b, b'(' | b'$', _, 0x1b, ..] = rest {
            rest = &rest[3..];
        } else {
            out.push(octet);
            rest = after;
        }
    }
    out
}

/// UTF-7 (RFC 2152). mail-parser's loses what a word ends in.
///
/// ```text
/// b"+ZeVnLIqe-" → "日本語"     b"1 +- 1" → "1 + 1"
/// ```
fn utf7(octets: &[u8]) -> String {
    let mut out = String::new();
    let mut rest = octets;
    while let Some(plus) = memchr::memchr(b'+', rest) {
        out.push_str(&utf8_or_windows_1252(&rest[..plus]));
        let shifted = &rest[plus + 1..];
        let end = shifted
            .iter()
            .position(|octet| !(octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/')))
            .unwrap_or(shifted.len());
        if end == 0 {
            out.push('+');
        } else {
            let units = base64(&shifted[..end]).unwrap_or_default();
            let units = units.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            out.extend(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
        }
        rest = &shifted[end..];
        rest = rest.strip_prefix(b"-").unwrap_or(rest);
    }
    out.push_str(&utf8_or_windows_1252(rest));
    out
}

/// Base64 as mailers write it: with blanks, with and without padding, and with a last character too many.
pub(super) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let mut digits: Vec<u8> =
        text.iter().copied().filter(|octet| !octet.is_ascii_whitespace() && *octet != b'=').collect();
    if digits.len() % 4 == 1 {
        digits.pop();
    }
    LENIENT.decode(digits).ok()
}
