//! `uidl`: number, unique-id and size of messages.

use super::{Context, Done, choose, row, selection};
use crate::cli::{
    args,
    catalogue::Catalogue,
    exit::Stop,
    selector::{Listing as _, Otherwise},
    session::Session,
};

pub fn run(context: &mut Context<'_>, args: &args::Uidl) -> Result<Done, Stop> {
    let selection = selection(&args.choice, Otherwise::All)?;
    let (Session { mut transaction, .. }, record) = context.open_with_record()?;
    let maildrop = transaction.maildrop()?;
    let catalogue = Catalogue::new(&maildrop);
    context.warn_of_nameless(&catalogue);
    let (chosen, listed) = choose(&selection, &catalogue, Some(&record))?;
    if chosen.is_empty() {
        context.say_that_nothing_was_chosen(&catalogue, &selection);
    }
    context.printer.fit(
        chosen.iter().map(|index| (catalogue.entry(index).number.get(), catalogue.entry(index).unique_id)),
    );
    for index in chosen.iter() {
        context.printer.uidl(&row(&listed.message(index), catalogue.has_unique_ids()))?;
    }
    context.end(transaction)?;
    Ok(Done::All)
}
