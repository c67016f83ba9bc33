//! UTF-7 (RFC 2152), UTF-16 (RFC 2781), UTF-32.

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};

use super::ascii;

/// Appends decoded UTF-16. A byte order mark overrides the label. Without either, the byte order with more characters
/// below U+0100 is chosen, or little-endian (WHATWG) if both have the same number.
pub(super) fn utf16(bytes: &[u8], label: Option<&'static Encoding>, out: &mut String) {
    let order = match bytes {
        [0xff, 0xfe, ..] => UTF_16LE,
        [0xfe, 0xff, ..] => UTF_16BE,
        _ => label.unwrap_or_else(|| {
            let zeros = |offset| bytes.iter().skip(offset).step_by(2).filter(|&&byte| byte == 0).count();
            if zeros(0) > zeros(1) { UTF_16BE } else { UTF_16LE }
        }),
    };
    out.push_str(&order.decode_with_bom_removal(bytes).0);
}

/// Appends decoded UTF-32. Without a byte order mark or label, the bytes are big-endian unless that is impossible.
pub(super) fn utf32(bytes: &[u8], is_big_endian: Option<bool>, out: &mut String) {
    let (is_big_endian, bytes) = match bytes {
        [0xff, 0xfe, 0, 0, rest @ ..] => (false, rest),
        [0, 0, 0xfe, 0xff, rest @ ..] => (true, rest),
        _ => (is_big_endian.unwrap_or_else(|| bytes.first().is_none_or(|&byte| byte == 0)), bytes),
    };
    let mut units = bytes.chunks_exact(4);
    for unit in &mut units {
        let unit = [unit[0], unit[1], unit[2], unit[3]];
        let unit = if is_big_endian { u32::from_be_bytes(unit) } else { u32::from_le_bytes(unit) };
        out.push(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    if !units.remainder().is_empty() {
        out.push(char::REPLACEMENT_CHARACTER);
    }
}

/// Appends decoded UTF-7.
///
/// ```text
/// b"+ZeVnLIqe-" → "日本語"     b"1 +- 1" → "1 + 1"
/// ```
pub(super) fn utf7(bytes: &[u8], out: &mut String) {
    let mut rest = bytes;
    while let Some(plus) = memchr::memchr(b'+', rest) {
        out.extend(rest[..plus].iter().map(|&byte| ascii(byte)));
        let shifted = &rest[plus + 1..];
        let end = shifted.iter().position(|&byte| base64_digit(byte).is_none()).unwrap_or(shifted.len());
        if end == 0 {
            out.push('+');
        } else {
            utf7_units(&shifted[..end], out);
        }
        rest = &shifted[end..];
        rest = rest.strip_prefix(b"-").unwrap_or(rest);
    }
    out.extend(rest.iter().map(|&byte| ascii(byte)));
}

fn utf7_units(digits: &[u8], out: &mut String) {
    let (mut bits, mut count) = (0_u32, 0);
    let mut units = Vec::with_capacity(digits.len() * 6 / 16);
    for digit in digits.iter().copied().filter_map(base64_digit) {
        bits = bits << 6 | u32::from(digit);
        count += 6;
        if count >= 16 {
            count -= 16;
            units.push((bits >> count & 0xffff) as u16);
            bits &= (1 << count) - 1;
        }
    }
    out.extend(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)));
    // The unused bits of the last digit are padding: fewer than six, all zero.
    if count >= 6 || bits != 0 {
        out.push(char::REPLACEMENT_CHARACTER);
    }
}

/// Returns the value of a base64 digit (RFC 4648 §4).
pub(in crate::header) fn base64_digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}
