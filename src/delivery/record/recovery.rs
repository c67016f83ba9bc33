//! Steps that a run left unfinished: each is settled by the content of the files, never by a name alone.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    rc::Rc,
    time::Duration,
};

use sha2::{Digest as _, Sha256};

use super::journal::{Append, Content, Deletion, Digest, Entry, Message};
use crate::delivery::{file_name, fs as disk, mbox::settle};

/// A message whose storing was begun and not recorded as done.
pub(crate) struct Unfinished {
    pub(crate) message: Owned,
    operation: Operation,
}

enum Operation {
    File {
        stored: Content,
        temporary: PathBuf,
        name: PathBuf,
    },
    /// The number of the append.
    Append(usize),
}

/// What became of an unfinished step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The message is stored, durably.
    Stored(PathBuf),
    /// It is not, and has to be fetched again.
    Void,
    /// It cannot be told now, and why.
    Open(String),
}

/// A [`Message`] of its own.
pub(crate) struct Owned {
    pub(crate) unique_id: Vec<u8>,
    pub(crate) occurrence: u32,
    time: u64,
    deletion: Deletion,
    listed: Option<u64>,
    content: Option<Content>,
    header: Option<Digest>,
}

impl Owned {
    fn of(message: &Message<'_>) -> Self {
        let Message { unique_id, occurrence, time, deletion, listed, content, header } = *message;
        Self { unique_id: unique_id.to_vec(), occurrence, time, deletion, listed, content, header }
    }

    pub(crate) fn borrow(&self) -> Message<'_> {
        let Self { unique_id, occurrence, time, deletion, listed, content, header } = self;
        Message {
            unique_id,
            occurrence: *occurrence,
            time: *time,
            deletion: *deletion,
            listed: *listed,
            content: *content,
            header: *header,
        }
    }
}

/// The unfinished steps of a journal, while it is read.
#[derive(Default)]
pub(crate) struct Steps {
    begun: HashMap<(Vec<u8>, u32), Unfinished>,
    appends: Vec<Rc<Append>>,
}

impl Steps {
    pub(crate) fn apply(&mut self, entry: &Entry<'_>) {
        match entry {
            Entry::File { message, stored, temporary, name } => {
                let (temporary, name) = (temporary.to_path_buf(), name.to_path_buf());
                self.begin(message, Operation::File { stored: *stored, temporary, name });
            }
            Entry::Append(append) => {
                // Most appends are done when the next one comes.
                if self.begun.is_empty() {
                    self.appends.clear();
                }
                self.appends.push(Rc::new(append.clone()));
            }
            Entry::Pages(pages) => {
                if let Some(append) = self.appends.last_mut().and_then(Rc::get_mut) {
                    append.pages.extend(pages);
                }
            }
            Entry::Part(message) => {
                if let Some(last) = self.appends.len().checked_sub(1) {
                    self.begin(message, Operation::Append(last));
                }
            }
            Entry::Done { message: Message { unique_id, occurrence, .. }, .. }
            | Entry::Void { unique_id, occurrence }
            | Entry::Forgotten { unique_id, occurrence }
                if !self.begun.is_empty() =>
            {
                self.begun.remove(&(unique_id.to_vec(), *occurrence));
            }
            _ => {}
        }
    }

    fn begin(&mut self, message: &Message<'_>, operation: Operation) {
        let key = (message.unique_id.to_vec(), message.occurrence);
        self.begun.insert(key, Unfinished { message: Owned::of(message), operation });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.begun.is_empty()
    }

    /// Settles what can be settled, and gives what became of each step. An mbox that another program holds is waited for
    /// if it is the `destination` of this run.
    pub(crate) fn settle(self, destination: Option<&Path>, wait: Duration) -> Vec<(Owned, Outcome)> {
        let Self { begun, appends } = self;
        let mut settled: HashMap<usize, Outcome> = HashMap::new();
        let outcomes = begun.into_values().map(|Unfinished { message, operation }| {
            let outcome = match operation {
                Operation::File { stored, temporary, name } => settle_file(&stored, &temporary, &name),
                Operation::Append(number) => settled
                    .entry(number)
                    .or_insert_with(|| {
                        let append = &appends[number];
                        let own = destination.is_some_and(|destination| destination == append.mbox);
                        settle(append, if own { wait } else { Duration::ZERO })
                    })
                    .clone(),
            };
            (message, outcome)
        });
        outcomes.collect()
    }

    /// The temporary files that unfinished steps name.
    pub(crate) fn temporaries(&self) -> impl Iterator<Item = &Path> {
        self.begun.values().filter_map(|unfinished| match &unfinished.operation {
            Operation::File { temporary, .. } => Some(temporary.as_path()),
            Operation::Append(_) => None,
        })
    }
}

fn settle_file(stored: &Content, temporary: &Path, name: &Path) -> Outcome {
    match finish(stored, temporary, name) {
        Ok(Some(place)) => Outcome::Stored(place),
        Ok(None) => Outcome::Void,
        Err(error) => Outcome::Open(format!("cannot finish storing {}: {error}", name.display())),
    }
}

/// Looks for the content under the name, under the names that follow it, and in the temporary file, which then gets its
/// name.
fn finish(stored: &Content, temporary: &Path, name: &Path) -> io::Result<Option<PathBuf>> {
    let folder = name.parent().unwrap_or(Path::new("."));
    if !folder.metadata()?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    let mut place = None;
    for count in 1..=MAX_SEARCHED {
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
        None => moved(name, stored)?,
    };
    let found = holds(temporary, stored)?;
    if let Some(place) = place {
        disk::sync_file(&place)?;
        disk::sync_folder(place.parent().unwrap_or(folder))?;
        if found {
            fs::remove_file(temporary)?;
        }
        return Ok(Some(place));
    }
    if !found {
        return Ok(None);
    }
    disk::sync_file(temporary)?;
    let place = disk::rename_to_free(temporary, name)?;
    disk::sync_folder(folder)?;
    Ok(Some(place))
}

/// Whether it is a plain file with this content.
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

/// Where a mail reader moved a message of a Maildir: from `new` to `cur`, with flags behind its name.
fn moved(name: &Path, stored: &Content) -> io::Result<Option<PathBuf>> {
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

/// Bytes read at a time.
const BLOCK: usize = 64 * 1024;

/// Names that are looked at for one message.
const MAX_SEARCHED: u32 = 64;
