//! Where octets and the protocol meet: the only `read` and the only `write` of a session.

use std::{
    io::{self, Read, Write},
    ops::Range,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    error::{Error, ErrorKind},
    net::{self, Host, Limits, Stream, TlsConnector},
    proto::{
        Command, Engine, MessageNumber, ProtocolError, ResponseCode, StatusIndicator, StatusLine,
        engine::{Frame, Kind},
    },
    secret::Secret,
    trace::{Masked, Trace},
};

/// RFC 2449 §6.6 wants the unanswered commands to fit the transport's send window, so that a write never blocks on a
/// server that is itself blocked in writing. Less than this no system gives.
const SMALLEST_WINDOW: usize = 2048;

/// More unanswered octets gain nothing: this is over 5,000 commands, and none is forgotten until it is answered.
const LARGEST_WINDOW: usize = 64 * 1024;

/// The kernel counts a segment's bookkeeping as well, which for small segments is as much again.
const SEND_BUFFER_SHARE: usize = 2;

/// As much as TLS hands over in four records; a socket gives it in one read.
const INPUT: usize = 64 * 1024;

/// So much of what cannot be understood goes to the trace.
const TRACED_JUNK: usize = 512;

pub(crate) struct Wire {
    stream: Stream,
    engine: Engine,
    input: Box<[u8]>,
    /// The octets of `input` that were read and not yet used.
    held: Range<usize>,
    output: Vec<u8>,
    trace: Masked,
    pipelining: bool,
    /// A message is on its way in and was not read to its end.
    body: bool,
    poisoned: bool,
}

impl Wire {
    pub(crate) fn new(stream: Stream, trace: Option<Box<dyn Trace>>) -> Self {
        Self {
            stream,
            engine: Engine::new(),
            input: vec![0; INPUT].into_boxed_slice(),
            held: 0..0,
            output: Vec::new(),
            trace: Masked::new(trace),
            pipelining: false,
            body: false,
            poisoned: false,
        }
    }

    pub(crate) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// TLS from here on. It must begin with nothing buffered: what came in clear behind the answer to `STLS` could
    /// be anybody's (CVE-2021-22947).
    pub(crate) fn upgrade(mut self, connector: &TlsConnector, host: &Host) -> Result<Self, Error> {
        if !self.held.is_empty() {
            let injected = self.broken(ProtocolError::Unsolicited);
            return Err(injected.explained("octets in clear behind its answer to STLS"));
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

    pub(crate) fn set_pipelining(&mut self, pipelining: bool) {
        self.pipelining = pipelining;
    }

    pub(crate) fn pipelining(&self) -> bool {
        self.pipelining
    }

    /// How many octets of commands may be unanswered; 0 without pipelining, where each command waits for the last.
    pub(crate) fn window(&self) -> usize {
        if !self.pipelining {
            return 0;
        }
        (self.stream.send_buffer() / SEND_BUFFER_SHARE).clamp(SMALLEST_WINDOW, LARGEST_WINDOW)
    }

    pub(crate) fn unanswered(&self) -> usize {
        self.engine.unanswered() + self.output.len()
    }

    pub(crate) fn note(&mut self, text: &str) {
        self.trace.note(text);
    }

    /// Hides a secret wherever the server may repeat it.
    pub(crate) fn hide(&mut self, secret: &[u8]) {
        self.trace.hide(secret);
    }

    /// Queues a command; [`flush`](Self::flush) sends what is queued. An answer that is here before its command is an
    /// error, or everything behind it would be answered by the wrong line.
    pub(crate) fn queue(&mut self, command: &Command<'_>) -> Result<(), Error> {
        self.usable()?;
        if self.engine.is_idle() && !self.held.is_empty() {
            return Err(self.broken(ProtocolError::Unsolicited));
        }
        let start = self.output.len();
        let secret_at = self.engine.send(command, &mut self.output);
        self.trace.sent(&self.output[start..], secret_at.map(|at| at.start - start..at.end - start));
        Ok(())
    }

    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        self.usable()?;
        let written = self.stream.write_all(&self.output).and_then(|()| self.stream.flush());
        zeroize::Zeroize::zeroize(&mut self.output[..]);
        self.output.clear();
        written.map_err(|error| self.lost(error))
    }

    /// Sends the answer to a challenge, or `*` to give up the exchange.
    pub(crate) fn respond(&mut self, response: Option<&Secret>) -> Result<(), Error> {
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

    /// One command and its status line, with nothing else in flight before or behind it.
    pub(crate) fn call(&mut self, command: &Command<'_>) -> Result<Vec<u8>, Error> {
        self.pass_over()?;
        self.require_idle()?;
        self.queue(command)?;
        self.flush()?;
        self.status(command.verb())
    }

    /// A command that is sent while others are unanswered would be given their answer: a retrieval that was dropped midway
    /// leaves such.
    pub(crate) fn require_idle(&self) -> Result<(), Error> {
        self.usable()?;
        if self.unanswered() > 0 {
            return Err(Error::new(
                ErrorKind::Argument,
                "earlier commands of the session are still unanswered",
            ));
        }
        Ok(())
    }

    /// The status line of the oldest unanswered command, which was `verb`; `-ERR` is an error of kind
    /// [`ErrorKind::Refused`].
    pub(crate) fn status(&mut self, verb: &str) -> Result<Vec<u8>, Error> {
        self.pass_over()?;
        let frame = self.frame()?;
        if frame.kind != Kind::Status {
            return Err(self.broken(ProtocolError::NoStatusIndicator));
        }
        let line = self.input[frame.at].to_vec();
        match StatusLine::parse(&line).map(|status| status.indicator()) {
            Ok(StatusIndicator::Ok) => Ok(line),
            Ok(StatusIndicator::Err) => Err(self.refused(verb, &line)),
            Err(error) => Err(self.broken(error)),
        }
    }

    /// A message follows, to be taken by [`body`](Self::body).
    pub(crate) fn open_body(&mut self) {
        self.body = true;
    }

    /// The next octets of the message that is on its way in; `None` at its end.
    pub(crate) fn body(&mut self) -> Result<Option<Frame>, Error> {
        if !self.body {
            return Ok(None);
        }
        let frame = self.frame()?;
        self.body = frame.kind != Kind::End;
        Ok(self.body.then_some(frame))
    }

    /// Lets the rest of a message that was not read to its end go by.
    pub(crate) fn pass_over(&mut self) -> Result<(), Error> {
        while self.body()?.is_some() {}
        Ok(())
    }

    /// What `-ERR` to `verb` means: by its response code, announced or not.
    pub(crate) fn refused(&self, verb: &str, line: &[u8]) -> Error {
        Error::new(ErrorKind::Refused, format!("the server refused {verb}")).with_response(self.masked(line))
    }

    pub(crate) fn masked(&self, line: &[u8]) -> Vec<u8> {
        self.trace.shown(line).into_owned()
    }

    /// The next event, as a place in what [`octets`](Self::octets) gives; reads when it must.
    pub(crate) fn frame(&mut self) -> Result<Frame, Error> {
        self.usable()?;
        loop {
            let held = &self.input[self.held.clone()];
            match self.engine.frame(held) {
                Ok((0, None)) => self.fill()?,
                Ok((used, frame)) => {
                    let start = self.held.start;
                    self.trace_received(start..start + used, frame.as_ref());
                    self.held.start += used;
                    if let Some(Frame { kind, at }) = frame {
                        return Ok(Frame { kind, at: start + at.start..start + at.end });
                    }
                }
                Err(error) => {
                    self.trace.junk(&self.input[self.held.clone()], TRACED_JUNK);
                    return Err(self.broken(error));
                }
            }
        }
    }

    /// The octets of a frame; they stand until the next frame is asked for.
    pub(crate) fn octets(&self, frame: &Frame) -> &[u8] {
        &self.input[frame.at.clone()]
    }

    /// Whether an event could be had without waiting for the server.
    pub(crate) fn has_input(&self) -> bool {
        !self.held.is_empty()
    }

    /// What is out of order poisons the session: no verb works any more, `QUIT` least of all.
    pub(crate) fn broken(&mut self, error: ProtocolError) -> Error {
        self.poisoned = true;
        let held = &self.input[self.held.clone()];
        let line = held.split(|&octet| octet == b'\n').next().unwrap_or_default();
        let whole = line.len() < held.len();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let broken = Error::new(ErrorKind::Protocol, error.to_string()).with_source(error);
        if line.is_empty() {
            return broken;
        }
        // Cut only behind the mask, which does not know half a secret.
        let mut shown = if whole { self.masked(line) } else { self.trace.shown_cut(line) };
        shown.truncate(TRACED_JUNK);
        broken.with_response(shown)
    }

    /// The connection cannot go on: nothing more is read from it or written to it.
    pub(crate) fn poison(&mut self) {
        self.poisoned = true;
    }

    /// Waits for the end of the stream, at most so long: whatever the server sends before is one answer too many.
    pub(crate) fn expect_end(&mut self, at_most: Duration) -> Result<(), Error> {
        self.stream.set_limits(Limits { timeout: at_most, deadline: Some(Instant::now() + at_most) });
        if !self.held.is_empty() || self.read().is_ok_and(|octets| octets > 0) {
            return Err(self.broken(ProtocolError::Unsolicited));
        }
        Ok(())
    }

    /// Closes the connection. Over TLS the server is told, so that it need not suspect a cut; whether it still listens
    /// makes no difference to us.
    pub(crate) fn close(mut self) {
        if let Stream::Tls(tls) = &mut self.stream
            && let Err(error) = tls.close_notify()
        {
            log::debug!("close_notify: {error}");
        }
    }

    /// The same error with the message that it concerns, and whether commands were pipelined.
    pub(crate) fn located(&self, error: Error, number: Option<MessageNumber>) -> Error {
        let error = error.with_pipelining(self.pipelining);
        match number {
            Some(number) => error.with_number(number),
            None => error,
        }
    }

    fn usable(&self) -> Result<(), Error> {
        if self.poisoned {
            return Err(Error::new(ErrorKind::Protocol, "the session ended with an earlier error"));
        }
        Ok(())
    }

    fn fill(&mut self) -> Result<(), Error> {
        match self.read() {
            Ok(0) => Err(self.lost(io::ErrorKind::UnexpectedEof.into())),
            Ok(_) => Ok(()),
            Err(error) => Err(self.lost(error)),
        }
    }

    fn read(&mut self) -> io::Result<usize> {
        if self.held.is_empty() {
            self.held = 0..0;
        } else if self.held.end == self.input.len() {
            self.input.copy_within(self.held.clone(), 0);
            self.held = 0..self.held.len();
        }
        let octets = self.stream.read(&mut self.input[self.held.end..])?;
        self.held.end += octets;
        Ok(octets)
    }

    fn lost(&mut self, error: io::Error) -> Error {
        self.poisoned = true;
        let error = net::lost(error);
        self.note(error.message());
        error
    }

    fn trace_received(&mut self, at: Range<usize>, frame: Option<&Frame>) {
        match frame.map(|frame| frame.kind) {
            Some(Kind::Challenge) => self.trace.challenge(),
            _ => self.trace.received(&self.input[at]),
        }
    }
}

/// What a refusal means where the whole session hangs on it: the response code decides (RFC 2449 §8, RFC 3206).
pub(crate) fn by_response_code(error: Error, otherwise: ErrorKind) -> Error {
    if error.kind() != ErrorKind::Refused {
        return error;
    }
    let kind = match error.response_code() {
        Some(ResponseCode::InUse | ResponseCode::LoginDelay | ResponseCode::SysTemp) => ErrorKind::Temporary,
        Some(ResponseCode::SysPerm) => ErrorKind::Unavailable,
        Some(ResponseCode::Auth) => ErrorKind::Authentication,
        _ => otherwise,
    };
    error.with_kind(kind)
}
