//! `delete`: marks messages; with `--commit` the server deletes them.

use std::collections::HashMap;

use crate::{
    delivery::{Record, verify},
    session::Transaction,
};

use super::{
    Context, Done, choose,
    fetch::{candidate, unproven},
    place, refused, selection, uid,
};
use crate::cli::{
    args,
    catalogue::Catalogue,
    chosen::Chosen,
    exit::{Failure, Stop},
    json::{Delete, Deletion, Refused},
    selector::Otherwise,
    session::Session,
};

pub fn run(context: &mut Context<'_>, args: &args::Delete) -> Result<Done, Stop> {
    let selection = selection(&args.choice, Otherwise::Refuse)?;
    let (Session { mut transaction, .. }, record) = if selection.needs_record() {
        let (session, record) = context.open_with_record()?;
        (session, Some(record))
    } else {
        (context.open()?, None)
    };
    let maildrop = transaction.maildrop()?;
    let catalogue = Catalogue::new(&maildrop);
    let (chosen, _) = choose(&selection, &catalogue, record.as_ref())?;
    if chosen.is_empty() {
        context.say_that_nothing_was_chosen(&catalogue, &selection);
    }
    let chosen = if selection.rests_on_fetched() {
        proven(context, &mut transaction, &catalogue, record.as_ref(), chosen)?
    } else {
        chosen
    };
    context.printer.fit(
        chosen.iter().map(|index| (catalogue.entry(index).number.get(), catalogue.entry(index).unique_id)),
    );

    let mut refusals = HashMap::new();
    transaction.mark(chosen.iter().map(|index| catalogue.entry(index).number), |number, error| {
        if let Some(index) = place(&catalogue, &chosen, number) {
            refusals.insert(index, refused(catalogue.entry(index), &error));
        }
    })?;
    let ended = context.end(transaction);
    let deleted = Deletion::of(context.settings.commit, &ended);
    let told = rows(context, &catalogue, &chosen, &refusals, deleted);
    ended?;
    told?;
    if !context.settings.commit {
        context.say_that_nothing_was_deleted(chosen.len() - refusals.len());
    }
    if refusals.is_empty() {
        return Ok(Done::All);
    }
    let mut refused: Vec<u32> = refusals.values().map(|refusal| refusal.number).collect();
    refused.sort_unstable();
    Err(Failure::partial(&refused).into())
}

/// The chosen messages that were stored here and are still the same.
fn proven(
    context: &Context<'_>,
    transaction: &mut Transaction,
    catalogue: &Catalogue<'_>,
    record: Option<&Record>,
    chosen: Chosen,
) -> Result<Chosen, Stop> {
    let Some(record) = record else { return Ok(chosen) };
    let candidates = chosen.iter().filter_map(|index| candidate(catalogue, index));
    let verified = verify(transaction, record, candidates)?;
    if !verified.unproven.is_empty() {
        context.stderr.warning(&unproven(verified.unproven.len()));
    }
    if !verified.other.is_empty() {
        context.stderr.warning(&format!(
            "messages with used unique-ids are new, and are left on the server ({}): fetch them first",
            verified.other.len()
        ));
    }
    let same = |index| verified.same.contains(&catalogue.entry(index).number);
    Ok((0..catalogue.len()).map(|index| chosen.contains(index) && same(index)).collect())
}

fn rows(
    context: &mut Context<'_>,
    catalogue: &Catalogue<'_>,
    chosen: &Chosen,
    refusals: &HashMap<usize, Refused>,
    deleted: Deletion,
) -> Result<(), Stop> {
    for index in chosen.iter() {
        if let Some(refusal) = refusals.get(&index) {
            context.printer.refused(refusal)?;
            continue;
        }
        let message = catalogue.entry(index);
        context.printer.delete(&Delete {
            number: message.number.get(),
            uid: message.unique_id.map(uid),
            octets: message.octets,
            deleted,
        })?;
    }
    Ok(context.printer.flush()?)
}
