//! What secrets a session knows, kept out of everything that is shown of it.

use std::{borrow::Cow, ops::Range};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use memchr::{memchr, memmem, memrchr};
use zeroize::Zeroizing;

use super::Trace;
use crate::secret::Secret;

/// The trace of a session, if there is one, and the secrets that are taken out of everything that is shown: a server may
/// echo what it was sent.
#[derive(Default)]
pub(crate) struct Redactor {
    trace: Option<Box<dyn Trace>>,
    secrets: Vec<Secret>,
    /// What came in of a line that has not ended: a secret may be cut in two.
    held: Vec<u8>,
    /// The rest of the line is not shown: it can be cut nowhere.
    hidden: bool,
}

impl Redactor {
    const STARS: &[u8] = b"***";

    /// So much of one line is held back. A message may be one line of 40 MB.
    const MAX_LINE: usize = 16 * 1024;

    /// A secret like `abab`, said again and again, leaves no place where a line can be cut. This is the end of waiting.
    const MAX_HELD: usize = 4 * Self::MAX_LINE;

    /// As few characters of base64 as this are found in any text.
    const MIN_BASE64: usize = 8;

    pub(crate) fn new(trace: Option<Box<dyn Trace>>) -> Self {
        Self { trace, secrets: Vec::new(), held: Vec::new(), hidden: false }
    }

    /// Masks a secret and its base64 from now on, also where that is a piece of longer base64.
    pub(crate) fn add_secret(&mut self, secret: &[u8]) {
        self.add(secret);
        self.add(Zeroizing::new(STANDARD.encode(secret)).trim_end_matches('=').as_bytes());
        // Three octets are four characters: it depends on the octets before which ones these are. The first of them
        // are shared with those before, and what follows the last whole three with those behind.
        for (before, shared) in [(0, 0), (1, 2), (2, 3)] {
            let octets = Zeroizing::new([&[0; 2][..before], secret].concat());
            let base64 = Zeroizing::new(STANDARD.encode(&octets[..octets.len() / 3 * 3]));
            let piece = base64.get(shared..).unwrap_or_default();
            if piece.len() >= Self::MIN_BASE64 {
                self.add(piece.as_bytes());
            }
        }
        // A secret within another must not leave the rest of that other one standing.
        self.secrets.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
    }

    fn add(&mut self, octets: &[u8]) {
        if !octets.is_empty() && !self.secrets.iter().any(|known| known.expose() == octets) {
            self.secrets.push(Secret::from(octets.to_vec()));
        }
    }

    /// A whole line, or more of them, without the secrets.
    pub(crate) fn redact<'a>(&self, octets: &'a [u8]) -> Cow<'a, [u8]> {
        let mut masked = Cow::Borrowed(octets);
        for secret in &self.secrets {
            let mut rest = &masked[..];
            let mut without = Vec::new();
            while let Some(at) = memmem::find(rest, secret.expose()) {
                without.extend_from_slice(&rest[..at]);
                without.extend_from_slice(Self::STARS);
                rest = &rest[at + secret.expose().len()..];
            }
            if rest.len() < masked.len() {
                without.extend_from_slice(rest);
                masked = Cow::Owned(without);
            }
        }
        masked
    }

    /// A line that was cut: the beginning of a secret at its end is masked too.
    pub(crate) fn redact_truncated(&self, octets: &[u8]) -> Vec<u8> {
        let mut shown = self.redact(octets).into_owned();
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

    /// Lines that go out; what stands at `secret_at` is masked, here and from now on.
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

    /// Octets that came in, cut anywhere.
    pub(crate) fn received(&mut self, octets: &[u8]) {
        if self.trace.is_none() {
            return;
        }
        let mut octets = octets;
        if self.hidden {
            let Some(end) = memchr(b'\n', octets) else { return };
            octets = &octets[end..];
            self.hidden = false;
        }
        self.held.extend_from_slice(octets);
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

    /// Where a line that goes on and on can be cut and no secret with it; 0 while it need not be.
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

    /// A challenge came in.
    pub(crate) fn challenge(&mut self) {
        if let Some(trace) = &mut self.trace {
            trace.received(b"+ ***\r\n");
        }
    }

    /// What came in and cannot be understood; at most `most` octets of it are shown.
    pub(crate) fn junk(&mut self, octets: &[u8], most: usize) {
        if self.trace.is_none() {
            return;
        }
        self.held.extend_from_slice(octets);
        let held = std::mem::take(&mut self.held);
        let mut shown = self.redact_truncated(&held);
        shown.truncate(most);
        if let Some(trace) = &mut self.trace {
            trace.received(&shown);
        }
    }

    /// Something that happened beside the conversation.
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
    fn secrets_and_their_base64_are_masked() {
        let redactor = redactor(&["tanstaaf", "tan"]);
        let shown = |octets: &[u8]| String::from_utf8(redactor.redact(octets).into_owned()).unwrap();
        assert_eq!(shown(b"-ERR tanstaaf, dGFuc3RhYWY=, tan?"), "-ERR ***, ***=, ***?");
        assert_eq!(shown(b"+OK"), "+OK");
        for text in ["(tanstaaf)", "((tanstaaf))", "<<<tanstaaf and more"] {
            let shown = shown(STANDARD.encode(text).as_bytes());
            assert!(shown.contains("***"), "{shown}");
        }
    }

    #[test]
    fn a_secret_that_comes_in_pieces_is_masked() {
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
    fn a_secret_that_overlaps_itself_ends_the_waiting() {
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

    /// A line of one-letter secrets takes as long as its octets, not as their square: 4 MB would take minutes.
    #[test]
    fn masking_takes_linear_time() {
        let redactor = redactor(&["a"]);
        assert_eq!(redactor.redact(&vec![b'a'; 4 << 20]).len(), 3 * (4 << 20));
    }

    #[test]
    fn a_cut_line_shows_no_beginning_of_a_secret() {
        let redactor = redactor(&["tanstaaf"]);
        assert_eq!(redactor.redact_truncated(b"-ERR tansta"), b"-ERR ***");
        assert_eq!(redactor.redact_truncated(b"-ERR dGFuc3R"), b"-ERR ***");
        assert_eq!(redactor.redact_truncated(b"-ERR no"), b"-ERR no");
    }
}
