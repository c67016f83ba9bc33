//! Writes messages to standard output. They are not recorded as fetched.

use std::{
    fs::File,
    io::{self, Write},
};

use super::{
    error::Error,
    mbox::{Mboxrd, from_line},
    storage::Incoming,
    store::{CommitContext, Staged, Store},
};

pub(crate) struct Output {
    /// A duplicate of the handle: `io::stdout` would buffer by lines.
    file: File,
    quoter: Option<Mboxrd>,
    buffer: Vec<u8>,
    staged: Vec<Staged>,
}

impl Output {
    /// Returns an output for one message, unchanged.
    pub(crate) fn plain() -> Result<Self, Error> {
        let file = standard_output().map_err(|error| Error::output("cannot use standard output", &error))?;
        Ok(Self { file, quoter: None, buffer: Vec::new(), staged: Vec::new() })
    }

    pub(crate) fn mbox() -> Result<Self, Error> {
        Ok(Self { quoter: Some(Mboxrd::new()), ..Self::plain()? })
    }

    fn flush(&mut self) -> Result<(), Error> {
        let written = self.file.write_all(&self.buffer).map_err(|error| broken(&error));
        self.buffer.clear();
        written
    }
}

impl Store for Output {
    fn group(&self) -> usize {
        1
    }

    fn begin(&mut self, _: &Incoming) -> Result<(), Error> {
        if self.quoter.is_some() {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            self.buffer.extend_from_slice(&from_line(now.as_secs()));
            self.buffer.push(b'\n');
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match &mut self.quoter {
            Some(quoter) => {
                quoter.convert(bytes, &mut self.buffer);
                if self.buffer.len() < BUFFER { Ok(()) } else { self.flush() }
            }
            None => self.file.write_all(bytes).map_err(|error| broken(&error)),
        }
    }

    fn end(&mut self, message: Staged) -> Result<(), Error> {
        if let Some(quoter) = &mut self.quoter {
            quoter.finish(&mut self.buffer);
        }
        self.staged.push(message);
        self.flush()
    }

    /// Discards only buffered bytes, because written bytes cannot be taken back. The failure that caused the call
    /// ends the run.
    fn abort(&mut self) -> Result<(), Error> {
        self.buffer.clear();
        self.quoter = self.quoter.take().map(|_| Mboxrd::new());
        Ok(())
    }

    fn keep(&mut self, count: usize) -> Result<(), Error> {
        self.staged.truncate(count);
        Ok(())
    }

    fn commit(&mut self, context: &mut CommitContext) -> Result<(), Error> {
        match self.file.sync_data() {
            Err(error) if !cannot_sync(&error) => return Err(broken(&error)),
            _ => {}
        }
        for message in std::mem::take(&mut self.staged) {
            context.stored(message, None);
        }
        Ok(())
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
