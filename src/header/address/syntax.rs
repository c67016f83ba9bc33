//! The tokens of an address list, and the grammar of addresses.

use super::super::{comment, encoded_word, steps};

/// An address list with the results of failed searches, which are not repeated so that parsing takes linear time.
pub(super) struct Syntax<'a> {
    pub(super) text: &'a str,
    is_utf8: bool,
    /// The position after which no comment is closed, so that `(` is an ordinary character.
    comments_end: usize,
    /// The position after which no quoted string is closed.
    quotes_end: usize,
    /// The position after which there is no `@`, and therefore no address.
    addresses_end: usize,
    /// The last parsed address, or a part of it.
    pub(super) address: String,
    /// The position that the last attempt to parse an address reached.
    pub(super) reached: usize,
}

/// The places where comments and white space are allowed in an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gaps {
    Nowhere,
    /// Around the `@` (RFC 5322 §3.4.1) and the dots of the domain (§4.4), but not in the local part:
    /// `Mr. smith@example.org`.
    AfterLocalPart,
    /// Around all dots (§4.4), and around the `@`.
    Everywhere,
}

impl<'a> Syntax<'a> {
    pub(super) fn new(text: &'a str, is_utf8: bool) -> Self {
        Self {
            text,
            is_utf8,
            comments_end: usize::MAX,
            quotes_end: usize::MAX,
            addresses_end: memchr::memrchr(b'@', text.as_bytes()).unwrap_or(0),
            address: String::new(),
            reached: 0,
        }
    }

    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// Returns the end of the comment at `at`.
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

    /// Returns the end of the quoted string at `at` (§3.2.4).
    pub(super) fn quoted(&mut self, at: usize) -> Option<usize> {
        if self.byte(at) != Some(b'"') || at >= self.quotes_end {
            return None;
        }
        let bytes = self.text.as_bytes();
        let mut end = at + 1;
        while let Some(&byte) = bytes.get(end) {
            match byte {
                b'"' => {
                    steps::add(end - at);
                    return Some(end + 1);
                }
                b'\\' => end += 2,
                _ => end += 1,
            }
        }
        steps::add(bytes.len() - at);
        self.quotes_end = at;
        None
    }

    /// Returns the end of the comments and white space (§3.2.2 `CFWS`) at `at`.
    pub(super) fn gap(&mut self, mut at: usize) -> usize {
        loop {
            match self.byte(at) {
                Some(b' ' | b'\t' | b'\r' | b'\n') => {
                    steps::add(1);
                    at += 1;
                }
                _ => match self.comment(at) {
                    Some(end) => at = end,
                    None => return at,
                },
            }
        }
    }

    /// Returns true if an address may begin at `at` or after it.
    pub(super) fn has_address(&self, at: usize) -> bool {
        at < self.addresses_end
    }

    /// Returns the end of a run of ordinary characters and encoded words, which may contain any character.
    pub(super) fn run(&self, at: usize) -> usize {
        self.until(at, |c| is_special(c) || c.is_whitespace())
    }

    /// Returns the end of text without an angle bracket and without the start of a comment, quoted string or entry.
    pub(super) fn text(&self, at: usize) -> usize {
        self.until(at, |c| matches!(c, '(' | '"' | ':' | ';' | ',' | '<'))
    }

    /// Returns the first position outside encoded words at which `is_end` returns true.
    #[inline]
    fn until(&self, at: usize, is_end: impl Fn(char) -> bool) -> usize {
        let bytes = self.text.as_bytes();
        let mut end = at;
        while let Some(&byte) = bytes.get(end) {
            if byte == b'='
                && bytes.get(end + 1) == Some(&b'?')
                && let Some(length) = encoded_word::length(&self.text[end..])
            {
                end += length;
            } else if byte.is_ascii() {
                if is_end(char::from(byte)) {
                    break;
                }
                end += 1;
            } else {
                match self.text[end..].chars().next() {
                    Some(c) if !is_end(c) => end += c.len_utf8(),
                    _ => break,
                }
            }
        }
        steps::add(end - at);
        end
    }

    /// Parses the address in angle brackets (§3.4 `angle-addr`) whose `<` is before `at`, and returns its end. The
    /// `>` may be missing at the end of the entry.
    pub(super) fn angle(&mut self, at: usize) -> Option<usize> {
        if !self.has_address(at) {
            return None;
        }
        let mut at = self.gap(at);
        if self.text.as_bytes()[at..]
            .get(..MAILTO.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(MAILTO))
        {
            at += MAILTO.len();
        }
        let at = self.route(at).unwrap_or(at);
        let at = self.gap(at);
        let end = self.address(at, Gaps::Everywhere)?;
        let end = self.gap(end);
        match self.byte(end) {
            Some(b'>') => Some(end + 1),
            None | Some(b',' | b';') => Some(end),
            Some(_) => None,
        }
    }

    /// Returns the end of a route (§4.4 `obs-route`), which is obsolete and ignored.
    fn route(&mut self, at: usize) -> Option<usize> {
        let mut at = at;
        let mut is_empty = true;
        loop {
            at = self.gap(at);
            match self.byte(at)? {
                b',' => at += 1,
                b'@' => {
                    let domain = self.gap(at + 1);
                    self.address.clear();
                    at = self.domain(domain, Gaps::Everywhere)?;
                    is_empty = false;
                }
                b':' if !is_empty => return Some(at + 1),
                _ => return None,
            }
        }
    }

    /// Parses the address (§3.4.1 `addr-spec`) at `at` into `self.address`, and returns its end.
    pub(super) fn address(&mut self, at: usize, gaps: Gaps) -> Option<usize> {
        if !self.has_address(at) {
            return None;
        }
        self.address.clear();
        let mut at = self.local_part(at, gaps)?;
        if gaps != Gaps::Nowhere {
            at = self.gap(at);
        }
        if self.byte(at) != Some(b'@') {
            return None;
        }
        self.address.push('@');
        at += 1;
        if gaps != Gaps::Nowhere {
            at = self.gap(at);
        }
        let end = self.domain(at, gaps)?;
        // RFC 2047 §5: an encoded word must not be part of an address.
        (!encoded_word::is_in(&self.address)).then_some(end)
    }

    fn local_part(&mut self, mut at: usize, gaps: Gaps) -> Option<usize> {
        loop {
            let end = match self.quoted(at) {
                Some(end) => end,
                None => self.atom(at)?,
            };
            if self.address.len() + (end - at) > MAX_LOCAL_PART {
                self.reached = self.reached.max(end);
                return None;
            }
            let word = &self.text[at..end];
            if word.starts_with('"') && !word.chars().all(|c| self.is_quotable(c)) {
                return None;
            }
            self.address.push_str(word);
            match self.dot(end, gaps == Gaps::Everywhere) {
                Some(next) => at = next,
                None => return Some(end),
            }
        }
    }

    fn domain(&mut self, mut at: usize, gaps: Gaps) -> Option<usize> {
        if self.byte(at) == Some(b'[') {
            return self.domain_literal(at);
        }
        let start = self.address.len();
        loop {
            let end = self.atom(at)?;
            if self.address.len() - start + (end - at) > MAX_DOMAIN {
                self.reached = self.reached.max(end);
                return None;
            }
            self.address.push_str(&self.text[at..end]);
            match self.dot(end, gaps != Gaps::Nowhere) {
                Some(next) => at = next,
                None => return Some(end),
            }
        }
    }

    /// Parses a dot between two words, and returns the start of the second word.
    fn dot(&mut self, end: usize, has_gaps: bool) -> Option<usize> {
        self.reached = self.reached.max(end);
        let dot = if has_gaps { self.gap(end) } else { end };
        if self.byte(dot) != Some(b'.') {
            return None;
        }
        self.address.push('.');
        Some(if has_gaps { self.gap(dot + 1) } else { dot + 1 })
    }

    /// Parses `[IPv6:2001:db8::1]` (§3.4.1), without white space at its ends.
    fn domain_literal(&mut self, at: usize) -> Option<usize> {
        let rest = self.text.as_bytes()[at..].get(1..)?;
        let end = rest.iter().take(MAX_DOMAIN).position(|byte| matches!(byte, b'[' | b']' | b'\\'));
        steps::add(end.unwrap_or(MAX_DOMAIN));
        let length = end.filter(|&end| rest[end] == b']')?;
        let literal = self.text.get(at + 1..at + 1 + length)?.trim_ascii();
        if !literal.chars().all(|c| self.is_visible(c)) {
            return None;
        }
        self.address.extend(["[", literal, "]"]);
        self.reached = self.reached.max(at + length + 2);
        Some(at + length + 2)
    }

    /// Returns the end of the atom (§3.2.3) at `at`, or `None` if there is none.
    fn atom(&self, at: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let mut end = at;
        while let Some(&byte) = bytes.get(end) {
            if byte.is_ascii() {
                if !is_atext(byte) {
                    break;
                }
                end += 1;
            } else {
                match self.text[end..].chars().next() {
                    Some(c) if self.is_visible(c) && !c.is_whitespace() => end += c.len_utf8(),
                    _ => break,
                }
            }
        }
        steps::add(end - at);
        (end > at).then_some(end)
    }

    /// Returns true for characters that may be in a quoted string of an address.
    fn is_quotable(&self, c: char) -> bool {
        matches!(c, ' ' | '\t') || self.is_visible(c)
    }

    /// Returns true for `VCHAR` of RFC 5322, and for visible characters of RFC 6532 that were not inserted by
    /// decoding.
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

/// Returns true for characters other than white space that end a run. A backslash or a control character does not end
/// a run, but makes an address invalid.
fn is_special(c: char) -> bool {
    matches!(c, '(' | ')' | '<' | '>' | '[' | ']' | ':' | ';' | ',' | '"')
}

fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'/' | b'=' | b'?' | b'^'..=b'`' | b'{'..=b'~')
}

/// The prefix of links that were copied into a header.
const MAILTO: &[u8] = b"mailto:";

/// RFC 5321 §4.5.3.1.2: a domain has at most 255 octets.
const MAX_DOMAIN: usize = 255;

/// RFC 5322 §2.1.1: a line has at most 998 octets. RFC 5321 §4.5.3.1.1 allows 64, which some mailers exceed.
const MAX_LOCAL_PART: usize = 998;
