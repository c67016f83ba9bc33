//! A command that is run once per message and reads the message from its standard input.

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, Seek, SeekFrom, Write},
    process::{Child, Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use super::{
    cleanup,
    destination::Options,
    error::{Error, ErrorKind},
    fs as disk,
    line_ends::LineEnds,
    storage::Incoming,
    store::{CommitContext, Staged, Store},
    unique_id::unique_id_text,
};

pub(crate) struct Pipe {
    words: Vec<String>,
    scrub: Vec<String>,
    timeout: Option<Duration>,
    deadline: Option<Instant>,
    /// A file per message, never reused: the command may start a process that reads the file later.
    spool: Option<File>,
    ends: LineEnds,
    converted: Vec<u8>,
    staged: Vec<(Staged, File)>,
}

/// The way in which a command ended.
enum Ended {
    Exited(ExitStatus),
    TimedOut,
    AtDeadline,
}

impl Pipe {
    pub(crate) fn new(words: &[String], options: &Options) -> Result<Self, Error> {
        if words.is_empty() {
            return Err(Error::new(ErrorKind::Output, "--pipe needs a command"));
        }
        let known = SECRETS.iter().map(|&name| name.to_owned());
        Ok(Self {
            words: words.to_vec(),
            scrub: known.chain(options.scrub.iter().cloned()).collect(),
            timeout: options.pipe_timeout,
            deadline: options.deadline,
            spool: None,
            ends: LineEnds::default(),
            converted: Vec::new(),
            staged: Vec::new(),
        })
    }

    fn run(&self, message: &Staged, spool: File) -> io::Result<Ended> {
        let mut command = self.command(message, spool)?;
        let mut child = {
            let mut guard = cleanup::hold();
            let child = command.spawn()?;
            guard.add_command(child.id());
            child
        };
        // Closes this process's copy of the command's standard input.
        drop(command);
        let until = self.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let limit = until.into_iter().chain(self.deadline).min();
        let in_time = wait(&mut child, limit)?;
        // The guard is held while the child is reaped: the process id may then be reused, and must not be signalled any more.
        let mut guard = cleanup::hold();
        if !in_time {
            cleanup::kill_group(child.id());
            let _ = child.kill();
        }
        guard.remove_command(child.id());
        let status = child.wait()?;
        Ok(match self.deadline {
            _ if in_time => Ended::Exited(status),
            Some(deadline) if Some(deadline) == limit => Ended::AtDeadline,
            _ => Ended::TimedOut,
        })
    }

    fn command(&self, message: &Staged, mut spool: File) -> io::Result<Command> {
        spool.seek(SeekFrom::Start(0))?;
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).stdin(spool);
        // Standard output may carry JSON Lines.
        command.stdout(io::stderr());
        for name in &self.scrub {
            command.env_remove(name);
        }
        command.env("POP3_NUMBER", message.incoming.number.to_string());
        match &message.incoming.unique_id {
            Some(unique_id) => command.env("POP3_UID", printable(&unique_id_text(unique_id.as_bytes()))),
            None => command.env_remove("POP3_UID"),
        };
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        Ok(command)
    }

    fn failure(&self, what: impl std::fmt::Display) -> Error {
        Error::new(ErrorKind::Output, format!("--pipe {}: {what}", self.words[0]))
    }
}

/// Escapes the control characters of a unique-id's text as `\xNN`, which `--uid` reads as the same unique-id: a command that
/// prints `POP3_UID` must not send a server's terminal escapes.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(out, "\\x{byte:02x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

impl Store for Pipe {
    fn group(&self) -> usize {
        1
    }

    fn begin(&mut self, _: &Incoming) -> Result<(), Error> {
        let spool = tempfile::tempfile().map_err(|error| spooling(&error))?;
        disk::make_private(&spool).map_err(|error| spooling(&error))?;
        self.spool = Some(spool);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.converted.clear();
        self.ends.convert(bytes, &mut self.converted);
        let Some(spool) = &mut self.spool else { return Ok(()) };
        spool.write_all(&self.converted).map_err(|error| spooling(&error))
    }

    fn end(&mut self, message: Staged) -> Result<(), Error> {
        self.converted.clear();
        self.ends.finish(&mut self.converted);
        let Some(mut spool) = self.spool.take() else { return Ok(()) };
        spool.write_all(&self.converted).map_err(|error| spooling(&error))?;
        self.staged.push((message, spool));
        Ok(())
    }

    fn abort(&mut self) -> Result<(), Error> {
        self.spool = None;
        self.ends = LineEnds::default();
        Ok(())
    }

    fn keep(&mut self, count: usize) -> Result<(), Error> {
        self.staged.truncate(count);
        Ok(())
    }

    fn commit(&mut self, context: &mut CommitContext) -> Result<(), Error> {
        for (message, spool) in std::mem::take(&mut self.staged) {
            let number = message.incoming.number;
            let failed = match self.run(&message, spool) {
                Ok(Ended::Exited(status)) if status.success() => {
                    context.remember(&message, b"pipe")?;
                    context.stored(message, None);
                    continue;
                }
                Ok(Ended::AtDeadline) => {
                    let what =
                        format!("--pipe {}: the deadline passed during message {number}", self.words[0]);
                    return Err(Error::new(ErrorKind::TimedOut, what));
                }
                Ok(Ended::TimedOut) => self.failure(format_args!("timed out for message {number}")),
                Ok(Ended::Exited(status)) => self.failure(format_args!("{status} for message {number}")),
                // The command cannot be started: other messages would fail too.
                Err(error) => return Err(self.failure(error)),
            };
            context.failed(message, failed);
        }
        Ok(())
    }
}

/// Waits for the command to end, without reaping it on Unix. Returns true if it ended in time.
fn wait(child: &mut Child, limit: Option<Instant>) -> io::Result<bool> {
    let mut pause = Duration::from_millis(1);
    while !has_ended(child, limit.is_none())? {
        let now = Instant::now();
        match limit {
            Some(limit) if now >= limit => return Ok(false),
            Some(limit) => thread::sleep(pause.min(limit - now)),
            None => {}
        }
        pause = (pause * 2).min(MAX_PAUSE);
    }
    Ok(true)
}

#[cfg(unix)]
fn has_ended(child: &Child, blocking: bool) -> io::Result<bool> {
    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
    let Some(id) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return Ok(true) };
    let mut options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    options.set(WaitIdOptions::NOHANG, !blocking);
    match waitid(WaitId::Pid(id), options) {
        Err(rustix::io::Errno::INTR) => Ok(false),
        ended => Ok(ended?.is_some()),
    }
}

#[cfg(not(unix))]
fn has_ended(child: &mut Child, blocking: bool) -> io::Result<bool> {
    if blocking { child.wait().map(|_| true) } else { Ok(child.try_wait()?.is_some()) }
}

fn spooling(error: &io::Error) -> Error {
    Error::output("cannot spool a message for --pipe", error)
}

/// Environment variables that are removed for the command.
const SECRETS: [&str; 3] = ["POP3_PASSWORD", "POP3_TOKEN", "POP3_PROXY"];

/// Maximum interval between two checks of a command with a time limit.
const MAX_PAUSE: Duration = Duration::from_millis(20);
