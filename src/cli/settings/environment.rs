//! Environment variables and the directories of the user.

use std::{ffi::OsString, path::PathBuf};

use etcetera::BaseStrategy as _;

use crate::{Secret, cli::error::CliError};

/// Looks up the value of an environment variable.
pub type Variables = Box<dyn Fn(&str) -> Option<OsString>>;

/// The environment of a process, which tests replace.
pub struct Environment {
    pub variable: Variables,
    pub home: Option<PathBuf>,
    /// The platform's directory for configuration files.
    pub config_dir: Option<PathBuf>,
    /// The platform's directory for the state of programs.
    pub state_dir: Option<PathBuf>,
}

impl Environment {
    /// Returns the environment of this process. On macOS these are the XDG directories, as usual for command line programs.
    /// Windows has no state directory, so the cache directory (`%LOCALAPPDATA%`), which does not roam, takes its place.
    pub fn of_process() -> Self {
        let strategy = etcetera::choose_base_strategy().ok();
        let strategy = strategy.as_ref();
        Self {
            variable: Box::new(|name| std::env::var_os(name)),
            home: strategy.map(|strategy| strategy.home_dir().to_owned()),
            config_dir: strategy.map(etcetera::BaseStrategy::config_dir),
            state_dir: strategy.map(|strategy| strategy.state_dir().unwrap_or_else(|| strategy.cache_dir())),
        }
    }

    /// Returns a variable, unless it is empty.
    pub(super) fn variable(&self, name: &str) -> Option<OsString> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }
}

/// Returns the secret in a variable, even if it is empty.
pub(super) fn secret_variable(environment: &Environment, name: &str) -> Result<Option<Secret>, CliError> {
    let Some(value) = (environment.variable)(name) else { return Ok(None) };
    let secret = bytes(value).ok_or_else(|| CliError::configuration(format!("{name}: not valid Unicode")))?;
    Ok(Some(Secret::from(secret)))
}

#[cfg(unix)]
#[allow(clippy::unnecessary_wraps, reason = "on Windows a value may have none")]
fn bytes(value: OsString) -> Option<Vec<u8>> {
    use std::os::unix::ffi::OsStringExt as _;
    Some(value.into_vec())
}

#[cfg(not(unix))]
fn bytes(value: OsString) -> Option<Vec<u8>> {
    value.into_string().ok().map(String::into_bytes)
}

/// Variables that can contain a secret. They are removed from the environment of every command that `pop3` runs.
pub const SECRET_VARIABLES: [&str; 3] = ["POP3_PASSWORD", "POP3_TOKEN", "POP3_PROXY"];
