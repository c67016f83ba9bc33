//! Writes one JSON object per line, in ASCII.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter};

/// Writes an object and a line feed, in printable ASCII.
pub fn write_line(out: &mut impl Write, object: &impl Serialize) -> io::Result<()> {
    object.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, Ascii))?;
    out.write_all(b"\n")
}

/// The compact format of `serde_json`, with all characters but printable ASCII escaped.
struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.bytes().position(|byte| !matches!(byte, b' '..=b'~')) {
            let (plain, others) = rest.split_at(at);
            out.write_all(plain.as_bytes())?;
            let end = others.bytes().position(|byte| matches!(byte, b' '..=b'~')).unwrap_or(others.len());
            for unit in others[..end].encode_utf16() {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = &others[end..];
        }
        out.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: ?Sized + Write>(&mut self, out: &mut W, escape: CharEscape) -> io::Result<()> {
        serde_json::ser::CompactFormatter.write_char_escape(out, escape)
    }
}
