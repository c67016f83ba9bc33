//! The tokens of an address list, and addresses made of them.

use super::super::{comment, encoded_word};

/// An address list and what is known of its end, so that no search for a closing character is made twice.
pub(super) struct Syntax<'a> {
    pub(super) text: &'a str,
    is_utf8: bool,
    /// From here on no comment is closed, and `(` is a character like others.
    comments_end: usize,
    /// From here on no quoted string is closed.
    quotes_end: usize,
    /// How far the last attempt at an address came.
    pub(super) reached: usize,
}

/// Where comments and white space may be in an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gaps {
    Nowhere,
    /// Beside the `@` (RFC 5322 §3.4.1) and the dots of the domain (§4.4), but not in the local part: `Mr. smith@example.org`.
    AfterLocalPart,
    /// Beside all dots (§4.4).
    Everywhere,
}

impl<'a> Syntax<'a> {
    pub(super) fn new(text: &'a str, is_utf8: bool) -> Self {
        Self { text, is_utf8, comments_end: usize::MAX, quotes_end: usize::MAX, reached: 0 }
    }

    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// The end of the comment at `at`.
    pub(super) fn comment(&mut self, at: usize) -> Option<usize> {
        if self.byte(at) != Some(b'(') || at >= self.comments_end {
            return None;
        }
        let length = comment::length(&self.text.as_bytes()[at..]);
        if length.is_none() {
            self.comments_end = at;
        }
        length.map(|length| at + length)
    }

    /// The end of the quoted string at `at` (§3.2.4).
    pub(super) fn quoted(&mut self, at: usize) -> Option<usize> {
        if self.byte(at) != Some(b'"') || at >= self.quotes_end {
            return None;
        }
        let bytes = self.text.as_bytes();
        let mut end = at + 1;
        while let Some(found) = bytes.get(end..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
            end += found + 1;
            if bytes[end - 1] == b'"' {
                return Some(end);
            }
            end += 1;
        }
        self.quotes_end = at;
        None
    }

    /// The end of comments and white space (§3.2.2 `CFWS`) at `at`.
    pub(super) fn gap(&mut self, mut at: usize) -> usize {
        loop {
            match self.byte(at) {
                Some(b' ' | b'\t' | b'\r' | b'\n') => at += 1,
                _ => match self.comment(at) {
                    Some(end) => at = end,
                    None => return at,
                },
            }
        }
    }

    /// The end of a run of characters that mean nothing to a list, and of encoded words, which may have any in them.
    pub(super) fn run(&self, at: usize) -> usize {
        let mut end = at;
        while let Some(c) = self.text[end..].chars().next() {
            if c == '='
                && let Some(length) = encoded_word::length(&self.text[end..])
            {
                end += length;
            } else if is_special(c) {
                break;
            } else {
                end += c.len_utf8();
            }
        }
        end
    }

    /// The address in angle brackets (§3.4 `angle-addr`) that begins after the `<` before `at`, with its end. A `>` may
    /// lack where the entry ends.
    pub(super) fn angle(&mut self, at: usize) -> Option<(String, usize)> {
        let mut at = self.gap(at);
        if self.text.as_bytes()[at..]
            .get(..MAILTO.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(MAILTO))
        {
            at += MAILTO.len();
        }
        let at = self.route(at).unwrap_or(at);
        let at = self.gap(at);
        let (address, end) = self.address(at, Gaps::Everywhere)?;
        let end = self.gap(end);
        match self.byte(end) {
            Some(b'>') => Some((address, end + 1)),
            None | Some(b',' | b';') => Some((address, end)),
            Some(_) => None,
        }
    }

    /// The end of a route (§4.4 `obs-route`), which says nothing any more.
    fn route(&mut self, at: usize) -> Option<usize> {
        let mut ignored = String::new();
        let mut at = at;
        let mut is_empty = true;
        loop {
            at = self.gap(at);
            match self.byte(at)? {
                b',' => at += 1,
                b'@' => {
                    let domain = self.gap(at + 1);
                    at = self.domain(domain, Gaps::Everywhere, &mut ignored)?;
                    is_empty = false;
                }
                b':' if !is_empty => return Some(at + 1),
                _ => return None,
            }
            ignored.clear();
        }
    }

    /// The address (§3.4.1 `addr-spec`) at `at`, with its end.
    pub(super) fn address(&mut self, at: usize, gaps: Gaps) -> Option<(String, usize)> {
        let mut address = String::new();
        let mut at = self.local_part(at, gaps, &mut address)?;
        if gaps != Gaps::Nowhere {
            at = self.gap(at);
        }
        if self.byte(at) != Some(b'@') {
            return None;
        }
        address.push('@');
        at += 1;
        if gaps != Gaps::Nowhere {
            at = self.gap(at);
        }
        let end = self.domain(at, gaps, &mut address)?;
        // RFC 2047 §5: an encoded word is no part of an address.
        (!encoded_word::is_in(&address)).then_some((address, end))
    }

    fn local_part(&mut self, mut at: usize, gaps: Gaps, out: &mut String) -> Option<usize> {
        loop {
            let end = match self.quoted(at) {
                Some(end) if self.text[at..end].chars().all(|c| self.is_quotable(c)) => end,
                Some(_) => return None,
                None => self.atom(at)?,
            };
            out.push_str(&self.text[at..end]);
            match self.dot(end, gaps == Gaps::Everywhere, out) {
                Some(next) => at = next,
                None => return Some(end),
            }
        }
    }

    fn domain(&mut self, mut at: usize, gaps: Gaps, out: &mut String) -> Option<usize> {
        if self.byte(at) == Some(b'[') {
            return self.domain_literal(at, out);
        }
        loop {
            let end = self.atom(at)?;
            out.push_str(&self.text[at..end]);
            match self.dot(end, gaps != Gaps::Nowhere, out) {
                Some(next) => at = next,
                None => return Some(end),
            }
        }
    }

    /// Takes a dot between two words; returns where the second begins.
    fn dot(&mut self, end: usize, has_gaps: bool, out: &mut String) -> Option<usize> {
        self.reached = self.reached.max(end);
        let dot = if has_gaps { self.gap(end) } else { end };
        if self.byte(dot) != Some(b'.') {
            return None;
        }
        out.push('.');
        Some(if has_gaps { self.gap(dot + 1) } else { dot + 1 })
    }

    /// `[IPv6:2001:db8::1]` (§3.4.1), without white space at its ends.
    fn domain_literal(&mut self, at: usize, out: &mut String) -> Option<usize> {
        let rest = self.text.as_bytes()[at..].get(1..)?;
        let length = memchr::memchr(b']', &rest[..rest.len().min(MAX_DOMAIN)])?;
        let literal = self.text.get(at + 1..at + 1 + length)?.trim_ascii();
        if !literal.chars().all(|c| self.is_visible(c) && !matches!(c, '[' | ']' | '\\')) {
            return None;
        }
        out.extend(["[", literal, "]"]);
        self.reached = self.reached.max(at + length + 2);
        Some(at + length + 2)
    }

    /// The end of the atom (§3.2.3) at `at`; `None` if there is none.
    fn atom(&self, at: usize) -> Option<usize> {
        let rest = &self.text[at..];
        let length = rest.find(|c: char| !self.is_atext(c)).unwrap_or(rest.len());
        (length > 0).then_some(at + length)
    }

    fn is_atext(&self, c: char) -> bool {
        c.is_ascii_alphanumeric()
            || matches!(c, '!' | '#'..='\'' | '*' | '+' | '-' | '/' | '=' | '?' | '^'..='`' | '{'..='~')
            || !c.is_ascii() && self.is_visible(c) && !c.is_whitespace()
    }

    /// Characters of a quoted string in an address.
    fn is_quotable(&self, c: char) -> bool {
        matches!(c, ' ' | '\t') || self.is_visible(c)
    }

    /// RFC 5322 `VCHAR`, and of what RFC 6532 adds, characters that can be seen and that decoding did not make up.
    fn is_visible(&self, c: char) -> bool {
        if c.is_ascii() {
            return c.is_ascii_graphic();
        }
        self.is_utf8
            && !c.is_control()
            && !matches!(c,
                '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                | '\u{feff}' | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..='\u{e0fff}')
    }
}

/// Characters that end a run. A backslash and a stray control character do not, and make an address invalid.
fn is_special(c: char) -> bool {
    matches!(c, '(' | ')' | '<' | '>' | '[' | ']' | ':' | ';' | ',' | '"') || c.is_whitespace()
}

/// Of links that were copied into a header.
const MAILTO: &[u8] = b"mailto:";

/// RFC 5321 §4.5.3.1.2: a domain has at most 255 octets.
const MAX_DOMAIN: usize = 255;
