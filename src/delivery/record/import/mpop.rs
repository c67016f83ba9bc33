//! Parses mpop's lists: a line ` N HOST USER`, then exactly N lines `UID` or `UID TIME`.

use super::{Line, Owner, Seen, split_first, split_last, time};

/// The state of the parser between two lines.
#[derive(Default)]
pub(super) struct List {
    begun: bool,
    /// The number of unique-ids that remain in the current list.
    remaining: u64,
}

impl List {
    /// Parses a line. Comments are allowed only before the first list, because a unique-id may begin with `#`.
    pub(super) fn line<'a>(&mut self, line: &'a [u8]) -> Line<'a> {
        match (head(line), self.remaining) {
            (Some(_), 1..) => Line::Incomplete,
            (Some((count, owner)), 0) => {
                self.begun = true;
                self.remaining = count;
                Line::Account(owner)
            }
            (None, 0) if line.is_empty() || (!self.begun && line.starts_with(b"#")) => Line::Nothing,
            (None, 0) => Line::Malformed,
            (None, 1..) => {
                self.remaining -= 1;
                Line::Seen(None, seen(line))
            }
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.remaining > 0
    }
}

/// Parses the first line of a list: `b" 2 pop.example.org alice"` → 2, the owner.
pub(super) fn head(line: &[u8]) -> Option<(u64, Owner<'_>)> {
    let (count, owner) = split_first(line.strip_prefix(b" ")?, b' ')?;
    let (host, user) = split_first(owner, b' ')?;
    let count = time(count)?;
    (!host.is_empty() && !user.is_empty() && !user.contains(&b' ')).then_some((count, Owner { host, user }))
}

/// Parses a message. mpop 1.4.23 and later append the time; they leave lines of older versions unchanged.
fn seen(line: &[u8]) -> Seen<'_> {
    match split_last(line, b' ').and_then(|(unique_id, seconds)| Some((unique_id, time(seconds)?))) {
        Some((unique_id, time)) => Seen { unique_id, time: Some(time) },
        None => Seen { unique_id: line, time: None },
    }
}
