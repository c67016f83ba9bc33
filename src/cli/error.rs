//! Errors of a run: the exit code, the error code of `--json` and a hint.

use std::{borrow::Cow, fmt, io};

use super::escape::{MAX_MESSAGE, shorten_to, text};
use crate::{Error, ErrorKind, delivery, net::ProxyFailure, proto::ResponseCode};

/// The error codes of `--json`. Each has an exit code, taken from `sysexits.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    Usage,
    NoSuchMessage,
    Data,
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

impl ErrorCode {
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::NoSuchMessage | Self::Data => 65,
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
            Self::Data => "data",
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

/// The error that ends a run. It is printed as one line of text or as one JSON object.
#[derive(Debug)]
pub struct CliError {
    pub code: ErrorCode,
    /// The failure and its cause, with secrets redacted.
    pub message: String,
    /// The server's response as text, with secrets redacted.
    pub response: Option<String>,
    /// A hint for the user.
    pub hint: Option<Cow<'static, str>>,
    /// The message that was being transferred.
    pub location: Option<Location>,
}

/// A message of the session.
#[derive(Debug)]
pub struct Location {
    pub number: u32,
    /// The unique-id, in the same form as in rows.
    pub uid: Option<String>,
}

/// The reason why a subcommand stops early.
#[derive(Debug)]
pub enum Abort {
    Error(CliError),
    /// The reader of standard output closed the pipe (`| head`). This is an error only if deletions were to be committed.
    ClosedPipe {
        committing: bool,
    },
}

impl CliError {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), response: None, hint: None, location: None }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Usage, message)
    }

    pub fn configuration(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Configuration, message)
    }

    /// Creates an error for a failed operation and its cause: `cannot open the trace x: permission denied`.
    pub fn output(what: impl fmt::Display, error: &io::Error) -> Self {
        Self::new(ErrorCode::Output, format!("{what}: {error}"))
    }

    /// Creates the error of a run in which the server refused some messages.
    pub fn partial(refused: &[u32]) -> Self {
        let plural = if refused.len() == 1 { "" } else { "s" };
        let named: Vec<String> = refused.iter().take(MAX_NAMED).map(u32::to_string).collect();
        let more = match refused.len() - named.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let named = named.join(", ");
        Self::new(
            ErrorCode::Partial,
            format!("the server refused message{plural} {named}{more}; the others were processed"),
        )
    }

    /// Returns the error of a proxy: hints about the server do not help.
    fn of_proxy(code: ErrorCode, failure: ProxyFailure, error: &Error) -> Self {
        let hint = match failure {
            ProxyFailure::Credentials => {
                "check the user and password in the URL of the proxy; reserved characters are percent-encoded"
            }
            ProxyFailure::Refused => "check --host and --port, and what the proxy allows",
            ProxyFailure::Broken => "check the proxy: its port, and whether it is socks5:// or http://",
            _ => {
                "check --proxy, and the variables POP3_PROXY and ALL_PROXY; an empty POP3_PROXY means no proxy"
            }
        };
        Self::new(code, error.message()).or_hint(Some(hint))
    }

    /// Returns the message and the hint.
    pub fn advice(&self) -> String {
        let message = shorten_to(MAX_MESSAGE, &self.message);
        match &self.hint {
            Some(hint) => format!("{message}; {hint}"),
            None => message.into_owned(),
        }
    }

    /// Adds the message that was being transferred.
    pub fn within(mut self, number: u32, uid: Option<String>) -> Self {
        self.location = Some(Location { number, uid });
        self
    }

    /// Adds a hint unless the error has one.
    pub fn or_hint(mut self, hint: Option<&'static str>) -> Self {
        self.hint = self.hint.or(hint.map(Cow::Borrowed));
        self
    }
}

impl From<Error> for CliError {
    fn from(error: Error) -> Self {
        let code = match error.kind() {
            ErrorKind::Argument => ErrorCode::Configuration,
            ErrorKind::Host => ErrorCode::Host,
            ErrorKind::Unavailable => ErrorCode::Unavailable,
            ErrorKind::Temporary => ErrorCode::Temporary,
            ErrorKind::Tls => ErrorCode::Tls,
            ErrorKind::Authentication => ErrorCode::Authentication,
            ErrorKind::Unsupported | ErrorKind::Refused | ErrorKind::Protocol => ErrorCode::Protocol,
            ErrorKind::CommitUnknown => ErrorCode::CommitUnknown,
            ErrorKind::Io => ErrorCode::Output,
        };
        if let Some(failure) = ProxyFailure::of(&error) {
            return Self::of_proxy(code, failure, &error);
        }
        let hint = match (error.kind(), error.response_code()) {
            (ErrorKind::Temporary, Some(ResponseCode::InUse)) => {
                Some("another session holds the maildrop: try again later, or give --wait more seconds")
            }
            (ErrorKind::Temporary, Some(ResponseCode::LoginDelay)) => {
                Some("the server requires a longer interval between logins: try again later")
            }
            (ErrorKind::Temporary, _) => Some("try again later"),
            (ErrorKind::CommitUnknown, _) => Some("run the command again to delete the messages that remain"),
            (ErrorKind::Protocol | ErrorKind::Refused, _) if error.is_pipelined() => {
                Some("if the server does not support pipelining correctly, --no-pipelining may help")
            }
            (ErrorKind::Authentication, _) => Some("check the user name and the password"),
            _ => None,
        };
        Self {
            code,
            message: error.message().to_owned(),
            response: error.response().map(|line| text(line).into_owned()),
            hint: hint.map(Cow::Borrowed),
            location: None,
        }
    }
}

/// Converts errors of the record and its lock, which do not involve standard output.
impl From<delivery::Error> for CliError {
    fn from(error: delivery::Error) -> Self {
        let code = match error.kind() {
            delivery::ErrorKind::Output | delivery::ErrorKind::ClosedPipe => ErrorCode::Output,
            delivery::ErrorKind::Busy => ErrorCode::Temporary,
            delivery::ErrorKind::TimedOut => ErrorCode::Unavailable,
            delivery::ErrorKind::Refused => ErrorCode::Partial,
            delivery::ErrorKind::Session => ErrorCode::Protocol,
        };
        let message = error.message().to_owned();
        error.into_session().map_or_else(|| Self::new(code, message), Self::from)
    }
}

impl From<delivery::Error> for Abort {
    fn from(error: delivery::Error) -> Self {
        match error.kind() {
            delivery::ErrorKind::ClosedPipe => Self::ClosedPipe { committing: false },
            _ => Self::Error(error.into()),
        }
    }
}

impl From<CliError> for Abort {
    fn from(failure: CliError) -> Self {
        Self::Error(failure)
    }
}

impl From<Error> for Abort {
    fn from(error: Error) -> Self {
        Self::Error(CliError::from(error))
    }
}

/// Converts only errors of standard output: all other writers name their file in the error.
impl From<io::Error> for Abort {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::ClosedPipe { committing: false };
        }
        Self::Error(CliError::output("cannot write standard output", &error))
    }
}

/// Maximum number of refused messages that an error names. Each of them also has a row.
const MAX_NAMED: usize = 100;
