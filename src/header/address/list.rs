//! The entries of an address list, and the recovery of entries outside the grammar.

use std::{borrow::Cow, mem, ops::Range};

use super::{
    super::{encoded_word, steps},
    Mailbox,
    syntax::{Gaps, Syntax},
};

/// A one-pass parser of an address list.
pub(super) struct Parser<'a, 'l> {
    syntax: Syntax<'a>,
    text: &'a str,
    at: usize,
    list: &'l mut Vec<Mailbox>,
    is_in_group: bool,
    /// The position of the next `;`, once searched for; the length of the text if there is none.
    semicolon: usize,
    is_entry_begun: bool,
    entry: Entry<'a>,
}

/// The text between two separators.
#[derive(Default)]
struct Entry<'a> {
    /// The decoded text so far.
    name: String,
    /// The start in `text` of the part that is not yet in `name`.
    plain: Option<usize>,
    /// Addresses without angle brackets. They become part of the name if an address in brackets follows.
    bare: Vec<Bare>,
    /// The number of addresses without angle brackets, including repeated ones.
    addresses: usize,
    /// The start in `name` of the text after the last address without angle brackets.
    after_bare: usize,
    comment: Option<&'a str>,
    /// True if the entry has an address in angle brackets.
    has_angle: bool,
    /// True if an angle bracket is not closed, so that text that looks like an address may be a part of one.
    is_broken: bool,
    /// True after a dot or an `@`, as the next word may be the end of an address.
    is_dotted: bool,
}

struct Bare {
    name: Range<usize>,
    address: String,
}

impl<'a, 'l> Parser<'a, 'l> {
    pub(super) fn new(text: &'a str, is_utf8: bool, list: &'l mut Vec<Mailbox>) -> Self {
        let syntax = Syntax::new(text, is_utf8);
        Self {
            syntax,
            text,
            at: 0,
            list,
            is_in_group: false,
            semicolon: 0,
            is_entry_begun: false,
            entry: Entry::default(),
        }
    }

    pub(super) fn parse(mut self) {
        while self.list.len() < MAX_MAILBOXES
            && let Some(byte) = self.syntax.byte(self.at)
        {
            if !self.is_entry_begun {
                // A fast path, since hostile mail has many empty entries (RFC 5322 §4.4).
                if matches!(byte, b',' | b';' | b' ') {
                    self.is_in_group &= byte != b';';
                    self.at += 1;
                    continue;
                }
                self.is_entry_begun = true;
                if self.whole_entry() {
                    continue;
                }
            }
            steps::add(1);
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b'>' | b')' | b'[' | b']' => self.plain(self.at + 1),
                b',' => self.separator(),
                b';' => {
                    self.separator();
                    self.is_in_group = false;
                }
                b':' => self.colon(),
                b'(' => self.comment(),
                b'"' => self.quoted(),
                b'<' => self.angle(),
                _ => self.run(),
            }
        }
        self.end_entry();
        self.list.truncate(MAX_MAILBOXES);
    }

    /// Parses an entry that consists of one address (RFC 5322 §3.4.1), with gaps where the grammar allows them.
    fn whole_entry(&mut self) -> bool {
        let reached = self.syntax.reached;
        let begin = self.syntax.gap(self.at);
        let end = self.syntax.address(begin, Gaps::AfterLocalPart);
        self.syntax.reached = reached;
        let Some(end) = end else { return false };
        let next = self.syntax.gap(end);
        if !matches!(self.syntax.byte(next), None | Some(b',' | b';')) {
            return false;
        }
        self.entry.comment =
            self.text[self.at..begin].find('(').map(|open| &self.text[self.at + open..begin]);
        self.entry.bare.push(Bare { name: 0..0, address: self.syntax.address.clone() });
        self.at = end;
        true
    }

    /// Takes the characters up to `end` as text.
    fn plain(&mut self, end: usize) {
        self.entry.plain.get_or_insert(self.at);
        self.at = end;
    }

    fn separator(&mut self) {
        self.end_entry();
        self.at += 1;
    }

    /// Begins a group (§3.4) if the colon follows a phrase and the group is terminated. `12:30` does not begin a
    /// group.
    fn colon(&mut self) {
        let entry = &self.entry;
        let is_phrase = !entry.has_angle
            && !entry.is_broken
            && entry.bare.is_empty()
            && (entry.plain.is_some() || !entry.name.is_empty());
        if is_phrase && !self.is_in_group && self.is_closed_group() {
            self.entry = Entry::default();
            self.is_entry_begun = false;
            self.is_in_group = true;
            self.at += 1;
        } else {
            self.plain(self.at + 1);
        }
    }

    fn is_closed_group(&mut self) -> bool {
        if self.semicolon <= self.at {
            self.semicolon = self.next_semicolon();
        }
        self.semicolon < self.text.len() || is_blank(&self.text.as_bytes()[self.at + 1..])
    }

    fn next_semicolon(&mut self) -> usize {
        let mut at = self.at;
        while let Some(found) = memchr::memchr3(b';', b'"', b'(', &self.text.as_bytes()[at..]) {
            steps::add(found);
            at += found;
            let end = match self.text.as_bytes()[at] {
                b'"' => self.syntax.quoted(at),
                b'(' => self.syntax.comment(at),
                _ => return at,
            };
            at = end.unwrap_or(at + 1);
        }
        steps::add(self.text.len() - at);
        self.text.len()
    }

    fn comment(&mut self) {
        let Some(end) = self.syntax.comment(self.at) else { return self.plain(self.at + 1) };
        self.flush(false);
        self.entry.comment = Some(&self.text[self.at..end]);
        self.at = end;
    }

    fn quoted(&mut self) {
        let at = self.at;
        let Some(end) = self.syntax.quoted(at) else { return self.plain(at + 1) };
        let is_local_part = matches!(self.syntax.byte(end), Some(b'@' | b'.'));
        if is_local_part && self.bare() {
            return;
        }
        self.flush(false);
        self.entry.is_dotted = false;
        if end > at + 2 {
            self.entry.name.push_str(&encoded_word::decode_words(&unescaped(&self.text[at + 1..end - 1])));
        }
        self.at = end;
    }

    fn angle(&mut self) {
        if self.syntax.byte(self.at + 1) == Some(b'<') {
            return self.plain(self.at + 1);
        }
        if let Some(end) = self.syntax.angle(self.at + 1) {
            self.flush(true);
            let Entry { name, comment, .. } = mem::take(&mut self.entry);
            self.list.push(Mailbox {
                name: present(&name).or_else(|| comment_text(comment)),
                address: Some(self.syntax.address.clone()),
            });
            self.entry.has_angle = true;
            self.at = end;
            return;
        }
        let inner = &self.text.as_bytes()[self.at + 1..];
        let bracket = inner.iter().position(|&byte| matches!(byte, b'<' | b'>'));
        steps::add(bracket.unwrap_or(inner.len()));
        match bracket {
            // `Jane <>`
            Some(length) if inner[length] == b'>' && is_blank(&inner[..length]) => {
                self.flush(false);
                self.at += length + 2;
            }
            // The text in brackets is not an address.
            Some(length) if inner[length] == b'>' => self.plain(self.at + length + 2),
            Some(length) => {
                self.entry.is_broken |= !is_blank(&inner[..length]);
                self.plain(self.at + 1);
            }
            None => {
                self.entry.is_broken = true;
                self.plain(self.at + 1);
            }
        }
    }

    fn run(&mut self) {
        if !self.syntax.has_address(self.at) {
            return self.plain(self.syntax.text(self.at));
        }
        if self.bare() {
            return;
        }
        let end = self.syntax.run(self.at);
        // Non-ASCII white space does not belong to a run, but is text here.
        let c = self.text[self.at..].chars().next().map_or(1, char::len_utf8);
        let end = end.max(self.at + c);
        self.entry.is_dotted = self.text[self.at..end].ends_with(['.', '@']);
        self.plain(end);
        // In `"a b"c@example.org`, no address begins within another word.
        self.syntax.reached = self.syntax.reached.max(end);
    }

    /// Parses an address without angle brackets.
    fn bare(&mut self) -> bool {
        let at = self.at;
        if !self.syntax.has_address(at)
            || self.entry.is_broken
            || self.entry.is_dotted
            || at < self.syntax.reached
            || self.entry.addresses == MAX_MAILBOXES
            || self.is_glued()
        {
            return false;
        }
        let Some(end) = self.syntax.address(at, Gaps::Nowhere) else { return false };
        let next = self.syntax.gap(end);
        if self.syntax.run(end) > end || matches!(self.syntax.byte(next), Some(b'.' | b'@')) {
            return false;
        }
        self.flush(false);
        let entry = &mut self.entry;
        let address = &self.syntax.address;
        let name = entry.after_bare..entry.name.len();
        entry.name.push_str(address);
        entry.after_bare = entry.name.len();
        entry.addresses += 1;
        if entry.bare.last().is_none_or(|last| last.address != *address) {
            entry.bare.push(Bare { name, address: address.clone() });
        }
        self.at = end;
        true
    }

    /// Returns true if a quoted string or a run ends here.
    fn is_glued(&self) -> bool {
        let Some(before) = self.text[..self.at].chars().next_back() else { return false };
        let is_boundary = before.is_whitespace()
            || matches!(before, '(' | ')' | '<' | '>' | '[' | ']' | ':' | ';' | ',')
            || before == '"' && self.entry.plain.is_some();
        !is_boundary
    }

    /// Adds the text before `at` to the name. Before an address, unclosed quotes and brackets are removed.
    fn flush(&mut self, is_before_address: bool) {
        let Some(start) = self.entry.plain.take() else { return };
        let mut plain = &self.text[start..self.at];
        steps::add(plain.len());
        let name = &mut self.entry.name;
        if name.is_empty() {
            plain = plain.trim_ascii_start().trim_start_matches(CLOSING).trim_ascii_start();
        }
        if is_before_address {
            plain = plain.trim_end_matches(OPENING);
        }
        let plain = single_blanks(plain);
        let decoded = encoded_word::decode_words(&plain);
        name.push_str(if name.ends_with(' ') { decoded.trim_start_matches(' ') } else { &decoded });
    }

    /// Adds the mailboxes of the entry, and begins the next entry.
    fn end_entry(&mut self) {
        self.flush(false);
        self.is_entry_begun = false;
        let entry = mem::take(&mut self.entry);
        steps::add(entry.name.len());
        if entry.bare.is_empty() && !entry.has_angle {
            if let name @ Some(_) = present(&entry.name) {
                self.list.push(Mailbox { name, address: None });
            }
            return;
        }
        let trailing =
            present(entry.name[entry.after_bare..].trim_start_matches(CLOSING).trim_end_matches(OPENING));
        for Bare { name, address } in entry.bare {
            let name = present(entry.name[name].trim_start_matches(CLOSING).trim_end_matches(OPENING));
            self.list.push(Mailbox { name, address: Some(address) });
        }
        if let Some(Mailbox { name, .. }) = self.list.last_mut()
            && name.is_none()
        {
            *name = trailing.or_else(|| comment_text(entry.comment));
        }
    }
}

fn is_blank(bytes: &[u8]) -> bool {
    let text = bytes.iter().position(|byte| !byte.is_ascii_whitespace());
    steps::add(text.unwrap_or(bytes.len()));
    text.is_none()
}

/// Returns the name, or `None` if it is only white space.
fn present(name: &str) -> Option<String> {
    let name = name.trim_matches(BLANKS);
    (!name.is_empty()).then(|| name.to_owned())
}

/// Returns the text of a comment, or of the last one of several.
fn comment_text(comment: Option<&str>) -> Option<String> {
    let comment = comment?.trim_matches(BLANKS);
    let inner = comment.strip_prefix('(')?.strip_suffix(')')?;
    present(&encoded_word::decode_words(&unescaped(inner)))
}

/// Returns the text without the backslashes of its quoted pairs (RFC 5322 §3.2.1).
fn unescaped(text: &str) -> Cow<'_, str> {
    let backslash = |text: &str| text.bytes().position(|byte| byte == b'\\');
    let Some(mut at) = backslash(text) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        out.push_str(&rest[..at]);
        // The character after a backslash is literal, even if it is another backslash.
        let next = rest[at + 1..].chars().next().map_or(0, char::len_utf8);
        out.push_str(&rest[at + 1..at + 1 + next]);
        rest = &rest[at + 1 + next..];
        match backslash(rest) {
            Some(found) => at = found,
            None => break,
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Returns the text with each run of white space replaced with one space (§3.2.2).
fn single_blanks(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let is_double = |(at, &byte): (usize, &u8)| match byte {
        b' ' => bytes.get(at + 1) == Some(&b' '),
        b'\t' | b'\r' | b'\n' => true,
        _ => false,
    };
    if !bytes.iter().enumerate().any(is_double) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' ' | '\t' | '\r' | '\n' if out.ends_with(' ') => {}
            '\t' | '\r' | '\n' => out.push(' '),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Characters that cannot begin a name, such as unopened quotes and brackets.
const CLOSING: &[char] = &['>', ']', ')', '"', ':', ' '];

/// Characters that cannot end a name, such as unclosed quotes and brackets.
const OPENING: &[char] = &['<', '[', '(', '"', ' '];

const BLANKS: &[char] = &[' ', '\t', '\r', '\n'];

/// The maximum number of mailboxes: more recipients than any server accepts for one message.
const MAX_MAILBOXES: usize = 10_000;
