//! `--stdout` and `--mbox -`: messages on standard output, remembered once they have left this process.

use std::{
    fs::File,
    io::{self, Write},
};

use super::{
    error::Error,
    storage::Incoming,
    text::{Mboxrd, from_line},
    writer::{Ledger, Staged, Store},
};

pub(crate) struct Output {
    /// Without the line buffer of `io::stdout`.
    file: File,
    quoter: Option<Mboxrd>,
    buffer: Vec<u8>,
    staged: Option<Staged>,
}

impl Output {
    /// One message, as it is.
    pub(crate) fn plain() -> Result<Self, Error> {
        let file = standard_output().map_err(|error| Error::output("cannot use standard output", &error))?;
        Ok(Self { file, quoter: None, buffer: Vec::new(), staged: None })
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

    fn write(&mut self, octets: &[u8]) -> Result<(), Error> {
        match &mut self.quoter {
            Some(quoter) => {
                quoter.convert(octets, &mut self.buffer);
                if self.buffer.len() < BUFFER { Ok(()) } else { self.flush() }
            }
            None => self.file.write_all(octets).map_err(|error| broken(&error)),
        }
    }

    fn end(&mut self, message: Staged) -> Result<(), Error> {
        if let Some(quoter) = &mut self.quoter {
            quoter.finish(&mut self.buffer);
        }
        self.staged = Some(message);
        self.flush()
    }

    /// What has gone out cannot be called back; the failure that cuts a message ends the run.
    fn cut(&mut self) {
        self.buffer.clear();
        self.quoter = self.quoter.take().map(|_| Mboxrd::new());
    }

    fn commit(&mut self, ledger: &mut Ledger) -> Result<(), Error> {
        let Some(message) = self.staged.take() else { return Ok(()) };
        match self.file.sync_data() {
            // A pipe or a terminal cannot be synced.
            Err(error) if is_failed_write(&error) => return Err(broken(&error)),
            _ => {}
        }
        ledger.remember(&message, b"-")?;
        ledger.report(message, None);
        Ok(())
    }
}

fn is_failed_write(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
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

/// Octets written at a time.
const BUFFER: usize = 64 * 1024;
