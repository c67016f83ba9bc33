//! A registry of everything to clean up before a signal ends the process: dot-locks of mboxes and running commands of pipes. The
//! library only registers them; a front end that handles signals calls [`hold`] and [`Guard::tidy`].

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

struct Registry {
    /// Dot-locks with their content, which identifies this process.
    dot_locks: Vec<(PathBuf, Vec<u8>)>,
    /// The process ids of commands, each a process group leader.
    commands: Vec<u32>,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry { dot_locks: Vec::new(), commands: Vec::new() });

/// Exclusive access to the registry. While a guard is held, no dot-lock is made and no command is started: a signal handler
/// holds it until the process ends.
pub struct Guard(MutexGuard<'static, Registry>);

/// Waits for exclusive access to the registry.
#[must_use]
pub fn hold() -> Guard {
    Guard(REGISTRY.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Guard {
    /// Removes dot-locks and terminates commands with their children. Windows needs neither: the system removes a dot-lock when
    /// its handle closes, and Ctrl-C also reaches the commands.
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

    /// Removes a dot-lock, unless another program has replaced it.
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

/// Kills a command that leads a process group, and its children.
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
