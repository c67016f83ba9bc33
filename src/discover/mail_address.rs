//! Mail addresses.

use std::fmt;

use crate::net::Host;
use crate::{Error, ErrorKind};

/// A mail address: `alice@example.org`.
///
/// ```
/// use pop3::discover::MailAddress;
///
/// let address = MailAddress::parse("Alice@Bücher.example").unwrap();
/// assert_eq!(address.domain(), "xn--bcher-kva.example");
/// assert_eq!(address.to_string(), "Alice@Bücher.example");
/// assert!(MailAddress::parse("alice").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailAddress {
    text: String,
    local: String,
    domain: String,
}

impl MailAddress {
    /// Parses an address. The local part is not changed; the domain must be a domain name.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Argument`] if the text has no `@`, if the local part is empty or has spaces or control
    /// characters, or if the domain is an IP address or otherwise invalid.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refused = |why: &str| Err(Error::new(ErrorKind::Argument, format!("not a mail address: {why}")));
        let Some((local, domain)) = text.rsplit_once('@') else {
            return refused("expected USER@DOMAIN");
        };
        if local.is_empty() || !local.chars().all(is_printable) {
            return refused("the part before the @ is empty, or has spaces or control characters");
        }
        match Host::parse(domain.trim_end_matches('.')) {
            Ok(Host::Name(domain)) => Ok(Self { text: text.to_owned(), local: local.to_owned(), domain }),
            _ => refused("the part after the @ is not a domain name"),
        }
    }

    /// Returns the part before the `@`.
    #[must_use]
    pub fn local(&self) -> &str {
        &self.local
    }

    /// Returns the domain in lower-case ASCII, without a trailing dot.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Returns true for a character that a terminal displays unchanged: not a space, a control character, or an invisible
/// or bidirectional formatting character.
pub(super) fn is_printable(c: char) -> bool {
    let is_invisible = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    !c.is_whitespace() && !c.is_control() && !is_invisible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        for (text, local, domain) in [
            ("alice@example.org", "alice", "example.org"),
            ("a.b+c@Sub.Example.ORG.", "a.b+c", "sub.example.org"),
            ("\"odd@local\"@example.org", "\"odd@local\"", "example.org"),
            ("jürgen@bücher.example", "jürgen", "xn--bcher-kva.example"),
        ] {
            let address = MailAddress::parse(text).unwrap();
            assert_eq!((address.local(), address.domain()), (local, domain));
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "alice",
            "@example.org",
            "alice@",
            "alice@[192.0.2.1]",
            "alice@192.0.2.1",
            "a b@example.org",
            "a\r\n@example.org",
            "a\u{202e}@example.org",
            "a\u{9b}@example.org",
            "alice@exa mple.org",
            "alice@example.org/x",
            "alice@example.org:995",
            "alice@..",
        ] {
            let error = MailAddress::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Argument, "{text:?}");
            assert!(!error.message().chars().any(char::is_control));
        }
    }
}
