//! fetchmail's list: `USER@HOST UID`, where HOST is the name that was polled.

use super::{Line, Owner, Seen, split_first, split_last};

/// Split at the first space, then at the last `@`: a user name may contain `@`. fetchmail truncates unique-ids at a
/// space.
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
