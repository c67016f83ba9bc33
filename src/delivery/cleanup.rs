//! A registry of what must be cleaned up before a signal ends the process: dot-locks of mboxes, running commands of pipes. The
//! library only registers them; a front end that handles signals calls [`hold`] and [`Guard::tidy`].

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

struct Registry {
    /// Each with its content.
    dot_locks: Vec<(PathBuf, Vec<u8>)>,
    /// The process ids of commands, each a process group leader.
    commands: Vec<u32>,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry { dot_locks: Vec::new(), commands: Vec::new() });

/// Exclusive access to the registry. While it lives, no dot-lock is made and no command is started: a signal handler keeps it
/// until the process ends.
pub struct Guard(MutexGuard<'static, Registry>);

/// Waits for exclusive access to the registry.
#[must_use]
pub fn hold() -> Guard {
    Guard(REGISTRY.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Guard {
    /// Removes dot-locks and ends commands with their children. Windows needs neither: the system removes a dot-lock with its
    /// handle, and Ctrl-C reaches the commands too.
    pub fn tidy(&self) {
        for (path, content) in &self.0.dot_locks {
            remove_own(path, content);
        }
        #[cfg(unix)]
        for &id in &self.0.commands {
            signal_group(id, rustix::process::Signal::TERM);
        }
    }

    #[cfg(unix)]
    pub(crate) fn add_dot_lock(&mut self, path: &Path, content: &[u8]) {
        self.0.dot_locks.push((path.to_path_buf(), content.to_vec()));
    }

    /// Removes a dot-lock, unless it belongs to another program now.
    #[cfg(unix)]
    pub(crate) fn remove_dot_lock(&mut self, path: &Path) {
        if let Some(at) = self.0.dot_locks.iter().position(|(known, _)| known == path) {
            let (path, content) = self.0.dot_locks.swap_remove(at);
            remove_own(&path, &content);
        }
    }

    pub(crate) fn add_command(&mut self, id: u32) {
        self.0.commands.push(id);
    }

    pub(crate) fn remove_command(&mut self, id: u32) {
        self.0.commands.retain(|&command| command != id);
    }
}

/// Ends a command that leads a process group, and its children, at once.
pub(crate) fn kill_group(id: u32) {
    #[cfg(unix)]
    signal_group(id, rustix::process::Signal::KILL);
    #[cfg(not(unix))]
    let _ = id;
}

#[cfg(unix)]
fn signal_group(id: u32, signal: rustix::process::Signal) {
    use rustix::process::{Pid, kill_process_group};
    if let Some(group) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, signal);
    }
}

fn remove_own(path: &Path, content: &[u8]) {
    if std::fs::read(path).is_ok_and(|found| found == content) {
        let _ = std::fs::remove_file(path);
    }
}
