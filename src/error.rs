//! The error type, and its kinds by who must act.

use std::{fmt, io};

use crate::proto::{MessageNumber, ProtocolError, ResponseCode};

/// The kind of an error: who must act, and on what.
///
/// Exhaustive on purpose: a front end that maps kinds to exit codes, messages or retries stops compiling when a kind is
/// added, instead of ignoring it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A value from the caller is invalid: a control character in a user name, a port of 0.
    Argument,
    /// The name of the server or the proxy does not resolve.
    Host,
    /// No connection, a lost connection, a timeout, an `-ERR` greeting, `[SYS/PERM]`.
    Unavailable,
    /// The server asks to try again later: `[IN-USE]`, `[LOGIN-DELAY]`, `[SYS/TEMP]`.
    Temporary,
    /// The TLS handshake failed, the certificate is not trusted, or the server has no `STLS`.
    Tls,
    /// The server refused the credentials.
    Authentication,
    /// The server lacks a capability that the call needs.
    Unsupported,
    /// The server answered `-ERR` to a command; the session can still be used.
    Refused,
    /// The server broke the protocol; the session cannot be used any more.
    Protocol,
    /// `QUIT` was sent and no response came: it is unknown whether the marked messages were deleted.
    CommitUnknown,
    /// I/O of the caller failed, for example on a file. The library returns no such error; it is made by `?` from an
    /// [`io::Error`].
    Io,
}

/// An error of this library: a [kind](ErrorKind), a message of one line in lower case, and the server's response if one
/// caused it.
///
/// ```
/// use pop3::{Error, ErrorKind, proto::ResponseCode};
/// let error = Error::new(ErrorKind::Temporary, "the server refused PASS").with_response(b"-ERR [IN-USE] locked");
/// assert_eq!(error.response_code(), Some(ResponseCode::InUse));
/// assert_eq!(error.to_string(), "the server refused PASS: -ERR [IN-USE] locked");
/// ```
pub struct Error {
    kind: ErrorKind,
    message: String,
    response: Option<Vec<u8>>,
    number: Option<MessageNumber>,
    pipelined: bool,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// The most bytes of the server's response that an error keeps: RFC 2449 §4 allows 512 octets in a first line.
    pub const MAX_RESPONSE: usize = 512;

    /// Returns an error with a kind and a message.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), response: None, number: None, pipelined: false, source: None }
    }

    /// Adds the response that caused the error, without its line end, truncated to [`Error::MAX_RESPONSE`] bytes. It must
    /// contain no secrets.
    #[must_use]
    pub fn with_response(mut self, line: impl Into<Vec<u8>>) -> Self {
        let mut line = line.into();
        line.truncate(Self::MAX_RESPONSE);
        line.shrink_to_fit();
        self.response = Some(line);
        self
    }

    /// Adds the underlying error.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds the number of the message that the error concerns.
    #[must_use]
    pub fn with_number(mut self, number: MessageNumber) -> Self {
        self.number = Some(number);
        self
    }

    /// Sets if commands were pipelined.
    #[must_use]
    pub(crate) fn with_pipelining(mut self, pipelined: bool) -> Self {
        self.pipelined = pipelined;
        self
    }

    /// Replaces the kind.
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

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the message, without the server's response.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the server's response that caused the error, raw, without its line end, truncated to
    /// [`Error::MAX_RESPONSE`] bytes: `b"-ERR [IN-USE] maildrop locked"`. Escape this untrusted text before it reaches a
    /// terminal.
    #[must_use]
    pub fn response(&self) -> Option<&[u8]> {
        self.response.as_deref()
    }

    /// Returns the number of the message that was being received or waited for, if there was one.
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

    /// Returns the response code (RFC 2449 §8) in the server's response.
    #[must_use]
    pub fn response_code(&self) -> Option<ResponseCode<'_>> {
        crate::proto::status::StatusLine::parse(self.response()?).ok()?.response_code()
    }
}

impl From<ProtocolError> for Error {
    /// Of kind [`ErrorKind::Protocol`].
    fn from(error: ProtocolError) -> Self {
        Self::new(ErrorKind::Protocol, error.to_string()).with_source(error)
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
