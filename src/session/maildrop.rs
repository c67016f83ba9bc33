//! The messages of a maildrop, as `STAT`, `UIDL` and `LIST` give them at the start of a session.

use crate::proto::{DropListing, MessageNumber, ProtocolError, ScanListing};

/// The most messages that are listed, whatever `STAT` says: ten times a very large maildrop.
const MAX_MESSAGES: usize = 1 << 20;

/// The most octets of unique-ids: room for [`MAX_MESSAGES`] with the longest that RFC 1939 §7 allows.
const MAX_UNIQUE_ID_OCTETS: usize = MAX_MESSAGES * 70;

/// The messages of a maildrop, taken once, before anything is marked: some servers renumber afterwards.
///
/// The numbers need be neither dense nor end at `STAT`'s count.
#[derive(Debug, Default)]
pub struct Maildrop {
    drop_listing: Option<DropListing>,
    /// In the order of the listings until [`sorted`](Self::sorted), then in ascending order of the numbers, each once.
    messages: Vec<Listed>,
    /// Sizes of messages that are not the next ones of `messages`, until [`sorted`](Self::sorted).
    strays: Vec<ScanListing>,
    /// How many lines `LIST` gave.
    scanned: usize,
    /// All unique-ids, one after another.
    unique_ids: Vec<u8>,
    has_unique_ids: bool,
}

#[derive(Debug)]
struct Listed {
    number: MessageNumber,
    /// The end of its unique-id in `unique_ids`, and its length; 0 where it has none.
    unique_id_end: u32,
    unique_id_octets: u32,
    octets: Option<u64>,
}

/// A message of a maildrop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its message-number.
    pub number: MessageNumber,
    /// Its size by the server's scan listing, which need not be what `RETR` sends; `None` where `LIST` left it out.
    pub octets: Option<u64>,
    /// Its unique-id; `None` where the server gave none.
    pub unique_id: Option<&'a [u8]>,
}

impl Maildrop {
    /// Whether the server answered `UIDL`.
    #[must_use]
    pub fn has_unique_ids(&self) -> bool {
        self.has_unique_ids
    }

    /// The count and size that `STAT` gave.
    #[must_use]
    pub fn drop_listing(&self) -> DropListing {
        self.drop_listing.unwrap_or(DropListing { messages: 0, octets: 0 })
    }

    /// How many messages `LIST` or `UIDL` names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether neither names any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The message at an index, in ascending order of the numbers.
    ///
    /// # Panics
    /// If the index is not below [`len`](Self::len).
    #[must_use]
    pub fn entry(&self, index: usize) -> Entry<'_> {
        let Listed { number, unique_id_end, unique_id_octets, octets } = self.messages[index];
        let end = unique_id_end as usize;
        let unique_id = &self.unique_ids[end - unique_id_octets as usize..end];
        Entry { number, octets, unique_id: (!unique_id.is_empty()).then_some(unique_id) }
    }

    /// The index of a message, if it is listed.
    #[must_use]
    pub fn index_of(&self, number: MessageNumber) -> Option<usize> {
        self.messages.binary_search_by_key(&number, |message| message.number).ok()
    }

    /// Every message, in ascending order of the numbers: what `LIST` or `UIDL` names is there.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        (0..self.len()).map(|index| self.entry(index))
    }

    /// Whether `STAT` counts no message.
    pub(crate) fn is_known_empty(&self) -> bool {
        self.drop_listing.is_some_and(|listing| listing.messages == 0)
    }

    pub(crate) fn set_drop_listing(&mut self, listing: DropListing) {
        self.drop_listing = Some(listing);
    }

    pub(crate) fn begin_unique_ids(&mut self) {
        self.has_unique_ids = true;
    }

    pub(crate) fn push_scan(&mut self, listing: ScanListing) -> Result<(), ProtocolError> {
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

    pub(crate) fn push_unique_id(
        &mut self,
        number: MessageNumber,
        unique_id: Option<&[u8]>,
    ) -> Result<(), ProtocolError> {
        let unique_id = unique_id.unwrap_or_default();
        let end = self.unique_ids.len() + unique_id.len();
        if self.messages.len() >= MAX_MESSAGES || end > MAX_UNIQUE_ID_OCTETS {
            return Err(ProtocolError::ListingTooLong);
        }
        self.unique_ids.extend_from_slice(unique_id);
        let too_long = |_| ProtocolError::ListingTooLong;
        self.messages.push(Listed {
            number,
            unique_id_end: u32::try_from(end).map_err(too_long)?,
            unique_id_octets: u32::try_from(unique_id.len()).map_err(too_long)?,
            octets: None,
        });
        Ok(())
    }

    /// Brings the listings together and into order, which they have on every server but a broken one; a number listed
    /// twice would file one message under two unique-ids.
    pub(crate) fn sorted(&mut self) -> Result<(), ProtocolError> {
        sort_unique(&mut self.messages)?;
        let listed = self.messages.len();
        for ScanListing { number, octets } in std::mem::take(&mut self.strays) {
            match self.messages[..listed].binary_search_by_key(&number, |message| message.number) {
                Ok(at) if self.messages[at].octets.is_none() => self.messages[at].octets = Some(octets),
                Ok(_) => return Err(ProtocolError::BadMessageNumber),
                Err(_) => self.messages.push(Listed {
                    number,
                    unique_id_end: 0,
                    unique_id_octets: 0,
                    octets: Some(octets),
                }),
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

    fn scan(of: u32, octets: u64) -> ScanListing {
        ScanListing { number: number(of), octets }
    }

    fn maildrop(messages: u32) -> Maildrop {
        let mut maildrop = Maildrop::default();
        maildrop.set_drop_listing(DropListing { messages, octets: 0 });
        maildrop
    }

    #[test]
    fn listings_are_joined_by_number_in_any_order() {
        let mut maildrop = maildrop(4);
        maildrop.begin_unique_ids();
        maildrop.push_unique_id(number(4), Some(b"d")).unwrap();
        maildrop.push_unique_id(number(1), Some(b"a")).unwrap();
        maildrop.push_unique_id(number(2), None).unwrap();
        maildrop.push_scan(scan(2, 20)).unwrap();
        maildrop.push_scan(scan(1, u64::MAX)).unwrap();
        maildrop.push_scan(scan(3, 30)).unwrap();
        maildrop.sorted().unwrap();
        let entries: Vec<_> =
            maildrop.entries().map(|entry| (entry.number.get(), entry.octets, entry.unique_id)).collect();
        assert_eq!(
            entries,
            [
                (1, Some(u64::MAX), Some(&b"a"[..])),
                (2, Some(20), None),
                (3, Some(30), None),
                (4, None, Some(b"d"))
            ]
        );
        assert_eq!(maildrop.index_of(number(3)), Some(2));
    }

    /// A server that hides messages keeps their numbers; one that counts again in between counts otherwise.
    #[test]
    fn numbers_have_gaps_and_pass_the_count() {
        let mut maildrop = maildrop(2);
        maildrop.begin_unique_ids();
        for of in [2, 5, 4_294_967_295] {
            maildrop.push_unique_id(number(of), Some(b"x")).unwrap();
            maildrop.push_scan(scan(of, 1)).unwrap();
        }
        maildrop.sorted().unwrap();
        let numbers: Vec<_> = maildrop.entries().map(|entry| entry.number.get()).collect();
        assert_eq!(numbers, [2, 5, 4_294_967_295]);
    }

    #[test]
    fn each_number_stands_once() {
        let mut plain = maildrop(2);
        plain.push_scan(scan(1, 1)).unwrap();
        plain.push_scan(scan(1, 1)).unwrap();
        assert_eq!(plain.sorted(), Err(ProtocolError::BadMessageNumber));
        let mut twice = maildrop(2);
        twice.push_unique_id(number(1), Some(b"a")).unwrap();
        twice.push_unique_id(number(1), Some(b"b")).unwrap();
        assert_eq!(twice.sorted(), Err(ProtocolError::BadMessageNumber));
        let mut sizes = maildrop(2);
        sizes.push_unique_id(number(1), Some(b"a")).unwrap();
        sizes.push_unique_id(number(2), Some(b"b")).unwrap();
        sizes.push_scan(scan(1, 1)).unwrap();
        sizes.push_scan(scan(1, 1)).unwrap();
        assert_eq!(sizes.sorted(), Err(ProtocolError::BadMessageNumber));
    }

    /// A million messages are listed; a server that never stops is.
    #[test]
    fn a_listing_is_bounded() {
        let unique_id = [b'u'; 70];
        let mut named = maildrop(0);
        let refused = (1..=u32::MAX).find(|&n| named.push_unique_id(number(n), Some(&unique_id)).is_err());
        assert_eq!(refused, Some(u32::try_from(MAX_MESSAGES).unwrap() + 1));
        let mut sizes = maildrop(0);
        let refused = (1..=u32::MAX).find(|&n| sizes.push_scan(scan(n, 1)).is_err());
        assert_eq!(refused, Some(u32::try_from(MAX_MESSAGES).unwrap() + 1));
        let mut long = maildrop(0);
        let unique_id = [b'u'; 8000];
        let refused = (1..=u32::MAX).find(|&n| long.push_unique_id(number(n), Some(&unique_id)).is_err());
        assert_eq!(refused, Some(u32::try_from(MAX_UNIQUE_ID_OCTETS / 8000).unwrap() + 1));
    }
}
