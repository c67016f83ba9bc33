//! From what went wrong to the exit code, the error code of `--json` and a hint; the only place that knows them.

use std::fmt;

use pop3::{Error, ErrorKind, proto::status::ResponseCode, trace::Escaped};

/// The error codes of the contract; each has one exit code (those of `sysexits.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    Usage,
    NoSuchMessage,
    Host,
    Unavailable,
    Output,
    Temporary,
    CommitUnknown,
    Protocol,
    Partial,
    Authentication,
    Configuration,
    Tls,
}

impl Code {
    pub fn exit(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::NoSuchMessage => 65,
            Self::Host => 68,
            Self::Unavailable => 69,
            Self::Output => 73,
            Self::Temporary | Self::CommitUnknown => 75,
            Self::Protocol | Self::Partial => 76,
            Self::Authentication => 77,
            Self::Configuration | Self::Tls => 78,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::NoSuchMessage => "no-such-message",
            Self::Host => "host",
            Self::Unavailable => "unavailable",
            Self::Output => "output",
            Self::Temporary => "temporary",
            Self::CommitUnknown => "commit-unknown",
            Self::Protocol => "protocol",
            Self::Partial => "partial",
            Self::Authentication => "authentication",
            Self::Configuration => "configuration",
            Self::Tls => "tls",
        }
    }
}

/// Why a run ends without success: one line for a person, or one JSON object.
#[derive(Debug)]
pub struct Failure {
    pub code: Code,
    /// One line: what happened and what to do; escaped, secrets masked.
    pub message: String,
    /// The server's line, escaped, secrets masked.
    pub response: Option<String>,
}

impl Failure {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), response: None }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Code::Usage, message)
    }

    pub fn configuration(message: impl Into<String>) -> Self {
        Self::new(Code::Configuration, message)
    }

    /// The destination, the trace or the state cannot be read or written: `what` names it.
    pub fn output(what: impl fmt::Display, error: &std::io::Error) -> Self {
        Self::new(Code::Output, format!("{what}: {error}"))
    }
}
