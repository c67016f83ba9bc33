//! Tests the order of the sources of credentials, and commands that misbehave.

use std::process::Command;

use super::{command::first_line, *};
use crate::cli::settings::tests::resolve;

/// A keyring and a prompt with fixed answers.
#[derive(Default)]
struct FakeBackends {
    keyring: Option<&'static str>,
    keyring_error: Option<fn() -> KeyringError>,
    prompt: Option<&'static str>,
}

impl Backends for FakeBackends {
    fn keyring(&self, settings: &Settings) -> Result<Result<Option<Secret>, KeyringError>, CliError> {
        assert_eq!(settings.mailbox(), "u@h");
        Ok(match self.keyring_error {
            Some(error) => Err(error()),
            None => Ok(self.keyring.map(Secret::from)),
        })
    }

    fn prompt(&self, _: SecretKind, _: &str) -> Option<Result<Secret, CliError>> {
        self.prompt.map(|answer| Ok(Secret::from(answer)))
    }
}

const LOCKED: Option<fn() -> KeyringError> = Some(|| KeyringError::Locked("denied".into()));
const NO_SERVICE: Option<fn() -> KeyringError> = Some(|| KeyringError::NoService("no D-Bus".into()));

fn settings(words: &[&str], variables: &[(&str, &str)], lines: &str) -> Settings {
    let words = [&["status", "--host", "h", "--user", "u", "-a", "a"], words].concat();
    resolve(&words, variables, &format!("[account.a]\n{lines}\n")).unwrap()
}

const NO_GRANT: fn() -> Result<Result<Found, String>, CliError> = || Ok(Err("none is stored".into()));

fn password(secret: &str) -> Credential {
    Credential::Password(Secret::from(secret))
}

fn token(secret: &str) -> Credential {
    Credential::Token(Secret::from(secret))
}

const FULL: FakeBackends =
    FakeBackends { keyring: Some("keyring"), keyring_error: None, prompt: Some("prompt") };
const EMPTY: FakeBackends = FakeBackends { keyring: None, keyring_error: None, prompt: None };

#[cfg(unix)]
const COMMANDS: &str = "password-command = 'echo command'\ntoken-command = 'echo token command'";
#[cfg(windows)]
const COMMANDS: &str =
    "password-command = 'cmd /c echo command'\ntoken-command = 'cmd /c echo token command'";

#[test]
fn sources_are_asked_in_order() {
    let variables = [("POP3_PASSWORD", "variable"), ("POP3_TOKEN", "token variable")];
    let of = |auth: &str, variables: &[(&str, &str)], lines: &str, desk: &FakeBackends| {
        find_in(&settings(&["--auth", auth], variables, lines), &NO_GRANT, desk).unwrap().credential
    };
    assert_eq!(of("auto", &variables, COMMANDS, &FULL), password("variable"));
    assert_eq!(of("auto", &variables[1..], COMMANDS, &FULL), token("token variable"));
    assert_eq!(of("auto", &[], COMMANDS, &FULL), password("command"));
    assert_eq!(of("auto", &[], "", &FULL), password("keyring"));
    assert_eq!(of("auto", &[], "", &FakeBackends { keyring: None, ..FULL }), password("prompt"));
    assert_eq!(of("auto", &[], "", &FakeBackends { keyring_error: LOCKED, ..FULL }), password("prompt"));

    assert_eq!(of("oauthbearer", &variables, COMMANDS, &FULL), token("token variable"));
    assert_eq!(of("xoauth2", &variables[..1], COMMANDS, &FULL), token("token command"));
    assert_eq!(of("xoauth2", &variables[..1], "", &FULL), token("keyring"));
    assert_eq!(of("plain", &variables[1..], COMMANDS, &FULL), password("command"));
    assert_eq!(of("apop", &variables[1..], "", &FULL), password("keyring"));
    assert_eq!(of("external", &variables, COMMANDS, &FULL), Credential::None);
}

#[test]
fn the_error_names_every_source() {
    let none_found = |words: &[&str], backends: &FakeBackends| {
        let error = find_in(&settings(words, &[], ""), &NO_GRANT, backends).unwrap_err();
        assert_eq!(error.code, ErrorCode::Configuration);
        error.advice()
    };
    let advice = none_found(&[], &EMPTY);
    for source in
        ["POP3_PASSWORD", "password-command", "pop3 login", "the keyring has none", "terminal", "u@h"]
    {
        assert!(advice.contains(source), "{advice} lacks {source}");
    }
    assert!(advice.len() < 200, "{advice}");
    let advice = none_found(&["--auth", "xoauth2"], &FakeBackends { keyring_error: LOCKED, ..EMPTY });
    for source in ["POP3_TOKEN", "token-command", "locked or not set up", "pop3 login"] {
        assert!(advice.contains(source), "{advice} lacks {source}");
    }
    assert!(!advice.contains("POP3_PASSWORD"), "{advice}");
}

#[test]
fn login_is_not_the_hint_where_it_has_no_keyring_to_save_to() {
    for (words, variable) in [(&[][..], "set POP3_PASSWORD"), (&["--auth", "xoauth2"], "set POP3_TOKEN")] {
        let backends = FakeBackends { keyring_error: NO_SERVICE, ..EMPTY };
        let error = find_in(&settings(words, &[], ""), &NO_GRANT, &backends).unwrap_err();
        assert!(error.advice().contains(variable), "{}", error.advice());
    }
}

#[test]
fn secrets_that_cannot_be_sent_are_refused_and_not_shown() {
    for secret in ["hu\rsh", "hu\nsh", "hush\n", "hu\0sh"] {
        let failure =
            find_in(&settings(&[], &[("POP3_PASSWORD", secret)], ""), &NO_GRANT, &FULL).unwrap_err();
        assert_eq!(failure.code, ErrorCode::Configuration);
        assert!(
            failure.message.contains("POP3_PASSWORD") && !failure.message.contains("hu"),
            "{}",
            failure.message
        );
    }
    assert!(
        find_in(&settings(&[], &[], ""), &NO_GRANT, &FakeBackends { keyring: Some("a\nb"), ..EMPTY })
            .is_err()
    );
    assert!(
        find_in(&settings(&[], &[], ""), &NO_GRANT, &FakeBackends { prompt: Some(""), ..EMPTY }).is_err()
    );
    assert!(find_in(&settings(&[], &[("POP3_TOKEN", "")], ""), &NO_GRANT, &FULL).is_err());
    let empty = find_in(&settings(&[], &[("POP3_PASSWORD", "")], ""), &NO_GRANT, &FULL).unwrap();
    assert_eq!(empty.credential, password(""));
    assert_eq!(format!("{empty:?}"), "Found { credential: Password(***), source: \"POP3_PASSWORD\" }");
}

#[test]
fn the_first_line_ends_at_any_end_of_line() {
    let first = |octets: &[u8]| first_line(octets).map(|secret| secret.expose().to_vec());
    assert_eq!(first(b"secret\r\nmore").unwrap(), b"secret");
    assert_eq!(first(b"secret\nmore\n").unwrap(), b"secret");
    assert_eq!(first(b" secret ").unwrap(), b" secret ");
    assert_eq!(first(b"a\rb\n").unwrap(), b"a\rb");
    assert_eq!(first(b"\xff\n").unwrap(), b"\xff");
    assert_eq!(first(b"").unwrap(), b"");
    assert_eq!(first(&vec![b'x'; 65_536]).unwrap().len(), 65_536);
    assert!(first(&vec![b'x'; 65_537]).is_err());
    assert!(first_line(io::repeat(b'x')).is_err());
}

#[cfg(unix)]
#[test]
fn the_first_line_of_a_command_is_the_secret() {
    let sh = |script: &str| {
        let settings = settings(&["--json", "--deadline", "30"], &[], "");
        run("password-command", &["sh".into(), "-c".into(), script.into()], &settings)
    };
    let secret =
        |script: &str| sh(script).map(|secret| secret.expose().to_vec()).map_err(|failure| failure.message);
    assert_eq!(secret("echo one; echo two").unwrap(), b"one");
    assert_eq!(secret("printf 'no end'").unwrap(), b"no end");
    assert_eq!(secret("true").unwrap(), b"");
    // The command must be able to exit even if it writes more than a pipe can buffer, or leaves a child process that keeps the
    // pipe open.
    assert_eq!(secret("echo one; head -c 300000 /dev/zero").unwrap(), b"one");
    assert_eq!(secret("echo one; sleep 20 &").unwrap(), b"one");
    let message = secret("echo hush; echo hush >&2; exit 3").unwrap_err();
    assert!(message.contains("password-command") && message.contains("exit status: 3"), "{message}");
    assert!(!message.contains("hush"), "{message}");
    assert!(secret("kill -9 $$").unwrap_err().contains("signal: 9"));
    let missing = run("token-command", &["/no/such/program".into()], &settings(&[], &[], "")).unwrap_err();
    assert_eq!(missing.code, ErrorCode::Configuration);
    assert!(missing.message.contains("/no/such/program"), "{}", missing.message);
}

#[cfg(unix)]
#[test]
fn endless_commands_are_killed() {
    let sh = |script: &str, deadline: &str| {
        let settings = settings(&["--json", "--deadline", deadline], &[], "");
        run("password-command", &["sh".into(), "-c".into(), script.into()], &settings).unwrap_err()
    };
    let endless = sh("exec cat /dev/zero", "60");
    assert_eq!(endless.code, ErrorCode::Configuration);
    assert!(endless.message.contains("more than 65536 bytes"), "{}", endless.message);
    let lines = sh("exec yes", "60");
    assert_eq!(lines.code, ErrorCode::Configuration);
    assert!(lines.message.contains("prints without end"), "{}", lines.message);
    for script in ["exec sleep 60", "echo one; exec sleep 60"] {
        let late = sh(script, "0.2");
        assert_eq!(late.code, ErrorCode::Unavailable);
        assert!(late.message.contains("password-command"), "{}", late.message);
    }
}

#[test]
fn a_refused_token_is_explained() {
    let refused = || CliError::new(ErrorCode::Authentication, "refused").or_hint(Some("check the password"));
    let found = |credential| Found { credential, source: "a test" };
    assert!(found(token("t")).explain(refused()).advice().contains("expire"));
    assert!(found(password("p")).explain(refused()).advice().contains("check the password"));
    let other = found(token("t")).explain(CliError::new(ErrorCode::Temporary, "in use"));
    assert_eq!(other.hint, None);
}

#[test]
fn commands_inherit_no_secret() {
    let mut command = Command::new("x");
    remove_secrets(command.env("POP3_PASSWORD", "hush"));
    let removed: Vec<_> =
        command.get_envs().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect();
    assert_eq!(removed, ["POP3_PASSWORD", "POP3_PROXY", "POP3_TOKEN"]);
    assert_eq!(command.get_envs().count(), 3);
}
