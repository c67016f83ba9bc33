//! The folders of `--dir` and `--maildir`: tests whether files can be made there, and removes the temporary files of earlier runs.

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

/// Tests a folder by making and renaming an empty file. Its names begin with a dot: mail readers ignore such files.
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
    // Removing is tried twice, because a remaining file is only removed when its process id is known to be free
    // again.
    let remove = |path: &Path| fs::remove_file(path).or_else(|_| fs::remove_file(path));
    let removed = remove(if renamed.is_ok() { &target } else { &made });
    renamed.and(removed).map_err(|error| cannot("write to", names, &error))
}

/// Removes the test files of runs that were killed: they hold no message, and the process in their name has ended.
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

/// Returns the prefix of temporary file names in a folder of `.eml` files.
pub(crate) fn dir_owner(record: Option<&Record>) -> String {
    match record.and_then(Record::nonce) {
        Some(nonce) => format!("{TEMPORARY}{nonce}-"),
        None => format!("{UNRECORDED}{}-", process::own_name()),
    }
}

/// Returns the part of a Maildir file name that identifies the record. Without a record it is empty, and mail readers clean up:
/// they remove files in `tmp` that are older than 36 hours.
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
            return disk::remove_if_present(path);
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

/// Removes the files with `own` in their names, unless an unfinished operation needs them, and calls `other` with all other
/// files. `own` identifies the record; the record is locked, so no other run is writing these files.
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
            disk::remove_if_present(&path)?;
        } else {
            other(&name, &path)?;
        }
    }
    Ok(())
}

/// Returns true for a temporary file of a run without a record whose process has ended. The name contains the process, host and boot;
/// files of other hosts and containers are left alone.
fn is_abandoned(name: &OsStr) -> bool {
    let name = name.to_str().and_then(|name| name.strip_prefix(UNRECORDED)?.strip_suffix(".tmp"));
    let owner = name.and_then(|name| name.rsplitn(3, '-').nth(2));
    owner.is_some_and(process::has_ended)
}

pub(crate) fn cannot(verb: &str, folder: &Path, error: &io::Error) -> Error {
    Error::output(format_args!("cannot {verb} {}", folder.display()), error)
}

/// Prefix of a temporary file's name; the nonce of the record follows.
const TEMPORARY: &str = ".pop3-";

/// Prefix of a temporary file's name in a run without a record; the name of the process follows.
const UNRECORDED: &str = ".pop3-unrecorded-";

/// Prefix of a test file's name; the process id follows.
const PROBE: &str = ".pop3-probe-";

/// Suffix of a test file's name after the rename.
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
