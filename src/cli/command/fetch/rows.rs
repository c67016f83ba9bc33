//! Writes the rows of stored messages.

use std::collections::HashSet;

use super::{Context, MessageList};
use crate::{
    cli::{
        command::{not_downloaded, uid},
        error::Abort,
        json::{self, Deletion, Fetch, Sha256},
    },
    delivery::Delivered,
};

/// Writes rows at once, or after the response to `QUIT` if the rows depend on it.
pub(super) struct Rows {
    late: Option<Vec<Fetch>>,
    /// True if `--delete` was given.
    pub delete: bool,
}

impl Rows {
    pub fn new(delete: bool, deleting: bool) -> Self {
        Self { late: deleting.then(Vec::new), delete }
    }

    /// Adds a stored message.
    pub fn add(&mut self, context: &mut Context<'_>, delivered: Delivered) -> Result<(), Abort> {
        let path = delivered.path.as_deref().map(json::path);
        let row = Fetch {
            number: delivered.number.get(),
            uid: delivered.unique_id.map(|unique_id| uid(unique_id.as_bytes())),
            octets: Some(delivered.octets),
            path_encoded: path.as_ref().is_some_and(|(_, encoded)| *encoded),
            path: path.map(|(path, _)| path),
            sha256: Some(Sha256(delivered.sha256)),
            deleted: if self.delete { Deletion::Marked } else { Deletion::No },
            kept: delivered.kept,
        };
        self.put(context, row)
    }

    /// Adds a message that an earlier run stored.
    pub fn add_left_over(
        &mut self,
        context: &mut Context<'_>,
        messages: &MessageList<'_>,
        index: usize,
    ) -> Result<(), Abort> {
        self.put(context, not_downloaded(messages.entry(index), Deletion::Marked))
    }

    fn put(&mut self, context: &mut Context<'_>, row: Fetch) -> Result<(), Abort> {
        match &mut self.late {
            Some(late) => late.push(row),
            None => context.printer.fetch(&row)?,
        }
        Ok(())
    }

    /// Writes the rows that depend on the response to `QUIT`. `unmarked` messages are not deleted.
    pub fn write_late(
        &mut self,
        context: &mut Context<'_>,
        deleted: Deletion,
        unmarked: &HashSet<u32>,
    ) -> Result<(), Abort> {
        for mut row in self.late.take().into_iter().flatten() {
            row.deleted = if unmarked.contains(&row.number) { Deletion::Failed } else { deleted };
            context.printer.fetch(&row)?;
        }
        Ok(())
    }
}
