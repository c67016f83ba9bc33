//! The messages of a session, each with what the record knows of it.

use pop3::session::{Entry, Maildrop};

use super::{record::Record, selector::Listed};

/// The messages of a maildrop in the order of their numbers. Messages with one unique-id are told apart by their
/// occurrence: 0 for the first of them, 1 for the second.
pub struct Catalogue<'m> {
    entries: Vec<Entry<'m>>,
    occurrences: Vec<u32>,
    has_unique_ids: bool,
}

impl<'m> Catalogue<'m> {
    pub fn new(maildrop: &'m Maildrop) -> Self {
        let entries: Vec<_> = maildrop.entries().collect();
        let occurrences = occurrences(&entries);
        Self { entries, occurrences, has_unique_ids: maildrop.has_unique_ids() }
    }

    /// Whether the server answered `UIDL`.
    pub fn has_unique_ids(&self) -> bool {
        self.has_unique_ids
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn entry(&self, index: usize) -> Entry<'m> {
        self.entries[index]
    }

    pub fn occurrence(&self, index: usize) -> u32 {
        self.occurrences[index]
    }

    /// Every message for a selector to choose from. Without a record, or without its unique-id, a message is new.
    pub fn listed(&self, record: Option<&Record>) -> Vec<Listed<'m>> {
        let messages = self.entries.iter().zip(&self.occurrences);
        messages
            .map(|(&Entry { number, octets, unique_id }, &occurrence)| {
                let fetched = record.zip(unique_id).and_then(|(record, id)| record.fetched(id, occurrence));
                let fetched = fetched.map(|fetched| fetched.time);
                Listed { number, unique_id, octets, fetched }
            })
            .collect()
    }

    /// Every unique-id with its occurrence.
    pub fn unique_ids(&self) -> impl Iterator<Item = (&'m [u8], u32)> {
        let messages = self.entries.iter().zip(&self.occurrences);
        messages.filter_map(|(entry, &occurrence)| Some((entry.unique_id?, occurrence)))
    }

    /// How many messages the server lists without a unique-id, though it gives others one.
    pub fn nameless(&self) -> usize {
        if !self.has_unique_ids {
            return 0;
        }
        self.entries.iter().filter(|entry| entry.unique_id.is_none()).count()
    }
}

fn occurrences(entries: &[Entry<'_>]) -> Vec<u32> {
    let mut occurrences = vec![0; entries.len()];
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|&index| entries[index].unique_id);
    for pair in order.windows(2) {
        let [before, after] = [pair[0], pair[1]];
        if entries[before].unique_id.is_some() && entries[before].unique_id == entries[after].unique_id {
            occurrences[after] = occurrences[before] + 1;
        }
    }
    occurrences
}

#[cfg(test)]
mod tests {
    use pop3::proto::MessageNumber;

    use super::*;

    #[test]
    fn occurrences_count_in_the_order_of_numbers() {
        let ids = [Some("b"), Some("a"), None, Some("b"), None, Some("b")];
        let entries: Vec<_> = (1..)
            .zip(ids)
            .map(|(number, id)| Entry {
                number: MessageNumber::new(number).unwrap(),
                octets: 0,
                unique_id: id.map(str::as_bytes),
            })
            .collect();
        assert_eq!(occurrences(&entries), [0, 0, 0, 1, 0, 2]);
    }
}
