//! Selectors: the arguments that select the messages of a subcommand.
//!
//! Numbers and unique-ids name messages. All other selectors are filters, which apply to the named messages or, if no message is
//! named, to all messages. A message must pass every filter.

mod resolve;
mod selection;
#[cfg(test)]
mod tests;
mod value;

use crate::bytes::{has_line_break_or_nul, strip_bom};
use std::io::{self, BufRead};

use self::value::{Range, age, count, range};
pub use self::{
    resolve::{ListedMessage, ListedMessages},
    selection::Selection,
    value::size,
};
use super::{
    args::SelectorArgs,
    error::{CliError, ErrorCode},
    escape::{escape, parse_unique_id, shorten},
};

/// The messages that a subcommand selects if no selector is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultSelection {
    New,
    All,
    /// A selector is required (`delete`).
    Refuse,
}

/// The parsed selectors of a command line, before they are applied to a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each selector is independent of the others")]
pub struct Selector {
    ranges: Vec<Range>,
    unique_ids: Vec<Vec<u8>>,
    /// True if `--uid` was given: `--uid -` with empty input selects no message, rather than all.
    by_unique_id: bool,
    from_stdin: bool,
    all: bool,
    new: bool,
    fetched: bool,
    larger: Option<u64>,
    smaller: Option<u64>,
    /// The age in seconds.
    older_than: Option<i64>,
    limit: Option<Limit>,
}

/// `--first` and `--last`, applied after every other filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    First(u32),
    Last(u32),
}

impl Selector {
    /// Parses the selectors of a command line. Without selectors, `default` applies; it is a usage error if that is
    /// [`DefaultSelection::Refuse`].
    pub fn parse(selectors: &SelectorArgs, default: DefaultSelection) -> Result<Self, CliError> {
        let mut ranges = Vec::new();
        for piece in selectors.numbers.iter().flat_map(|argument| argument.split(',')) {
            ranges.push(range(piece)?);
        }
        let mut unique_ids = Vec::new();
        for typed in selectors.uids.iter().filter(|typed| *typed != "-") {
            let typed = typed.as_encoded_bytes();
            if has_line_break_or_nul(typed) {
                let shown = String::from_utf8_lossy(typed);
                let shown = shorten(&shown);
                return Err(CliError::usage(format!(
                    "--uid: CR or LF in the unique-id \"{}\"",
                    escape(&shown)
                )));
            }
            unique_ids.push(parse_unique_id(typed));
        }
        let none = selectors.is_empty();
        if none && default == DefaultSelection::Refuse {
            return Err(CliError::usage(
                "no messages selected: give numbers, --uid, --new, --fetched, --first N, --last N or --all",
            ));
        }
        let first = selectors.first.as_deref().map(|typed| count("--first", typed)).transpose()?;
        let last = selectors.last.as_deref().map(|typed| count("--last", typed)).transpose()?;

        Ok(Self {
            ranges,
            unique_ids,
            by_unique_id: !selectors.uids.is_empty(),
            from_stdin: selectors.uids.iter().any(|typed| typed == "-"),
            all: selectors.all,
            new: selectors.new || none && default == DefaultSelection::New,
            fetched: selectors.fetched,
            larger: selectors.larger.as_deref().map(|typed| size("--larger", typed)).transpose()?,
            smaller: selectors.smaller.as_deref().map(|typed| size("--smaller", typed)).transpose()?,
            older_than: selectors.older_than.as_deref().map(age).transpose()?,
            limit: first.map(Limit::First).or(last.map(Limit::Last)),
        })
    }

    /// Returns the unique-ids of `--uid`.
    pub fn unique_ids(&self) -> impl Iterator<Item = &[u8]> {
        self.unique_ids.iter().map(Vec::as_slice)
    }

    /// True if `--older-than` selects a message that was fetched `age` seconds ago.
    pub fn is_old(&self, age: i64) -> bool {
        self.older_than.is_none_or(|than| age >= than)
    }

    /// True if `--uid -` was given: unique-ids are read from standard input.
    pub fn reads_stdin(&self) -> bool {
        self.from_stdin
    }

    /// Reads the unique-ids of `--uid -`, one per line, up to the end of the input. Call it before connecting. It is a usage error
    /// if the input is longer than 64 MiB or has a CR or NUL within a line.
    pub fn read(&mut self, mut input: impl BufRead) -> Result<(), CliError> {
        let mut taken = 0;
        let mut line = Vec::new();
        for number in 1_u64.. {
            line.clear();
            let room = MAX_INPUT - taken + 1;
            let read = io::Read::take(&mut input, room)
                .read_until(b'\n', &mut line)
                .map_err(|error| CliError::usage(format!("--uid -: cannot read standard input: {error}")))?;
            if read == 0 {
                break;
            }
            taken += read as u64;
            if taken > MAX_INPUT {
                return Err(CliError::usage("--uid -: more than 64 MiB of unique-ids on standard input"));
            }
            let mut typed = line.as_slice();
            if number == 1 {
                // Windows PowerShell writes a byte order mark before the data it pipes.
                typed = strip_bom(typed);
            }
            typed = typed.strip_suffix(b"\n").unwrap_or(typed);
            typed = typed.strip_suffix(b"\r").unwrap_or(typed);
            if typed.iter().all(|byte| matches!(byte, b' ' | b'\t')) {
                continue;
            }
            if has_line_break_or_nul(typed) {
                return Err(CliError::usage(format!("--uid -: CR or NUL in the unique-id of line {number}")));
            }
            self.unique_ids.push(parse_unique_id(typed));
        }
        Ok(())
    }

    /// True if the selection needs unique-ids. On a server without `UIDL` the run then fails with [`no_unique_ids_error`].
    pub fn needs_unique_ids(&self) -> bool {
        self.new || self.fetched || self.by_unique_id
    }

    /// True if new messages are selected, by `--new`, `--all` or the default.
    pub fn takes_new(&self) -> bool {
        self.new || self.all
    }

    /// True if only new messages are selected.
    pub fn takes_only_new(&self) -> bool {
        self.new
    }

    /// True if messages are selected because they were fetched. Before such a message is deleted, it must be compared with the
    /// stored one.
    pub fn rests_on_fetched(&self) -> bool {
        self.fetched || self.older_than.is_some()
    }

    /// True if the selection depends on the record of fetched messages.
    pub fn needs_record(&self) -> bool {
        self.new || self.fetched || self.older_than.is_some()
    }
}

/// Returns the error of `--new`, `--fetched`, `--uid` and `status --check` on a server without `UIDL`.
pub fn no_unique_ids_error() -> CliError {
    CliError::new(
        ErrorCode::Protocol,
        "the server has no unique-ids (UIDL), so pop3 cannot tell which messages are new: \
         select by number or with --all",
    )
}

/// Maximum size of the input, in bytes: enough for millions of unique-ids. Limits the time that a wrong file takes.
const MAX_INPUT: u64 = 64 << 20;
