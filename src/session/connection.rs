//! The connection of a session: a stream, an engine, and the buffers between them. All reads and writes are here.

use std::{
    io::{self, Read, Write},
    ops::Range,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    error::{Error, ErrorKind},
    net::{self, Host, Limits, Stream, TlsConnector},
    proto::{Command, Engine, Event, Keyword, MessageNumber, ProtocolError, StatusIndicator},
    secret::Secret,
    session::window::window,
    trace::{Redactor, Trace},
};

/// The size of the input buffer in bytes: four TLS records.
const INPUT: usize = 64 * 1024;

/// The maximum number of bytes of unparsable data that are traced and quoted.
const MAX_QUOTED: usize = 512;

pub(super) struct Connection {
    stream: Stream,
    engine: Engine,
    input: Box<[u8]>,
    /// The unused bytes of `input`.
    held: Range<usize>,
    output: Vec<u8>,
    trace: Redactor,
    pipelining: bool,
    /// True while the rest of a message must be read.
    body: bool,
    poisoned: bool,
    /// The last status line, if it looks like the response to a later checkpoint and nothing followed it.
    suspect: Option<Vec<u8>>,
    /// The bytes of messages received and not yet taken by [`take_body_count`](Self::take_body_count).
    body_count: u64,
}

impl Connection {
    pub(super) fn new(stream: Stream, trace: Option<Box<dyn Trace>>) -> Self {
        Self {
            stream,
            engine: Engine::new(),
            input: vec![0; INPUT].into_boxed_slice(),
            held: 0..0,
            output: Vec::new(),
            trace: Redactor::new(trace),
            pipelining: false,
            body: false,
            poisoned: false,
            suspect: None,
            body_count: 0,
        }
    }

    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Switches to TLS. Fails if data is buffered: cleartext after the response to `STLS` may be injected
    /// (CVE-2021-22947).
    pub(super) fn upgrade(mut self, connector: &TlsConnector, host: &Host) -> Result<Self, Error> {
        if !self.held.is_empty() {
            let injected = self.protocol_error(ProtocolError::Unsolicited);
            return Err(injected.with_detail("in cleartext after the response to STLS"));
        }
        let Stream::Plain(tcp) = self.stream else {
            return Err(Error::new(ErrorKind::Argument, "the session is encrypted already"));
        };
        let tls = connector.handshake(tcp, host)?;
        tls.facts().notes().iter().for_each(|note| self.trace.note(note));
        Ok(Self {
            stream: Stream::Tls(Box::new(tls)),
            engine: Engine::after_stls(),
            pipelining: false,
            ..self
        })
    }

    pub(super) fn set_pipelining(&mut self, pipelining: bool) {
        self.pipelining = pipelining;
    }

    pub(super) fn pipelining(&self) -> bool {
        self.pipelining
    }

    /// Returns the maximum size of the unanswered commands in bytes; 0 without pipelining.
    pub(super) fn window(&self) -> usize {
        if self.pipelining { window(self.stream.send_buffer()) } else { 0 }
    }

    pub(super) fn unanswered(&self) -> usize {
        self.engine.unanswered() + self.output.len()
    }

    pub(super) fn note(&mut self, text: &str) {
        self.trace.note(text);
    }

    /// Redacts a secret in the trace and in errors from now on.
    pub(super) fn redact(&mut self, secret: &[u8]) {
        self.trace.add_secret(secret);
    }

    /// Queues a command; [`flush`](Self::flush) sends the queue. Data that was received before the command was sent
    /// is an error, because every later response would be attributed to the wrong command.
    pub(super) fn queue(&mut self, command: &Command<'_>) -> Result<(), Error> {
        self.require_usable()?;
        if self.engine.is_idle() && !self.held.is_empty() {
            return Err(self.protocol_error(ProtocolError::Unsolicited));
        }
        let start = self.output.len();
        let secret_at = self.engine.send(command, &mut self.output);
        self.trace.sent(&self.output[start..], secret_at.map(|at| at.start - start..at.end - start));
        Ok(())
    }

    pub(super) fn flush(&mut self) -> Result<(), Error> {
        self.require_usable()?;
        let written = self.stream.write_all(&self.output).and_then(|()| self.stream.flush());
        zeroize::Zeroize::zeroize(&mut self.output[..]);
        self.output.clear();
        written.map_err(|error| self.map_io_error(error))
    }

    /// Sends the response to a challenge, or `*` to cancel the exchange (RFC 5034 §4).
    pub(super) fn respond(&mut self, response: Option<&Secret>) -> Result<(), Error> {
        let length = response.map_or(1, |response| {
            let base64 = zeroize::Zeroizing::new(STANDARD.encode(response.expose()));
            self.output.extend_from_slice(base64.as_bytes());
            base64.len()
        });
        if response.is_none() {
            self.output.push(b'*');
        }
        self.output.extend_from_slice(b"\r\n");
        self.trace.sent(&self.output, response.map(|_| 0..length));
        self.flush()
    }

    /// Sends a command while no other is in flight, and returns its status line.
    pub(super) fn call(&mut self, command: &Command<'_>) -> Result<Vec<u8>, Error> {
        self.discard_body()?;
        self.require_idle()?;
        self.queue(command)?;
        self.flush()?;
        self.status()
    }

    /// Fails if commands are unanswered, for example after a retrieval was dropped midway: their responses would be
    /// taken for that of the next command.
    pub(super) fn require_idle(&self) -> Result<(), Error> {
        self.require_usable()?;
        if self.unanswered() > 0 {
            return Err(Error::new(
                ErrorKind::Argument,
                "earlier commands of the session are still unanswered",
            ));
        }
        Ok(())
    }

    /// Returns the status line of the oldest unanswered command, or the greeting. `-ERR` is an error of kind
    /// [`ErrorKind::Refused`].
    pub(super) fn status(&mut self) -> Result<Vec<u8>, Error> {
        self.discard_body()?;
        let Event::Status { command, indicator, line, .. } = self.event()? else {
            return Err(self.protocol_error(ProtocolError::NoStatusIndicator));
        };
        let line = self.bytes(&line).to_vec();
        self.suspect = None;
        match indicator {
            StatusIndicator::Ok => Ok(line),
            StatusIndicator::Err => {
                Err(self.refused(command.map_or("the connection", Keyword::as_str), &line))
            }
        }
    }

    /// Marks the start of a message, which [`body`](Self::body) reads.
    pub(super) fn open_body(&mut self) {
        self.body = true;
    }

    /// Returns the position of the next bytes of the message, for [`bytes`](Self::bytes); `None` at the end of the
    /// message.
    pub(super) fn body(&mut self) -> Result<Option<Range<usize>>, Error> {
        if !self.body {
            return Ok(None);
        }
        if let Event::Body(at) = self.event()? {
            self.suspect = None;
            self.body_count += at.len() as u64;
            return Ok(Some(at));
        }
        self.body = false;
        Ok(None)
    }

    /// Returns the bytes of messages received since the last call.
    pub(super) fn take_body_count(&mut self) -> u64 {
        std::mem::take(&mut self.body_count)
    }

    /// Returns the position of the next line of a listing, for [`bytes`](Self::bytes); `None` at the end of the
    /// listing.
    pub(super) fn line(&mut self) -> Result<Option<Range<usize>>, Error> {
        match self.event()? {
            Event::Line(at) => Ok(Some(at)),
            _ => Ok(None),
        }
    }

    /// Reads and discards the rest of a message.
    pub(super) fn discard_body(&mut self) -> Result<(), Error> {
        while self.body()?.is_some() {}
        Ok(())
    }

    /// Returns the error for `-ERR` to `command`.
    pub(super) fn refused(&self, command: &str, line: &[u8]) -> Error {
        Error::new(ErrorKind::Refused, format!("the server refused {command}"))
            .with_response(self.redacted(line))
    }

    pub(super) fn redacted(&self, line: &[u8]) -> Vec<u8> {
        self.trace.redact(line).into_owned()
    }

    /// Returns the next event with the position of its bytes, for [`bytes`](Self::bytes). Reads from the stream as
    /// needed.
    pub(super) fn event(&mut self) -> Result<Event<Range<usize>>, Error> {
        self.require_usable()?;
        loop {
            match self.engine.locate(&self.input[self.held.clone()]) {
                Ok((0, None)) => self.fill()?,
                Ok((used, event)) => {
                    let start = self.held.start;
                    match event {
                        Some(Event::Challenge(_)) => self.trace.challenge(),
                        _ => self.trace.received(&self.input[start..start + used]),
                    }
                    self.held.start += used;
                    if let Some(event) = event {
                        return Ok(event.map(|at| start + at.start..start + at.end));
                    }
                }
                Err(error) => {
                    self.trace.junk(&self.input[self.held.clone()], MAX_QUOTED);
                    return Err(self.protocol_error(error));
                }
            }
        }
    }

    /// Returns the bytes of an event. They are valid until the next event is requested.
    pub(super) fn bytes(&self, at: &Range<usize>) -> &[u8] {
        &self.input[at.clone()]
    }

    /// Returns true if there is unused input, so that an event may be available without waiting for the server.
    pub(super) fn has_input(&self) -> bool {
        !self.held.is_empty()
    }

    /// Poisons the session, so that no further command is sent, least of all `QUIT`, and returns the error.
    pub(super) fn protocol_error(&mut self, error: ProtocolError) -> Error {
        self.poisoned = true;
        let held = &self.input[self.held.clone()];
        let line = held.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let whole = line.len() < held.len();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let error = Error::from(error);
        if line.is_empty() {
            return error;
        }
        // The line is redacted before it is truncated, because a truncated secret would not be recognized.
        let mut shown = if whole { self.redacted(line) } else { self.trace.redact_truncated(line) };
        shown.truncate(MAX_QUOTED);
        error.with_response(shown)
    }

    /// Prevents all further reads from and writes to the connection.
    pub(super) fn poison(&mut self) {
        self.poisoned = true;
    }

    /// Returns true if no further command can be sent.
    pub(super) fn is_poisoned(&self) -> bool {
        self.poisoned
    }

    /// Waits for the end of the stream, at most for `limit`. Data before the end is an error, since it is an extra
    /// response.
    pub(super) fn expect_end(&mut self, limit: Duration) -> Result<(), Error> {
        self.stream.set_limits(Limits { timeout: limit, deadline: Some(Instant::now() + limit) });
        if !self.held.is_empty() || self.read().is_ok_and(|read| read > 0) {
            return Err(self.protocol_error(ProtocolError::Unsolicited));
        }
        Ok(())
    }

    /// Closes the connection. Over TLS, `close_notify` (RFC 8446 §6.1) tells the server that the connection was not
    /// cut. Errors are ignored, since the server may have closed the connection first.
    pub(super) fn close(mut self) {
        if let Stream::Tls(tls) = &mut self.stream
            && let Err(error) = tls.close_notify()
        {
            log::debug!("close_notify: {error}");
        }
    }

    /// Stores a status line that may be the response to a later checkpoint.
    pub(super) fn set_suspect(&mut self, line: Option<Vec<u8>>) {
        self.suspect = line;
    }

    /// Adds context to an error: the number of the message, and whether commands were pipelined.
    ///
    /// If a server leaves out a response, it has nothing left to send at the end, and the connection times out or is
    /// closed. This is what happened if the last status line was the response to a checkpoint. If the response to the
    /// checkpoint itself is missing, the server cannot be distinguished from a slow one, and the error remains a
    /// timeout.
    pub(super) fn with_context(&self, error: Error, number: Option<MessageNumber>) -> Error {
        let error = match &self.suspect {
            Some(line) if error.kind() == ErrorKind::Unavailable => {
                Error::from(ProtocolError::OutOfStep).with_response(self.redacted(line))
            }
            _ => error,
        };
        let error = if self.pipelining { error.with_pipelining(true) } else { error };
        match number {
            Some(number) => error.with_number(number),
            None => error,
        }
    }

    fn require_usable(&self) -> Result<(), Error> {
        if self.poisoned {
            return Err(Error::new(ErrorKind::Protocol, "the session ended with an earlier error"));
        }
        Ok(())
    }

    fn fill(&mut self) -> Result<(), Error> {
        match self.read() {
            Ok(0) => Err(self.map_io_error(io::ErrorKind::UnexpectedEof.into())),
            Ok(_) => Ok(()),
            Err(error) => Err(self.map_io_error(error)),
        }
    }

    fn read(&mut self) -> io::Result<usize> {
        if self.held.is_empty() {
            self.held = 0..0;
        } else if self.held.end == self.input.len() {
            self.input.copy_within(self.held.clone(), 0);
            self.held = 0..self.held.len();
        }
        let read = self.stream.read(&mut self.input[self.held.end..])?;
        self.held.end += read;
        Ok(read)
    }

    fn map_io_error(&mut self, error: io::Error) -> Error {
        self.poisoned = true;
        let error = net::map_io_error(error);
        self.note(error.message());
        error
    }
}
