//! Parses `config.toml` into keys, with the line of each. `settings` interprets them.

mod spelling;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use serde::Deserialize;
use toml::Spanned;

use self::spelling::nearest;
use super::{
    error::CliError,
    escape::{escape, shorten},
};

/// The configuration file. A missing file has no accounts.
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

/// A number, kept as text so that it is parsed like a number on the command line.
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
    /// Reads the file. A missing file counts as empty, unless `must_exist` is true.
    pub fn read(path: PathBuf, must_exist: bool) -> Result<Self, CliError> {
        Self::read_for(path, must_exist.then_some("the configuration file"))
    }

    /// Reads the file, which must exist if something needs it: `--config`. An error names that.
    pub fn read_for(path: PathBuf, needed_for: Option<&str>) -> Result<Self, CliError> {
        let unreadable = |path: &Path, error: &io::Error| {
            let needed_for = needed_for.map(|source| format!("{source}: ")).unwrap_or_default();
            CliError::configuration(format!("{needed_for}{}: cannot be read: {error}", shown(path)))
        };
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound && needed_for.is_none() => {
                return Ok(Self { path, ..Self::default() });
            }
            Err(error) => return Err(unreadable(&path, &error)),
        };
        let mut bytes = Vec::new();
        (&mut file).take(MAX_SIZE + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&path, &error))?;
        if bytes.len() as u64 > MAX_SIZE {
            return Err(CliError::configuration(format!("{}: larger than {MAX_SIZE} bytes", shown(&path))));
        }
        let is_world_readable = is_world_readable(&file);
        Ok(Self { is_world_readable, ..Self::parse(path, bytes)? })
    }

    fn parse(path: PathBuf, bytes: Vec<u8>) -> Result<Self, CliError> {
        let text = String::from_utf8(bytes).map_err(|_| {
            let text =
                "not written in UTF-8 (Windows PowerShell's > writes UTF-16; use Set-Content -Encoding utf8)";
            CliError::configuration(format!("{}: {text}", shown(&path)))
        })?;
        // Windows editors write a byte order mark before the first key.
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        let written = match toml::from_str(&text) {
            Ok(written) => written,
            Err(error) => return Err(malformed(&path, &text, &error)),
        };
        let config = Self { path, text, written, ..Self::default() };
        config.check()?;
        Ok(config)
    }

    /// Checks every account, not only the one in use.
    fn check(&self) -> Result<(), CliError> {
        if let Some(default) = &self.written.default
            && !self.written.account.contains_key(default.get_ref())
        {
            let place = self.place(default.span());
            return Err(CliError::configuration(format!(
                "{place}: default names the account {:?}, which the file does not have",
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
                    return Err(refused("oauth cannot be combined with password-command or token-command"));
                }
                oauth.get_ref().understand(|path| PathBuf::from(path)).map_err(|why| refused(&why))?;
            }
            if let [first, second, ..] = account.destinations().as_slice() {
                let place = self.place(second.1.span());
                return Err(CliError::configuration(format!(
                    "{place}: account.{name} has two destinations, {} and {}; expected one",
                    first.0, second.0
                )));
            }
        }
        Ok(())
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the value of the key `default`.
    pub fn default_account(&self) -> Option<&str> {
        self.written.default.as_ref().map(|name| name.get_ref().as_str())
    }

    pub fn account(&self, name: &str) -> Option<&Account> {
        self.written.account.get(name)
    }

    /// Returns the empty keys of a run without an account.
    pub fn no_account(&self) -> &Account {
        &self.no_account
    }

    /// Iterates over the accounts with their keys, sorted by name.
    pub fn accounts(&self) -> impl Iterator<Item = (&str, &Account)> {
        self.written.account.iter().map(|(name, account)| (name.as_str(), account))
    }

    /// Returns the names of all accounts: `home, work`.
    pub fn names(&self) -> String {
        self.written.account.keys().map(|name| escape(name)).collect::<Vec<_>>().join(", ")
    }

    /// Returns the file and line of a value: `/home/a/.config/pop3/config.toml:3`.
    pub fn place(&self, span: std::ops::Range<usize>) -> String {
        format!("{}:{}", shown(&self.path), line_of(&self.text, span.start))
    }

    /// Returns a warning if other users can read the file and it contains a command or a proxy, which may reveal a secret.
    pub fn warning(&self) -> Option<String> {
        let is_sensitive = |account: &Account| {
            let Account { password_command, token_command, pipe, proxy, oauth, .. } = account;
            oauth.as_ref().is_some_and(|oauth| oauth.get_ref().has_command())
                || [password_command, token_command, pipe, proxy].iter().any(|key| key.is_some())
        };
        (self.is_world_readable && self.written.account.values().any(is_sensitive)).then(|| {
            format!(
                "{}: other users can read this file, and it has commands or a proxy: chmod 600",
                shown(&self.path)
            )
        })
    }
}

impl Account {
    /// Returns the keys that name a destination, with their values.
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

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}

/// Returns a path for an error message.
pub fn shown(path: &Path) -> String {
    escape(&path.to_string_lossy()).into_owned()
}

/// True if other users can read the file.
#[cfg(unix)]
pub fn is_world_readable(file: &File) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

/// Always false: on Windows the file is in the user's profile, which other users cannot open.
#[cfg(not(unix))]
pub fn is_world_readable(_: &File) -> bool {
    false
}

/// Maximum size of the file, in bytes. An account takes a few hundred; a larger file is not a configuration file.
const MAX_SIZE: u64 = 1 << 20;
