//! Converts the events of a transfer into rows, marks and errors.

use std::collections::HashSet;

use super::{Context, Fetcher, MessageList, Plan, Record, print_warnings, rows::Rows, skip};
use crate::{
    cli::{
        args,
        command::{Outcome, index_of_selected, now, refused, uid},
        error::{Abort, CliError, ErrorCode},
        json::{Deletion, Refused},
        select::Selector,
    },
    delivery::{ErrorKind, Event, Failed},
    proto::MessageNumber,
};

/// A transfer and its results.
pub(super) struct Transfer<'m> {
    pub messages: &'m MessageList<'m>,
    pub plan: &'m Plan,
    rows: Rows,
    /// The indices of the messages whose mark the server confirmed.
    marked: Vec<usize>,
    /// The numbers of the messages that the server refused to mark.
    unmarked: HashSet<u32>,
    refusals: Vec<u32>,
    failures: Vec<Failed>,
}

impl<'m> Transfer<'m> {
    pub fn new(messages: &'m MessageList<'m>, plan: &'m Plan, delete: bool, deleting: bool) -> Self {
        Self {
            messages,
            plan,
            rows: Rows::new(delete, deleting),
            marked: Vec::new(),
            unmarked: HashSet::new(),
            refusals: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Handles all events of a fetcher.
    pub fn run(&mut self, context: &mut Context<'_>, fetcher: &mut Fetcher<'_, '_>) -> Result<(), Abort> {
        loop {
            match fetcher.next() {
                Ok(Some(event)) => self.take(context, event)?,
                Ok(None) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Session => {
                    return Err(error.into_session().map_or_else(
                        || CliError::new(ErrorCode::Protocol, "the session failed").into(),
                        |error| self.located(error),
                    ));
                }
                Err(error) => return Err(error.into()),
            }
            if !fetcher.has_event() {
                context.printer.flush()?;
            }
        }
    }

    /// Adds the location to an error that names a message.
    fn located(&self, error: crate::Error) -> Abort {
        match error.number().and_then(|number| self.messages.index_of(number)) {
            Some(index) => {
                let entry = self.messages.entry(index);
                CliError::from(error).within(entry.number.get(), entry.unique_id.map(uid)).into()
            }
            None => error.into(),
        }
    }

    /// Handles an event.
    pub fn take(&mut self, context: &mut Context<'_>, event: Event) -> Result<(), Abort> {
        let (messages, Plan { selected, left_over, .. }) = (self.messages, self.plan);
        match event {
            Event::Stored(delivered) => {
                if !delivered.deletable {
                    let end = if self.rows.delete { ": it is not deleted" } else { "" };
                    warn_missing(context, delivered.number, end);
                    self.unmarked.insert(delivered.number.get());
                }
                self.rows.add(context, delivered)
            }
            // Standard output is the message or an mbox, without rows.
            Event::Shown(shown) => {
                if shown.missing {
                    warn_missing(context, shown.number, "");
                }
                Ok(())
            }
            Event::Failed(failed) => {
                let row = Refused {
                    number: failed.number.get(),
                    uid: failed.unique_id.as_ref().map(|unique_id| uid(unique_id.as_bytes())),
                    error: failed.error.message().to_owned(),
                };
                match failed.error.kind() {
                    ErrorKind::Refused => self.refusals.push(failed.number.get()),
                    _ => self.failures.push(failed),
                }
                Ok(context.printer.refused(&row)?)
            }
            Event::Marked(number) => {
                if let Some(index) = index_of_selected(messages, selected, number) {
                    self.marked.push(index);
                } else if let Some(index) = index_of_selected(messages, left_over, number) {
                    self.marked.push(index);
                    self.rows.add_left_over(context, messages, index)?;
                }
                Ok(())
            }
            Event::Refused { number, mark, error } => {
                self.refusals.push(number.get());
                let Some(index) = messages.index_of(number) else { return Ok(()) };
                if mark {
                    self.unmarked.insert(number.get());
                }
                Ok(context.printer.refused(&refused(messages.entry(index), &error))?)
            }
        }
    }

    /// Updates the record after a session without errors: with deletions, verified messages and the listing.
    pub fn update_record(
        &self,
        context: &Context<'_>,
        mut record: Record,
        deleting: bool,
    ) -> Result<(), Abort> {
        let messages = self.messages;
        let key = |index| Some((messages.entry(index).unique_id?.as_bytes(), messages.occurrence(index)));
        let verified = self.plan.verified.same.iter();
        let verified = verified.filter_map(|&number| key(messages.index_of(number)?));
        let deleted = self.marked.iter().filter(|_| deleting).filter_map(|&index| key(index));
        record.finish(deleted, verified, messages.unique_ids(), now().try_into().unwrap_or(0))?;
        print_warnings(context, Some(&mut record));
        Ok(())
    }

    /// Writes the rows that depend on the end of the session.
    pub fn write_rows(&mut self, context: &mut Context<'_>, deleted: Deletion) -> Result<(), Abort> {
        self.rows.write_late(context, deleted, &self.unmarked)?;
        Ok(context.printer.flush()?)
    }

    /// Returns the outcome of a run whose session ended without errors.
    pub fn finish(
        self,
        context: &Context<'_>,
        args: &args::Fetch,
        selector: &Selector,
    ) -> Result<Outcome, Abort> {
        if args.delete && !context.settings.commit {
            context.warn_nothing_deleted(self.marked.len());
        }
        if let Some(error) = failures(&self.failures) {
            return Err(error.into());
        }
        if !context.settings.destination.is_look() {
            skip::note_remaining(context, selector, self.plan.remaining);
        }
        if self.refusals.is_empty() {
            return Ok(Outcome::Done);
        }
        Err(CliError::partial(&self.refusals).into())
    }
}

fn warn_missing(context: &Context<'_>, number: MessageNumber, end: &str) {
    context
        .stderr
        .warning(&format!("message {number} is empty, although the server lists it as larger{end}"));
}

/// Returns the error for messages that the destination refused, if there are any.
fn failures(failures: &[Failed]) -> Option<CliError> {
    let first = failures.first()?;
    let mut message = first.error.message().to_owned();
    if failures.len() > 1 {
        let others: Vec<_> = failures[1..].iter().take(20).map(|failed| failed.number.to_string()).collect();
        message = format!("{message}, and messages {} failed too", others.join(", "));
    }
    message.push_str("; the others were processed, and what failed is tried again next time");
    Some(CliError::new(ErrorCode::Output, message))
}
