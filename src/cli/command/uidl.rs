//! `uidl`: number, unique-id and size of messages.

use super::{Context, Outcome, parse_selectors, row};
use crate::cli::{
    args,
    error::Abort,
    messages::MessageList,
    select::{DefaultSelection, ListedMessages as _},
    session::Session,
};

pub fn run(context: &mut Context<'_>, args: &args::Uidl) -> Result<Outcome, Abort> {
    let selector = parse_selectors(&args.selectors, DefaultSelection::All)?;
    let (Session { mut transaction, .. }, record) = context.open_with_record()?;
    let listing = transaction.listing()?;
    let messages = MessageList::new(&listing);
    let (selected, listed) = context.choose_rows(&selector, &messages, &record)?;
    for index in selected.iter() {
        context.printer.uidl(&row(&listed.message(index), messages.has_unique_ids()))?;
    }
    context.end(transaction)?;
    Ok(Outcome::Done)
}
