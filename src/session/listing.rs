//! The listing of a maildrop, from the responses to `STAT`, `UIDL` and `LIST`.

use crate::proto::{DropListing, MessageNumber, ProtocolError, ScanListing, UniqueId};

/// The maximum number of messages in a listing, which is ten times a very large maildrop.
const MAX_MESSAGES: usize = 1 << 20;

/// The maximum size of all unique-ids in bytes: [`MAX_MESSAGES`] of the maximum length that RFC 1939 §7 allows.
const MAX_UNIQUE_ID_BYTES: usize = MAX_MESSAGES * 70;

/// The messages of a maildrop, in ascending order of their message-numbers.
///
/// [`Transaction::listing`](super::Transaction::listing) returns it. Request it at the start of a session, before a
/// message is marked: some servers renumber the messages afterwards. Message-numbers may have gaps, and may exceed
/// the count of `STAT`.
#[derive(Debug, Default)]
pub struct MaildropListing {
    drop_listing: Option<DropListing>,
    /// In the server's order until [`sorted`](Self::sorted) is called, then in ascending order of the numbers,
    /// without duplicates.
    messages: Vec<Listed>,
    /// Sizes that were not listed in the order of `messages`, until [`sorted`](Self::sorted) assigns them.
    strays: Vec<ScanListing>,
    /// The number of lines in the response to `LIST`.
    scanned: usize,
    unique_id_bytes: usize,
    has_unique_ids: bool,
}

#[derive(Debug)]
struct Listed {
    number: MessageNumber,
    octets: Option<u64>,
    unique_id: Option<UniqueId>,
}

/// A message in a [`MaildropListing`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MaildropEntry<'a> {
    /// The message-number.
    pub number: MessageNumber,
    /// The size in octets from the scan listing; `RETR` may send a different number of bytes. `None` if `LIST`
    /// omitted the message.
    pub octets: Option<u64>,
    /// The unique-id; `None` if the server did not send one.
    pub unique_id: Option<&'a UniqueId>,
}

impl MaildropListing {
    /// Returns true if the server answered `UIDL`.
    #[must_use]
    pub fn has_unique_ids(&self) -> bool {
        self.has_unique_ids
    }

    /// Returns the drop listing, the response to `STAT`.
    #[must_use]
    pub fn drop_listing(&self) -> DropListing {
        self.drop_listing.unwrap_or(DropListing { messages: 0, octets: 0 })
    }

    /// Returns the number of messages that `LIST` or `UIDL` listed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Returns true if neither `LIST` nor `UIDL` listed a message.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Returns the message at an index.
    ///
    /// # Panics
    ///
    /// Panics if the index is not below [`len`](Self::len).
    #[must_use]
    pub fn get(&self, index: usize) -> MaildropEntry<'_> {
        let Listed { number, octets, unique_id } = &self.messages[index];
        MaildropEntry { number: *number, octets: *octets, unique_id: unique_id.as_ref() }
    }

    /// Returns the index of a message, or `None` if it is not listed.
    #[must_use]
    pub fn index_of(&self, number: MessageNumber) -> Option<usize> {
        self.messages.binary_search_by_key(&number, |message| message.number).ok()
    }

    /// Returns every message that `LIST` or `UIDL` listed.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = MaildropEntry<'_>> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// Returns true if `STAT` counted no message.
    pub(super) fn is_known_empty(&self) -> bool {
        self.drop_listing.is_some_and(|listing| listing.messages == 0)
    }

    pub(super) fn set_drop_listing(&mut self, listing: DropListing) {
        self.drop_listing = Some(listing);
        // Growing step by step would need up to three times the memory.
        self.messages.reserve_exact((listing.messages as usize).min(MAX_MESSAGES));
    }

    pub(super) fn begin_unique_ids(&mut self) {
        self.has_unique_ids = true;
    }

    pub(super) fn push_scan(&mut self, listing: ScanListing) -> Result<(), ProtocolError> {
        if self.scanned >= MAX_MESSAGES {
            return Err(ProtocolError::ListingTooLong);
        }
        match self.messages.get_mut(self.scanned) {
            Some(message) if message.number == listing.number => message.octets = Some(listing.octets),
            _ => self.strays.push(listing),
        }
        self.scanned += 1;
        Ok(())
    }

    pub(super) fn push_unique_id(
        &mut self,
        number: MessageNumber,
        unique_id: Option<UniqueId>,
    ) -> Result<(), ProtocolError> {
        self.unique_id_bytes += unique_id.as_ref().map_or(0, |unique_id| unique_id.as_bytes().len());
        if self.messages.len() >= MAX_MESSAGES || self.unique_id_bytes > MAX_UNIQUE_ID_BYTES {
            return Err(ProtocolError::ListingTooLong);
        }
        self.messages.push(Listed { number, octets: None, unique_id });
        Ok(())
    }

    /// Joins and sorts the listings, which are already in order except on broken servers. A number that is listed
    /// twice is an error, because one message would be stored under two unique-ids.
    pub(super) fn sorted(&mut self) -> Result<(), ProtocolError> {
        sort_unique(&mut self.messages)?;
        let listed = self.messages.len();
        for ScanListing { number, octets } in std::mem::take(&mut self.strays) {
            match self.messages[..listed].binary_search_by_key(&number, |message| message.number) {
                Ok(at) if self.messages[at].octets.is_none() => self.messages[at].octets = Some(octets),
                Ok(_) => return Err(ProtocolError::BadMessageNumber),
                Err(_) => self.messages.push(Listed { number, octets: Some(octets), unique_id: None }),
            }
        }
        sort_unique(&mut self.messages)
    }
}

fn sort_unique(messages: &mut [Listed]) -> Result<(), ProtocolError> {
    if !messages.is_sorted_by_key(|message| message.number) {
        messages.sort_unstable_by_key(|message| message.number);
    }
    if messages.windows(2).any(|pair| pair[0].number == pair[1].number) {
        return Err(ProtocolError::BadMessageNumber);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(number: u32) -> MessageNumber {
        MessageNumber::new(number).unwrap()
    }

    fn id(text: &str) -> UniqueId {
        UniqueId::try_from(text).unwrap()
    }

    fn scan(of: u32, octets: u64) -> ScanListing {
        ScanListing { number: number(of), octets }
    }

    fn list(messages: u32) -> MaildropListing {
        let mut list = MaildropListing::default();
        list.set_drop_listing(DropListing { messages, octets: 0 });
        list
    }

    #[test]
    fn listings_are_joined_by_number_in_any_order() {
        let mut list = list(4);
        list.begin_unique_ids();
        list.push_unique_id(number(4), Some(id("d"))).unwrap();
        list.push_unique_id(number(1), Some(id("a"))).unwrap();
        list.push_unique_id(number(2), None).unwrap();
        list.push_scan(scan(2, 20)).unwrap();
        list.push_scan(scan(1, u64::MAX)).unwrap();
        list.push_scan(scan(3, 30)).unwrap();
        list.sorted().unwrap();
        let messages: Vec<_> = list
            .iter()
            .map(|message| (message.number.get(), message.octets, message.unique_id.map(UniqueId::as_bytes)))
            .collect();
        assert_eq!(
            messages,
            [
                (1, Some(u64::MAX), Some(&b"a"[..])),
                (2, Some(20), None),
                (3, Some(30), None),
                (4, None, Some(b"d"))
            ]
        );
        assert_eq!(list.index_of(number(3)), Some(2));
    }

    /// A server that hides messages does not reassign their numbers, so `STAT` counts fewer messages than the last
    /// number.
    #[test]
    fn message_numbers_may_have_gaps() {
        let mut list = list(2);
        list.begin_unique_ids();
        for of in [2, 5, 4_294_967_295] {
            list.push_unique_id(number(of), Some(id("x"))).unwrap();
            list.push_scan(scan(of, 1)).unwrap();
        }
        list.sorted().unwrap();
        let numbers: Vec<_> = list.iter().map(|message| message.number.get()).collect();
        assert_eq!(numbers, [2, 5, 4_294_967_295]);
    }

    #[test]
    fn a_number_that_is_listed_twice_is_an_error() {
        let mut plain = list(2);
        plain.push_scan(scan(1, 1)).unwrap();
        plain.push_scan(scan(1, 1)).unwrap();
        assert_eq!(plain.sorted(), Err(ProtocolError::BadMessageNumber));
        let mut twice = list(2);
        twice.push_unique_id(number(1), Some(id("a"))).unwrap();
        twice.push_unique_id(number(1), Some(id("b"))).unwrap();
        assert_eq!(twice.sorted(), Err(ProtocolError::BadMessageNumber));
        let mut sizes = list(2);
        sizes.push_unique_id(number(1), Some(id("a"))).unwrap();
        sizes.push_unique_id(number(2), Some(id("b"))).unwrap();
        sizes.push_scan(scan(1, 1)).unwrap();
        sizes.push_scan(scan(1, 1)).unwrap();
        assert_eq!(sizes.sorted(), Err(ProtocolError::BadMessageNumber));
    }

    /// A million messages are accepted, but not an endless listing.
    #[test]
    fn the_size_of_a_listing_is_limited() {
        let unique_id = id(&"u".repeat(70));
        let mut named = list(0);
        let refused =
            (1..=u32::MAX).find(|&n| named.push_unique_id(number(n), Some(unique_id.clone())).is_err());
        assert_eq!(refused, Some(u32::try_from(MAX_MESSAGES).unwrap() + 1));
        let mut sizes = list(0);
        let refused = (1..=u32::MAX).find(|&n| sizes.push_scan(scan(n, 1)).is_err());
        assert_eq!(refused, Some(u32::try_from(MAX_MESSAGES).unwrap() + 1));
        let mut long = list(0);
        let unique_id = id(&"u".repeat(8000));
        let refused =
            (1..=u32::MAX).find(|&n| long.push_unique_id(number(n), Some(unique_id.clone())).is_err());
        assert_eq!(refused, Some(u32::try_from(MAX_UNIQUE_ID_BYTES / 8000).unwrap() + 1));
    }
}
