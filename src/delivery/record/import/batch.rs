//! The messages of an imported list, in memory until the whole list is read.

use super::Seen;

/// Messages by time. A message takes 16 bytes in addition to its unique-id.
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
    /// Adds a message; one without a time counts as fetched at `now`. False if the batch is full.
    #[must_use]
    pub fn push(&mut self, seen: Seen<'_>, now: u64) -> bool {
        let place = u32::try_from(self.unique_ids.len()).ok().zip(u32::try_from(seen.unique_id.len()).ok());
        let Some((start, length)) = place else { return false };
        self.unique_ids.extend_from_slice(seen.unique_id);
        // A clock that was fast must not give a message a time in the future.
        self.rows.push(Row { time: seen.time.unwrap_or(now).min(now), start, length });
        true
    }

    /// Sorts by time, and leaves out repeated unique-ids (the first time counts) and those that are `known`. Returns the number
    /// of remaining messages, and of known ones.
    ///
    /// With `slashes` a unique-id with hyphens counts in a second spelling too: getmail writes a slash as a hyphen.
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

    /// The rows are sorted by unique-id.
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
                // A full batch lacks only the second spelling.
                let _ = self.push(Seen { unique_id: &spelt, time: Some(row.time) }, row.time);
            }
        }
    }

    /// Every message: its time and unique-id.
    pub(in crate::delivery::record) fn iter(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.rows.iter().map(|row| (row.time, text(&self.unique_ids, *row)))
    }
}

fn text(unique_ids: &[u8], row: Row) -> &[u8] {
    &unique_ids[row.start as usize..][..row.length as usize]
}
