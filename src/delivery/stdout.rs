//! Writes messages to standard output. They are not recorded as fetched, so no hash of them is computed.

use std::{
    fs::File,
    io::{self, Write},
    sync::mpsc::{Receiver, Sender},
};

use super::{
    error::Error,
    mbox::{Mboxrd, from_line},
    storage::{Block, Incoming, Mark, Part, Report, Shown},
};

pub(crate) struct Output {
    /// A duplicate of the handle: `io::stdout` would buffer by lines.
    file: File,
    quoter: Option<Mboxrd>,
    buffer: Vec<u8>,
    /// The message that is being received, and its size in octets.
    current: Option<(Incoming, u64)>,
    /// Complete messages that the session has not vouched for.
    complete: Vec<Shown>,
}

impl Output {
    /// Returns an output for one message, unchanged.
    pub(crate) fn plain() -> Result<Self, Error> {
        let file = standard_output().map_err(|error| Error::output("cannot use standard output", &error))?;
        Ok(Self { file, quoter: None, buffer: Vec::new(), current: None, complete: Vec::new() })
    }

    pub(crate) fn mbox() -> Result<Self, Error> {
        Ok(Self { quoter: Some(Mboxrd::new()), ..Self::plain()? })
    }

    /// Runs until the handle is dropped. Messages with proof are reported.
    pub(crate) fn run(
        mut self,
        blocks: &Receiver<Block>,
        used: &Sender<Block>,
        reports: &Sender<Vec<Report>>,
    ) -> Result<(), Error> {
        for mut block in blocks {
            for part in block.parts() {
                match part {
                    Part::Bytes(bytes) => self.write(bytes)?,
                    Part::Mark(Mark::Begin(incoming)) => self.begin(incoming),
                    Part::Mark(Mark::End) => self.end()?,
                    Part::Mark(Mark::Abort) => self.abort(),
                    Part::Mark(Mark::Vouched) => self.report(reports)?,
                    // Every message was written when it ended.
                    Part::Mark(Mark::Flush) => {}
                }
            }
            block.clear();
            let _ = used.send(block);
        }
        Ok(())
    }

    fn begin(&mut self, incoming: &Incoming) {
        self.abort();
        self.current = Some((incoming.clone(), 0));
        if self.quoter.is_some() {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            self.buffer.extend_from_slice(&from_line(now.as_secs()));
            self.buffer.push(b'\n');
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let Some((_, octets)) = &mut self.current else { return Ok(()) };
        *octets += bytes.len() as u64;
        match &mut self.quoter {
            Some(quoter) => {
                quoter.convert(bytes, &mut self.buffer);
                if self.buffer.len() < BUFFER { Ok(()) } else { self.flush() }
            }
            None => self.file.write_all(bytes).map_err(|error| broken(&error)),
        }
    }

    fn end(&mut self) -> Result<(), Error> {
        let Some((incoming, octets)) = self.current.take() else { return Ok(()) };
        if let Some(quoter) = &mut self.quoter {
            quoter.finish(&mut self.buffer);
        }
        let missing = incoming.is_missing(octets);
        self.complete.push(Shown { number: incoming.number, octets, missing });
        self.flush()
    }

    /// Discards only buffered bytes, because written bytes cannot be taken back. The failure that caused the call
    /// ends the run.
    fn abort(&mut self) {
        self.current = None;
        self.buffer.clear();
        self.quoter = self.quoter.take().map(|_| Mboxrd::new());
    }

    /// Reports the complete messages once they are written durably, if the output is a file.
    fn report(&mut self, reports: &Sender<Vec<Report>>) -> Result<(), Error> {
        if self.complete.is_empty() {
            return Ok(());
        }
        match self.file.sync_data() {
            Err(error) if !cannot_sync(&error) => return Err(broken(&error)),
            _ => {}
        }
        // After a failure of the run, the receiver may have been dropped.
        let _ = reports.send(self.complete.drain(..).map(Report::Shown).collect());
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        let written = self.file.write_all(&self.buffer).map_err(|error| broken(&error));
        self.buffer.clear();
        written
    }
}

/// Returns true if the output is a pipe, a socket or a terminal: they cannot be synced. On Windows a pipe returns one of several errors.
fn cannot_sync(error: &io::Error) -> bool {
    let failed_write = matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    );
    if cfg!(windows) {
        return !failed_write;
    }
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported)
        || error.kind() == io::ErrorKind::ReadOnlyFilesystem
}

fn broken(error: &io::Error) -> Error {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Error::closed_pipe();
    }
    Error::output("cannot write to standard output", error)
}

#[cfg(unix)]
fn standard_output() -> io::Result<File> {
    use std::os::fd::AsFd;
    Ok(io::stdout().as_fd().try_clone_to_owned()?.into())
}

#[cfg(windows)]
fn standard_output() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    Ok(io::stdout().as_handle().try_clone_to_owned()?.into())
}

/// Size in bytes at which the buffer is written.
const BUFFER: usize = 64 * 1024;
