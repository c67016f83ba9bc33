//! Writes warnings and errors to standard error, one line each.

use std::io::{self, IsTerminal as _, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

use super::super::{
    error::{CliError, ErrorCode},
    escape::{MAX_MESSAGE, escape, shorten, shorten_to},
    json::{ErrorLine, WarningLine, write_line},
    progress,
};

/// Writes all warnings and errors, including those of the library. Ignores write errors.
#[derive(Debug, Clone, Copy)]
pub struct Stderr {
    json: bool,
    /// The number of times that `-q` was given.
    quiet: u8,
    color: ColorChoice,
}

impl Stderr {
    pub fn new(json: bool, quiet: u8) -> Self {
        Self { json, quiet, color: if json { ColorChoice::Never } else { AutoStream::choice(&io::stderr()) } }
    }

    /// Writes `pop3: warning: …`, except with `-q`.
    pub fn warning(self, message: &str) {
        if self.quiet == 0 {
            self.write(&self.warning_line(message));
        }
    }

    /// Writes, uncut, a line that requires the user to act, even with `-qq`: as a warning with `--json`, otherwise bare.
    pub fn instruct(self, sentence: &str) {
        if self.json {
            self.write(&object(&WarningLine::new(sentence)));
        } else {
            self.write(format!("{}\n", escape(sentence)).as_bytes());
        }
    }

    /// Writes a note for a person if standard error is a terminal, except with `--json` or `-q`.
    pub fn note(self, sentence: &str) {
        if self.quiet == 0 && !self.json && io::stderr().is_terminal() {
            self.write(format!("pop3: {}\n", escape(sentence)).as_bytes());
        }
    }

    /// Writes `pop3: …`, except with `-qq`. Usage errors are always written: the exit code alone does not explain them.
    pub fn failure(self, failure: &CliError) {
        if self.quiet < 2 || failure.code == ErrorCode::Usage {
            self.write(&self.failure_line(failure));
        }
    }

    fn warning_line(self, message: &str) -> Vec<u8> {
        if self.json {
            return object(&WarningLine::new(&shorten_to(MAX_MESSAGE, message)));
        }
        let style = self.style(AnsiColor::Magenta);
        format!("pop3: {style}warning:{style:#} {}\n", escape(&shorten_to(MAX_MESSAGE, message))).into_bytes()
    }

    fn failure_line(self, failure: &CliError) -> Vec<u8> {
        if self.json {
            return object(&ErrorLine::new(failure));
        }
        let style = self.style(AnsiColor::Red);
        let hint = failure.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        let response = failure.response.as_deref().map(|line| format!(": {}", escape(&shorten(line))));
        let response = response.as_deref().unwrap_or_default();
        let place =
            failure.location.as_ref().map(|at| format!("message {}: ", at.number)).unwrap_or_default();
        let response = if hint.is_empty() { response } else { response.trim_end_matches('.') };
        format!(
            "{style}pop3:{style:#} {place}{}{response}{hint}\n",
            escape(&shorten_to(MAX_MESSAGE, &failure.message))
        )
        .into_bytes()
    }

    fn style(self, color: AnsiColor) -> Style {
        if self.color == ColorChoice::Never { Style::new() } else { color.on_default().bold() }
    }

    /// Writes a line in a single call, so that it does not mix with the output of other programs.
    fn write(self, line: &[u8]) {
        progress::suspended(|| {
            let mut stderr = AutoStream::new(io::stderr(), self.color);
            drop(stderr.write_all(line).and_then(|()| stderr.flush()));
        });
    }
}

fn object(object: &impl serde::Serialize) -> Vec<u8> {
    let mut line = Vec::new();
    drop(write_line(&mut line, object));
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(json: bool, color: ColorChoice, message: &str) -> [String; 2] {
        let stderr = Stderr { json, quiet: 0, color };
        let failure = CliError::new(ErrorCode::Host, message);
        [stderr.warning_line(message), stderr.failure_line(&failure)]
            .map(|line| String::from_utf8(line).unwrap())
    }

    #[test]
    fn a_message_is_one_line() {
        assert_eq!(
            lines(false, ColorChoice::Never, "a\r\nb\x1b[31m\u{85}"),
            ["pop3: warning: a\\r\\nb\\x1b[31m\\u{85}\n", "pop3: a\\r\\nb\\x1b[31m\\u{85}\n"]
        );
        assert_eq!(
            lines(true, ColorChoice::Never, "a\nb"),
            [
                "{\"warning\":{\"message\":\"a\\nb\"}}\n",
                "{\"error\":{\"code\":\"host\",\"exit\":68,\"message\":\"a\\nb\",\"response\":null}}\n"
            ]
        );
        assert!(lines(false, ColorChoice::Always, "a")[1].starts_with("\x1b["));
    }

    #[test]
    fn long_messages_and_server_lines_are_cut() {
        let stderr = Stderr { json: false, quiet: 0, color: ColorChoice::Never };
        let long = "x".repeat(8 << 20);
        let failure =
            CliError { response: Some(long.clone()), ..CliError::new(ErrorCode::Host, long.clone()) };
        let hinted = failure.or_hint(Some("do something"));
        let line = String::from_utf8(stderr.failure_line(&hinted)).unwrap();
        assert!(line.len() < 3_000 && line.ends_with("…; do something\n"), "{} bytes", line.len());
        let json = Stderr { json: true, ..stderr };
        assert!(json.warning_line(&long).len() < 3_000);
        let line = String::from_utf8(json.failure_line(&CliError { response: None, ..hinted })).unwrap();
        assert!(line.len() < 3_000 && line.contains("; do something"), "{} bytes", line.len());
    }
}
