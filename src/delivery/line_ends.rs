//! From the line ends of the network to those of this machine's mail files.

use memchr::memchr;

/// CRLF to LF, whatever pieces the octets come in; a CR or an LF alone stays as it is.
#[derive(Default)]
pub(crate) struct LineEnds {
    /// The last octet was a CR, whose LF may follow.
    held: bool,
}

impl LineEnds {
    /// `b"a\r"`, `b"\nb\rc\n"` → `b"a\nb\rc\n"`
    pub(crate) fn convert(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        let Some(&first) = octets.first() else { return };
        if std::mem::take(&mut self.held) && first != b'\n' {
            out.push(b'\r');
        }
        let mut rest = octets;
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

    /// The message is over.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.held) {
            out.push(b'\r');
        }
    }
}
