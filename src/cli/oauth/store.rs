//! Stores grants in the keyring or in files, under a lock.

use crate::bytes::{Hex, percent_encode};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Once;

use crate::Secret;
use sha2::{Digest as _, Sha256};

use super::config::StoreKind;
use super::grant::{Grant, MAX_GRANT};
use super::keyring::Keyring;
use super::{OAuth, parts};
use crate::cli::config::{is_world_readable, shown};
use crate::cli::credential::ask_keyring;
use crate::cli::error::{CliError, ErrorCode};
use crate::cli::keyring::KeyringError;
use crate::cli::lock;
use crate::cli::settings::Settings;

/// The storage for the grant of an account.
pub struct Store<'a> {
    settings: &'a Settings,
    kind: StoreKind,
    /// The name of the account: `USER@HOST`.
    mailbox: String,
    folder: PathBuf,
    /// The file name, without extension.
    name: String,
}

/// A lock that is held while a grant is read, refreshed and saved. The system releases it when the process ends.
pub struct Lock {
    _file: File,
}

/// The reason why a grant could not be read or saved.
#[derive(Debug)]
pub enum StoreError {
    Keyring(KeyringError),
    File(PathBuf, io::Error),
    /// The stored text is not a grant.
    Damaged,
    /// The deadline passed while waiting for the keyring.
    Late(CliError),
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Keyring(error) => error.fmt(f),
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Damaged => f.write_str("the stored grant is damaged"),
            Self::Late(failure) => f.write_str(&failure.message),
        }
    }
}

impl<'a> Store<'a> {
    pub fn of(settings: &'a Settings, oauth: &OAuth) -> Self {
        let mailbox = settings.mailbox();
        Self {
            settings,
            kind: oauth.store,
            folder: settings.state_dir.join("oauth"),
            name: file_name(&mailbox),
            mailbox,
        }
    }

    /// Returns `the keyring` or the name of the file, for messages.
    pub fn place(&self) -> String {
        match self.kind {
            StoreKind::Keyring => "the keyring".to_owned(),
            StoreKind::File => self.file().display().to_string(),
        }
    }

    /// Returns the stored grant, if there is one.
    pub fn read(&self) -> Result<Option<Grant>, StoreError> {
        let bytes = match self.kind {
            StoreKind::Keyring => {
                let mailbox = self.mailbox.clone();
                self.ask(move || parts::read(&Keyring, &mailbox))?
            }
            StoreKind::File => self.read_file().map_err(|error| StoreError::File(self.file(), error))?,
        };
        let Some(bytes) = bytes else { return Ok(None) };
        Grant::from_bytes(bytes.expose()).map(Some).ok_or(StoreError::Damaged)
    }

    /// Saves a grant durably, replacing an earlier one.
    pub fn write(&self, grant: &Grant) -> Result<(), StoreError> {
        let bytes = grant.to_bytes();
        match self.kind {
            StoreKind::Keyring => {
                let mailbox = self.mailbox.clone();
                self.ask(move || parts::write(&Keyring, &mailbox, &bytes))
            }
            StoreKind::File => self.write_file(&bytes).map_err(|error| StoreError::File(self.file(), error)),
        }
    }

    /// Removes the grant. Returns false if there was no grant.
    pub fn remove(&self) -> Result<bool, StoreError> {
        match self.kind {
            StoreKind::Keyring => {
                let mailbox = self.mailbox.clone();
                self.ask(move || parts::remove(&Keyring, &mailbox))
            }
            StoreKind::File => match fs::remove_file(self.file()) {
                Ok(()) => {
                    sync_folder(&self.folder)
                        .map_err(|error| StoreError::File(self.folder.clone(), error))?;
                    Ok(true)
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
                Err(error) => Err(StoreError::File(self.file(), error)),
            },
        }
    }

    /// Checks that a grant can be saved. Call it before asking a person.
    pub fn probe(&self) -> Result<(), CliError> {
        let result = match self.kind {
            StoreKind::Keyring => {
                let mailbox = self.mailbox.clone();
                self.ask(move || parts::Entries::read(&Keyring, &mailbox).map(drop))
            }
            StoreKind::File => make_folder(&self.folder)
                .and_then(|()| tempfile::tempfile_in(&self.folder).map(drop))
                .map_err(|error| StoreError::File(self.folder.clone(), error)),
        };
        result.map_err(|error| self.unsaved(error))
    }

    /// Returns the error for a grant that cannot be stored.
    pub fn unsaved(&self, error: StoreError) -> CliError {
        let hint = match error {
            StoreError::Keyring(_) => "; store = \"file\" in oauth keeps it in a file",
            _ => "",
        };
        let failure = self.failure("stored", error);
        CliError { message: failure.message + hint, ..failure }
    }

    /// Returns the error for a grant that cannot be `stored`, `read` or `removed`, with exit code 78 for the keyring and 73 for a
    /// file.
    pub fn failure(&self, done: &str, error: StoreError) -> CliError {
        let code = match error {
            StoreError::Keyring(_) => ErrorCode::Configuration,
            StoreError::File(..) | StoreError::Damaged => ErrorCode::Output,
            StoreError::Late(failure) => return failure,
        };
        CliError::new(code, format!("the grant of {} cannot be {done}: {error}", self.mailbox))
    }

    /// Takes the lock of this account, waiting no longer than `--timeout`.
    pub fn lock(&self) -> Result<Lock, CliError> {
        let path = self.folder.join(format!("{}.lock", self.name));
        let failed =
            |error: &io::Error| CliError::output(format_args!("cannot lock {}", path.display()), error);
        make_folder(&self.folder).map_err(|error| failed(&error))?;
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(|error| failed(&error))?;
        match lock::wait(&file, self.settings.limits()).map_err(|error| failed(&error))? {
            lock::Waited::Locked => Ok(Lock { _file: file }),
            lock::Waited::PastDeadline => {
                Err(self.settings.deadline_error("another pop3 that is refreshing the grant"))
            }
            lock::Waited::TimedOut => {
                let text = format!(
                    "another pop3 has been refreshing the grant of {} for {} s; try again later",
                    self.mailbox,
                    self.settings.timeout.as_secs_f64()
                );
                Err(CliError::new(ErrorCode::Temporary, text))
            }
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.join(format!("{}.json", self.name))
    }

    fn read_file(&self) -> io::Result<Option<Secret>> {
        let file = match File::open(self.file()) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if is_world_readable(&file) {
            // A run may read the grant several times.
            static WARN: Once = Once::new();
            let path = shown(&self.file());
            WARN.call_once(|| {
                log::warn!("{path}: other users can read this file, and it has tokens: chmod 600");
            });
        }
        let mut bytes = Vec::with_capacity(MAX_GRANT + 1);
        file.take(MAX_GRANT as u64 + 1).read_to_end(&mut bytes)?;
        Ok(Some(Secret::from(bytes)))
    }

    /// Writes a new file, syncs it and renames it, so that a killed run leaves either the old or the new grant.
    fn write_file(&self, bytes: &[u8]) -> io::Result<()> {
        make_folder(&self.folder)?;
        let new = self.folder.join(format!("{}.new", self.name));
        // A killed run may have left this file. No other run is writing it, because this run holds the lock.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&new).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&new, self.file())
        });
        if written.is_err() {
            let _ = fs::remove_file(&new);
        }
        written?;
        sync_folder(&self.folder)
    }

    /// Calls the keyring, within the limits of `--timeout` and `--deadline`.
    fn ask<T: Send + 'static>(
        &self,
        call: impl FnOnce() -> Result<T, KeyringError> + Send + 'static,
    ) -> Result<T, StoreError> {
        ask_keyring(self.settings, call).map_err(StoreError::Late)?.map_err(StoreError::Keyring)
    }
}

/// `alice@example.org` → `alice%40example.org-0123456789abcdef`. The hash distinguishes names that differ only in case.
fn file_name(mailbox: &str) -> String {
    let readable = mailbox.as_bytes();
    let readable = &readable[..readable.len().min(READABLE)];
    let mut at = 0;
    let is_plain = |byte: u8| {
        let first = std::mem::replace(&mut at, 1) == 0;
        byte.is_ascii_alphanumeric() || b"-_".contains(&byte) || byte == b'.' && !first
    };
    let name: String = percent_encode(readable, is_plain).map(char::from).collect();
    format!("{name}-{}", Hex(&Sha256::digest(mailbox)[..8]))
}

/// Makes the folder and its missing parents, accessible by the owner only.
fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Other systems cannot sync a folder.
#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps)]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Maximum length of the readable part of a file name, in characters.
const READABLE: usize = 60;
