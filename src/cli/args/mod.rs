//! The command line, as typed. `settings` interprets the values.
//!
//! All values are text, except those that must be one of a list: `settings` parses a value from an option, a variable or the
//! configuration file in the same way, and its error names the source.

// The doc comments of options are their help texts, so they have no backticks, and field names repeat those of the options.
#![allow(clippy::doc_markdown, clippy::struct_field_names)]

mod connection;
mod parse;
mod selectors;
mod subcommands;
#[cfg(test)]
mod tests;
pub mod text;

use std::path::PathBuf;

use clap::{ArgAction, Parser, Subcommand, ValueEnum, ValueHint, builder::PossibleValue};

pub use self::{
    connection::{Account, Connection},
    parse::{Parsed, parse},
    selectors::SelectorArgs,
    subcommands::{Accounts, Delete, Fetch, Headers, Login, Logout, Record, Status, Tool, Uidl},
};
use crate::sasl::{AuthMethod, Mechanism};

/// A parsed command line.
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

/// Changes to the server.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Changing the server")]
pub struct Server {
    /// Delete the marked messages: end the session with QUIT
    ///
    /// Without --commit nothing ever changes on the server: marks are removed, and the connection is closed without
    /// QUIT. With --commit, success is reported only after the server has confirmed QUIT.
    #[arg(long, global = true)]
    pub commit: bool,
}

/// Output.
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
    /// Passwords, tokens and data derived from them are replaced by ***. Messages are included in full. SSLKEYLOGFILE, a
    /// file for the keys that decrypt a recording of the session, is supported only with --trace.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        num_args = 0..=1,
        require_equals = true,
        value_hint = ValueHint::FilePath
    )]
    #[allow(clippy::option_option, reason = "absent, without a file, with a file")]
    pub trace: Option<Option<PathBuf>>,

    /// Print more on standard error; twice, even more
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,

    /// Omit warnings and rows of fetch and delete; twice, also errors
    ///
    /// Still printed: the output of status, headers, uidl, record and accounts, the rows of --json, and usage errors.
    /// Also omitted: the line of status --check.
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

    /// Print the version; --version also prints build details
    #[arg(short = 'V', long, global = true, action = ArgAction::Version)]
    version: Option<bool>,
}

/// Returns `--commit` for subcommands on which it has no effect. It is accepted, but not shown in the help.
fn hidden_commit() -> clap::Arg {
    clap::Arg::new("commit").long("commit").action(ArgAction::SetTrue).hide(true)
}

/// The subcommand of a run.
#[derive(Debug, Clone, Subcommand)]
#[command(subcommand_value_name = "COMMAND", disable_help_subcommand = true)]
#[allow(clippy::large_enum_variant, reason = "a run has one")]
pub enum Command {
    /// Count all messages and the new ones, and their octets
    #[command(help_template = text::TEMPLATE, before_help = text::examples("status"))]
    Status(Status),
    /// List date, sender, subject and size without downloading
    #[command(help_template = text::TEMPLATE, before_help = text::examples("headers"))]
    Headers(Headers),
    /// Download messages byte for byte, and record them as fetched
    #[command(help_template = text::TEMPLATE, before_help = text::examples("fetch"))]
    Fetch(Fetch),
    /// Mark messages for deletion; with --commit, delete them
    #[command(help_template = text::TEMPLATE, before_help = text::examples("delete"))]
    Delete(Delete),
    /// List number, unique-id and size
    #[command(help_template = text::TEMPLATE, before_help = text::examples("uidl"))]
    Uidl(Uidl),
    /// Verify a password and save it in the keyring; with OAuth 2.0, get a grant
    #[command(help_template = text::TEMPLATE, before_help = text::examples("login"), arg = hidden_commit())]
    Login(Login),
    /// Remove the saved password from the keyring, or revoke and remove the OAuth 2.0 grant
    ///
    /// Opens no session. If nothing is saved, prints that and exits with code 0.
    #[command(help_template = text::TEMPLATE, before_help = text::examples("logout"), arg = hidden_commit())]
    Logout(Logout),
    /// List the accounts of the configuration file, one per line
    ///
    /// Opens no session. With --json each account is an object with the host, port and user that --account would use,
    /// and whether it is the default.
    #[command(help_template = text::TEMPLATE, before_help = text::examples("accounts"), arg = hidden_commit())]
    Accounts(Accounts),
    /// List the fetched messages, forget them, or import another program's list
    ///
    /// Opens no session. A forgotten message counts as new.
    #[command(help_template = text::TEMPLATE, before_help = text::examples("record"), arg = hidden_commit())]
    Record(Record),
}

impl Command {
    /// Returns the name of the subcommand.
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

/// The encryption of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Tls {
    /// A cleartext connection, upgraded with STLS before any credential is sent
    Starttls,
    /// TLS from the start
    Implicit,
    /// No encryption
    None,
}

/// An authentication method, or the strongest one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Auth(pub Option<AuthMethod>);

impl Auth {
    const ALL: [(Self, &'static str, &'static str); 11] = [
        (Self(None), "auto", "The strongest mechanism that the server offers and that fits the credential"),
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
