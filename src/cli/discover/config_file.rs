//! Adds an account to the configuration file. Comments, order and line ends are preserved, and the file is replaced atomically.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use toml_edit::{DocumentMut, Item, Table};

use crate::cli::config::{Config, shown};
use crate::cli::error::{CliError, ErrorCode};
use crate::cli::lock;
use crate::net::Limits;

/// Returns an account as TOML.
pub fn block(name: &str, keys: &Table) -> String {
    let mut accounts = Table::new();
    accounts.set_implicit(true);
    accounts.insert(name, Item::Table(keys.clone()));
    let mut document = DocumentMut::new();
    document.insert("account", Item::Table(accounts));
    document.to_string()
}

/// Adds an account to the file, and makes it the default if it is the first. A missing file is created with its folders,
/// accessible by the owner only.
///
/// The new file is written next to the old file, read back, synced and renamed, so a complete file exists at all times. If the
/// file is a link, its target is replaced. A lock prevents concurrent runs from overwriting each other's account; `limits` apply
/// to the wait for the lock.
pub fn add(path: &Path, name: &str, keys: &Table, limits: Limits) -> Result<(), CliError> {
    let cannot = |error: &io::Error| CliError::output(format!("cannot write {}", shown(path)), error);
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = folder_of(&target);
    make_folders(folder).map_err(|error| cannot(&error))?;
    let _lock = lock_folder(folder, limits, path)?;
    let (target, old) = match fs::canonicalize(path) {
        Ok(target) => {
            let old = fs::read(&target).map_err(|error| cannot(&error))?;
            (target, Some(old))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => {
            (path.to_owned(), None)
        }
        Err(error) => return Err(cannot(&error)),
    };
    let text = String::from_utf8(old.clone().unwrap_or_default())
        .map_err(|_| CliError::configuration(format!("{}: not in UTF-8", shown(path))))?;
    let text = with_account(&text, name, keys)
        .map_err(|why| CliError::configuration(format!("{}: {why}", shown(path))))?;
    replace(&target, folder_of(&target), text.as_bytes(), old.is_some()).map_err(|error| match error {
        Unwritten::Io(error) => cannot(&error),
        Unwritten::Unreadable(failure) => failure,
    })
}

/// Returns the text of the file with the account added.
fn with_account(text: &str, name: &str, keys: &Table) -> Result<String, String> {
    let (mark, text) = match text.strip_prefix(BYTE_ORDER_MARK) {
        Some(rest) => (BYTE_ORDER_MARK, rest),
        None => ("", text),
    };
    let mut document: DocumentMut = text.parse().map_err(|_| "not valid TOML".to_owned())?;
    let had_keys = !document.is_empty();
    // Keep comments at the end of the file before the added account.
    let comments = document.trailing().as_str().unwrap_or_default().to_owned();
    document.set_trailing("");
    let accounts = document.entry("account").or_insert_with(|| {
        let mut accounts = Table::new();
        accounts.set_implicit(true);
        Item::Table(accounts)
    });
    let is_inline = accounts.is_value();
    let accounts = accounts.as_table_like_mut().ok_or("account is not a table")?;
    if accounts.contains_key(name) {
        return Err(format!("the account {name:?} exists already"));
    }
    let is_first = accounts.is_empty();
    let mut keys = keys.clone();
    if had_keys && !comments.is_empty() {
        keys.decor_mut().set_prefix(format!("{}\n\n", comments.trim_end()));
    }
    let item = if is_inline { Item::Value(keys.into_inline_table().into()) } else { Item::Table(keys) };
    accounts.insert(name, item);
    if is_first && !document.contains_key("default") {
        document.insert("default", toml_edit::value(name));
        if !had_keys
            && !comments.is_empty()
            && let Some(mut key) = document.key_mut("default")
        {
            key.leaf_decor_mut().set_prefix(format!("{}\n\n", comments.trim_end()));
        }
    }
    let mut written = document.to_string();
    let has_crlf = text.contains("\r\n") && !text.replace("\r\n", "").contains('\n');
    if has_crlf {
        written = written.replace("\r\n", "\n").replace('\n', "\r\n");
    }
    Ok(format!("{mark}{written}"))
}

enum Unwritten {
    Io(io::Error),
    /// The new file cannot be parsed, so it was not written.
    Unreadable(CliError),
}

impl From<io::Error> for Unwritten {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn replace(target: &Path, folder: &Path, octets: &[u8], exists: bool) -> Result<(), Unwritten> {
    if exists && fs::metadata(target)?.permissions().readonly() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the file is read-only").into());
    }
    // `tempfile` creates the file with mode 0600.
    let mut file = tempfile::Builder::new().prefix(".config-").suffix(".toml").tempfile_in(folder)?;
    if exists && cfg!(unix) {
        file.as_file().set_permissions(fs::metadata(target)?.permissions())?;
    }
    file.write_all(octets)?;
    file.as_file().sync_all()?;
    Config::read(file.path().to_owned(), true).map_err(|failure| {
        let text = format!("cannot write the account: {}", failure.message);
        Unwritten::Unreadable(CliError::new(ErrorCode::Configuration, text))
    })?;
    file.persist(target).map_err(|error| error.error)?;
    sync_folder(folder)?;
    Ok(())
}

fn folder_of(target: &Path) -> &Path {
    match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Locks the folder of the configuration file: a lock on the file itself would be lost when the file is replaced.
///
/// Some network file systems cannot lock folders; this is not an error.
fn lock_folder(folder: &Path, limits: Limits, path: &Path) -> Result<Option<fs::File>, CliError> {
    let waited = open_lock(folder).and_then(|file| Ok((lock::wait(&file, limits)?, file)));
    let busy =
        |code, when: &str| CliError::new(code, format!("another pop3 is changing {}{when}", shown(path)));
    match waited {
        Ok((lock::Waited::Locked, file)) => Ok(Some(file)),
        Ok((lock::Waited::TimedOut, _)) => Err(busy(ErrorCode::Temporary, "; try again later")),
        Ok((lock::Waited::PastDeadline, _)) => Err(busy(ErrorCode::Unavailable, ", and the deadline passed")),
        Err(error) => {
            log::info!("no lock on {}: {error}", folder.display());
            Ok(None)
        }
    }
}

#[cfg(unix)]
fn open_lock(folder: &Path) -> io::Result<fs::File> {
    fs::File::open(folder)
}

/// Other systems cannot lock a folder, so a file is locked. It is never removed: on Windows, a file that is being removed cannot
/// be opened.
#[cfg(not(unix))]
fn open_lock(folder: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new().create(true).truncate(false).write(true).open(folder.join("config.lock"))
}

#[cfg(unix)]
fn make_folders(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_folders(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

/// Other systems cannot sync a folder; there the rename itself is durable.
#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps, reason = "on Unix it can fail")]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Windows editors write a byte order mark before the first key.
const BYTE_ORDER_MARK: &str = "\u{feff}";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIMITS: Limits = Limits { timeout: Duration::from_secs(60), deadline: None };

    fn add(path: &Path, name: &str, keys: &Table) -> Result<(), CliError> {
        super::add(path, name, keys, LIMITS)
    }

    fn keys() -> Table {
        let mut keys = Table::new();
        keys.insert("host", toml_edit::value("pop.example.org"));
        keys.insert("tls", toml_edit::value("implicit"));
        keys
    }

    const NAME: &str = "alice@example.org";
    const BLOCK: &str = "[account.\"alice@example.org\"]\nhost = \"pop.example.org\"\ntls = \"implicit\"\n";

    #[test]
    fn a_block_is_one_table() {
        assert_eq!(block(NAME, &keys()), BLOCK);
        let odd = block("a\"b\\c.\u{1b}[", &keys());
        let read: toml::Table = toml::from_str(&odd).unwrap();
        assert!(read["account"].as_table().unwrap().contains_key("a\"b\\c.\u{1b}["), "{odd}");
        assert!(!odd.contains('\u{1b}'));
    }

    #[test]
    fn the_first_account_is_the_default() {
        let first = format!("default = \"alice@example.org\"\n\n{BLOCK}");
        assert_eq!(with_account("", NAME, &keys()).unwrap(), first);
        let commented = with_account("# mine\n# all of it\n", NAME, &keys()).unwrap();
        assert_eq!(commented, format!("# mine\n# all of it\n\n{first}"));
    }

    #[test]
    fn comments_and_order_stay() {
        let old = "# head\ndefault = 'b'   # why\n\n[account.b] # b\n  host='x'\n# between\n\n[account.a]\n\
                   port = 1_10 # odd\n\n# end of a\n# really\n";
        let new = with_account(old, NAME, &keys()).unwrap();
        assert_eq!(new, format!("{old}\n{BLOCK}"));
        let unended = with_account("[account.a]\nhost = 'x'", NAME, &keys()).unwrap();
        assert_eq!(unended, format!("[account.a]\nhost = 'x'\n\n{BLOCK}"));
    }

    /// The table of accounts may be written in any form.
    #[test]
    fn whatever_the_form_of_the_file() {
        for old in [
            "account = { work = { host = 'x' } }\n",
            "account.work.host = 'x'\n",
            "account.work = { host = 'x' }\n",
            "[account]\nwork.host = 'x'\n",
            "[account]\nwork = { host = 'x' }\n",
            "[account]\n[account.work]\nhost = 'x'\n",
            "[account.work]\nhost = 'x'\n[account.work.oauth]\nclient-id = 'y'\n",
            "[account]\n",
            "account = {}\n",
            "default = 'work'\naccount.work = {}",
        ] {
            let new = with_account(old, NAME, &keys()).unwrap();
            let mut expected: toml::Table = toml::from_str(old).unwrap();
            let accounts = expected["account"].as_table_mut().unwrap();
            let is_first = accounts.is_empty();
            accounts.insert(NAME.into(), toml::from_str::<toml::Table>(&keys().to_string()).unwrap().into());
            if is_first {
                expected.insert("default".into(), NAME.into());
            }
            assert_eq!(toml::from_str::<toml::Table>(&new).unwrap(), expected, "{old}\n{new}");
        }
    }

    #[test]
    fn windows_files_stay_what_they_are() {
        let old = "\u{feff}# head\r\n[account.a]\r\nhost = 'x'\r\n# end\r\n";
        let new = with_account(old, NAME, &keys()).unwrap();
        assert!(new.starts_with("\u{feff}# head\r\n[account.a]\r\nhost = 'x'\r\n# end\r\n"), "{new:?}");
        assert_eq!(new.matches('\n').count(), new.matches("\r\n").count(), "{new:?}");
    }

    #[test]
    fn an_account_is_never_replaced() {
        let old = format!("{BLOCK}user = \"x\"\n");
        assert!(with_account(&old, NAME, &keys()).unwrap_err().contains("exists already"));
        assert!(with_account("account = 1", NAME, &keys()).is_err());
        assert!(with_account("= 1", NAME, &keys()).is_err());
    }

    #[test]
    fn files_are_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join("pop3").join("config.toml");
        add(&path, NAME, &keys()).unwrap();
        assert!(Config::read(path.clone(), true).unwrap().account(NAME).is_some());
        add(&path, "b@example.org", &keys()).unwrap();
        let config = Config::read(path.clone(), true).unwrap();
        assert_eq!(
            (config.names().as_str(), config.default_account()),
            ("alice@example.org, b@example.org", Some(NAME))
        );
        let before = fs::read(&path).unwrap();
        assert_eq!(add(&path, NAME, &keys()).unwrap_err().code, ErrorCode::Configuration);
        let mut unknown = keys();
        unknown.insert("hots", toml_edit::value("x"));
        let failure = add(&path, "c@example.org", &unknown).unwrap_err();
        assert!(failure.message.contains("hots"), "{}", failure.message);
        assert_eq!(fs::read(&path).unwrap(), before);
        let others = usize::from(!cfg!(unix));
        assert_eq!(
            fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1 + others,
            "a temporary file was left"
        );
        assert_eq!(add(folder.path(), NAME, &keys()).unwrap_err().code, ErrorCode::Output);
    }

    #[test]
    fn accounts_written_at_once_are_all_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pop3").join("config.toml");
        let names: Vec<String> = (0..16).map(|nth| format!("u{nth}@example.org")).collect();
        std::thread::scope(|scope| {
            for name in &names {
                scope.spawn(|| add(&path, name, &keys()).unwrap());
            }
        });
        let config = Config::read(path, true).unwrap();
        for name in &names {
            assert!(config.account(name).is_some(), "{name} is lost: {}", config.names());
        }
    }

    #[test]
    fn a_lock_that_is_held_is_waited_for_within_the_limits() {
        let folder = tempfile::tempdir().unwrap();
        let held = open_lock(folder.path()).unwrap();
        held.lock().unwrap();
        let path = folder.path().join("config.toml");
        let limits = Limits { timeout: Duration::from_millis(60), deadline: None };
        assert_eq!(super::add(&path, NAME, &keys(), limits).unwrap_err().code, ErrorCode::Temporary);
        let over = Limits { deadline: Some(std::time::Instant::now()), ..LIMITS };
        assert_eq!(super::add(&path, NAME, &keys(), over).unwrap_err().code, ErrorCode::Unavailable);
        assert!(!path.exists());
        drop(held);
        add(&path, NAME, &keys()).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn modes_and_links_stay() {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a").join("config.toml");
        add(&path, NAME, &keys()).unwrap();
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let link = folder.path().join("link.toml");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        add(&link, "b@example.org", &keys()).unwrap();
        assert!(
            link.is_symlink() && Config::read(path.clone(), true).unwrap().account("b@example.org").is_some()
        );
        assert_eq!(mode(&path), 0o640);
        let dangling = folder.path().join("dangling.toml");
        std::os::unix::fs::symlink(folder.path().join("nowhere"), &dangling).unwrap();
        assert_eq!(add(&dangling, NAME, &keys()).unwrap_err().code, ErrorCode::Output);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert!(add(&path, "c@example.org", &keys()).unwrap_err().message.contains("read-only"));
    }
}
