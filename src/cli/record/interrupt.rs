//! What must be tidied before a signal ends the process: the dot-lock of an mbox, the command of `--pipe`.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

#[derive(Default)]
struct Held {
    dot_lock: Option<PathBuf>,
    command: Option<u32>,
}

static HELD: Mutex<Held> = Mutex::new(Held { dot_lock: None, command: None });

/// While it lives, no signal ends the process: making a thing and telling of it belong together.
pub struct Guard(MutexGuard<'static, Held>);

/// Holds signals off.
pub fn guard() -> Guard {
    Guard(HELD.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Guard {
    pub fn dot_lock(&mut self, path: Option<&Path>) {
        self.0.dot_lock = path.map(Path::to_path_buf);
    }

    pub fn command(&mut self, id: Option<u32>) {
        self.0.command = id;
    }
}

/// From here on SIGINT, SIGTERM and SIGHUP tidy up before they end the process. A signal that the process was started
/// to ignore (`nohup`) stays ignored. Windows removes nothing: there a stale dot-lock is known by its age.
#[cfg(unix)]
pub fn watch() -> io::Result<()> {
    use std::{sync::Once, thread};

    use signal_hook::{consts::TERM_SIGNALS, iterator::Signals, low_level::emulate_default_handler};

    static WATCHED: Once = Once::new();
    let mut watched = Ok(());
    WATCHED.call_once(|| {
        let wanted = [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP];
        debug_assert!(wanted[..2].iter().all(|signal| TERM_SIGNALS.contains(signal)));
        let wanted = wanted.into_iter().filter(|&signal| !ignored(signal));
        watched = Signals::new(wanted)
            .and_then(|mut signals| {
                let handler = thread::Builder::new().name("signals".into());
                handler.stack_size(STACK).spawn(move || {
                    if let Some(signal) = signals.forever().next() {
                        // Never released: nothing new is begun while the process ends.
                        let held = guard();
                        if let Some(path) = &held.0.dot_lock {
                            let _ = std::fs::remove_file(path);
                        }
                        if let Some(id) = held.0.command {
                            end_command(id);
                        }
                        let _ = emulate_default_handler(signal);
                    }
                })
            })
            .map(drop);
    });
    watched
}

#[cfg(not(unix))]
pub fn watch() -> io::Result<()> {
    Ok(())
}

/// The command leads a process group of its own, so its children end with it.
#[cfg(unix)]
fn end_command(id: u32) {
    use rustix::process::{Pid, Signal, kill_process_group};
    if let Some(group) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::TERM);
    }
}

/// Whether the process ignores the signal, as far as the system tells.
#[cfg(unix)]
fn ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

/// The handler's stack.
#[cfg(unix)]
const STACK: usize = 128 * 1024;
