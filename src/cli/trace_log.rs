//! `--trace`: writes the conversation with the server to standard error or to a file.

use std::{
    fs::OpenOptions,
    io::{self, LineWriter, Write},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{error::CliError, progress, settings::TraceSink};
use crate::{
    net::KeyLog,
    trace::{Lines, Trace},
};

/// The trace of a run. All sessions of the run share it: each attempt to log in opens another connection.
#[derive(Clone)]
pub struct TraceLog {
    lines: Option<Arc<Mutex<Lines<Sink>>>>,
    key_log: Option<KeyLog>,
}

enum Sink {
    Stderr,
    File(LineWriter<std::fs::File>),
}

impl TraceLog {
    /// Opens the files for appending, accessible by their owner only. Opens nothing without `--trace`.
    pub fn open(sink: &TraceSink, key_log: Option<&Path>) -> Result<Self, CliError> {
        let sink = match sink {
            TraceSink::None => return Ok(Self { lines: None, key_log: None }),
            TraceSink::Stderr => Sink::Stderr,
            TraceSink::File(path) => {
                let file = open_private(path).map_err(|error| {
                    CliError::output(format_args!("cannot open the trace {}", path.display()), &error)
                })?;
                Sink::File(LineWriter::new(file))
            }
        };
        let key_log = key_log.map(|path| match open_private(path) {
            Ok(file) => Ok(KeyLog::new(file)),
            Err(error) => Err(CliError::output(
                format_args!("cannot open the TLS key log {} (SSLKEYLOGFILE)", path.display()),
                &error,
            )),
        });
        Ok(Self { lines: Some(Arc::new(Mutex::new(Lines::new(sink)))), key_log: key_log.transpose()? })
    }

    /// Returns the TLS key log of `SSLKEYLOGFILE`.
    pub fn key_log(&self) -> Option<KeyLog> {
        self.key_log.clone()
    }

    /// Returns a handle for a session.
    pub fn trace(&self) -> Option<Box<dyn Trace>> {
        self.lines.is_some().then(|| Box::new(self.clone()) as Box<dyn Trace>)
    }

    /// Returns the first error that occurred while writing the trace. Call it before committing.
    pub fn check(&self) -> Result<(), CliError> {
        match self.lines().and_then(|mut lines| lines.failure()) {
            Some(error) => Err(CliError::output("cannot write the trace", &error)),
            None => Ok(()),
        }
    }

    fn lines(&self) -> Option<MutexGuard<'_, Lines<Sink>>> {
        Some(self.lines.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Trace for TraceLog {
    fn sent(&mut self, octets: &[u8]) {
        if let Some(mut lines) = self.lines() {
            lines.sent(octets);
        }
    }

    fn received(&mut self, octets: &[u8]) {
        if let Some(mut lines) = self.lines() {
            lines.received(octets);
        }
    }

    fn note(&mut self, text: &str) {
        if let Some(mut lines) = self.lines() {
            lines.note(text);
        }
    }
}

impl Write for Sink {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self {
            // Errors are ignored: a closed standard error must not fail the run.
            Self::Stderr => {
                progress::suspended(|| drop(io::stderr().lock().write_all(octets)));
                Ok(octets.len())
            }
            Self::File(file) => file.write(octets),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stderr => Ok(()),
            Self::File(file) => file.flush(),
        }
    }
}

#[cfg(unix)]
fn open_private(path: &Path) -> io::Result<std::fs::File> {
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    let metadata = file.metadata()?;
    // The mode of a terminal or of /dev/null is not changed.
    if metadata.is_file() && metadata.permissions().mode() & 0o077 != 0 {
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

/// On Windows a file inherits the permissions of its folder. Only the owner can open the folders in a user profile.
#[cfg(not(unix))]
fn open_private(path: &Path) -> io::Result<std::fs::File> {
    OpenOptions::new().append(true).create(true).open(path)
}
