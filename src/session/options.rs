//! The options of a session.

use std::fmt;

use crate::trace::Trace;

/// The options of a session: by default pipelining, and no trace.
pub struct SessionOptions {
    pub(super) pipelining: bool,
    pub(super) trace: Option<Box<dyn Trace>>,
}

impl SessionOptions {
    /// Sets whether commands are pipelined (RFC 2449 §6.6) if the server announces `PIPELINING`; true by default.
    #[must_use]
    pub fn pipelining(mut self, pipelining: bool) -> Self {
        self.pipelining = pipelining;
        self
    }

    /// Sets the destination of the trace, in which secrets are redacted. By default there is no trace.
    #[must_use]
    pub fn trace(mut self, trace: impl Into<Option<Box<dyn Trace>>>) -> Self {
        self.trace = trace.into();
        self
    }
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self { pipelining: true, trace: None }
    }
}

impl fmt::Debug for SessionOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionOptions")
            .field("pipelining", &self.pipelining)
            .field("trace", &self.trace.is_some())
            .finish()
    }
}
