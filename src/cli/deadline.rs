//! Ends the process after `--deadline`, regardless of what it is waiting for.
//!
//! Sessions, commands and the keyring check the deadline themselves and fail with a precise error. The thread in this module
//! covers everything else (a prompt, standard input, a full pipe on standard output), so it acts a little later.

use std::{
    process,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    error::{CliError, ErrorCode},
    settings::Settings,
    signals,
};

static DISARMED: AtomicBool = AtomicBool::new(false);

static WAITING_FOR: Mutex<Option<&'static str>> = Mutex::new(None);

/// Ends the process shortly after the deadline, if it is still running.
pub fn watch(settings: &Settings) {
    let Some(end) = settings.deadline_instant().and_then(|end| end.checked_add(GRACE)) else { return };
    let (stderr, deadline) = (settings.stderr(), settings.deadline.unwrap_or_default());
    let watch = move || {
        thread::sleep(end.saturating_duration_since(Instant::now()));
        if !DISARMED.load(SeqCst) {
            let waiting_for = *WAITING_FOR.lock().unwrap_or_else(PoisonError::into_inner);
            let error = error(deadline, waiting_for.unwrap_or("standard input or output"));
            #[cfg_attr(windows, allow(clippy::let_unit_value, reason = "the guard is empty on Windows"))]
            let _tidied = signals::tidy();
            stderr.failure(&error);
            process::exit(error.code.exit_code().into());
        }
    };
    // Even without the thread, sessions, commands and the keyring observe the deadline.
    if let Err(error) = thread::Builder::new().name("deadline".into()).stack_size(STACK).spawn(watch) {
        log::info!("cannot start the deadline thread: {error}");
    }
}

/// Returns the error of a run that reached its deadline.
pub fn error(deadline: Duration, waited_for: &str) -> CliError {
    let seconds = deadline.as_secs_f32();
    let text = format!("the deadline of {seconds} s passed while waiting for {waited_for}");
    CliError::new(ErrorCode::Unavailable, text)
}

/// Cancels the watch. Called before `QUIT` is sent, because the run must report whether the server confirmed the deletions.
pub fn disarm() {
    DISARMED.store(true, SeqCst);
}

/// Sets the name of the event that the run waits for, for the error of [`watch`], until the guard is dropped.
pub fn waiting_for(what: &'static str) -> Waiting {
    set(Some(what));
    Waiting
}

/// The guard of [`waiting_for`].
pub struct Waiting;

impl Drop for Waiting {
    fn drop(&mut self) {
        set(None);
    }
}

fn set(what: Option<&'static str>) {
    *WAITING_FOR.lock().unwrap_or_else(PoisonError::into_inner) = what;
}

/// Time after the deadline in which the run may end with a more precise error.
const GRACE: Duration = Duration::from_secs(1);

const STACK: usize = 128 * 1024;
