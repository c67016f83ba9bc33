//! Failures of a proxy, by who must act.

use std::error::Error as StdError;
use std::fmt;

use crate::Error;

/// The cause of a proxy's error, for hints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyFailure {
    /// The proxy cannot be connected to: its name does not resolve, or it does not answer.
    Unreachable,
    /// The proxy asks for a user and password, or refused those that it got.
    Credentials,
    /// The proxy did not connect to the server.
    Refused,
    /// The proxy broke the protocol, or closed the connection.
    Broken,
}

impl ProxyFailure {
    /// Returns the cause of an error, if a proxy caused it.
    #[must_use]
    pub fn of(error: &Error) -> Option<Self> {
        StdError::source(error)?.downcast_ref().map(|Caused { failure, .. }| *failure)
    }

    /// A source for an error; the error beneath it stays in the chain of sources.
    pub(in crate::net) fn caused_by(self, source: Option<Box<dyn StdError + Send + Sync>>) -> Caused {
        Caused { failure: self, source }
    }
}

#[derive(Debug)]
pub(in crate::net) struct Caused {
    failure: ProxyFailure,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl fmt::Display for Caused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the proxy failed")
    }
}

impl StdError for Caused {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::ErrorKind;

    #[test]
    fn a_failure_keeps_the_kind_of_the_io_error() {
        let timeout = io::Error::from(io::ErrorKind::TimedOut);
        let error = Error::new(ErrorKind::Unavailable, "x")
            .with_source(ProxyFailure::Broken.caused_by(Some(Box::new(timeout))));
        assert_eq!(ProxyFailure::of(&error), Some(ProxyFailure::Broken));
        assert_eq!(error.io_kind(), Some(io::ErrorKind::TimedOut));
        assert_eq!(ProxyFailure::of(&Error::new(ErrorKind::Unavailable, "x")), None);
    }
}
