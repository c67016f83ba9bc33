//! What a run that was killed left half done, brought to its end.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    index::{ByKey, Key},
    journal::{Append, Entry, Message},
};
use crate::delivery::{error::Error, file_name, fs as disk, mbox::locked as mbox};

/// A message whose storing was begun and not recorded as done.
pub(crate) struct Pending {
    pub(crate) message: Owned,
    doing: Doing,
}

#[derive(Clone)]
enum Doing {
    File { temporary: PathBuf, name: PathBuf },
    Append(Append),
}

/// A [`Message`] of its own.
pub(crate) struct Owned {
    pub(crate) unique_id: Vec<u8>,
    pub(crate) occurrence: u32,
    time: u64,
    delete: bool,
}

impl Owned {
    pub(crate) fn borrow(&self) -> Message<'_> {
        Message {
            unique_id: &self.unique_id,
            occurrence: self.occurrence,
            time: self.time,
            delete: self.delete,
        }
    }
}

impl Pending {
    /// Whether settling would find the message stored.
    pub(crate) fn stands(&self) -> bool {
        match &self.doing {
            Doing::File { temporary, name } => is_file(temporary) || stored(name).is_some(),
            Doing::Append(append) => mbox::holds(append),
        }
    }
}

/// The entries of a journal that no later one has settled, while it is read.
#[derive(Default)]
pub(crate) struct Unsettled {
    begun: ByKey<(u64, Owned, Option<Doing>)>,
    appends: BTreeMap<u64, Append>,
}

impl Unsettled {
    pub(crate) fn begun(&mut self, key: Key, batch: u64, entry: &Entry<'_>, message: &Message<'_>) {
        let doing = match entry {
            Entry::File { temporary, name, .. } => {
                Some(Doing::File { temporary: temporary.to_path_buf(), name: name.to_path_buf() })
            }
            _ => None,
        };
        let message = Owned {
            unique_id: message.unique_id.to_vec(),
            occurrence: message.occurrence,
            time: message.time,
            delete: message.delete,
        };
        self.begun.insert(key, (batch, message, doing));
    }

    pub(crate) fn appending(&mut self, batch: u64, append: &Append) {
        if self.begun.is_empty() {
            self.appends.clear();
        }
        self.appends.insert(batch, append.clone());
    }

    pub(crate) fn settled(&mut self, key: Key) {
        self.begun.remove(&key);
    }

    pub(crate) fn into_pending(self) -> Vec<Pending> {
        let Self { begun, appends } = self;
        let pending = begun.into_values().filter_map(|(batch, message, doing)| {
            let doing = doing.or_else(|| appends.get(&batch).cloned().map(Doing::Append))?;
            Some(Pending { message, doing })
        });
        pending.collect()
    }
}

/// Finishes what can be finished, and says where each message is; `None` where it has to be fetched again.
pub(crate) fn settle(pending: &[Pending], wait: Duration) -> Result<Vec<Option<PathBuf>>, Error> {
    let mut appends: Vec<(&Append, bool)> = Vec::new();
    let mut folders = BTreeSet::new();
    let mut places = Vec::with_capacity(pending.len());
    for Pending { doing, .. } in pending {
        places.push(match doing {
            Doing::File { temporary, name } => {
                let place = finish(temporary, name).map_err(|error| {
                    Error::output(format_args!("cannot finish storing {}", name.display()), &error)
                })?;
                folders.extend(place.as_deref().and_then(Path::parent).map(Path::to_path_buf));
                place
            }
            Doing::Append(append) => {
                let known = appends.iter().find(|(known, _)| *known == append);
                let holds = match known {
                    Some((_, holds)) => *holds,
                    None => mbox::settle(append, wait)?,
                };
                if known.is_none() {
                    appends.push((append, holds));
                }
                holds.then(|| append.mbox.clone())
            }
        });
    }
    for folder in folders {
        disk::sync_folder(&folder)
            .map_err(|error| Error::output(format_args!("cannot sync {}", folder.display()), &error))?;
    }
    Ok(places)
}

fn finish(temporary: &Path, wanted: &Path) -> io::Result<Option<PathBuf>> {
    if !is_file(temporary) {
        return Ok(stored(wanted));
    }
    let mut count = 1;
    loop {
        let name = file_name::numbered(wanted, count);
        match disk::rename_new(temporary, &name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            renamed => return renamed.map(|()| Some(name)),
        }
        if disk::same_octets(temporary, &name)? {
            disk::sync_file(&name)?;
            fs::remove_file(temporary)?;
            return Ok(Some(name));
        }
        count += 1;
    }
}

/// Where the file of that name is: there, or in a Maildir where a mail reader moved it, from `new` to `cur`.
fn stored(name: &Path) -> Option<PathBuf> {
    if is_file(name) {
        return Some(name.to_path_buf());
    }
    let folder = name.parent().filter(|folder| folder.file_name().is_some_and(|name| name == "new"))?;
    let base = name.file_name()?.to_str()?;
    let current = fs::read_dir(folder.with_file_name("cur")).ok()?;
    current
        .flatten()
        .find(|entry| entry.file_name().to_str().is_some_and(|name| is_read(name, base)))
        .map(|entry| entry.path())
}

/// `1795341600.M1P2Q3.host:2,S` is `1795341600.M1P2Q3.host` with what a mail reader says of it.
fn is_read(name: &str, base: &str) -> bool {
    name.strip_prefix(base)
        .is_some_and(|flags| flags.is_empty() || !flags.starts_with(|c: char| c.is_alphanumeric()))
}

fn is_file(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_file())
}
