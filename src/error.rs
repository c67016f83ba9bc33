//! What can go wrong, and who must act.

use std::{fmt, io};

use crate::proto::{MessageNumber, status::ResponseCode};

/// Who must act, and on what. Exhaustive on purpose: a front end that maps kinds to exit codes, messages or retries
/// stops compiling when a kind is added, instead of forgetting it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The caller gave what cannot be used: a control character in a user name, a port of 0.
    Argument,
    /// The name of the server (or of the proxy) does not resolve.
    Host,
    /// No connection, a connection lost, a time-out, an `-ERR` greeting, `[SYS/PERM]`.
    Unavailable,
    /// The server asks to come again later: `[IN-USE]`, `[LOGIN-DELAY]`, `[SYS/TEMP]`.
    Temporary,
    /// The TLS handshake or the certificate failed, or `STLS` is not to be had.
    Tls,
    /// The server refused the credentials.
    Authentication,
    /// The server lacks a capability that the call needs.
    Unsupported,
    /// The server answered `-ERR` to a command; the session goes on and can be used.
    Refused,
    /// The server broke the protocol; the session is poisoned.
    Protocol,
    /// `QUIT` was sent and its answer never came: whether the marked messages were deleted is not known.
    CommitUnknown,
    /// An input or output of the caller's own failed: a file, a pipe. Nothing in this library makes such an error; it comes
    /// from an [`io::Error`] by `?`.
    Io,
}

/// An error of this library: one line of text, lower case, no full stop, with the server's line where there is one.
pub struct Error {
    kind: ErrorKind,
    message: String,
    response: Option<Vec<u8>>,
    number: Option<MessageNumber>,
    pipelined: bool,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// The most octets of the server's line that an error repeats: RFC 2449 §4 allows a first line 512, and an error
    /// goes into logs and mails.
    pub const MAX_RESPONSE: usize = 512;

    /// An error of a kind with its message.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), response: None, number: None, pipelined: false, source: None }
    }

    /// The same error with the server's line (without its line end) that caused it, of which [`Error::MAX_RESPONSE`]
    /// octets are kept. Secrets have to be out of it before.
    #[must_use]
    pub fn with_response(mut self, line: impl Into<Vec<u8>>) -> Self {
        let mut line = line.into();
        line.truncate(Self::MAX_RESPONSE);
        line.shrink_to_fit();
        self.response = Some(line);
        self
    }

    /// The same error with the error beneath it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same error with the message in whose answer it happened.
    #[must_use]
    pub fn with_number(mut self, number: MessageNumber) -> Self {
        self.number = Some(number);
        self
    }

    /// The same error, of a session that pipelines commands or does not.
    #[must_use]
    pub(crate) fn with_pipelining(mut self, pipelined: bool) -> Self {
        self.pipelined = pipelined;
        self
    }

    /// The same error, named another kind.
    #[must_use]
    pub fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// Gives a refusal that ends the session the kind of its response code (RFC 2449 §8, RFC 3206), or `otherwise` without
    /// one.
    #[must_use]
    pub(crate) fn by_response_code(self, otherwise: ErrorKind) -> Self {
        if self.kind != ErrorKind::Refused {
            return self;
        }
        let kind = match self.response_code() {
            Some(ResponseCode::InUse | ResponseCode::LoginDelay | ResponseCode::SysTemp) => {
                ErrorKind::Temporary
            }
            Some(ResponseCode::SysPerm) => ErrorKind::Unavailable,
            Some(ResponseCode::Auth) => ErrorKind::Authentication,
            _ => otherwise,
        };
        self.with_kind(kind)
    }

    /// Adds a detail to the message, in parentheses.
    #[must_use]
    pub(crate) fn with_detail(mut self, detail: &str) -> Self {
        self.message = format!("{} ({detail})", self.message);
        self
    }

    /// Who must act.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What happened, without the server's line.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The server's line that caused it, raw, without its line end: `b"-ERR [IN-USE] maildrop locked"`, cut at
    /// [`Error::MAX_RESPONSE`] octets. It is a stranger's text; escape it before it reaches a terminal.
    #[must_use]
    pub fn response(&self) -> Option<&[u8]> {
        self.response.as_deref()
    }

    /// The message in whose answer it happened, if it is known: the one that was on its way in, or was awaited.
    #[must_use]
    pub fn number(&self) -> Option<MessageNumber> {
        self.number
    }

    /// True if commands were pipelined (RFC 2449 §6.6) when it happened: a server that cannot cope with that may give the
    /// messages one command at a time ([`Connector::no_pipelining`](crate::session::Connector::no_pipelining)).
    #[must_use]
    pub fn is_pipelined(&self) -> bool {
        self.pipelined
    }

    /// Returns the kind of the I/O error beneath, if there is one: `TimedOut` and `ConnectionRefused` are both
    /// [`ErrorKind::Unavailable`].
    #[must_use]
    pub fn io_kind(&self) -> Option<io::ErrorKind> {
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            if let Some(error) = error.downcast_ref::<io::Error>() {
                return Some(error.kind());
            }
            source = error.source();
        }
        None
    }

    /// The response code (RFC 2449 §8) in the server's line.
    #[must_use]
    pub fn response_code(&self) -> Option<ResponseCode<'_>> {
        crate::proto::status::StatusLine::parse(self.response()?).ok()?.response_code()
    }
}

impl From<io::Error> for Error {
    /// Takes out the [`Error`] that a [`Message`](crate::session::Message) gave to a reader; any other I/O error is the
    /// caller's own, of kind [`ErrorKind::Io`].
    fn from(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(error) => error,
            Err(error) => Self::new(ErrorKind::Io, error.to_string()).with_source(error),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(line) = &self.response {
            write!(f, ": {}", crate::trace::Escaped(line))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}: {self})", self.kind)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_io_error_keeps_its_kind() {
        let error = Error::from(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!((error.kind(), error.io_kind()), (ErrorKind::Io, Some(io::ErrorKind::StorageFull)));
        assert_eq!(Error::new(ErrorKind::Refused, "no").io_kind(), None);
    }

    /// `std::io::copy` of a message must not turn a lost connection into a problem of the file.
    #[test]
    fn an_error_survives_the_way_through_a_reader() {
        let lost =
            Error::new(ErrorKind::Unavailable, "lost").with_source(io::Error::from(io::ErrorKind::TimedOut));
        let error = Error::from(io::Error::other(lost));
        assert_eq!((error.kind(), error.io_kind()), (ErrorKind::Unavailable, Some(io::ErrorKind::TimedOut)));
        assert_eq!(error.message(), "lost");
    }
}
