//! The quoting and the `From ` lines of an mbox.

use memchr::memchr;

use crate::delivery::line_ends::LineEnds;

/// Converts a message to mboxrd: a `>` is added to each line that begins with any number of `>` and `From `, which is reversible.
/// An empty line is added after the message.
pub(crate) struct Mboxrd {
    ends: LineEnds,
    converted: Vec<u8>,
    place: Place,
    last: u8,
}

#[derive(Clone, Copy)]
enum Place {
    /// At the beginning of a line, after any number of `>` and this many bytes of `From `.
    Beginning(usize),
    Within,
}

impl Mboxrd {
    pub(crate) fn new() -> Self {
        Self { ends: LineEnds::default(), converted: Vec::new(), place: Place::Beginning(0), last: b'\n' }
    }

    pub(crate) fn convert(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut converted = std::mem::take(&mut self.converted);
        self.ends.convert(bytes, &mut converted);
        self.quote(&converted, out);
        converted.clear();
        self.converted = converted;
    }

    /// Ends the message. The next message may follow.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        let mut converted = Vec::new();
        self.ends.finish(&mut converted);
        self.quote(&converted, out);
        if let Place::Beginning(matched @ 1..) = self.place {
            out.extend_from_slice(&FROM[..matched]);
        }
        if self.last != b'\n' {
            out.push(b'\n');
        }
        out.push(b'\n');
        self.place = Place::Beginning(0);
        self.last = b'\n';
    }

    fn quote(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut rest = bytes;
        while let Some(&byte) = rest.first() {
            match self.place {
                Place::Within => {
                    let line = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
                    out.extend_from_slice(&rest[..line]);
                    if rest[line - 1] == b'\n' {
                        self.place = Place::Beginning(0);
                    }
                    rest = &rest[line..];
                }
                Place::Beginning(0) if byte == b'>' => {
                    out.push(byte);
                    rest = &rest[1..];
                }
                Place::Beginning(matched) if byte == FROM[matched] => {
                    rest = &rest[1..];
                    self.place = Place::Beginning(matched + 1);
                    if matched + 1 == FROM.len() {
                        // The others are already written; the position of the new `>` among them does not matter.
                        out.push(b'>');
                        out.extend_from_slice(FROM);
                        self.place = Place::Within;
                    }
                }
                Place::Beginning(matched) => {
                    out.extend_from_slice(&FROM[..matched]);
                    self.place = Place::Within;
                }
            }
        }
        self.last = bytes.last().copied().unwrap_or(self.last);
    }
}

/// Returns the line before each message: `From MAILER-DAEMON Sun Nov 22 10:00:00 2026`, in UTC.
pub(crate) fn from_line(seconds: u64) -> Vec<u8> {
    let time = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let time = time.unwrap_or_default().strftime("%a %b %e %H:%M:%S %Y").to_string();
    format!("From MAILER-DAEMON {time}").into_bytes()
}

const FROM: &[u8] = b"From ";

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::bytes::split_at_all;

    fn mboxrd(pieces: &[&[u8]]) -> Vec<u8> {
        let (mut quoter, mut out) = (Mboxrd::new(), Vec::new());
        for piece in pieces {
            quoter.convert(piece, &mut out);
        }
        quoter.finish(&mut out);
        out
    }

    #[test]
    fn quotes_from_lines_only() {
        for (message, stored) in [
            (&b""[..], &b"\n"[..]),
            (b"From a\r\n>From b\r\n>>From \r\n", b">From a\n>>From b\n>>>From \n\n"),
            (b"From\r\n> From x\r\nxFrom y\r\n", b"From\n> From x\nxFrom y\n\n"),
            (b"Fro", b"Fro\n\n"),
            (b"a\r", b"a\r\n\n"),
            (b"FFrom \r\n", b"FFrom \n\n"),
            (b">F\r\n\r\nFrom ", b">F\n\n>From \n\n"),
        ] {
            assert_eq!(mboxrd(&[message]).escape_ascii().to_string(), stored.escape_ascii().to_string());
        }
        assert_eq!(from_line(0), b"From MAILER-DAEMON Thu Jan  1 00:00:00 1970");
    }

    /// Messages that are likely to contain line ends, quotes, and bare CRs and LFs.
    fn message() -> impl Strategy<Value = Vec<u8>> {
        let word = prop_oneof![
            Just(&b"\r\n"[..]),
            Just(&b"\r"[..]),
            Just(&b"\n"[..]),
            Just(&b">"[..]),
            Just(&b"From "[..]),
            Just(&b"Fr"[..]),
            Just(&b"x"[..])
        ];
        vec(word, 0..40).prop_map(|words| words.concat())
    }

    proptest! {
        #[test]
        fn no_cut_makes_a_difference(message in message(), cuts in vec(0..100_usize, 0..5)) {
            let pieces = split_at_all(&message, &cuts);
            let whole = mboxrd(&[&message]);
            prop_assert_eq!(&mboxrd(&pieces), &whole);
            prop_assert!(!whole.starts_with(FROM) && memchr::memmem::find(&whole, b"\nFrom ").is_none());

            let (mut ends, mut lines) = (LineEnds::default(), Vec::new());
            for piece in &pieces {
                ends.convert(piece, &mut lines);
            }
            ends.finish(&mut lines);
            let expected = String::from_utf8(message.clone()).unwrap().replace("\r\n", "\n").into_bytes();
            prop_assert_eq!(&lines, &expected);

            // Quoting is reversible.
            let text = String::from_utf8(whole).unwrap();
            let unquoted: String = text.split_inclusive('\n').map(|line| {
                if line.starts_with('>') && line.trim_start_matches('>').starts_with("From ") { &line[1..] } else { line }
            }).collect();
            let mut expected = String::from_utf8(expected).unwrap();
            if !expected.is_empty() && !expected.ends_with('\n') {
                expected.push('\n');
            }
            expected.push('\n');
            prop_assert_eq!(unquoted, expected);
        }
    }
}
