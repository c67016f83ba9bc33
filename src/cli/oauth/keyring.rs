//! Stores grants in the keyring, as bytes and under a separate service name.

use crate::Secret;

use super::parts::Entries;
use crate::cli::keyring::{self, KeyringError};

/// The keyring of the operating system.
pub struct Keyring;

impl Entries for Keyring {
    fn read(&self, name: &str) -> Result<Option<Secret>, KeyringError> {
        keyring::read_bytes(SERVICE, name)
    }

    fn write(&self, name: &str, secret: &[u8]) -> Result<(), KeyringError> {
        keyring::write_bytes(SERVICE, name, secret)
    }

    fn remove(&self, name: &str) -> Result<bool, KeyringError> {
        keyring::remove_from(SERVICE, name)
    }
}

/// The service name of grants. Grants are saved as bytes: Windows limits entries to 2,560 bytes and stores passwords in UTF-16,
/// which would halve the limit.
const SERVICE: &str = "pop3-oauth";
