//! Removes the secrets of a session from its trace and from error messages.

use std::{borrow::Cow, ops::Range};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use memchr::{memchr, memmem, memrchr};
use zeroize::Zeroizing;

use super::Trace;
use crate::secret::Secret;

/// The optional trace of a session, and the secrets to redact in it. A server may echo them.
#[derive(Default)]
pub(crate) struct Redactor {
    trace: Option<Box<dyn Trace>>,
    secrets: Vec<Secret>,
    /// The received part of an incomplete line, because a secret may arrive in two pieces.
    held: Vec<u8>,
    /// True if the rest of the line is omitted because it has no safe split point.
    hidden: bool,
}

impl Redactor {
    const STARS: &[u8] = b"***";

    /// The maximum number of buffered bytes of one line, since a message may be one line of 40 MB.
    const MAX_LINE: usize = 16 * 1024;

    /// A self-overlapping secret like `abab` may leave no safe split point; give up at this size.
    const MAX_HELD: usize = 4 * Self::MAX_LINE;

    /// The minimum length of a redacted piece of base64: shorter pieces occur in any text.
    const MIN_BASE64: usize = 8;

    pub(crate) fn new(trace: Option<Box<dyn Trace>>) -> Self {
        Self { trace, secrets: Vec::new(), held: Vec::new(), hidden: false }
    }

    /// Redacts a secret and its base64 from now on, also inside longer base64.
    pub(crate) fn add_secret(&mut self, secret: &[u8]) {
        self.add(secret);
        self.add(Zeroizing::new(STANDARD.encode(secret)).trim_end_matches('=').as_bytes());
        // Base64 encodes three bytes as four characters, so the encoding depends on the number of bytes before the
        // secret. Characters that also encode preceding or following bytes are left out.
        for (before, shared) in [(0, 0), (1, 2), (2, 3)] {
            let bytes = Zeroizing::new([&[0; 2][..before], secret].concat());
            let base64 = Zeroizing::new(STANDARD.encode(&bytes[..bytes.len() / 3 * 3]));
            let piece = base64.get(shared..).unwrap_or_default();
            if piece.len() >= Self::MIN_BASE64 {
                self.add(piece.as_bytes());
            }
        }
        // The longest secret is redacted first: if a secret that is part of a longer one were redacted first, the
        // rest of the longer one would remain.
        self.secrets.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
    }

    fn add(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() && !self.secrets.iter().any(|known| known.expose() == bytes) {
            self.secrets.push(Secret::from(bytes.to_vec()));
        }
    }

    /// Replaces the secrets in one or more whole lines.
    pub(crate) fn redact<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let mut redacted = Cow::Borrowed(bytes);
        for secret in &self.secrets {
            let mut rest = &redacted[..];
            let mut without = Vec::new();
            while let Some(at) = memmem::find(rest, secret.expose()) {
                without.extend_from_slice(&rest[..at]);
                without.extend_from_slice(Self::STARS);
                rest = &rest[at + secret.expose().len()..];
            }
            if rest.len() < redacted.len() {
                without.extend_from_slice(rest);
                redacted = Cow::Owned(without);
            }
        }
        redacted
    }

    /// Replaces the secrets in a truncated line, and a partial secret at its end.
    pub(crate) fn redact_truncated(&self, bytes: &[u8]) -> Vec<u8> {
        let mut shown = self.redact(bytes).into_owned();
        let begun = |secret: &Secret| {
            let secret = secret.expose();
            (1..secret.len()).rev().find(|&count| shown.ends_with(&secret[..count]))
        };
        if let Some(count) = self.secrets.iter().filter_map(begun).max() {
            shown.truncate(shown.len() - count);
            shown.extend_from_slice(Self::STARS);
        }
        shown
    }

    /// Records sent lines; the bytes at `secret_at` are a secret from now on.
    pub(crate) fn sent(&mut self, lines: &[u8], secret_at: Option<Range<usize>>) {
        if let Some(at) = &secret_at {
            self.add_secret(&lines[at.clone()]);
        }
        let Some(trace) = &mut self.trace else { return };
        match secret_at {
            Some(at) => trace.sent(&[&lines[..at.start], Self::STARS, &lines[at.end..]].concat()),
            None => trace.sent(lines),
        }
    }

    /// Records received bytes, which may end within a line.
    pub(crate) fn received(&mut self, bytes: &[u8]) {
        if self.trace.is_none() {
            return;
        }
        let mut bytes = bytes;
        if self.hidden {
            let Some(end) = memchr(b'\n', bytes) else { return };
            bytes = &bytes[end..];
            self.hidden = false;
        }
        self.held.extend_from_slice(bytes);
        let end = match memrchr(b'\n', &self.held) {
            Some(feed) => feed + 1,
            None => self.safe_split(),
        };
        if end == 0 {
            if self.held.len() > Self::MAX_HELD {
                self.held.clear();
                self.hidden = true;
                if let Some(trace) = &mut self.trace {
                    trace.received(Self::STARS);
                }
            }
            return;
        }
        let shown = self.redact(&self.held[..end]).into_owned();
        self.held.drain(..end);
        if let Some(trace) = &mut self.trace {
            trace.received(&shown);
        }
    }

    /// The position at which a long line can be split without splitting a secret; 0 if it need not be split yet.
    fn safe_split(&self) -> usize {
        let longest = self.secrets.first().map_or(0, |secret| secret.expose().len());
        let mut end = self.held.len().saturating_sub(longest);
        if end < Self::MAX_LINE {
            return 0;
        }
        let across = |end: usize| {
            self.secrets.iter().find_map(|secret| {
                let secret = secret.expose();
                let from = (end + 1).saturating_sub(secret.len());
                let to = self.held.len().min(end + secret.len() - 1);
                memmem::find(&self.held[from..to], secret).map(|at| from + at)
            })
        };
        while let Some(start) = across(end) {
            end = start;
        }
        end
    }

    /// Records a SASL challenge.
    pub(crate) fn challenge(&mut self) {
        if let Some(trace) = &mut self.trace {
            trace.received(b"+ ***\r\n");
        }
    }

    /// Records at most `most` bytes of received data that is not POP3.
    pub(crate) fn junk(&mut self, bytes: &[u8], most: usize) {
        if self.trace.is_none() {
            return;
        }
        self.held.extend_from_slice(bytes);
        let held = std::mem::take(&mut self.held);
        let mut shown = self.redact_truncated(&held);
        shown.truncate(most);
        if let Some(trace) = &mut self.trace {
            trace.received(&shown);
        }
    }

    /// Records an event that is not part of the conversation.
    pub(crate) fn note(&mut self, text: &str) {
        self.release();
        if let Some(trace) = &mut self.trace {
            trace.note(text);
        }
    }

    fn release(&mut self) {
        if !self.held.is_empty() {
            self.junk(b"", usize::MAX);
        }
    }
}

impl Drop for Redactor {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Lines, tests::Sink};

    fn redactor(secrets: &[&str]) -> Redactor {
        let mut redactor = Redactor::default();
        for secret in secrets {
            redactor.add_secret(secret.as_bytes());
        }
        redactor
    }

    #[test]
    fn secrets_and_their_base64_are_redacted() {
        let redactor = redactor(&["tanstaaf", "tan"]);
        let shown = |bytes: &[u8]| String::from_utf8(redactor.redact(bytes).into_owned()).unwrap();
        assert_eq!(shown(b"-ERR tanstaaf, dGFuc3RhYWY=, tan?"), "-ERR ***, ***=, ***?");
        assert_eq!(shown(b"+OK"), "+OK");
        for text in ["(tanstaaf)", "((tanstaaf))", "<<<tanstaaf and more"] {
            let shown = shown(STANDARD.encode(text).as_bytes());
            assert!(shown.contains("***"), "{shown}");
        }
    }

    #[test]
    fn a_secret_in_pieces_is_redacted() {
        let traced = |line: &[u8], piece: usize| {
            let sink = Sink::default();
            let mut redactor = Redactor::new(Some(Box::new(Lines::new(sink.clone()))));
            redactor.add_secret(b"tanstaaf");
            line.chunks(piece).for_each(|piece| redactor.received(piece));
            drop(redactor);
            String::from_utf8(sink.0.lock().unwrap().clone()).unwrap()
        };
        for piece in 1..20 {
            assert!(traced(b"a tanstaaf b\r\n", piece).ends_with("S: a *** b\n"));
            assert!(traced(b"a tanstaaf tansta", piece).ends_with("S: a *** ***\n"));
        }
        let filler = "x".repeat(Redactor::MAX_LINE - 5);
        let traced = traced(format!("{filler}tanstaaf{filler}tanstaaf{filler}\r\n").as_bytes(), 7);
        assert_eq!((traced.matches('x').count(), traced.matches("***").count()), (3 * filler.len(), 2));
        assert!(!traced.contains("taaf"));
    }

    #[test]
    fn the_buffer_for_a_self_overlapping_secret_is_bounded() {
        let sink = Sink::default();
        let mut redactor = Redactor::new(Some(Box::new(Lines::new(sink.clone()))));
        redactor.add_secret(b"abab");
        let line = "ab".repeat(Redactor::MAX_HELD);
        for piece in line.as_bytes().chunks(8000) {
            redactor.received(piece);
            assert!(redactor.held.len() <= Redactor::MAX_HELD + piece.len());
        }
        redactor.received(b"\r\nnext\r\n");
        drop(redactor);
        let traced = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        assert!(!traced.contains("abab") && traced.ends_with("S: next\n"), "{traced}");
    }

    /// In quadratic time, 4 MB of one-letter secrets would take minutes.
    #[test]
    fn redacting_takes_linear_time() {
        let redactor = redactor(&["a"]);
        assert_eq!(redactor.redact(&vec![b'a'; 4 << 20]).len(), 3 * (4 << 20));
    }

    #[test]
    fn a_partial_secret_at_the_end_of_a_truncated_line_is_redacted() {
        let redactor = redactor(&["tanstaaf"]);
        assert_eq!(redactor.redact_truncated(b"-ERR tansta"), b"-ERR ***");
        assert_eq!(redactor.redact_truncated(b"-ERR dGFuc3R"), b"-ERR ***");
        assert_eq!(redactor.redact_truncated(b"-ERR no"), b"-ERR no");
    }
}
