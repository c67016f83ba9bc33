//! `fetch --skip` and `--limit-size`.

use super::{Context, Outcome, choose, not_downloaded, now, parse_selectors, run_both};
use crate::{
    cli::{
        args,
        error::{Abort, CliError},
        json::Deletion,
        messages::MessageList,
        select::{self, DefaultSelection, Selection, Selector, no_unique_ids_error},
        session::Session,
        settings::Settings,
    },
    delivery::{Foreign, Record},
};

/// Records the selected messages as fetched without downloading them.
pub fn run(context: &mut Context<'_>, args: &args::Fetch) -> Result<Outcome, Abort> {
    let Settings { state_dir, user, address, timeout, .. } = context.settings;
    let selector = parse_selectors(&args.selectors, DefaultSelection::New)?;
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
    let (selected, _) = choose(&selector, &messages, Some(&record))?;
    if selected.is_empty() {
        context.note_nothing_selected(&messages, &selector);
    }
    let left_by_first = selector.left_by_first(&messages.known(Some(&record)), now());
    let (selected, left_by_size) = within(selected, &messages, limit);
    context.printer.fit(selected.iter().map(|index| (messages.entry(index).number.get(), None)));
    let time = u64::try_from(now()).unwrap_or(0);
    record.remember(selected.iter().filter_map(|index| {
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
    for index in selected.iter() {
        context.printer.skipped(&not_downloaded(messages.entry(index), Deletion::No))?;
    }
    context.end(transaction)?;
    note_remaining(context, &selector, left_by_first + left_by_size);
    Ok(Outcome::Done)
}

/// Parses `--limit-size`, in octets.
pub fn limit(args: &args::Fetch) -> Result<Option<u64>, CliError> {
    let Some(typed) = &args.limit_size else { return Ok(None) };
    match select::size("--limit-size", typed)? {
        0 => Err(CliError::usage("invalid value \"0\" for --limit-size: expected at least one octet")),
        octets => Ok(Some(octets)),
    }
}

/// Returns the first selected messages whose listed sizes add up to at most `limit` octets, but at least one message, and the
/// number of the others.
pub fn within(selected: Selection, messages: &MessageList<'_>, limit: Option<u64>) -> (Selection, usize) {
    let Some(limit) = limit else { return (selected, 0) };
    let mut sum: u64 = 0;
    let mut taken = 0;
    for index in selected.iter() {
        sum = sum.saturating_add(messages.entry(index).octets.unwrap_or(0));
        if sum > limit && taken > 0 {
            break;
        }
        taken += 1;
    }
    let left = selected.len() - taken;
    let Some(end) = selected.iter().nth(taken) else { return (selected, 0) };
    ((0..messages.len()).map(|index| index < end && selected.contains(index)).collect(), left)
}

/// Notes how many messages `--first` and `--limit-size` omitted.
pub fn note_remaining(context: &Context<'_>, selector: &Selector, left: usize) {
    if let Some(note) = remaining(left, selector.takes_only_new()) {
        context.stderr.note(&note);
    }
}

fn remaining(left: usize, only_new: bool) -> Option<String> {
    let messages = match (left, only_new) {
        (0, _) => return None,
        (1, true) => "1 new message is".to_owned(),
        (1, false) => "1 selected message is".to_owned(),
        (_, true) => format!("{left} new messages are"),
        (_, false) => format!("{left} selected messages are"),
    };
    // Without --new, the next run selects the same messages again.
    let left = if only_new { "left for another run" } else { "omitted" };
    Some(format!("{messages} {left}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_note_says_what_the_next_run_takes() {
        for (left, only_new, note) in [
            (0, true, None),
            (1, true, Some("1 new message is left for another run")),
            (2, true, Some("2 new messages are left for another run")),
            (1, false, Some("1 selected message is omitted")),
            (2, false, Some("2 selected messages are omitted")),
        ] {
            assert_eq!(remaining(left, only_new).as_deref(), note);
        }
    }
}
