//! The keyring of the operating system: Secret Service, Keychain, Credential Manager.

use std::{borrow::Cow, fmt, sync::mpsc, thread, time::Duration};

/// An error of the keyring; its text is one line.
#[derive(Debug)]
#[allow(dead_code, reason = "`Absent` and the others exclude each other")]
pub enum KeyringError {
    /// This `pop3` was built without the feature `keyring`.
    Absent,
    /// No service is available, as in cron, in a system service or in a session without D-Bus.
    NoService(String),
    /// The keyring is locked and was not unlocked.
    Locked(String),
    /// The secret, in UTF-16, exceeds the limit of the platform, given in bytes (2,560 on Windows).
    TooLong(u32),
    /// The request timed out: the prompt to unlock the keyring was not answered, or the service hangs.
    TimedOut(Duration),
    /// The secret to save, or the saved secret, is not UTF-8.
    NotText,
    /// Any other error, described.
    Failed(String),
}

impl KeyringError {
    /// Returns a short text without the message of the platform.
    pub fn kind(&self) -> Cow<'static, str> {
        match self {
            Self::Absent => "this pop3 was built without the keyring".into(),
            Self::NoService(_) => "this session has no keyring service".into(),
            Self::Locked(_) => "the keyring is locked or not set up".into(),
            Self::TimedOut(_) | Self::TooLong(_) | Self::NotText => self.to_string().into(),
            Self::Failed(_) => "the keyring failed".into(),
        }
    }
}

impl fmt::Display for KeyringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("this pop3 was built without the keyring"),
            Self::NoService(reason) => {
                write!(f, "this session has no keyring service, as under cron: {reason}")
            }
            Self::Locked(reason) => {
                write!(f, "the keyring did not open, so it is locked or not set up: {reason}")
            }
            Self::TooLong(bytes) => {
                write!(f, "the secret is longer than the {} characters that the keyring holds", bytes / 2)
            }
            Self::TimedOut(limit) => {
                write!(f, "the keyring did not answer within {} s", limit.as_secs_f32())
            }
            Self::NotText => f.write_str("the keyring holds text, and the secret is not written in UTF-8"),
            Self::Failed(reason) => write!(f, "the keyring failed: {reason}"),
        }
    }
}

pub use platform::{read, read_bytes, remove, remove_from, save, write_bytes};

/// Calls the keyring in another thread, which is abandoned after `limit`: keyring calls have no timeout.
///
/// Calls `notice` after a few seconds: by then the system may have asked a person to unlock the keyring.
pub fn within<T: Send + 'static>(
    limit: Duration,
    notice: impl FnOnce(),
    ask: impl FnOnce() -> Result<T, KeyringError> + Send + 'static,
) -> Result<T, KeyringError> {
    let (sender, receiver) = mpsc::channel();
    let thread = thread::Builder::new().name("keyring".into()).spawn(move || {
        let _ = sender.send(ask());
    });
    if let Err(error) = thread {
        return Err(KeyringError::Failed(format!("no thread to ask it from: {error}")));
    }
    let mut answer = receiver.recv_timeout(limit.min(NOTICE));
    if matches!(answer, Err(mpsc::RecvTimeoutError::Timeout)) && limit > NOTICE {
        notice();
        answer = receiver.recv_timeout(limit.saturating_sub(NOTICE));
    }
    answer.unwrap_or_else(|error| match error {
        mpsc::RecvTimeoutError::Timeout => Err(KeyringError::TimedOut(limit)),
        mpsc::RecvTimeoutError::Disconnected => Err(KeyringError::Failed("no answer".into())),
    })
}

/// Delay of the notice. An unlocked keyring responds within milliseconds.
const NOTICE: Duration = Duration::from_secs(3);

#[cfg(feature = "keyring")]
mod platform {
    use keyring::{Entry, Error};

    use super::KeyringError;
    use crate::{Secret, cli::escape::escape};

    /// The service under which every secret is saved.
    const SERVICE: &str = "pop3";

    /// Returns the secret of `USER@HOST`, if one is saved.
    pub fn read(mailbox: &str) -> Result<Option<Secret>, KeyringError> {
        match entry(mailbox)?.get_password() {
            Ok(secret) => Ok(Some(Secret::from(secret))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(reason(&error)),
        }
    }

    /// Saves the secret of `USER@HOST`, replacing an earlier one.
    ///
    /// The secret is saved as text: Windows then stores it in UTF-16, so that its own dialog can show and edit it.
    pub fn save(mailbox: &str, secret: &Secret) -> Result<(), KeyringError> {
        let secret = std::str::from_utf8(secret.expose()).map_err(|_| KeyringError::NotText)?;
        entry(mailbox)?.set_password(secret).map_err(|error| reason(&error))
    }

    /// Returns the bytes of an entry of another service.
    pub fn read_bytes(service: &str, user: &str) -> Result<Option<Secret>, KeyringError> {
        match entry_of(service, user)?.get_secret() {
            Ok(secret) => Ok(Some(Secret::from(secret))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(reason(&error)),
        }
    }

    /// Saves bytes in an entry of another service.
    pub fn write_bytes(service: &str, user: &str, secret: &[u8]) -> Result<(), KeyringError> {
        entry_of(service, user)?.set_secret(secret).map_err(|error| reason(&error))
    }

    /// Removes the secret of `USER@HOST`. Returns false if no secret was saved.
    pub fn remove(mailbox: &str) -> Result<bool, KeyringError> {
        remove_from(SERVICE, mailbox)
    }

    /// Removes an entry of a service. Returns false if there was no entry.
    pub fn remove_from(service: &str, user: &str) -> Result<bool, KeyringError> {
        match entry_of(service, user)?.delete_credential() {
            Ok(()) => Ok(true),
            Err(Error::NoEntry) => Ok(false),
            Err(error) => Err(reason(&error)),
        }
    }

    fn entry(mailbox: &str) -> Result<Entry, KeyringError> {
        entry_of(SERVICE, mailbox)
    }

    fn entry_of(service: &str, user: &str) -> Result<Entry, KeyringError> {
        if let Err(error) = Entry::store_status() {
            return Err(KeyringError::NoService(innermost(error)));
        }
        Entry::new(service, user).map_err(|error| reason(&error))
    }

    fn reason(error: &Error) -> KeyringError {
        match error {
            Error::NoStorageAccess(_) => KeyringError::Locked(innermost(error)),
            Error::NoDefaultStore => KeyringError::NoService(innermost(error)),
            Error::TooLong(_, limit) => KeyringError::TooLong(*limit),
            Error::BadEncoding(_) => KeyringError::NotText,
            Error::Ambiguous(entries) => KeyringError::Failed(format!("it has {} entries", entries.len())),
            // The text of the error may contain the secret.
            Error::BadDataFormat(..) => KeyringError::Failed("the entry is damaged".into()),
            _ => KeyringError::Failed(innermost(error)),
        }
    }

    /// Returns the message of the platform, on one line.
    fn innermost(error: &Error) -> String {
        let mut innermost: &dyn std::error::Error = error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        escape(innermost.to_string().trim()).into_owned()
    }
}

#[cfg(not(feature = "keyring"))]
mod platform {
    use super::KeyringError;
    use crate::Secret;

    pub fn read(_: &str) -> Result<Option<Secret>, KeyringError> {
        Err(KeyringError::Absent)
    }

    pub fn save(_: &str, _: &Secret) -> Result<(), KeyringError> {
        Err(KeyringError::Absent)
    }

    pub fn remove(_: &str) -> Result<bool, KeyringError> {
        Err(KeyringError::Absent)
    }

    pub fn read_bytes(_: &str, _: &str) -> Result<Option<Secret>, KeyringError> {
        Err(KeyringError::Absent)
    }

    pub fn write_bytes(_: &str, _: &str, _: &[u8]) -> Result<(), KeyringError> {
        Err(KeyringError::Absent)
    }

    pub fn remove_from(_: &str, _: &str) -> Result<bool, KeyringError> {
        Err(KeyringError::Absent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_keyring_times_out() {
        let (_keep, never) = mpsc::channel::<()>();
        let silent = within(
            Duration::from_millis(1),
            || panic!("called before the notice is due"),
            move || {
                let _ = never.recv();
                Ok(())
            },
        );
        assert!(matches!(silent, Err(KeyringError::TimedOut(_))));
        assert!(within(Duration::from_secs(60), || {}, || Ok(7)).is_ok_and(|answer| answer == 7));
    }
}
