//! The keyring's entries for grants: bytes, under a service of their own.

use crate::Secret;

use super::parts::Entries;
use crate::cli::keyring::{self, KeyringError};

/// The keyring of the operating system.
pub struct Keyring;

/// Windows holds 2,560 bytes, and passwords as UTF-16, which halves the room: grants are saved as bytes.
const SERVICE: &str = "pop3-oauth";

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
