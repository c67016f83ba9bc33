//! The objects of `--json`. Their keys are a public interface and never change.

mod line;
mod path;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, fmt};

use serde::{Serialize, Serializer};

pub use self::{
    line::write_line,
    path::{path, path_octets},
};
use super::error::{Abort, CliError, ErrorCode};
use crate::{
    bytes::{Hex, rfc3339},
    header,
};

/// The object of `status`. The keys of new messages are `null` on a server without unique-ids.
#[derive(Debug, Serialize)]
pub struct Status {
    pub messages: u32,
    pub octets: u64,
    pub new_messages: Option<u32>,
    pub new_octets: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<Server>,
}

/// The server in the object of `status --server`. A key is `null` if the server did not send the value.
#[derive(Debug, Default, Serialize)]
pub struct Server {
    pub greeting: String,
    /// The lines of the response to `CAPA`; `null` if the server refused the command.
    pub capabilities: Option<Vec<String>>,
    pub tls_version: Option<String>,
    pub cipher: Option<String>,
    pub certificate: Option<Certificate>,
    pub mechanism: Option<String>,
    /// The delay in seconds.
    pub login_delay: Option<u64>,
    pub expire: Option<Expire>,
}

#[derive(Debug, Serialize)]
pub struct Certificate {
    pub subject: String,
    pub issuer: String,
    /// RFC 3339, in UTC.
    pub not_before: String,
    pub not_after: String,
    /// The SHA-256 digest in lower-case hex.
    pub sha256: String,
}

/// The capability `EXPIRE` (RFC 2449 §6.7): a number of days, or `"NEVER"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expire {
    Days(u64),
    Never,
}

/// The object of `uidl`, and the first keys of the object of `headers`.
#[derive(Debug, Serialize)]
pub struct Uidl {
    pub number: u32,
    pub uid: Option<String>,
    /// `null` if the server listed no size.
    pub octets: Option<u64>,
    pub new: Option<bool>,
}

/// The object of `headers`.
#[derive(Debug, Serialize)]
pub struct Headers<'m> {
    #[serde(flatten)]
    pub message: Uidl,
    pub date: Option<Date>,
    pub from: Option<Vec<Mailbox>>,
    pub to: Option<Vec<Mailbox>>,
    pub cc: Option<Vec<Mailbox>>,
    pub subject: Option<String>,
    pub message_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<Vec<(String, String)>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview: Option<Preview<'m>>,
}

/// The date of a message (RFC 3339).
#[derive(Debug, Clone, Copy)]
pub struct Date(pub header::Date);

impl Date {
    /// Returns the seconds since 1970. A leap second belongs to the minute before it.
    pub fn unix_seconds(self) -> i64 {
        self.0.unix_seconds() - i64::from(self.0.is_leap_second())
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// The first lines of a body.
#[derive(Debug, Clone, Copy)]
pub struct Preview<'m> {
    /// The beginning of the message, with its header.
    pub message: &'m [u8],
    pub lines: u32,
}

impl<'m> Preview<'m> {
    pub fn lines(self) -> impl Iterator<Item = Cow<'m, str>> + Clone {
        header::preview(self.message, self.lines as usize)
    }
}

impl Serialize for Preview<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.lines())
    }
}

/// A sender or recipient (RFC 5322 §3.4 `mailbox`). The address is `null` if the field has only a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mailbox {
    pub name: Option<String>,
    pub address: Option<String>,
}

impl Mailbox {
    /// Converts a list of mailboxes.
    pub fn list(mailboxes: Vec<header::Mailbox>) -> Vec<Self> {
        mailboxes.into_iter().map(|header::Mailbox { name, address }| Self { name, address }).collect()
    }
}

/// A SHA-256 hash, as 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy)]
pub struct Sha256(pub [u8; 32]);

impl Serialize for Sha256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Hex(&self.0))
    }
}

/// The object of `fetch`.
#[derive(Debug, Serialize)]
pub struct Fetch {
    pub number: u32,
    pub uid: Option<String>,
    pub octets: Option<u64>,
    pub path: Option<String>,
    /// True if the path is percent-encoded because it is not UTF-8.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub path_encoded: bool,
    pub sha256: Option<Sha256>,
    pub deleted: Deletion,
    /// True if the file already existed with the same content. For text output only.
    #[serde(skip)]
    pub kept: bool,
}

/// A time in seconds since 1970, written as RFC 3339 in UTC.
#[derive(Debug, Clone, Copy)]
pub struct Time(pub i64);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&rfc3339(self.0))
    }
}

/// The object of `record`.
#[derive(Debug, Serialize)]
pub struct Record {
    pub uid: String,
    pub fetched: Time,
    pub place: String,
    pub deleted: bool,
    /// Only text output has this value.
    #[serde(skip)]
    pub pending_deletion: bool,
}

/// The object of `delete`.
#[derive(Debug, Serialize)]
pub struct Delete {
    pub number: u32,
    pub uid: Option<String>,
    pub octets: Option<u64>,
    pub deleted: Deletion,
}

/// The object of `accounts`. A key is `null` if neither the account nor the environment sets the value.
#[allow(clippy::struct_field_names, reason = "the names are the keys")]
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    pub account: String,
    pub host: Option<String>,
    pub port: u16,
    pub user: Option<String>,
    pub default: bool,
}

/// The state of the deletion of a message. In JSON, [`Done`](Self::Done) is `true`, [`Unknown`](Self::Unknown) `null`,
/// every other state `false`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// Not requested.
    No,
    /// The message was marked but not deleted: without `--commit`, the marks are discarded at the end of the session.
    Marked,
    /// The session ended before `QUIT`.
    Failed,
    /// The server confirmed `QUIT`.
    Done,
    /// `QUIT` was sent, but its response was lost.
    Unknown,
}

impl Deletion {
    /// Returns the state of the marked messages, given the result of the session.
    pub fn of(commit: bool, ended: &Result<(), Abort>) -> Self {
        match ended {
            Ok(()) if commit => Self::Done,
            Ok(()) => Self::Marked,
            Err(Abort::Error(failure)) if failure.code == ErrorCode::CommitUnknown => Self::Unknown,
            Err(_) => Self::Failed,
        }
    }
}

/// The object of `login --device`, with the code that the user enters in a browser.
#[derive(Debug, Serialize)]
pub struct DeviceLine<'a> {
    pub device: &'a Device,
}

#[derive(Debug, Serialize)]
pub struct Device {
    pub url: String,
    pub code: String,
    /// RFC 3339, in UTC.
    pub expires: String,
}

/// A message that the server refused.
#[derive(Debug, Serialize)]
pub struct Refused {
    pub number: u32,
    pub uid: Option<String>,
    /// The server's response.
    pub error: String,
}

/// An error, on standard error.
#[derive(Debug, Serialize)]
pub struct ErrorLine<'a> {
    error: ErrorObject<'a>,
}

#[derive(Debug, Serialize)]
struct ErrorObject<'a> {
    code: &'static str,
    exit: u8,
    message: String,
    response: Option<&'a str>,
    #[serde(flatten)]
    location: Option<LocationObject<'a>>,
}

/// The message that was being transferred.
#[derive(Debug, Serialize)]
struct LocationObject<'a> {
    number: u32,
    uid: Option<&'a str>,
}

/// A warning, on standard error.
#[derive(Debug, Serialize)]
pub struct WarningLine<'a> {
    warning: WarningObject<'a>,
}

#[derive(Debug, Serialize)]
struct WarningObject<'a> {
    message: &'a str,
}

impl<'a> ErrorLine<'a> {
    pub fn new(failure: &'a CliError) -> Self {
        let CliError { code, response, .. } = failure;
        let (message, response) = (failure.advice(), response.as_deref());
        let location = failure.location.as_ref();
        let location = location.map(|at| LocationObject { number: at.number, uid: at.uid.as_deref() });
        Self { error: ErrorObject { code: code.name(), exit: code.exit_code(), message, response, location } }
    }
}

impl<'a> WarningLine<'a> {
    pub fn new(message: &'a str) -> Self {
        Self { warning: WarningObject { message } }
    }
}

impl Serialize for Expire {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Days(days) => serializer.serialize_u64(*days),
            Self::Never => serializer.serialize_str("NEVER"),
        }
    }
}

impl fmt::Display for Expire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Days(1) => f.write_str("1 day"),
            Self::Days(days) => write!(f, "{days} days"),
            Self::Never => f.write_str("never"),
        }
    }
}

impl Serialize for Deletion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::No | Self::Marked | Self::Failed => serializer.serialize_bool(false),
            Self::Done => serializer.serialize_bool(true),
            Self::Unknown => serializer.serialize_none(),
        }
    }
}
