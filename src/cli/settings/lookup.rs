//! The settings of `login ADDRESS`. There is no account yet, so only options and variables apply, not even the default account.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{
    Args, CliError, Config, Environment, Sources, TIMEOUT, TraceSink, config_path, route::route, trace_sink,
    value,
};
use crate::net::{Limits, Route};

/// The settings of a search for a server.
pub struct Lookup {
    pub config: Config,
    /// The file to write the account to.
    pub path: PathBuf,
    /// True if `--host` or `POP3_HOST` is set.
    pub has_host: bool,
    /// The value of `--user` or `POP3_USER`.
    pub user: Option<String>,
    pub route: Route,
    pub limits: Limits,
    pub trace: TraceSink,
}

impl Lookup {
    /// Resolves options, variables and the file, which may be missing. The deadline counts from now.
    pub fn resolve(args: &Args, environment: &Environment) -> Result<Self, CliError> {
        let path = config_path(args, environment).ok_or_else(|| {
            CliError::configuration("no home directory for the configuration file: give --config FILE")
        })?;
        let config = Config::read(path.clone(), false)?;
        let sources = Sources::without_account(environment, &config);
        let connection = &args.connection;
        let host = sources.text("host", connection.host.as_ref(), None)?;
        let user = sources.text("user", args.account.user.as_ref(), None)?;
        let timeout = sources.number("timeout", connection.timeout.as_ref(), None)?;
        let deadline = sources.number("deadline", connection.deadline.as_ref(), None)?;
        let timeout = timeout.map(|text| text.parse(value::positive_seconds)).transpose()?;
        let deadline: Option<Duration> =
            deadline.map(|text| text.parse(value::positive_seconds)).transpose()?;
        Ok(Self {
            path,
            has_host: host.is_some(),
            user: user.map(|user| user.parse(value::user_name)).transpose()?,
            route: route(&sources, connection, None, false)?,
            limits: Limits {
                timeout: timeout.unwrap_or(TIMEOUT),
                deadline: deadline.map(|deadline| Instant::now() + deadline),
            },
            trace: trace_sink(&args.output),
            config,
        })
    }
}
