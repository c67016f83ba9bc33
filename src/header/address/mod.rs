//! Address lists: `From`, `To`, `Cc` (RFC 5322 §3.4 and §4.4, RFC 6532).
//!
//! Addresses are parsed by the grammar, including comments and folds. In entries outside the grammar, an address is
//! only accepted if it is complete and surrounded by white space or brackets.

mod list;
mod syntax;

use self::list::Parser;

/// A sender or recipient (RFC 5322 §3.4 `mailbox`).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mailbox {
    /// The display name, decoded; `None` if there is none. Without a display name, the comment after the address is
    /// used.
    pub name: Option<String>,
    /// The `addr-spec` (`local-part@domain`) as in the field, but without comments and white space between its parts.
    /// `None` if the entry has no address; the text is then the name.
    pub address: Option<String>,
}

/// Parses an unfolded list of addresses (RFC 5322 §3.4 `address-list`); groups are flattened.
///
/// Common mistakes of mailers are interpreted as in mail clients: missing or doubled commas, semicolons instead of
/// commas, unclosed brackets or quotes, names that should be quoted, encoded words in quotes. The list is split
/// before encoded words are decoded, so an encoded name cannot be mistaken for an address. At most 10,000 mailboxes
/// are returned.
///
/// ```
/// use pop3::header::mailboxes;
/// let list = mailboxes("friends: =?utf-8?Q?Ren=C3=A9?= <rene@example.org>, bob@example.org (Bob);");
/// assert_eq!(list[0].name.as_deref(), Some("René"));
/// assert_eq!(list[1].address.as_deref(), Some("bob@example.org"));
/// assert_eq!(mailboxes("Jane <jane@@example.org>")[0].address, None);
/// ```
#[must_use]
pub fn mailboxes(text: &str) -> Vec<Mailbox> {
    let mut list = Vec::new();
    add(text, true, &mut list);
    list
}

/// Adds the mailboxes of one field to a list. `is_utf8` means that the field is valid UTF-8, so that addresses may
/// contain non-ASCII characters (RFC 6532 §3.2).
pub(super) fn add(text: &str, is_utf8: bool, list: &mut Vec<Mailbox>) {
    Parser::new(text, is_utf8, list).parse();
}
