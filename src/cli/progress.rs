//! How far a fetch has come: on standard error, on a terminal only.

use std::{
    io::{self, IsTerminal as _},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::signals;

/// The bar that stands on the terminal, so that whoever writes there can have it out of the way.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Messages and octets of one fetch. Taken away when dropped.
pub struct Progress {
    bar: Option<ProgressBar>,
    started: Instant,
    shown: bool,
    messages: usize,
    begun: usize,
    /// Octets of the messages before this one, by the listing.
    before: u64,
    /// Octets of this message, by the listing.
    listed: u64,
    received: u64,
}

impl Progress {
    /// Progress over so many messages of so many octets in the server's listing; shown where `wanted` and standard error
    /// is a terminal.
    pub fn new(wanted: bool, messages: usize, octets: u64) -> Self {
        let bar = (wanted && messages > 0 && io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(Some(octets), ProgressDrawTarget::hidden());
            bar.with_style(
                ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar()),
            )
        });
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

    /// The next message begins, with its octets in the listing.
    pub fn message(&mut self, listed: u64) {
        // A listing may name any number.
        self.before = self.before.saturating_add(self.listed);
        self.listed = listed;
        self.received = 0;
        self.begun += 1;
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{} of {}", self.begun, self.messages));
            bar.set_position(self.before);
        }
    }

    /// So many more octets of it came. Listings are often wrong, so a message counts for no more than is listed.
    pub fn received(&mut self, octets: u64) {
        self.received += octets;
        if let Some(bar) = &self.bar {
            if !self.shown && self.started.elapsed() >= NOT_BEFORE {
                self.shown = true;
                signals::guard().bar(true);
                // Without it a signal ends the process as well, only the bar stays where it is.
                let _ = signals::watch();
                bar.set_draw_target(ProgressDrawTarget::stderr());
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
            signals::guard().bar(false);
            show(None);
        }
    }
}

/// Does something that writes to the terminal while no bar stands there.
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

/// A transfer shorter than this is over before anybody could read the bar.
const NOT_BEFORE: Duration = Duration::from_millis(300);

const TEMPLATE: &str =
    "{msg} [{wide_bar}] {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec} {eta} left";

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
    fn the_template_is_valid() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }
}
