//! What the command line, the environment and the configuration file mean together.
//!
//! An option beats its variable, which beats the account's key, which beats the default. After [`Settings::resolve`]
//! nobody looks at options, variables or keys again.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::Secret;
use crate::delivery::LmtpAddress;
use crate::net::{Address, ClientIdentity, Host, Limits, Route, Trust, parse_fingerprint};
use crate::oauth::Provider;
use crate::sasl::AuthMethod;
use crate::session::TlsMode;
use etcetera::BaseStrategy as _;
use log::LevelFilter;

use self::server::Server;
use self::sources::{Source, Sourced, Sources};
pub use self::value::words;
use super::args::{self, Args};
use super::config::Config;
use super::deadline;
use super::error::CliError;
use super::oauth::OAuth;
use super::output::Stderr;
pub use crate::delivery::Destination;

pub mod accounts;
pub mod lookup;
mod route;
mod server;
mod sources;
mod value;

/// Variables that can hold a secret: no command that `pop3` runs inherits them.
pub const SECRET_VARIABLES: [&str; 3] = ["POP3_PASSWORD", "POP3_TOKEN", "POP3_PROXY"];

/// Everything that a run is told, each value usable as it is.
#[derive(Debug)]
pub struct Settings {
    /// The account of the configuration file, if one was chosen.
    pub account: Option<String>,
    pub address: Address,
    pub route: Route,
    pub tls: TlsMode,
    pub trust: Trust,
    pub identity: Option<ClientIdentity>,
    /// The name that the certificate must be for, in place of the host.
    pub tls_name: Option<Host>,
    /// Without CR, LF and NUL, and not empty.
    pub user: String,
    /// `None`: the strongest method.
    pub auth: Option<AuthMethod>,
    /// The longest silence.
    pub timeout: Duration,
    /// The longest run.
    pub deadline: Option<Duration>,
    /// When the run began.
    pub started: Instant,
    /// How long to go on trying while the maildrop is in use.
    pub wait: Duration,
    /// Whether commands are sent ahead where the server announces it.
    pub pipelining: bool,
    pub state_dir: PathBuf,
    /// Where `fetch` stores; the default for every other command.
    pub destination: Destination,
    /// The longest time of the command of `--pipe` for one message.
    pub pipe_timeout: Option<Duration>,
    /// The home directory of the user.
    pub home: Option<PathBuf>,
    pub commit: bool,
    pub json: bool,
    /// How often `-q` was given.
    pub quiet: u8,
    pub trace: TraceSink,
    /// The file for the secrets of TLS connections; only with a trace.
    pub key_log: Option<PathBuf>,
    pub level: LevelFilter,
    /// `POP3_PASSWORD`, also where it is empty.
    pub password: Option<Secret>,
    /// `POP3_TOKEN`.
    pub token: Option<Secret>,
    /// A program and its arguments.
    pub password_command: Option<Vec<String>>,
    /// A program and its arguments.
    pub token_command: Option<Vec<String>>,
    /// OAuth 2.0.
    pub oauth: Option<OAuth>,
    /// What to warn of before anything is done.
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TraceSink {
    None,
    Stderr,
    File(PathBuf),
}

/// The value of an environment variable.
pub type Variables = Box<dyn Fn(&str) -> Option<OsString>>;

/// The environment of a process; tests bring their own.
pub struct Environment {
    pub variable: Variables,
    pub home: Option<PathBuf>,
    /// The platform's directory for configuration files.
    pub config_dir: Option<PathBuf>,
    /// The platform's directory for what programs remember.
    pub state_dir: Option<PathBuf>,
}

impl Environment {
    /// Those of this process. macOS goes by XDG too, as command line programs do there; Windows has no directory for
    /// state, so it lies where caches do (`%LOCALAPPDATA%`), which does not roam.
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

    /// A variable; one that is set to nothing counts as not set.
    fn variable(&self, name: &str) -> Option<OsString> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }
}

impl Settings {
    /// Settles every value, or says which one cannot be used and what is allowed.
    pub fn resolve(args: &Args, environment: &Environment) -> Result<Self, CliError> {
        let config = read_config(args, environment)?;
        let sources = Sources::choose(args, environment, &config)?;
        let Args { server, account, connection, output, .. } = args;
        let keys = sources.keys;

        let Server { address, tls, user, auth } = Server::resolve(&sources, args)?;

        let route = route::route(&sources, connection, Some(address.host()))?;

        let Some(user) = user else { return Err(sources.missing("user")) };

        let fingerprint = sources.text(
            "tls-fingerprint",
            connection.tls_fingerprint.as_ref(),
            keys.tls_fingerprint.as_ref(),
        )?;
        let fingerprint = fingerprint
            .map(|text| parse_fingerprint(&text.value).map_err(|error| text.refuse(error.message())))
            .transpose()?;
        let ca_file = sources.path("ca-file", connection.ca_file.as_ref(), keys.ca_file.as_ref());
        let trust = match (fingerprint, ca_file) {
            (Some(sha256), _) => Trust::Fingerprint(sha256),
            (None, Some(file)) => Trust::File(file.value),
            (None, None) => Trust::System,
        };

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
                    "mbox - cannot be used with --delete: what is only shown is not stored",
                ));
            }
        }

        Ok(Self {
            address,
            route,
            tls: tls.into(),
            trust,
            identity: identity(&sources, connection)?,
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
                    CliError::configuration("no home directory to remember in what was fetched: give --state-dir DIR or set POP3_STATE_DIR")
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

    /// Standard error as these settings want it.
    pub fn stderr(&self) -> Stderr {
        Stderr::new(self.json, self.quiet)
    }

    /// The time at which `--deadline` ends the run.
    pub fn deadline_instant(&self) -> Option<Instant> {
        self.deadline.and_then(|deadline| self.started.checked_add(deadline))
    }

    /// The time limits of a single wait.
    pub fn limits(&self) -> Limits {
        Limits { timeout: self.timeout, deadline: self.deadline_instant() }
    }

    /// What `--deadline` leaves of a time limit.
    pub fn until_deadline(&self, limit: Duration) -> Duration {
        self.deadline_instant().map_or(limit, |end| limit.min(end.saturating_duration_since(Instant::now())))
    }

    /// True if `--deadline` has passed.
    pub fn deadline_passed(&self) -> bool {
        self.deadline_instant().is_some_and(|end| end <= Instant::now())
    }

    /// The error of a run that `--deadline` ended while it waited for something.
    pub fn deadline_error(&self, waited_for: &str) -> CliError {
        deadline::error(self.deadline.unwrap_or_default(), waited_for)
    }

    /// `USER@HOST`: whose secret it is, in the keyring and in messages.
    pub fn mailbox(&self) -> String {
        format!("{}@{}", self.user, self.address.host())
    }
}

fn oauth(sources: &Sources<'_>) -> Result<Option<OAuth>, CliError> {
    let Some(written) = &sources.keys.oauth else { return Ok(None) };
    // `Config` has refused what cannot be understood, with its place.
    written.get_ref().understand(|path| sources.resolve(path)).map(Some).map_err(CliError::configuration)
}

/// The provider of the account's `oauth`, whose server is known.
fn provider(sources: &Sources<'_>) -> Option<&'static Provider> {
    sources.keys.oauth.as_ref()?.get_ref().provider()
}

fn provider_host(sources: &Sources<'_>) -> Option<Sourced<String>> {
    let source = Source::Key("the provider of oauth".to_owned());
    provider(sources).map(|provider| Sourced { value: provider.host.to_owned(), source })
}

fn read_config(args: &Args, environment: &Environment) -> Result<Config, CliError> {
    let named = args.account.config.is_some() || environment.variable("POP3_CONFIG").is_some();
    let account = args.account.account.is_some() || environment.variable("POP3_ACCOUNT").is_some();
    let lists = matches!(args.command, args::Command::Accounts(_));
    let must_exist = named || (account && !lists);
    match config_path(args, environment) {
        Some(path) => Config::read(path, must_exist),
        None => Ok(Config::default()),
    }
}

/// The configuration file, whether it exists or not; `None` without a home directory.
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

fn identity(sources: &Sources<'_>, typed: &args::Connection) -> Result<Option<ClientIdentity>, CliError> {
    let certificate =
        sources.path("client-cert", typed.client_cert.as_ref(), sources.keys.client_cert.as_ref());
    let key = sources.path("client-key", typed.client_key.as_ref(), sources.keys.client_key.as_ref());
    match (certificate, key) {
        (Some(Sourced { value: certificate, .. }), key) => {
            let key = key.map_or_else(|| certificate.clone(), |key| key.value);
            Ok(Some(ClientIdentity { certificate, key }))
        }
        (None, Some(key)) => Err(key.refuse("a key without a certificate: give --client-cert FILE too")),
        (None, None) => Ok(None),
    }
}

/// One destination: that of the command line, or else that of the account.
fn pipe_timeout(
    sources: &Sources<'_>,
    command: &args::Command,
    destination: &Destination,
) -> Result<Option<Duration>, CliError> {
    let typed = match command {
        args::Command::Fetch(fetch) => fetch.pipe_timeout.clone(),
        _ => None,
    };
    if typed.is_some() && !matches!(destination, Destination::Pipe(_)) {
        return Err(CliError::usage("--pipe-timeout: only with --pipe, whose command it limits"));
    }
    let typed = typed.map(|value| Sourced { value, source: Source::Option("pipe-timeout") });
    let written = sources.keys.pipe_timeout.as_ref().map(|value| Sourced {
        value: value.get_ref().0.clone(),
        source: sources.key("pipe-timeout", value),
    });
    typed.or(written).map(|text| text.parse(value::positive_seconds)).transpose()
}

fn destination(sources: &Sources<'_>, command: &args::Command) -> Result<Destination, CliError> {
    let default = Destination::Dir(PathBuf::from("."));
    let args::Command::Fetch(fetch) = command else { return Ok(default) };
    let mbox = |file: PathBuf, written: &str| match written {
        "-" => Destination::MboxStdout,
        _ => Destination::Mbox(file),
    };
    if fetch.stdout {
        return Ok(Destination::Stdout);
    }
    if let Some(dir) = &fetch.dir {
        return Ok(Destination::Dir(dir.clone()));
    }
    if let Some(dir) = &fetch.maildir {
        return Ok(Destination::Maildir(dir.clone()));
    }
    if let Some(file) = &fetch.mbox {
        return Ok(mbox(file.clone(), &file.to_string_lossy()));
    }
    if let Some(command) = &fetch.pipe {
        let given = Sourced { value: command.clone(), source: Source::Option("pipe") };
        return given.parse(value::words).map(Destination::Pipe);
    }
    if let Some(address) = &fetch.lmtp {
        return lmtp(sources, fetch, &Sourced { value: address.clone(), source: Source::Option("lmtp") });
    }
    let destinations = sources.keys.destinations();
    if fetch.rcpt.is_some() && !matches!(destinations.first(), Some(("lmtp", _))) {
        return Err(CliError::usage("--rcpt: only with --lmtp, which says where the LMTP server listens"));
    }
    let Some((key, value)) = destinations.first().copied() else { return Ok(default) };
    let path = || sources.resolve(value.get_ref());
    Ok(match key {
        "dir" => Destination::Dir(path()),
        "maildir" => Destination::Maildir(path()),
        "mbox" => mbox(path(), value.get_ref()),
        "lmtp" => {
            let value = Sourced { value: sources.socket(value.get_ref()), source: sources.key(key, value) };
            return lmtp(sources, fetch, &value);
        }
        _ => Destination::Pipe(sources.command(key, Some(value))?.unwrap_or_default()),
    })
}

fn lmtp(
    sources: &Sources<'_>,
    fetch: &args::Fetch,
    address: &Sourced<String>,
) -> Result<Destination, CliError> {
    let recipient = match (&fetch.rcpt, &sources.keys.rcpt) {
        (Some(typed), _) => Sourced { value: typed.clone(), source: Source::Option("rcpt") },
        (None, Some(written)) => {
            Sourced { value: written.get_ref().clone(), source: sources.key("rcpt", written) }
        }
        (None, None) => return Err(address.refuse("whom to deliver to is not given: add --rcpt RECIPIENT")),
    };
    let parsed = LmtpAddress::parse(&address.value).map_err(|error| address.refuse(error.message()))?;
    Ok(Destination::Lmtp { address: parsed, recipient: recipient.parse(value::recipient)? })
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

fn secret_variable(environment: &Environment, name: &str) -> Result<Option<Secret>, CliError> {
    let Some(value) = (environment.variable)(name) else { return Ok(None) };
    let secret =
        octets(value).ok_or_else(|| CliError::configuration(format!("{name}: not written in Unicode")))?;
    Ok(Some(Secret::from(secret)))
}

#[cfg(unix)]
#[allow(clippy::unnecessary_wraps)] // elsewhere not every value has octets
fn octets(value: OsString) -> Option<Vec<u8>> {
    use std::os::unix::ffi::OsStringExt as _;
    Some(value.into_vec())
}

#[cfg(not(unix))]
fn octets(value: OsString) -> Option<Vec<u8>> {
    value.into_string().ok().map(String::into_bytes)
}

/// RFC 1939 §3 and RFC 8314 §3.3.
const PORT: u16 = 110;
const IMPLICIT_PORT: u16 = 995;

const TIMEOUT: Duration = Duration::from_secs(60);
const WAIT: Duration = Duration::from_secs(5);

#[cfg(test)]
pub(crate) mod tests;
