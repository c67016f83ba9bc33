//! Looks up values in their three sources: option, variable and configuration file. Errors name the source.

use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use toml::Spanned;

use super::{Environment, value};
use crate::cli::{
    args::Args,
    config::{Account, Config, Number, shown},
    error::{CliError, ErrorCode},
    escape::escape,
};

/// The sources of values.
pub struct Sources<'a> {
    environment: &'a Environment,
    config: &'a Config,
    /// The name of the account, if one is used.
    pub account: Option<String>,
    pub keys: &'a Account,
}

/// A value with its source, which errors name.
pub struct Sourced<T> {
    pub value: T,
    pub source: Source,
}

/// The source of a value.
#[derive(Debug, Clone)]
pub enum Source {
    Option(&'static str),
    Variable(String),
    /// A key, with file, line and account: `/c/config.toml:3: account.work.port`.
    Key(String),
}

impl Source {
    /// Returns the rank of the source. A value with a lower rank overrides one with a higher rank.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Option(_) => 0,
            Self::Variable(_) => 1,
            Self::Key(_) => 2,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option(name) => write!(f, "--{name}"),
            Self::Variable(name) => f.write_str(name),
            Self::Key(place) => f.write_str(place),
        }
    }
}

impl<T> Sourced<T> {
    /// Returns an error that names the source, but does not contain the value: a usage error for an option, otherwise a
    /// configuration error.
    pub fn refuse(&self, why: impl fmt::Display) -> CliError {
        let code = if matches!(self.source, Source::Option(_)) {
            ErrorCode::Usage
        } else {
            ErrorCode::Configuration
        };
        CliError::new(code, format!("{}: {why}", self.source))
    }
}

impl Sourced<String> {
    /// Parses the value and keeps its source.
    pub fn try_map<U>(
        self,
        parse: impl FnOnce(&str) -> Result<U, &'static str>,
    ) -> Result<Sourced<U>, CliError> {
        let source = self.source.clone();
        self.parse(parse).map(|value| Sourced { value, source })
    }

    /// Parses the value. The error of `parse` must describe valid values.
    pub fn parse<U>(self, parse: impl FnOnce(&str) -> Result<U, &'static str>) -> Result<U, CliError> {
        parse(&self.value)
            .map_err(|expected| self.refuse(format!("invalid value {:?}; expected {expected}", self.value)))
    }
}

impl<'a> Sources<'a> {
    pub fn choose(args: &Args, environment: &'a Environment, config: &'a Config) -> Result<Self, CliError> {
        let mut sources = Self { environment, config, account: None, keys: config.no_account() };
        let named = sources.text("account", args.account.account.as_ref(), None)?;
        let Some(name) = named.as_ref().map(|name| name.value.as_str()).or_else(|| config.default_account())
        else {
            return Ok(sources);
        };
        let Some(keys) = config.account(name) else {
            let source = named.as_ref().map_or_else(|| "default".into(), |name| name.source.to_string());
            let (path, accounts) = (shown(config.path()), config.names());
            return Err(CliError::configuration(format!(
                "{source}: {path} has no account {name:?}; it has: {accounts}"
            )));
        };
        sources.keys = keys;
        sources.account = Some(name.to_owned());
        Ok(sources)
    }

    /// Returns the sources of a run without an account: options and variables only.
    pub fn without_account(environment: &'a Environment, config: &'a Config) -> Self {
        Self { environment, config, account: None, keys: config.no_account() }
    }

    /// Returns the sources for this account, even if the command line or the environment names another one.
    pub fn of_account(
        environment: &'a Environment,
        config: &'a Config,
        name: &str,
        keys: &'a Account,
    ) -> Self {
        Self { environment, config, account: Some(name.to_owned()), keys }
    }

    pub fn text(
        &self,
        name: &'static str,
        typed: Option<&String>,
        written: Option<&Spanned<String>>,
    ) -> Result<Option<Sourced<String>>, CliError> {
        if let Some(value) = typed {
            return Ok(Some(Sourced { value: value.clone(), source: Source::Option(name) }));
        }
        if let Some(given) = self.variable(name) {
            let Sourced { value, source } = given;
            return match value.into_string() {
                Ok(value) => Ok(Some(Sourced { value, source })),
                Err(_) => Err(CliError::configuration(format!("{source}: not valid UTF-8"))),
            };
        }
        Ok(written.map(|value| Sourced { value: value.get_ref().clone(), source: self.key(name, value) }))
    }

    pub fn number(
        &self,
        name: &'static str,
        typed: Option<&String>,
        written: Option<&Spanned<Number>>,
    ) -> Result<Option<Sourced<String>>, CliError> {
        let text = self.text(name, typed, None)?;
        Ok(text.or_else(|| {
            written.map(|value| Sourced { value: value.get_ref().0.clone(), source: self.key(name, value) })
        }))
    }

    /// Looks up a path. A path in the configuration file may begin with `~`, and is relative to the folder of the file.
    pub fn path(
        &self,
        name: &'static str,
        typed: Option<&PathBuf>,
        written: Option<&Spanned<String>>,
    ) -> Option<Sourced<PathBuf>> {
        if let Some(value) = typed {
            return Some(Sourced { value: value.clone(), source: Source::Option(name) });
        }
        if let Some(Sourced { value, source }) = self.variable(name) {
            return Some(Sourced { value: value.into(), source });
        }
        written.map(|value| Sourced { value: self.resolve(value.get_ref()), source: self.key(name, value) })
    }

    pub fn resolve(&self, written: &str) -> PathBuf {
        if let Some(rest) = written.strip_prefix('~')
            && (rest.is_empty() || rest.starts_with(std::path::is_separator))
            && let Some(home) = &self.environment.home
        {
            return home.join(rest.trim_start_matches(std::path::is_separator));
        }
        self.config.path().parent().unwrap_or(Path::new("")).join(written)
    }

    /// Resolves the address of an LMTP server, which may be the path of a socket.
    pub fn socket(&self, written: &str) -> String {
        match self.resolve(written).to_str() {
            Some(path) if written.contains('/') => path.to_owned(),
            _ => written.to_owned(),
        }
    }

    /// Looks up a value that must be one of a list.
    pub fn chosen<T: ValueEnum>(
        &self,
        name: &'static str,
        typed: Option<T>,
        written: Option<&Spanned<String>>,
    ) -> Result<Option<Sourced<T>>, CliError> {
        if let Some(value) = typed {
            return Ok(Some(Sourced { value, source: Source::Option(name) }));
        }
        let Some(given) = self.text(name, None, written)? else { return Ok(None) };
        let source = given.source.clone();
        T::from_str(&given.value, false).map(|value| Some(Sourced { value, source })).map_err(|_| {
            let names: Vec<String> = T::value_variants()
                .iter()
                .filter_map(|variant| Some(variant.to_possible_value()?.get_name().to_owned()))
                .collect();
            given.refuse(format!("invalid value {:?}; expected one of {}", given.value, names.join(", ")))
        })
    }

    pub fn command(
        &self,
        name: &'static str,
        written: Option<&Spanned<String>>,
    ) -> Result<Option<Vec<String>>, CliError> {
        let given =
            written.map(|value| Sourced { value: value.get_ref().clone(), source: self.key(name, value) });
        // The error does not repeat the command: it may contain a secret.
        given
            .map(|given| {
                value::words(&given.value).map_err(|expected| given.refuse(format!("expected {expected}")))
            })
            .transpose()
    }

    /// True if the variable of this option is set to an empty value.
    pub fn is_empty_variable(&self, name: &str) -> bool {
        (self.environment.variable)(&variable_name(name)).is_some_and(|value| value.is_empty())
    }

    /// Looks up a variable that other programs use too. An empty variable counts as not set.
    pub fn foreign_variable(&self, name: &str) -> Result<Option<Sourced<String>>, CliError> {
        let Some(value) = self.environment.variable(name) else { return Ok(None) };
        let value =
            value.into_string().map_err(|_| CliError::configuration(format!("{name}: not valid UTF-8")))?;
        Ok(Some(Sourced { value, source: Source::Variable(name.to_owned()) }))
    }

    fn variable(&self, name: &str) -> Option<Sourced<OsString>> {
        let name = variable_name(name);
        self.environment.variable(&name).map(|value| Sourced { value, source: Source::Variable(name) })
    }

    pub fn key<T>(&self, name: &str, value: &Spanned<T>) -> Source {
        let account = escape(self.account.as_deref().unwrap_or_default());
        Source::Key(format!("{}: account.{account}.{name}", self.config.place(value.span())))
    }

    /// Returns the error for a missing value, with all ways to set it.
    pub fn missing(&self, name: &str) -> CliError {
        let upper = name.to_uppercase();
        let account = escape(self.account.as_deref().unwrap_or("NAME"));
        let names = self.config.names();
        let hint = if self.account.is_none() && !names.is_empty() {
            format!("; or choose an account with --account: {names}")
        } else {
            String::new()
        };
        let path = shown(self.config.path());
        CliError::configuration(format!(
            "no {name}: give --{name} {upper}, set POP3_{upper}, or write {name} = \"…\" under [account.{account}] in {path}{hint}"
        ))
    }
}

/// Returns the environment variable of an option: `tls-name` → `POP3_TLS_NAME`.
pub(super) fn variable_name(option: &str) -> String {
    format!("POP3_{}", option.to_uppercase().replace('-', "_"))
}
