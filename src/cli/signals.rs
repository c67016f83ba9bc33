//! Cleans up before a signal ends the process: runs [`crate::delivery::cleanup`], restores the settings of the terminal and
//! removes the progress bar.
//!
//! Does nothing on Windows, which has no such signals. There the system removes the dot-lock, and Ctrl-C also reaches a running
//! command.

#[cfg(not(unix))]
pub use self::other::{guard, ignore_sigxfsz, restore_terminal, tidy, watch};
#[cfg(unix)]
pub use self::unix::{guard, ignore_sigxfsz, restore_terminal, tidy, watch};

#[cfg(unix)]
mod unix {
    use std::{
        fs::{self, File},
        io::{self, Write as _},
        sync::{Arc, Mutex, MutexGuard, Once, PoisonError, mpsc},
        thread,
        time::Duration,
    };

    use rustix::{
        process::getpgrp,
        termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr},
    };
    use signal_hook::{
        consts::{SIGHUP, SIGINT, SIGTERM},
        iterator::Signals,
        low_level::emulate_default_handler,
    };

    use crate::delivery::cleanup;

    /// The state of the terminal that a signal must undo.
    struct Terminal {
        settings: Option<(File, Termios)>,
        bar: bool,
    }

    static TERMINAL: Mutex<Terminal> = Mutex::new(Terminal { settings: None, bar: false });

    /// While a guard is held, a signal does not end the process.
    pub struct Guard(MutexGuard<'static, Terminal>);

    /// Prevents signals from ending the process until the guard is dropped.
    pub fn guard() -> Guard {
        Guard(TERMINAL.lock().unwrap_or_else(PoisonError::into_inner))
    }

    impl Guard {
        /// Sets whether the last line of the terminal is a progress bar.
        pub fn set_bar(&mut self, shown: bool) {
            self.0.bar = shown;
        }
    }

    /// While a guard is held, the settings of the terminal are restored before a signal ends the process.
    pub struct TerminalGuard;

    /// Saves the settings of the terminal, if there is one, so that they can be restored before a signal ends the process.
    pub fn restore_terminal() -> TerminalGuard {
        let terminal = File::open("/dev/tty").ok();
        guard().0.settings = terminal.and_then(|file| {
            let settings = tcgetattr(&file).ok()?;
            Some((file, settings))
        });
        // If this fails, a signal still ends the process, but the terminal is not restored.
        let _ = watch();
        TerminalGuard
    }

    impl TerminalGuard {
        /// Restores the settings of the terminal now, unless another process group has the terminal.
        #[allow(clippy::unused_self, reason = "the settings are saved while the guard exists")]
        pub fn restore(&self) {
            if let Some((terminal, settings)) = &guard().0.settings
                && tcgetpgrp(terminal).is_ok_and(|foreground| foreground == getpgrp())
            {
                let _ = tcsetattr(terminal, OptionalActions::Now, settings);
            }
        }
    }

    impl Drop for TerminalGuard {
        fn drop(&mut self) {
            guard().0.settings = None;
        }
    }

    /// Installs handlers that clean up before SIGINT, SIGTERM or SIGHUP ends the process. Signals that were ignored when the
    /// process started (`nohup`) stay ignored.
    pub fn watch() -> io::Result<()> {
        static WATCH: Once = Once::new();
        let mut watched = Ok(());
        WATCH.call_once(|| {
            let wanted = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&signal| !is_ignored(signal));
            watched = Signals::new(wanted)
                .and_then(|mut signals| {
                    let handler = thread::Builder::new().name("signals".into()).stack_size(STACK);
                    handler.spawn(move || signals.forever().for_each(end))
                })
                .map(drop);
        });
        watched
    }

    /// Ignores SIGXFSZ: a write beyond the file size limit (`ulimit -f`) then fails, as on a full disk, instead of ending the
    /// process.
    pub fn ignore_sigxfsz() {
        static IGNORE: Once = Once::new();
        IGNORE.call_once(|| {
            // If this fails, the signal ends the process without an error message.
            let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
        });
    }

    fn end(signal: i32) {
        let _held = tidy();
        let _ = emulate_default_handler(signal);
    }

    /// Cleans up before the process ends. The caller must hold the guards until then, so that other threads start nothing new.
    pub fn tidy() -> (Guard, cleanup::Guard) {
        let held = guard();
        let registered = cleanup::hold();
        registered.tidy();
        if let Some((terminal, settings)) = &held.0.settings {
            let _ = tcsetattr(terminal, OptionalActions::Now, settings);
        }
        if held.0.bar {
            clear_line();
        }
        (held, registered)
    }

    /// Clears the current line. It is written in another thread, because a stopped terminal must not block the signal.
    fn clear_line() {
        let (done, cleared) = mpsc::channel();
        let clear = move || {
            let _ = io::stderr().write_all(b"\r\x1b[2K");
            let _ = done.send(());
        };
        if thread::Builder::new().stack_size(STACK).spawn(clear).is_ok() {
            let _ = cleared.recv_timeout(Duration::from_millis(100));
        }
    }

    /// True if the process ignores the signal. Always false on systems other than Linux, where this is unknown.
    fn is_ignored(signal: i32) -> bool {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
        mask >> (signal - 1) & 1 == 1
    }

    /// The number of SIGXFSZ on every platform but MIPS, where 25 is SIGCONT, for which a handler does no harm.
    const SIGXFSZ: i32 = 25;

    const STACK: usize = 128 * 1024;
}

#[cfg(not(unix))]
mod other {
    use std::io;

    pub struct Guard;

    pub fn guard() -> Guard {
        Guard
    }

    impl Guard {
        #[allow(clippy::unused_self)]
        pub fn set_bar(&mut self, _: bool) {}
    }

    #[allow(clippy::unnecessary_wraps)]
    pub fn watch() -> io::Result<()> {
        Ok(())
    }

    pub fn ignore_sigxfsz() {}

    pub fn tidy() {}

    pub struct TerminalGuard;

    impl TerminalGuard {
        #[allow(clippy::unused_self)]
        pub fn restore(&self) {}
    }

    pub fn restore_terminal() -> TerminalGuard {
        TerminalGuard
    }
}
