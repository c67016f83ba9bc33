//! `--dir` and `--maildir`: a file a message, under its name only when it is whole and durable.

use std::{
    collections::HashSet,
    ffi::OsStr,
    fs::{self, File},
    hash::{BuildHasher, RandomState},
    io::{self, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

use tempfile::TempPath;

use super::{
    error::Error,
    file_name, fs as disk,
    record::journal::{Entry, escape},
    storage::Incoming,
    sync::Syncing,
    text::LineEnds,
    writer::{Ledger, Staged, Store},
};

pub(crate) struct Files {
    /// Where files stand while they are written, and under their names.
    temporaries: PathBuf,
    names: PathBuf,
    naming: Naming,
    /// Tells this account's temporary files from all others.
    tag: Option<String>,
    syncing: Syncing,
    current: Option<(File, TempPath)>,
    staged: Vec<(Staged, TempPath)>,
    made: u64,
}

enum Naming {
    Eml(Taken),
    Maildir { host: String, ends: LineEnds, converted: Vec<u8> },
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
    pub(crate) fn dir(folder: &Path, tag: Option<&str>) -> Result<Self, Error> {
        disk::make_folder(folder).map_err(|error| cannot("make", folder, &error))?;
        let mut taken = Taken::default();
        let prefix = tag.map(|tag| format!(".pop3-{tag}-"));
        let own = |name: &str| prefix.as_deref().is_some_and(|prefix| name.starts_with(prefix));
        sweep(folder, own, |name| taken.insert(name)).map_err(|error| cannot("use", folder, &error))?;
        Self::new(folder, folder, Naming::Eml(taken), tag)
    }

    pub(crate) fn maildir(folder: &Path, tag: Option<&str>) -> Result<Self, Error> {
        let [temporaries, names, current] = ["tmp", "new", "cur"].map(|name| folder.join(name));
        for folder in [&temporaries, &names, &current] {
            disk::make_folder(folder).map_err(|error| cannot("make", folder, &error))?;
        }
        let mark = tag.map(|tag| format!("R{tag}."));
        let own = |name: &str| mark.as_deref().is_some_and(|mark| name.contains(mark));
        sweep(&temporaries, own, |_| {}).map_err(|error| cannot("use", &temporaries, &error))?;
        let naming = Naming::Maildir { host: host_name(), ends: LineEnds::default(), converted: Vec::new() };
        Self::new(&temporaries, &names, naming, tag)
    }

    fn new(temporaries: &Path, names: &Path, naming: Naming, tag: Option<&str>) -> Result<Self, Error> {
        let syncing = Syncing::of(names).map_err(|error| cannot("use", names, &error))?;
        let mut files = Self {
            temporaries: temporaries.to_path_buf(),
            names: names.to_path_buf(),
            naming,
            tag: tag.map(str::to_owned),
            syncing,
            current: None,
            staged: Vec::new(),
            made: 0,
        };
        // Whether anything can be stored here is told before anything is fetched.
        files.make().map_err(|error| cannot("write to", temporaries, &error))?;
        Ok(files)
    }

    fn make(&mut self) -> io::Result<(File, TempPath)> {
        loop {
            self.made += 1;
            let (process, made) = (std::process::id(), self.made);
            let name = match &self.naming {
                Naming::Eml(_) => {
                    format!(".pop3-{}-{process}-{made}.tmp", self.tag.as_deref().unwrap_or("unrecorded"))
                }
                Naming::Maildir { host, .. } => {
                    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                    let (seconds, micros) = (now.as_secs(), now.subsec_micros());
                    let mark = self.tag.as_deref().map(|tag| format!("R{tag}")).unwrap_or_default();
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
        let stem = match (&message.incoming.unique_id, message.sha256) {
            (Some(unique_id), _) => file_name::portable(unique_id.as_bytes(), LONGEST_STEM),
            (None, Some(sha256)) => file_name::hex(&sha256),
            (None, None) => format!("message-{}", message.incoming.number),
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
            if count <= MOST_COMPARED
                && disk::stands(&path)
                && disk::same_octets(temporary, &path).unwrap_or(false)
            {
                return (path, true);
            }
            count += 1;
        }
    }

    fn store(&mut self, staged: Vec<(Staged, TempPath)>, ledger: &mut Ledger) -> Result<(), Error> {
        let whose = |names: &Path, error: &io::Error| cannot("write to", names, error);
        self.syncing
            .group(staged.iter().map(|(_, path)| &**path))
            .map_err(|error| whose(&self.temporaries, &error))?;
        let mut chosen = Vec::with_capacity(staged.len());
        for (message, temporary) in staged {
            let (path, stands) = self.choose(&message, &temporary);
            chosen.push((message, temporary, path, stands));
        }
        if let Some(record) = &mut ledger.record {
            let delete = ledger.delete;
            let words: Vec<_> = chosen.iter().map(|(message, ..)| message.word()).collect();
            let entries = chosen.iter().zip(&words).filter(|((.., stands), _)| !stands);
            let entries = entries.filter_map(|((message, temporary, name, _), word)| {
                let message = message.message(word.as_deref()?, delete);
                Some(Entry::File { message, temporary: (&**temporary).into(), name: name.into() })
            });
            record.append(entries, true)?;
        }
        let mut stored = Vec::with_capacity(chosen.len());
        let mut failed = None;
        for (message, temporary, path, stands) in chosen {
            let placed = if stands { disk::sync_file(&path).map(|()| path) } else { place(temporary, &path) };
            match placed {
                Ok(path) => stored.push((message, path)),
                Err(error) => {
                    failed = Some(whose(&self.names, &error));
                    break;
                }
            }
        }
        disk::sync_folder(&self.names).map_err(|error| whose(&self.names, &error))?;
        if let Some(record) = &mut ledger.record {
            let delete = ledger.delete;
            let words: Vec<_> =
                stored.iter().map(|(message, path)| (message.word(), disk::path_octets(path))).collect();
            let places: Vec<_> = words.iter().map(|(_, path)| escape(path)).collect();
            let entries = stored.iter().zip(words.iter().zip(&places));
            let entries = entries.filter_map(|((message, _), ((word, _), place))| {
                Some(Entry::Done { message: message.message(word.as_deref()?, delete), place })
            });
            // The names are durable and announced: were these entries lost, the next run would find the files.
            record.append(entries, false)?;
        }
        for (message, path) in stored {
            ledger.report(message, Some(path));
        }
        failed.map_or(Ok(()), Err)
    }
}

impl Store for Files {
    fn begin(&mut self, _: &Incoming) -> Result<(), Error> {
        self.current = Some(self.make().map_err(|error| cannot("write to", &self.temporaries, &error))?);
        Ok(())
    }

    fn write(&mut self, octets: &[u8]) -> Result<(), Error> {
        let Some((file, _)) = &mut self.current else { return Ok(()) };
        let written = match &mut self.naming {
            Naming::Eml(_) => file.write_all(octets),
            Naming::Maildir { ends, converted, .. } => {
                converted.clear();
                ends.convert(octets, converted);
                file.write_all(converted)
            }
        };
        written.map_err(|error| cannot("write to", &self.temporaries, &error))
    }

    fn end(&mut self, message: Staged) -> Result<(), Error> {
        let Some((mut file, path)) = self.current.take() else { return Ok(()) };
        let mut written = Ok(());
        if let Naming::Maildir { ends, converted, .. } = &mut self.naming {
            converted.clear();
            ends.finish(converted);
            written = file.write_all(converted);
        }
        written
            .and_then(|()| self.syncing.file(&file))
            .map_err(|error| cannot("write to", &self.temporaries, &error))?;
        self.staged.push((message, path));
        Ok(())
    }

    fn cut(&mut self) {
        self.current = None;
        if let Naming::Maildir { ends, .. } = &mut self.naming {
            *ends = LineEnds::default();
        }
    }

    fn commit(&mut self, ledger: &mut Ledger) -> Result<(), Error> {
        let staged = std::mem::take(&mut self.staged);
        if staged.is_empty() { Ok(()) } else { self.store(staged, ledger) }
    }
}

/// Gives the file its name, or the next one if somebody took that at the last moment.
fn place(mut temporary: TempPath, name: &Path) -> io::Result<PathBuf> {
    let mut count = 1;
    loop {
        let path = file_name::numbered(name, count);
        match disk::rename_new(&temporary, &path) {
            Ok(()) => {
                temporary.disable_cleanup(true);
                return Ok(path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        count += 1;
    }
}

/// Removes what an earlier run of this account left behind and the record does not know; tells of everything else.
fn sweep(folder: &Path, own: impl Fn(&str) -> bool, mut other: impl FnMut(&OsStr)) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        if name.to_str().is_some_and(&own) {
            fs::remove_file(folder.join(name))?;
        } else {
            other(&name);
        }
    }
    Ok(())
}

/// This machine's name, as the Maildir convention writes it.
pub(crate) fn host_name() -> String {
    let kernel =
        fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| fs::read_to_string("/etc/hostname"));
    let host =
        kernel.ok().or_else(|| ["HOSTNAME", "COMPUTERNAME"].iter().find_map(|name| std::env::var(name).ok()));
    let host = host.unwrap_or_default();
    let host: String = host
        .trim()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '.' { c } else { '_' })
        .collect();
    if host.is_empty() { "localhost".to_owned() } else { host }
}

fn cannot(verb: &str, folder: &Path, error: &io::Error) -> Error {
    Error::output(format_args!("cannot {verb} {}", folder.display()), error)
}

/// How many files of one name's family are read to find a message among them. A server may give thousands of messages
/// one unique-id, and reading all for each takes hours.
const MOST_COMPARED: u32 = 64;

/// Characters of a name before `.eml`: 100 with it.
const LONGEST_STEM: usize = 96;
