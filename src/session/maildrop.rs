//! What a maildrop holds, as `STAT`, `UIDL` and `LIST` told it at the start of a session.

use std::collections::HashMap;

use crate::proto::{DropListing, MessageNumber, ProtocolError, ScanListing};

/// The most messages, however many a server announces: 459,000 are four times a very large maildrop, and what is
/// done with all of them takes no more memory than [`MOST_OCTETS`] and a quarter.
const MOST_MESSAGES: usize = 14 << 15;

/// The most octets that rows and unique-ids take together: room for [`MOST_MESSAGES`] with unique-ids of 16 octets,
/// 326,000 with 32, or 176,000 with the longest that RFC 1939 allows.
const MOST_OCTETS: usize = 14 << 20;

/// The messages of a maildrop, taken once, before anything is marked: some servers renumber afterwards.
#[derive(Debug, Default)]
pub struct Maildrop {
    drop_listing: Option<DropListing>,
    /// In the order in which they were listed, until [`sorted`](Self::sorted); then in ascending order of their numbers,
    /// each once.
    rows: Vec<Row>,
    /// How many lines `LIST` gave.
    scanned: usize,
    /// What `LIST` gave in another order than `UIDL`, until [`sorted`](Self::sorted).
    strays: Vec<ScanListing>,
    /// The octets of those beyond [`LARGEST`].
    large: HashMap<MessageNumber, u64>,
    has_unique_ids: bool,
    /// Unique-ids, each behind its length: an octet, or 255 and two octets.
    arena: Vec<u8>,
}

/// A maildrop may have 100,000 messages: each takes these octets, and its unique-id in the arena.
#[derive(Debug)]
struct Row {
    number: MessageNumber,
    /// [`UNSCANNED`] where `LIST` left it out, [`LARGEST`] where it is in `large`.
    octets: u32,
    /// Its place in the arena, or [`NAMELESS`].
    unique_id: u32,
}

/// The place of a unique-id that there is not.
const NAMELESS: u32 = u32::MAX;

/// Stands before a length that needs more than an octet.
const LONG: u8 = u8::MAX;

/// Octets of a row that `LIST` left out.
const UNSCANNED: u32 = u32::MAX;

/// Octets of a row that has not room for them, and what is said of the messages beyond [`MOST_LARGE`].
const LARGEST: u32 = UNSCANNED - 1;

/// The most messages of four gigabytes and more that are kept with their octets: what a size is good for is to be shown.
const MOST_LARGE: usize = 1 << 14;

/// A message of a maildrop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its message-number.
    pub number: MessageNumber,
    /// Its size by the server's scan listing, which need not be what `RETR` sends; `None` if `LIST` left it out.
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
        self.rows.len()
    }

    /// Whether neither names any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The message at an index, in ascending order of the numbers.
    ///
    /// # Panics
    /// If the index is not below [`len`](Self::len).
    #[must_use]
    pub fn entry(&self, index: usize) -> Entry<'_> {
        let Row { octets, number, unique_id } = &self.rows[index];
        Entry {
            number: *number,
            octets: match *octets {
                UNSCANNED => None,
                LARGEST => Some(self.large.get(number).copied().unwrap_or(u64::from(LARGEST))),
                octets => Some(octets.into()),
            },
            unique_id: self.unique_id(*unique_id),
        }
    }

    fn unique_id(&self, place: u32) -> Option<&[u8]> {
        let (&first, rest) = self.arena.get(place as usize..)?.split_first()?;
        if first < LONG {
            return rest.get(..first.into());
        }
        let (octets, rest) = rest.split_first_chunk()?;
        rest.get(..u16::from_le_bytes(*octets).into())
    }

    /// The index of a message, if it is listed.
    #[must_use]
    pub fn index_of(&self, number: MessageNumber) -> Option<usize> {
        self.rows.binary_search_by_key(&number, |row| row.number).ok()
    }

    /// Every message, in ascending order of the numbers: what `LIST` or `UIDL` names is there.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        (0..self.len()).map(|index| self.entry(index))
    }

    pub(crate) fn set_drop_listing(&mut self, listing: DropListing) {
        self.drop_listing = Some(listing);
    }

    pub(crate) fn begin_unique_ids(&mut self) {
        self.has_unique_ids = true;
    }

    pub(crate) fn push_scan(&mut self, listing: ScanListing) -> Result<(), ProtocolError> {
        self.in_bounds(listing.number, self.scanned)?;
        match self.rows.get(self.scanned) {
            Some(row) if row.number == listing.number => self.rows[self.scanned].octets = self.short(listing),
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
        self.in_bounds(number, self.rows.len())?;
        let rows = (self.rows.len() + 1) * size_of::<Row>();
        if rows + self.arena.len() + unique_id.map_or(0, <[u8]>::len) > MOST_OCTETS {
            return Err(ProtocolError::ListingTooLong);
        }
        let place = match unique_id {
            Some(unique_id) if !unique_id.is_empty() => self.keep(unique_id)?,
            _ => NAMELESS,
        };
        self.rows.push(Row { number, octets: UNSCANNED, unique_id: place });
        Ok(())
    }

    /// Brings the listings together and into order, which they have on every server but a broken one; a number listed
    /// twice would file one message under two unique-ids.
    pub(crate) fn sorted(&mut self) -> Result<(), ProtocolError> {
        sort_unique(&mut self.rows)?;
        let listed = self.rows.len();
        for listing in std::mem::take(&mut self.strays) {
            let number = listing.number;
            let octets = self.short(listing);
            match self.rows[..listed].binary_search_by_key(&number, |row| row.number) {
                Ok(at) if self.rows[at].octets == UNSCANNED => self.rows[at].octets = octets,
                Ok(_) => return Err(ProtocolError::BadMessageNumber),
                Err(_) => self.rows.push(Row { number, octets, unique_id: NAMELESS }),
            }
        }
        sort_unique(&mut self.rows)
    }

    /// Puts a unique-id into the arena, and gives back its place.
    fn keep(&mut self, unique_id: &[u8]) -> Result<u32, ProtocolError> {
        let too_long = |_| ProtocolError::ListingTooLong;
        let place = u32::try_from(self.arena.len()).map_err(too_long)?;
        match u8::try_from(unique_id.len()) {
            Ok(octets) if octets < LONG => self.arena.push(octets),
            _ => {
                let octets = u16::try_from(unique_id.len()).map_err(too_long)?;
                self.arena.push(LONG);
                self.arena.extend_from_slice(&octets.to_le_bytes());
            }
        }
        self.arena.extend_from_slice(unique_id);
        Ok(place)
    }

    /// The octets as a row has room for them.
    fn short(&mut self, ScanListing { number, octets }: ScanListing) -> u32 {
        match u32::try_from(octets) {
            Ok(octets) if octets < LARGEST => octets,
            _ => {
                if self.large.len() < MOST_LARGE {
                    self.large.insert(number, octets);
                }
                LARGEST
            }
        }
    }

    fn in_bounds(&self, number: MessageNumber, listed: usize) -> Result<(), ProtocolError> {
        let messages = self.drop_listing().messages;
        if number.get() > messages {
            return Err(ProtocolError::BadMessageNumber);
        }
        if listed >= MOST_MESSAGES.min(messages as usize) {
            return Err(ProtocolError::ListingTooLong);
        }
        Ok(())
    }
}

fn sort_unique(rows: &mut [Row]) -> Result<(), ProtocolError> {
    if !rows.is_sorted_by_key(|row| row.number) {
        rows.sort_unstable_by_key(|row| row.number);
    }
    if rows.windows(2).any(|pair| pair[0].number == pair[1].number) {
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
        maildrop.push_scan(scan(1, 10)).unwrap();
        maildrop.sorted().unwrap();
        let entries: Vec<_> =
            maildrop.entries().map(|entry| (entry.number.get(), entry.octets, entry.unique_id)).collect();
        assert_eq!(entries, [(1, Some(10), Some(&b"a"[..])), (2, Some(20), None), (4, None, Some(b"d"))]);
    }

    #[test]
    fn numbers_are_within_the_count_and_each_once() {
        let mut maildrop = maildrop(2);
        assert_eq!(maildrop.push_scan(scan(3, 1)), Err(ProtocolError::BadMessageNumber));
        maildrop.push_scan(scan(1, 1)).unwrap();
        maildrop.push_scan(scan(1, 1)).unwrap();
        assert_eq!(maildrop.push_scan(scan(2, 1)), Err(ProtocolError::ListingTooLong));
        assert_eq!(maildrop.sorted(), Err(ProtocolError::BadMessageNumber));
    }

    /// As many as a server truly lists, up to what is honest; what it announces takes nothing.
    #[test]
    fn a_listing_is_bounded_by_the_count_and_by_memory() {
        for (count, unique_id, fit) in [
            (5, "1", 5),
            (u32::MAX, "1", MOST_MESSAGES),
            (u32::MAX, "000001a45f3b2c1d", MOST_MESSAGES),
            (u32::MAX, "1795341600.M01P2V3,S=4567.exampl", (MOST_OCTETS + 1) / (12 + 1 + 32)),
        ] {
            let mut maildrop = maildrop(count);
            maildrop.begin_unique_ids();
            let refused = (1..=count).find_map(|n| {
                let refusal = maildrop.push_unique_id(number(n), Some(unique_id.as_bytes())).err()?;
                Some((n as usize - 1, refusal))
            });
            match refused {
                None => assert_eq!(maildrop.len(), fit),
                Some(refused) => assert_eq!(refused, (fit, ProtocolError::ListingTooLong)),
            }
        }
        let mut sizes = maildrop(u32::MAX);
        let refused = (1..=u32::MAX).find(|&n| sizes.push_scan(scan(n, 1)).is_err());
        assert_eq!(refused, Some(u32::try_from(MOST_MESSAGES).unwrap() + 1));
    }

    #[test]
    fn unique_ids_of_any_length_are_kept() {
        let mut maildrop = maildrop(8);
        maildrop.begin_unique_ids();
        let lengths = [1, 70, 253, 254, 255, 256, 1000];
        let ids: Vec<_> = (b'a'..).zip(lengths).map(|(octet, length)| vec![octet; length]).collect();
        for (n, id) in (1..).zip(&ids) {
            maildrop.push_unique_id(number(n), Some(id)).unwrap();
        }
        maildrop.push_unique_id(number(8), Some(b"")).unwrap();
        let kept: Vec<_> = maildrop.entries().map(|entry| entry.unique_id).collect();
        let expected: Vec<_> = ids.iter().map(|id| Some(id.as_slice())).chain([None]).collect();
        assert_eq!(kept, expected);
    }

    #[test]
    fn a_size_listed_twice_is_out_of_order() {
        let mut twice = maildrop(2);
        twice.begin_unique_ids();
        twice.push_unique_id(number(1), Some(b"a")).unwrap();
        twice.push_unique_id(number(2), Some(b"b")).unwrap();
        twice.push_scan(scan(1, 1)).unwrap();
        twice.push_scan(scan(1, 1)).unwrap();
        assert_eq!(twice.sorted(), Err(ProtocolError::BadMessageNumber));
    }

    #[test]
    fn a_maildrop_without_unique_ids_has_its_sizes() {
        let mut plain = maildrop(2);
        plain.push_scan(scan(2, u64::MAX)).unwrap();
        plain.push_scan(scan(1, 7)).unwrap();
        plain.sorted().unwrap();
        let sizes: Vec<_> = plain.entries().map(|entry| (entry.number.get(), entry.octets)).collect();
        assert_eq!(sizes, [(1, Some(7)), (2, Some(u64::MAX))]);
        let mut huge = maildrop(20_000);
        (1..=20_000).for_each(|number| huge.push_scan(scan(number, u64::MAX)).unwrap());
        huge.sorted().unwrap();
        assert_eq!(huge.large.len(), MOST_LARGE);
        assert!(huge.entries().all(|entry| entry.octets >= Some(u64::from(LARGEST))));
        assert!(!plain.has_unique_ids() && plain.entry(0).unique_id.is_none());
    }
}
