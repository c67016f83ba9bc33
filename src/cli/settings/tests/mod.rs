//! Tests the sources of each setting, and the errors for invalid values.

mod connection;

use std::{collections::HashMap, ffi::OsString};

use super::*;
use crate::{
    cli::{
        args::{Parsed, parse},
        error::ErrorCode,
    },
    net::Family,
};

/// Resolves a command line with these variables and this configuration file, independently of this machine.
pub(crate) fn resolve(words: &[&str], variables: &[(&str, &str)], file: &str) -> Result<Settings, CliError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pop3")).unwrap();
    std::fs::write(folder.path().join("pop3").join("config.toml"), file).unwrap();
    let variables: HashMap<String, OsString> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))).collect();
    let environment = Environment {
        variable: Box::new(move |name| variables.get(name).cloned()),
        home: Some(PathBuf::from("/home/alice")),
        config_dir: Some(folder.path().to_owned()),
        state_dir: Some(PathBuf::from("/state")),
    };
    let words = std::iter::once("pop3").chain(words.iter().copied()).map(OsString::from);
    let Parsed::Run(args) = parse(words).unwrap() else { panic!("no run") };
    let mut settings = Settings::resolve(&args, &environment)?;
    // Paths in the folder of the file are shown as if the folder were /config.
    let shown = |path: &mut PathBuf| {
        if let Ok(rest) = path.strip_prefix(folder.path().join("pop3")) {
            *path = PathBuf::from("/config").join(rest);
        }
    };
    if let Trust::File(file) = &mut settings.trust {
        shown(file);
    }
    if let Some(identity) = &mut settings.identity {
        shown(&mut identity.certificate);
        shown(&mut identity.key);
    }
    if let Destination::Dir(path) | Destination::Maildir(path) | Destination::Mbox(path) =
        &mut settings.destination
    {
        shown(path);
    }
    shown(&mut settings.state_dir);
    Ok(settings)
}

struct Row {
    key: &'static str,
    typed: &'static [&'static str],
    variable: &'static str,
    written: &'static str,
    /// The results with option, variable and key; with variable and key; with the key only; and with none of them.
    settled: [&'static str; 4],
    read: fn(&Settings) -> String,
    /// An invalid value for the command line and the environment, and an invalid value for the file.
    bad: Option<(&'static str, &'static str)>,
}

fn path(path: &std::path::Path) -> String {
    path.display().to_string().replace('\\', "/")
}

fn trust(settings: &Settings) -> String {
    match &settings.trust {
        Trust::System => "system".into(),
        Trust::File(file) => path(file),
        Trust::Fingerprint(sha256) => format!("{:02x}", sha256[0]),
    }
}

fn identity(settings: &Settings) -> String {
    settings
        .identity
        .as_ref()
        .map_or("none".into(), |identity| format!("{} {}", path(&identity.certificate), path(&identity.key)))
}

const AA: &str =
    "AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA";
const BB: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

const ROWS: &[Row] = &[
    Row {
        key: "host",
        typed: &["--host", "typed"],
        variable: "variable",
        written: "\"written\"",
        settled: ["typed", "variable", "written", "missing"],
        read: |settings| settings.address.host().to_string(),
        bad: Some(("a b", "\"a b\"")),
    },
    Row {
        key: "port",
        typed: &["--port", "1"],
        variable: "2",
        written: "3",
        settled: ["1", "2", "3", "110"],
        read: |settings| settings.address.port().to_string(),
        bad: Some(("65536", "-1")),
    },
    Row {
        key: "user",
        typed: &["--user", "typed"],
        variable: "recent:variable@example.org",
        written: "\"written\"",
        settled: ["typed", "recent:variable@example.org", "written", "missing"],
        read: |settings| settings.user.clone(),
        bad: Some(("a\r\nDELE 1", "\"a\\u0000\"")),
    },
    Row {
        key: "tls",
        typed: &["--tls", "none"],
        variable: "implicit",
        written: "\"none\"",
        settled: ["None", "Implicit", "None", "StartTls"],
        read: |settings| format!("{:?}", settings.tls),
        bad: Some(("ssl", "\"Implicit\"")),
    },
    Row {
        key: "ca-file",
        typed: &["--ca-file", "typed.pem"],
        variable: "variable.pem",
        written: "\"written.pem\"",
        settled: ["typed.pem", "variable.pem", "/config/written.pem", "system"],
        read: trust,
        bad: None,
    },
    Row {
        key: "tls-fingerprint",
        typed: &["--tls-fingerprint", AA],
        variable: BB,
        written: "\"cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc\"",
        settled: ["aa", "bb", "cc", "system"],
        read: trust,
        bad: Some(("abcd", "\"zz\"")),
    },
    Row {
        key: "client-cert",
        typed: &["--client-cert", "typed.pem"],
        variable: "variable.pem",
        written: "\"~/written.pem\"",
        settled: [
            "typed.pem typed.pem",
            "variable.pem variable.pem",
            "/home/alice/written.pem /home/alice/written.pem",
            "none",
        ],
        read: identity,
        bad: None,
    },
    Row {
        key: "auth",
        typed: &["--auth", "scram-sha-256"],
        variable: "oauthbearer",
        written: "\"apop\"",
        settled: ["SCRAM-SHA-256", "OAUTHBEARER", "APOP", "auto"],
        read: |settings| settings.auth.map_or("auto", AuthMethod::name).to_owned(),
        bad: Some(("ntlm", "\"PLAIN\"")),
    },
    Row {
        key: "proxy",
        typed: &["--proxy", "socks5://typed:1"],
        variable: "http://variable:2",
        written: "\"socks5://u:p@written:3\"",
        // An empty variable means no proxy.
        settled: ["typed:1", "variable:2", "none", "none"],
        read: |settings| {
            settings.route.proxy.as_ref().map_or("none".into(), |proxy| proxy.address().to_string())
        },
        bad: Some(("ftp://u:hush@x:1", "\"https://u:hush@x:1\"")),
    },
    Row {
        key: "bind",
        typed: &["--bind", "192.0.2.1"],
        variable: "::1",
        written: "\"192.0.2.3\"",
        settled: ["192.0.2.1", "::1", "192.0.2.3", "none"],
        read: |settings| settings.route.bind.map_or("none".into(), |bind| bind.to_string()),
        bad: Some(("localhost", "\"[::1]\"")),
    },
    Row {
        key: "tls-name",
        typed: &["--tls-name", "Typed.example"],
        variable: "variable.example",
        written: "\"192.0.2.3\"",
        settled: ["typed.example", "variable.example", "192.0.2.3", "none"],
        read: |settings| settings.tls_name.as_ref().map_or("none".into(), ToString::to_string),
        bad: Some(("a b", "\"h:995\"")),
    },
    Row {
        key: "timeout",
        typed: &["--timeout", "1"],
        variable: "2.5",
        written: "3.25",
        settled: ["1s", "2.5s", "3.25s", "60s"],
        read: |settings| format!("{:?}", settings.timeout),
        bad: Some(("0", "nan")),
    },
    Row {
        key: "deadline",
        typed: &["--deadline", "1"],
        variable: "2",
        written: "3",
        settled: ["Some(1s)", "Some(2s)", "Some(3s)", "None"],
        read: |settings| format!("{:?}", settings.deadline),
        bad: Some(("-1", "1e30")),
    },
    Row {
        key: "wait",
        typed: &["--wait", "0"],
        variable: "0.5",
        written: "3",
        settled: ["0ns", "500ms", "3s", "5s"],
        read: |settings| format!("{:?}", settings.wait),
        bad: Some(("1e1", "-0.5")),
    },
    Row {
        key: "state-dir",
        typed: &["--state-dir", "typed"],
        variable: "variable",
        written: "\"written\"",
        settled: ["typed", "variable", "/config/written", "/state/pop3"],
        read: |settings| path(&settings.state_dir),
        bad: None,
    },
];

/// Returns a file with these lines and with host and user, except for the key that is tested.
fn file(key: &str, lines: &str) -> String {
    let line = |base: &str| if base == key { String::new() } else { format!("{base} = \"base\"\n") };
    let base = line("host") + &line("user");
    format!("default = \"a\"\n[account.a]\n{base}{lines}\n")
}

fn variable(key: &str) -> String {
    format!("POP3_{}", key.to_uppercase().replace('-', "_"))
}

#[test]
fn option_overrides_variable_overrides_key_overrides_default() {
    for row in ROWS {
        let written = file(row.key, &format!("{} = {}", row.key, row.written));
        let nothing = file(row.key, "");
        let name = variable(row.key);
        let variables = [(name.as_str(), row.variable)];
        let typed = [&["fetch"], row.typed].concat();
        let settled = [
            resolve(&typed, &variables, &written),
            resolve(&["fetch"], &variables, &written),
            resolve(&["fetch"], &[(&name, "")], &written),
            resolve(&["fetch"], &[], &nothing),
        ];
        for (settled, expected) in settled.into_iter().zip(row.settled) {
            match settled {
                Ok(settings) => assert_eq!((row.read)(&settings), expected, "{}", row.key),
                Err(failure) if expected == "missing" => {
                    assert_eq!(failure.code, ErrorCode::Configuration);
                    let key = row.key;
                    for place in [format!("--{key} "), variable(key), format!("{key} = "), "account.a".into()]
                    {
                        assert!(failure.message.contains(&place), "{}", failure.message);
                    }
                }
                Err(failure) => panic!("{}: {failure:?}", row.key),
            }
        }
    }
}

#[test]
fn errors_name_the_source_of_a_value() {
    for row in ROWS {
        let Some((given, written)) = row.bad else { continue };
        let key = row.key;
        let nothing = file(key, "");
        let listed = matches!(key, "tls" | "auth"); // clap refuses invalid values
        if !listed {
            let failure = resolve(&["fetch", &format!("--{key}={given}")], &[], &nothing).unwrap_err();
            assert_eq!(failure.code, ErrorCode::Usage, "{key}");
            assert!(failure.message.starts_with(&format!("--{key}: ")), "{}", failure.message);
            assert!(
                !failure.message.contains(['\r', '\n']) && !failure.message.contains("hush"),
                "{}",
                failure.message
            );
        }
        let failure = resolve(&["fetch"], &[(&variable(key), given)], &nothing).unwrap_err();
        assert_eq!(failure.code, ErrorCode::Configuration, "{key}");
        assert!(failure.message.starts_with(&format!("{}: ", variable(key))), "{}", failure.message);
        assert!(!failure.message.contains("hush"), "{}", failure.message);

        let failure = resolve(&["fetch"], &[], &file(key, &format!("{key} = {written}"))).unwrap_err();
        assert_eq!(failure.code, ErrorCode::Configuration, "{key}");
        let line = if matches!(key, "host" | "user") { 4 } else { 5 };
        let place = format!("config.toml:{line}: account.a.{key}: ");
        assert!(failure.message.contains(&place), "{} lacks {place}", failure.message);
        assert!(!failure.message.contains("hush"), "{}", failure.message);
    }
}

#[test]
fn oauth_of_any_account_is_checked() {
    for (lines, why) in [
        ("oauth = { provider = \"google\" }", "client-id"),
        ("oauth = { client-id = \"x\", colour = 1 }", "unknown key \"colour\""),
        ("oauth = { client-id = \"x\", token-url = \"http://example.org\" }", "token-url"),
        ("oauth = { client-id = \"x\" }\npassword-command = \"x\"", "cannot be combined"),
        ("oauth = { client-id = \"x\" }\ntoken-command = \"x\"", "cannot be combined"),
    ] {
        let config = format!("[account.b]\n{lines}\n[account.a]\nhost = \"h\"\nuser = \"u\"\n");
        let failure = resolve(&["status", "-a", "a"], &[], &config).unwrap_err();
        assert_eq!(failure.code, ErrorCode::Configuration, "{lines}");
        assert!(
            failure.message.contains(why) && failure.message.contains("config.toml:2"),
            "{}",
            failure.message
        );
    }
}

#[test]
fn the_command_of_a_pipe_has_its_own_limit() {
    let limit = |words: &[&str], lines: &str| {
        resolve(words, &[], &file("", lines))
            .map(|settings| settings.pipe_timeout)
            .map_err(|error| error.code)
    };
    let seconds = |seconds| Ok(Some(std::time::Duration::from_secs(seconds)));
    assert_eq!(limit(&["fetch", "--pipe", "a"], ""), Ok(None));
    assert_eq!(limit(&["fetch", "--pipe", "a", "--pipe-timeout", "2"], "pipe-timeout = 3"), seconds(2));
    assert_eq!(limit(&["fetch"], "pipe = \"a\"\npipe-timeout = 3"), seconds(3));
    assert_eq!(limit(&["fetch", "--pipe-timeout", "2"], "pipe = \"a\""), seconds(2));
    assert_eq!(limit(&["fetch", "--pipe-timeout", "2"], ""), Err(ErrorCode::Usage));
    assert_eq!(limit(&["fetch", "--pipe", "a", "--pipe-timeout", "0"], ""), Err(ErrorCode::Usage));
    assert_eq!(limit(&["status"], "pipe-timeout = 0"), Err(ErrorCode::Configuration));
}

#[test]
fn every_key_of_an_account_is_tested_here() {
    let elsewhere = [
        "client-key",
        "no-pipelining",
        "dir",
        "maildir",
        "mbox",
        "pipe",
        "pipe-timeout",
        "lmtp",
        "rcpt",
        "password-command",
        "token-command",
        "oauth",
    ];
    let tested: Vec<&str> = ROWS.iter().map(|row| row.key).chain(elsewhere).collect();
    let failure = resolve(&["status"], &[], "[account.a]\nzebra = 1\n").unwrap_err();
    let (_, keys) = failure.message.split_once("the keys here are ").unwrap();
    let keys: Vec<&str> = keys.split(", ").collect();
    assert_eq!(keys.len(), 27);
    for key in keys {
        assert!(tested.contains(&key), "{key}");
    }
}

#[test]
fn the_destination_of_the_command_line_overrides_that_of_the_account() {
    let settled = |words: &[&str], lines: &str| {
        resolve(&[&["fetch"], words].concat(), &[], &file("", lines)).unwrap().destination
    };
    let maildir = "maildir = \"~/Mail\"";
    assert_eq!(settled(&[], ""), Destination::Dir(".".into()));
    assert_eq!(settled(&[], maildir), Destination::Maildir("/home/alice/Mail".into()));
    assert_eq!(settled(&["--dir", "x"], maildir), Destination::Dir("x".into()));
    assert_eq!(settled(&["--stdout"], maildir), Destination::Stdout);
    assert_eq!(settled(&["--mbox", "-"], maildir), Destination::MboxStdout);
    assert_eq!(settled(&["--mbox", "./-"], maildir), Destination::Mbox("./-".into()));
    assert_eq!(settled(&["--pipe", "a 'b c'"], maildir), Destination::Pipe(vec!["a".into(), "b c".into()]));
    assert_eq!(settled(&[], "mbox = \"in/box\""), Destination::Mbox("/config/in/box".into()));
    assert_eq!(settled(&[], "mbox = \"-\""), Destination::MboxStdout);
    assert_eq!(settled(&[], "dir = \"~\""), Destination::Dir("/home/alice/".into()));
    assert_eq!(settled(&[], "dir = \"~bob\""), Destination::Dir("/config/~bob".into()));
    assert_eq!(settled(&[], "pipe = 'x \"y z\"'"), Destination::Pipe(vec!["x".into(), "y z".into()]));

    let refused = |words: &[&str], lines: &str| resolve(words, &[], &file("", lines)).unwrap_err().code;
    assert_eq!(refused(&["fetch", "--pipe", "a 'b"], ""), ErrorCode::Usage);
    assert_eq!(refused(&["fetch", "--pipe", " "], ""), ErrorCode::Usage);
    assert_eq!(refused(&["fetch"], "pipe = \"a 'b\""), ErrorCode::Configuration);
    assert_eq!(refused(&["fetch", "--json"], "mbox = \"-\""), ErrorCode::Usage);
    assert_eq!(refused(&["fetch", "--delete"], "mbox = \"-\""), ErrorCode::Usage);
}

#[test]
fn an_lmtp_server_has_an_address_and_a_recipient() {
    let settled =
        |words: &[&str], lines: &str| match resolve(&[&["fetch"], words].concat(), &[], &file("", lines)) {
            Ok(Settings { destination: Destination::Lmtp { address, recipient }, .. }) => {
                Ok((address.to_string().replace(std::path::MAIN_SEPARATOR, "/"), recipient))
            }
            Ok(settings) => panic!("{:?}", settings.destination),
            Err(failure) => Err(failure.code),
        };
    let is = |address: &str, recipient: &str| Ok((address.to_owned(), recipient.to_owned()));
    let words = ["--lmtp", "localhost:24", "--rcpt", "alice@example.org"];
    assert_eq!(settled(&words, "maildir = \"~/Mail\""), is("localhost:24", "alice@example.org"));
    assert_eq!(settled(&words[..2], "rcpt = \"bob\""), is("localhost:24", "bob"));
    let keys = "lmtp = \"~/lmtp\"\nrcpt = \"bob\"";
    assert_eq!(settled(&[], keys), is("/home/alice/lmtp", "bob"));
    assert_eq!(settled(&words[2..], keys), is("/home/alice/lmtp", "alice@example.org"));
    assert_eq!(settled(&[], "lmtp = \"[::1]:24\"\nrcpt = \"bob\""), is("[::1]:24", "bob"));
    assert_eq!(settled(&words[..2], ""), Err(ErrorCode::Usage));
    assert_eq!(settled(&words[2..], ""), Err(ErrorCode::Usage));
    assert_eq!(settled(&[], "lmtp = \"localhost:24\""), Err(ErrorCode::Configuration));
    assert_eq!(settled(&[], "lmtp = \"localhost\"\nrcpt = \"bob\""), Err(ErrorCode::Configuration));
    assert_eq!(settled(&[], "lmtp = \"localhost:24\"\nrcpt = \"b b\""), Err(ErrorCode::Configuration));
}

#[test]
fn accounts_are_chosen_by_option_variable_and_default() {
    let text = "default = \"a\"\n[account.a]\nhost = \"a\"\nuser = \"u\"\n[account.b]\nhost = \"b\"\nuser = \"u\"\n[account.c]\nhost = \"c\"\nuser = \"u\"\n";
    let host = |words: &[&str], variables: &[(&str, &str)]| {
        let settings = resolve(words, variables, text).unwrap();
        assert_eq!(settings.account, Some(settings.address.host().to_string()));
        settings.mailbox()
    };
    assert_eq!(host(&["status"], &[]), "u@a");
    assert_eq!(host(&["status"], &[("POP3_ACCOUNT", "b")]), "u@b");
    assert_eq!(host(&["status", "-a", "c"], &[("POP3_ACCOUNT", "b")]), "u@c");
    for (words, variables) in [(&["status", "-a", "d"][..], &[][..]), (&["status"], &[("POP3_ACCOUNT", "d")])]
    {
        let failure = resolve(words, variables, text).unwrap_err();
        assert_eq!(failure.code, ErrorCode::Configuration);
        assert!(
            failure.message.contains("\"d\"") && failure.message.ends_with("a, b, c"),
            "{}",
            failure.message
        );
    }
    let no_default = text.strip_prefix("default = \"a\"\n").unwrap();
    let failure = resolve(&["status"], &[], no_default).unwrap_err();
    assert!(failure.message.ends_with("choose an account with --account: a, b, c"), "{}", failure.message);
}

#[test]
fn commands_are_split_and_secrets_are_not_shown() {
    let lines = "password-command = \"pass show 'mail/my work'\"\ntoken-command = 'oauth2 \"a b\" c'";
    let settings =
        resolve(&["status"], &[("POP3_PASSWORD", ""), ("POP3_TOKEN", "hush")], &file("", lines)).unwrap();
    assert_eq!(
        settings.password_command.as_deref(),
        Some(&["pass", "show", "mail/my work"].map(String::from)[..])
    );
    assert_eq!(settings.token_command.as_deref(), Some(&["oauth2", "a b", "c"].map(String::from)[..]));
    assert!(settings.password.as_ref().is_some_and(Secret::is_empty), "empty is not absent");
    assert!(!format!("{settings:?}").contains("hush"));
    for key in ["password-command", "token-command"] {
        let failure = resolve(&["status"], &[], &file("", &format!("{key} = \"a 'b\""))).unwrap_err();
        assert!(failure.message.contains(&format!("account.a.{key}: ")), "{}", failure.message);
    }
}

#[test]
fn output_options_are_resolved() {
    let settled = |words: &[&str]| resolve(&[&["status"], words].concat(), &[], &file("", "")).unwrap();
    assert_eq!(settled(&[]).level, LevelFilter::Warn);
    assert_eq!(settled(&["-v"]).level, LevelFilter::Info);
    assert_eq!(settled(&["-vvv"]).level, LevelFilter::Trace);
    assert_eq!(settled(&["-q"]).level, LevelFilter::Error);
    assert_eq!(settled(&["-qq"]).level, LevelFilter::Off);
    assert_eq!(settled(&[]).trace, TraceSink::None);
    assert_eq!(settled(&["--trace"]).trace, TraceSink::Stderr);
    assert_eq!(settled(&["--trace=t"]).trace, TraceSink::File("t".into()));
    assert!(settled(&["--json", "--commit"]).json && !settled(&[]).commit);
}

#[test]
fn seconds_are_digits_and_a_point() {
    for good in ["1", "0.001", "2.5", "31536000", "1.", ".5"] {
        assert!(value::positive_seconds(good).is_ok(), "{good}");
    }
    for bad in [
        "", ".", "0", "0.0", "0.0001", "-1", "+1", "1e3", "inf", "nan", "NaN", "1s", " 1", "31536001",
        "1.2.3",
    ] {
        assert!(value::positive_seconds(bad).is_err(), "{bad}");
    }
    assert_eq!(value::seconds("0"), Ok(Duration::ZERO));
}
