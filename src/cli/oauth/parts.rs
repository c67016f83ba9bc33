//! Splits a secret that is too long for an entry of the keyring into parts.
//!
//! The main entry contains either the secret itself or a list of parts: `parts a 3 SHA256`. The entries of the parts are named
//! `USER@HOST#a.0` and so on. A new secret is written under the other letter, and the list last, so that the old secret stays
//! complete until the list refers to the new one. A killed run therefore leaves one complete secret.

use crate::Secret;
use crate::bytes::Hex;
use sha2::{Digest as _, Sha256};

use crate::cli::keyring::KeyringError;

/// The entries of a keyring, by name.
pub trait Entries {
    fn read(&self, name: &str) -> Result<Option<Secret>, KeyringError>;
    fn write(&self, name: &str, secret: &[u8]) -> Result<(), KeyringError>;
    fn remove(&self, name: &str) -> Result<bool, KeyringError>;
}

/// Returns the secret with this name.
pub fn read(entries: &impl Entries, name: &str) -> Result<Option<Secret>, KeyringError> {
    // Another run may save a secret and remove parts in the meantime; then the main entry lists other parts.
    for _ in 0..ATTEMPTS {
        let Some(main) = entries.read(name)? else { return Ok(None) };
        let Some(list) = List::parse(main.expose()) else { return Ok(Some(main)) };
        let mut whole = zeroize::Zeroizing::new(Vec::with_capacity(list.count * MAX_ENTRY));
        for index in 0..list.count {
            match entries.read(&part(name, list.letter, index))? {
                Some(part) => whole.extend_from_slice(part.expose()),
                None => break,
            }
        }
        if digest(&whole) == list.digest {
            return Ok(Some(Secret::from(whole.to_vec())));
        }
    }
    Err(KeyringError::Failed("the parts of the entry do not fit together".into()))
}

/// Saves a secret, replacing an earlier one.
pub fn write(entries: &impl Entries, name: &str, secret: &[u8]) -> Result<(), KeyringError> {
    let before = entries.read(name)?.and_then(|main| List::parse(main.expose()));
    if secret.len() <= MAX_ENTRY {
        entries.write(name, secret)?;
    } else {
        let letter = if before.as_ref().is_some_and(|list| list.letter == 'a') { 'b' } else { 'a' };
        let mut count = 0;
        for piece in secret.chunks(MAX_ENTRY) {
            entries.write(&part(name, letter, count), piece)?;
            count += 1;
        }
        // A killed run may have left more parts under this letter.
        remove_parts(entries, name, letter, count);
        entries.write(name, format!("{LIST} {letter} {count} {}", digest(secret)).as_bytes())?;
    }
    if let Some(before) = before {
        remove_parts(entries, name, before.letter, 0);
    }
    Ok(())
}

/// Removes a secret. Returns false if there was no secret.
pub fn remove(entries: &impl Entries, name: &str) -> Result<bool, KeyringError> {
    let removed = entries.remove(name)?;
    for letter in ['a', 'b'] {
        remove_parts(entries, name, letter, 0);
    }
    Ok(removed)
}

/// Removes parts of a letter. Errors are ignored, because parts that are not in the list do no harm.
fn remove_parts(entries: &impl Entries, name: &str, letter: char, from: usize) {
    for index in from..MAX_PARTS {
        if !matches!(entries.remove(&part(name, letter, index)), Ok(true)) {
            return;
        }
    }
}

struct List {
    letter: char,
    count: usize,
    digest: String,
}

impl List {
    fn parse(main: &[u8]) -> Option<Self> {
        let mut words = std::str::from_utf8(main).ok()?.split(' ');
        if words.next() != Some(LIST) {
            return None;
        }
        let letter = words.next()?.parse().ok()?;
        let count = words.next()?.parse().ok().filter(|count| *count <= MAX_PARTS)?;
        Some(Self { letter, count, digest: words.next()?.to_owned() })
    }
}

fn part(name: &str, letter: char, index: usize) -> String {
    format!("{name}#{letter}.{index}")
}

fn digest(secret: &[u8]) -> String {
    Hex(&Sha256::digest(secret)).to_string()
}

/// Maximum size of an entry, in bytes: `CRED_MAX_CREDENTIAL_BLOB_SIZE` of Windows, the smallest limit of all platforms.
const MAX_ENTRY: usize = 2560;

const MAX_PARTS: usize = super::grant::MAX_GRANT / MAX_ENTRY + 1;

const LIST: &str = "parts";

const ATTEMPTS: usize = 3;

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::collections::BTreeMap;

    use super::*;

    /// Entries in memory with the size limit of Windows. Writing and removing fail after a number of steps.
    struct Memory {
        entries: RefCell<BTreeMap<String, Vec<u8>>>,
        steps: Cell<usize>,
    }

    impl Memory {
        fn new() -> Self {
            Self { entries: RefCell::default(), steps: Cell::new(usize::MAX) }
        }

        fn step(&self) -> Result<(), KeyringError> {
            let left =
                self.steps.get().checked_sub(1).ok_or_else(|| KeyringError::Failed("killed".into()))?;
            self.steps.set(left);
            Ok(())
        }
    }

    impl Entries for Memory {
        fn read(&self, name: &str) -> Result<Option<Secret>, KeyringError> {
            Ok(self.entries.borrow().get(name).map(|secret| Secret::from(secret.clone())))
        }

        fn write(&self, name: &str, secret: &[u8]) -> Result<(), KeyringError> {
            self.step()?;
            assert!(secret.len() <= 2560);
            self.entries.borrow_mut().insert(name.to_owned(), secret.to_owned());
            Ok(())
        }

        fn remove(&self, name: &str) -> Result<bool, KeyringError> {
            self.step()?;
            Ok(self.entries.borrow_mut().remove(name).is_some())
        }
    }

    fn secret(octet: u8, length: usize) -> Vec<u8> {
        vec![octet; length]
    }

    #[test]
    fn secrets_of_every_length_come_back() {
        let memory = Memory::new();
        assert_eq!(read(&memory, "u@h").unwrap(), None);
        for (octet, length) in
            [(b'a', 10), (b'b', 2560), (b'c', 2561), (b'd', 6000), (b'e', 130_000), (b'f', 7)]
        {
            write(&memory, "u@h", &secret(octet, length)).unwrap();
            assert_eq!(read(&memory, "u@h").unwrap().unwrap().expose(), secret(octet, length));
            let parts = if length > 2560 { length.div_ceil(2560) } else { 0 };
            assert_eq!(memory.entries.borrow().len(), 1 + parts, "{length}");
        }
        assert!(remove(&memory, "u@h").unwrap());
        assert!(!remove(&memory, "u@h").unwrap());
        assert!(memory.entries.borrow().is_empty());
    }

    #[test]
    fn whatever_ends_a_run_one_of_the_two_is_whole() {
        for lengths in [(6000, 9000), (9000, 6000), (10, 6000), (6000, 10)] {
            for steps in 0..20 {
                let memory = Memory::new();
                let (old, new) = (secret(b'o', lengths.0), secret(b'n', lengths.1));
                write(&memory, "u@h", &old).unwrap();
                memory.steps.set(steps);
                let written = write(&memory, "u@h", &new).is_ok();
                let found = read(&memory, "u@h").unwrap().unwrap();
                assert!(found.expose() == new || !written && found.expose() == old, "{lengths:?} {steps}");
                // The next run can clean up.
                memory.steps.set(usize::MAX);
                write(&memory, "u@h", &old).unwrap();
                assert_eq!(read(&memory, "u@h").unwrap().unwrap().expose(), old);
            }
        }
    }

    #[test]
    fn a_missing_part_is_an_error() {
        let memory = Memory::new();
        write(&memory, "u@h", &secret(b'a', 6000)).unwrap();
        memory.entries.borrow_mut().remove("u@h#a.1").unwrap();
        assert!(read(&memory, "u@h").is_err());
    }
}
