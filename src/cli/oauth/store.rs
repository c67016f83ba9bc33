//! Where grants are kept, and the lock under which they change.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::Secret;
use sha2::{Digest as _, Sha256};

use super::config::StoreKind;
use super::grant::{Grant, MAX_GRANT};
use super::keyring::Keyring;
use super::{OAuth, parts};
use crate::cli::error::{CliError, ErrorCode};
use crate::cli::keyring::KeyringError;
use crate::cli::settings::Settings;

/// The place of one account's grant.
pub struct Store {
    kind: StoreKind,
    /// `USER@HOST`
    mailbox: String,
    folder: PathBuf,
    /// The file name without its extension.
    name: String,
    timeout: Duration,
}

/// Held while a grant is read, refreshed and saved; it ends with the process too.
pub struct Lock {
    _file: File,
}

/// Why a grant could not be read or saved.
#[derive(Debug)]
pub enum StoreError {
    Keyring(KeyringError),
    File(PathBuf, io::Error),
    /// What is stored is no grant.
    Damaged,
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Keyring(error) => error.fmt(f),
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Damaged => f.write_str("the stored grant is damaged"),
        }
    }
}

impl Store {
    pub fn of(settings: &Settings, oauth: &OAuth) -> Self {
        let mailbox = settings.mailbox();
        Self {
            kind: oauth.store,
            folder: settings.state_dir.join("oauth"),
            name: file_name(&mailbox),
            mailbox,
            timeout: settings.timeout,
        }
    }

    /// `the keyring`, or the name of the file.
    pub fn place(&self) -> String {
        match self.kind {
            StoreKind::Keyring => "the keyring".to_owned(),
            StoreKind::File => self.file().display().to_string(),
        }
    }

    /// The stored grant, if there is one.
    pub fn read(&self) -> Result<Option<Grant>, StoreError> {
        let bytes = match self.kind {
            StoreKind::Keyring => {
                let mailbox = self.mailbox.clone();
                self.within(move || parts::read(&Keyring, &mailbox)).map_err(StoreError::Keyring)?
            }
            StoreKind::File => self.read_file().map_err(|error| StoreError::File(self.file(), error))?,
        };
        let Some(bytes) = bytes else { return Ok(None) };
        Grant::from_bytes(bytes.expose()).map(Some).ok_or(StoreError::Damaged)
    }

    /// Saves a grant in place of the one before; returns once it would survive a power cut.
    pub fn write(&self, grant: &Grant) -> Result<(), StoreError> {
        let bytes = grant.to_bytes();
        match self.kind {
            StoreKind::Keyring => {
                let mailbox = self.mailbox.clone();
                self.within(move || parts::write(&Keyring, &mailbox, &bytes)).map_err(StoreError::Keyring)
            }
            StoreKind::File => self.write_file(&bytes).map_err(|error| StoreError::File(self.file(), error)),
        }
    }

    /// Removes the grant; true if there was one.
    pub fn remove(&self) -> Result<bool, StoreError> {
        match self.kind {
            StoreKind::Keyring => {
                let mailbox = self.mailbox.clone();
                self.within(move || parts::remove(&Keyring, &mailbox)).map_err(StoreError::Keyring)
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

    /// Fails where nothing could be saved, before a person is asked.
    pub fn probe(&self) -> Result<(), CliError> {
        let result = match self.kind {
            StoreKind::Keyring => {
                let mailbox = self.mailbox.clone();
                let read = move || super::parts::Entries::read(&Keyring, &mailbox).map(drop);
                self.within(read).map_err(StoreError::Keyring)
            }
            StoreKind::File => make_folder(&self.folder)
                .and_then(|()| tempfile::tempfile_in(&self.folder).map(drop))
                .map_err(|error| StoreError::File(self.folder.clone(), error)),
        };
        result.map_err(|error| self.unsaved(&error))
    }

    /// 78 for the keyring, 73 for the file.
    pub fn unsaved(&self, error: &StoreError) -> CliError {
        let code = match error {
            StoreError::Keyring(_) => ErrorCode::Configuration,
            StoreError::File(..) | StoreError::Damaged => ErrorCode::Output,
        };
        let hint = match error {
            StoreError::Keyring(_) => "; store = \"file\" in oauth keeps it in a file",
            _ => "",
        };
        CliError::new(code, format!("the grant of {} cannot be stored: {error}{hint}", self.mailbox))
    }

    /// Waits for the lock of this account, at most as long as the timeout.
    pub fn lock(&self, deadline: Option<Instant>) -> Result<Lock, CliError> {
        let path = self.folder.join(format!("{}.lock", self.name));
        let failed =
            |error: &io::Error| CliError::output(format_args!("cannot lock {}", path.display()), error);
        make_folder(&self.folder).map_err(|error| failed(&error))?;
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(|error| failed(&error))?;
        let started = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock { _file: file }),
                Err(TryLockError::Error(error)) => return Err(failed(&error)),
                Err(TryLockError::WouldBlock) => {}
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                let text = "another pop3 is refreshing the grant, and the deadline passed";
                return Err(CliError::new(ErrorCode::Unavailable, text));
            }
            if started.elapsed() >= self.timeout {
                let text = format!(
                    "another pop3 has been refreshing the grant of {} for {} s; try again later",
                    self.mailbox,
                    self.timeout.as_secs_f64()
                );
                return Err(CliError::new(ErrorCode::Temporary, text));
            }
            thread::sleep(PAUSE.min(self.timeout));
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
        let mut bytes = Vec::with_capacity(MAX_GRANT + 1);
        file.take(MAX_GRANT as u64 + 1).read_to_end(&mut bytes)?;
        Ok(Some(Secret::from(bytes)))
    }

    /// Beside, synced, renamed: the file is the old one or the new one, never less.
    fn write_file(&self, bytes: &[u8]) -> io::Result<()> {
        make_folder(&self.folder)?;
        let beside = self.folder.join(format!("{}.new", self.name));
        // A killed run may have left one; the lock is held, so that nobody else writes it now.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&beside).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
        if let Err(error) = written {
            let _ = fs::remove_file(&beside);
            return Err(error);
        }
        fs::rename(&beside, self.file())?;
        sync_folder(&self.folder)
    }

    /// A keyring that waits for a person who is not there must not hold up a run.
    fn within<T: Send + 'static>(
        &self,
        call: impl FnOnce() -> Result<T, KeyringError> + Send + 'static,
    ) -> Result<T, KeyringError> {
        let (sender, receiver) = mpsc::channel();
        let spawned = thread::Builder::new().name("keyring".into()).spawn(move || {
            let _ = sender.send(call());
        });
        if let Err(error) = spawned {
            return Err(KeyringError::Failed(format!("cannot start a thread: {error}")));
        }
        receiver.recv_timeout(self.timeout).unwrap_or_else(|_| {
            let text = format!("it did not answer within {} s", self.timeout.as_secs_f64());
            Err(KeyringError::Failed(text))
        })
    }
}

/// `alice@example.org` → `alice%40example.org-0123456789abcdef`: two names that differ only in case are two files.
fn file_name(mailbox: &str) -> String {
    use std::fmt::Write as _;
    let mut name = String::new();
    for octet in mailbox.bytes().take(READABLE) {
        if octet.is_ascii_alphanumeric() || b"-_".contains(&octet) || octet == b'.' && !name.is_empty() {
            name.push(char::from(octet));
        } else {
            let _ = write!(name, "%{octet:02X}");
        }
    }
    name.push('-');
    for octet in &Sha256::digest(mailbox)[..8] {
        let _ = write!(name, "{octet:02x}");
    }
    name
}

/// Makes the folder, and those above it, for the owner alone.
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

/// Elsewhere folders cannot be synced.
#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps)]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// How much of a name is kept for people to read.
const READABLE: usize = 60;

/// Between two tries for the lock; a refresh takes some hundred milliseconds.
const PAUSE: Duration = Duration::from_millis(50);
