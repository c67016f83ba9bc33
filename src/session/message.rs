//! A message while it is received.

use std::{
    io::{self, Read},
    ops::Range,
};

use crate::{
    error::Error,
    proto::{Command, MessageNumber},
    session::connection::Connection,
};

/// A message while it is received: unstuffed, its line ends unchanged.
///
/// Read it without copying by [`chunk`](Self::chunk), or as [`Read`], whose errors are [`Error`] inside an [`io::Error`]
/// (`Error::from` takes it out). The message ends at the line with a single dot; a connection that ends before is an error.
/// The next call to the session discards what was not read.
pub struct Message<'r> {
    connection: &'r mut Connection,
    number: MessageNumber,
    /// The rest of the last bytes, which [`Read`] has not returned yet.
    rest: Option<Range<usize>>,
}

impl<'r> Message<'r> {
    pub(super) fn request(
        connection: &'r mut Connection,
        command: &Command<'_>,
        number: MessageNumber,
    ) -> Result<Self, Error> {
        connection.call(command).map_err(|error| error.with_number(number))?;
        Ok(Self::open(connection, number))
    }

    pub(super) fn open(connection: &'r mut Connection, number: MessageNumber) -> Self {
        connection.open_body();
        Self { connection, number, rest: None }
    }

    /// Returns the next bytes, as many as were received; `None` at the end of the message.
    ///
    /// # Errors
    /// Any error ends the session; it has the [`number`](Error::number) of the message.
    pub fn chunk(&mut self) -> Result<Option<&[u8]>, Error> {
        let at = match self.rest.take() {
            Some(rest) => Some(rest),
            None => self.body()?,
        };
        Ok(at.map(|at| self.connection.bytes(&at)))
    }

    fn body(&mut self) -> Result<Option<Range<usize>>, Error> {
        self.connection.body().map_err(|error| self.connection.with_context(error, Some(self.number)))
    }
}

impl Read for Message<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        let at = match self.rest.take() {
            Some(rest) => Some(rest),
            None => self.body().map_err(io::Error::other)?,
        };
        let Some(mut at) = at else { return Ok(0) };
        let bytes = self.connection.bytes(&at);
        let taken = bytes.len().min(into.len());
        into[..taken].copy_from_slice(&bytes[..taken]);
        at.start += taken;
        self.rest = (!at.is_empty()).then_some(at);
        Ok(taken)
    }
}
