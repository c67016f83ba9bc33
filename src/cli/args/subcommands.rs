//! The arguments of each subcommand.

use std::{ffi::OsString, path::PathBuf};

use clap::{ArgGroup, ValueEnum, ValueHint};

use super::SelectorArgs;

#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "What to report")]
pub struct Status {
    /// Exit with 0 if there is new mail, with 1 if there is none
    #[arg(long)]
    pub check: bool,

    /// Also report on the server: greeting, capabilities, TLS, certificate, mechanism, policies
    #[arg(long)]
    pub server: bool,
}

#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "What to list")]
pub struct Headers {
    /// Also show the first N lines of the body
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
#[allow(clippy::struct_excessive_bools, reason = "the switches are independent of each other")]
pub struct Fetch {
    /// One .eml file per message in DIR (default: the current directory)
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,

    /// Deliver to the Maildir DIR
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub maildir: Option<PathBuf>,

    /// Append to the mbox FILE; - means standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub mbox: Option<PathBuf>,

    /// Run COMMAND once per message, with the message on its standard input
    ///
    /// COMMAND is split into words like in a shell, but no shell is run. Its exit status decides whether the message
    /// counts as fetched. POP3_UID and POP3_NUMBER are set in its environment.
    #[arg(long, value_name = "COMMAND", value_hint = ValueHint::CommandString)]
    pub pipe: Option<String>,

    /// End the --pipe command of a message after SECONDS; the message then fails [default: none]
    #[arg(long, value_name = "SECONDS", allow_hyphen_values = true, hide_short_help = true)]
    pub pipe_timeout: Option<String>,

    /// Deliver to the LMTP server at ADDRESS: HOST:PORT, or the path of a socket (with a slash)
    ///
    /// The server's response decides whether the message counts as fetched. The sender is empty, so no bounces are
    /// sent. Messages are unchanged, except that bare line feeds become CRLF.
    #[arg(long, value_name = "ADDRESS", value_hint = ValueHint::Other)]
    pub lmtp: Option<String>,

    /// Recipient of the messages at the LMTP server
    #[arg(long, value_name = "RECIPIENT", value_hint = ValueHint::EmailAddress)]
    pub rcpt: Option<String>,

    /// Write one message to standard output, unchanged
    #[arg(long, conflicts_with_all = ["json", "delete"])]
    pub stdout: bool,

    /// Store nothing, but count the messages as fetched, so that later runs ignore them
    #[arg(long, conflicts_with_all = ["delete", "no_state"])]
    pub skip: bool,

    /// Stop before the message that would exceed SIZE in total, but fetch at least one
    ///
    /// SIZE is a number of octets, or a number with k, M, G, KiB, MiB or GiB. Message sizes are those of the listing.
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true, help_heading = "Limits and deletion")]
    pub limit_size: Option<String>,

    /// Mark each message for deletion once it is stored; with --commit, delete it
    #[arg(long, help_heading = "Limits and deletion")]
    pub delete: bool,

    /// Neither read nor write the record of fetched messages
    #[arg(long, help_heading = "Limits and deletion")]
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
    /// A mail address, to find its server, or an account of the configuration file
    ///
    /// Without --host and without an account of that name, pop3 searches for the server: in autoconfig files and SRV
    /// records of the domain, then in Mozilla's ISPDB, to which it sends the domain. It shows the account, writes it to
    /// the configuration file if you agree, and logs in. Without a terminal it prints the account on standard output as
    /// TOML and writes nothing.
    #[arg(value_name = "ADDRESS", value_hint = ValueHint::EmailAddress)]
    pub address: Option<String>,

    /// Read the password from the first line of standard input
    #[arg(long)]
    pub password_stdin: bool,

    /// OAuth 2.0: print a code to confirm on any device, and wait
    #[arg(long, conflicts_with_all = ["no_browser", "password_stdin"])]
    pub device: bool,

    /// OAuth 2.0: print the URL to open, and read the URL of the last page from standard input
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
    /// Forget the messages of --uid, --all or --older-than: they count as new again
    #[arg(long, requires = "forgotten", conflicts_with_all = ["import", "from"])]
    pub forget: bool,

    /// The message with this unique-id (repeatable); - reads them from standard input, one per line
    #[arg(long = "uid", value_name = "UID", allow_hyphen_values = true, requires = "forget")]
    pub uids: Vec<OsString>,

    /// All messages; also resets a damaged record
    #[arg(long, requires = "forget")]
    pub all: bool,

    /// Messages fetched at least AGE ago: a number with m, h, d or w
    #[arg(long, value_name = "AGE", allow_hyphen_values = true, requires = "forget")]
    pub older_than: Option<String>,

    /// Import the messages that another program fetched: FILE is a list of mpop, fetchmail, getmail or Thunderbird
    ///
    /// The format is detected by content. If FILE has lists of several accounts, the host and user of this run select
    /// one. Messages count as fetched at the time in the list, or now. Importing a list again changes nothing.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub import: Option<PathBuf>,

    /// The program that wrote FILE, instead of detecting it
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
    /// oldmail-SERVER-PORT-USER in its configuration folder; with --from, any name
    Getmail,
    /// popstate.dat in the folder of the account
    Thunderbird,
}
