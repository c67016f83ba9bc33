//! Recovers operations that an earlier run left unfinished. The outcome is determined by the content of the files, never by a
//! file name alone.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sha2::{Digest as _, Sha256};

use super::{
    journal::{Append, Content, Digest},
    operations::{Operation, Operations, OwnedMessage, Unfinished},
};
use crate::delivery::{file_name, fs as disk, mbox};

/// The outcome of an unfinished operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The message is stored durably, at this path.
    Stored(PathBuf),
    /// The message is not stored and must be fetched again.
    Void,
    /// Like `Void`, but a part of the message remains in this mbox, because other mail follows it.
    Torn(PathBuf),
    /// The outcome cannot be determined yet, for this reason.
    Open(String),
}

impl Operations {
    /// Determines the outcome of each operation, and keeps the operations that stay open. If another program has locked an mbox,
    /// waits for the lock only if the mbox is the `destination` of this run.
    pub(crate) fn recover(
        &mut self,
        destination: Option<&Path>,
        wait: Duration,
    ) -> Vec<(OwnedMessage, Outcome)> {
        let mut appends: HashMap<*const Append, Outcome> = HashMap::new();
        let mut outcomes = Vec::new();
        for (key, Unfinished { message, operation }) in std::mem::take(&mut self.unfinished) {
            let outcome = match &operation {
                Operation::File { stored, temporary, name } => recover_file(stored, temporary, name),
                Operation::Append(append) => {
                    let is_destination = destination.is_some_and(|destination| destination == append.mbox);
                    let wait = if is_destination { wait } else { Duration::ZERO };
                    let outcome = appends.entry(Arc::as_ptr(append));
                    outcome.or_insert_with(|| mbox::recover(append, wait)).clone()
                }
            };
            if let Outcome::Open(_) = outcome {
                let message = OwnedMessage::of(&message.borrow());
                self.unfinished.insert(key, Unfinished { message, operation });
            }
            outcomes.push((message, outcome));
        }
        outcomes
    }
}

fn recover_file(stored: &Content, temporary: &Path, name: &Path) -> Outcome {
    match finish(stored, temporary, name) {
        Ok(Some(place)) => Outcome::Stored(place),
        Ok(None) => Outcome::Void,
        Err(error) => Outcome::Open(format!("cannot finish storing {}: {error}", name.display())),
    }
}

/// Looks for the content under the final name and its numbered variants. If it is not found, but the temporary file has that
/// content, renames the temporary file.
fn finish(stored: &Content, temporary: &Path, name: &Path) -> io::Result<Option<PathBuf>> {
    let folder = name.parent().unwrap_or(Path::new("."));
    if !folder.metadata()?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    let mut place = None;
    for count in 1..=MAX_NAMES {
        let candidate = file_name::numbered(name, count);
        if holds(&candidate, stored)? {
            place = Some(candidate);
            break;
        }
        if !disk::exists(&candidate) {
            break;
        }
    }
    let place = match place {
        Some(place) => Some(place),
        None => find_moved(name, stored)?,
    };
    let in_temporary = holds(temporary, stored)?;
    if let Some(place) = place {
        disk::sync_file(&place)?;
        disk::sync_folder(place.parent().unwrap_or(folder))?;
        if in_temporary {
            fs::remove_file(temporary)?;
        }
        return Ok(Some(place));
    }
    if !in_temporary {
        return Ok(None);
    }
    disk::sync_file(temporary)?;
    let place = disk::rename_to_free(temporary, name)?;
    disk::sync_folder(folder)?;
    Ok(Some(place))
}

/// Returns true if the path is a regular file with this content.
fn holds(path: &Path, content: &Content) -> io::Result<bool> {
    match path.symlink_metadata() {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(false);
        }
        Ok(metadata) if !metadata.is_file() || metadata.len() != content.octets => return Ok(false),
        metadata => metadata?,
    };
    let mut file = File::open(path)?;
    let (mut hash, mut block) = (Sha256::new(), vec![0; BLOCK]);
    loop {
        match file.read(&mut block)? {
            0 => return Ok(content.sha256 == Digest::from(hash.finalize())),
            count => hash.update(&block[..count]),
        }
    }
}

/// Finds a Maildir message that a mail reader moved from `new` to `cur`, appending flags to its name.
fn find_moved(name: &Path, stored: &Content) -> io::Result<Option<PathBuf>> {
    let folder = name.parent().filter(|folder| folder.file_name().is_some_and(|name| name == "new"));
    let base = name.file_name().and_then(|name| name.to_str());
    let Some((folder, base)) = folder.zip(base) else { return Ok(None) };
    let current = match fs::read_dir(folder.with_file_name("cur")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        current => current?,
    };
    for entry in current {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(base))
            && holds(&entry.path(), stored)?
        {
            return Ok(Some(entry.path()));
        }
    }
    Ok(None)
}

/// Number of bytes that are read at a time.
const BLOCK: usize = 64 * 1024;

/// Maximum number of names (`uid.eml`, `uid-2.eml`…) that are searched for a message.
const MAX_NAMES: u32 = 64;
