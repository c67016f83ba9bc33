//! [`Destination`]: the place where messages are stored.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    error::Error,
    files::Files,
    fs as disk,
    lmtp::{Lmtp, LmtpAddress},
    mbox::MboxFile,
    pipe::Pipe,
    record::Record,
    stdout::Output,
    store::Store,
};
use crate::net::Limits;

/// The destination of messages.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Destination {
    /// A folder with one `.eml` file per message.
    Dir(PathBuf),
    /// A Maildir.
    Maildir(PathBuf),
    /// An mbox (mboxrd).
    Mbox(PathBuf),
    /// An mbox on standard output; the messages are not recorded as fetched.
    MboxStdout,
    /// The program and arguments of a command that is run once per message.
    Pipe(Vec<String>),
    /// Standard output, for one message without changes. The message is not recorded as fetched.
    Stdout,
    /// An LMTP server.
    Lmtp {
        /// The address of the server.
        address: LmtpAddress,
        /// The recipient: an address or a user name without spaces, angle brackets and control characters.
        recipient: String,
    },
}

impl Destination {
    /// Returns true if messages are only shown, not recorded as fetched.
    #[must_use]
    pub fn is_look(&self) -> bool {
        matches!(self, Self::Stdout | Self::MboxStdout)
    }

    /// Returns true if messages must be requested one at a time: each is handed to another program.
    #[must_use]
    pub fn is_single(&self) -> bool {
        matches!(self, Self::Pipe(_) | Self::Lmtp { .. })
    }

    /// Returns the absolute path of the file or folder, the form used in the record.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Dir(path) | Self::Maildir(path) | Self::Mbox(path) => disk::absolute(path).ok(),
            Self::MboxStdout | Self::Pipe(_) | Self::Stdout | Self::Lmtp { .. } => None,
        }
    }

    /// Makes missing folders and checks that a message can be stored here. Call it before connecting.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Output`](super::ErrorKind::Output) if a message cannot be stored here.
    pub fn probe(&self) -> Result<(), Error> {
        match self {
            Self::Dir(folder) => Files::probe_dir(&absolute(folder)?),
            Self::Maildir(folder) => Files::probe_maildir(&absolute(folder)?),
            Self::Mbox(file) => MboxFile::new(&absolute(file)?, Duration::ZERO).map(drop),
            Self::MboxStdout | Self::Pipe(_) | Self::Stdout | Self::Lmtp { .. } => Ok(()),
        }
    }

    pub(super) fn open(&self, record: Option<&Record>, options: &Options) -> Result<Opened, Error> {
        let store: Box<dyn Store> = match self {
            Self::Dir(folder) => Box::new(Files::dir(&absolute(folder)?, record)?),
            Self::Maildir(folder) => Box::new(Files::maildir(&absolute(folder)?, record)?),
            Self::Mbox(file) => Box::new(MboxFile::new(&absolute(file)?, options.timeout)?),
            Self::MboxStdout => return Ok(Opened::Look(Output::mbox()?)),
            Self::Stdout => return Ok(Opened::Look(Output::plain()?)),
            Self::Pipe(words) => Box::new(Pipe::new(words, options)?),
            Self::Lmtp { address, recipient } => {
                let limits = Limits { timeout: options.timeout, deadline: options.deadline };
                Box::new(Lmtp::new(address, recipient, limits))
            }
        };
        Ok(Opened::Store(store))
    }
}

/// A destination that is ready for messages.
pub(super) enum Opened {
    /// Messages are stored and recorded.
    Store(Box<dyn Store>),
    /// Messages are only shown.
    Look(Output),
}

/// The options for storing messages.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Options {
    /// True if messages are to be deleted on the server once they are stored.
    pub delete: bool,
    /// The time limit for locking an mbox, and for each response of an LMTP server.
    pub timeout: Duration,
    /// The deadline of the whole run, including the command of a pipe.
    pub deadline: Option<Instant>,
    /// The time limit for the command of a pipe, per message.
    pub pipe_timeout: Option<Duration>,
    /// Further environment variables to remove for the command of a pipe.
    pub scrub: Vec<String>,
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    disk::absolute(path).map_err(|error| Error::output(format_args!("cannot use {}", path.display()), &error))
}
