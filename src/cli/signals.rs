//! Tidies up before a signal ends the process: what [`crate::delivery::cleanup`] registered, a terminal that does not show
//! what is typed, or shows progress.
//!
//! Windows has no such signals: there the system removes the dot-lock, and Ctrl-C reaches the command as well.

#[cfg(unix)]
pub use self::unix::{guard, ignore_sigxfsz, keep_terminal, tidy, watch};
#[cfg(not(unix))]
pub use self::without::{guard, ignore_sigxfsz, keep_terminal, tidy, watch};

#[cfg(unix)]
mod unix {
    use std::{
        fs::{self, File},
        io::{self, Write as _},
        sync::{Arc, Mutex, MutexGuard, Once, PoisonError, mpsc},
        thread,
        time::Duration,
    };

    use crate::delivery::cleanup;
    use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
    use signal_hook::{
        consts::{SIGHUP, SIGINT, SIGTERM},
        iterator::Signals,
        low_level::emulate_default_handler,
    };

    struct Held {
        terminal: Option<(File, Termios)>,
        bar: bool,
    }

    static HELD: Mutex<Held> = Mutex::new(Held { terminal: None, bar: false });

    /// While it lives, no signal ends the process.
    pub struct Guard(MutexGuard<'static, Held>);

    /// Holds signals off.
    pub fn guard() -> Guard {
        Guard(HELD.lock().unwrap_or_else(PoisonError::into_inner))
    }

    impl Guard {
        /// Whether a bar of progress stands in the last line of the terminal.
        pub fn bar(&mut self, stands: bool) {
            self.0.bar = stands;
        }
    }

    /// While it lives, the terminal gets back its settings before a signal ends the process.
    pub struct Kept;

    /// Keeps the settings of the terminal, if there is one.
    pub fn keep_terminal() -> Kept {
        let terminal = File::open("/dev/tty").ok();
        guard().0.terminal = terminal.and_then(|file| {
            let settings = tcgetattr(&file).ok()?;
            Some((file, settings))
        });
        // Without it a signal ends the process as well, only the terminal stays as it is.
        let _ = watch();
        Kept
    }

    impl Drop for Kept {
        fn drop(&mut self) {
            guard().0.terminal = None;
        }
    }

    /// From here on SIGINT, SIGTERM and SIGHUP tidy up before they end the process. A signal that the process was
    /// started to ignore (`nohup`) stays ignored.
    pub fn watch() -> io::Result<()> {
        static WATCHED: Once = Once::new();
        let mut watched = Ok(());
        WATCHED.call_once(|| {
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

    /// A write beyond the limit of a file's size (`ulimit -f`) is an error like a full disk, and no reason to die.
    pub fn ignore_sigxfsz() {
        static OUTLIVED: Once = Once::new();
        OUTLIVED.call_once(|| {
            // Without it a signal ends the process: no harm is done, only less is said.
            let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
        });
    }

    fn end(signal: i32) {
        let _held = tidy();
        let _ = emulate_default_handler(signal);
    }

    /// Tidies up before the process ends. To be kept until then: nothing new is begun meanwhile.
    pub fn tidy() -> (Guard, cleanup::Guard) {
        let held = guard();
        let registered = cleanup::hold();
        registered.tidy();
        if let Some((terminal, settings)) = &held.0.terminal {
            let _ = tcsetattr(terminal, OptionalActions::Now, settings);
        }
        if held.0.bar {
            wipe_line();
        }
        (held, registered)
    }

    /// Empties the line that the cursor is in, unless the terminal takes nothing: then the signal must not wait.
    fn wipe_line() {
        let (done, wiped) = mpsc::channel();
        let wipe = move || {
            let _ = io::stderr().write_all(b"\r\x1b[2K");
            let _ = done.send(());
        };
        if thread::Builder::new().stack_size(STACK).spawn(wipe).is_ok() {
            let _ = wiped.recv_timeout(Duration::from_millis(100));
        }
    }

    /// Whether the process ignores the signal, as far as the system tells.
    fn is_ignored(signal: i32) -> bool {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
        mask >> (signal - 1) & 1 == 1
    }

    /// The same number wherever Rust programs run, but on MIPS, where it is another signal's that nobody sends.
    const SIGXFSZ: i32 = 25;

    /// The handler's stack.
    const STACK: usize = 128 * 1024;
}

#[cfg(not(unix))]
mod without {
    use std::io;

    pub struct Guard;

    pub fn guard() -> Guard {
        Guard
    }

    impl Guard {
        #[allow(clippy::unused_self)]
        pub fn bar(&mut self, _: bool) {}
    }

    #[allow(clippy::unnecessary_wraps)]
    pub fn watch() -> io::Result<()> {
        Ok(())
    }

    pub fn ignore_sigxfsz() {}

    pub fn tidy() {}

    pub struct Kept;

    pub fn keep_terminal() -> Kept {
        Kept
    }
}
