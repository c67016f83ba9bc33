//! Address lists: `From`, `To`, `Cc` (RFC 5322 §3.4).

use mail_parser::{Addr, Address, HeaderValue, parsers::MessageStream};

use super::encoded_word as words;

/// A sender or recipient (RFC 5322 §3.4 `mailbox`). The address is `None` where the field has only a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// The display name, decoded.
    pub name: Option<String>,
    /// The `addr-spec`: `local-part@domain`.
    pub address: Option<String>,
}

/// Adds the mailboxes of one field to a list; groups are flattened. Structure is found before words are decoded, so an
/// encoded name cannot play an address. What is beyond [`LONGEST`] or [`MOST`] is passed over.
pub(super) fn add(text: &str, list: &mut Vec<Mailbox>) {
    let room = MOST.saturating_sub(list.len());
    if room == 0 {
        return;
    }
    let field = words::normalise(bounded(text)) + "\n";
    let HeaderValue::Address(addresses) = MessageStream::new(field.as_bytes()).parse_address() else {
        return;
    };
    match addresses {
        Address::List(addresses) => list.extend(addresses.into_iter().map(mailbox).take(room)),
        Address::Group(groups) => {
            list.extend(groups.into_iter().flat_map(|group| group.addresses).map(mailbox).take(room));
        }
    }
}

/// The text up to the last comma within [`LONGEST`].
fn bounded(text: &str) -> &str {
    if text.len() <= LONGEST {
        return text;
    }
    let end = (0..=LONGEST).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    let text = &text[..end];
    text.rsplit_once(',').map_or(text, |(whole, _)| whole)
}

fn mailbox(Addr { name, address }: Addr<'_>) -> Mailbox {
    let present = |text: std::borrow::Cow<'_, str>| {
        let text = words::restore(text.trim());
        (!text.is_empty()).then_some(text)
    };
    Mailbox { name: name.and_then(present), address: address.and_then(present) }
}

/// Octets of one field: some thousand addresses. mail-parser takes up to eighty octets of memory for each of a group.
const LONGEST: usize = 128 * 1024;

/// More recipients than any server takes for one message.
const MOST: usize = 10_000;
