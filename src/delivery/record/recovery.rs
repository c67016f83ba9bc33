//! Recovers operations that an earlier run left unfinished. The outcome is determined by the content of the files, never by a
//! file name alone.

use std::{
    collections::HashMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sha2::{Digest as _, Sha256};

use super::{
    journal::{Append, Content, Digest, FileContent},
    operations::{Operation, Operations, OwnedMessage, Unfinished},
};
use crate::delivery::{file_name, fs as disk, line_ends::restore, mbox};

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
                Operation::File { stored, temporary, name } => {
                    recover_file(stored, message.borrow().content, temporary, name)
                }
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

/// The content that identifies a file.
struct Expected {
    octets: u64,
    sha256: Digest,
    /// True if the hash is that of the file with LF converted to CRLF.
    restored: bool,
}

impl Expected {
    fn of(stored: &FileContent, message: Option<Content>) -> Option<Self> {
        Some(match *stored {
            FileContent::Bytes(Content { octets, sha256 }) => Self { octets, sha256, restored: false },
            FileContent::Lf { octets } => Self { octets, sha256: message?.sha256, restored: true },
        })
    }

    /// Returns true if the path is a regular file with this content.
    fn is_in(&self, path: &Path) -> io::Result<bool> {
        match path.symlink_metadata() {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(false);
            }
            Ok(metadata) if !metadata.is_file() || metadata.len() != self.octets => return Ok(false),
            metadata => metadata?,
        };
        let file = File::open(path)?;
        Ok(self.sha256 == if self.restored { restored_hash(&file)? } else { disk::sha256(&file)? })
    }
}

/// Returns the hash of a file with LF converted to CRLF.
fn restored_hash(file: &File) -> io::Result<Digest> {
    let (mut hash, mut restored) = (Sha256::new(), Vec::new());
    disk::read_blocks(file, |block| {
        restored.clear();
        restore(block, &mut restored);
        hash.update(&restored);
    })?;
    Ok(hash.finalize().into())
}

fn recover_file(stored: &FileContent, message: Option<Content>, temporary: &Path, name: &Path) -> Outcome {
    let Some(expected) = Expected::of(stored, message) else { return Outcome::Void };
    match finish(&expected, temporary, name) {
        Ok(Some(place)) => Outcome::Stored(place),
        Ok(None) => Outcome::Void,
        Err(error) => Outcome::Open(format!("cannot finish storing {}: {error}", name.display())),
    }
}

/// Looks for the content under the final name and its numbered variants. If it is not found, but the temporary file has that
/// content, renames the temporary file.
fn finish(expected: &Expected, temporary: &Path, name: &Path) -> io::Result<Option<PathBuf>> {
    let folder = name.parent().unwrap_or(Path::new("."));
    if !folder.metadata()?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    let mut place = None;
    for count in 1..=MAX_NAMES {
        let candidate = file_name::numbered(name, count);
        if expected.is_in(&candidate)? {
            place = Some(candidate);
            break;
        }
        if !disk::exists(&candidate) {
            break;
        }
    }
    let place = match place {
        Some(place) => Some(place),
        None => find_moved(name, expected)?,
    };
    let in_temporary = expected.is_in(temporary)?;
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

/// Finds a Maildir message that a mail reader moved from `new` to `cur`, appending flags to its name.
fn find_moved(name: &Path, expected: &Expected) -> io::Result<Option<PathBuf>> {
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
            && expected.is_in(&entry.path())?
        {
            return Ok(Some(entry.path()));
        }
    }
    Ok(None)
}

/// Maximum number of names (`uid.eml`, `uid-2.eml`…) that are searched for a message.
const MAX_NAMES: u32 = 64;
