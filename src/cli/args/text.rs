//! The texts of the help and the manual, except those of the options.

use std::{fmt::Write as _, sync::LazyLock};

/// The layout of the help. Examples come before options, because people look for them first.
pub const TEMPLATE: &str = "\
{about-with-newline}
{usage-heading} {usage}

{before-help}{all-args}{after-help}";

pub const ABOUT: &str = "\
A POP3 client for scripts: one command, one session, text or JSON.

Without --commit nothing ever changes on the server. Options may precede or follow the command. An option overrides \
its environment variable, which overrides the configuration file, which overrides the default. An empty variable \
counts as not set; only POP3_PASSWORD may be empty, and an empty POP3_PROXY means no proxy.";

/// The output of `pop3` without arguments.
pub const BEGIN: &str = "\
pop3: a POP3 client for scripts. To begin:

  # ask for the password, verify it with the server, save it in the keyring
  pop3 login --host pop.example.org --user alice
  # how many messages there are
  pop3 status --host pop.example.org --user alice
  # download the new ones into the current directory; all stay on the server
  pop3 fetch --host pop.example.org --user alice

Commands: status, headers, fetch, delete, uidl, login, logout, accounts, record.
pop3 --help shows more, pop3 COMMAND --help describes a command.
";

pub const NO_COMMAND: &str =
    "no command given; expected one of status, headers, fetch, delete, uidl, login, logout, accounts, record";

/// Switches that are never suggested for a mistyped one: they delete or forget messages, or count messages as fetched without
/// storing them.
pub const DANGEROUS: &[&str] = &["--commit", "--delete", "--forget", "--skip"];

/// Commands of the protocol and options of other clients, each with a hint that names the equivalent.
pub const ELSEWHERE: &[(&[&str], &str)] = &[
    (&["list", "ls"], "pop3 uidl lists numbers, unique-ids and sizes; pop3 headers lists subjects"),
    (
        &["retr", "get", "download", "read", "cat", "show"],
        "pop3 fetch downloads; pop3 fetch 3 --stdout shows a message",
    ),
    (&["dele", "del", "rm", "remove", "expunge"], "pop3 delete marks messages for deletion"),
    (&["top", "peek", "head"], "pop3 headers --lines N shows the header and the first lines"),
    (
        &["stat", "check", "count"],
        "pop3 status counts messages; the exit code of --check shows whether there are new ones",
    ),
    (&["capa", "capabilities", "info"], "pop3 status --server shows what the server announces"),
    (&["auth", "pass", "user"], "pop3 login verifies a password and saves it"),
    (&["-u", "--username", "--login"], "the user name is given with --user"),
    (
        &["-p", "--pass", "--password", "--passwd", "--token"],
        "a password is never on the command line: set POP3_PASSWORD or POP3_TOKEN, or save one with pop3 login",
    ),
    (&["-s", "--server-name", "--hostname"], "the server is given with --host"),
    (
        &["-k", "--insecure", "--no-verify", "--no-check-certificate"],
        "a self-signed certificate is trusted with --tls-fingerprint",
    ),
    (&["--ssl", "--use-ssl", "--pop3s", "--tls-implicit"], "TLS from the start is --tls implicit"),
    (&["--starttls", "--stls"], "--tls starttls is the default"),
    (&["--no-tls", "--no-ssl", "--plain"], "--tls none sends everything in cleartext"),
    (
        &["--keep", "--leave", "--nodelete", "--no-delete"],
        "messages stay on the server without --delete --commit",
    ),
    (&["--limit", "--max", "--count", "-n"], "--first N selects the N lowest numbers, --last N the highest"),
    (&["--since", "--before", "--newer-than"], "--older-than AGE selects by the time of fetching"),
    (
        &["-o", "--output", "--out", "--output-dir"],
        "messages go to --dir, --maildir, --mbox, --pipe or --stdout",
    ),
    (&["--unread", "--unseen"], "--new selects messages that were not fetched before"),
    (&["--retries", "--retry"], "a maildrop in use is retried for --wait seconds"),
    (&["--quiet-errors", "--silent"], "-q omits warnings, -qq also omits errors"),
    (&["--debug", "--wire"], "--trace shows the conversation with the server, -v prints more"),
];

/// An example: a description and a command line.
pub type Example = (&'static str, &'static str);

/// The examples of `pop3` itself and of each subcommand.
pub const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "pop3",
        &[
            ("save the password in the keyring", "pop3 login --host pop.example.org --user alice"),
            ("download what is new", "pop3 fetch --host pop.example.org --user alice --maildir ~/Mail"),
            (
                "delete from the server what was fetched 30 days ago",
                "pop3 delete --account work --fetched --older-than 30d --commit",
            ),
        ],
    ),
    (
        "status",
        &[
            ("is there new mail?", "pop3 status --account work --check && echo 'new mail'"),
            (
                "what the server supports, and when its certificate expires",
                "pop3 status --account work --server",
            ),
        ],
    ),
    (
        "headers",
        &[
            ("the new messages", "pop3 headers --account work"),
            (
                "the newest ten, with the first lines of their text",
                "pop3 headers --account work --last 10 --lines 5",
            ),
            (
                "subjects of all messages larger than 5 megabytes",
                "pop3 headers --account work --all --larger 5M --json | jq -r .subject",
            ),
        ],
    ),
    (
        "fetch",
        &[
            ("the new messages, into a Maildir", "pop3 fetch --account work --maildir ~/Mail/work"),
            (
                "the same, and delete them from the server",
                "pop3 fetch --account work --maildir ~/Mail/work --delete --commit",
            ),
            ("message 3, to standard output", "pop3 fetch --account work 3 --stdout > message.eml"),
            ("all messages, each to a program", "pop3 fetch --account work --all --pipe 'rspamc learn_spam'"),
        ],
    ),
    (
        "delete",
        &[
            ("try it: nothing is deleted", "pop3 delete --account work 3 7-9"),
            (
                "what was fetched at least 30 days ago",
                "pop3 delete --account work --fetched --older-than 30d --commit",
            ),
            (
                "messages that a filter selects, by unique-id",
                "pop3 headers --account work --json | jq -r 'select(.subject == \"spam\").uid' |\n      pop3 delete --account work --uid - --commit",
            ),
        ],
    ),
    (
        "uidl",
        &[
            ("all messages", "pop3 uidl --account work"),
            ("the unique-ids of the new ones", "pop3 uidl --account work --new --json | jq -r .uid"),
        ],
    ),
    (
        "login",
        &[
            (
                "find the server, write an account for it, ask for the password",
                "pop3 login alice@example.org",
            ),
            ("ask for the password", "pop3 login --account work"),
            (
                "read it from another program",
                "pass show mail/work | pop3 login --account work --password-stdin",
            ),
        ],
    ),
    ("logout", &[("remove the password", "pop3 logout --account work")]),
    (
        "accounts",
        &[
            ("every account of the configuration file", "pop3 accounts"),
            (
                "fetch all accounts, eight at a time",
                "pop3 accounts | xargs -P 8 -I{} pop3 fetch --account {} -q",
            ),
        ],
    ),
    (
        "record",
        &[
            ("what was fetched, the newest last", "pop3 record --account work"),
            (
                "import what mpop fetched",
                "pop3 record --account work --import ~/.mpop_uidls/alice_at_pop.example.org",
            ),
            (
                "let a message count as new again",
                "pop3 record --account work --forget --uid QhdPYR:00WBw1Ph7x7",
            ),
        ],
    ),
];

/// Returns the examples of a command for its help.
pub fn examples(command: &str) -> String {
    let mut text = String::from("Examples:\n");
    let of_command = EXAMPLES.iter().filter(|(name, _)| *name == command);
    for (what, line) in of_command.flat_map(|(_, examples)| *examples) {
        if !what.is_empty() {
            let _ = writeln!(text, "  # {what}");
        }
        let _ = writeln!(text, "  {line}");
    }
    text.truncate(text.trim_end().len());
    text
}

/// Returns version, commit (if known when built), TLS and features, for `--version`.
pub fn long_version() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let commit = option_env!("POP3_COMMIT").map(|commit| format!(" ({commit})")).unwrap_or_default();
        let features = [("keyring", cfg!(feature = "keyring")), ("graviola", cfg!(feature = "graviola"))];
        let mut features: Vec<_> =
            features.iter().filter(|(_, is_on)| *is_on).map(|(name, _)| *name).collect();
        if features.is_empty() {
            features.push("none");
        }
        let features = features.join(", ");
        format!("{}{commit}\nTLS: rustls, provider ring\nfeatures: {features}", env!("CARGO_PKG_VERSION"))
    });
    &TEXT
}
