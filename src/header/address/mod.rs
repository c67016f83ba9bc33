//! Address lists: `From`, `To`, `Cc` (RFC 5322 §3.4 and §4.4, RFC 6532).
//!
//! An address is any text that the grammar derives, with its comments and folds. Where the grammar derives nothing, an address is accepted
//! only if it is whole, with nothing but white space or brackets around it.

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
    /// The `addr-spec`, `local-part@domain`, as it is in the field, but without comments and white space between its
    /// parts. `None` if the field has none: its text is then the name.
    pub address: Option<String>,
}

/// Parses an unfolded list of addresses (RFC 5322 §3.4 `address-list`); groups are flattened.
///
/// Mistakes of mailers are read as mail clients read them: commas forgotten or doubled, semicolons for commas, brackets
/// or quotes not closed, names that should be quoted, encoded words in quotes. Structure is found before words are decoded, so an encoded name
/// cannot pass for an address. Lists beyond 10,000 mailboxes are cut.
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

/// Adds the mailboxes of one field to a list. `is_utf8` says that characters beyond ASCII are the field's own, so that
/// they may be in an address (RFC 6532 §3.2).
pub(super) fn add(text: &str, is_utf8: bool, list: &mut Vec<Mailbox>) {
    Parser::new(text, is_utf8, list).parse();
}
