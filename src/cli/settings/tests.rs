//! Tests the sources of each setting, and the errors for invalid values.

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
fn a_provider_brings_its_server() {
    let table = |more: &str| {
        format!("[account.a]\nuser = \"u\"\n{more}\noauth = {{ provider = \"google\", client-id = \"x\" }}\n")
    };
    let settled = |words: &[&str], more: &str| {
        let words = [&["status", "-a", "a"], words].concat();
        let settings = resolve(&words, &[], &table(more)).unwrap();
        (settings.address.to_string(), settings.tls)
    };
    assert_eq!(settled(&[], ""), ("pop.gmail.com:995".into(), TlsMode::Implicit));
    assert_eq!(settled(&[], "host = \"h\""), ("h:995".into(), TlsMode::Implicit));
    assert_eq!(settled(&["--port", "110"], ""), ("pop.gmail.com:110".into(), TlsMode::StartTls));
    assert_eq!(settled(&["--tls", "starttls"], ""), ("pop.gmail.com:110".into(), TlsMode::StartTls));
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
fn proxies_of_the_environment_come_last() {
    let proxy = |words: &[&str], variables: &[(&str, &str)], lines: &str| {
        let settings = resolve(&[&["status"], words].concat(), variables, &file("", lines)).unwrap();
        let host = crate::net::Host::parse("pop.example.org").unwrap();
        let proxy = settings.route.proxy.filter(|proxy| proxy.serves(&host));
        proxy.map_or("none".to_owned(), |proxy| proxy.to_string())
    };
    let all = ("ALL_PROXY", "socks5h://all");
    assert_eq!(proxy(&[], &[all], ""), "socks5://all:1080");
    assert_eq!(proxy(&[], &[all, ("all_proxy", "lower:1")], ""), "http://lower:1");
    assert_eq!(proxy(&[], &[all, ("all_proxy", "")], ""), "socks5://all:1080");
    let written = "proxy = \"socks5://written\"";
    assert_eq!(proxy(&[], &[all], written), "socks5://written:1080");
    assert_eq!(proxy(&["--proxy", "http://typed"], &[all], written), "http://typed:8080");
    // An empty value means no proxy, and overrides sources with a higher rank.
    assert_eq!(proxy(&[], &[all], "proxy = \"\""), "none");
    assert_eq!(proxy(&[], &[all, ("POP3_PROXY", "")], written), "none");
    assert_eq!(proxy(&["--proxy", ""], &[all, ("POP3_PROXY", "socks5://variable")], written), "none");
    assert_eq!(proxy(&["--proxy", "socks5://typed"], &[("POP3_PROXY", "")], ""), "socks5://typed:1080");

    assert_eq!(proxy(&[], &[all, ("NO_PROXY", ".example.org")], ""), "none");
    assert_eq!(proxy(&[], &[all, ("NO_PROXY", "x"), ("no_proxy", "example.org")], ""), "none");
    assert_eq!(proxy(&[], &[all, ("NO_PROXY", "example.net")], ""), "socks5://all:1080");
    assert_eq!(proxy(&[], &[("ALL_PROXY", "socks4://no"), ("NO_PROXY", "*")], ""), "none");
    // `NO_PROXY` does not apply to a proxy that is set for this program.
    assert_eq!(proxy(&[], &[("POP3_PROXY", "socks5://p"), ("NO_PROXY", "*")], ""), "socks5://p:1080");

    let failure = resolve(&["status"], &[("ALL_PROXY", "socks4://u:hush@x")], &file("", "")).unwrap_err();
    assert_eq!(failure.code, ErrorCode::Configuration);
    assert!(failure.message.starts_with("ALL_PROXY: "), "{}", failure.message);
    assert!(!failure.message.contains("hush"), "{}", failure.message);
}

#[test]
fn the_local_address_fits_family_and_host() {
    let refused = |words: &[&str], variables: &[(&str, &str)]| {
        resolve(&[&["status"], words].concat(), variables, &file("", "")).unwrap_err().code
    };
    assert_eq!(refused(&["--bind", "192.0.2.1", "-6"], &[]), ErrorCode::Usage);
    assert_eq!(refused(&["--bind", "192.0.2.1", "--host", "::1"], &[]), ErrorCode::Usage);
    assert_eq!(refused(&["-4"], &[("POP3_BIND", "::1")]), ErrorCode::Configuration);
    assert_eq!(refused(&["--host", "127.0.0.1"], &[("POP3_BIND", "::1")]), ErrorCode::Configuration);
    assert!(resolve(&["status", "--bind", "::1", "-6", "--host", "::2"], &[], &file("", "")).is_ok());
}

#[test]
fn tls_keys_are_written_only_beside_a_trace() {
    let key_log = |words: &[&str]| {
        let variables = [("SSLKEYLOGFILE", "keys")];
        resolve(&[&["status"], words].concat(), &variables, &file("", "")).unwrap().key_log
    };
    assert_eq!(key_log(&[]), None);
    assert_eq!(key_log(&["-vvv"]), None);
    assert_eq!(key_log(&["--trace"]), Some("keys".into()));
    assert_eq!(key_log(&["--trace=log"]), Some("keys".into()));
}

#[test]
fn no_pipelining_is_a_flag_a_variable_and_a_key() {
    let pipelining = |words: &[&str], variables: &[(&str, &str)], lines: &str| {
        resolve(words, variables, &file("", lines)).unwrap().pipelining
    };
    assert!(pipelining(&["status"], &[], ""));
    assert!(!pipelining(&["status"], &[], "no-pipelining = true"));
    assert!(!pipelining(&["status", "--no-pipelining"], &[("POP3_NO_PIPELINING", "0")], ""));
    for yes in ["1", "true", "yes"] {
        assert!(!pipelining(&["status"], &[("POP3_NO_PIPELINING", yes)], "no-pipelining = false"));
    }
    for no in ["0", "false", "no"] {
        assert!(pipelining(&["status"], &[("POP3_NO_PIPELINING", no)], "no-pipelining = true"));
    }
    let failure = resolve(&["status"], &[("POP3_NO_PIPELINING", "2")], &file("", "")).unwrap_err();
    assert_eq!(failure.code, ErrorCode::Configuration);
    assert!(resolve(&["status"], &[], &file("", "no-pipelining = 1")).is_err());
}

#[test]
fn port_and_tls_determine_each_other() {
    let settled = |words: &[&str], lines: &str| {
        let settings = resolve(words, &[], &file("", lines)).unwrap();
        (settings.address.port(), settings.tls)
    };
    assert_eq!(settled(&["status"], ""), (110, TlsMode::StartTls));
    assert_eq!(settled(&["status", "--port", "995"], ""), (995, TlsMode::Implicit));
    assert_eq!(settled(&["status", "--tls", "implicit"], ""), (995, TlsMode::Implicit));
    assert_eq!(settled(&["status", "--tls", "starttls"], "port = 995"), (995, TlsMode::StartTls));
    assert_eq!(settled(&["status"], "tls = \"none\""), (110, TlsMode::None));
    assert_eq!(settled(&["status", "--port", "1995", "--tls", "implicit"], ""), (1995, TlsMode::Implicit));
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
fn a_literal_of_the_other_family_is_a_usage_error() {
    let code = |words: &[&str]| {
        resolve(words, &[], "").map_err(|failure| failure.code).map(|settings| settings.route.family)
    };
    assert_eq!(code(&["status", "-4", "--user", "u", "--host", "[::1]"]), Err(ErrorCode::Usage));
    assert_eq!(code(&["status", "-6", "--user", "u", "--host", "127.0.0.1"]), Err(ErrorCode::Usage));
    assert_eq!(code(&["status", "-6", "--user", "u", "--host", "::1"]), Ok(Family::V6));
    assert_eq!(code(&["status", "--user", "u", "--host", "::1"]), Ok(Family::Any));
}

#[test]
fn identity_and_trust_of_several_keys() {
    let settings =
        resolve(&["status", "--client-cert", "c", "--client-key", "k"], &[], &file("", "")).unwrap();
    assert_eq!(identity(&settings), "c k");
    let failure = resolve(&["status"], &[("POP3_CLIENT_KEY", "k")], &file("", "")).unwrap_err();
    assert!(failure.message.starts_with("POP3_CLIENT_KEY: "), "{}", failure.message);
    let settings =
        resolve(&["status", "--ca-file", "x", "--tls-fingerprint", BB], &[], &file("", "")).unwrap();
    assert_eq!(trust(&settings), "bb");
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

#[test]
fn a_url_gives_server_user_and_mechanism() {
    let shown = |words: &[&str], variables: &[(&str, &str)], lines: &str| {
        let words = [&["status", "-a", "a"], words].concat();
        let text = format!("[account.a]\n{lines}\n");
        resolve(&words, variables, &text)
            .map(|settings| {
                let Settings { address, tls, user, auth, .. } = settings;
                format!("{address} {tls:?} {user} {}", auth.map_or("auto", AuthMethod::name))
            })
            .map_err(|failure| failure.code)
    };
    let url = "pops://alice;AUTH=PLAIN@h:9995";
    let all = || Ok("h:9995 Implicit alice PLAIN".to_owned());
    assert_eq!(shown(&["--host", url], &[], ""), all());
    assert_eq!(shown(&[], &[("POP3_HOST", url)], ""), all());
    assert_eq!(shown(&[], &[], &format!("host = \"{url}\"")), all());
    // The URL overrides sources with a higher rank, and sources with a lower rank override the URL.
    let others = [("POP3_PORT", "1"), ("POP3_USER", "u"), ("POP3_TLS", "none"), ("POP3_AUTH", "login")];
    assert_eq!(shown(&["--host", url], &others, ""), all());
    let typed = ["--port", "1", "--user", "u", "--tls", "none", "--auth", "login"];
    assert_eq!(shown(&typed, &[("POP3_HOST", url)], ""), Ok("h:1 None u LOGIN".to_owned()));
    // From the same source, an equal value is allowed, and a different value is a contradiction.
    assert_eq!(
        shown(&["--host", url, "--port", "9995", "--user", "alice", "--auth", "plain"], &[], ""),
        all()
    );
    for pair in typed.chunks(2) {
        assert_eq!(shown(&[&["--host", url], pair].concat(), &[], ""), Err(ErrorCode::Usage), "{pair:?}");
    }
    for variable in others {
        assert_eq!(
            shown(&[], &[("POP3_HOST", url), variable], ""),
            Err(ErrorCode::Configuration),
            "{variable:?}"
        );
    }
    for wrong in ["pop://u:hush@h", "pop://u;AUTH=AUTO@h", "pop://u;AUTH=NTLM@h", "http://h", "h:0"] {
        assert_eq!(shown(&["--host", wrong, "--user", "u"], &[], ""), Err(ErrorCode::Usage), "{wrong}");
        assert_eq!(
            shown(&["--user", "u"], &[("POP3_HOST", wrong)], ""),
            Err(ErrorCode::Configuration),
            "{wrong}"
        );
    }
    assert_eq!(shown(&["--host", "h:1", "--user", "u"], &[], ""), Ok("h:1 StartTls u auto".to_owned()));
    assert_eq!(
        shown(&["--host", "pop://u@h", "--tls", "implicit"], &[], ""),
        Ok("h:995 Implicit u auto".to_owned())
    );
}
