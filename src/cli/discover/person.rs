//! Asks the person at the terminal questions.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::cli::error::{CliError, ErrorCode};

/// A person who reads standard error and types on standard input.
pub struct Person {
    deadline: Option<Instant>,
}

impl Person {
    /// Returns the person if both streams are terminals.
    pub fn at_terminal(deadline: Option<Instant>) -> Option<Self> {
        (io::stdin().is_terminal() && io::stderr().is_terminal()).then_some(Self { deadline })
    }

    /// Asks a question and returns the trimmed answer, or `None` at the end of the input.
    pub fn answer(&self, question: &str) -> Result<Option<String>, CliError> {
        let mut stderr = io::stderr().lock();
        let _ = stderr.write_all(question.as_bytes()).and_then(|()| stderr.flush());
        drop(stderr);
        let (sender, receiver) = mpsc::channel();
        // A read cannot be interrupted, so at the deadline the thread is abandoned, and the program exits.
        let read = move || {
            let mut line = String::new();
            let mut input = io::stdin().lock().take(MAX_LINE);
            let _ = sender.send(input.read_line(&mut line).map(|_| line));
        };
        if let Err(error) = thread::Builder::new().name("answer".into()).spawn(read) {
            return Err(unreadable(&error));
        }
        let left = match self.deadline {
            Some(deadline) => deadline.saturating_duration_since(Instant::now()),
            None => Duration::MAX,
        };
        let answer = match left {
            Duration::MAX => receiver.recv().ok(),
            left => receiver.recv_timeout(left).ok(),
        };
        match answer {
            Some(Ok(line)) if line.is_empty() => {
                // Ends the line of the question.
                let _ = io::stderr().write_all(b"\n");
                Ok(None)
            }
            Some(Ok(line)) => Ok(Some(line.trim().to_owned())),
            Some(Err(error)) => Err(unreadable(&error)),
            None => Err(CliError::new(ErrorCode::Unavailable, "no answer before the deadline")),
        }
    }

    /// Asks a question and returns true if the answer is yes.
    pub fn agrees(&self, question: &str) -> Result<bool, CliError> {
        Ok(self.answer(question)?.is_some_and(|answer| Self::is_yes(&answer)))
    }

    /// `y`, `Yes`
    pub fn is_yes(answer: &str) -> bool {
        matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes")
    }
}

fn unreadable(error: &io::Error) -> CliError {
    CliError::configuration(format!("no answer from standard input: {error}"))
}

/// Maximum length of an answer, in bytes. Answers are words or client ids.
const MAX_LINE: u64 = 4096;
