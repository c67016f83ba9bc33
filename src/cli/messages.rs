//! The messages of a session, and which of them were fetched before.

use super::select::{ListedMessage, ListedMessages};
use crate::{
    delivery::{MAX_OCCURRENCES, Record},
    proto::{MessageNumber, UniqueId},
    session::{MaildropEntry, MaildropListing},
};

/// The messages of a maildrop, ordered by number. Messages that share a unique-id have different occurrences: 0 for the first
/// message, 1 for the second.
pub struct MessageList<'m> {
    listing: &'m MaildropListing,
    /// The index and occurrence of each message whose occurrence is not 0, sorted by index. The list is empty with
    /// most servers.
    occurrences: Vec<(u32, u32)>,
}

/// A message list with the record of fetched messages. Without a record, or without a unique-id, a message is new.
#[derive(Clone, Copy)]
pub struct KnownMessages<'c, 'm> {
    messages: &'c MessageList<'m>,
    record: Option<&'c Record>,
}

impl<'m> MessageList<'m> {
    pub fn new(listing: &'m MaildropListing) -> Self {
        let occurrences = occurrences(listing.len(), |index| listing.get(index as usize).unique_id);
        Self { listing, occurrences }
    }

    /// True if the server answered `UIDL`.
    pub fn has_unique_ids(&self) -> bool {
        self.listing.has_unique_ids()
    }

    pub fn len(&self) -> usize {
        self.listing.len()
    }

    pub fn entry(&self, index: usize) -> MaildropEntry<'m> {
        let mut entry = self.listing.get(index);
        // RFC 1939 §7 allows identical messages to share a unique-id. This many are a fault of the server.
        if self.occurrence(index) >= MAX_OCCURRENCES {
            entry.unique_id = None;
        }
        entry
    }

    /// Returns the index of a message number, if the server listed it.
    pub fn index_of(&self, number: MessageNumber) -> Option<usize> {
        self.listing.index_of(number)
    }

    /// Returns the number of earlier messages with the same unique-id.
    pub fn occurrence(&self, index: usize) -> u32 {
        let found = self.occurrences.binary_search_by_key(&index, |&(index, _)| index as usize);
        found.ok().and_then(|at| self.occurrences.get(at)).map_or(0, |&(_, occurrence)| occurrence)
    }

    /// Combines the list with a record, for a selector.
    pub fn known<'c>(&'c self, record: Option<&'c Record>) -> KnownMessages<'c, 'm> {
        KnownMessages { messages: self, record }
    }

    /// Iterates over every unique-id with its occurrence.
    pub fn unique_ids(&self) -> impl Iterator<Item = (&'m [u8], u32)> + Clone {
        (0..self.len())
            .filter_map(|index| Some((self.entry(index).unique_id?.as_bytes(), self.occurrence(index))))
    }

    /// Counts the messages without a unique-id on a server that has unique-ids.
    pub fn without_unique_id(&self) -> usize {
        if !self.has_unique_ids() {
            return 0;
        }
        (0..self.len()).filter(|&index| self.entry(index).unique_id.is_none()).count()
    }
}

impl<'m> ListedMessages<'m> for KnownMessages<'_, 'm> {
    fn len(&self) -> usize {
        self.messages.len()
    }

    fn message(&self, index: usize) -> ListedMessage<'m> {
        let MaildropEntry { number, octets, unique_id } = self.messages.entry(index);
        let unique_id = unique_id.map(UniqueId::as_bytes);
        let occurrence = self.messages.occurrence(index);
        let fetched =
            self.record.zip(unique_id).and_then(|(record, id)| record.fetched(id, occurrence, octets));
        ListedMessage { number, unique_id, octets, fetched: fetched.map(|fetched| fetched.time) }
    }
}

fn occurrences<T: Ord>(messages: usize, unique_id: impl Fn(u32) -> Option<T>) -> Vec<(u32, u32)> {
    let mut occurrences = Vec::new();
    let messages = u32::try_from(messages).unwrap_or(u32::MAX);
    // Most servers list unique-ids in ascending order. The unique-ids are then distinct, and no table is needed.
    if (1..messages).all(|index| unique_id(index - 1) < unique_id(index)) {
        return occurrences;
    }
    let mut order: Vec<u32> = (0..messages).filter(|&index| unique_id(index).is_some()).collect();
    order.sort_unstable_by_key(|&index| (unique_id(index), index));
    let mut before = None;
    let mut occurrence = 0;
    for index in order {
        let unique_id = unique_id(index);
        occurrence = if unique_id == before { occurrence + 1 } else { 0 };
        before = unique_id;
        if occurrence > 0 {
            occurrences.push((index, occurrence));
        }
    }
    occurrences.sort_unstable();
    occurrences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn occurrences_count_in_the_order_of_numbers() {
        let ids = [Some("b"), Some("a"), None, Some("b"), None, Some("b")];
        let occurrences = occurrences(ids.len(), |index| ids[index as usize]);
        assert_eq!(occurrences, [(3, 1), (5, 2)]);
    }
}
