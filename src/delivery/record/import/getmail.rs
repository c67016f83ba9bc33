//! Parses getmail6's list: lines `UID NUL TIME`, in a file named `oldmail-SERVER-PORT-USER`.

use super::{Account, Line, Seen, split_first, time};

pub(super) fn line(line: &[u8]) -> Line<'_> {
    if line.is_empty() {
        return Line::Nothing;
    }
    match split_first(line, 0).and_then(|(unique_id, seconds)| Some((unique_id, time(seconds)?))) {
        Some((unique_id, time)) if !unique_id.is_empty() => {
            Line::Seen(None, Seen { unique_id, time: Some(time) })
        }
        _ => Line::Malformed,
    }
}

/// Returns true if getmail gives the account's list this name. getmail replaces each run of `/ \ : ; < > |` with a hyphen.
pub(super) fn is_file_of(name: &str, account: &Account<'_>) -> bool {
    let Account { user, address } = account;
    let head = plain(&format!("oldmail-{}-{}-", address.host(), address.port()));
    let name = plain(name);
    // Host names are case-insensitive, user names are not.
    name.get(..head.len()).is_some_and(|start| start.eq_ignore_ascii_case(&head))
        && name[head.len()..] == plain(user)
}

/// `a/b::c` → `a-b-c`
fn plain(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    let mut run = false;
    for character in name.chars() {
        let stripped = matches!(character, '/' | '\\' | ':' | ';' | '<' | '>' | '|');
        if !stripped {
            plain.push(character);
        } else if !run {
            plain.push('-');
        }
        run = stripped;
    }
    plain
}
