//! Determines the messages to fetch, and the messages to mark without fetching them.

use std::collections::HashSet;

use super::{Context, Destination, MessageList, Record, Transaction, skip};
use crate::{
    cli::{
        command::{choose, now},
        error::{Abort, CliError},
        select::{ListedMessages as _, Selection, Selector},
    },
    delivery::{Candidate, Verified, Wanted, verify},
    proto::MessageNumber,
};

/// The messages of a run.
pub(super) struct Plan {
    /// The messages to fetch.
    pub selected: Selection,
    /// The messages to mark without fetching them: an earlier `fetch --delete --commit` stored them but could not delete them.
    pub left_over: Selection,
    pub verified: Verified,
    /// The new messages whose unique-id is recorded: their listed size or their header differs from the record.
    changed: Selection,
    /// The number of messages that `--first` and `--limit-size` omit.
    pub remaining: usize,
}

impl Plan {
    /// Selects messages. A left-over message is marked only if it has not changed since it was stored.
    ///
    /// A server may reuse the unique-id of a deleted message for a new one. So messages whose deletion was confirmed, and messages
    /// that were missing from an earlier listing, are compared with the record as well.
    pub fn make(
        selector: &Selector,
        messages: &MessageList<'_>,
        record: Option<&Record>,
        transaction: &mut Transaction,
        deleting: bool,
    ) -> Result<Self, Abort> {
        let (selected, _) = choose(selector, messages, record)?;
        let Some(record) = record else {
            let (left_over, verified) = (Selection::none(), Verified::default());
            return Ok(Self { selected, left_over, verified, changed: Selection::none(), remaining: 0 });
        };
        let fetched = |index: usize| {
            let entry = messages.entry(index);
            record.fetched(entry.unique_id?.as_bytes(), messages.occurrence(index), entry.octets)
        };
        let is_left_over = |index| deleting && fetched(index).is_some_and(|fetched| fetched.pending_deletion);
        let is_doubtful = |index: usize| {
            let was_gone = fetched(index).is_some_and(|fetched| fetched.gone);
            !selected.contains(index) && (was_gone || is_left_over(index))
        };
        let doubtful = selector.resolve_pending(&messages.known(Some(record)), is_doubtful);
        let candidates = doubtful.iter().filter_map(|index| candidate(messages, index));
        let verified = verify(transaction, record, candidates)?;
        let all = || (0..messages.len()).map(|index| (index, messages.entry(index).number));
        let left_over = all().map(|(index, number)| {
            doubtful.contains(index) && verified.same.contains(&number) && is_left_over(index)
        });
        let left_over = left_over.collect();
        let selected =
            all().map(|(index, number)| selected.contains(index) || verified.other.contains(&number));
        let selected: Selection = selected.collect();
        let is_recorded = |index: usize| {
            let unique_id = messages.entry(index).unique_id;
            unique_id.is_some_and(|id| record.knows(id.as_bytes(), messages.occurrence(index)))
        };
        let is_changed = |index| selected.contains(index) && selector.takes_only_new() && is_recorded(index);
        let changed = (0..messages.len()).map(is_changed).collect();
        Ok(Self { selected, left_over, verified, changed, remaining: 0 })
    }

    /// Applies `--limit-size`, and counts the messages that it and `--first` omit.
    pub fn limit(
        &mut self,
        selector: &Selector,
        messages: &MessageList<'_>,
        record: Option<&Record>,
        octets: Option<u64>,
    ) {
        let selected = std::mem::replace(&mut self.selected, Selection::none());
        let (selected, by_size) = skip::within(selected, messages, octets);
        self.selected = selected;
        self.remaining = selector.left_by_first(&messages.known(record), now()) + by_size;
    }

    /// Prints warnings and notes about the plan, and sets the column widths. It is a usage error if several messages are selected
    /// for `--stdout`.
    pub fn announce(
        &self,
        context: &mut Context<'_>,
        selector: &Selector,
        messages: &MessageList<'_>,
        record: Option<&Record>,
        deleting: bool,
    ) -> Result<(), CliError> {
        let Self { selected, left_over, verified, .. } = self;
        if selected.is_empty() {
            context.note_nothing_selected(messages, selector);
        }
        if deleting && !verified.unproven.is_empty() {
            context.stderr.warning(&unproven(&verified.unproven));
        }
        if context.settings.destination == Destination::Stdout && selected.len() > 1 {
            return Err(CliError::usage(format!(
                "--stdout writes one message, but {} are selected: select one, or use --dir",
                selected.len()
            )));
        }
        let rows = selected.iter().chain(left_over.iter());
        context.printer.fit(rows.map(|index| (messages.entry(index).number.get(), None)));
        if !selected.is_empty() {
            let known = messages.known(record);
            context.note_destination((0..known.len()).all(|index| known.message(index).fetched.is_none()));
        }
        Ok(())
    }

    /// Returns the messages to fetch, in the form that the library expects.
    pub fn wanted<'m>(&'m self, messages: &'m MessageList<'m>) -> impl Iterator<Item = Wanted<'m>> {
        self.selected.iter().map(|index| {
            let entry = messages.entry(index);
            Wanted {
                number: entry.number,
                unique_id: entry.unique_id,
                occurrence: messages.occurrence(index),
                octets: entry.octets,
                unless_stored: self.changed.contains(index),
            }
        })
    }
}

/// Returns the message at an index as a candidate for a comparison, or `None` if it has no unique-id.
pub(in crate::cli::command) fn candidate<'m>(
    messages: &MessageList<'m>,
    index: usize,
) -> Option<Candidate<'m>> {
    let entry = messages.entry(index);
    let unique_id = entry.unique_id?;
    let occurrence = messages.occurrence(index);
    Some(Candidate { number: entry.number, unique_id, occurrence, octets: entry.octets })
}

/// Returns a warning about messages that are not deleted because nothing proves that they were stored.
pub(in crate::cli::command) fn unproven(numbers: &HashSet<MessageNumber>) -> String {
    let named = named(numbers);
    if numbers.len() == 1 {
        return format!(
            "{named} is left on the server: the record does not prove that it was stored; select it by number or unique-id to \
             delete it"
        );
    }
    format!(
        "{named} are left on the server: the record does not prove that they were stored; select them by number or unique-id to \
         delete them"
    )
}

/// Formats message numbers: `message 3`, `messages 3, 4 and 9 more`.
pub(in crate::cli::command) fn named(numbers: &HashSet<MessageNumber>) -> String {
    let mut sorted: Vec<u32> = numbers.iter().map(|number| number.get()).collect();
    sorted.sort_unstable();
    let listed: Vec<String> = sorted.iter().take(MAX_NAMED).map(u32::to_string).collect();
    let more = match sorted.len() - listed.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let plural = if sorted.len() == 1 { "" } else { "s" };
    format!("message{plural} {}{more}", listed.join(", "))
}

/// Maximum number of message numbers in a warning.
const MAX_NAMED: usize = 20;
