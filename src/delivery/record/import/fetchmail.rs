//! Parses fetchmail's list: lines `USER@HOST UID`, where HOST is the polled name.

use super::{Line, Owner, Seen, split_first, split_last};

/// Parses a line. It is split at the first space, then at the last `@`, because a user name may contain `@`. A unique-id
/// contains no space: fetchmail truncates it there.
pub(super) fn line(line: &[u8]) -> Line<'_> {
    if line.is_empty() {
        return Line::Nothing;
    }
    let parts =
        split_first(line, b' ').and_then(|(owner, unique_id)| Some((split_last(owner, b'@')?, unique_id)));
    match parts {
        Some(((user, host), unique_id))
            if !user.is_empty() && !host.is_empty() && !unique_id.iter().any(u8::is_ascii_whitespace) =>
        {
            Line::Seen(Some(Owner { host, user }), Seen { unique_id, time: None })
        }
        _ => Line::Malformed,
    }
}
