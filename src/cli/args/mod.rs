//! The command line as typed: what there is to type, and no word of what it means.
//!
//! Values stay text here (but those of a closed list): one place, `settings`, gives option, variable and key of the
//! configuration file the same meaning, and each its own error.

// The doc comments of options are their help, which has no backticks; names that repeat are those of options.
#![allow(clippy::doc_markdown, clippy::struct_field_names)]

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{ArgAction, ArgGroup, Parser, Subcommand, ValueEnum, ValueHint};

use crate::sasl::{AuthMethod, Mechanism};

pub use self::parse::{Parsed, parse};

mod parse;
pub mod text;

/// Everything that was typed.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "pop3",
    bin_name = "pop3",
    version = env!("CARGO_PKG_VERSION"),
    long_version = text::long_version(),
    about = "A POP3 client for scripts: one command, one session, text or JSON",
    long_about = text::ABOUT,
    before_help = text::examples("pop3"),
    help_template = text::TEMPLATE,
    override_usage = "pop3 [OPTIONS] <COMMAND> [ARGUMENTS]",
    propagate_version = true,
    disable_help_flag = true,
    disable_version_flag = true,
    max_term_width = 100,
    subcommand_required = true
)]
pub struct Args {
    #[command(flatten)]
    pub server: Server,
    #[command(flatten)]
    pub account: Account,
    #[command(flatten)]
    pub connection: Connection,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub general: General,
    #[command(subcommand)]
    pub command: Command,
}

/// What may be done to the server.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Changing the server")]
pub struct Server {
    /// Delete what was marked: end the session with QUIT
    ///
    /// Without --commit nothing changes on the server, ever: what was marked is unmarked and the connection closed
    /// without QUIT. With it, success is reported only after the server confirmed QUIT.
    #[arg(long, global = true)]
    pub commit: bool,
}

/// Whose maildrop it is.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Account and connection")]
pub struct Account {
    /// Use this account of the config file [env: POP3_ACCOUNT]
    ///
    /// Without it, the account that the file's key `default` names.
    #[arg(short, long, global = true, value_name = "NAME", value_hint = ValueHint::Other)]
    pub account: Option<String>,

    /// Log in as USER, sent unchanged [env: POP3_USER]
    ///
    /// The password never stands on the command line. It is taken from POP3_PASSWORD (an OAuth 2.0 access token: from
    /// POP3_TOKEN), the account's password-command (token-command), the keyring, or a prompt, in this order.
    #[arg(long, global = true, value_name = "USER", value_hint = ValueHint::Username)]
    pub user: Option<String>,

    /// How to authenticate [env: POP3_AUTH] [default: auto]
    #[arg(long, global = true, value_name = "MECHANISM", hide_short_help = true)]
    pub auth: Option<Auth>,

    /// Read this configuration file [env: POP3_CONFIG]
    ///
    /// Without it, pop3/config.toml in the configuration directory of the platform: ~/.config on Linux and macOS
    /// (XDG_CONFIG_HOME), %APPDATA% on Windows.
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub config: Option<PathBuf>,

    /// Remember in DIR what was fetched [env: POP3_STATE_DIR]
    ///
    /// Without it, pop3 in the state directory of the platform: ~/.local/state on Linux and macOS (XDG_STATE_HOME),
    /// %LOCALAPPDATA% on Windows.
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath, hide_short_help = true)]
    pub state_dir: Option<PathBuf>,
}

/// The way to the server.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Account and connection")]
pub struct Connection {
    /// Name or address of the server, or a URL [env: POP3_HOST]
    ///
    /// HOST:PORT is taken too. A URL (RFC 2384) may also give the user, the mechanism and the port:
    /// pops://alice;AUTH=PLAIN@pop.example.org:995, in quotes for the shell. pops:// means --tls implicit. A URL beats
    /// the environment; a part that contradicts --port, --user, --tls or --auth is an error, and so is a password in it.
    #[arg(long, global = true, value_name = "HOST", value_hint = ValueHint::Hostname)]
    pub host: Option<String>,

    /// Port of the server [env: POP3_PORT]
    ///
    /// 110 by default, or 995 with --tls implicit.
    #[arg(long, global = true, value_name = "PORT", allow_hyphen_values = true)]
    pub port: Option<String>,

    /// Encryption: starttls, implicit or none [env: POP3_TLS]
    ///
    /// starttls, the default: a plain connection, upgraded with STLS before any credential is sent; never a silent
    /// fallback. implicit, the default where the port is 995: TLS from the first octet. none: no encryption.
    #[arg(long, global = true, value_name = "MODE", hide_possible_values = true)]
    pub tls: Option<Tls>,

    /// Trust the certificate authorities in this PEM file instead of the system's [env: POP3_CA_FILE]
    ///
    /// SSL_CERT_FILE and SSL_CERT_DIR are honoured too.
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub ca_file: Option<PathBuf>,

    /// Trust exactly the certificate with this SHA-256 [env: POP3_TLS_FINGERPRINT]
    ///
    /// 64 hexadecimal digits, with or without colons. Nothing else of the certificate is checked: for servers that
    /// sign their own. The error for an untrusted certificate prints the fingerprint that it saw. Beats --ca-file.
    #[arg(long, global = true, value_name = "SHA256", hide_short_help = true)]
    pub tls_fingerprint: Option<String>,

    /// Check the certificate for NAME instead of the host, and send NAME as SNI [env: POP3_TLS_NAME]
    ///
    /// For a server behind a tunnel: --host 127.0.0.1 --tls-name pop.example.org. With --tls-fingerprint, which checks
    /// no name, NAME is only sent.
    #[arg(long, global = true, value_name = "NAME", value_hint = ValueHint::Hostname, hide_short_help = true)]
    pub tls_name: Option<String>,

    /// Show the server this client certificate, in PEM [env: POP3_CLIENT_CERT]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub client_cert: Option<PathBuf>,

    /// The key of the client certificate, in PEM [env: POP3_CLIENT_KEY] [default: in the file of --client-cert]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub client_key: Option<PathBuf>,

    /// Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT [env: POP3_PROXY]
    ///
    /// A SOCKS5 proxy resolves the server's name; an HTTP proxy is asked to CONNECT. A user and password may stand
    /// before the host (socks5://USER:PASSWORD@HOST:PORT); other users of this machine can read them from the
    /// command line, so set POP3_PROXY or the key in the configuration file for those. Without any of them, ALL_PROXY
    /// and NO_PROXY are read as curl reads them. An empty URL means no proxy at all.
    #[arg(long, global = true, value_name = "URL", value_hint = ValueHint::Url, hide_short_help = true)]
    pub proxy: Option<String>,

    /// Connect from this local IP address, over its family only [env: POP3_BIND]
    ///
    /// An address that this machine does not have (any more) is an error like an unreachable server (69).
    #[arg(long, global = true, value_name = "ADDRESS", value_hint = ValueHint::Other, hide_short_help = true)]
    pub bind: Option<String>,

    /// Connect over IPv4 only
    #[arg(short = '4', global = true, conflicts_with = "ipv6", hide_short_help = true)]
    pub ipv4: bool,

    /// Connect over IPv6 only
    #[arg(short = '6', global = true, hide_short_help = true)]
    pub ipv6: bool,

    /// Give up after SECONDS of silence [env: POP3_TIMEOUT] [default: 60]
    ///
    /// Counts for resolving, connecting, the TLS handshake, each read and write, the keyring, and waiting for another
    /// fetch of the account or for the lock of an mbox.
    #[arg(long, global = true, value_name = "SECONDS", allow_hyphen_values = true, hide_short_help = true)]
    pub timeout: Option<String>,

    /// End the run after SECONDS [env: POP3_DEADLINE] [default: none]
    ///
    /// Bounds everything: a server that goes on sending, the commands of password-command and --pipe, the keyring, a
    /// prompt, and standard input.
    #[arg(long, global = true, value_name = "SECONDS", allow_hyphen_values = true, hide_short_help = true)]
    pub deadline: Option<String>,

    /// Go on trying so long while the server says that the maildrop is in use [env: POP3_WAIT] [default: 5]
    #[arg(long, global = true, value_name = "SECONDS", allow_hyphen_values = true, hide_short_help = true)]
    pub wait: Option<String>,

    /// Send one command at a time [env: POP3_NO_PIPELINING]
    ///
    /// Commands are sent ahead only where the server announces PIPELINING. The variable takes 1, true or yes, and 0,
    /// false or no.
    #[arg(long, global = true, hide_short_help = true)]
    pub no_pipelining: bool,
}

/// What is said, and how.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// Print one JSON object per line
    ///
    /// Errors and warnings on standard error are JSON too.
    #[arg(long, global = true)]
    pub json: bool,

    /// When to use colours [default: auto]
    #[arg(long, global = true, value_name = "WHEN", hide_short_help = true)]
    pub color: Option<Color>,

    /// Write the conversation to standard error, or append it to FILE
    ///
    /// Passwords, tokens and what is made of them are replaced by ***. The messages are in it whole. Only with --trace
    /// is SSLKEYLOGFILE honoured: a file for the keys that decrypt a recording of the session.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        num_args = 0..=1,
        require_equals = true,
        value_hint = ValueHint::FilePath
    )]
    #[allow(clippy::option_option)] // absent, without a file, with one
    pub trace: Option<Option<PathBuf>>,

    /// Say more on standard error; twice, still more
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,

    /// Leave out warnings and rows of fetch and delete; twice, errors too
    ///
    /// What status, headers, uidl and accounts answer stays, and so do rows of --json; the line of status --check goes.
    /// Usage errors stay.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub quiet: u8,
}

/// Help and version.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Output")]
pub struct General {
    /// Print help: -h in short, --help in full
    #[arg(short, long, global = true, action = ArgAction::Help)]
    help: Option<bool>,

    /// Print the version; --version with what it was built from
    #[arg(short = 'V', long, global = true, action = ArgAction::Version)]
    version: Option<bool>,
}

/// `--commit` where it does nothing: taken, since it stands before every subcommand, but not in the help.
fn hidden_commit() -> clap::Arg {
    clap::Arg::new("commit").long("commit").action(ArgAction::SetTrue).hide(true)
}

/// The one job of a run.
#[derive(Debug, Clone, Subcommand)]
#[command(subcommand_value_name = "COMMAND", disable_help_subcommand = true)]
#[allow(clippy::large_enum_variant, reason = "there is one in a run")]
pub enum Command {
    /// Count the messages and their octets, of all and of the new
    #[command(help_template = text::TEMPLATE, before_help = text::examples("status"))]
    Status(Status),
    /// List date, sender, subject and size without downloading
    #[command(help_template = text::TEMPLATE, before_help = text::examples("headers"))]
    Headers(Headers),
    /// Download messages, each byte for byte, and remember them
    #[command(help_template = text::TEMPLATE, before_help = text::examples("fetch"))]
    Fetch(Fetch),
    /// Mark messages for deletion; with --commit, delete them
    #[command(help_template = text::TEMPLATE, before_help = text::examples("delete"))]
    Delete(Delete),
    /// List number, unique-id and size
    #[command(help_template = text::TEMPLATE, before_help = text::examples("uidl"))]
    Uidl(Uidl),
    /// Prove a password and save it in the keyring; with OAuth 2.0, get a grant
    #[command(help_template = text::TEMPLATE, before_help = text::examples("login"), arg = hidden_commit())]
    Login(Login),
    /// Remove the saved password from the keyring, or revoke and remove the OAuth 2.0 grant
    ///
    /// Opens no session. Where nothing is saved it says so and ends with exit code 0.
    #[command(help_template = text::TEMPLATE, before_help = text::examples("logout"), arg = hidden_commit())]
    Logout(Logout),
    /// Name the accounts of the configuration file, one per line
    ///
    /// Opens no session. With --json each account is an object with the host, port and user that --account would use,
    /// and whether it is the default.
    #[command(help_template = text::TEMPLATE, before_help = text::examples("accounts"), arg = hidden_commit())]
    Accounts(Accounts),
    /// List what is remembered as fetched, forget it, or take over another program's list
    ///
    /// Opens no session. A message counts as new once it is forgotten.
    #[command(help_template = text::TEMPLATE, before_help = text::examples("record"), arg = hidden_commit())]
    Record(Record),
}

#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "What to tell")]
pub struct Status {
    /// Exit with 0 if there is new mail, with 1 if there is none
    #[arg(long)]
    pub check: bool,

    /// Tell about the server too: greeting, capabilities, TLS, certificate, mechanism, policies
    #[arg(long)]
    pub server: bool,
}

#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "What to list")]
pub struct Headers {
    /// Show the first N lines of the body too
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub lines: Option<u32>,

    /// Show every header field
    #[arg(long)]
    pub fields: bool,

    #[command(flatten)]
    pub selectors: SelectorArgs,
}

#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Where messages go (one of these)")]
#[group(id = "destination", multiple = false, args = ["dir", "maildir", "mbox", "pipe", "lmtp", "stdout", "skip"])]
#[allow(clippy::struct_excessive_bools)] // each is a switch of its own
pub struct Fetch {
    /// One .eml file a message in DIR (default: the current directory)
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,

    /// Deliver to the Maildir DIR
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub maildir: Option<PathBuf>,

    /// Append to the mbox FILE; - is standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub mbox: Option<PathBuf>,

    /// Run COMMAND once a message, with the message on its standard input
    ///
    /// Its words are split as a shell would, but no shell runs. Its exit status decides whether the message counts as
    /// fetched. POP3_UID and POP3_NUMBER are set in its environment.
    #[arg(long, value_name = "COMMAND", value_hint = ValueHint::CommandString)]
    pub pipe: Option<String>,

    /// End the --pipe command of a message after SECONDS; the message then failed [default: none]
    #[arg(long, value_name = "SECONDS", allow_hyphen_values = true, hide_short_help = true)]
    pub pipe_timeout: Option<String>,

    /// Deliver to the LMTP server at ADDRESS: HOST:PORT, or the path of a socket (with a slash)
    ///
    /// The server's answer decides whether the message counts as fetched. The sender is empty, so that nothing is
    /// returned to anybody. Bytes go as they came, but for bare line feeds, which become CRLF.
    #[arg(long, value_name = "ADDRESS", value_hint = ValueHint::Other)]
    pub lmtp: Option<String>,

    /// The recipient that the LMTP server delivers to
    #[arg(long, value_name = "RECIPIENT", value_hint = ValueHint::EmailAddress)]
    pub rcpt: Option<String>,

    /// Write the one message that was chosen to standard output, as it is
    #[arg(long, conflicts_with_all = ["json", "delete"])]
    pub stdout: bool,

    /// Store nothing and remember the chosen messages: from now on only what is new
    #[arg(long, conflicts_with_all = ["delete", "no_state"])]
    pub skip: bool,

    /// Stop before the message with which more than SIZE would be fetched, but fetch at least one
    ///
    /// SIZE is in octets, or with k, M, G, KiB, MiB or GiB, and counts by the server's listing.
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true, help_heading = "What happens to them")]
    pub limit_size: Option<String>,

    /// Mark each message for deletion once it is stored; with --commit, delete it
    #[arg(long, help_heading = "What happens to them")]
    pub delete: bool,

    /// Neither read nor write the record of what was fetched
    #[arg(long, help_heading = "What happens to them")]
    pub no_state: bool,

    #[command(flatten)]
    pub selectors: SelectorArgs,
}

#[derive(Debug, Clone, Default, clap::Args)]
pub struct Delete {
    #[command(flatten)]
    pub selectors: SelectorArgs,
}

#[derive(Debug, Clone, Default, clap::Args)]
pub struct Uidl {
    #[command(flatten)]
    pub selectors: SelectorArgs,
}

#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Logging in")]
pub struct Login {
    /// A mail address whose server is looked for, or an account of the configuration file
    ///
    /// Without --host and without an account of that name, the server is looked for: autoconfig files of the domain,
    /// its SRV records, then Mozilla's ISPDB, which is told the domain. The account is shown, written to the
    /// configuration file if you agree, and logged in to. Without a terminal it is printed on standard output as
    /// TOML, and nothing is written.
    #[arg(value_name = "ADDRESS", value_hint = ValueHint::EmailAddress)]
    pub address: Option<String>,

    /// Read the password from standard input, its first line
    #[arg(long)]
    pub password_stdin: bool,

    /// OAuth 2.0: print a code to confirm on any device, and wait
    #[arg(long, conflicts_with_all = ["no_browser", "password_stdin"])]
    pub device: bool,

    /// OAuth 2.0: print the address to open, and read the one that the browser ended at from standard input
    #[arg(long, conflicts_with = "password_stdin")]
    pub no_browser: bool,
}

#[derive(Debug, Clone, Default, clap::Args)]
pub struct Logout {}

#[derive(Debug, Clone, Default, clap::Args)]
pub struct Accounts {}

#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "What to change")]
#[command(group = ArgGroup::new("forgotten").args(["uids", "all", "older_than"]))]
#[group(skip)]
pub struct Record {
    /// Forget the messages of --uid, --all or --older-than: they count as new then
    #[arg(long, requires = "forgotten", conflicts_with_all = ["import", "from"])]
    pub forget: bool,

    /// The message with this unique-id (repeatable); - reads them from standard input, one per line
    #[arg(long = "uid", value_name = "UID", allow_hyphen_values = true, requires = "forget")]
    pub uids: Vec<OsString>,

    /// All messages, also where the record is damaged
    #[arg(long, requires = "forget")]
    pub all: bool,

    /// Those fetched at least AGE ago: digits with m, h, d or w
    #[arg(long, value_name = "AGE", allow_hyphen_values = true, requires = "forget")]
    pub older_than: Option<String>,

    /// Remember the messages that another program fetched: the list of mpop, fetchmail, getmail or Thunderbird in FILE
    ///
    /// The form is recognised by content, and the host and user of this run choose the list of the account. Messages
    /// count as fetched at the time in the list, or now. Importing a list again changes nothing.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub import: Option<PathBuf>,

    /// The program that wrote FILE, whatever it looks like
    #[arg(long, value_name = "TOOL", requires = "import")]
    pub from: Option<Tool>,
}

/// A program whose list of seen messages can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Tool {
    /// ~/.mpop_uidls/USER_at_HOST
    Mpop,
    /// ~/.fetchids
    Fetchmail,
    /// oldmail-SERVER-PORT-USER in its configuration folder; with --from the name does not matter
    Getmail,
    /// popstate.dat in the folder of the account
    Thunderbird,
}

/// Which messages: numbers and unique-ids name them and add up; everything else filters what is named, or all.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Choosing messages")]
pub struct SelectorArgs {
    /// Message numbers of this session: 3, 2-5, 7- or 1,4-6
    ///
    /// Numbers and unique-ids name messages and add up; the other selectors filter what is named, or all messages where
    /// nothing is named, and each must hold. Without numbers, --uid, --all, --new, --fetched, --first and --last, headers
    /// and fetch take --new, uidl takes all, and delete is an error.
    #[arg(value_name = "NUMBERS", display_order = 0)]
    pub numbers: Vec<String>,

    /// The message with this unique-id (repeatable); - reads unique-ids from standard input, one per line
    ///
    /// As uidl prints it: a byte that is not UTF-8 is \xNN. With -, empty lines are ignored, and no lines choose nothing.
    #[arg(long = "uid", value_name = "UID", allow_hyphen_values = true)]
    pub uids: Vec<OsString>,

    /// All messages
    #[arg(long)]
    pub all: bool,

    /// Only messages not fetched before
    #[arg(long, conflicts_with = "fetched")]
    pub new: bool,

    /// Only messages fetched before
    #[arg(long)]
    pub fetched: bool,

    /// Only messages larger than SIZE: octets, or with k, M, G, KiB, MiB, GiB
    ///
    /// By the server's listing. A message without a listed size is neither larger nor smaller.
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    pub larger: Option<String>,

    /// Only messages smaller than SIZE
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    pub smaller: Option<String>,

    /// Only messages fetched at least AGE ago: digits with m, h, d or w
    #[arg(long, value_name = "AGE", allow_hyphen_values = true)]
    pub older_than: Option<String>,

    /// Of what the other selectors leave, the N messages with the lowest numbers
    #[arg(long, value_name = "N", allow_hyphen_values = true, conflicts_with = "last")]
    pub first: Option<String>,

    /// Of what the other selectors leave, the N messages with the highest numbers
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub last: Option<String>,
}

impl SelectorArgs {
    /// True if no messages are chosen; a size or an age alone chooses none.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
            && self.uids.is_empty()
            && self.first.is_none()
            && self.last.is_none()
            && !(self.new || self.fetched || self.all)
    }
}

impl Command {
    /// The name as it is typed.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Status(_) => "status",
            Self::Headers(_) => "headers",
            Self::Fetch(_) => "fetch",
            Self::Delete(_) => "delete",
            Self::Uidl(_) => "uidl",
            Self::Login(_) => "login",
            Self::Logout(_) => "logout",
            Self::Accounts(_) => "accounts",
            Self::Record(_) => "record",
        }
    }
}

/// How the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Tls {
    /// A plain connection, upgraded with STLS before any credential is sent; never a silent fallback
    Starttls,
    /// TLS from the first octet
    Implicit,
    /// No encryption
    None,
}

/// How to authenticate: a method, or the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Auth(pub Option<AuthMethod>);

impl Auth {
    const ALL: [(Self, &'static str, &'static str); 11] = [
        (Self(None), "auto", "The strongest that the server offers and the credential fits"),
        (Self(Some(AuthMethod::UserPass)), "user-pass", "USER and PASS"),
        (Self(Some(AuthMethod::Apop)), "apop", "APOP"),
        (Self(Some(AuthMethod::Sasl(Mechanism::Plain))), "plain", "SASL PLAIN"),
        (Self(Some(AuthMethod::Sasl(Mechanism::Login))), "login", "SASL LOGIN"),
        (Self(Some(AuthMethod::Sasl(Mechanism::CramMd5))), "cram-md5", "SASL CRAM-MD5"),
        (Self(Some(AuthMethod::Sasl(Mechanism::ScramSha1))), "scram-sha-1", "SASL SCRAM-SHA-1"),
        (Self(Some(AuthMethod::Sasl(Mechanism::ScramSha256))), "scram-sha-256", "SASL SCRAM-SHA-256"),
        (Self(Some(AuthMethod::Sasl(Mechanism::XOAuth2))), "xoauth2", "SASL XOAUTH2, with a token"),
        (
            Self(Some(AuthMethod::Sasl(Mechanism::OAuthBearer))),
            "oauthbearer",
            "SASL OAUTHBEARER, with a token",
        ),
        (
            Self(Some(AuthMethod::Sasl(Mechanism::External))),
            "external",
            "SASL EXTERNAL, with the client certificate",
        ),
    ];
}

impl ValueEnum for Auth {
    fn value_variants<'a>() -> &'a [Self] {
        const VARIANTS: [Auth; Auth::ALL.len()] = {
            let mut variants = [Auth(None); Auth::ALL.len()];
            let mut at = 0;
            while at < variants.len() {
                variants[at] = Auth::ALL[at].0;
                at += 1;
            }
            variants
        };
        &VARIANTS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (_, name, help) = Self::ALL.iter().find(|(value, ..)| value == self)?;
        Some(PossibleValue::new(*name).help(*help))
    }
}

/// When to use colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    Always,
    Never,
}
