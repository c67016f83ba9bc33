//! A session after the login: the commands of the TRANSACTION state.

use std::{fmt, time::Duration};

use crate::{
    error::{Error, ErrorKind},
    net::Stream,
    proto::{
        Capabilities, Command, DropListing, MessageNumber, ProtocolError, ScanListing, StatusLine,
        UniqueIdListing, listing,
    },
    sasl::AuthMethod,
    session::{
        capabilities,
        checkpoint::RetrievalState,
        connection::Connection,
        listing::MaildropListing,
        message::Message,
        retrieval::{Reply, Retrieval},
    },
};

/// The time that the server has to close the connection after its response to `QUIT`.
const LINGER: Duration = Duration::from_secs(1);

const FIRST: MessageNumber = MessageNumber::new(1).unwrap();

/// A session in the TRANSACTION state (RFC 1939 §5): the maildrop is locked and its messages have numbers.
///
/// Each method is named after its command. Methods with the suffix `_all` send one command for each message,
/// pipelined if the server supports it. [`commit`](Self::commit) and [`abandon`](Self::abandon) end the session.
/// Dropping a `Transaction` closes the socket, which deletes nothing.
///
/// # Errors
///
/// After an error of kind [`ErrorKind::Refused`] the session can still be used. Any other error ends the session:
/// every further call fails and sends nothing.
pub struct Transaction {
    connection: Connection,
    state: RetrievalState,
    method: AuthMethod,
    announces_top: bool,
}

impl Transaction {
    pub(super) fn new(connection: Connection, method: AuthMethod, announces_top: bool) -> Self {
        Self { connection, state: RetrievalState::default(), method, announces_top }
    }

    /// Returns true if the server announced `TOP` before the login (RFC 2449 §6.1).
    #[must_use]
    pub fn announces_top(&self) -> bool {
        self.announces_top
    }

    /// Returns the authentication method of the login.
    #[must_use]
    pub fn method(&self) -> AuthMethod {
        self.method
    }

    /// Returns the stream, for the TLS parameters and the peer's address.
    #[must_use]
    pub fn stream(&self) -> &Stream {
        self.connection.stream()
    }

    /// Sends `CAPA` (RFC 2449 §5) and returns the capabilities, some of which are only known after the login.
    pub fn capa(&mut self) -> Result<Capabilities, Error> {
        capabilities::request(&mut self.connection)
    }

    /// Sends `UTF8` (RFC 6856 §2), which allows UTF-8 in messages and responses.
    pub fn utf8(&mut self) -> Result<(), Error> {
        self.connection.call(&Command::Utf8).map(drop)
    }

    /// Sends `STAT` (RFC 1939 §5) and returns the number of messages and their total size in octets.
    pub fn stat(&mut self) -> Result<DropListing, Error> {
        let line = self.connection.call(&Command::Stat)?;
        self.drop_listing(&line)
    }

    /// Sends `LIST` (RFC 1939 §5) and returns the size of every message in octets.
    pub fn list(&mut self) -> Result<Vec<ScanListing>, Error> {
        self.connection.call(&Command::List(None))?;
        let mut listings = Vec::new();
        self.lines(|line| {
            listings.push(listing::scan_listing(line)?);
            Ok(())
        })?;
        Ok(listings)
    }

    /// Sends `LIST n` (RFC 1939 §5) and returns the size of one message in octets.
    pub fn list_one(&mut self, number: MessageNumber) -> Result<ScanListing, Error> {
        let line = self.connection.call(&Command::List(Some(number)))?;
        match listing::scan_listing(text(&line)) {
            Ok(listing) if listing.number == number => Ok(listing),
            Ok(_) => Err(self.malformed(ProtocolError::BadMessageNumber, &line)),
            Err(error) => Err(self.malformed(error, &line)),
        }
    }

    /// Sends `UIDL` (RFC 1939 §7) and returns the unique-id of every message that has one.
    pub fn uidl(&mut self) -> Result<Vec<UniqueIdListing>, Error> {
        self.connection.call(&Command::Uidl(None))?;
        let mut listings = Vec::new();
        self.lines(|line| {
            let (number, unique_id) = listing::unique_id_line(line)?;
            listings.extend(unique_id.map(|unique_id| UniqueIdListing { number, unique_id }));
            Ok(())
        })?;
        Ok(listings)
    }

    /// Sends `UIDL n` (RFC 1939 §7) and returns the unique-id of one message.
    pub fn uidl_one(&mut self, number: MessageNumber) -> Result<UniqueIdListing, Error> {
        let line = self.connection.call(&Command::Uidl(Some(number)))?;
        listing::unique_id_listing(text(&line), number).map_err(|error| self.malformed(error, &line))
    }

    /// Sends `STAT`, `UIDL` and `LIST`, pipelined if the server supports it, and returns all messages with their
    /// sizes and unique-ids.
    ///
    /// If the server refuses `UIDL`, no message has a unique-id; this is not an error. A refused `STAT` or `LIST` is
    /// an error.
    pub fn listing(&mut self) -> Result<MaildropListing, Error> {
        let pipelining = self.connection.pipelining();
        self.request_listing()
            .map_err(|error| self.connection.with_context(error, None).with_pipelining(pipelining))
    }

    fn request_listing(&mut self) -> Result<MaildropListing, Error> {
        let commands = [Command::Stat, Command::Uidl(None), Command::List(None)];
        let pipelining = self.connection.pipelining();
        if pipelining {
            self.connection.require_idle()?;
            for command in &commands {
                self.connection.queue(command)?;
            }
            // A checkpoint: proves the order of the previous responses, and shows if `LIST n` repeats its number.
            self.connection.queue(&Command::List(Some(FIRST)))?;
            self.connection.flush()?;
        }
        let mut list = MaildropListing::default();
        for command in &commands {
            let status = if pipelining { self.connection.status() } else { self.connection.call(command) };
            self.apply_response(&mut list, command, status)?;
        }
        let probe = if pipelining { Some(self.probe_response()?) } else { None };
        if let Err(error) = list.sorted() {
            return Err(self.connection.protocol_error(error));
        }
        let Some((probe, first)) = probe.zip(list.iter().next()) else { return Ok(list) };
        let response = if first.number == FIRST {
            probe
        } else {
            self.connection.queue(&Command::List(Some(first.number)))?;
            self.connection.flush()?;
            self.probe_response()?
        };
        match self.state.apply_probe(&mut self.connection, first.number, &response) {
            Some(octets)
                if first.unique_id.is_some_and(|id| id.as_bytes() == octets.to_string().as_bytes()) =>
            {
                self.connection.note("not pipelined: the response to UIDL looks like that to LIST");
                self.connection.set_pipelining(false);
                self.request_listing()
            }
            Some(_) => Ok(list),
            // Either the server never repeats the number, or a response is out of place.
            None => {
                let again = self.stat()?;
                if again.messages == list.drop_listing().messages {
                    return Ok(list);
                }
                self.connection.poison();
                Err(Error::from(ProtocolError::OutOfStep).with_pipelining(true))
            }
        }
    }

    /// Returns the response to `LIST n`, or the refusal of that command.
    fn probe_response(&mut self) -> Result<Result<Vec<u8>, Error>, Error> {
        match self.connection.status() {
            Err(error) if error.kind() != ErrorKind::Refused => Err(error),
            response => Ok(response),
        }
    }

    fn apply_response(
        &mut self,
        list: &mut MaildropListing,
        command: &Command<'_>,
        status: Result<Vec<u8>, Error>,
    ) -> Result<(), Error> {
        match (command, status) {
            (Command::Stat, Ok(line)) => {
                list.set_drop_listing(self.drop_listing(&line)?);
                Ok(())
            }
            (Command::Uidl(_), Ok(_)) => {
                list.begin_unique_ids();
                self.lines(|line| {
                    let (number, unique_id) = listing::unique_id_line(line)?;
                    list.push_unique_id(number, unique_id)
                })
            }
            (_, Ok(_)) => self.lines(|line| list.push_scan(listing::scan_listing(line)?)),
            (_, Err(error)) => match error.by_response_code(ErrorKind::Refused) {
                // Some servers refuse to list an empty maildrop.
                error if error.kind() == ErrorKind::Refused && list.is_known_empty() => {
                    list.begin_unique_ids();
                    Ok(())
                }
                error if error.kind() == ErrorKind::Refused && matches!(command, Command::Uidl(_)) => Ok(()),
                error => Err(error),
            },
        }
    }

    /// Sends `RETR n` (RFC 1939 §5) and returns the message as a stream. The next call discards the unread rest.
    pub fn retr(&mut self, number: MessageNumber) -> Result<Message<'_>, Error> {
        Message::request(&mut self.connection, &Command::Retr(number), number)
    }

    /// Sends `TOP n lines` (RFC 1939 §7) and returns the header and the first lines of the body as a stream. Some
    /// servers send the whole message.
    pub fn top(&mut self, number: MessageNumber, lines: u32) -> Result<Message<'_>, Error> {
        Message::request(&mut self.connection, &Command::Top { number, lines }, number)
    }

    /// Sends `DELE n` (RFC 1939 §5), which marks a message as deleted. Only [`commit`](Self::commit) deletes it.
    pub fn dele(&mut self, number: MessageNumber) -> Result<(), Error> {
        self.connection.call(&Command::Dele(number))?;
        self.state.marked = true;
        Ok(())
    }

    /// Sends `NOOP` (RFC 1939 §5), which keeps the session alive.
    pub fn noop(&mut self) -> Result<(), Error> {
        self.connection.call(&Command::Noop).map(drop)
    }

    /// Sends `RSET` (RFC 1939 §5), which unmarks every message.
    pub fn rset(&mut self) -> Result<(), Error> {
        self.connection.call(&Command::Rset)?;
        self.state.marked = false;
        self.state.marks_unproven = false;
        Ok(())
    }

    /// Sends `RETR` for each number. Further messages can be requested from the [`Retrieval`] while replies arrive.
    pub fn retr_all(&mut self, numbers: impl IntoIterator<Item = MessageNumber>) -> Retrieval<'_> {
        Retrieval::new(&mut self.connection, &mut self.state, numbers, None)
    }

    /// Sends `TOP n lines` for each number.
    pub fn top_all(&mut self, numbers: impl IntoIterator<Item = MessageNumber>, lines: u32) -> Retrieval<'_> {
        Retrieval::new(&mut self.connection, &mut self.state, numbers, Some(lines))
    }

    /// Sends `DELE` for each number. Calls `refused` for each message that the server refuses to mark, and marks the
    /// others.
    pub fn dele_all(
        &mut self,
        numbers: impl IntoIterator<Item = MessageNumber>,
        mut refused: impl FnMut(MessageNumber, Error),
    ) -> Result<(), Error> {
        let mut retrieval = self.retr_all([]);
        for number in numbers {
            retrieval.dele(number);
        }
        retrieval.finish();
        while let Some(reply) = retrieval.next()? {
            if let Reply::Refused { number, error, .. } = reply {
                refused(number, error);
            }
        }
        Ok(())
    }

    /// Sends `QUIT` (RFC 1939 §6): the server deletes the marked messages, and the session ends. `Ok` means that the
    /// server answered `+OK`.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::CommitUnknown`]: no response was received; the server may or may not have deleted the messages.
    /// - [`ErrorKind::Refused`]: the server did not delete all of the messages.
    /// - [`ErrorKind::Protocol`]: more data followed before the server closed the connection, or within a second, so
    ///   the response did not belong to `QUIT`.
    pub fn commit(self) -> Result<(), Error> {
        let pipelining = self.connection.pipelining();
        self.quit().map_err(|error| match error.kind() {
            ErrorKind::Protocol => error.with_pipelining(pipelining),
            _ => error,
        })
    }

    fn quit(mut self) -> Result<(), Error> {
        self.connection.discard_body()?;
        self.connection.require_idle()?;
        if self.state.marks_unproven {
            self.stat()?;
            if self.state.ambiguous {
                // Shows that the previous response was not that to another command.
                self.stat()?;
            }
        }
        self.connection.queue(&Command::Quit)?;
        self.connection.flush().map_err(commit_unknown)?;
        self.connection
            .status()
            .map_err(|error| commit_unknown(error).by_response_code(ErrorKind::Refused))?;
        self.connection.expect_end(LINGER)?;
        self.connection.close();
        Ok(())
    }

    /// Ends the session without deleting anything: sends `RSET` if messages are marked (unless a retrieval was dropped
    /// midway), then closes the connection without `QUIT`, so that the server never enters the UPDATE state.
    pub fn abandon(mut self) -> Result<(), Error> {
        self.connection.discard_body()?;
        if self.state.marked && self.connection.require_idle().is_ok() {
            self.rset()?;
        }
        self.connection.note("closed without QUIT: nothing changes on the server");
        self.connection.close();
        Ok(())
    }

    fn drop_listing(&mut self, line: &[u8]) -> Result<DropListing, Error> {
        listing::drop_listing(text(line)).map_err(|error| self.malformed(error, line))
    }

    /// Calls `take` for each line of a listing.
    fn lines(&mut self, mut take: impl FnMut(&[u8]) -> Result<(), ProtocolError>) -> Result<(), Error> {
        loop {
            let Some(at) = self.connection.line()? else { return Ok(()) };
            if let Err(error) = take(self.connection.bytes(&at)) {
                let line = self.connection.bytes(&at).to_vec();
                return Err(self.malformed(error, &line));
            }
        }
    }

    fn malformed(&mut self, error: ProtocolError, line: &[u8]) -> Error {
        self.connection.poison();
        Error::from(error).with_response(self.connection.redacted(line))
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").field("method", &self.method).finish_non_exhaustive()
    }
}

fn text(line: &[u8]) -> &[u8] {
    StatusLine::parse(line).map(|status| status.text()).unwrap_or_default()
}

/// Converts an error after `QUIT` was sent: it is unknown whether the server deleted the messages.
fn commit_unknown(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Unavailable | ErrorKind::Tls => Error::new(
            ErrorKind::CommitUnknown,
            format!(
                "QUIT was sent, but no answer came ({}): it is unknown whether the server deleted the messages",
                error.message()
            ),
        ),
        _ => error,
    }
}
