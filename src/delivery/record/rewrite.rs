//! Changes many messages at once: a new journal is written next to the old one and then replaces it, so a killed run has changed
//! either everything or nothing.

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
#[non_exhaustive]
pub struct Imported {
    /// The number of messages that now count as fetched.
    pub new: usize,
    /// The number of messages that already counted as fetched.
    pub known: usize,
}

impl Record {
    /// Records the messages of another program's list as fetched. Messages already recorded are not changed.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Output`](crate::delivery::ErrorKind::Output) if the record cannot be written; it is then
    /// unchanged.
    pub fn import(mut self, tool: Tool, mut batch: Batch) -> Result<Imported, Error> {
        let (new, known) = batch.finish(|unique_id| self.knows(unique_id, 0), tool == Tool::Getmail);
        if new > 0 {
            let place = format!("imported:{}", tool.name());
            self.rewrite(|_, _| true, batch.iter(), place.as_bytes())?;
        }
        Ok(Imported { new, known })
    }

    /// Forgets every message for whose unique-id and time (in seconds since 1970) `forgets` returns true: it counts as new again.
    /// Returns the number of forgotten messages.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Output`](crate::delivery::ErrorKind::Output) if the record cannot be written; it is then
    /// unchanged.
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

    /// Rewrites the journal. Keeps the unfinished operations, and the messages for whose unique-id (escaped) and occurrence
    /// `keeps` returns true. Inserts the `more` messages, which must be sorted by time, with this `place`.
    pub(super) fn rewrite<'a>(
        &mut self,
        keeps: impl Fn(&[u8], u32) -> bool,
        more: impl Iterator<Item = (u64, &'a [u8])>,
        place: &[u8],
    ) -> Result<(), Error> {
        if self.index.missing() > 0 {
            let file = File::open(&self.path).map_err(|error| self.failure("read", &error))?;
            self.load(&file)?;
        }
        let written = self.write_changed(keeps, more, place).and_then(|path| {
            // The journal is closed first, because Windows does not replace an open file. This run does not write to
            // the record again.
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
            let mut copy = |entry: &Entry<'_>| {
                let Entry::Done { message, place: stored_at } = *entry else { return Ok(()) };
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
            // Unfinished operations follow the `done` lines, because a `done` line ends the operation with its
            // unique-id.
            unfinished.entries().iter().try_for_each(|entry| output.entry(entry))
        })?;
        Ok(path)
    }
}

impl Output<'_> {
    /// Writes a message that another program stored.
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
