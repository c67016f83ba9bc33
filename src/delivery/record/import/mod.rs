//! Other programs' lists of seen messages, so that switching to `pop3` does not download everything again.
//!
//! | program | form |
//! | --- | --- |
//! | mpop | ` N HOST USER`, then N lines `UID` (to 1.4.22) or `UID TIME` (from 1.4.23) |
//! | fetchmail | `USER@HOST UID` |
//! | getmail | `UID NUL TIME`; the account is in the file's name |
//! | Thunderbird | `*HOST USER`, then `STATUS UID TIME` |
//!
//! [`read`] is a pure function of a file's content and name. It reads line by line, in constant memory.

mod batch;
mod fetchmail;
mod getmail;
mod mpop;
#[cfg(test)]
mod tests;
mod thunderbird;

use std::{
    collections::BTreeSet,
    io::{self, BufRead, Read as _},
};

pub use batch::Batch;

use crate::net::{Address, Host};

/// The program that wrote a list of seen messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// The program's name in lower case: `mpop`.
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
#[derive(Debug, Clone, Copy)]
pub struct Account<'a> {
    /// The user as it is sent to the server.
    pub user: &'a str,
    /// The server.
    pub address: &'a Address,
}

/// A message that the other program fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen<'a> {
    /// The unique-id, not empty and without control characters.
    pub unique_id: &'a [u8],
    /// Unix seconds, if the list has them.
    pub time: Option<u64>,
}

/// The contents of a list.
#[derive(Debug, PartialEq, Eq)]
pub struct Summary {
    /// The program that wrote the list.
    pub tool: Tool,
    /// Messages of the account.
    pub messages: u64,
    /// The number of malformed lines.
    pub malformed: u64,
    /// The number of the first malformed line, from 1; 0 if there is none.
    pub first_malformed: u64,
}

/// Why a list cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("{0}")]
    Read(io::Error),
    /// The result of the caller's closure.
    #[error("{0}")]
    Take(io::Error),
    /// The content has no known format, or not the format of the named program.
    #[error("not a list of seen messages of {}", expected(*.0))]
    UnknownForm(Option<Tool>),
    /// A line is longer than any unique-id.
    #[error("not a list of seen messages: line {0} has more than {MAX_LINE} bytes")]
    LongLine(u64),
    /// The list stops before its end.
    #[error("the list is incomplete in line {0}: another program may be writing it")]
    Incomplete(u64),
    /// The lists in the file belong to other accounts, named as in the file.
    #[error("no list of {account}: the file has {others}")]
    OtherAccounts {
        /// The account that was looked for.
        account: String,
        /// The accounts that the file has: `alice@pop.example.org, bob@pop.example.org and 3 more`.
        others: String,
    },
}

/// Reads a list and hands over every message of the account, in the order of the file.
///
/// The format is detected from the first line that has a known format, unless `from` names it. `file_name` is the last
/// part of the file's path, where getmail writes the account; with `from`, a getmail file with any name belongs to the
/// account. On an error the caller must discard all messages received so far.
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

/// The parsed line of a list.
enum Line<'a> {
    /// A comment, or a message that was not fetched.
    Nothing,
    /// The lines that follow belong to this account.
    Account(Owner<'a>),
    /// A message of this account, or of the one that was named last.
    Seen(Option<Owner<'a>>, Seen<'a>),
    Malformed,
    /// A list begins before the previous list has the announced number of lines.
    Incomplete,
}

#[derive(Clone, Copy)]
struct Owner<'a> {
    host: &'a [u8],
    user: &'a [u8],
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

/// The program whose format the line has. No line has two formats.
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

/// Whose lines are read.
struct Owners<'a> {
    account: &'a Account<'a>,
    /// The current lines are the account's.
    ours: bool,
    /// Some lines were.
    found: bool,
    /// The last owner as written, so that fetchmail's, which are on every line, are compared once.
    last: (Vec<u8>, Vec<u8>),
    others: BTreeSet<String>,
    /// There are more of them than are named.
    more: bool,
}

impl<'a> Owners<'a> {
    fn new(account: &'a Account<'a>, ours: bool) -> Self {
        Self { account, ours, found: ours, last: Default::default(), others: BTreeSet::new(), more: false }
    }

    fn enter(&mut self, owner: Owner<'_>) {
        if self.last.0 == owner.host && self.last.1 == owner.user {
            return;
        }
        self.last = (owner.host.to_vec(), owner.user.to_vec());
        let Account { user, address } = self.account;
        let is_host = |text: &str| Host::parse(text).is_ok_and(|host| host == *address.host());
        let ours = owner.user == user.as_bytes() && std::str::from_utf8(owner.host).is_ok_and(is_host);
        let name = format!("{}@{}", String::from_utf8_lossy(owner.user), String::from_utf8_lossy(owner.host));
        self.set(ours, name);
    }

    /// A list whose file name contains the account.
    fn enter_file(&mut self, name: &str) {
        self.set(getmail::is_file_of(name, self.account), name.to_owned());
    }

    fn set(&mut self, ours: bool, name: String) {
        self.ours = ours;
        self.found |= ours;
        if !ours && self.others.len() < MAX_NAMED {
            self.others.insert(name);
        } else if !ours && !self.others.contains(&name) {
            self.more = true;
        }
    }

    fn error(self, from: Option<Tool>) -> ImportError {
        if self.others.is_empty() {
            return ImportError::UnknownForm(from);
        }
        let Account { user, address } = self.account;
        let mut others = self.others.into_iter().collect::<Vec<_>>().join(", ");
        if self.more {
            others.push_str(", …");
        }
        ImportError::OtherAccounts { account: format!("{user}@{}", address.host()), others }
    }
}

/// A unique-id of RFC 1939 §7 has no control characters; some servers send spaces and bytes beyond ASCII.
fn is_unique_id(text: &[u8]) -> bool {
    !text.is_empty() && !text.iter().any(u8::is_ascii_control) && text.trim_ascii() == text
}

/// Unix seconds in decimal digits.
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

/// RFC 1939 §7 allows a unique-id 70 octets, servers send several hundred, and the account precedes it.
const MAX_LINE: usize = 16 * 1024;

/// Accounts named in an error.
const MAX_NAMED: usize = 16;
