//! A session behind its login: the maildrop.

use std::time::Duration;

use crate::{
    error::{Error, ErrorKind},
    net::Stream,
    proto::{
        Capabilities, Command, DropListing, MessageNumber, ProtocolError, ScanListing, StatusLine, UniqueId,
        UniqueIdListing, engine::Kind, listing,
    },
    session::{
        maildrop::Maildrop,
        retrieval::{Message, Reply, Retrieval, State},
        wire::{Wire, by_response_code},
    },
};

/// How long a server may take to close the connection after its answer to `QUIT`.
const LINGER: Duration = Duration::from_secs(1);

const FIRST: MessageNumber = MessageNumber::new(1).unwrap();

/// A session in the TRANSACTION state (RFC 1939 §5): the maildrop is locked and its messages have numbers.
///
/// An error of kind [`ErrorKind::Refused`] leaves the session usable; any other ends it, and every further call says
/// so. Dropping a `Transaction` closes the socket, which deletes nothing.
pub struct Transaction {
    wire: Wire,
    state: State,
    mechanism: &'static str,
}

impl Transaction {
    pub(super) fn new(wire: Wire, mechanism: &'static str) -> Self {
        Self { wire, state: State::default(), mechanism }
    }

    /// How the login was done: `USER`, `APOP`, or a SASL mechanism's name.
    #[must_use]
    pub fn mechanism(&self) -> &'static str {
        self.mechanism
    }

    /// The stream beneath, for what TLS it has.
    #[must_use]
    pub fn stream(&self) -> &Stream {
        self.wire.stream()
    }

    /// `CAPA` (RFC 2449 §5): some capabilities are only known behind the login.
    pub fn capa(&mut self) -> Result<Capabilities, Error> {
        super::authorization::capa(&mut self.wire)
    }

    /// `UTF8` (RFC 6856 §2) behind the login.
    pub fn utf8(&mut self) -> Result<(), Error> {
        self.wire.call(&Command::Utf8).map(drop)
    }

    /// `STAT` (RFC 1939 §5): how many messages, how many octets.
    pub fn stat(&mut self) -> Result<DropListing, Error> {
        let line = self.wire.call(&Command::Stat)?;
        self.drop_listing(&line)
    }

    /// `LIST` (RFC 1939 §5): the size of every message.
    pub fn list(&mut self) -> Result<Vec<ScanListing>, Error> {
        self.wire.call(&Command::List(None))?;
        let mut listings = Vec::new();
        self.lines(|line| {
            listings.push(listing::scan_listing(line)?);
            Ok(())
        })?;
        Ok(listings)
    }

    /// `LIST n` (RFC 1939 §5): the size of one message.
    pub fn list_one(&mut self, number: MessageNumber) -> Result<ScanListing, Error> {
        let line = self.wire.call(&Command::List(Some(number)))?;
        match listing::scan_listing(text(&line)) {
            Ok(listing) if listing.number == number => Ok(listing),
            Ok(_) => Err(self.malformed(ProtocolError::BadMessageNumber, &line)),
            Err(error) => Err(self.malformed(error, &line)),
        }
    }

    /// `UIDL` (RFC 1939 §7): the unique-id of every message that has one.
    pub fn uidl(&mut self) -> Result<Vec<UniqueIdListing>, Error> {
        self.wire.call(&Command::Uidl(None))?;
        let mut listings = Vec::new();
        self.lines(|line| {
            let (number, unique_id) = listing::unique_id_line(line)?;
            listings.extend(
                unique_id.map(|octets| UniqueIdListing { number, unique_id: UniqueId::from(octets) }),
            );
            Ok(())
        })?;
        Ok(listings)
    }

    /// `UIDL n` (RFC 1939 §7): the unique-id of one message.
    pub fn uidl_one(&mut self, number: MessageNumber) -> Result<UniqueIdListing, Error> {
        let line = self.wire.call(&Command::Uidl(Some(number)))?;
        listing::unique_id_listing(text(&line), number).map_err(|error| self.malformed(error, &line))
    }

    /// `STAT`, `UIDL` and `LIST` in one flight where the server pipelines: everything about the maildrop at once.
    /// A server that refuses `UIDL` has no unique-ids; a refused `STAT` or `LIST` is an error.
    pub fn maildrop(&mut self) -> Result<Maildrop, Error> {
        self.listings().map_err(|error| self.wire.located(error, None))
    }

    fn listings(&mut self) -> Result<Maildrop, Error> {
        let commands = [Command::Stat, Command::Uidl(None), Command::List(None)];
        let pipelining = self.wire.pipelining();
        if pipelining {
            self.wire.require_idle()?;
            for command in &commands {
                self.wire.queue(command)?;
            }
            // Proves the order of the answers before it, and that later ones can be proven.
            self.wire.queue(&Command::List(Some(FIRST)))?;
            self.wire.flush()?;
        }
        let mut maildrop = Maildrop::default();
        for command in &commands {
            let status = if pipelining { self.wire.status(command.verb()) } else { self.wire.call(command) };
            self.take_up(&mut maildrop, command, status)?;
        }
        let probe = if pipelining { Some(self.answer_to_list()?) } else { None };
        if let Err(error) = maildrop.sorted() {
            return Err(self.wire.broken(error));
        }
        self.state.sizes =
            maildrop.entries().filter_map(|entry| Some((entry.number, entry.octets?))).collect();
        let first = (!maildrop.is_empty()).then(|| maildrop.entry(0).number);
        match (probe, first) {
            (Some(answer), Some(FIRST)) => self.state.probed(&mut self.wire, FIRST, &answer),
            (Some(_), Some(first)) => {
                self.wire.queue(&Command::List(Some(first)))?;
                self.wire.flush()?;
                let answer = self.answer_to_list()?;
                self.state.probed(&mut self.wire, first, &answer);
            }
            _ => {}
        }
        Ok(maildrop)
    }

    fn answer_to_list(&mut self) -> Result<Result<Vec<u8>, Error>, Error> {
        match self.wire.status("LIST") {
            Err(error) if error.kind() != ErrorKind::Refused => Err(error),
            answer => Ok(answer),
        }
    }

    fn take_up(
        &mut self,
        maildrop: &mut Maildrop,
        command: &Command<'_>,
        status: Result<Vec<u8>, Error>,
    ) -> Result<(), Error> {
        match (command, status) {
            (Command::Stat, Ok(line)) => {
                maildrop.set_drop_listing(self.drop_listing(&line)?);
                Ok(())
            }
            (Command::Uidl(_), Ok(_)) => {
                maildrop.begin_unique_ids();
                self.lines(|line| {
                    let (number, unique_id) = listing::unique_id_line(line)?;
                    maildrop.push_unique_id(number, unique_id)
                })
            }
            (_, Ok(_)) => self.lines(|line| maildrop.push_scan(listing::scan_listing(line)?)),
            (_, Err(error)) => match by_response_code(error, ErrorKind::Refused) {
                // Some servers refuse to list an empty maildrop.
                error if error.kind() == ErrorKind::Refused && maildrop.is_known_empty() => {
                    maildrop.begin_unique_ids();
                    Ok(())
                }
                error if error.kind() == ErrorKind::Refused && matches!(command, Command::Uidl(_)) => Ok(()),
                error => Err(error),
            },
        }
    }

    /// `RETR n` (RFC 1939 §5): the message, to be read as a stream.
    ///
    /// What is not read of it is passed over by the next call.
    pub fn retr(&mut self, number: MessageNumber) -> Result<Message<'_>, Error> {
        Message::ask(&mut self.wire, &Command::Retr(number), number)
    }

    /// `TOP n lines` (RFC 1939 §7): the header and the first lines of the body, to be read as a stream.
    pub fn top(&mut self, number: MessageNumber, lines: u32) -> Result<Message<'_>, Error> {
        Message::ask(&mut self.wire, &Command::Top { number, lines }, number)
    }

    /// `DELE n` (RFC 1939 §5): marks a message. Only [`commit`](Self::commit) deletes it.
    pub fn dele(&mut self, number: MessageNumber) -> Result<(), Error> {
        self.wire.call(&Command::Dele(number))?;
        self.state.marked = true;
        Ok(())
    }

    /// `NOOP` (RFC 1939 §5): keeps the session alive.
    pub fn noop(&mut self) -> Result<(), Error> {
        self.wire.call(&Command::Noop).map(drop)
    }

    /// `RSET` (RFC 1939 §5): unmarks every message.
    pub fn rset(&mut self) -> Result<(), Error> {
        self.wire.call(&Command::Rset)?;
        self.state.marked = false;
        self.state.marks_unproven = false;
        Ok(())
    }

    /// `QUIT` (RFC 1939 §6), which deletes what is marked: the same as [`commit`](Self::commit).
    pub fn quit(self) -> Result<(), Error> {
        self.commit()
    }

    /// `RETR` for each number, pipelined where the server allows it; more may be asked for as answers come.
    pub fn retrieve(&mut self, numbers: impl IntoIterator<Item = MessageNumber>) -> Retrieval<'_> {
        Retrieval::new(&mut self.wire, &mut self.state, numbers, None)
    }

    /// `TOP n lines` for each number, pipelined where the server allows it.
    pub fn tops(&mut self, numbers: impl IntoIterator<Item = MessageNumber>, lines: u32) -> Retrieval<'_> {
        Retrieval::new(&mut self.wire, &mut self.state, numbers, Some(lines))
    }

    /// `DELE` for each number, pipelined where the server allows it; a checkpoint at the end proves that there was one
    /// answer for each. `refused` is called for each that the server refuses; the others are marked all the same.
    pub fn mark(
        &mut self,
        numbers: impl IntoIterator<Item = MessageNumber>,
        mut refused: impl FnMut(MessageNumber, Error),
    ) -> Result<(), Error> {
        let mut retrieval = self.retrieve([]);
        for number in numbers {
            retrieval.mark(number);
        }
        retrieval.finish();
        while let Some(reply) = retrieval.next()? {
            if let Reply::Refused { number, error, .. } = reply {
                refused(number, error);
            }
        }
        Ok(())
    }

    /// Ends the session with `QUIT`, upon which the server deletes what is marked (RFC 1939 §6). Success means that it
    /// answered `+OK`.
    ///
    /// # Errors
    /// [`ErrorKind::CommitUnknown`] where the answer never came: whether anything was deleted nobody knows.
    /// [`ErrorKind::Refused`] where the server says that it did not delete everything. [`ErrorKind::Protocol`] where
    /// anything follows the answer before the server closes, or within a second: then it was not the answer to `QUIT`.
    pub fn commit(mut self) -> Result<(), Error> {
        self.wire.pass_over()?;
        self.wire.require_idle()?;
        if self.state.marks_unproven {
            self.stat()?;
        }
        self.wire.queue(&Command::Quit)?;
        self.wire.flush().map_err(unknown)?;
        self.wire.status("QUIT").map_err(|error| by_response_code(unknown(error), ErrorKind::Refused))?;
        self.wire.expect_end(LINGER)?;
        self.wire.close();
        Ok(())
    }

    /// Ends the session without deleting anything: `RSET` if something was marked (and no retrieval was dropped midway), then the connection is closed
    /// without `QUIT`, so that the server never enters its UPDATE state.
    pub fn abandon(mut self) -> Result<(), Error> {
        self.wire.pass_over()?;
        if self.state.marked && self.wire.require_idle().is_ok() {
            self.rset()?;
        }
        self.wire.note("closed without QUIT: nothing changes on the server");
        self.wire.close();
        Ok(())
    }

    fn drop_listing(&mut self, line: &[u8]) -> Result<DropListing, Error> {
        listing::drop_listing(text(line)).map_err(|error| self.malformed(error, line))
    }

    fn lines(&mut self, mut take: impl FnMut(&[u8]) -> Result<(), ProtocolError>) -> Result<(), Error> {
        loop {
            let frame = self.wire.frame()?;
            if frame.kind == Kind::End {
                return Ok(());
            }
            if let Err(error) = take(self.wire.octets(&frame)) {
                let line = self.wire.octets(&frame).to_vec();
                return Err(self.malformed(error, &line));
            }
        }
    }

    fn malformed(&mut self, error: ProtocolError, line: &[u8]) -> Error {
        self.wire.poison();
        Error::new(ErrorKind::Protocol, error.to_string())
            .with_response(self.wire.masked(line))
            .with_source(error)
    }
}

fn text(line: &[u8]) -> &[u8] {
    StatusLine::parse(line).map(|status| status.text()).unwrap_or_default()
}

/// Once `QUIT` is on its way, a lost connection leaves open what the server did.
fn unknown(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Unavailable | ErrorKind::Tls => Error::new(
            ErrorKind::CommitUnknown,
            format!(
                "QUIT was sent, but no answer came ({}): whether the server deleted is not known",
                error.message()
            ),
        ),
        _ => error,
    }
}
