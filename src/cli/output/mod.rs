//! Writes results to standard output: text for people, or one JSON object per line.

mod format;
mod layout;
mod rows;
mod stderr;
#[cfg(test)]
mod tests;

use std::{
    cell::LazyCell,
    io::{self, BufWriter, IsTerminal as _, Write},
};

use anstream::{AutoStream, ColorChoice};
use anstyle::Style;
use jiff::Zoned;
use serde::Serialize;

use self::layout::{Row, width};
pub use self::stderr::Stderr;
use super::{
    args::Color,
    escape::{escape, unique_id},
    json::write_line,
    progress,
};
use crate::proto::UniqueId;

/// The format of the output.
#[derive(Debug)]
pub struct Format {
    pub json: bool,
    pub color: bool,
    /// The width of the terminal. `None` for a pipe or a file: nothing is truncated, and dates are absolute.
    pub terminal: Option<usize>,
    /// The current time, in the local time zone.
    pub now: LazyCell<Zoned>,
}

/// Writes results in order. The caller must handle every error; [`io::ErrorKind::BrokenPipe`] means that the reader has closed the
/// pipe.
///
/// On a terminal, the rows of `headers` and `fetch` are flushed one by one. All other output is buffered: call
/// [`flush`](Printer::flush) before waiting for anything, and at the end.
pub struct Printer<'a> {
    out: BufWriter<Box<dyn Write + 'a>>,
    format: Format,
    silent: bool,
    number_width: usize,
    uid_width: usize,
}

impl Printer<'static> {
    /// Returns a printer for standard output. A silent printer writes the objects of `--json`, but no text.
    pub fn stdout(json: bool, silent: bool) -> Self {
        Self { silent, ..Self::to_stdout(json) }
    }

    fn to_stdout(json: bool) -> Self {
        let stdout = io::stdout();
        // Lazy, because finding the time zone reads many files, and most runs print no date.
        let now = LazyCell::new(Zoned::now as fn() -> Zoned);
        let is_terminal = stdout.is_terminal();
        // Output to a file or pipe is coloured only with `--color always`.
        if json || !(is_terminal || ColorChoice::global() == ColorChoice::Always) {
            return Self::new(Format { json, color: false, terminal: None, now }, stdout);
        }
        let color = AutoStream::choice(&stdout);
        let terminal = is_terminal.then(|| {
            terminal_size::terminal_size_of(&stdout).map_or(80, |(columns, _)| usize::from(columns.0))
        });
        let format = Format { json, color: color != ColorChoice::Never, terminal, now };
        Self::new(format, AutoStream::new(stdout, color))
    }
}

impl<'a> Printer<'a> {
    pub fn new(format: Format, out: impl Write + 'a) -> Self {
        Self {
            out: BufWriter::with_capacity(BUFFER, Box::new(out)),
            format,
            silent: false,
            number_width: 4,
            uid_width: 0,
        }
    }

    /// Sets the column widths to fit the numbers and unique-ids of the following rows.
    pub fn fit<'b>(&mut self, messages: impl IntoIterator<Item = (u32, Option<&'b UniqueId>)>) {
        if self.format.json {
            return;
        }
        let widest = self.format.terminal.map_or(MAX_UID_WIDTH, |columns| {
            MAX_UID_WIDTH.min(columns.saturating_sub(BESIDE_UID)).max(MIN_UID_WIDTH)
        });
        for (number, id) in messages {
            self.number_width = self.number_width.max(number.to_string().len());
            let uid_width = id.map_or(1, |id| width(&escape(&unique_id(id.as_bytes()))));
            self.uid_width = self.uid_width.max(uid_width.min(widest));
        }
    }

    pub fn flush(&mut self) -> io::Result<()> {
        let out = &mut self.out;
        if out.buffer().is_empty() {
            return Ok(());
        }
        if self.format.terminal.is_some() { progress::suspended(|| out.flush()) } else { out.flush() }
    }

    /// Adds a unique-id, which is truncated only on a terminal.
    fn uid<'u>(&self, row: &mut Row<'u>, uid: Option<&'u str>) {
        let uid = uid.map_or("-".into(), escape);
        match self.format.terminal {
            Some(_) => row.cut(uid, self.uid_width, Style::new()),
            None => row.left(uid, self.uid_width, Style::new()),
        }
    }

    fn row(&self, number: u32) -> Row<'static> {
        let mut row = Row::new();
        row.right(number.to_string(), self.number_width, Style::new());
        row
    }

    /// Writes a row, truncated to the width of the terminal.
    fn end(&mut self, row: Row<'_>) -> io::Result<()> {
        let row = match self.format.terminal {
            Some(columns) => row.within(columns),
            None => row,
        };
        self.whole(&row)
    }

    /// Writes a row without truncating it.
    fn whole(&mut self, row: &Row<'_>) -> io::Result<()> {
        let line = row.render(self.format.color);
        self.line(&line)
    }

    fn flush_row(&mut self) -> io::Result<()> {
        if self.format.terminal.is_some() { self.flush() } else { Ok(()) }
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        if self.silent {
            return Ok(());
        }
        self.out.write_all(line.as_bytes())?;
        self.out.write_all(b"\n")
    }

    fn object(&mut self, object: &impl Serialize) -> io::Result<()> {
        write_line(&mut self.out, object)
    }
}

/// Applies `--color` to standard output and standard error.
pub fn choose_color(color: Color) {
    match color {
        Color::Auto => ColorChoice::Auto,
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    }
    .write_global();
}

/// Maximum width of the unique-id column: RFC 1939 §7 allows 70 characters. A longer unique-id widens only its own row.
const MAX_UID_WIDTH: usize = 70;

/// Minimum width of the unique-id column: a truncated unique-id must be recognizable.
const MIN_UID_WIDTH: usize = 6;

/// Width of all other columns: `1234  1000.9 kB  not deleted`, with gaps.
const BESIDE_UID: usize = 34;

const BUFFER: usize = 32 * 1024;
