//! Converts line ends from CRLF to LF.

use memchr::memchr;

/// Converts CRLF to LF in pieces of any size. A bare CR or LF is not changed.
#[derive(Default)]
pub(crate) struct LineEnds {
    /// True if the last byte was a CR; it is written unless an LF follows.
    held: bool,
}

impl LineEnds {
    /// `b"a\r"`, `b"\nb\rc\n"` → `b"a\nb\rc\n"`
    pub(crate) fn convert(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let Some(&first) = bytes.first() else { return };
        if std::mem::take(&mut self.held) && first != b'\n' {
            out.push(b'\r');
        }
        let mut rest = bytes;
        while let Some(at) = memchr(b'\r', rest) {
            out.extend_from_slice(&rest[..at]);
            match rest.get(at + 1) {
                None => self.held = true,
                Some(b'\n') => {}
                Some(_) => out.push(b'\r'),
            }
            rest = &rest[at + 1..];
        }
        out.extend_from_slice(rest);
    }

    /// Writes the CR at the end of a message, if there is one.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.held) {
            out.push(b'\r');
        }
    }
}
