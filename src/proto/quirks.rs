//! Tolerances for servers that do not follow the RFCs, each with a name, the servers that need it, and a test. No
//! other deviation is tolerated.

/// Returns true if the session ends its lines with LF, so that bodies end with LF `.` LF.
///
/// Needed by: home-made and embedded servers that use `println`. In a session whose greeting ends with CRLF, a bare
/// LF before a dot is content; otherwise the sender of a mail could forge the server's next response.
#[must_use]
pub(super) fn lf_session(greeting: &[u8]) -> bool {
    !greeting.ends_with(b"\r\n")
}

/// Splits a listing line into words, separated by any number of spaces and tabs instead of one space (RFC 1939 §5).
///
/// Needed by: servers that align their columns, or print `UIDL` with a tab.
pub(super) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty())
}

/// Returns the trimmed rest of a listing line after its first word. A unique-id may contain spaces.
///
/// Needed by: servers that use a file name or a Message-ID as the unique-id.
#[must_use]
pub(super) fn after_first_word(line: &[u8]) -> &[u8] {
    let line = line.trim_ascii();
    let end = line.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(line.len());
    line[end..].trim_ascii()
}

/// Returns true if the response to `UIDL 3` lacks the message-number: `+OK uid` instead of `+OK 3 uid`.
///
/// Needed by: a server met in the wild. The message is known from the command.
#[must_use]
pub(super) fn number_left_out(text: &[u8]) -> bool {
    words(text).count() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greeting_decides_the_line_ends() {
        assert!(lf_session(b"+OK ready\n"));
        assert!(!lf_session(b"+OK ready\r\n"));
    }

    #[test]
    fn listing_lines_may_be_aligned() {
        assert_eq!(words(b" 1 \t 120  ").collect::<Vec<_>>(), [&b"1"[..], b"120"]);
        assert_eq!(after_first_word(b" 1\t  a b "), b"a b");
        assert_eq!(after_first_word(b"1"), b"");
    }

    #[test]
    fn a_single_word_is_the_unique_id() {
        assert!(number_left_out(b"whqtswO00WBw418f9t5JxYwZ"));
        assert!(!number_left_out(b"3 whqtswO00WBw418f9t5JxYwZ"));
    }
}
