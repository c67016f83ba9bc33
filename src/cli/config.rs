//! `config.toml` as written: its keys, and where they stand; no word of what they mean.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::error::CliError;
use super::escape::{escape, shorten};

/// A configuration file has a few hundred octets an account; what is larger is another file.
const MAX_OCTETS: u64 = 1 << 20;

/// The configuration file, or what stands for one that is not there.
#[derive(Debug, Default)]
pub struct Config {
    path: PathBuf,
    text: String,
    written: Written,
    no_account: Account,
    is_world_readable: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    default: Option<Spanned<String>>,
    #[serde(default)]
    account: BTreeMap<String, Account>,
}

/// The keys of an account.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Account {
    pub host: Option<Spanned<String>>,
    pub port: Option<Spanned<Number>>,
    pub user: Option<Spanned<String>>,
    pub tls: Option<Spanned<String>>,
    pub ca_file: Option<Spanned<String>>,
    pub tls_fingerprint: Option<Spanned<String>>,
    pub tls_name: Option<Spanned<String>>,
    pub client_cert: Option<Spanned<String>>,
    pub client_key: Option<Spanned<String>>,
    pub auth: Option<Spanned<String>>,
    pub proxy: Option<Spanned<String>>,
    pub bind: Option<Spanned<String>>,
    pub timeout: Option<Spanned<Number>>,
    pub deadline: Option<Spanned<Number>>,
    pub wait: Option<Spanned<Number>>,
    pub no_pipelining: Option<Spanned<bool>>,
    pub state_dir: Option<Spanned<String>>,
    pub dir: Option<Spanned<String>>,
    pub maildir: Option<Spanned<String>>,
    pub mbox: Option<Spanned<String>>,
    pub pipe: Option<Spanned<String>>,
    pub pipe_timeout: Option<Spanned<Number>>,
    pub lmtp: Option<Spanned<String>>,
    pub rcpt: Option<Spanned<String>>,
    pub password_command: Option<Spanned<String>>,
    pub token_command: Option<Spanned<String>>,
    pub oauth: Option<Spanned<super::oauth::config::Keys>>,
}

/// A number of the file as text, so that it is understood where those of the command line are.
#[derive(Debug, Deserialize)]
#[serde(from = "Figure")]
pub struct Number(pub String);

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a number without quotes")]
enum Figure {
    Integer(i64),
    Float(f64),
}

impl From<Figure> for Number {
    fn from(figure: Figure) -> Self {
        Self(match figure {
            Figure::Integer(integer) => integer.to_string(),
            Figure::Float(float) => float.to_string(),
        })
    }
}

impl Config {
    /// Reads the file. One that is not there holds nothing, unless it was asked for by name.
    pub fn read(path: PathBuf, must_exist: bool) -> Result<Self, CliError> {
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !must_exist => {
                return Ok(Self { path, ..Self::default() });
            }
            Err(error) => return Err(unreadable(&path, &error)),
        };
        let mut octets = Vec::new();
        (&mut file)
            .take(MAX_OCTETS + 1)
            .read_to_end(&mut octets)
            .map_err(|error| unreadable(&path, &error))?;
        if octets.len() as u64 > MAX_OCTETS {
            return Err(CliError::configuration(format!(
                "{}: larger than {MAX_OCTETS} octets",
                shown(&path)
            )));
        }
        let is_world_readable = is_world_readable(&file);
        Ok(Self { is_world_readable, ..Self::parse(path, octets)? })
    }

    fn parse(path: PathBuf, octets: Vec<u8>) -> Result<Self, CliError> {
        let text = String::from_utf8(octets).map_err(|_| {
            let text =
                "not written in UTF-8 (Windows PowerShell's > writes UTF-16; use Set-Content -Encoding utf8)";
            CliError::configuration(format!("{}: {text}", shown(&path)))
        })?;
        // Windows editors put a byte order mark before the first key.
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        let written = match toml::from_str(&text) {
            Ok(written) => written,
            Err(error) => return Err(malformed(&path, &text, &error)),
        };
        let config = Self { path, text, written, ..Self::default() };
        config.check()?;
        Ok(config)
    }

    /// What must hold in every account, the chosen one or not.
    fn check(&self) -> Result<(), CliError> {
        if let Some(default) = &self.written.default
            && !self.written.account.contains_key(default.get_ref())
        {
            let place = self.place(default.span());
            return Err(CliError::configuration(format!(
                "{place}: default names the account {:?}, which the file lacks",
                default.get_ref()
            )));
        }
        for (name, account) in &self.written.account {
            if let Some(oauth) = &account.oauth {
                let refused = |why: &str| {
                    let place = self.place(oauth.span());
                    CliError::configuration(format!("{place}: account.{name}.oauth: {why}"))
                };
                if account.password_command.is_some() || account.token_command.is_some() {
                    return Err(refused("password-command and token-command exclude oauth"));
                }
                oauth.get_ref().understand(|path| PathBuf::from(path)).map_err(|why| refused(&why))?;
            }
            if let [first, second, ..] = account.destinations().as_slice() {
                let place = self.place(second.1.span());
                return Err(CliError::configuration(format!(
                    "{place}: account.{name} has two destinations, {} and {}; one is possible",
                    first.0, second.0
                )));
            }
        }
        Ok(())
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name under the key `default`.
    pub fn default_account(&self) -> Option<&str> {
        self.written.default.as_ref().map(|name| name.get_ref().as_str())
    }

    pub fn account(&self, name: &str) -> Option<&Account> {
        self.written.account.get(name)
    }

    /// The keys where no account is chosen: none is written.
    pub fn no_account(&self) -> &Account {
        &self.no_account
    }

    /// All accounts with their keys, by name.
    pub fn accounts(&self) -> impl Iterator<Item = (&str, &Account)> {
        self.written.account.iter().map(|(name, account)| (name.as_str(), account))
    }

    /// The names of all accounts, for messages: `home, work`.
    pub fn names(&self) -> String {
        self.written.account.keys().map(|name| escape(name)).collect::<Vec<_>>().join(", ")
    }

    /// Where a value stands: `/home/a/.config/pop3/config.toml:3`.
    pub fn place(&self, span: std::ops::Range<usize>) -> String {
        format!("{}:{}", shown(&self.path), line_of(&self.text, span.start))
    }

    /// The warning that other users of this machine can read a file that says how to come by a secret.
    pub fn warning(&self) -> Option<String> {
        let telling = |account: &Account| {
            let Account { password_command, token_command, pipe, proxy, oauth, .. } = account;
            oauth.as_ref().is_some_and(|oauth| oauth.get_ref().has_command())
                || [password_command, token_command, pipe, proxy].iter().any(|key| key.is_some())
        };
        (self.is_world_readable && self.written.account.values().any(telling)).then(|| {
            format!(
                "{}: other users can open this file, and it holds commands or a proxy: chmod 600",
                shown(&self.path)
            )
        })
    }
}

impl Account {
    /// What is written of `dir`, `maildir`, `mbox`, `pipe` and `lmtp`, with the key.
    pub fn destinations(&self) -> Vec<(&'static str, &Spanned<String>)> {
        let keys = [
            ("dir", &self.dir),
            ("maildir", &self.maildir),
            ("mbox", &self.mbox),
            ("pipe", &self.pipe),
            ("lmtp", &self.lmtp),
        ];
        keys.into_iter().filter_map(|(key, value)| Some((key, value.as_ref()?))).collect()
    }
}

fn malformed(path: &Path, text: &str, error: &toml::de::Error) -> CliError {
    let line = error.span().map(|span| format!(":{}", line_of(text, span.start))).unwrap_or_default();
    let message = error.message().lines().collect::<Vec<_>>().join(" ");
    let message = unknown_key(&message).unwrap_or(message);
    CliError::configuration(format!("{}{line}: {}", shown(path), escape(&message)))
}

/// ``unknown field `hots`, expected one of `host`, …`` → `unknown key "hots"; did you mean "host"?`
fn unknown_key(message: &str) -> Option<String> {
    let (key, expected) = message.strip_prefix("unknown field `")?.split_once('`')?;
    let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    let hint = if matches!(key, "password" | "pass" | "token") {
        "secrets do not belong in this file: use pop3 login, password-command or token-command".to_owned()
    } else if let Some(near) = nearest(key, &known) {
        format!("did you mean \"{near}\"?")
    } else {
        format!("the keys here are {}", known.join(", "))
    };
    Some(format!("unknown key \"{}\"; {hint}", shorten(key)))
}

/// The known key that a mistyped one most resembles: few letters differ, or one begins with the other.
fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    let normal = |key: &str| key.to_lowercase().replace(['_', ' '], "-");
    // Nobody mistypes a key that is far longer than the longest; the distance takes time that grows with both.
    let key = normal(&key.chars().take(MAX_KEY).collect::<String>());
    let close = |name: &str| {
        let distance = distance(&key, name);
        let begins = key.len() > 2 && (name.starts_with(&key) || key.starts_with(name));
        (distance <= key.chars().count() / 3 || begins).then_some(distance)
    };
    known.iter().filter_map(|name| Some((close(name)?, *name))).min().map(|(_, name)| name)
}

/// How many letters must be inserted, removed, replaced or swapped with the next to make one word the other.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut rows = vec![(0..=other.len()).collect::<Vec<_>>()];
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let mut least = (rows[i][j] + usize::from(a != b)).min(row[j] + 1).min(rows[i][j + 1] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

/// Longer than any key.
const MAX_KEY: usize = 32;

fn unreadable(path: &Path, error: &io::Error) -> CliError {
    CliError::configuration(format!("{}: cannot be read: {error}", shown(path)))
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|octet| **octet == b'\n').count() + 1
}

/// A path for a message.
pub fn shown(path: &Path) -> String {
    escape(&path.to_string_lossy()).into_owned()
}

#[cfg(unix)]
fn is_world_readable(file: &File) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

/// Elsewhere the file lies in the user's profile, which other users cannot open.
#[cfg(not(unix))]
fn is_world_readable(_: &File) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(PathBuf::from("/c/config.toml"), text.into()).map_err(|failure| {
            assert_eq!(failure.code, super::super::error::ErrorCode::Configuration);
            assert!(!failure.message.contains('\n'), "{}", failure.message);
            failure.message
        })
    }

    #[test]
    fn the_example_of_the_manual() {
        let text = "# config.toml\ndefault = \"work\"\n\n[account.work]\nhost = \"pop.example.org\"\nuser = \"alice\"\n\
                    tls = \"implicit\"\npassword-command = \"pass show mail/work\"   # words\nmaildir = \"~/Mail/work\"\n";
        let config = parse(text).unwrap();
        assert_eq!(config.default_account(), Some("work"));
        let account = config.account("work").unwrap();
        assert_eq!(account.host.as_ref().unwrap().get_ref(), "pop.example.org");
        assert_eq!(config.place(account.user.as_ref().unwrap().span()), "/c/config.toml:6");
        assert_eq!(account.destinations().len(), 1);
    }

    #[test]
    fn what_cannot_be_understood_is_named_with_its_line() {
        let cases = [
            ("[account.a]\nhots = \"x\"\n", "/c/config.toml:2: unknown key \"hots\"; did you mean \"host\"?"),
            (
                "[account.a]\n[account.b]\nCA-file = \"x\"\n",
                ":3: unknown key \"CA-file\"; did you mean \"ca-file\"?",
            ),
            ("[accounts.a]\n", ":1: unknown key \"accounts\"; did you mean \"account\"?"),
            ("[account.a]\npassword_command = \"x\"\n", "did you mean \"password-command\"?"),
            ("[account.a]\nusername = \"x\"\n", "did you mean \"user\"?"),
            ("[account.a]\nprot = 1\n", "did you mean \"port\"?"),
            ("[account.a]\nmail = \"x\"\n", "did you mean \"maildir\"?"),
            ("[account.a]\nzebra = 1\n", "unknown key \"zebra\"; the keys here are host, port, "),
            ("\ndefault = \"b\"\n[account.a]\n", ":2: default names the account \"b\""),
            ("default = \"b\"\n", ":1: default names the account \"b\""),
            ("[account.a]\ndir = \"x\"\npipe = \"y\"\n", ":3: account.a has two destinations, dir and pipe"),
            (
                "[account.a]\n[account.b]\nmaildir = \"x\"\nmbox = \"y\"\n",
                ":4: account.b has two destinations",
            ),
            ("[account.a]\nport = \"110\"\n", ":2: expected a number"),
            ("[account.a]\nhost = 1\n", ":2: invalid type"),
            ("[account.a]\nhost = \"x\"\nhost = \"y\"\n", ":3: duplicate key"),
            ("[account.a\n", ":1: "),
            (
                "[account.a]\npassword = \"hush\"\n",
                ":2: unknown key \"password\"; secrets do not belong in this file",
            ),
        ];
        for (text, expected) in cases {
            let message = parse(text).unwrap_err();
            assert!(message.contains(expected), "{message:?} lacks {expected:?}");
            assert!(!message.contains("hush"), "{message}");
        }
        assert!(parse("[account.a]\npassword = \"hush\"\n").unwrap_err().contains("pop3 login"));
    }

    #[test]
    fn windows_editors() {
        assert_eq!(parse("\u{feff}default = \"a\"\r\n[account.a]\r\n").unwrap().default_account(), Some("a"));
        let utf16 = "default = \"a\"".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let utf16 = [&[0xff, 0xfe], &utf16[..]].concat();
        let failure = Config::parse(PathBuf::from("c"), utf16).unwrap_err();
        assert!(failure.message.contains("UTF-8"), "{}", failure.message);
    }

    #[test]
    fn a_file_is_missed_only_where_it_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        assert_eq!(Config::read(path.clone(), false).unwrap().names(), "");
        let failure = Config::read(path.clone(), true).unwrap_err();
        assert!(failure.message.contains("config.toml: cannot be read: "), "{}", failure.message);
        std::fs::write(&path, vec![b'#'; 1 << 21]).unwrap();
        assert!(Config::read(path, false).unwrap_err().message.contains("larger than"));
        assert!(Config::read(folder.path().to_owned(), false).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn others_that_can_read_commands_are_warned_of() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        let warning = |text: &str, mode: u32| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            Config::read(path.clone(), true).unwrap().warning()
        };
        let command = "[account.a]\npassword-command = \"x\"\n";
        assert!(warning(command, 0o644).is_some_and(|warning| warning.contains("chmod 600")));
        assert!(warning(command, 0o660).is_some());
        assert_eq!(warning(command, 0o600), None);
        assert_eq!(warning("[account.a]\nhost = \"x\"\n", 0o644), None);
    }
}
