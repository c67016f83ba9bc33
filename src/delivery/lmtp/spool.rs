//! Spools a message for an LMTP server: `MAIL` announces the size, which is not known before the message is complete.

use std::io::{self, Read, Seek as _, SeekFrom, Write};

use memchr::memchr2_iter;
use tempfile::SpooledTempFile;

/// A message with normalized line ends.
///
/// SMTP allows CR and LF in pairs only (RFC 5321 §2.3.8). If a server took `LF . LF` or `CR . CR` for the end of the message, it
/// would execute the rest of the message as commands ("SMTP smuggling"). So a bare LF becomes CRLF, and so does a bare CR before
/// a dot; any other bare CR is not changed. A missing line end is added to the last line.
pub(super) struct Spool {
    file: SpooledTempFile,
    /// The last byte received; initially LF, because a message starts at the beginning of a line.
    last: u8,
    size: u64,
    eight_bit: bool,
    header: Header,
    converted: Vec<u8>,
}

/// The progress of the search for non-ASCII bytes in the header.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Header {
    /// Inside the header; `line_start` is true at the beginning of a line.
    Inside { line_start: bool },
    /// The search has ended; `eight_bit` is true if a non-ASCII byte was found.
    Over { eight_bit: bool },
}

impl Spool {
    pub(super) fn new() -> Self {
        Self {
            file: SpooledTempFile::new(IN_MEMORY),
            last: b'\n',
            size: 0,
            eight_bit: false,
            header: Header::Inside { line_start: true },
            converted: Vec::new(),
        }
    }

    /// Returns the size of the message in bytes, without the dots that dot-stuffing adds.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Returns true if the message has non-ASCII bytes.
    pub(super) fn is_eight_bit(&self) -> bool {
        self.eight_bit
    }

    /// Returns true if the header has non-ASCII bytes (RFC 6532).
    pub(super) fn is_internationalised(&self) -> bool {
        self.header == Header::Over { eight_bit: true }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(&end) = bytes.last() else { return Ok(()) };
        self.converted.clear();
        let mut from = 0;
        for at in memchr2_iter(b'\n', b'.', bytes) {
            let before = at.checked_sub(1).map_or(self.last, |before| bytes[before]);
            let inserted: &[u8] = match (before, bytes[at]) {
                (b'\r', b'.') => b"\n",
                (b'\r', _) | (_, b'.') => continue,
                (_, _) => b"\r",
            };
            self.converted.extend_from_slice(&bytes[from..at]);
            self.converted.extend_from_slice(inserted);
            from = at;
        }
        self.converted.extend_from_slice(&bytes[from..]);
        self.last = end;
        self.put()
    }

    /// Completes the message: adds a missing line end.
    pub(super) fn end(&mut self) -> io::Result<()> {
        self.converted.clear();
        match self.last {
            b'\n' => {}
            b'\r' => self.converted.push(b'\n'),
            _ => self.converted.extend_from_slice(b"\r\n"),
        }
        self.put()
    }

    /// Writes the message with dot-stuffing and the terminating line (RFC 5321 §4.5.2).
    pub(super) fn send(&mut self, mut output: impl Write) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        let mut block = vec![0; BLOCK];
        let mut stuffed = Vec::with_capacity(BLOCK + BLOCK / 8);
        let mut last = b'\n';
        loop {
            let count = self.file.read(&mut block)?;
            let Some(&end) = block[..count].last() else { break };
            stuffed.clear();
            let mut from = 0;
            for at in memchr::memchr_iter(b'.', &block[..count]) {
                if at.checked_sub(1).map_or(last, |before| block[before]) == b'\n' {
                    stuffed.extend_from_slice(&block[from..at]);
                    stuffed.push(b'.');
                    from = at;
                }
            }
            stuffed.extend_from_slice(&block[from..count]);
            output.write_all(&stuffed)?;
            last = end;
        }
        output.write_all(b".\r\n")
    }

    fn put(&mut self) -> io::Result<()> {
        self.size += self.converted.len() as u64;
        let eight_bit = !self.converted.is_ascii();
        self.eight_bit |= eight_bit;
        self.look_at_header();
        self.file.write_all(&self.converted)
    }

    fn look_at_header(&mut self) {
        let Header::Inside { mut line_start } = self.header else { return };
        for &byte in &self.converted {
            match byte {
                b'\n' if line_start => {
                    self.header = Header::Over { eight_bit: false };
                    return;
                }
                b'\n' => line_start = true,
                b'\r' => {}
                0x80.. => {
                    self.header = Header::Over { eight_bit: true };
                    return;
                }
                _ => line_start = false,
            }
        }
        self.header = Header::Inside { line_start };
    }
}

/// Maximum size in bytes of a message held in memory. Larger messages are spooled to an unnamed temporary file.
const IN_MEMORY: usize = 1 << 20;

/// Number of bytes that are read at a time.
const BLOCK: usize = 32 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(pieces: &[&[u8]]) -> (Vec<u8>, Spool) {
        let mut spool = Spool::new();
        spool.write(b"of another message").unwrap();
        spool = Spool::new();
        for piece in pieces {
            spool.write(piece).unwrap();
        }
        spool.end().unwrap();
        let mut wire = Vec::new();
        spool.send(&mut wire).unwrap();
        (wire, spool)
    }

    #[test]
    fn line_ends_and_dots() {
        for (message, wire) in [
            (&b"a: b\r\n\r\nc\r\n"[..], &b"a: b\r\n\r\nc\r\n.\r\n"[..]),
            (b".\r\n..\r\na.b\r\n.c\r\n", b"..\r\n...\r\na.b\r\n..c\r\n.\r\n"),
            (b"", b".\r\n"),
            (b"no end", b"no end\r\n.\r\n"),
            (b"a\r", b"a\r\n.\r\n"),
            (b"a\n.\nMAIL FROM:<>\n\n", b"a\r\n..\r\nMAIL FROM:<>\r\n\r\n.\r\n"),
            (b"a\r.\rb\r\n", b"a\r\n..\rb\r\n.\r\n"),
            (b"a\r\r\n\n\r.\n", b"a\r\r\n\r\n\r\n..\r\n.\r\n"),
            (b"a\0\xff\r\n", b"a\0\xff\r\n.\r\n"),
        ] {
            let (whole, spool) = sent(&[message]);
            assert_eq!(whole.escape_ascii().to_string(), wire.escape_ascii().to_string());
            let stuffed = wire.split(|&byte| byte == b'\n').filter(|line| line.starts_with(b".")).count();
            assert_eq!(spool.size(), (wire.len() - 2 - stuffed) as u64);
            let single: Vec<&[u8]> = message.chunks(1).collect();
            assert_eq!(sent(&single).0, whole);
        }
    }

    #[test]
    fn the_end_is_the_only_lone_dot() {
        // All texts of five of these bytes. However a server interprets line ends, it finds no end of data before the last line.
        for number in 0..4_u32.pow(5) {
            let text: Vec<u8> =
                (0..5).map(|digit| b"\r\n.a"[(number / 4_u32.pow(digit) % 4) as usize]).collect();
            let (wire, _) = sent(&[&text]);
            let body = &wire[..wire.len() - 3];
            for start in [&b"\r\n"[..], b"\n", b"\r"] {
                for end in [&b"\r\n"[..], b"\n", b"\r"] {
                    let lone = [start, b".", end].concat();
                    let found = memchr::memmem::find(body, &lone);
                    assert_eq!(found, None, "{:?}", wire.escape_ascii().to_string());
                }
            }
        }
    }

    #[test]
    fn bytes_beyond_ascii_are_found_in_header_and_body() {
        for (message, eight_bit, header) in [
            (&b"a: b\r\n\r\nc\r\n"[..], false, false),
            (b"a: b\r\n\r\n\xc3\xa4\r\n", true, false),
            (b"a: \xc3\xa4\r\n\r\nc\r\n", true, true),
            (b"\r\n\xc3\xa4\r\n", true, false),
            (b"a: b\r\nc: \xc3\xa4\r\n", true, true),
        ] {
            let single: Vec<&[u8]> = message.chunks(1).collect();
            for pieces in [&[message][..], &single] {
                let (_, spool) = sent(pieces);
                assert_eq!((spool.is_eight_bit(), spool.is_internationalised()), (eight_bit, header));
            }
        }
    }

    #[test]
    fn large_messages_go_through_a_file() {
        let message = b".x\r\n".repeat(IN_MEMORY / 2);
        let (wire, spool) = sent(&[&message]);
        assert_eq!(spool.size(), message.len() as u64);
        assert_eq!(wire.len(), message.len() / 4 * 5 + 3);
    }
}
