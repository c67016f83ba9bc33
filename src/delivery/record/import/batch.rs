//! The messages of an imported list, held in memory until the whole list has been read.

use super::Seen;

/// The messages of an imported list. Each takes 16 bytes of memory in addition to its unique-id.
#[derive(Default)]
pub struct Batch {
    unique_ids: Vec<u8>,
    rows: Vec<Row>,
}

#[derive(Clone, Copy)]
struct Row {
    time: u64,
    start: u32,
    length: u32,
}

impl Batch {
    /// Adds a message; a message without a time counts as fetched at `now`. Returns false if the batch is full.
    #[must_use]
    pub fn push(&mut self, seen: Seen<'_>, now: u64) -> bool {
        let place = u32::try_from(self.unique_ids.len()).ok().zip(u32::try_from(seen.unique_id.len()).ok());
        let Some((start, length)) = place else { return false };
        self.unique_ids.extend_from_slice(seen.unique_id);
        // A time in the future was written by a wrong clock.
        self.rows.push(Row { time: seen.time.unwrap_or(now).min(now), start, length });
        true
    }

    /// Sorts the messages by time and removes repeated unique-ids, keeping the earliest time, and unique-ids that are `known`.
    /// Returns the number of remaining messages and of known messages.
    ///
    /// With `slashes`, adds each unique-id that has hyphens a second time with slashes in their place: getmail replaces slashes
    /// with hyphens.
    pub(in crate::delivery::record) fn finish(
        &mut self,
        known: impl Fn(&[u8]) -> bool,
        slashes: bool,
    ) -> (usize, usize) {
        let Self { unique_ids, rows } = self;
        let unique_id = |row: &Row| text(unique_ids, *row);
        rows.sort_unstable_by(|one, other| (unique_id(one), one.time).cmp(&(unique_id(other), other.time)));
        rows.dedup_by(|later, first| unique_id(later) == unique_id(first));
        let all = rows.len();
        rows.retain(|row| !known(unique_id(row)));
        let new = rows.len();
        if slashes {
            self.add_slashes(known);
        }
        let Self { unique_ids, rows } = self;
        let unique_id = |row: &Row| text(unique_ids, *row);
        rows.sort_unstable_by(|one, other| (one.time, unique_id(one)).cmp(&(other.time, unique_id(other))));
        (new, all - new)
    }

    /// Adds the spellings with slashes. The rows must be sorted by unique-id.
    fn add_slashes(&mut self, known: impl Fn(&[u8]) -> bool) {
        let listed = self.rows.len();
        for at in 0..listed {
            let row = self.rows[at];
            let unique_id = text(&self.unique_ids, row);
            if !unique_id.contains(&b'-') {
                continue;
            }
            let spelt: Vec<u8> =
                unique_id.iter().map(|&byte| if byte == b'-' { b'/' } else { byte }).collect();
            let is_listed =
                self.rows[..listed].binary_search_by(|row| text(&self.unique_ids, *row).cmp(&spelt)).is_ok();
            if !is_listed && !known(&spelt) {
                // If the batch is full, only the second spelling is missing.
                let _ = self.push(Seen { unique_id: &spelt, time: Some(row.time) }, row.time);
            }
        }
    }

    /// Returns the time and unique-id of every message.
    pub(in crate::delivery::record) fn iter(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.rows.iter().map(|row| (row.time, text(&self.unique_ids, *row)))
    }
}

fn text(unique_ids: &[u8], row: Row) -> &[u8] {
    &unique_ids[row.start as usize..][..row.length as usize]
}
