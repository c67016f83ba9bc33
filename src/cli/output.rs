//! Results on standard output: text for people, or one JSON object a line.

mod layout;
mod stderr;
#[cfg(test)]
mod tests;

use std::{
    cell::LazyCell,
    io::{self, BufWriter, IsTerminal as _, Write},
    iter,
};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use humansize::{DECIMAL, format_size};
use jiff::{Timestamp, Zoned, tz::TimeZone};
use serde::Serialize;

use self::layout::{Row, folded, width};
pub use self::stderr::Stderr;
use super::{
    args::Color,
    escape::{escape, unique_id},
    json::{
        Account, Delete, Deletion, Device, DeviceLine, Fetch, Headers, Mailbox, Preview, Record, Refused,
        Server, Status, Uidl, write_line,
    },
    progress,
};

/// How results are shown.
#[derive(Debug)]
pub struct Look {
    pub json: bool,
    pub color: bool,
    /// Columns of the terminal; without one (a pipe, a file) nothing is cut and dates are absolute.
    pub terminal: Option<usize>,
    /// The time that "today" is seen from, in the zone that dates are shown in.
    pub now: LazyCell<Zoned>,
}

/// Writes results in the order they come. Every error of writing is the caller's; a reader that closed the pipe is one
/// of kind [`io::ErrorKind::BrokenPipe`].
///
/// Rows of `headers` and `fetch`, which come as the server answers, are flushed one by one on a terminal; elsewhere, and
/// all others, by [`flush`](Printer::flush), which must be called before anything is waited for, and at the end.
pub struct Printer<'a> {
    out: BufWriter<Box<dyn Write + 'a>>,
    look: Look,
    silent: bool,
    number_width: usize,
    uid_width: usize,
}

impl Printer<'static> {
    /// A printer to standard output, that shows what its terminal can.
    ///
    /// A silent one writes no text, only the objects of `--json`.
    pub fn stdout(json: bool, silent: bool) -> Self {
        Self { silent, ..Self::to_stdout(json) }
    }

    fn to_stdout(json: bool) -> Self {
        let stdout = io::stdout();
        // Finding out the time zone reads many files, and most runs show no date.
        let now = LazyCell::new(Zoned::now as fn() -> Zoned);
        let is_terminal = stdout.is_terminal();
        // Elsewhere than on a terminal colours are there only for who says so on the command line.
        if json || !(is_terminal || ColorChoice::global() == ColorChoice::Always) {
            return Self::new(Look { json, color: false, terminal: None, now }, stdout);
        }
        let color = AutoStream::choice(&stdout);
        let terminal = is_terminal.then(|| {
            terminal_size::terminal_size_of(&stdout).map_or(80, |(columns, _)| usize::from(columns.0))
        });
        let look = Look { json, color: color != ColorChoice::Never, terminal, now };
        Self::new(look, AutoStream::new(stdout, color))
    }
}

impl<'a> Printer<'a> {
    pub fn new(look: Look, out: impl Write + 'a) -> Self {
        Self {
            out: BufWriter::with_capacity(BUFFER, Box::new(out)),
            look,
            silent: false,
            number_width: 4,
            uid_width: 0,
        }
    }

    /// Makes the columns as wide as the numbers and unique-ids that are to come, so that rows line up.
    pub fn fit<'b>(&mut self, messages: impl IntoIterator<Item = (u32, Option<&'b [u8]>)>) {
        if self.look.json {
            return;
        }
        let widest = self.look.terminal.map_or(MAX_UID_WIDTH, |columns| {
            MAX_UID_WIDTH.min(columns.saturating_sub(BESIDE_UID)).max(MIN_UID_WIDTH)
        });
        for (number, octets) in messages {
            self.number_width = self.number_width.max(number.to_string().len());
            let uid_width = octets.map_or(1, |octets| width(&escape(&unique_id(octets))));
            self.uid_width = self.uid_width.max(uid_width.min(widest));
        }
    }

    pub fn flush(&mut self) -> io::Result<()> {
        let out = &mut self.out;
        if out.buffer().is_empty() {
            return Ok(());
        }
        if self.look.terminal.is_some() { progress::suspended(|| out.flush()) } else { out.flush() }
    }

    /// A sentence for people; `--json` has no row for it.
    pub fn note(&mut self, sentence: &str) -> io::Result<()> {
        if self.look.json {
            return Ok(());
        }
        self.line(&escape(sentence))?;
        self.flush()
    }

    /// `3 messages, 24.1 kB; 2 new, 12 kB`
    pub fn status(&mut self, status: &Status) -> io::Result<()> {
        if self.look.json {
            return self.object(status);
        }
        let plural = if status.messages == 1 { "" } else { "s" };
        let all = format!("{} message{plural}, {}", status.messages, size(status.octets));
        let line = match (status.new_messages, status.new_octets) {
            (Some(messages), Some(octets)) => format!("{all}; {messages} new, {}", size(octets)),
            _ => all,
        };
        self.line(&line)?;
        status.server.as_ref().map_or(Ok(()), |server| self.server(server))
    }

    /// `   3 * QhdPYR:00WBw1Ph7x7   24.1 kB`
    pub fn uidl(&mut self, message: &Uidl) -> io::Result<()> {
        if self.look.json {
            return self.object(message);
        }
        let mut row = self.row(message.number);
        mark(&mut row, message.new);
        self.uid(&mut row, message.uid.as_deref());
        row.right(&listed(message.octets), SIZE, DIM);
        self.end(row)
    }

    /// `   3 * today 14:03  Alice   24.1 kB  Hello`, with fields and preview beneath.
    pub fn headers(&mut self, headers: &Headers<'_>) -> io::Result<()> {
        if self.look.json {
            self.object(headers)?;
            return self.flush_row();
        }
        let message = &headers.message;
        let sender = match self.look.terminal {
            Some(columns) => (columns / 4).clamp(12, 28),
            None => 24,
        };
        let mut row = self.row(message.number);
        mark(&mut row, message.new);
        let is_narrow = self.look.terminal.is_some_and(|columns| columns < NARROW);
        if !is_narrow {
            row.left(&self.date(headers.date.as_deref()), self.date_width(), DIM);
        }
        let from = senders(headers.from.as_deref().unwrap_or_default());
        match self.look.terminal {
            Some(_) => row.cut(&escape(&from), sender, Style::new()),
            None => row.left(&escape(&from), sender, Style::new()),
        }
        if !is_narrow {
            row.right(&listed(message.octets), SIZE, DIM);
        }
        match headers.subject.as_deref() {
            None | Some("") => row.left("(no subject)", 0, DIM),
            Some(subject) => {
                row.left(&escape(subject), 0, if message.new == Some(true) { BOLD } else { Style::new() });
            }
        }
        self.end(row)?;
        for (name, value) in headers.fields.iter().flatten() {
            self.line(format!("{INDENT}{}: {}", escape(name), escape(value)).trim_end())?;
        }
        if headers.fields.is_some() && headers.preview.is_some() {
            self.line("")?;
        }
        for line in headers.preview.into_iter().flat_map(Preview::lines) {
            // Tabs are many in mail and do no harm as blanks.
            let line = line.replace('\t', "    ");
            self.line(format!("{INDENT}{}", escape(&line)).trim_end())?;
        }
        self.flush_row()
    }

    /// `   3   24.1 kB  /home/alice/mail/QhdPYR.eml  deleted`
    pub fn fetch(&mut self, message: &Fetch) -> io::Result<()> {
        if self.look.json {
            self.object(message)?;
            return self.flush_row();
        }
        let mut row = self.row(message.number);
        row.right(&listed(message.octets), SIZE, DIM);
        match (&message.path, &message.sha256) {
            (Some(path), _) => row.left(&escape(path), 0, Style::new()),
            (None, Some(_)) => row.left("passed on", 0, Style::new()),
            (None, None) => row.left("stored before", 0, DIM),
        }
        if message.kept {
            row.left("already there", 0, DIM);
        }
        deletion(&mut row, message.deleted);
        // A path is there to be copied: whole, be the terminal as narrow as it may.
        self.whole(&row)?;
        self.flush_row()
    }

    /// `   3 QhdPYR:00WBw1Ph7x7   24.1 kB  marked`
    pub fn delete(&mut self, message: &Delete) -> io::Result<()> {
        if self.look.json {
            return self.object(message);
        }
        let mut row = self.row(message.number);
        self.uid(&mut row, message.uid.as_deref());
        row.right(&listed(message.octets), SIZE, DIM);
        deletion(&mut row, message.deleted);
        self.end(row)
    }

    /// `Open https://example.org/device and enter the code ABCD-EFGH (valid until 2026-11-26T10:00:00Z).`
    pub fn device(&mut self, device: &Device) -> io::Result<()> {
        if self.look.json {
            self.object(&DeviceLine { device })?;
        } else {
            let Device { url, code, expires } = device;
            let (url, code) = (escape(url), escape(code));
            self.line(&format!("Open {url} and enter the code {code} (valid until {expires})."))?;
        }
        self.flush()
    }

    /// `work`
    pub fn account(&mut self, account: &Account) -> io::Result<()> {
        if self.look.json { self.object(account) } else { self.line(&escape(&account.account)) }
    }

    /// `2026-11-22 14:03  QhdPYR:00WBw1Ph7x7  /home/alice/mail/QhdPYR.eml  deleted`
    pub fn record(&mut self, message: &Record) -> io::Result<()> {
        if self.look.json {
            return self.object(message);
        }
        let mut row = Row::new();
        row.left(&self.date(Some(&message.fetched)), self.date_width(), DIM);
        row.left(&escape(&message.uid), RECORD_UID, Style::new());
        row.left(&escape(&message.place), 0, Style::new());
        if message.deleted {
            row.left("deleted", 0, DIM);
        }
        self.whole(&row)
    }

    /// A message that is remembered as fetched without being stored.
    pub fn skipped(&mut self, message: &Fetch) -> io::Result<()> {
        if self.look.json {
            return self.object(message);
        }
        let mut row = self.row(message.number);
        row.right(&listed(message.octets), SIZE, DIM);
        row.left("skipped", 0, DIM);
        self.end(row)
    }

    /// `   3 refused: -ERR no such message`
    pub fn refused(&mut self, message: &Refused) -> io::Result<()> {
        if self.look.json {
            self.object(message)?;
            return self.flush_row();
        }
        let mut row = self.row(message.number);
        row.left(&format!("refused: {}", escape(&message.error)), 0, BAD);
        self.whole(&row)?;
        self.flush_row()
    }

    fn server(&mut self, server: &Server) -> io::Result<()> {
        let capabilities = server.capabilities.as_ref().map(|lines| lines.join(", "));
        let certificate = server.certificate.as_ref();
        let rows = [
            ("greeting", Some(server.greeting.clone())),
            ("capabilities", Some(capabilities.unwrap_or_else(|| "not told".to_owned()))),
            ("tls", Some(server.tls_version.clone().unwrap_or_else(|| "none".to_owned()))),
            ("cipher", server.cipher.clone()),
            ("certificate", certificate.map(|certificate| certificate.subject.clone())),
            ("issuer", certificate.map(|certificate| certificate.issuer.clone())),
            (
                "valid",
                certificate
                    .map(|certificate| format!("{} to {}", certificate.not_before, certificate.not_after)),
            ),
            ("sha-256", certificate.map(|certificate| certificate.sha256.clone())),
            ("mechanism", server.mechanism.clone()),
            ("login delay", server.login_delay.map(|seconds| format!("{seconds} s"))),
            ("expire", server.expire.map(|expire| expire.to_string())),
        ];
        for (key, value) in rows {
            let Some(value) = value else { continue };
            let value = escape(&value);
            let lines = match self.look.terminal {
                Some(columns) => folded(&value, columns.saturating_sub(FACT + 2)),
                None => vec![value.into_owned()],
            };
            for (line, key) in lines.iter().zip(iter::once(key).chain(iter::repeat(""))) {
                let mut row = Row::new();
                row.left(key, FACT, DIM);
                row.left(line, 0, Style::new());
                self.whole(&row)?;
            }
        }
        Ok(())
    }

    /// Whole where nobody counts columns.
    fn uid(&self, row: &mut Row, uid: Option<&str>) {
        let uid = uid.map_or("-".into(), escape);
        match self.look.terminal {
            Some(_) => row.cut(&uid, self.uid_width, Style::new()),
            None => row.left(&uid, self.uid_width, Style::new()),
        }
    }

    fn row(&self, number: u32) -> Row {
        let mut row = Row::new();
        row.right(&number.to_string(), self.number_width, Style::new());
        row
    }

    fn end(&mut self, row: Row) -> io::Result<()> {
        let row = match self.look.terminal {
            Some(columns) => row.within(columns),
            None => row,
        };
        self.whole(&row)
    }

    fn whole(&mut self, row: &Row) -> io::Result<()> {
        let line = row.render(self.look.color);
        self.line(&line)
    }

    fn flush_row(&mut self) -> io::Result<()> {
        if self.look.terminal.is_some() { self.flush() } else { Ok(()) }
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

    /// In local time: `today 14:03`, `Mon 14:03`, `2025-03-01` on a terminal; `2025-03-01 14:03` elsewhere.
    fn date(&self, date: Option<&str>) -> String {
        let Some(date) = date.and_then(|date| date.parse::<Timestamp>().ok()) else { return "-".to_owned() };
        let now = &*self.look.now;
        let date = date.to_zoned(now.time_zone().clone());
        if self.look.terminal.is_none() {
            return date.strftime("%Y-%m-%d %H:%M").to_string();
        }
        let days = date.date().until(now.date()).map_or(i32::MAX, |span| span.get_days());
        let form = match days {
            0 => "today %H:%M",
            1..=6 => "%a %H:%M",
            _ => "%Y-%m-%d",
        };
        date.strftime(form).to_string()
    }

    fn date_width(&self) -> usize {
        if self.look.terminal.is_some() { "today 14:03".len() } else { "2025-03-01 14:03".len() }
    }
}

/// What `--color` says holds for standard output and standard error.
pub fn choose_color(color: Color) {
    match color {
        Color::Auto => ColorChoice::Auto,
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    }
    .write_global();
}

/// An instant of Unix seconds in RFC 3339, UTC; for the life of a certificate.
pub fn rfc3339(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(
        |_| seconds.to_string(),
        |instant| instant.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    )
}

/// Octets for people: `24.1 kB`.
pub fn size(octets: u64) -> String {
    format_size(octets, DECIMAL.decimal_places(1))
}

/// The size that the server listed, `-` if it listed none.
fn listed(octets: Option<u64>) -> String {
    octets.map_or_else(|| "-".into(), size)
}

/// The first one's name, or its address where it has none; `+2` tells of others.
fn senders(from: &[Mailbox]) -> String {
    let Some(first) = from.first() else { return "-".to_owned() };
    let first = first.name.as_deref().or(first.address.as_deref()).unwrap_or("-");
    match from.len() - 1 {
        0 => first.to_owned(),
        others => format!("{first} +{others}"),
    }
}

fn mark(row: &mut Row, new: Option<bool>) {
    row.left(if new == Some(true) { "*" } else { "" }, 1, GOOD);
}

fn deletion(row: &mut Row, deletion: Deletion) {
    match deletion {
        Deletion::No => {}
        Deletion::Marked => row.left("marked", 0, DIM),
        Deletion::Failed => row.left("not deleted", 0, BAD),
        Deletion::Done => row.left("deleted", 0, GOOD),
        Deletion::Unknown => row.left("perhaps deleted", 0, BAD),
    }
}

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();
// What can be read on white and on black alike: yellow and cyan cannot, blue neither.
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();

/// `capabilities`
const FACT: usize = 12;

/// Unique-ids of the record are not known before they are shown; those of most servers are shorter.
const RECORD_UID: usize = 24;

/// `999.9 kB`
const SIZE: usize = 8;

/// RFC 1939 §7: at most 70 characters; a longer one makes its own row ragged and not all.
const MAX_UID_WIDTH: usize = 70;

/// A unique-id that is cut stays recognisable.
const MIN_UID_WIDTH: usize = 6;

/// Columns of number, size and what became of a message: `1234  1000.9 kB  not deleted`, and what parts them.
const BESIDE_UID: usize = 34;

/// Columns of a terminal that has no room for date and size beside sender and subject.
const NARROW: usize = 60;

const INDENT: &str = "      ";

/// Listings are written in pieces of this size.
const BUFFER: usize = 32 * 1024;
