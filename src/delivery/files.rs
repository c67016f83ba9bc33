//! `--dir` and `--maildir`: a file a message, under its name only when it is whole and durable.

use std::{
    borrow::Cow,
    collections::HashSet,
    ffi::OsStr,
    fs::{self, File},
    hash::{BuildHasher, RandomState},
    io::{self, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

use sha2::{Digest as _, Sha256};
use tempfile::TempPath;

use super::{
    error::Error,
    file_name, fs as disk,
    line_ends::LineEnds,
    process::{self, host},
    record::{
        Record,
        journal::{Content, Entry},
        word::escape,
    },
    storage::Incoming,
    store::{CommitContext, Staged, Store},
    sync::Syncing,
};

pub(crate) struct Files {
    /// Where files stand while they are written, and under their names.
    temporaries: PathBuf,
    names: PathBuf,
    naming: Naming,
    /// Tells this record's temporary files from all others.
    nonce: Option<String>,
    syncing: Syncing,
    current: Option<Current>,
    /// With what is in the file.
    staged: Vec<(Staged, TempPath, Content)>,
    made: u64,
}

struct Current {
    file: File,
    path: TempPath,
    /// Of what is written, where that is not what was received.
    octets: u64,
    sha256: Sha256,
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

/// The names of a folder without regard to case, as hashes: a folder may hold 100,000 files.
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
        sweep(folder, record, |nonce| format!(".pop3-{nonce}-"), |name| taken.insert(name))
            .map_err(|error| cannot("use", folder, &error))?;
        Self::new(folder, folder, Naming::Eml(taken), record)
    }

    pub(crate) fn maildir(folder: &Path, record: Option<&Record>) -> Result<Self, Error> {
        let [temporaries, names] = make_maildir(folder)?;
        sweep(&temporaries, record, |nonce| format!("R{nonce}."), |_| {})
            .map_err(|error| cannot("use", &temporaries, &error))?;
        Self::new(&temporaries, &names, Naming::maildir(), record)
    }

    /// Whether a file can be made and renamed here. Nothing stays.
    pub(crate) fn probe_dir(folder: &Path) -> Result<(), Error> {
        disk::make_folder(folder).map_err(|error| cannot("make", folder, &error))?;
        probe(folder, folder)
    }

    pub(crate) fn probe_maildir(folder: &Path) -> Result<(), Error> {
        let [temporaries, names] = make_maildir(folder)?;
        probe(&temporaries, &names)
    }

    fn new(temporaries: &Path, names: &Path, naming: Naming, record: Option<&Record>) -> Result<Self, Error> {
        let syncing = Syncing::of(names).map_err(|error| cannot("use", names, &error))?;
        Ok(Self {
            temporaries: temporaries.to_path_buf(),
            names: names.to_path_buf(),
            naming,
            nonce: record.and_then(Record::nonce).map(str::to_owned),
            syncing,
            current: None,
            staged: Vec::new(),
            made: 0,
        })
    }

    fn make(&mut self) -> io::Result<(File, TempPath)> {
        loop {
            self.made += 1;
            let (process, made) = (std::process::id(), self.made);
            let name = match &self.naming {
                Naming::Eml(_) => {
                    format!(".pop3-{}-{process}-{made}.tmp", self.nonce.as_deref().unwrap_or("unrecorded"))
                }
                Naming::Maildir { host, .. } => {
                    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                    let (seconds, micros) = (now.as_secs(), now.subsec_micros());
                    let mark = self.nonce.as_deref().map(|nonce| format!("R{nonce}")).unwrap_or_default();
                    format!("{seconds}.M{micros}P{process}Q{made}{mark}.{host}")
                }
            };
            let path = self.temporaries.join(name);
            match disk::private_options().write(true).create_new(true).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                Ok(file) => {
                    let path = TempPath::try_from_path(path)?;
                    disk::make_private(&file)?;
                    return Ok((file, path));
                }
            }
        }
    }

    /// Where a message is to stand; the flag tells that the same octets stand there already.
    fn choose(&mut self, message: &Staged, temporary: &Path) -> (PathBuf, bool) {
        let Naming::Eml(taken) = &mut self.naming else {
            return (self.names.join(temporary.file_name().unwrap_or_default()), false);
        };
        let stem = match &message.incoming.unique_id {
            Some(unique_id) => file_name::portable(unique_id.as_bytes(), MAX_STEM),
            None => file_name::hex(&message.content.sha256),
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
            // What cannot be read is a stranger's.
            if count <= MAX_COMPARED
                && disk::exists(&path)
                && disk::same_octets(temporary, &path).unwrap_or(false)
            {
                return (path, true);
            }
            count += 1;
        }
    }

    fn store(
        &mut self,
        staged: Vec<(Staged, TempPath, Content)>,
        context: &mut CommitContext,
    ) -> Result<(), Error> {
        let whose = |names: &Path, error: &io::Error| cannot("write to", names, error);
        self.syncing
            .group(staged.iter().map(|(_, path, _)| &**path))
            .map_err(|error| whose(&self.temporaries, &error))?;
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
                    failed = failed.or(other.and_then(Result::err).map(|error| whose(&self.names, &error)));
                }
            }
        }
        // Nobody may look later for what did not get its name, so that another file of that name is not taken for it.
        let voided = context.append(
            void.iter().map(|(unique_id, occurrence)| Entry::Void { unique_id, occurrence: *occurrence }),
        );
        disk::sync_folder(&self.names).map_err(|error| whose(&self.names, &error))?;
        let places: Vec<_> = stored.iter().map(|(_, path, ..)| disk::path_octets(path)).collect();
        let places: Vec<_> = places.iter().map(|place| escape(place)).collect();
        let entries = stored.iter().zip(&places);
        context.append(entries.filter_map(|((message, _, word, _), place)| {
            Some(Entry::Done { message: message.message(word.as_deref()?), place })
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
        self.current = Some(Current { file, path, octets: 0, sha256: Sha256::new() });
        Ok(())
    }

    fn write(&mut self, octets: &[u8]) -> Result<(), Error> {
        let Some(current) = &mut self.current else { return Ok(()) };
        let written = match &mut self.naming {
            Naming::Eml(_) => current.file.write_all(octets),
            Naming::Maildir { ends, converted, .. } => {
                converted.clear();
                ends.convert(octets, converted);
                current.write_converted(converted)
            }
        };
        written.map_err(|error| cannot("write to", &self.temporaries, &error))
    }

    fn end(&mut self, message: Staged) -> Result<(), Error> {
        let Some(mut current) = self.current.take() else { return Ok(()) };
        let mut written = Ok(());
        let mut content = message.content;
        if let Naming::Maildir { ends, converted, .. } = &mut self.naming {
            converted.clear();
            ends.finish(converted);
            written = current.write_converted(converted);
            content = Content { octets: current.octets, sha256: current.sha256.finalize().into() };
        }
        written
            .and_then(|()| self.syncing.file(&current.file))
            .map_err(|error| cannot("write to", &self.temporaries, &error))?;
        self.staged.push((message, current.path, content));
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
    fn write_converted(&mut self, octets: &[u8]) -> io::Result<()> {
        self.sha256.update(octets);
        self.octets += octets.len() as u64;
        self.file.write_all(octets)
    }
}

fn make_maildir(folder: &Path) -> Result<[PathBuf; 2], Error> {
    let [temporaries, names, current] = ["tmp", "new", "cur"].map(|name| folder.join(name));
    for folder in [&temporaries, &names, &current] {
        disk::make_folder(folder).map_err(|error| cannot("make", folder, &error))?;
    }
    Ok([temporaries, names])
}

/// Gives the file its name, or the next one if somebody took that at the last moment.
fn place(mut temporary: TempPath, name: &Path) -> io::Result<PathBuf> {
    let placed = disk::rename_to_free(&temporary, name)?;
    temporary.disable_cleanup(true);
    Ok(placed)
}

/// Removes what earlier runs with this record left behind, which hold it no more: the record is locked, and its nonce is in
/// the names. What its unfinished steps need stays. Tells of everything else.
/// Makes and renames a file, under names with a leading dot, which no mail reader takes for a message.
fn probe(temporaries: &Path, names: &Path) -> Result<(), Error> {
    sweep_probes(temporaries);
    sweep_probes(names);
    let name = format!("{PROBE}{}", std::process::id());
    let made = temporaries.join(&name);
    let target = names.join(name + NAMED_PROBE);
    disk::private_options()
        .write(true)
        .create_new(true)
        .open(&made)
        .map_err(|error| cannot("write to", temporaries, &error))?;
    let renamed = disk::rename_new(&made, &target);
    // Tried once more, as nobody else knows whose file it is.
    let remove = |path: &Path| fs::remove_file(path).or_else(|_| fs::remove_file(path));
    let removed = remove(if renamed.is_ok() { &target } else { &made });
    renamed.and(removed).map_err(|error| cannot("write to", names, &error))
}

/// Removes what runs that were killed while they probed left: empty files, named after a process that has ended.
fn sweep_probes(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let id = name.to_str().and_then(|name| name.strip_prefix(PROBE));
        let id = id.map(|id| id.strip_suffix(NAMED_PROBE).unwrap_or(id)).and_then(|id| id.parse().ok());
        let is_empty = || entry.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0);
        let own = std::process::id().cast_signed();
        if id.is_some_and(|id| id == own || !process::is_alive(id)) && is_empty() {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The name of a probe, before the process id.
const PROBE: &str = ".pop3-probe-";

/// The end of a probe's name once it was renamed.
const NAMED_PROBE: &str = ".named";

fn sweep(
    folder: &Path,
    record: Option<&Record>,
    own: impl Fn(&str) -> String,
    mut other: impl FnMut(&OsStr),
) -> io::Result<()> {
    let own = record.and_then(Record::nonce).map(own);
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let is_own = name.to_str().zip(own.as_deref()).is_some_and(|(name, own)| name.contains(own));
        let path = folder.join(&name);
        if is_own && record.is_some_and(|record| !record.temporaries().contains(&path)) {
            fs::remove_file(path)?;
        } else {
            other(&name);
        }
    }
    Ok(())
}

fn cannot(verb: &str, folder: &Path, error: &io::Error) -> Error {
    Error::output(format_args!("cannot {verb} {}", folder.display()), error)
}

/// How many files of one name's family are read to find a message among them. A server may give thousands of messages
/// one unique-id, and reading all for each takes hours.
const MAX_COMPARED: u32 = 64;

/// Characters of a name before `.eml`: 100 with it.
const MAX_STEM: usize = 96;
