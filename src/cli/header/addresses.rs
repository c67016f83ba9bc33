//! Address lists: `From`, `To`, `Cc` (RFC 5322 §3.4).

use mail_parser::{Addr, Address, HeaderValue, parsers::MessageStream};

use super::{super::json::Mailbox, words};

/// Adds the mailboxes of one field to a list; groups are flattened. Structure is found before words are decoded, so an
/// encoded name cannot play an address.
pub(super) fn add(text: &str, list: &mut Vec<Mailbox>) {
    let field = words::normalise(text) + "\n";
    let HeaderValue::Address(addresses) = MessageStream::new(field.as_bytes()).parse_address() else {
        return;
    };
    match addresses {
        Address::List(addresses) => list.extend(addresses.into_iter().map(mailbox)),
        Address::Group(groups) => {
            list.extend(groups.into_iter().flat_map(|group| group.addresses).map(mailbox));
        }
    }
}

fn mailbox(Addr { name, address }: Addr<'_>) -> Mailbox {
    let present = |text: std::borrow::Cow<'_, str>| {
        let text = words::restore(text.trim());
        (!text.is_empty()).then_some(text)
    };
    Mailbox { name: name.and_then(present), address: address.and_then(present) }
}
