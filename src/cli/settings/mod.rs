//! The settings of a run, resolved from the command line, the environment and the configuration file.
//!
//! An option overrides its environment variable, which overrides the key of the account, which overrides the default. After
//! [`Settings::resolve`], options, variables and keys are never read again.

pub mod accounts;
mod destination;
mod environment;
pub mod lookup;
mod route;
mod server;
mod sources;
#[cfg(test)]
pub(crate) mod tests;
mod value;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use log::LevelFilter;

use self::{
    destination::{destination, pipe_timeout},
    environment::secret_variable,
    server::Server,
    sources::{Source, Sourced, Sources},
};
pub use self::{
    environment::{Environment, SECRET_VARIABLES},
    value::words,
};
use super::{
    args::{self, Args},
    config::{Account, Config},
    deadline,
    error::CliError,
    oauth::OAuth,
    output::Stderr,
};
pub use crate::delivery::Destination;
use crate::{
    Error, Secret,
    net::{Address, CertificateFile, ClientIdentity, Host, Limits, Route, Trust, parse_fingerprint},
    oauth::Provider,
    sasl::AuthMethod,
    session::TlsMode,
};

/// The validated settings of a run.
#[derive(Debug)]
pub struct Settings {
    /// The account of the configuration file, if one is used.
    pub account: Option<String>,
    pub address: Address,
    pub route: Route,
    pub tls: TlsMode,
    pub trust: Trust,
    pub identity: Option<ClientIdentity>,
    /// The source of each path in `trust` and `identity`.
    certificate_files: Vec<(CertificateFile, Source)>,
    /// The name to check the certificate for, instead of the host.
    pub tls_name: Option<Host>,
    /// The user name: not empty, and without CR, LF and NUL.
    pub user: String,
    /// The authentication method; `None` for the strongest.
    pub auth: Option<AuthMethod>,
    /// The time limit of each network operation.
    pub timeout: Duration,
    /// The time limit of the whole run.
    pub deadline: Option<Duration>,
    /// The start of the run.
    pub started: Instant,
    /// The time for which a login is retried while the maildrop is in use.
    pub wait: Duration,
    /// True to pipeline commands if the server announces `PIPELINING`.
    pub pipelining: bool,
    pub state_dir: PathBuf,
    /// The destination of `fetch`; the default destination for other subcommands.
    pub destination: Destination,
    /// The time limit of a `--pipe` command, per message.
    pub pipe_timeout: Option<Duration>,
    /// The home directory of the user.
    pub home: Option<PathBuf>,
    pub commit: bool,
    pub json: bool,
    /// The number of times that `-q` was given.
    pub quiet: u8,
    pub trace: TraceSink,
    /// The file for TLS keys (`SSLKEYLOGFILE`); set only with a trace.
    pub key_log: Option<PathBuf>,
    pub level: LevelFilter,
    /// The value of `POP3_PASSWORD`, even if it is empty.
    pub password: Option<Secret>,
    /// The value of `POP3_TOKEN`.
    pub token: Option<Secret>,
    /// The program and arguments of `password-command`.
    pub password_command: Option<Vec<String>>,
    /// The program and arguments of `token-command`.
    pub token_command: Option<Vec<String>>,
    pub oauth: Option<OAuth>,
    /// Warnings about the configuration.
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TraceSink {
    None,
    Stderr,
    File(PathBuf),
}

impl Settings {
    /// Resolves all settings. An invalid value is a usage error if it is on the command line, otherwise a configuration error.
    pub fn resolve(args: &Args, environment: &Environment) -> Result<Self, CliError> {
        let config = read_config(args, environment)?;
        let sources = Sources::choose(args, environment, &config)?;
        let Args { server, account, connection, output, .. } = args;
        let keys = sources.keys;

        let Server { address, tls, user, auth } = Server::resolve(&sources, args)?;

        let route =
            route::route(&sources, connection, Some(address.host()), is_offline(&args.command, keys))?;

        let Some(user) = user else { return Err(sources.missing("user")) };

        let tls_name = sources.text("tls-name", connection.tls_name.as_ref(), keys.tls_name.as_ref())?;
        let tls_name = tls_name
            .map(|text| Host::parse(&text.value).map_err(|error| text.refuse(error.message())))
            .transpose()?;
        let timeout = sources.number("timeout", connection.timeout.as_ref(), keys.timeout.as_ref())?;
        let deadline = sources.number("deadline", connection.deadline.as_ref(), keys.deadline.as_ref())?;
        let wait = sources.number("wait", connection.wait.as_ref(), keys.wait.as_ref())?;
        let state_dir = sources.path("state-dir", account.state_dir.as_ref(), keys.state_dir.as_ref());
        let destination = destination(&sources, &args.command)?;
        if destination == Destination::MboxStdout {
            if output.json {
                return Err(CliError::usage(
                    "mbox - cannot be used with --json: both write to standard output",
                ));
            }
            if matches!(&args.command, args::Command::Fetch(fetch) if fetch.delete) {
                return Err(CliError::usage(
                    "mbox - cannot be used with --delete: standard output does not store messages",
                ));
            }
        }

        Ok(Self {
            address,
            route,
            tls: tls.into(),
            trust: trust(&sources, connection)?,
            identity: identity(&sources, connection)?,
            certificate_files: certificate_files(&sources, connection),
            tls_name,
            user: user.parse(value::user_name)?,
            auth: auth.and_then(|args::Auth(method)| method),
            timeout: timeout.map(|text| text.parse(value::positive_seconds)).transpose()?.unwrap_or(TIMEOUT),
            deadline: deadline.map(|text| text.parse(value::positive_seconds)).transpose()?,
            started: Instant::now(),
            wait: wait.map(|text| text.parse(value::seconds)).transpose()?.unwrap_or(WAIT),
            pipelining: !no_pipelining(&sources, connection.no_pipelining)?,
            state_dir: match state_dir {
                Some(dir) => dir.value,
                None => environment.state_dir.as_deref().map(|dir| dir.join("pop3")).ok_or_else(|| {
                    CliError::configuration("no home directory for the record of fetched messages: give --state-dir DIR or set POP3_STATE_DIR")
                })?,
            },
            pipe_timeout: pipe_timeout(&sources, &args.command, &destination)?,
            destination,
            home: environment.home.clone(),
            commit: server.commit,
            json: output.json,
            quiet: output.quiet,
            trace: trace_sink(output),
            key_log: output.trace.as_ref().and_then(|_| environment.variable("SSLKEYLOGFILE")).map(PathBuf::from),
            level: level(output),
            password: secret_variable(environment, "POP3_PASSWORD")?,
            token: secret_variable(environment, "POP3_TOKEN")?,
            password_command: sources.command("password-command", keys.password_command.as_ref())?,
            token_command: sources.command("token-command", keys.token_command.as_ref())?,
            oauth: oauth(&sources)?,
            warnings: config.warning().into_iter().collect(),
            account: sources.account.clone(),
        })
    }

    /// Returns standard error with the format of these settings.
    pub fn stderr(&self) -> Stderr {
        Stderr::new(self.json, self.quiet)
    }

    /// Returns the time at which `--deadline` ends the run.
    pub fn deadline_instant(&self) -> Option<Instant> {
        self.deadline.and_then(|deadline| self.started.checked_add(deadline))
    }

    /// Returns the time limits of a single wait.
    pub fn limits(&self) -> Limits {
        Limits { timeout: self.timeout, deadline: self.deadline_instant() }
    }

    /// Shortens a time limit so that it ends at `--deadline` at the latest.
    pub fn until_deadline(&self, limit: Duration) -> Duration {
        self.deadline_instant().map_or(limit, |end| limit.min(end.saturating_duration_since(Instant::now())))
    }

    /// True if `--deadline` has passed.
    pub fn deadline_passed(&self) -> bool {
        self.deadline_instant().is_some_and(|end| end <= Instant::now())
    }

    /// Returns the error of a run that reached its deadline while waiting for something.
    pub fn deadline_error(&self, waited_for: &str) -> CliError {
        deadline::error(self.deadline.unwrap_or_default(), waited_for)
    }

    /// Returns the error of a certificate file that cannot be used, with the option, variable or key that names the file.
    pub fn refuse_certificate_file(&self, error: &Error) -> Option<CliError> {
        let file = CertificateFile::of(error)?;
        let source_of = |file| self.certificate_files.iter().find(|(found, _)| *found == file);
        // The file of the certificate may have the key too.
        let (_, source) = source_of(file).or_else(|| source_of(CertificateFile::Certificate))?;
        Some(Sourced { value: (), source: source.clone() }.refuse(error.message()))
    }

    /// Returns `USER@HOST`, which names the account in the keyring and in messages.
    pub fn mailbox(&self) -> String {
        format!("{}@{}", self.user, self.address.host())
    }
}

/// True if the command opens no connection. `logout` revokes a grant, but deletes a password in the keyring only.
fn is_offline(command: &args::Command, keys: &Account) -> bool {
    match command {
        args::Command::Record(_) => true,
        args::Command::Logout(_) => keys.oauth.is_none(),
        _ => false,
    }
}

fn oauth(sources: &Sources<'_>) -> Result<Option<OAuth>, CliError> {
    let Some(written) = &sources.keys.oauth else { return Ok(None) };
    // Does not fail: `Config` has validated the table, and its error names the line.
    written.get_ref().understand(|path| sources.resolve(path)).map(Some).map_err(CliError::configuration)
}

/// Returns the provider in the account's `oauth`, if there is one.
fn provider(sources: &Sources<'_>) -> Option<&'static Provider> {
    sources.keys.oauth.as_ref()?.get_ref().provider()
}

fn provider_host(sources: &Sources<'_>) -> Option<Sourced<String>> {
    let source = Source::Key("the provider of oauth".to_owned());
    provider(sources).map(|provider| Sourced { value: provider.host.to_owned(), source })
}

fn read_config(args: &Args, environment: &Environment) -> Result<Config, CliError> {
    let given = |name, typed: bool| {
        if typed {
            return Some(Source::Option(name));
        }
        let variable = sources::variable_name(name);
        environment.variable(&variable).map(|_| Source::Variable(variable))
    };
    let lists = matches!(args.command, args::Command::Accounts(_));
    let account = given("account", args.account.account.is_some()).filter(|_| !lists);
    // The option or variable that requires the file, for an error if there is none.
    let needed_for = given("config", args.account.config.is_some()).or(account);
    match config_path(args, environment) {
        Some(path) => Config::read_for(path, needed_for.map(|source| source.to_string()).as_deref()),
        None => Ok(Config::default()),
    }
}

/// Returns the path of the configuration file, which may not exist, or `None` if there is no home directory.
fn config_path(args: &Args, environment: &Environment) -> Option<PathBuf> {
    let named =
        args.account.config.clone().or_else(|| environment.variable("POP3_CONFIG").map(PathBuf::from));
    named.or_else(|| environment.config_dir.as_deref().map(|dir| dir.join("pop3").join("config.toml")))
}

fn no_pipelining(sources: &Sources<'_>, typed: bool) -> Result<bool, CliError> {
    if typed {
        return Ok(true);
    }
    match sources.text("no-pipelining", None, None)? {
        Some(given) => given.parse(value::parse_bool),
        None => Ok(sources.keys.no_pipelining.as_ref().is_some_and(|value| *value.get_ref())),
    }
}

fn trust(sources: &Sources<'_>, typed: &args::Connection) -> Result<Trust, CliError> {
    let keys = sources.keys;
    let fingerprint =
        sources.text("tls-fingerprint", typed.tls_fingerprint.as_ref(), keys.tls_fingerprint.as_ref())?;
    if let Some(text) = fingerprint {
        let sha256 = parse_fingerprint(&text.value).map_err(|error| text.refuse(error.message()))?;
        return Ok(Trust::Fingerprint(sha256));
    }
    let ca_file = sources.path("ca-file", typed.ca_file.as_ref(), keys.ca_file.as_ref());
    Ok(ca_file.map_or(Trust::System, |file| Trust::File(file.value)))
}

fn identity(sources: &Sources<'_>, typed: &args::Connection) -> Result<Option<ClientIdentity>, CliError> {
    let certificate =
        sources.path("client-cert", typed.client_cert.as_ref(), sources.keys.client_cert.as_ref());
    let key = sources.path("client-key", typed.client_key.as_ref(), sources.keys.client_key.as_ref());
    match (certificate, key) {
        (Some(Sourced { value: certificate, .. }), key) => {
            let key = key.map_or_else(|| certificate.clone(), |key| key.value);
            Ok(Some(ClientIdentity { certificate, key }))
        }
        (None, Some(key)) => Err(key.refuse("a key without a certificate; also give --client-cert FILE")),
        (None, None) => Ok(None),
    }
}

fn certificate_files(sources: &Sources<'_>, typed: &args::Connection) -> Vec<(CertificateFile, Source)> {
    let keys = sources.keys;
    let certificate = sources.path("client-cert", typed.client_cert.as_ref(), keys.client_cert.as_ref());
    let files = [
        (CertificateFile::Trust, sources.path("ca-file", typed.ca_file.as_ref(), keys.ca_file.as_ref())),
        (CertificateFile::Certificate, certificate),
        (
            CertificateFile::Key,
            sources.path("client-key", typed.client_key.as_ref(), keys.client_key.as_ref()),
        ),
    ];
    files.into_iter().filter_map(|(file, path)| Some((file, path?.source))).collect()
}

impl From<args::Tls> for TlsMode {
    fn from(typed: args::Tls) -> Self {
        match typed {
            args::Tls::Starttls => Self::StartTls,
            args::Tls::Implicit => Self::Implicit,
            args::Tls::None => Self::None,
        }
    }
}

fn trace_sink(output: &args::Output) -> TraceSink {
    match &output.trace {
        None => TraceSink::None,
        Some(None) => TraceSink::Stderr,
        Some(Some(file)) => TraceSink::File(file.clone()),
    }
}

pub(super) fn level(output: &args::Output) -> LevelFilter {
    match (output.quiet, output.verbose) {
        (2.., _) => LevelFilter::Off,
        (1, _) => LevelFilter::Error,
        (0, 0) => LevelFilter::Warn,
        (0, 1) => LevelFilter::Info,
        (0, 2) => LevelFilter::Debug,
        (0, 3..) => LevelFilter::Trace,
    }
}

/// RFC 1939 §3: the default port.
const PORT: u16 = 110;

/// RFC 8314 §3.3: the default port with implicit TLS.
const IMPLICIT_PORT: u16 = 995;

const TIMEOUT: Duration = Duration::from_secs(60);
const WAIT: Duration = Duration::from_secs(5);
