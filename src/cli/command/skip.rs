//! `fetch --skip`, and the brakes of a first run over a large maildrop.

use crate::delivery::{Foreign, Record};

use super::{Context, Outcome, choose, now, run_both, selection, uid};
use crate::cli::{
    args,
    error::{Abort, CliError},
    json::{Deletion, Fetch},
    messages::MessageList,
    select::Selection,
    select::{self, DefaultSelection, no_unique_ids_error},
    session::Session,
    settings::Settings,
};

/// Remembers the chosen messages as fetched without downloading them.
pub fn run(context: &mut Context<'_>, args: &args::Fetch) -> Result<Outcome, Abort> {
    let Settings { state_dir, user, address, timeout, .. } = context.settings;
    let selection = selection(&args.selectors, DefaultSelection::New)?;
    let limit = limit(args)?;
    let found = context.credential()?;
    let locked = Record::lock(state_dir, user, &address.host().to_string(), address.port(), *timeout)?;
    let open = || context.open_with(&found);
    let (mut record, Session { mut transaction, .. }) = run_both(|| Ok(locked.open(None)?), open)?;
    for warning in record.take_warnings() {
        context.stderr.warning(&warning);
    }
    let listing = transaction.listing()?;
    let messages = MessageList::new(&listing);
    if !messages.has_unique_ids() {
        return Err(no_unique_ids_error().into());
    }
    context.warn_of_missing_unique_ids(&messages);
    let (chosen, _) = choose(&selection, &messages, Some(&record))?;
    if chosen.is_empty() {
        context.note_nothing_selected(&messages, &selection);
    }
    let (chosen, left) = within(chosen, &messages, limit);
    context.printer.fit(chosen.iter().map(|index| (messages.entry(index).number.get(), None)));
    let time = u64::try_from(now()).unwrap_or(0);
    record.remember(chosen.iter().filter_map(|index| {
        let entry = messages.entry(index);
        let occurrence = messages.occurrence(index);
        Some(Foreign {
            unique_id: entry.unique_id?.as_bytes(),
            occurrence,
            time,
            octets: entry.octets,
            place: "skipped",
        })
    }))?;
    for index in chosen.iter() {
        let entry = messages.entry(index);
        context.printer.skipped(&Fetch {
            number: entry.number.get(),
            uid: entry.unique_id.map(uid),
            octets: entry.octets,
            path: None,
            path_encoded: false,
            sha256: None,
            deleted: Deletion::No,
            kept: false,
        })?;
    }
    context.end(transaction)?;
    note_remaining(context, left);
    Ok(Outcome::Done)
}

/// The octets of `--limit-size`.
pub fn limit(args: &args::Fetch) -> Result<Option<u64>, CliError> {
    let Some(typed) = &args.limit_size else { return Ok(None) };
    match select::size("--limit-size", typed)? {
        0 => Err(CliError::usage("invalid value \"0\" for --limit-size: expected at least one octet")),
        octets => Ok(Some(octets)),
    }
}

/// The first of the chosen messages that together have at most so many listed octets, at least one; and how many are
/// left.
pub fn within(chosen: Selection, messages: &MessageList<'_>, limit: Option<u64>) -> (Selection, usize) {
    let Some(limit) = limit else { return (chosen, 0) };
    let mut sum: u64 = 0;
    let mut taken = 0;
    for index in chosen.iter() {
        sum = sum.saturating_add(messages.entry(index).octets.unwrap_or(0));
        if sum > limit && taken > 0 {
            break;
        }
        taken += 1;
    }
    let left = chosen.len() - taken;
    let Some(end) = chosen.iter().nth(taken) else { return (chosen, 0) };
    ((0..messages.len()).map(|index| index < end && chosen.contains(index)).collect(), left)
}

/// A note after a run that a limit ended.
pub fn note_remaining(context: &Context<'_>, left: usize) {
    match left {
        0 => {}
        1 => context.stderr.note("1 message is left for another run"),
        _ => context.stderr.note(&format!("{left} messages are left for another run")),
    }
}
