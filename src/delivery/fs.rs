//! File system helpers: private folders and files, and operations that survive a power failure.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read},
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

/// Makes a folder and its missing parents, durably and with mode 0700 regardless of the umask. An existing folder, or a link to
/// one, is not changed.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        make_folder(parent)?;
    }
    match make_one(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(io::Error::new(io::ErrorKind::NotADirectory, "not a folder"));
        }
        made => made?,
    }
    sync_folder(parent.unwrap_or(Path::new(".")))
}

#[cfg(unix)]
fn make_one(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    fs::DirBuilder::new().mode(0o700).create(folder)?;
    tolerate_modes(fs::set_permissions(folder, fs::Permissions::from_mode(0o700)))
}

#[cfg(not(unix))]
fn make_one(folder: &Path) -> io::Result<()> {
    fs::create_dir(folder)
}

/// Sets the mode of a new file to 0600 if it has another one: the umask may have removed bits. Returns true if the mode was already
/// right, as it then is for all files that [`private_options`] makes in the folder.
#[cfg(unix)]
pub(crate) fn make_private(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    if file.metadata()?.mode() & 0o7777 == 0o600 {
        return Ok(true);
    }
    tolerate_modes(file.set_permissions(fs::Permissions::from_mode(0o600))).map(|()| false)
}

/// Ignores the error if a mode cannot be changed: on some file systems (CIFS, NFS with squashed users, FAT) modes are fixed.
#[cfg(unix)]
fn tolerate_modes(changed: io::Result<()>) -> io::Result<()> {
    use rustix::io::Errno;
    match changed {
        Err(error) if is_one_of(&error, &[Errno::PERM, Errno::OPNOTSUPP, Errno::NOSYS]) => Ok(()),
        changed => changed,
    }
}

#[cfg(unix)]
fn is_one_of(error: &io::Error, errors: &[rustix::io::Errno]) -> bool {
    error.raw_os_error().is_some_and(|code| errors.iter().any(|error| error.raw_os_error() == code))
}

#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
pub(crate) fn make_private(_: &File) -> io::Result<bool> {
    Ok(true)
}

/// Returns options that create files with mode 0600.
#[cfg(unix)]
pub(crate) fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(not(unix))]
pub(crate) fn private_options() -> OpenOptions {
    OpenOptions::new()
}

/// Returns options that create files with mode 0600 and do not follow links: for files whose names this program chose.
#[cfg(unix)]
pub(crate) fn own_options() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = private_options();
    options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    options
}

#[cfg(not(unix))]
pub(crate) fn own_options() -> OpenOptions {
    private_options()
}

/// Makes the names in a folder durable. Does nothing on file systems that do not support it (CIFS, some FUSE) and on Windows,
/// which has no such call: there each file is flushed under its new name.
#[cfg(unix)]
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    use rustix::io::Errno;
    match File::open(folder)?.sync_all() {
        Err(error) if is_one_of(&error, &[Errno::INVAL, Errno::OPNOTSUPP, Errno::NOSYS]) => Ok(()),
        synced => synced,
    }
}

#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Removes a file that another run may remove at the same time.
pub(crate) fn remove_if_present(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Makes the content of an existing file durable.
pub(crate) fn sync_file(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    // `FlushFileBuffers` needs write access.
    if cfg!(windows) {
        options.write(true)
    } else {
        options.read(true)
    };
    options.open(path)?.sync_all()
}

/// Returns true if the name exists, even as a dangling link.
pub(crate) fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Returns true if both are regular files (not links) with the same bytes.
pub(crate) fn same_content(one: &Path, other: &Path) -> io::Result<bool> {
    let (first, second) = (one.symlink_metadata()?, other.symlink_metadata()?);
    if !first.is_file() || !second.is_file() || first.len() != second.len() {
        return Ok(false);
    }
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    let (mut left, mut right) = (vec![0; BLOCK], vec![0; BLOCK]);
    loop {
        let count = one.read(&mut left)?;
        if count == 0 {
            return Ok(true);
        }
        match other.read_exact(&mut right[..count]) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            read => read?,
        }
        if left[..count] != right[..count] {
            return Ok(false);
        }
    }
}

/// Returns the SHA-256 hash of the rest of a file.
pub(crate) fn sha256(file: impl Read) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    read_blocks(file, |block| hash.update(block))?;
    Ok(hash.finalize().into())
}

/// Reads the rest of a file in blocks.
pub(crate) fn read_blocks(mut file: impl Read, mut see: impl FnMut(&[u8])) -> io::Result<()> {
    let mut block = vec![0; BLOCK];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(()),
            count => see(&block[..count]),
        }
    }
}

/// Renames a file, and fails with `AlreadyExists` rather than replace another one. On Windows the new name is then durable:
/// flushing a file also flushes the journal of the file system.
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    let mut temporary = tempfile::TempPath::try_from_path(of_any_length(from)?)?;
    temporary.disable_cleanup(true);
    match temporary.persist_noclobber(of_any_length(to)?) {
        #[cfg(unix)]
        Err(error) if cannot_link(&error.error) => rename_over_placeholder(from, to),
        Err(error) => Err(error.error),
        Ok(()) if cfg!(windows) => sync_file(to),
        Ok(()) => Ok(()),
    }
}

/// Returns true for the errors of file systems that have neither hard links nor `RENAME_NOREPLACE` (exFAT, Android storage, some FUSE).
#[cfg(unix)]
fn cannot_link(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let errors = [Errno::PERM, Errno::INVAL, Errno::OPNOTSUPP, Errno::NOSYS, Errno::MLINK, Errno::XDEV];
    is_one_of(error, &errors)
}

/// Reserves a free name with a placeholder, then renames over the placeholder. It contains the name of the source file, so that
/// the next run recognizes it after a power failure.
#[cfg(unix)]
fn rename_over_placeholder(from: &Path, to: &Path) -> io::Result<()> {
    use std::io::Write;
    let mut placeholder = match private_options().write(true).create_new(true).open(to) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_placeholder(to, from) => {
            return fs::rename(from, to);
        }
        placeholder => placeholder?,
    };
    let renamed = placeholder
        .write_all(&placeholder_of(from))
        .and_then(|()| placeholder.sync_all())
        .and_then(|()| fs::rename(from, to));
    if renamed.is_err() {
        let _ = fs::remove_file(to);
    }
    renamed
}

#[cfg(unix)]
fn placeholder_of(path: &Path) -> Vec<u8> {
    let name = path.file_name().unwrap_or_default();
    [PLACEHOLDER.as_bytes(), name.as_encoded_bytes(), b"\n"].concat()
}

/// Returns true if `path` is a placeholder that reserves a name for the file `of`.
#[cfg(unix)]
pub(crate) fn is_placeholder(path: &Path, of: &Path) -> bool {
    let expected = placeholder_of(of);
    path.symlink_metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.len() == expected.len() as u64)
        && fs::read(path).is_ok_and(|content| content == expected)
}

#[cfg(not(unix))]
pub(crate) fn is_placeholder(_: &Path, _: &Path) -> bool {
    false
}

/// Renames a file to `name` or, if that is taken, to the next free name: `uid.eml`, `uid-2.eml`, `uid-3.eml`…
pub(crate) fn rename_to_free(from: &Path, name: &Path) -> io::Result<PathBuf> {
    let mut count = 1;
    loop {
        let to = super::file_name::numbered(name, count);
        match rename_new(from, &to) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => count += 1,
            renamed => return renamed.map(|()| to),
        }
    }
}

/// `C:\a` → `\\?\C:\a`, a path that may be longer than 260 characters. `std` converts such paths itself, `tempfile` does not.
#[cfg(windows)]
fn of_any_length(path: &Path) -> io::Result<PathBuf> {
    use std::path::{Component, Prefix};
    let path = absolute(path)?;
    let mut components = path.components();
    let Some(Component::Prefix(prefix)) = components.next() else { return Ok(path) };
    let mut whole = std::ffi::OsString::from(r"\\?\");
    match prefix.kind() {
        Prefix::Disk(_) => whole.push(prefix.as_os_str()),
        Prefix::UNC(server, share) => {
            for part in [r"UNC\".as_ref(), server, r"\".as_ref(), share] {
                whole.push(part);
            }
        }
        _ => return Ok(path),
    }
    Ok(PathBuf::from(whole).join(components.as_path()))
}

#[cfg(not(windows))]
#[allow(clippy::unnecessary_wraps, reason = "on Windows it can fail")]
fn of_any_length(path: &Path) -> io::Result<&Path> {
    Ok(path)
}

/// Returns the absolute path, the form used in the record.
pub(crate) fn absolute(path: &Path) -> io::Result<PathBuf> {
    std::path::absolute(path)
}

#[cfg(unix)]
pub(crate) fn path_bytes(path: &Path) -> Vec<u8> {
    std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()).to_vec()
}

#[cfg(unix)]
pub(crate) fn path_from_bytes(octets: Vec<u8>) -> PathBuf {
    <std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(octets).into()
}

#[cfg(not(unix))]
pub(crate) fn path_bytes(path: &Path) -> Vec<u8> {
    path.to_string_lossy().into_owned().into_bytes()
}

#[cfg(not(unix))]
#[allow(clippy::needless_pass_by_value, reason = "elsewhere it is consumed")]
pub(crate) fn path_from_bytes(octets: Vec<u8>) -> PathBuf {
    String::from_utf8_lossy(&octets).into_owned().into()
}

/// Text of a placeholder; the name of the source file follows.
#[cfg(unix)]
pub(crate) const PLACEHOLDER: &str = "pop3 is about to put here: ";

/// Number of bytes that are read at a time.
const BLOCK: usize = 64 * 1024;

#[cfg(all(test, windows))]
mod tests {
    use super::*;

    #[test]
    fn paths_of_any_length() {
        let here = std::env::current_dir().unwrap();
        let table = [
            (r"C:\a\..\b.eml", r"\\?\C:\b.eml".into()),
            (r"\\server\share\a b\c", r"\\?\UNC\server\share\a b\c".into()),
            (r"\\?\C:\a", r"\\?\C:\a".into()),
            ("a", format!(r"\\?\{}\a", here.display())),
        ];
        for (path, whole) in table {
            assert_eq!(of_any_length(Path::new(path)).unwrap().display().to_string(), whole);
        }
    }
}
