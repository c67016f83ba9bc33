//! `--dir` and `--maildir`: one file per message, renamed to its final name once it is complete and durable.

use crate::bytes::Hex;
use std::{
    borrow::Cow,
    collections::HashSet,
    ffi::OsStr,
    fs::File,
    hash::{BuildHasher, RandomState},
    io::{self, Seek as _, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

use tempfile::TempPath;

use super::{
    error::Error,
    file_name,
    folder::{self, cannot},
    fs as disk,
    line_ends::LineEnds,
    process::host,
    record::{
        Record,
        journal::{Content, Entry, FileContent},
        word::escape,
    },
    storage::Incoming,
    store::{CommitContext, Staged, Store},
    sync::Syncing,
};

pub(crate) struct Files {
    /// The folder of files that are being written.
    temporaries: PathBuf,
    /// The folder of complete messages.
    names: PathBuf,
    naming: Naming,
    /// The part of temporary file names that identifies their record.
    owner: String,
    syncing: Syncing,
    current: Option<Current>,
    /// Messages, each with its temporary file and the content of that file.
    staged: Vec<(Staged, TempPath, FileContent)>,
    made: u64,
    process: u32,
    /// True if new files have the right mode, so that it need not be read again.
    makes_private: bool,
}

struct Current {
    file: File,
    path: TempPath,
    /// The length of the file.
    octets: u64,
}

enum Naming {
    Eml(Taken),
    Maildir { host: String, ends: LineEnds, converted: Vec<u8> },
}

impl Naming {
    fn maildir() -> Self {
        Self::Maildir { host: host(), ends: LineEnds::default(), converted: Vec::new() }
    }
}

/// The names in a folder, in lower case and as hashes to save memory: a folder may hold 100,000 files.
#[derive(Default)]
struct Taken {
    names: HashSet<u64>,
    state: RandomState,
}

impl Taken {
    fn contains(&self, name: &OsStr) -> bool {
        self.names.contains(&self.hash(name))
    }

    fn insert(&mut self, name: &OsStr) {
        self.names.insert(self.hash(name));
    }

    fn hash(&self, name: &OsStr) -> u64 {
        self.state.hash_one(name.to_ascii_lowercase())
    }
}

impl Files {
    pub(crate) fn dir(folder: &Path, record: Option<&Record>) -> Result<Self, Error> {
        disk::make_folder(folder).map_err(|error| cannot("make", folder, &error))?;
        let mut taken = Taken::default();
        folder::sweep_dir(folder, record, |name| taken.insert(name))
            .map_err(|error| cannot("use", folder, &error))?;
        Self::new(folder, folder, Naming::Eml(taken), folder::dir_owner(record))
    }

    pub(crate) fn maildir(folder: &Path, record: Option<&Record>) -> Result<Self, Error> {
        let [temporaries, names] = folder::make_maildir(folder)?;
        folder::sweep_maildir(&temporaries, record).map_err(|error| cannot("use", &temporaries, &error))?;
        Self::new(&temporaries, &names, Naming::maildir(), folder::maildir_owner(record))
    }

    /// Checks that files can be made and renamed in the folder. Leaves no file.
    pub(crate) fn probe_dir(folder: &Path) -> Result<(), Error> {
        disk::make_folder(folder).map_err(|error| cannot("make", folder, &error))?;
        folder::probe(folder, folder)
    }

    pub(crate) fn probe_maildir(folder: &Path) -> Result<(), Error> {
        let [temporaries, names] = folder::make_maildir(folder)?;
        folder::probe(&temporaries, &names)
    }

    fn new(temporaries: &Path, names: &Path, naming: Naming, owner: String) -> Result<Self, Error> {
        let syncing = Syncing::of(names).map_err(|error| cannot("use", names, &error))?;
        Ok(Self {
            temporaries: temporaries.to_path_buf(),
            names: names.to_path_buf(),
            naming,
            owner,
            syncing,
            current: None,
            staged: Vec::new(),
            made: 0,
            process: std::process::id(),
            makes_private: false,
        })
    }

    fn make(&mut self) -> io::Result<(File, TempPath)> {
        loop {
            self.made += 1;
            let path = self.temporaries.join(self.temporary_name());
            match disk::private_options().read(true).write(true).create_new(true).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                Ok(file) => {
                    let path = TempPath::try_from_path(path)?;
                    if !self.makes_private {
                        self.makes_private = disk::make_private(&file)?;
                    }
                    return Ok((file, path));
                }
            }
        }
    }

    fn temporary_name(&self) -> String {
        let Self { process, made, owner, .. } = self;
        let Naming::Maildir { host, .. } = &self.naming else {
            return format!("{owner}{process}-{made}.tmp");
        };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let (seconds, micros) = (now.as_secs(), now.subsec_micros());
        format!("{seconds}.M{micros}P{process}Q{made}{owner}.{host}")
    }

    /// Chooses the path of a message. The flag is true if a file with the same bytes already exists there.
    fn choose(&mut self, message: &Staged, temporary: &Path) -> (PathBuf, bool) {
        let Naming::Eml(taken) = &mut self.naming else {
            return (self.names.join(temporary.file_name().unwrap_or_default()), false);
        };
        let stem = match &message.incoming.unique_id {
            Some(unique_id) => file_name::portable(unique_id.as_bytes(), MAX_STEM),
            None => Hex(&message.content.sha256).to_string(),
        };
        let first = self.names.join(format!("{stem}.eml"));
        let mut count = 1;
        loop {
            let path = file_name::numbered(&first, count);
            let name = path.file_name().unwrap_or_default();
            if !taken.contains(name) {
                taken.insert(name);
                return (path, false);
            }
            // A file that cannot be read belongs to another program.
            if count <= MAX_COMPARED
                && disk::exists(&path)
                && disk::same_content(temporary, &path).unwrap_or(false)
            {
                return (path, true);
            }
            count += 1;
        }
    }

    fn store(
        &mut self,
        staged: Vec<(Staged, TempPath, FileContent)>,
        context: &mut CommitContext,
    ) -> Result<(), Error> {
        let failure = |folder: &Path, error: &io::Error| cannot("write to", folder, error);
        self.syncing
            .group(staged.iter().map(|(_, path, _)| &**path))
            .map_err(|error| failure(&self.temporaries, &error))?;
        let mut chosen = Vec::with_capacity(staged.len());
        for (message, temporary, content) in staged {
            let (path, exists) = self.choose(&message, &temporary);
            chosen.push((message, temporary, content, path, exists));
        }
        let words: Vec<_> = chosen.iter().map(|(message, ..)| message.word().map(Cow::into_owned)).collect();
        let entries = chosen.iter().zip(&words).filter(|((.., exists), _)| !exists);
        let entries = entries.filter_map(|((message, temporary, content, name, _), word)| {
            let message = message.message(word.as_deref()?);
            Some(Entry::File {
                message,
                stored: *content,
                temporary: (&**temporary).into(),
                name: name.into(),
            })
        });
        context.append(entries)?;
        let mut stored = Vec::with_capacity(chosen.len());
        let mut failed = None;
        let mut void = Vec::new();
        for ((message, temporary, _, path, exists), word) in chosen.into_iter().zip(words) {
            let placed = match &failed {
                Some(_) => None,
                None if exists => Some(disk::sync_file(&path).map(|()| path)),
                None => Some(place(temporary, &path)),
            };
            match placed {
                Some(Ok(path)) => stored.push((message, path, word, exists)),
                other => {
                    void.extend(word.map(|word| (word, message.incoming.occurrence)));
                    failed = failed.or(other.and_then(Result::err).map(|error| failure(&self.names, &error)));
                }
            }
        }
        // A failed message is voided at once, so that recovery never mistakes another file of that name for the message.
        let voided = context.append(
            void.iter().map(|(unique_id, occurrence)| Entry::Void { unique_id, occurrence: *occurrence }),
        );
        disk::sync_folder(&self.names).map_err(|error| failure(&self.names, &error))?;
        let places: Vec<_> = stored.iter().map(|(_, path, ..)| disk::path_bytes(path)).collect();
        let places: Vec<_> = places.iter().map(|place| escape(place)).collect();
        let entries = stored.iter().zip(&places);
        context.append(entries.filter_map(|((message, _, word, exists), place)| {
            let message = message.message(word.as_deref()?);
            Some(if *exists { Entry::Done { message, place } } else { Entry::Stored { message, place } })
        }))?;
        for (message, path, _, exists) in stored {
            if exists {
                context.kept(message, path);
            } else {
                context.stored(message, Some(path));
            }
        }
        failed.map_or(voided, Err)
    }
}

impl Store for Files {
    fn begin(&mut self, _: &Incoming) -> Result<(), Error> {
        let (file, path) = self.make().map_err(|error| cannot("write to", &self.temporaries, &error))?;
        self.current = Some(Current { file, path, octets: 0 });
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let Some(current) = &mut self.current else { return Ok(()) };
        let written = match &mut self.naming {
            Naming::Eml(_) => current.write(bytes),
            Naming::Maildir { ends, converted, .. } => {
                converted.clear();
                ends.convert(bytes, converted);
                current.write(converted)
            }
        };
        written.map_err(|error| cannot("write to", &self.temporaries, &error))
    }

    fn end(&mut self, message: Staged) -> Result<(), Error> {
        let Some(mut current) = self.current.take() else { return Ok(()) };
        let stored = match &mut self.naming {
            Naming::Eml(_) => Ok(FileContent::Bytes(message.content)),
            Naming::Maildir { ends, converted, .. } => current.finish(ends, converted),
        };
        let synced = stored.and_then(|stored| self.syncing.file(&current.file).map(|()| stored));
        let stored = synced.map_err(|error| cannot("write to", &self.temporaries, &error))?;
        self.staged.push((message, current.path, stored));
        Ok(())
    }

    fn abort(&mut self) -> Result<(), Error> {
        self.current = None;
        if let Naming::Maildir { ends, .. } = &mut self.naming {
            *ends = LineEnds::default();
        }
        Ok(())
    }

    fn keep(&mut self, count: usize) -> Result<(), Error> {
        self.staged.truncate(count);
        Ok(())
    }

    fn commit(&mut self, context: &mut CommitContext) -> Result<(), Error> {
        let staged = std::mem::take(&mut self.staged);
        if staged.is_empty() { Ok(()) } else { self.store(staged, context) }
    }
}

impl Current {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.octets += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    /// Ends a message whose line ends are converted.
    fn finish(&mut self, ends: &mut LineEnds, converted: &mut Vec<u8>) -> io::Result<FileContent> {
        converted.clear();
        let is_reversible = ends.finish(converted);
        self.write(converted)?;
        let octets = self.octets;
        if is_reversible {
            return Ok(FileContent::Lf { octets });
        }
        self.file.rewind()?;
        Ok(FileContent::Bytes(Content { octets, sha256: disk::sha256(&self.file)? }))
    }
}

/// Renames the file to `name` or, if another program has just taken that name, to the next free one.
fn place(mut temporary: TempPath, name: &Path) -> io::Result<PathBuf> {
    let placed = disk::rename_to_free(&temporary, name)?;
    temporary.disable_cleanup(true);
    Ok(placed)
}

/// Maximum number of files that are compared with a message. A server may give thousands of messages the same unique-id, and
/// comparing each message with all files would take hours.
const MAX_COMPARED: u32 = 64;

/// Maximum length of a name without `.eml`: 100 characters in all.
const MAX_STEM: usize = 96;
