//! Reading of messages.

use std::{
    io::{self, Read},
    ops::Range,
};

use crate::{
    error::Error,
    proto::{Command, MessageNumber},
    session::connection::Connection,
};

/// A message that is being received, with dot-stuffing removed and line ends unchanged.
///
/// [`chunk`](Self::chunk) returns the bytes without copying them. The errors of [`Read`] wrap an [`Error`], which
/// `Error::from` returns. A connection that ends before the line with a single dot is an error. The next call to the
/// session discards the unread rest.
pub struct Message<'r> {
    connection: &'r mut Connection,
    number: MessageNumber,
    /// The received bytes that [`Read`] has not returned yet.
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

    /// Returns the next received bytes; `None` at the end of the message.
    ///
    /// # Errors
    ///
    /// Every error ends the session and has the [`number`](Error::number) of the message.
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
