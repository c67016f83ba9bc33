//! Rows of output, with a method for each kind of result.

use std::{
    io::{self, Write as _},
    iter,
};

use anstyle::{AnsiColor, Style};

use super::{
    Printer,
    format::{listed_size, senders, size},
    layout::{Row, folded},
};
use crate::cli::{
    escape::escape,
    json::{
        self, Account, Delete, Deletion, Device, DeviceLine, Fetch, Headers, Preview, Record, Refused,
        Server, Status, Uidl,
    },
};

impl Printer<'_> {
    /// Writes a sentence, except with `--json`.
    pub fn note(&mut self, sentence: &str) -> io::Result<()> {
        if self.format.json {
            return Ok(());
        }
        self.line(&escape(sentence))?;
        self.flush()
    }

    /// Writes an instruction for the user, even with `-q`, but not with `--json`.
    pub fn instruct(&mut self, sentence: &str) -> io::Result<()> {
        if self.format.json {
            return Ok(());
        }
        self.out.write_all(escape(sentence).as_bytes())?;
        self.out.write_all(b"\n")?;
        self.flush()
    }

    /// Writes `3 messages, 24.1 kB; 2 new, 12 kB`.
    pub fn status(&mut self, status: &Status) -> io::Result<()> {
        if self.format.json {
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

    /// Writes `   3 * QhdPYR:00WBw1Ph7x7   24.1 kB`.
    pub fn uidl(&mut self, message: &Uidl) -> io::Result<()> {
        if self.format.json {
            return self.object(message);
        }
        let mut row = self.row(message.number);
        mark(&mut row, message.new);
        self.uid(&mut row, message.uid.as_deref());
        row.right(listed_size(message.octets), SIZE, DIM);
        self.end(row)
    }

    /// Writes `   3 * today 14:03  Alice   24.1 kB  Hello`, followed by fields and preview.
    pub fn headers(&mut self, headers: &Headers<'_>) -> io::Result<()> {
        if self.format.json {
            self.object(headers)?;
            return self.flush_row();
        }
        let message = &headers.message;
        let sender = match self.format.terminal {
            Some(columns) => (columns / 4).clamp(12, 28),
            None => 24,
        };
        let mut row = self.row(message.number);
        mark(&mut row, message.new);
        let is_narrow = self.format.terminal.is_some_and(|columns| columns < NARROW);
        if !is_narrow {
            row.left(self.date(headers.date.map(json::Date::unix_seconds)), self.date_width(), DIM);
        }
        let from = senders(headers.from.as_deref().unwrap_or_default());
        match self.format.terminal {
            Some(_) => row.cut(escape(&from), sender, Style::new()),
            None => row.left(escape(&from), sender, Style::new()),
        }
        if !is_narrow {
            row.right(listed_size(message.octets), SIZE, DIM);
        }
        match headers.subject.as_deref() {
            None | Some("") => row.left("(no subject)", 0, DIM),
            Some(subject) => {
                row.left(escape(subject), 0, if message.new == Some(true) { BOLD } else { Style::new() });
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
            // Tabs are common in mail, and would be hard to read if they were escaped.
            let line = line.replace('\t', "    ");
            self.line(format!("{INDENT}{}", escape(&line)).trim_end())?;
        }
        self.flush_row()
    }

    /// Writes `   3   24.1 kB  /home/alice/mail/QhdPYR.eml  deleted`.
    pub fn fetch(&mut self, message: &Fetch) -> io::Result<()> {
        if self.format.json {
            self.object(message)?;
            return self.flush_row();
        }
        let mut row = self.row(message.number);
        row.right(listed_size(message.octets), SIZE, DIM);
        match (&message.path, &message.sha256) {
            (Some(path), _) => row.left(escape(path), 0, Style::new()),
            (None, Some(_)) => row.left("passed on", 0, Style::new()),
            (None, None) => row.left("stored before", 0, DIM),
        }
        if message.kept {
            row.left("already there", 0, DIM);
        }
        deletion(&mut row, message.deleted);
        // Not truncated, so that the path can be copied.
        self.whole(&row)?;
        self.flush_row()
    }

    /// Writes `   3 QhdPYR:00WBw1Ph7x7   24.1 kB  marked`.
    pub fn delete(&mut self, message: &Delete) -> io::Result<()> {
        if self.format.json {
            return self.object(message);
        }
        let mut row = self.row(message.number);
        self.uid(&mut row, message.uid.as_deref());
        row.right(listed_size(message.octets), SIZE, DIM);
        deletion(&mut row, message.deleted);
        self.end(row)
    }

    /// Writes `Open https://example.org/device and enter the code ABCD-EFGH (valid until 2026-11-26T10:00:00Z).`
    pub fn device(&mut self, device: &Device) -> io::Result<()> {
        if self.format.json {
            self.object(&DeviceLine { device })?;
            return self.flush();
        }
        let Device { url, code, expires } = device;
        self.instruct(&format!("Open {url} and enter the code {code} (valid until {expires})."))
    }

    /// Writes `work`.
    pub fn account(&mut self, account: &Account) -> io::Result<()> {
        if self.format.json { self.object(account) } else { self.line(&escape(&account.account)) }
    }

    /// Writes `2026-11-22 14:03  QhdPYR:00WBw1Ph7x7  /home/alice/mail/QhdPYR.eml  deleted`.
    pub fn record(&mut self, message: &Record) -> io::Result<()> {
        if self.format.json {
            return self.object(message);
        }
        let mut row = Row::new();
        row.left(self.date(Some(message.fetched.0)), self.date_width(), DIM);
        row.left(escape(&message.uid), RECORD_UID, Style::new());
        row.left(escape(&message.place), 0, Style::new());
        if message.deleted {
            row.left("deleted", 0, DIM);
        } else if message.pending_deletion {
            row.left("deletion pending", 0, DIM);
        }
        self.whole(&row)
    }

    /// Writes `   3   24.1 kB  skipped`, for a message that is recorded as fetched without being stored.
    pub fn skipped(&mut self, message: &Fetch) -> io::Result<()> {
        if self.format.json {
            return self.object(message);
        }
        let mut row = self.row(message.number);
        row.right(listed_size(message.octets), SIZE, DIM);
        row.left("skipped", 0, DIM);
        self.end(row)
    }

    /// Writes `   3 refused: -ERR no such message`.
    pub fn refused(&mut self, message: &Refused) -> io::Result<()> {
        if self.format.json {
            self.object(message)?;
            return self.flush_row();
        }
        let mut row = self.row(message.number);
        row.left(format!("refused: {}", escape(&message.error)), 0, BAD);
        self.whole(&row)?;
        self.flush_row()
    }

    fn server(&mut self, server: &Server) -> io::Result<()> {
        let capabilities = server.capabilities.as_ref().map(|lines| lines.join(", "));
        let certificate = server.certificate.as_ref();
        let rows = [
            ("greeting", Some(server.greeting.clone())),
            ("capabilities", Some(capabilities.unwrap_or_else(|| "not available".to_owned()))),
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
            let lines = match self.format.terminal {
                Some(columns) => folded(&value, columns.saturating_sub(KEY + 2)),
                None => vec![value.into_owned()],
            };
            for (line, key) in lines.iter().zip(iter::once(key).chain(iter::repeat(""))) {
                let mut row = Row::new();
                row.left(key, KEY, DIM);
                row.left(line, 0, Style::new());
                self.whole(&row)?;
            }
        }
        Ok(())
    }
}

fn mark(row: &mut Row<'_>, new: Option<bool>) {
    row.left(if new == Some(true) { "*" } else { "" }, 1, GOOD);
}

fn deletion(row: &mut Row<'_>, deletion: Deletion) {
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
// Colours that are readable on white and on black, unlike yellow, cyan and blue.
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();

/// Width of the longest key of `status --server`: `capabilities`.
const KEY: usize = 12;

/// Width of the unique-id column of `record`. Each row is written as soon as it is read, so the longest unique-id is not known in
/// advance.
const RECORD_UID: usize = 24;

/// Width of a size: `999.9 kB`.
const SIZE: usize = 8;

/// Minimum width of a terminal for date and size. A narrower terminal shows sender and subject only.
const NARROW: usize = 60;

const INDENT: &str = "      ";
