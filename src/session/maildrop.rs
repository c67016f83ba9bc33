//! What a maildrop holds, as `STAT`, `UIDL` and `LIST` told it at the start of a session.

use std::ops::Range;

use crate::proto::{DropListing, MessageNumber, ProtocolError, ScanListing};

/// The most octets of unique-ids that are kept: a million of the longest that RFC 1939 allows. A server that goes on
/// behind that announced a count that no maildrop has.
const MOST_UNIQUE_ID_OCTETS: usize = 70 << 20;

/// The most messages: what the numbers and sizes of so many take stays under 100 MB.
const MOST_MESSAGES: usize = 4 << 20;

/// The messages of a maildrop, taken once, before anything is marked: some servers renumber afterwards.
#[derive(Debug, Default)]
pub struct Maildrop {
    drop_listing: Option<DropListing>,
    scan: Vec<ScanListing>,
    /// In ascending order of their numbers, each once; `None` where the server has no `UIDL`.
    unique_ids: Option<Vec<(MessageNumber, Range<u32>)>>,
    arena: Vec<u8>,
}

/// A message of a maildrop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its message-number.
    pub number: MessageNumber,
    /// Its size by the server's scan listing, which need not be what `RETR` sends; 0 where `LIST` left it out.
    pub octets: u64,
    /// Its unique-id; `None` where the server gave none.
    pub unique_id: Option<&'a [u8]>,
}

impl Maildrop {
    /// Whether the server answered `UIDL`.
    #[must_use]
    pub fn has_unique_ids(&self) -> bool {
        self.unique_ids.is_some()
    }

    /// The count and size that `STAT` gave.
    #[must_use]
    pub fn drop_listing(&self) -> DropListing {
        self.drop_listing.unwrap_or(DropListing { messages: 0, octets: 0 })
    }

    /// Every message, in ascending order of the numbers: what `LIST` or `UIDL` names is there.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let mut scan = self.scan.iter().peekable();
        let mut unique_ids = self.unique_ids.iter().flatten().peekable();
        std::iter::from_fn(move || {
            let number = match (scan.peek(), unique_ids.peek()) {
                (Some(scanned), Some((number, _))) => scanned.number.min(*number),
                (Some(scanned), None) => scanned.number,
                (None, Some((number, _))) => *number,
                (None, None) => return None,
            };
            let octets = scan.next_if(|scanned| scanned.number == number).map_or(0, |scanned| scanned.octets);
            let unique_id = unique_ids.next_if(|(of, _)| *of == number).and_then(|(_, at)| {
                let octets = &self.arena[at.start as usize..at.end as usize];
                (!octets.is_empty()).then_some(octets)
            });
            Some(Entry { number, octets, unique_id })
        })
    }

    pub(crate) fn set_drop_listing(&mut self, listing: DropListing) {
        self.drop_listing = Some(listing);
    }

    pub(crate) fn begin_unique_ids(&mut self) {
        self.unique_ids = Some(Vec::new());
    }

    pub(crate) fn push_scan(&mut self, listing: ScanListing) -> Result<(), ProtocolError> {
        self.in_bounds(listing.number, self.scan.len())?;
        self.scan.push(listing);
        Ok(())
    }

    pub(crate) fn push_unique_id(
        &mut self,
        number: MessageNumber,
        unique_id: Option<&[u8]>,
    ) -> Result<(), ProtocolError> {
        self.in_bounds(number, self.unique_ids.as_ref().map_or(0, Vec::len))?;
        let unique_id = unique_id.unwrap_or_default();
        if self.arena.len() + unique_id.len() > MOST_UNIQUE_ID_OCTETS {
            return Err(ProtocolError::ListingTooLong);
        }
        let at = |octets: usize| u32::try_from(octets).map_err(|_| ProtocolError::ListingTooLong);
        let start = at(self.arena.len())?;
        self.arena.extend_from_slice(unique_id);
        let end = at(self.arena.len())?;
        self.unique_ids.get_or_insert_default().push((number, start..end));
        Ok(())
    }

    /// Brings the listings into order, which they have on every server but a broken one; a number listed twice
    /// would file one message under two unique-ids.
    pub(crate) fn sorted(&mut self) -> Result<(), ProtocolError> {
        sort_unique(&mut self.scan, |listing| listing.number)?;
        self.unique_ids.as_mut().map_or(Ok(()), |list| sort_unique(list, |(number, _)| *number))
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

fn sort_unique<T>(list: &mut [T], number: impl Fn(&T) -> MessageNumber) -> Result<(), ProtocolError> {
    if !list.is_sorted_by_key(&number) {
        list.sort_unstable_by_key(&number);
    }
    if list.windows(2).any(|pair| number(&pair[0]) == number(&pair[1])) {
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
        assert_eq!(entries, [(1, 10, Some(&b"a"[..])), (2, 20, None), (4, 0, Some(b"d"))]);
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
}
