//! Traces: logs of sessions without their secrets.

mod redactor;

use std::{
    fmt,
    io::{self, Write},
    time::SystemTime,
};

use jiff::Timestamp;

pub(crate) use redactor::Redactor;

/// Receives the bytes of a session, with secrets already redacted.
pub trait Trace: Send {
    /// Records sent bytes, always whole lines.
    fn sent(&mut self, bytes: &[u8]);
    /// Records received bytes, which may end within a line.
    fn received(&mut self, bytes: &[u8]);
    /// Records an event that is not part of the conversation: a connection, the TLS version, a certificate.
    fn note(&mut self, text: &str);
}

/// Writes a trace as lines with time stamps: `2026-11-22T10:00:00.123Z S: +OK ready`. `S:` marks the server, `C:` the
/// client, and `*:` an event.
///
/// Bytes that are not printable ASCII are escaped as `\x1b`, and the backslash as `\\`. Lines over
/// [`Lines::MAX_LINE`] bytes are broken. The first failed write ends the trace; [`Lines::failure`] returns its error.
pub struct Lines<W: Write + Send> {
    out: W,
    held: Vec<u8>,
    clock: fn() -> SystemTime,
    failure: Option<io::Error>,
}

impl<W: Write + Send> Lines<W> {
    /// The maximum length of a line in bytes, since a message may be one line of 40 MB.
    pub const MAX_LINE: usize = 16 * 1024;

    /// Returns a trace that writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out, held: Vec::new(), clock: SystemTime::now, failure: None }
    }

    /// Returns the error that ended the trace. Later calls return `None`.
    pub fn failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    fn line(&mut self, who: &str, line: &[u8]) {
        if self.failure.is_some() {
            return;
        }
        let stamp = Timestamp::try_from((self.clock)()).unwrap_or_default();
        let written = writeln!(self.out, "{stamp:.3} {who}: {}", Escaped(line));
        if let Err(error) = written.and_then(|()| self.out.flush()) {
            self.failure = Some(error);
        }
    }

    fn release(&mut self) {
        if !self.held.is_empty() {
            let held = std::mem::take(&mut self.held);
            self.line("S", without_line_end(&held));
        }
    }
}

impl<W: Write + Send> Trace for Lines<W> {
    fn sent(&mut self, bytes: &[u8]) {
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.line("C", without_line_end(line));
        }
    }

    fn received(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.held.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.held.len() >= Self::MAX_LINE {
                let held = std::mem::take(&mut self.held);
                self.line("S", without_line_end(&held));
                self.held = held;
                self.held.clear();
            }
        }
    }

    fn note(&mut self, text: &str) {
        self.release();
        self.line("*", text.as_bytes());
    }
}

impl<W: Write + Send> Drop for Lines<W> {
    fn drop(&mut self) {
        self.release();
    }
}

fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Formats bytes as one line of printable ASCII: a backslash as `\\\\`, and a byte that is not from space to `~` as
/// `\xNN`.
///
/// ```
/// assert_eq!(pop3::trace::Escaped(b"a\\b\x1b[2J\r\n").to_string(), r"a\\b\x1b[2J\x0d\x0a");
/// ```
pub struct Escaped<'a>(pub &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(&byte) = rest.first() {
            let plain = rest.iter().take_while(|byte| matches!(byte, b' '..=b'~') && **byte != b'\\').count();
            if plain > 0 {
                f.write_str(std::str::from_utf8(&rest[..plain]).map_err(|_| fmt::Error)?)?;
                rest = &rest[plain..];
                continue;
            }
            match byte {
                b'\\' => f.write_str(r"\\")?,
                _ => write!(f, "\\x{byte:02x}")?,
            }
            rest = &rest[1..];
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, Mutex},
        time::Duration,
    };

    use super::*;

    #[derive(Clone, Default)]
    pub(super) struct Sink(pub(super) Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn text(fill: impl FnOnce(&mut Lines<Sink>)) -> String {
        let sink = Sink::default();
        let mut lines = Lines::new(sink.clone());
        lines.clock = || SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_341_600_123);
        fill(&mut lines);
        drop(lines);
        String::from_utf8(sink.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn each_line_has_one_time_stamp() {
        let traced = text(|lines| {
            lines.note("connected");
            lines.received(b"+OK re");
            lines.received(b"ady\r\n+OK\r\n");
            lines.sent(b"STAT\r\nLIST\r\n");
            lines.received(b"cut \x1b");
        });
        let expected = ["*: connected", "S: +OK ready", "S: +OK", "C: STAT", "C: LIST", r"S: cut \x1b"];
        let stamped: String = expected.map(|line| format!("2026-11-22T10:00:00.123Z {line}\n")).concat();
        assert_eq!(traced, stamped);
    }

    #[test]
    fn an_endless_line_is_broken() {
        let traced = text(|lines| {
            for _ in 0..100 {
                lines.received(&[b'x'; 4096]);
                assert!(lines.held.len() <= Lines::<Sink>::MAX_LINE);
            }
        });
        assert_eq!(traced.matches('x').count(), 409_600);
    }
}
