//! A sandbox for one user of `pop3`, with its own folders and only the environment variables that a program needs to
//! start.

use std::fmt;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The program of the build under test.
pub(crate) const POP3: &str = env!("CARGO_BIN_EXE_pop3");

/// The time limit of a run, which only a hanging run reaches, even on a slow machine.
pub(crate) const LONGEST_RUN: Duration = Duration::from_secs(60);

/// Windows programs cannot start or connect without these variables.
#[cfg(windows)]
const INHERITED: [&str; 8] =
    ["SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATH", "PATHEXT", "TEMP", "TMP"];
#[cfg(not(windows))]
const INHERITED: [&str; 2] = ["PATH", "LLVM_PROFILE_FILE"];

pub(crate) struct Sandbox {
    root: TempDir,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let root = tempfile::Builder::new().prefix("pop3-test-").tempdir().expect("a temporary folder");
        let sandbox = Self { root };
        for folder in ["home", "run", "work"] {
            std::fs::create_dir(sandbox.path(folder)).expect("a folder");
        }
        sandbox
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Returns the working directory of the program.
    pub(crate) fn work(&self) -> PathBuf {
        self.path("work")
    }

    /// Returns the state directory.
    pub(crate) fn state(&self) -> PathBuf {
        self.path("state")
    }

    /// Returns a command for `program` with a minimal environment and with its home and state directories in the
    /// sandbox.
    pub(crate) fn program(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.work());
        for name in INHERITED {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        let home = self.path("home");
        for name in ["HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "XDG_CONFIG_HOME", "XDG_STATE_HOME"] {
            command.env(name, &home);
        }
        command
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("TZ", "UTC")
            .env("LC_ALL", "C.UTF-8")
            .env("COLUMNS", "100")
            .env("POP3_STATE_DIR", self.state());
        command
    }

    /// Returns a command for the `pop3` under test, with alice's account on 127.0.0.1.
    pub(crate) fn pop3(&self, port: u16) -> Command {
        self.with_account(POP3, port)
    }

    /// Returns a command for a program with alice's account on 127.0.0.1 in its environment.
    pub(crate) fn with_account(&self, program: &str, port: u16) -> Command {
        let mut command = self.program(program);
        command
            .env("POP3_HOST", "127.0.0.1")
            .env("POP3_PORT", port.to_string())
            .env("POP3_USER", "alice")
            .env("POP3_PASSWORD", "secret")
            // The server may need a moment to notice that an earlier run closed its connection.
            .env("POP3_WAIT", "50");
        command
    }

    /// Returns every file under the working directory, sorted by its path with `/`.
    pub(crate) fn files(&self) -> Vec<(String, Vec<u8>)> {
        files(&self.work())
    }
}

/// Returns every file under `root`, sorted by its relative path with `/`.
pub(crate) fn files(root: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.expect("a directory entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(root).expect("it was found there");
            let name = name.to_str().expect("pop3 makes no other names").replace('\\', "/");
            found.push((name, std::fs::read(&path).expect("a readable file")));
        }
    }
    found.sort();
    found
}

/// The result of a run.
pub(crate) struct Outcome {
    /// `None` if a signal ended the process.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    /// True if the run hung and was killed.
    pub(crate) hung: bool,
}

impl Outcome {
    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Returns the lines of standard output, each of which is a JSON object.
    pub(crate) fn json(&self) -> Vec<serde_json::Value> {
        self.stdout()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect()
    }

    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert!(self.code == Some(code) && !self.hung, "exit code {code} expected: {self:?}");
        self
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hung = if self.hung { " (HUNG, killed)" } else { "" };
        write!(f, "exit {:?}{hung}\nstdout:\n{}stderr:\n{}", self.code, self.stdout(), self.stderr())
    }
}

/// A started program whose output is being read.
pub(crate) struct Running {
    pub(crate) child: Child,
    closed: Receiver<(bool, Vec<u8>)>,
    pipes: usize,
    started: Instant,
}

/// Starts `command` with `input` on its standard input; standard output is closed at once if `deaf`.
pub(crate) fn start(mut command: Command, input: &[u8], deaf: bool) -> Running {
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .or_else(|error| again_under_wine(&mut command, error))
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (sender, closed) = mpsc::channel();
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_vec();
    std::thread::spawn(move || {
        // A program may end without reading its input.
        let _ = stdin.write_all(&input);
    });
    let stdout = child.stdout.take().expect("piped");
    let mut pipes = 1;
    if deaf {
        drop(stdout);
    } else {
        pipes = 2;
        collect(stdout, sender.clone(), true);
    }
    collect(child.stderr.take().expect("piped"), sender, false);
    Running { child, closed, pipes, started }
}

/// Retries because Wine 8 sometimes fails to start a process while others start, with "Internal error" (1359).
fn again_under_wine(command: &mut Command, mut error: io::Error) -> io::Result<Child> {
    for _ in 0..5 {
        if !cfg!(windows) || error.raw_os_error() != Some(1359) {
            break;
        }
        match command.spawn() {
            Ok(child) => return Ok(child),
            Err(again) => error = again,
        }
    }
    Err(error)
}

fn collect(mut pipe: impl Read + Send + 'static, sender: mpsc::Sender<(bool, Vec<u8>)>, stdout: bool) {
    std::thread::spawn(move || {
        let mut octets = Vec::new();
        let _ = pipe.read_to_end(&mut octets);
        let _ = sender.send((stdout, octets));
    });
}

impl Running {
    /// Waits for the end of the run, and kills it after [`LONGEST_RUN`].
    pub(crate) fn finish(mut self) -> Outcome {
        let mut outcome = Outcome { code: None, stdout: Vec::new(), stderr: Vec::new(), hung: false };
        while self.pipes > 0 {
            let left = LONGEST_RUN.saturating_sub(self.started.elapsed());
            match self.closed.recv_timeout(if outcome.hung { LONGEST_RUN } else { left }) {
                Ok((true, octets)) => outcome.stdout = octets,
                Ok((false, octets)) => outcome.stderr = octets,
                Err(_) if outcome.hung => break,
                Err(_) => {
                    outcome.hung = true;
                    let _ = self.child.kill();
                    continue;
                }
            }
            self.pipes -= 1;
        }
        outcome.code = self.child.wait().expect("a child").code();
        outcome
    }
}

pub(crate) fn run(command: Command) -> Outcome {
    start(command, b"", false).finish()
}
