//! Warnings and errors on standard error, a line each.

use std::io::{self, IsTerminal as _, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

use super::super::{
    escape::escape,
    exit::Failure,
    json::{ErrorLine, WarningLine, write_line},
    progress,
};

/// Standard error. Whether anybody reads it does not matter to a run: errors of writing are passed over.
#[derive(Debug, Clone, Copy)]
pub struct Stderr {
    json: bool,
    color: ColorChoice,
}

impl Stderr {
    pub fn new(json: bool) -> Self {
        Self { json, color: if json { ColorChoice::Never } else { AutoStream::choice(&io::stderr()) } }
    }

    /// `pop3: warning: …`
    pub fn warning(self, message: &str) {
        self.write(&self.warning_line(message));
    }

    /// A sentence for whoever sits there; scripts do not see it.
    pub fn note(self, sentence: &str) {
        if !self.json && io::stderr().is_terminal() {
            self.write(format!("pop3: {}\n", escape(sentence)).as_bytes());
        }
    }

    /// `pop3: …`
    pub fn failure(self, failure: &Failure) {
        self.write(&self.failure_line(failure));
    }

    fn warning_line(self, message: &str) -> Vec<u8> {
        if self.json {
            return object(&WarningLine::new(message));
        }
        let style = self.style(AnsiColor::Magenta);
        format!("pop3: {style}warning:{style:#} {}\n", escape(message)).into_bytes()
    }

    fn failure_line(self, failure: &Failure) -> Vec<u8> {
        if self.json {
            return object(&ErrorLine::new(failure));
        }
        let style = self.style(AnsiColor::Red);
        let hint = failure.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
        let response = failure.response.as_deref().map(|line| format!(": {}", escape(line)));
        let response = response.as_deref().unwrap_or_default();
        let response = if hint.is_empty() { response } else { response.trim_end_matches('.') };
        format!("{style}pop3:{style:#} {}{response}{hint}\n", escape(&failure.message)).into_bytes()
    }

    fn style(self, color: AnsiColor) -> Style {
        if self.color == ColorChoice::Never { Style::new() } else { color.on_default().bold() }
    }

    /// In one write, so that lines of other programs do not come between.
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
    use super::{super::super::exit::Code, *};

    fn lines(json: bool, color: ColorChoice, message: &str) -> [String; 2] {
        let stderr = Stderr { json, color };
        let failure = Failure::new(Code::Host, message);
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
}
