//! Parses Thunderbird's `popstate.dat`: comments, a line `*HOST USER`, then lines `STATUS UID TIME`.

use super::{Line, Owner, Seen, split_first, time};

/// The state of the parser between two lines.
#[derive(Default)]
pub(super) struct List {
    begun: bool,
}

impl List {
    pub(super) fn line<'a>(&mut self, line: &'a [u8]) -> Line<'a> {
        if line.is_empty() || line.starts_with(b"#") {
            return Line::Nothing;
        }
        if let Some(owner) = head(line) {
            self.begun = true;
            return Line::Account(owner);
        }
        match message(line) {
            Some((Status::Fetched, seen)) if self.begun => Line::Seen(None, seen),
            Some((Status::NotFetched, _)) if self.begun => Line::Nothing,
            _ => Line::Malformed,
        }
    }
}

enum Status {
    Fetched,
    NotFetched,
}

/// Parses the first line of a list: `b"*pop.example.org alice"`.
pub(super) fn head(line: &[u8]) -> Option<Owner<'_>> {
    let (host, user) = split_first(line.strip_prefix(b"*")?, b' ')?;
    (!host.is_empty() && !user.is_empty() && !host.contains(&b'@')).then_some(Owner { host, user })
}

/// Parses a message. The status is `k` (fetched, kept on the server), `d` (fetched, to be deleted), `b` (too big: only the first
/// lines were fetched) or `f` (to be fetched next).
fn message(line: &[u8]) -> Option<(Status, Seen<'_>)> {
    let mut words = line.split(|&byte| byte == b' ');
    let status = match words.next()? {
        b"k" | b"d" => Status::Fetched,
        b"b" | b"f" => Status::NotFetched,
        _ => return None,
    };
    let unique_id = words.next().filter(|word| !word.is_empty())?;
    // Old versions of Thunderbird wrote no time.
    let time = match words.next() {
        None => None,
        Some(seconds) => Some(time(seconds)?).filter(|&seconds| seconds > 0),
    };
    words.next().is_none().then_some((status, Seen { unique_id, time }))
}
