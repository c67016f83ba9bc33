//! Errors of storing and recording messages.

use std::{fmt, io};

/// The kind of an error. Each kind calls for a different reaction. Exhaustive on purpose: a front end that maps kinds to exit
/// codes no longer compiles when a kind is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The destination or the record cannot be read or written, or the command of a pipe failed.
    Output,
    /// The destination rejected this message permanently.
    Refused,
    /// Another process has locked the record or the mbox: try again later.
    Busy,
    /// The reader of standard output closed it.
    ClosedPipe,
    /// The deadline passed.
    TimedOut,
    /// The session with the server failed; see [`Error::into_session`].
    Session,
}

/// An error of storing or recording messages: one line of text, in lower case, without a full stop.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    session: Option<Box<crate::Error>>,
}

impl Error {
    /// Creates an error of a kind with a message.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), session: None }
    }

    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the message: what failed and why.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the session's error if the kind is [`ErrorKind::Session`].
    #[must_use]
    pub fn into_session(self) -> Option<crate::Error> {
        self.session.map(|error| *error)
    }

    /// Creates an error from a failed operation (`what`, such as "cannot write to mail.mbox") and its cause.
    pub(crate) fn output(what: impl fmt::Display, error: &io::Error) -> Self {
        Self::new(ErrorKind::Output, format!("{what}: {error}"))
    }

    pub(crate) fn closed_pipe() -> Self {
        Self::new(ErrorKind::ClosedPipe, "standard output was closed by its reader")
    }

    /// Returns a copy. The error cannot derive `Clone`, because `crate::Error` does not.
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
