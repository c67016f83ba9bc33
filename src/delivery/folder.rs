//! The folders of `--dir` and `--maildir`: probing, and removing what earlier runs left there.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

use super::{error::Error, fs as disk, process, record::Record};

pub(crate) fn make_maildir(folder: &Path) -> Result<[PathBuf; 2], Error> {
    let [temporaries, names, current] = ["tmp", "new", "cur"].map(|name| folder.join(name));
    for folder in [&temporaries, &names, &current] {
        disk::make_folder(folder).map_err(|error| cannot("make", folder, &error))?;
    }
    Ok([temporaries, names])
}

/// Makes and renames an empty file, under names with a leading dot, which no mail reader takes for a message.
pub(crate) fn probe(temporaries: &Path, names: &Path) -> Result<(), Error> {
    sweep_probes(temporaries);
    sweep_probes(names);
    let name = format!("{PROBE}{}", std::process::id());
    let made = temporaries.join(&name);
    let target = names.join(name + RENAMED_PROBE);
    disk::private_options()
        .write(true)
        .create_new(true)
        .open(&made)
        .map_err(|error| cannot("write to", temporaries, &error))?;
    let renamed = disk::rename_new(&made, &target);
    // A second try, because no later run can tell whose file it is.
    let remove = |path: &Path| fs::remove_file(path).or_else(|_| fs::remove_file(path));
    let removed = remove(if renamed.is_ok() { &target } else { &made });
    renamed.and(removed).map_err(|error| cannot("write to", names, &error))
}

/// Removes the probes of runs that were killed: files without a message, named after a process that has ended.
fn sweep_probes(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        let Some(probe) = name.to_str().filter(|name| name.starts_with(PROBE)) else { continue };
        let made = probe.strip_suffix(RENAMED_PROBE).unwrap_or(probe);
        let id = made[PROBE.len()..].parse().ok();
        let is_empty = || entry.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0);
        let own = std::process::id().cast_signed();
        if id.is_some_and(|id| id == own || !process::is_alive(id))
            && (is_empty() || disk::is_placeholder(&path, made.as_ref()))
        {
            let _ = fs::remove_file(path);
        }
    }
}

/// The beginning of the names of temporary files in a folder of `.eml` files.
pub(crate) fn dir_owner(record: Option<&Record>) -> String {
    match record.and_then(Record::nonce) {
        Some(nonce) => format!("{TEMPORARY}{nonce}-"),
        None => format!("{UNRECORDED}{}-", process::own_name()),
    }
}

/// A part of the names of files in a Maildir. Without a record it is empty: mail readers remove files in `tmp` that are older
/// than 36 hours.
pub(crate) fn maildir_owner(record: Option<&Record>) -> String {
    record.and_then(Record::nonce).map(|nonce| format!("R{nonce}")).unwrap_or_default()
}

/// Removes the temporary files of earlier runs, and calls `other` with the names of all other files.
pub(crate) fn sweep_dir(
    folder: &Path,
    record: Option<&Record>,
    mut other: impl FnMut(&OsStr),
) -> io::Result<()> {
    let own = record.map(|record| dir_owner(Some(record)));
    sweep(folder, record, own.as_deref(), |name, path| {
        if is_abandoned(name) && path.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
            return fs::remove_file(path);
        }
        other(name);
        Ok(())
    })
}

/// Removes the temporary files of earlier runs.
pub(crate) fn sweep_maildir(temporaries: &Path, record: Option<&Record>) -> io::Result<()> {
    let own = record.map(|record| format!("{}.", maildir_owner(Some(record))));
    sweep(temporaries, record, own.as_deref(), |_, _| Ok(()))
}

/// Removes the files with `own` in their names, unless an unfinished operation needs them: they are this record's, and the
/// record is locked, so no other run writes them. Calls `other` with all other files.
fn sweep(
    folder: &Path,
    record: Option<&Record>,
    own: Option<&str>,
    mut other: impl FnMut(&OsStr, &Path) -> io::Result<()>,
) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let is_own = name.to_str().zip(own).is_some_and(|(name, own)| name.contains(own));
        let path = folder.join(&name);
        if is_own && record.is_some_and(|record| !record.needs(&path)) {
            fs::remove_file(path)?;
        } else {
            other(&name, &path)?;
        }
    }
    Ok(())
}

/// True for a temporary file of a run without a record whose process has ended: the name says which process of which host and
/// boot it was. The files of other hosts and containers stay.
fn is_abandoned(name: &OsStr) -> bool {
    let name = name.to_str().and_then(|name| name.strip_prefix(UNRECORDED)?.strip_suffix(".tmp"));
    let owner = name.and_then(|name| name.rsplitn(3, '-').nth(2));
    owner.is_some_and(process::has_ended)
}

pub(crate) fn cannot(verb: &str, folder: &Path, error: &io::Error) -> Error {
    Error::output(format_args!("cannot {verb} {}", folder.display()), error)
}

/// The beginning of a temporary file's name, before the nonce of the record.
const TEMPORARY: &str = ".pop3-";

/// The beginning of a temporary file's name in a run without a record, before the name of the process.
const UNRECORDED: &str = ".pop3-unrecorded-";

/// The name of a probe, before the process id.
const PROBE: &str = ".pop3-probe-";

/// The end of a probe's name after it was renamed.
const RENAMED_PROBE: &str = ".named";

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn files_of_living_runs_and_other_hosts_stay() {
        let own = process::own_name();
        let words: Vec<&str> = own.split('+').collect();
        let with = |at: usize, word: &str| {
            let mut words = words.clone();
            words[at] = word;
            words.join("+")
        };
        for (owner, abandoned) in [
            (own.clone(), false),
            (with(0, "99999999"), true),
            (with(3, "1"), true),
            (with(2, "00000000-0000-0000-0000-000000000000"), true),
            (with(1, "another,1"), false),
            ("99999999".to_owned(), false),
            (String::new(), false),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let name = format!("{UNRECORDED}{owner}-7-1.tmp");
            fs::write(dir.path().join(&name), "mail").unwrap();
            sweep_dir(dir.path(), None, |_| {}).unwrap();
            assert_eq!(!dir.path().join(&name).exists(), abandoned, "{name}");
        }
        let other_names =
            [format!("{UNRECORDED}{}-7-1.eml", with(0, "99999999")), ".pop3-unrecorded-7-1.tmp".into()];
        for name in other_names {
            assert!(!is_abandoned(name.as_ref()), "{name}");
        }
    }
}
