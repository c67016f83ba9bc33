//! `delete`: marks messages; with `--commit` the server deletes them.

use std::collections::{HashMap, HashSet};

use super::{
    Context, Outcome, choose,
    fetch::{candidate, named, unproven},
    index_of_selected, parse_selectors, refused, uid,
};
use crate::{
    cli::{
        args,
        error::{Abort, CliError},
        json::{Delete, Deletion, Refused},
        messages::MessageList,
        select::{DefaultSelection, Selection},
        session::Session,
    },
    delivery::{Record, verify},
    proto::MessageNumber,
    session::Transaction,
};

pub fn run(context: &mut Context<'_>, args: &args::Delete) -> Result<Outcome, Abort> {
    let selector = parse_selectors(&args.selectors, DefaultSelection::Refuse)?;
    let (Session { mut transaction, .. }, record) = if selector.needs_record() {
        let (session, record) = context.open_with_record()?;
        (session, Some(record))
    } else {
        (context.open()?, None)
    };
    let listing = transaction.listing()?;
    let messages = MessageList::new(&listing);
    let (selected, _) = choose(&selector, &messages, record.as_ref())?;
    if selected.is_empty() {
        context.note_nothing_selected(&messages, &selector);
    }
    let (selected, mut refusals) = match record.as_ref().filter(|_| selector.rests_on_fetched()) {
        Some(record) => proven(context, &mut transaction, &messages, record, &selected)?,
        None => (selected, HashMap::new()),
    };
    let listed = |index| selected.contains(index) || refusals.contains_key(&index);
    let listed: Selection = (0..messages.len()).map(listed).collect();
    context.printer.fit(
        listed.iter().map(|index| (messages.entry(index).number.get(), messages.entry(index).unique_id)),
    );

    transaction.dele_all(selected.iter().map(|index| messages.entry(index).number), |number, error| {
        if let Some(index) = index_of_selected(&messages, &selected, number) {
            refusals.insert(index, refused(messages.entry(index), &error));
        }
    })?;
    let ended = context.end(transaction);
    let deleted = Deletion::of(context.settings.commit, &ended);
    let told = rows(context, &messages, &listed, &refusals, deleted);
    ended?;
    told?;
    if !context.settings.commit {
        context.warn_nothing_deleted(listed.len() - refusals.len());
    }
    if refusals.is_empty() {
        return Ok(Outcome::Done);
    }
    let mut refused: Vec<u32> = refusals.values().map(|refusal| refusal.number).collect();
    refused.sort_unstable();
    Err(CliError::partial(&refused).into())
}

/// Returns the selected messages that this program stored and that have not changed, and the messages whose header the server
/// refused.
fn proven(
    context: &Context<'_>,
    transaction: &mut Transaction,
    messages: &MessageList<'_>,
    record: &Record,
    selected: &Selection,
) -> Result<(Selection, HashMap<usize, Refused>), Abort> {
    let candidates = selected.iter().filter_map(|index| candidate(messages, index));
    let verified = verify(transaction, record, candidates)?;
    if !verified.unproven.is_empty() {
        context.stderr.warning(&unproven(&verified.unproven));
    }
    if !verified.other.is_empty() {
        context.stderr.warning(&other_header(&verified.other));
    }
    let same = |index| verified.same.contains(&messages.entry(index).number);
    let same = (0..messages.len()).map(|index| selected.contains(index) && same(index)).collect();
    let refusal = |(number, error): &(MessageNumber, crate::Error)| {
        let index = messages.index_of(*number)?;
        Some((index, refused(messages.entry(index), error)))
    };
    Ok((same, verified.refused.iter().filter_map(refusal).collect()))
}

/// Returns a warning about messages whose header differs from the stored one. Either the message is another one with a reused
/// unique-id, or the server truncates or changes the header in its response to `TOP`.
fn other_header(numbers: &HashSet<MessageNumber>) -> String {
    let named = named(numbers);
    if numbers.len() == 1 {
        return format!(
            "{named} is left on the server: its header differs from the stored one, so it may be another message; \
             fetch it by number to store it, or select it by number or unique-id to delete it"
        );
    }
    format!(
        "{named} are left on the server: their headers differ from the stored ones, so they may be other messages; \
         fetch them by number to store them, or select them by number or unique-id to delete them"
    )
}

fn rows(
    context: &mut Context<'_>,
    messages: &MessageList<'_>,
    selected: &Selection,
    refusals: &HashMap<usize, Refused>,
    deleted: Deletion,
) -> Result<(), Abort> {
    for index in selected.iter() {
        if let Some(refusal) = refusals.get(&index) {
            context.printer.refused(refusal)?;
            continue;
        }
        let message = messages.entry(index);
        context.printer.delete(&Delete {
            number: message.number.get(),
            uid: message.unique_id.map(uid),
            octets: message.octets,
            deleted,
        })?;
    }
    Ok(context.printer.flush()?)
}
