//! The progress bar of `fetch`: on standard error, if that is a terminal.

#[cfg(unix)]
use std::io::Write as _;
use std::{
    io::{self, IsTerminal as _},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::signals;

/// The bar on the terminal. All other writers hide it first; see [`suspended`].
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Progress in messages and octets. Dropping it removes the bar.
pub struct Progress {
    bar: Option<ProgressBar>,
    started: Instant,
    shown: bool,
    messages: usize,
    begun: usize,
    /// The listed size of all earlier messages, in octets.
    before: u64,
    /// The listed size of the current message, in octets.
    listed: u64,
    /// The received octets of the current message.
    received: u64,
}

impl Progress {
    /// Creates the progress of a fetch of `messages` messages with a listed size of `octets` in total. The bar is shown if
    /// `wanted` is true and standard error is a terminal.
    pub fn new(wanted: bool, messages: usize, octets: u64) -> Self {
        let bar = (wanted && messages > 0 && io::stderr().is_terminal())
            .then(|| ProgressBar::with_draw_target(Some(octets), ProgressDrawTarget::hidden()));
        Self {
            bar,
            started: Instant::now(),
            shown: false,
            messages,
            begun: 0,
            before: 0,
            listed: 0,
            received: 0,
        }
    }

    /// Begins the next message, of `listed` octets.
    pub fn message(&mut self, listed: u64) {
        // Saturating, because a server may list any size.
        self.before = self.before.saturating_add(self.listed);
        self.listed = listed;
        self.received = 0;
        self.begun += 1;
        if let Some(bar) = &self.bar {
            let message = format!("{} of {}", self.begun, self.messages);
            let template = template(columns(), message.len());
            let style =
                ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
            bar.set_style(style);
            bar.set_message(message);
            bar.set_position(self.before);
        }
    }

    /// Adds received octets of the current message. Listed sizes are often wrong, so a message counts for at most its
    /// listed size.
    pub fn received(&mut self, octets: u64) {
        self.received += octets;
        if let Some(bar) = &self.bar {
            if !self.shown && self.started.elapsed() >= DELAY {
                self.shown = true;
                signals::guard().set_bar(true);
                // If this fails, a signal still ends the process, but leaves the bar on the terminal.
                let _ = signals::watch();
                bar.set_draw_target(draw_target());
                show(Some(bar.clone()));
            }
            bar.set_position(self.position());
        }
    }

    fn position(&self) -> u64 {
        self.before.saturating_add(self.received.min(self.listed))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
            signals::guard().set_bar(false);
            show(None);
        }
    }
}

/// Hides the bar while `write` writes to the terminal.
pub fn suspended<T>(write: impl FnOnce() -> T) -> T {
    let bar = SHOWN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match bar {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

fn show(bar: Option<ProgressBar>) {
    *SHOWN.lock().unwrap_or_else(PoisonError::into_inner) = bar;
}

/// Returns a draw target that is a little narrower than the terminal, because indicatif fills the whole line.
#[cfg(unix)]
fn draw_target() -> ProgressDrawTarget {
    ProgressDrawTarget::term_like_with_hz(Box::new(Narrower), 20)
}

#[cfg(not(unix))]
fn draw_target() -> ProgressDrawTarget {
    ProgressDrawTarget::stderr()
}

/// The terminal on standard error, without its last columns.
#[cfg(unix)]
#[derive(Debug)]
struct Narrower;

#[cfg(unix)]
impl indicatif::TermLike for Narrower {
    fn width(&self) -> u16 {
        u16::try_from(columns().saturating_sub(ECHO)).unwrap_or(u16::MAX)
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        if lines == 0 { Ok(()) } else { self.write_str(&format!("\x1b[{lines}A")) }
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        if lines == 0 { Ok(()) } else { self.write_str(&format!("\x1b[{lines}B")) }
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        if columns == 0 { Ok(()) } else { self.write_str(&format!("\x1b[{columns}C")) }
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        if columns == 0 { Ok(()) } else { self.write_str(&format!("\x1b[{columns}D")) }
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        self.write_str(&format!("{line}\n"))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        io::stderr().write_all(text.as_bytes())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.write_str("\r\x1b[2K")
    }

    fn flush(&self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Returns the width of the terminal on standard error, in columns.
fn columns() -> usize {
    terminal_size::terminal_size_of(io::stderr()).map_or(80, |(columns, _)| columns.0.into())
}

/// Returns a template that leaves room for the `^C` that terminals echo: a line that wraps cannot be cleared.
fn template(columns: usize, message: usize) -> String {
    let room = columns.saturating_sub(ECHO);
    match room.saturating_sub(message + FACTS) {
        bar @ MIN_BAR.. => format!(
            "{{msg}} [{{bar:{bar}}}] {{decimal_bytes}}/{{decimal_total_bytes}} {{decimal_bytes_per_sec}} {{eta}} left"
        ),
        _ if room >= message + FEW_FACTS => "{msg} {percent}% {eta} left".to_owned(),
        _ => "{percent}%".to_owned(),
    }
}

/// Delay before the bar is shown: short transfers need none.
const DELAY: Duration = Duration::from_millis(300);

/// Number of columns for `^C` and the cursor.
const ECHO: usize = 3;

/// The most columns that a line takes besides the message and the bar: ` [] 123.45 MB/123.45 MB 123.45 MB/s 59m left`.
const FACTS: usize = 48;

/// Maximum number of columns for ` 100% 59m left`.
const FEW_FACTS: usize = 16;

const MIN_BAR: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_listings_do_no_harm() {
        let mut progress = Progress::new(false, 2, 30);
        progress.message(10);
        progress.received(99);
        assert_eq!(progress.position(), 10);
        progress.message(20);
        progress.received(5);
        assert_eq!(progress.position(), 15);
        progress.message(1);
        assert_eq!(progress.position(), 30);
        progress.message(u64::MAX);
        progress.message(u64::MAX);
        progress.received(5);
        assert_eq!(progress.position(), u64::MAX);
        assert_eq!(suspended(|| 7), 7);
    }

    #[test]
    fn the_line_fits_whatever_the_terminal_is() {
        for (columns, message, bar) in
            [(80, 6, true), (80, 24, false), (40, 6, false), (200, 30, true), (10, 6, false)]
        {
            let template = template(columns, message);
            assert!(ProgressStyle::with_template(&template).is_ok());
            assert_eq!(template.contains("{bar:"), bar, "{template}");
            let width = |bar: usize| bar + message + FACTS;
            if let Some((_, rest)) = template.split_once("{bar:") {
                let bar = rest.split_once('}').unwrap().0.parse().unwrap();
                assert!(width(bar) <= columns - ECHO);
            }
        }
        assert_eq!(template(40, 15), "{msg} {percent}% {eta} left");
        assert_eq!(template(20, 15), "{percent}%");
    }
}
