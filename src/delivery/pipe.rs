//! `--pipe`: a command is run once a message, which it reads on its standard input.

use std::{
    fs::File,
    io::{self, Seek, SeekFrom, Write},
    process::{Child, Command, ExitStatus},
};

use super::{
    cleanup,
    error::{Error, ErrorKind},
    file_name, fs as disk,
    storage::Incoming,
    text::LineEnds,
    writer::{Ledger, Staged, Store},
};

pub(crate) struct Pipe {
    words: Vec<String>,
    scrub: Vec<String>,
    spool: File,
    ends: LineEnds,
    converted: Vec<u8>,
    staged: Option<Staged>,
}

impl Pipe {
    pub(crate) fn new(words: &[String], scrub: &[String]) -> Result<Self, Error> {
        if words.is_empty() {
            return Err(Error::new(ErrorKind::Output, "--pipe needs a command"));
        }
        let spool = tempfile::tempfile().map_err(|error| spooling(&error))?;
        disk::make_private(&spool).map_err(|error| spooling(&error))?;
        let known = SECRETS.iter().map(|&name| name.to_owned());
        Ok(Self {
            words: words.to_vec(),
            scrub: known.chain(scrub.iter().cloned()).collect(),
            spool,
            ends: LineEnds::default(),
            converted: Vec::new(),
            staged: None,
        })
    }

    fn command(&self, message: &Staged) -> io::Result<Command> {
        let mut spool = &self.spool;
        spool.seek(SeekFrom::Start(0))?;
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).stdin(self.spool.try_clone()?);
        // Our standard output may be JSON Lines.
        command.stdout(io::stderr());
        for name in &self.scrub {
            command.env_remove(name);
        }
        command.env("POP3_NUMBER", message.incoming.number.to_string());
        match &message.incoming.unique_id {
            Some(unique_id) => command.env("POP3_UID", printable(unique_id.as_bytes())),
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

impl Store for Pipe {
    fn group(&self) -> usize {
        1
    }

    fn begin(&mut self, _: &Incoming) -> Result<(), Error> {
        let emptied = self.spool.set_len(0).and_then(|()| self.spool.seek(SeekFrom::Start(0)));
        emptied.map(drop).map_err(|error| spooling(&error))
    }

    fn write(&mut self, octets: &[u8]) -> Result<(), Error> {
        self.converted.clear();
        self.ends.convert(octets, &mut self.converted);
        self.spool.write_all(&self.converted).map_err(|error| spooling(&error))
    }

    fn end(&mut self, message: Staged) -> Result<(), Error> {
        self.converted.clear();
        self.ends.finish(&mut self.converted);
        self.spool.write_all(&self.converted).map_err(|error| spooling(&error))?;
        self.staged = Some(message);
        Ok(())
    }

    fn cut(&mut self) {
        self.ends = LineEnds::default();
    }

    fn commit(&mut self, ledger: &mut Ledger) -> Result<(), Error> {
        let Some(message) = self.staged.take() else { return Ok(()) };
        let status = self.command(&message).and_then(run).map_err(|error| self.failure(error))?;
        if !status.success() {
            return Err(self.failure(format_args!("{status} for message {}", message.incoming.number)));
        }
        ledger.remember(&message, b"pipe")?;
        ledger.report(message, None);
        Ok(())
    }
}

fn run(mut command: Command) -> io::Result<ExitStatus> {
    let mut child = {
        let mut guard = cleanup::hold();
        let child = command.spawn()?;
        guard.set_command(Some(child.id()));
        child
    };
    await_end(&child)?;
    // Reaped under the guard: once its id is free, no signal handler may send anything to it.
    let mut guard = cleanup::hold();
    guard.set_command(None);
    child.wait()
}

/// Returns when the command has ended, without reaping it.
#[cfg(unix)]
fn await_end(child: &Child) -> io::Result<()> {
    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
    let Some(id) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return Ok(()) };
    loop {
        match waitid(WaitId::Pid(id), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
            Err(rustix::io::Errno::INTR) => {}
            ended => return Ok(ended.map(drop)?),
        }
    }
}

#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
fn await_end(_: &Child) -> io::Result<()> {
    Ok(())
}

/// A unique-id as it is where it is printable ASCII without blanks, else escaped as in the name of an `.eml`.
fn printable(unique_id: &[u8]) -> String {
    match str::from_utf8(unique_id) {
        Ok(text) if text.bytes().all(|octet| octet.is_ascii_graphic()) => text.to_owned(),
        _ => file_name::portable(unique_id, usize::MAX),
    }
}

fn spooling(error: &io::Error) -> Error {
    Error::output("cannot spool a message for --pipe", error)
}

/// What a command that handles strangers' mail must not know.
const SECRETS: [&str; 3] = ["POP3_PASSWORD", "POP3_TOKEN", "POP3_PROXY"];
