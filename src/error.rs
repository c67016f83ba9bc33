//! The error type of the library, and its kinds.

use std::{fmt, io};

use crate::proto::{MessageNumber, ProtocolError, ResponseCode};

/// The kind of an error, which shows if the caller, the user or the operator of the server must act.
///
/// Exhaustive on purpose: a front end that maps kinds to exit codes, messages or retries stops compiling when a kind is
/// added, instead of ignoring it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A value from the caller is invalid, for example a control character in a user name or a port of 0.
    Argument,
    /// The name of the server or the proxy does not resolve.
    Host,
    /// The server is unavailable: no connection, a lost connection, a timeout, an `-ERR` greeting, or `[SYS/PERM]`.
    Unavailable,
    /// The server asks to try again later: `[IN-USE]`, `[LOGIN-DELAY]`, `[SYS/TEMP]`.
    Temporary,
    /// The TLS handshake failed, the certificate is not trusted, or the server has no `STLS`.
    Tls,
    /// The server refused the credentials.
    Authentication,
    /// The server lacks a capability that the call requires.
    Unsupported,
    /// The server answered `-ERR` to a command; the session can still be used.
    Refused,
    /// The server broke the protocol; the session cannot be used any more.
    Protocol,
    /// `QUIT` was sent but not answered, so it is unknown whether the server deleted the marked messages.
    CommitUnknown,
    /// The caller's own I/O failed, for example on a file. The library never returns this kind; `?` creates it from
    /// an [`io::Error`].
    Io,
}

/// An error of this library: a [kind](ErrorKind), a one-line message in lower case, and the server's response if that
/// caused the error.
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
    /// The maximum number of bytes of the server's response that an error keeps: RFC 2449 §4 limits the first line of
    /// a response to 512 octets.
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

    /// Sets whether commands were pipelined.
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

    /// Sets the kind of a refusal that ends the session by its response code (RFC 2449 §8, RFC 3206), or to
    /// `otherwise` if there is none.
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

    /// Returns the server's response that caused the error, without its line end and truncated to
    /// [`Error::MAX_RESPONSE`] bytes: `b"-ERR [IN-USE] maildrop locked"`. The text is untrusted: escape it before
    /// printing it to a terminal.
    #[must_use]
    pub fn response(&self) -> Option<&[u8]> {
        self.response.as_deref()
    }

    /// Returns the number of the message that was being received or waited for, if any.
    #[must_use]
    pub fn number(&self) -> Option<MessageNumber> {
        self.number
    }

    /// Returns true if commands were pipelined (RFC 2449 §6.6) when the error occurred. With a server that handles
    /// pipelining incorrectly, one command at a time may work
    /// ([`Connector::no_pipelining`](crate::session::Connector::no_pipelining)).
    #[must_use]
    pub fn is_pipelined(&self) -> bool {
        self.pipelined
    }

    /// Returns the kind of the underlying I/O error, if there is one. It distinguishes causes of the same
    /// [`ErrorKind`], such as `TimedOut` and `ConnectionRefused`.
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
    /// Returns an error of kind [`ErrorKind::Protocol`].
    fn from(error: ProtocolError) -> Self {
        Self::new(ErrorKind::Protocol, error.to_string()).with_source(error)
    }
}

impl From<io::Error> for Error {
    /// Returns the [`Error`] that a [`Message`](crate::session::Message) wrapped for its reader. Any other I/O error
    /// becomes one of kind [`ErrorKind::Io`].
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

    /// If `std::io::copy` of a message fails, the error must show that the connection was lost, not blame the file.
    #[test]
    fn an_error_survives_conversion_by_a_reader() {
        let lost =
            Error::new(ErrorKind::Unavailable, "lost").with_source(io::Error::from(io::ErrorKind::TimedOut));
        let error = Error::from(io::Error::other(lost));
        assert_eq!((error.kind(), error.io_kind()), (ErrorKind::Unavailable, Some(io::ErrorKind::TimedOut)));
        assert_eq!(error.message(), "lost");
    }
}
