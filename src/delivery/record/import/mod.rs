//! Imports other programs' lists of seen messages, so that a switch to `pop3` does not download everything again.
//!
//! | program | format |
//! | --- | --- |
//! | mpop | ` N HOST USER`, then N lines `UID` (to 1.4.22) or `UID TIME` (from 1.4.23) |
//! | fetchmail | `USER@HOST UID` |
//! | getmail | `UID NUL TIME`; the file name contains the account |
//! | Thunderbird | `*HOST USER`, then `STATUS UID TIME` |
//!
//! [`read`] depends on nothing but the content and name of the file. It reads line by line, in constant memory.

mod batch;
mod fetchmail;
mod getmail;
mod mpop;
mod owners;
#[cfg(test)]
mod tests;
mod thunderbird;

use std::io::{self, BufRead, Read as _};

pub use batch::Batch;

use self::owners::{Owner, Owners};
use crate::net::Address;

/// The program that wrote a list of seen messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tool {
    /// mpop: `~/.mpop_uidls/USER_at_HOST`, or its `uidls_file`.
    Mpop,
    /// fetchmail: `~/.fetchids`.
    Fetchmail,
    /// getmail6: `oldmail-SERVER-PORT-USER` in its configuration folder.
    Getmail,
    /// Thunderbird: `popstate.dat`.
    Thunderbird,
}

impl Tool {
    /// Returns the name of the program in lower case: `mpop`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mpop => "mpop",
            Self::Fetchmail => "fetchmail",
            Self::Getmail => "getmail",
            Self::Thunderbird => "thunderbird",
        }
    }
}

/// The account to import.
///
/// Exhaustive on purpose: a user and a server define an account.
#[derive(Debug, Clone, Copy)]
pub struct Account<'a> {
    /// The user name, as sent to the server.
    pub user: &'a str,
    /// The address of the server.
    pub address: &'a Address,
}

/// A message that the other program fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Seen<'a> {
    /// The unique-id, not empty and without control characters.
    pub unique_id: &'a [u8],
    /// The time of fetching, in seconds since 1970, if the list contains it.
    pub time: Option<u64>,
}

/// The result of reading a list.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The program that wrote the list.
    pub tool: Tool,
    /// The number of messages of the account.
    pub messages: u64,
    /// The number of malformed lines.
    pub malformed: u64,
    /// The number of the first malformed line, from 1; 0 if there is none.
    pub first_malformed: u64,
}

/// The reason why a list cannot be imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file cannot be read.
    #[error("{0}")]
    Read(io::Error),
    /// The caller's closure returned this error.
    #[error("{0}")]
    Take(io::Error),
    /// The format is unknown, or is not that of the named program.
    #[error("not a list of seen messages of {}", expected(*.0))]
    UnknownForm(Option<Tool>),
    /// A line, given by its number, is too long for a list.
    #[error("not a list of seen messages: line {0} has more than {MAX_LINE} bytes")]
    LongLine(u64),
    /// The list is incomplete: it ends in the line with this number.
    #[error("the list is incomplete in line {0}: another program may be writing it")]
    Incomplete(u64),
    /// The file has lists of other accounts only.
    #[error("no list of {account}: the file has {others}")]
    OtherAccounts {
        /// The requested account.
        account: String,
        /// The accounts in the file, as written there: `alice@pop.example.org, bob@pop.example.org, …`.
        others: String,
    },
}

/// Reads a list and calls `take` with every message of the account, in the order of the file.
///
/// The format is that of the program `from`. If `from` is `None`, the format is detected from the first line that has a known
/// format. `file_name` is the last component of the file's path: getmail puts the account there; with `from`, a getmail file may
/// have any name. If an error is returned, the caller must discard the messages received so far.
///
/// # Errors
///
/// See [`ImportError`].
pub fn read(
    mut input: impl BufRead,
    file_name: &str,
    from: Option<Tool>,
    account: &Account<'_>,
    mut take: impl FnMut(Seen<'_>) -> io::Result<()>,
) -> Result<Summary, ImportError> {
    let mut form = from.map(Form::new);
    let mut owners = Owners::new(account, from == Some(Tool::Getmail));
    let (mut messages, mut foreign, mut malformed, mut first_malformed) = (0, 0, 0, 0);
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        number += 1;
        line.clear();
        let read = (&mut input).take(MAX_LINE as u64 + 1).read_until(b'\n', &mut line);
        if read.map_err(ImportError::Read)? == 0 {
            break;
        }
        let Some(text) = line.strip_suffix(b"\n") else {
            return Err(match form {
                _ if line.len() > MAX_LINE => ImportError::LongLine(number),
                None => ImportError::UnknownForm(from),
                Some(_) => ImportError::Incomplete(number),
            });
        };
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if form.is_none() {
            form = recognise(text).map(Form::new);
            if let Some(Form::Getmail) = form {
                owners.enter_file(file_name);
            }
        }
        let parsed = match &mut form {
            Some(form) => form.line(text),
            None if text.is_empty() || text.starts_with(b"#") => Line::Nothing,
            None => Line::Malformed,
        };
        match parsed {
            Line::Nothing => {}
            Line::Account(owner) => owners.enter(owner),
            Line::Seen(owner, seen) if is_unique_id(seen.unique_id) => {
                if let Some(owner) = owner {
                    owners.enter(owner);
                }
                if owners.ours {
                    messages += 1;
                    take(seen).map_err(ImportError::Take)?;
                } else {
                    foreign += 1;
                }
            }
            Line::Incomplete => return Err(ImportError::Incomplete(number)),
            Line::Malformed | Line::Seen(..) => {
                malformed += 1;
                if malformed == 1 {
                    first_malformed = number;
                }
            }
        }
    }
    let Some(form) = form.filter(|_| malformed <= messages + foreign) else {
        return Err(ImportError::UnknownForm(from));
    };
    if !form.is_complete() {
        return Err(ImportError::Incomplete(number));
    }
    if !owners.found {
        return Err(owners.error(from));
    }
    Ok(Summary { tool: form.tool(), messages, malformed, first_malformed })
}

/// A parsed line of a list.
enum Line<'a> {
    /// A comment, or a message that was not fetched.
    Nothing,
    /// The following lines belong to this account.
    Account(Owner<'a>),
    /// A message of this account or, if `None`, of the account named last.
    Seen(Option<Owner<'a>>, Seen<'a>),
    Malformed,
    /// A list begins, but the previous list has fewer lines than announced.
    Incomplete,
}

/// The format of a list, with the state of its parser.
enum Form {
    Mpop(mpop::List),
    Fetchmail,
    Getmail,
    Thunderbird(thunderbird::List),
}

impl Form {
    fn new(tool: Tool) -> Self {
        match tool {
            Tool::Mpop => Self::Mpop(mpop::List::default()),
            Tool::Fetchmail => Self::Fetchmail,
            Tool::Getmail => Self::Getmail,
            Tool::Thunderbird => Self::Thunderbird(thunderbird::List::default()),
        }
    }

    fn tool(&self) -> Tool {
        match self {
            Self::Mpop(_) => Tool::Mpop,
            Self::Fetchmail => Tool::Fetchmail,
            Self::Getmail => Tool::Getmail,
            Self::Thunderbird(_) => Tool::Thunderbird,
        }
    }

    fn line<'a>(&mut self, line: &'a [u8]) -> Line<'a> {
        match self {
            Self::Mpop(list) => list.line(line),
            Self::Fetchmail => fetchmail::line(line),
            Self::Getmail => getmail::line(line),
            Self::Thunderbird(list) => list.line(line),
        }
    }

    fn is_complete(&self) -> bool {
        !matches!(self, Self::Mpop(list) if list.is_open())
    }
}

/// Returns the program whose format the line has. No line has the format of two programs.
fn recognise(line: &[u8]) -> Option<Tool> {
    if matches!(getmail::line(line), Line::Seen(..)) {
        Some(Tool::Getmail)
    } else if mpop::head(line).is_some() {
        Some(Tool::Mpop)
    } else if thunderbird::head(line).is_some() {
        Some(Tool::Thunderbird)
    } else if matches!(fetchmail::line(line), Line::Seen(..)) {
        Some(Tool::Fetchmail)
    } else {
        None
    }
}

/// Returns true for a plausible unique-id. RFC 1939 §7 allows printable ASCII only; some servers send spaces and non-ASCII bytes.
fn is_unique_id(text: &[u8]) -> bool {
    !text.is_empty() && !text.iter().any(u8::is_ascii_control) && text.trim_ascii() == text
}

/// Parses seconds since 1970 in decimal digits.
fn time(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
}

/// `a b c` → `a`, `b c`
fn split_first(line: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(separator, line)?;
    Some((&line[..at], &line[at + 1..]))
}

/// `a b c` → `a b`, `c`
fn split_last(line: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr::memrchr(separator, line)?;
    Some((&line[..at], &line[at + 1..]))
}

fn expected(from: Option<Tool>) -> &'static str {
    from.map_or("mpop, fetchmail, getmail or thunderbird", Tool::name)
}

/// Maximum length of a line, in bytes. RFC 1939 §7 allows 70 octets for a unique-id; some servers send several hundred.
const MAX_LINE: usize = 16 * 1024;
