//! Messages in a maildrop.

use std::io::{self, Write};
use std::sync::Arc;

/// A message as `RETR` sends it (CRLF line ends), before dot-stuffing.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) unique_id: String,
    /// The message is `block` repeated `times` times, so that 1 GiB needs no more memory than one line.
    block: Arc<[u8]>,
    times: u64,
    /// The dot-stuffed block: at the start of a line, and elsewhere.
    stuffed: Arc<[Vec<u8>; 2]>,
}

impl Message {
    pub(crate) fn new(unique_id: impl Into<String>, octets: impl Into<Vec<u8>>) -> Self {
        Self::repeated(unique_id, octets, 1)
    }

    pub(crate) fn repeated(unique_id: impl Into<String>, block: impl Into<Vec<u8>>, times: u64) -> Self {
        let block: Vec<u8> = block.into();
        let stuffed = Arc::new([stuffed(&block, true), stuffed(&block, false)]);
        Self { unique_id: unique_id.into(), block: block.into(), times, stuffed }
    }

    /// Returns the size in the scan listing, unless a quirk changes it.
    pub(crate) fn octets(&self) -> u64 {
        self.block.len() as u64 * self.times
    }

    /// Returns the message as a client must store it. A multi-line response always ends with CRLF.
    pub(crate) fn received(&self) -> Vec<u8> {
        let mut octets = self.block.repeat(usize::try_from(self.times).expect("fits in memory"));
        if !octets.ends_with(b"\r\n") {
            octets.extend_from_slice(b"\r\n");
        }
        octets
    }

    pub(crate) fn write_body(&self, to: &mut impl Write) -> io::Result<()> {
        let ends_line = self.block.ends_with(b"\r\n");
        for nth in 0..self.times {
            to.write_all(&self.stuffed[usize::from(nth > 0 && !ends_line)])?;
        }
        if !ends_line {
            to.write_all(b"\r\n")?;
        }
        Ok(())
    }

    /// Writes the header and the first `lines` lines of the body, dot-stuffed.
    pub(crate) fn write_top(&self, lines: usize, to: &mut impl Write) -> io::Result<()> {
        let mut left: Option<usize> = None;
        for line in self.block.split_inclusive(|&octet| octet == b'\n') {
            match &mut left {
                None if line == b"\r\n" => left = Some(lines),
                None => {}
                Some(0) => break,
                Some(more) => *more -= 1,
            }
            to.write_all(&stuffed(line.strip_suffix(b"\r\n").unwrap_or(line), true))?;
            to.write_all(b"\r\n")?;
        }
        Ok(())
    }
}

fn stuffed(octets: &[u8], mut line_start: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(octets.len() + 16);
    let mut last = 0;
    for &octet in octets {
        if line_start && octet == b'.' {
            out.push(b'.');
        }
        out.push(octet);
        line_start = last == b'\r' && octet == b'\n';
        last = octet;
    }
    out
}
