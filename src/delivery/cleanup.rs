//! A registry of what must be tidied before a signal ends the process: the dot-lock of an mbox, the running command of a
//! pipe. The library only registers; a front end that handles signals calls [`hold`] and [`Guard::tidy`].

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

struct Registry {
    dot_lock: Option<PathBuf>,
    command: Option<u32>,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry { dot_lock: None, command: None });

/// Exclusive access to the registry. While it lives, no dot-lock is made and no command is started, so a handler that
/// keeps it until the process ends misses nothing.
pub struct Guard(MutexGuard<'static, Registry>);

/// Waits for exclusive access to the registry.
#[must_use]
pub fn hold() -> Guard {
    Guard(REGISTRY.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Guard {
    /// Removes the dot-lock and ends the command with its children (on Windows neither is needed: the system removes the
    /// dot-lock with its handle, and Ctrl-C reaches the command as well).
    pub fn tidy(&self) {
        #[cfg(unix)]
        {
            use rustix::process::{Pid, Signal, kill_process_group};
            if let Some(path) = &self.0.dot_lock {
                let _ = std::fs::remove_file(path);
            }
            // The command leads a process group of its own, so its children end with it.
            let group = self.0.command.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
            if let Some(group) = group {
                let _ = kill_process_group(group, Signal::TERM);
            }
        }
    }

    pub(crate) fn set_dot_lock(&mut self, path: Option<&Path>) {
        self.0.dot_lock = path.map(Path::to_path_buf);
    }

    pub(crate) fn set_command(&mut self, id: Option<u32>) {
        self.0.command = id;
    }
}
