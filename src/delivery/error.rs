//! Errors of storing and remembering messages.

use std::{fmt, io};

/// The kind of an error, by who must act. Exhaustive on purpose: a front end that maps kinds to exit codes stops compiling when
/// a kind is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The destination or the record cannot be read or written, or the command of a pipe failed.
    Output,
    /// The destination refused this message for good.
    Refused,
    /// Another process holds the record or the mbox: try again later.
    Busy,
    /// The reader of standard output closed it.
    ClosedPipe,
    /// The deadline passed.
    TimedOut,
    /// The session with the server failed; see [`Error::into_session`].
    Session,
}

/// An error of this layer: one line of text, lower case, no full stop.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    session: Option<Box<crate::Error>>,
}

impl Error {
    /// Returns an error of this kind with a message.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), session: None }
    }

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the message: what failed and why.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the error of the session for an error of kind [`ErrorKind::Session`].
    #[must_use]
    pub fn into_session(self) -> Option<crate::Error> {
        self.session.map(|error| *error)
    }

    /// `what` names what cannot be read or written.
    pub(crate) fn output(what: impl fmt::Display, error: &io::Error) -> Self {
        Self::new(ErrorKind::Output, format!("{what}: {error}"))
    }

    pub(crate) fn closed_pipe() -> Self {
        Self::new(ErrorKind::ClosedPipe, "standard output was closed by its reader")
    }

    /// Returns a copy.
    pub(crate) fn repeat(&self) -> Self {
        let session = self.session.as_deref().map(|error| {
            let again = crate::Error::new(error.kind(), error.message());
            Box::new(match error.response() {
                Some(line) => again.with_response(line),
                None => again,
            })
        });
        Self { kind: self.kind, message: self.message.clone(), session }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.session.as_deref().map(|error| error as _)
    }
}

impl From<crate::Error> for Error {
    fn from(error: crate::Error) -> Self {
        Self { kind: ErrorKind::Session, message: error.to_string(), session: Some(Box::new(error)) }
    }
}
