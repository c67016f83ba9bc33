//! The end that `--deadline` sets to whatever has no time limit of its own: a prompt, standard input, a reader of standard
//! output that does not read.
//!
//! Sessions, commands and the keyring know the deadline and fail by it with what they know. This is for the rest, so it
//! comes later.

use std::{
    process,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use super::{settings::Settings, signals};

static DISARMED: AtomicBool = AtomicBool::new(false);

/// Ends the process a little after the deadline, if it is still there.
pub fn watch(settings: &Settings) {
    let Some(end) = settings.deadline_instant().and_then(|end| end.checked_add(GRACE)) else { return };
    let (stderr, over) = (settings.stderr(), settings.deadline_error("something that never came"));
    let watch = move || {
        thread::sleep(end.saturating_duration_since(Instant::now()));
        if !DISARMED.load(SeqCst) {
            #[cfg_attr(windows, allow(clippy::let_unit_value, reason = "there is nothing to hold there"))]
            let _tidied = signals::tidy();
            stderr.failure(&over);
            process::exit(over.code.exit_code().into());
        }
    };
    // Without a thread the limits of sessions, commands and the keyring remain.
    if let Err(error) = thread::Builder::new().name("deadline".into()).stack_size(STACK).spawn(watch) {
        log::info!("no thread to watch the deadline: {error}");
    }
}

/// From here on the run ends by itself, and its end must be told: the server was asked to delete.
pub fn disarm() {
    DISARMED.store(true, SeqCst);
}

/// How long a run that has seen the deadline pass may take to say so.
const GRACE: Duration = Duration::from_secs(1);

const STACK: usize = 128 * 1024;
