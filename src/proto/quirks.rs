//! Every tolerance for servers that do not keep to the letter of the RFCs; each has a name, who needs it and a test.
//! What is not here is not tolerated.

/// A server whose greeting ends in a bare LF ends all its lines so, and a body with LF `.` LF.
///
/// Needed by: home-made and embedded servers written with `println`. A session that began with CRLF stays strict:
/// there a bare LF before a dot is content, or the sender of a mail could write the server's next answer.
#[must_use]
pub fn lf_session(greeting: &[u8]) -> bool {
    !greeting.ends_with(b"\r\n")
}

/// The words of a listing line, parted by any number of blanks and tabs instead of one blank (RFC 1939 §5).
///
/// Needed by: servers that align their columns, or print `UIDL` with a tab.
pub fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|octet| matches!(octet, b' ' | b'\t')).filter(|word| !word.is_empty())
}

/// The rest of a listing line behind its first word, without white space at its ends; a unique-id may hold blanks.
///
/// Needed by: servers that use a file name or a Message-ID as unique-id.
#[must_use]
pub fn behind_first_word(line: &[u8]) -> &[u8] {
    let line = line.trim_ascii();
    let end = line.iter().position(|octet| matches!(octet, b' ' | b'\t')).unwrap_or(line.len());
    line[end..].trim_ascii()
}

/// A single-message answer without the message-number, `+OK uid` for `+OK 3 uid`, as an answer to `UIDL 3`.
///
/// Needed by: a server met in the wild (there the command says which message is meant).
#[must_use]
pub fn number_left_out(text: &[u8]) -> bool {
    words(text).count() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_decides_on_line_ends() {
        assert!(lf_session(b"+OK ready\n"));
        assert!(!lf_session(b"+OK ready\r\n"));
    }

    #[test]
    fn listing_lines_may_be_aligned() {
        assert_eq!(words(b" 1 \t 120  ").collect::<Vec<_>>(), [&b"1"[..], b"120"]);
        assert_eq!(behind_first_word(b" 1\t  a b "), b"a b");
        assert_eq!(behind_first_word(b"1"), b"");
    }

    #[test]
    fn a_lone_word_is_the_unique_id() {
        assert!(number_left_out(b"whqtswO00WBw418f9t5JxYwZ"));
        assert!(!number_left_out(b"3 whqtswO00WBw418f9t5JxYwZ"));
    }
}
