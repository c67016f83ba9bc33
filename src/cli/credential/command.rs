//! Reads secrets from the output of a command (`password-command`, `token-command`) and from standard input.

use crate::bytes::BOM;
use std::{
    fmt::Display,
    io::{self, BufRead as _, IsTerminal as _, Read},
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use super::GRACE;
use crate::{
    Secret,
    cli::{
        error::CliError,
        settings::{SECRET_VARIABLES, Settings},
        signals,
    },
    delivery::cleanup,
};

/// Runs the command of the account's key `key` and returns the first line of its output. Its time is limited by `--deadline`
/// only, because it may ask a person. Its standard error is shown with `-v` or `RUST_LOG` only.
///
/// Nothing that the command starts can keep the caller of `pop3` waiting: standard output and standard error of `pop3` are
/// not passed on, unless standard error is a terminal. At the deadline the command is killed, without a terminal together
/// with its children.
pub fn run(key: &'static str, words: &[String], settings: &Settings) -> Result<Secret, CliError> {
    let program = words.first().map(String::as_str).unwrap_or_default();
    let failed = |what: &dyn Display| CliError::configuration(format!("{key}: {program:?} {what}"));
    let stderr = ErrorOutput::of(settings);
    let mut command = Command::new(program);
    remove_secrets(&mut command)
        .args(words.get(1..).unwrap_or_default())
        .stdin(if io::stdin().is_terminal() { Stdio::inherit() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(match stderr {
            ErrorOutput::Hidden => Stdio::null(),
            ErrorOutput::Terminal => Stdio::inherit(),
            ErrorOutput::Log => Stdio::piped(),
        });
    // A command that is killed, or ended by Ctrl-C, while it asks for a secret may leave the echo off.
    let terminal = signals::restore_terminal();
    let mut child = Group::spawn(&mut command).map_err(|error| failed(&format!("cannot be run: {error}")))?;
    let log = child.leader.stderr.take().map(|output| log_lines(key, output));
    let ended = read_first_line(&mut child.leader)
        .map_err(|error| failed(&format!("cannot be read: {error}")))
        .and_then(|line| wait(&mut child, &line, settings, key, stderr, &failed));
    if ended.is_err() {
        child.kill();
        terminal.restore();
    }
    if let Some(Ok(end)) = log {
        // Waits for the last lines, but not for long: a remaining child process may keep standard error open.
        let _ = end.recv_timeout(LOG_GRACE);
    }
    ended
}

/// How the standard error of a command is handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ErrorOutput {
    Hidden,
    /// The command writes to the terminal itself.
    Terminal,
    /// Each line becomes a line of the log.
    Log,
}

impl ErrorOutput {
    fn of(settings: &Settings) -> Self {
        if !log::log_enabled!(log::Level::Info) {
            Self::Hidden
        } else if io::stderr().is_terminal() && !settings.json {
            Self::Terminal
        } else {
            Self::Log
        }
    }
}

/// A command and, unless `pop3` has a terminal, the process group that it leads.
///
/// With a terminal the command stays in the process group of `pop3`: a background group that reads the terminal, to ask for
/// a passphrase, is stopped by `SIGTTIN`. Its children are then out of reach. On Windows they always are.
struct Group {
    leader: Child,
    separate: bool,
    /// The process id may be that of another process by now, which must not get a signal.
    reaped: bool,
}

impl Group {
    fn spawn(command: &mut Command) -> io::Result<Self> {
        let separate = !has_terminal();
        #[cfg(unix)]
        if separate {
            std::os::unix::process::CommandExt::process_group(command, 0);
        }
        let mut guard = cleanup::hold();
        let leader = command.spawn()?;
        if separate {
            guard.add_command(leader.id());
        }
        Ok(Self { leader, separate, reaped: false })
    }

    /// Returns the exit status if the command has ended.
    fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        let mut guard = cleanup::hold();
        let ended = self.leader.try_wait()?;
        if ended.is_some() {
            self.reaped = true;
            guard.remove_command(self.leader.id());
        }
        Ok(ended)
    }

    /// Ends the command, if it is running, and its group.
    fn kill(&mut self) {
        let mut guard = cleanup::hold();
        if self.separate && !self.reaped {
            cleanup::kill_group(self.leader.id());
        }
        let _ = self.leader.kill();
        guard.remove_command(self.leader.id());
        let _ = self.leader.wait();
    }
}

#[cfg(unix)]
fn has_terminal() -> bool {
    std::fs::File::open("/dev/tty").is_ok()
}

/// Windows has no process groups, and its consoles stop no command.
#[cfg(not(unix))]
fn has_terminal() -> bool {
    true
}

/// Removes the variables that can contain a secret from the environment of a command.
pub fn remove_secrets(command: &mut Command) -> &mut Command {
    for variable in SECRET_VARIABLES {
        command.env_remove(variable);
    }
    command
}

/// Reads the first line, without the end of line: `"secret\r\nmore"` → `"secret"`.
pub fn first_line(input: impl Read) -> io::Result<Secret> {
    let mut line = Vec::new();
    io::BufReader::new(input).take(MAX_SECRET + 2).read_until(b'\n', &mut line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
        line.pop_if(|byte| *byte == b'\r');
    }
    // Windows PowerShell writes a byte order mark before the UTF-8 text that it pipes.
    if line.starts_with(BOM) {
        line.drain(..BOM.len());
    }
    let secret = Secret::from(line);
    if secret.expose().len() as u64 > MAX_SECRET {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("its first line has more than {MAX_SECRET} bytes"),
        ));
    }
    Ok(secret)
}

/// Waits for the first line and for the end of the command.
fn wait(
    child: &mut Group,
    line: &mpsc::Receiver<io::Result<Secret>>,
    settings: &Settings,
    key: &str,
    stderr: ErrorOutput,
    failed: &dyn Fn(&dyn Display) -> CliError,
) -> Result<Secret, CliError> {
    let mut secret = None;
    let started = Instant::now();
    let mut noted = stderr != ErrorOutput::Hidden;
    let mut pause = Duration::from_millis(1);
    let status = loop {
        if let Some(status) = child.try_wait().map_err(|error| failed(&format!("was lost: {error}")))? {
            break status;
        }
        if settings.deadline_passed() {
            return Err(settings.deadline_error(key));
        }
        // A command that asks on its standard error would wait unnoticed.
        if !noted && started.elapsed() >= NOTICE {
            noted = true;
            settings.stderr().note(&format!("waiting for {key}; -v shows what it prints"));
        }
        let step = settings.until_deadline(pause);
        match line.recv_timeout(step) {
            Ok(read) => secret = Some(read.map_err(|error| failed(&error))?),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            // The command has closed its output.
            Err(mpsc::RecvTimeoutError::Disconnected) => thread::sleep(step),
        }
        pause = (pause * 2).min(MAX_PAUSE);
    };
    if !status.success() {
        let hint = (stderr == ErrorOutput::Hidden).then_some("-v shows what it prints on standard error");
        return Err(failed(&format!("failed ({status})")).or_hint(hint));
    }
    if let Some(secret) = secret {
        return Ok(secret);
    }
    match line.recv_timeout(settings.until_deadline(GRACE)) {
        Ok(Ok(secret)) => Ok(secret),
        Ok(Err(error)) => Err(failed(&error)),
        Err(_) => Err(failed(&"printed no line")),
    }
}

/// Sends the first line from a thread that reads all output: a command blocks if the rest of its output is not read, and a
/// remaining child process may keep the output open. Endless output is an error.
fn read_first_line(child: &mut Child) -> io::Result<mpsc::Receiver<io::Result<Secret>>> {
    let (sender, receiver) = mpsc::channel();
    if let Some(output) = child.stdout.take() {
        thread::Builder::new().name("first line".into()).spawn(move || {
            let mut output = io::BufReader::new(output);
            let line = first_line(&mut output);
            let readable = line.is_ok();
            let _ = sender.send(line);
            if !readable {
                return;
            }
            if io::copy(&mut (&mut output).take(MAX_REST), &mut io::sink()).is_ok_and(|rest| rest == MAX_REST)
            {
                let endless = format!("prints without end: more than {MAX_REST} bytes after its first line");
                let _ = sender.send(Err(io::Error::new(io::ErrorKind::InvalidData, endless)));
            }
            // Reads until the command is killed: if the pipe were closed, the command would fail with another error.
            let _ = io::copy(&mut output, &mut io::sink());
        })?;
    }
    Ok(receiver)
}

/// Logs the lines of standard error from a thread. The receiver is disconnected at their end.
fn log_lines(key: &'static str, output: ChildStderr) -> io::Result<mpsc::Receiver<()>> {
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new().name("standard error".into()).spawn(move || {
        let _open_until_the_end: mpsc::Sender<()> = sender;
        let mut output = io::BufReader::new(output);
        let mut line = Vec::new();
        while let Ok(1..) = (&mut output).take(MAX_LOGGED).read_until(b'\n', &mut line) {
            log::info!("{key}: {}", String::from_utf8_lossy(&line).trim_end());
            line.clear();
        }
    })?;
    Ok(receiver)
}

/// Tokens have a few thousand bytes.
const MAX_SECRET: u64 = 65_536;

/// Maximum size of the output after the first line, in bytes: password stores print a short note there.
const MAX_REST: u64 = 1 << 20;

/// A longer line of standard error is logged in parts.
const MAX_LOGGED: u64 = 1024;

/// How long to wait for lines of standard error after the end of the command.
const LOG_GRACE: Duration = Duration::from_millis(200);

/// Password managers answer faster, unless they ask a person.
const NOTICE: Duration = Duration::from_secs(3);

/// The longest pause between two checks whether the command has ended.
const MAX_PAUSE: Duration = Duration::from_millis(50);
