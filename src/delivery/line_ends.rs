//! Converts line ends from CRLF to LF, and back.

use memchr::{memchr, memchr_iter};

/// Converts CRLF to LF in pieces of any size. A bare CR or LF is not changed.
#[derive(Default)]
pub(crate) struct LineEnds {
    /// True if the last byte was a CR; it is written unless an LF follows.
    held: bool,
    /// The numbers of LF and of CRLF.
    line_feeds: usize,
    pairs: usize,
}

impl LineEnds {
    /// `b"a\r"`, `b"\nb\rc\n"` → `b"a\nb\rc\n"`
    pub(crate) fn convert(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let Some(&first) = bytes.first() else { return };
        self.line_feeds += memchr_iter(b'\n', bytes).count();
        if std::mem::take(&mut self.held) {
            match first {
                b'\n' => self.pairs += 1,
                _ => out.push(b'\r'),
            }
        }
        let mut rest = bytes;
        while let Some(at) = memchr(b'\r', rest) {
            out.extend_from_slice(&rest[..at]);
            match rest.get(at + 1) {
                None => self.held = true,
                Some(b'\n') => self.pairs += 1,
                Some(_) => out.push(b'\r'),
            }
            rest = &rest[at + 1..];
        }
        out.extend_from_slice(rest);
    }

    /// Writes the CR at the end of a message, if there is one. Returns true if [`restore`] reverses the conversion: the message
    /// contained no bare LF.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) -> bool {
        let Self { held, line_feeds, pairs } = std::mem::take(self);
        if held {
            out.push(b'\r');
        }
        line_feeds == pairs
    }
}

/// Converts LF to CRLF: `b"a\nb\rc\n"` → `b"a\r\nb\rc\r\n"`
pub(crate) fn restore(bytes: &[u8], out: &mut Vec<u8>) {
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(line) => out.extend([line, b"\r\n"].into_iter().flatten()),
            None => out.extend_from_slice(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bytes::split_at_all;

    fn converted(pieces: &[&[u8]]) -> (Vec<u8>, bool) {
        let (mut ends, mut out) = (LineEnds::default(), Vec::new());
        for piece in pieces {
            ends.convert(piece, &mut out);
        }
        let is_reversible = ends.finish(&mut out);
        (out, is_reversible)
    }

    #[test]
    fn only_a_bare_lf_cannot_be_restored() {
        for (message, file, is_reversible) in [
            (&b"a\r\nb\rc\r\n"[..], &b"a\nb\rc\n"[..], true),
            (b"a\r\r\n\r", b"a\r\n\r", true),
            (b"\r\n", b"\n", true),
            (b"", b"", true),
            (b"a\nb\r\n", b"a\nb\n", false),
            (b"\n", b"\n", false),
            (b"\n\r", b"\n\r", false),
        ] {
            assert_eq!(converted(&[message]), (file.to_vec(), is_reversible), "{message:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_reversible_is_restored(
            message in proptest::collection::vec(proptest::sample::select(&b"\r\na"[..]), 0..30),
            cuts: Vec<usize>,
        ) {
            let (file, is_reversible) = converted(&split_at_all(&message, &cuts));
            prop_assert_eq!(converted(&[&message]), (file.clone(), is_reversible));
            let mut restored = Vec::new();
            for piece in split_at_all(&file, &cuts) {
                restore(piece, &mut restored);
            }
            prop_assert_eq!(restored == message, is_reversible);
        }
    }
}
