//! Changes of many messages at once: a new journal is written next to the old one and replaces it, so that a killed run has
//! changed all or nothing.

use std::{fs::File, io, path::PathBuf};

use super::{
    Record,
    appender::Appender,
    compact::{MAX_SESSIONS, Output},
    import::{Batch, Tool},
    journal::{self, Deletion, Entry, Message},
    word::escape,
};
use crate::delivery::error::Error;

/// The result of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// Messages that count as fetched from now on.
    pub new: usize,
    /// Messages that counted as fetched before.
    pub known: usize,
}

impl Record {
    /// Remembers the messages of another program's list. Known messages are not changed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Output`](crate::delivery::ErrorKind::Output) if the record cannot be written. Then nothing is changed.
    pub fn import(mut self, tool: Tool, mut batch: Batch) -> Result<Imported, Error> {
        let (new, known) = batch.finish(|unique_id| self.knows(unique_id, 0), tool == Tool::Getmail);
        if new > 0 {
            let place = format!("imported:{}", tool.name());
            self.rewrite(|_, _| true, batch.iter(), place.as_bytes())?;
        }
        Ok(Imported { new, known })
    }

    /// Forgets every message that `forgets` chooses by its unique-id and time (seconds since 1970), so that it counts as new.
    /// Returns the number of forgotten messages.
    ///
    /// # Errors
    ///
    /// Those of [`import`](Self::import).
    pub fn forget(mut self, mut forgets: impl FnMut(&[u8], u64) -> bool) -> Result<usize, Error> {
        let mut chosen = std::collections::HashSet::new();
        for (unique_id, occurrence, known) in self.index.iter() {
            let plain = super::word::unescape(unique_id).unwrap_or_default();
            if forgets(&plain, known.time) {
                chosen.insert((unique_id.to_vec(), occurrence));
            }
        }
        if !chosen.is_empty() {
            let keeps = |unique_id: &[u8], occurrence| !chosen.contains(&(unique_id.to_vec(), occurrence));
            self.rewrite(keeps, std::iter::empty(), b"")?;
        }
        Ok(chosen.len())
    }

    /// Writes the journal anew with the messages that `keeps` chooses by unique-id (escaped) and occurrence, with `more`
    /// messages (sorted by time) at a place, each before the first younger one, and with the unfinished operations.
    pub(super) fn rewrite<'a>(
        &mut self,
        keeps: impl Fn(&[u8], u32) -> bool,
        more: impl Iterator<Item = (u64, &'a [u8])>,
        place: &[u8],
    ) -> Result<(), Error> {
        let written = self.write_changed(keeps, more, place).and_then(|path| {
            // Windows replaces no file that is open. The record is not written any more in this run.
            let lock = self.appender.take().map(Appender::close);
            let installed = self.install(&path);
            drop(lock);
            installed
        });
        written.map_err(|error| self.failure("write", &error))
    }

    fn write_changed<'a>(
        &mut self,
        keeps: impl Fn(&[u8], u32) -> bool,
        more: impl Iterator<Item = (u64, &'a [u8])>,
        place: &[u8],
    ) -> io::Result<PathBuf> {
        let Some(appender) = &self.appender else { return Err(io::ErrorKind::ReadOnlyFilesystem.into()) };
        let nonce = appender.header.nonce.clone();
        let mut index = std::mem::take(&mut self.index);
        let unfinished = &self.unfinished;
        let sessions = index.sessions();
        let recent: Vec<_> = sessions[sessions.len().saturating_sub(MAX_SESSIONS)..].to_vec();
        let mut more = more.peekable();
        let file = File::open(&self.path)?;
        let path = self.path.with_extension("new");
        self.write_file(&path, nonce, |output| {
            for &time in &recent {
                output.entry(&Entry::Session { time })?;
            }
            let mut copy = |entry: Entry<'_>| {
                let Entry::Done { message, place: stored_at } = entry else { return Ok(()) };
                let Some((occurrence, known)) = index.take(&message) else { return Ok(()) };
                let unique_id = message.unique_id;
                if !keeps(unique_id, occurrence) {
                    return Ok(());
                }
                while let Some((time, unique_id)) = more.next_if(|(time, _)| *time < message.time) {
                    output.foreign(time, unique_id, place)?;
                }
                let message =
                    Message { occurrence, deletion: known.deletion, listed: known.listed, ..message };
                output.entry(&Entry::Done { message, place: stored_at })?;
                match known.absent {
                    Some(time) => output.entry(&Entry::Absent { unique_id, occurrence, time }),
                    None => Ok(()),
                }
            };
            let mut written = Ok(());
            journal::scan(&file, &self.account, |entry| {
                if written.is_ok() {
                    written = copy(entry);
                }
            })
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
            written?;
            more.try_for_each(|(time, unique_id)| output.foreign(time, unique_id, place))?;
            // After `done`, which ends an operation.
            unfinished.entries().iter().try_for_each(|entry| output.entry(entry))
        })?;
        Ok(path)
    }
}

impl Output<'_> {
    /// A message that was not stored here.
    fn foreign(&mut self, time: u64, unique_id: &[u8], place: &[u8]) -> io::Result<()> {
        let message = Message {
            unique_id: &escape(unique_id),
            occurrence: 0,
            time,
            deletion: Deletion::No,
            listed: None,
            content: None,
            header: None,
        };
        self.entry(&Entry::Done { message, place })
    }
}
