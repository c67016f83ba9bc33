//! Applies a selector to the messages that the server lists.

use std::collections::{HashMap, HashSet};

use super::{Limit, Range, Selection, Selector};
use crate::{
    cli::{
        error::{CliError, ErrorCode},
        escape::{escape, shorten, unique_id},
    },
    proto::MessageNumber,
};

/// A message of the server's listing, and when it was fetched.
#[derive(Debug, Clone, Copy)]
pub struct ListedMessage<'a> {
    pub number: MessageNumber,
    pub unique_id: Option<&'a [u8]>,
    /// `None` if the server listed no size.
    pub octets: Option<u64>,
    /// The time of fetching, in seconds since 1970; `None` if the message is new.
    pub fetched: Option<i64>,
}

/// The messages to select from. They are computed on access, because a maildrop may have 100,000.
pub trait ListedMessages<'a> {
    fn len(&self) -> usize;

    fn message(&self, index: usize) -> ListedMessage<'a>;
}

impl Selector {
    /// Selects from the messages in `listed`. `now` is in seconds since 1970. The error is [`ErrorCode::NoSuchMessage`] if a
    /// message number or unique-id is not on the server.
    pub fn resolve<'a>(&self, listed: &impl ListedMessages<'a>, now: i64) -> Result<Selection, CliError> {
        let mut selected = self.named(listed)?;
        for (index, selected) in selected.iter_mut().enumerate() {
            *selected = *selected && (!self.has_filters() || self.keeps(&listed.message(index), now));
        }
        self.limit(listed, &mut selected);
        Ok(selected.into_iter().collect())
    }

    /// Returns the number of selected messages that `--first` omits.
    pub fn left_by_first<'a>(&self, listed: &impl ListedMessages<'a>, now: i64) -> usize {
        let Some(Limit::First(count)) = self.limit else { return 0 };
        let unlimited = Self { limit: None, ..self.clone() };
        unlimited.resolve(listed, now).map_or(0, |selected| selected.len().saturating_sub(count as usize))
    }

    /// Returns the `pending` messages, which were fetched, that would be selected if they were new. Ignores `--first` and `--last`.
    /// Returns an empty selection unless new messages are selected.
    pub fn resolve_pending<'a>(
        &self,
        listed: &impl ListedMessages<'a>,
        pending: impl Fn(usize) -> bool,
    ) -> Selection {
        let named = if self.takes_new() { self.named(listed).ok() } else { None };
        let Some(named) = named else { return Selection::none() };
        let as_new = |index| ListedMessage { fetched: None, ..listed.message(index) };
        named
            .into_iter()
            .enumerate()
            .map(|(index, named)| named && pending(index) && self.keeps(&as_new(index), 0))
            .collect()
    }

    /// Returns the messages that are named by number or unique-id or, if none is named, all messages.
    fn named<'a>(&self, listed: &impl ListedMessages<'a>) -> Result<Vec<bool>, CliError> {
        let names_all = self.all || self.ranges.is_empty() && !self.by_unique_id;
        let mut missing = Missing::default();
        let mut named = vec![names_all; listed.len()];
        self.name_numbers(listed, &mut named, &mut missing);
        self.name_unique_ids(listed, &mut named, &mut missing);
        missing.into_result()?;
        Ok(named)
    }

    fn has_filters(&self) -> bool {
        let Self { new, fetched, larger, smaller, older_than, .. } = self;
        *new || *fetched || larger.is_some() || smaller.is_some() || older_than.is_some()
    }

    /// True if the message passes every filter. A message without a listed size passes no filter by size.
    fn keeps(&self, message: &ListedMessage<'_>, now: i64) -> bool {
        let ListedMessage { octets, fetched, .. } = *message;
        let age = fetched.and_then(|fetched| now.checked_sub(fetched));
        !(self.new && fetched.is_some() || self.fetched && fetched.is_none())
            && self.larger.is_none_or(|than| octets.is_some_and(|octets| octets > than))
            && self.smaller.is_none_or(|than| octets.is_some_and(|octets| octets < than))
            && self.older_than.is_none_or(|than| age.is_some_and(|age| age >= than))
    }

    fn limit<'a>(&self, listed: &impl ListedMessages<'a>, selected: &mut [bool]) {
        let Some(limit) = self.limit else { return };
        let mut order: Vec<usize> = (0..selected.len()).filter(|&index| selected[index]).collect();
        order.sort_by_key(|&index| listed.message(index).number);
        let dropped = match limit {
            Limit::First(count) => order.get(count as usize..).unwrap_or_default(),
            Limit::Last(count) => &order[..order.len().saturating_sub(count as usize)],
        };
        for &index in dropped {
            selected[index] = false;
        }
    }

    /// Adds the messages in the ranges. Counts how many ranges begin and end at each position, so overlaps take no extra time.
    fn name_numbers<'a>(&self, listed: &impl ListedMessages<'a>, named: &mut [bool], missing: &mut Missing) {
        if self.ranges.is_empty() {
            return;
        }
        let mut order: Vec<usize> = (0..listed.len()).collect();
        order.sort_by_key(|&index| listed.message(index).number);
        let mut edges = vec![0_i64; listed.len() + 1];
        let below = |number: u32| order.partition_point(|&index| listed.message(index).number.get() < number);
        let up_to =
            |number: u32| order.partition_point(|&index| listed.message(index).number.get() <= number);
        for &range in &self.ranges {
            let (from, to) = match range {
                Range::Single(number) => (below(number), up_to(number)),
                Range::Closed(first, last) => (below(first), up_to(last)),
                Range::From(first) => (below(first), order.len()),
            };
            if from == to {
                missing.range(range);
            }
            edges[from] += 1;
            edges[to] -= 1;
        }
        let mut depth = 0;
        for (&index, edge) in order.iter().zip(edges) {
            depth += edge;
            named[index] |= depth > 0;
        }
    }

    fn name_unique_ids<'a>(
        &self,
        listed: &impl ListedMessages<'a>,
        named: &mut [bool],
        missing: &mut Missing,
    ) {
        if self.unique_ids.is_empty() {
            return;
        }
        let mut wanted: HashMap<&[u8], bool> =
            self.unique_ids.iter().map(|unique_id| (unique_id.as_slice(), false)).collect();
        for (index, named) in named.iter_mut().enumerate() {
            let found = listed.message(index).unique_id.and_then(|unique_id| wanted.get_mut(unique_id));
            if let Some(found) = found {
                *found = true;
                *named = true;
            }
        }
        for unique_id in &self.unique_ids {
            if !wanted[unique_id.as_slice()] {
                missing.unique_id(unique_id);
            }
        }
    }
}

/// Messages that were named but are not on the server.
#[derive(Default)]
struct Missing {
    names: Vec<String>,
    seen: HashSet<String>,
}

impl Missing {
    fn range(&mut self, range: Range) {
        match range {
            Range::Single(number) => self.add(format!("message {number}")),
            Range::Closed(first, last) => self.add(format!("messages {first}-{last}")),
            // An open range may be empty, so it is never missing.
            Range::From(_) => {}
        }
    }

    fn unique_id(&mut self, octets: &[u8]) {
        self.add(format!("unique-id \"{}\"", escape(&shorten(&unique_id(octets)))));
    }

    fn add(&mut self, name: String) {
        if self.seen.insert(name.clone()) && self.names.len() < MAX_NAMED {
            self.names.push(name);
        }
    }

    fn into_result(self) -> Result<(), CliError> {
        if self.names.is_empty() {
            return Ok(());
        }
        let others = match self.seen.len() - self.names.len() {
            0 => String::new(),
            others => format!(" and {others} more"),
        };
        let names = self.names.join(", ");
        Err(CliError::new(ErrorCode::NoSuchMessage, format!("not on the server: {names}{others}")))
    }
}

/// Maximum number of missing messages that an error names. The others are counted, to keep the error short.
const MAX_NAMED: usize = 10;
