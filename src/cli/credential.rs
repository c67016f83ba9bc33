//! What proves who the user is, and from where: environment, command of the account, keyring, prompt.
//!
//! Everything here happens before a connection is made: a prompt or a locked keyring can wait for a person for minutes,
//! and no server does.

use std::io::{self, BufRead as _, IsTerminal as _, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::Secret;
use crate::sasl::{Credential, Mechanism};

use super::error::{CliError, ErrorCode};
use super::escape::escape;
use super::keyring::{self, KeyringError};
use super::oauth;
use super::settings::{Auth, SECRET_VARIABLES, Settings};
use super::signals;

/// A credential and where it was found, for the log: `the keyring`.
#[derive(Debug)]
pub struct Found {
    pub credential: Credential,
    pub source: &'static str,
}

/// Gives the access token of the stored grant, or says why there is none.
pub type GrantToken<'a> = dyn Fn() -> Result<Result<Found, String>, CliError> + 'a;

/// The credential for a session, from the first place that has one; 78 naming every place if none has.
pub fn find(settings: &Settings, grant: &GrantToken<'_>) -> Result<Found, CliError> {
    look(settings, grant, &System)
}

/// The secret that `login` is to prove and save: the first line of standard input, or else from a prompt. Where there is
/// no keyring to save it in, nobody is asked.
pub fn ask(settings: &Settings, password_stdin: bool) -> Result<Found, CliError> {
    let kind = Kind::of(settings.auth)
        .into_iter()
        .next()
        .ok_or_else(|| CliError::usage("--auth external needs no password, so there is nothing to save"))?;
    if password_stdin {
        let source = "standard input";
        let secret = first_line(io::stdin().lock()).map_err(|error| unreadable(source, &error))?;
        let found = found(kind, secret, source)?;
        return has_keyring(settings).map(|()| found);
    }
    has_keyring(settings)?;
    let Some(secret) = System.prompt(kind, &settings.mailbox()) else {
        return Err(CliError::configuration(format!(
            "no terminal to ask for the {kind} on: give it on standard input with --password-stdin"
        )));
    };
    found(kind, secret?, PROMPT)
}

impl Found {
    /// The failure of a login with this credential: what is wrong with a refused token is seldom the user's typing.
    pub fn explain(&self, mut failure: CliError) -> CliError {
        if failure.code == ErrorCode::Authentication && matches!(self.credential, Credential::Token(_)) {
            failure.hint =
                Some("access tokens expire, most within an hour: get a new one, and check the user name");
        }
        failure
    }
}

/// Saves in the keyring what [`ask`] returned, once the server took it.
pub fn save(settings: &Settings, credential: &Credential) -> Result<(), CliError> {
    let (Credential::Password(secret) | Credential::Token(secret)) = credential else { return Ok(()) };
    let (mailbox, secret) = (settings.mailbox(), secret.clone());
    ask_keyring(settings, move || keyring::save(&mailbox, &secret))?
        .map_err(|error| unsaved(settings, &error))
}

/// What can never be saved need not be asked for, nor proved.
fn has_keyring(settings: &Settings) -> Result<(), CliError> {
    let mailbox = settings.mailbox();
    match ask_keyring(settings, move || keyring::read(&mailbox))? {
        Ok(_) | Err(KeyringError::NotText) => Ok(()),
        Err(error) => Err(unsaved(settings, &error)),
    }
}

fn unsaved(settings: &Settings, error: &KeyringError) -> CliError {
    let mailbox = settings.mailbox();
    let mailbox = escape(&mailbox);
    let account = settings
        .account
        .as_deref()
        .map_or("your account in the configuration file".into(), |name| format!("[account.{name}]"));
    CliError::configuration(format!(
        "the secret of {mailbox} was not saved: {error}; without a keyring, let a program print it, by a line under \
         {account}: password-command = \"pass show mail/{mailbox}\""
    ))
}

/// Asks the keyring for at most `--timeout`, in which a person may unlock it, and no longer than `--deadline` allows.
fn ask_keyring<T: Send + 'static>(
    settings: &Settings,
    ask: impl FnOnce() -> Result<T, KeyringError> + Send + 'static,
) -> Result<Result<T, KeyringError>, CliError> {
    let stderr = settings.stderr();
    let notice = || stderr.note("waiting for the keyring; it may have asked you to unlock it");
    let answer = keyring::within(settings.until_deadline(settings.timeout), notice, ask);
    if matches!(answer, Err(KeyringError::Silent(_))) && settings.deadline_passed() {
        return Err(settings.deadline_error("the keyring"));
    }
    Ok(answer)
}

/// True if somebody can be asked.
fn has_person() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Removes the secret from the keyring; `false` where none was saved.
pub fn remove(settings: &Settings) -> Result<bool, CliError> {
    let mailbox = settings.mailbox();
    ask_keyring(settings, move || keyring::remove(&mailbox))?.map_err(|error| {
        CliError::configuration(format!(
            "the secret of {} was not removed: {error}",
            escape(&settings.mailbox())
        ))
    })
}

/// Takes what can hold a secret out of the environment of a command.
pub fn without_secrets(command: &mut Command) -> &mut Command {
    for variable in SECRET_VARIABLES {
        command.env_remove(variable);
    }
    command
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Password,
    Token,
}

impl Kind {
    /// What fits the mechanism, the preferred first; nothing for EXTERNAL.
    fn of(auth: Auth) -> Vec<Self> {
        match auth {
            Auth::Auto => vec![Self::Password, Self::Token],
            Auth::Sasl(Mechanism::External) => Vec::new(),
            Auth::Sasl(mechanism) if mechanism.wants_token() => vec![Self::Token],
            Auth::UserPass | Auth::Apop | Auth::Sasl(_) => vec![Self::Password],
        }
    }

    fn variable(self) -> &'static str {
        match self {
            Self::Password => "POP3_PASSWORD",
            Self::Token => "POP3_TOKEN",
        }
    }

    fn key(self) -> &'static str {
        match self {
            Self::Password => "password-command",
            Self::Token => "token-command",
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Password => "password",
            Self::Token => "access token",
        })
    }
}

/// The keyring and the terminal; tests have fakes.
trait Backends {
    fn keyring(&self, settings: &Settings) -> Result<Result<Option<Secret>, KeyringError>, CliError>;
    /// `None` where there is no terminal.
    fn prompt(&self, kind: Kind, mailbox: &str) -> Option<Result<Secret, CliError>>;
}

struct System;

impl Backends for System {
    fn keyring(&self, settings: &Settings) -> Result<Result<Option<Secret>, KeyringError>, CliError> {
        let mailbox = settings.mailbox();
        ask_keyring(settings, move || keyring::read(&mailbox))
    }

    fn prompt(&self, kind: Kind, mailbox: &str) -> Option<Result<Secret, CliError>> {
        if !has_person() {
            return None;
        }
        let what = match kind {
            Kind::Password => "Password",
            Kind::Token => "Access token",
        };
        let _kept = signals::keep_terminal();
        let answer = rpassword::prompt_password(format!("{what} for {}: ", escape(mailbox)));
        if let Err(error) = &answer {
            // What is said next belongs on a line of its own, as after Enter.
            eprintln!();
            // Ctrl-C: the signal that it stands for is on its way.
            if error.kind() == io::ErrorKind::Interrupted {
                thread::sleep(GRACE);
            }
        }
        Some(answer.map(Secret::from).map_err(|error| unreadable(PROMPT, &error)))
    }
}

fn look(settings: &Settings, grant: &GrantToken<'_>, backends: &dyn Backends) -> Result<Found, CliError> {
    let kinds = Kind::of(settings.auth);
    let Some(preferred) = kinds.first().copied() else {
        return Ok(Found { credential: Credential::None, source: "the client certificate" });
    };
    for kind in &kinds {
        let secret = match kind {
            Kind::Password => &settings.password,
            Kind::Token => &settings.token,
        };
        if let Some(secret) = secret {
            return found(*kind, secret.clone(), kind.variable());
        }
    }
    for kind in &kinds {
        let command = match kind {
            Kind::Password => &settings.password_command,
            Kind::Token => &settings.token_command,
        };
        if let Some(words) = command {
            return found(*kind, run(kind.key(), words, settings)?, kind.key());
        }
    }
    let mailbox = settings.mailbox();
    let mut no_grant = None;
    if settings.oauth.is_some() && kinds.contains(&Kind::Token) {
        match grant()? {
            Ok(found) => return Ok(found),
            Err(why) => no_grant = Some(why),
        }
    }
    let keyring = match backends.keyring(settings)? {
        Ok(Some(secret)) => return found(preferred, secret, "the keyring"),
        Ok(None) => "the keyring has none".into(),
        Err(error) => {
            log::info!("{error}");
            error.kind()
        }
    };
    // Nobody is asked for a password that an account with OAuth 2.0 may not have.
    if let Some(why) = no_grant {
        return Err(CliError::configuration(format!(
            "no OAuth 2.0 grant for {}: {why}; {}",
            escape(&mailbox),
            oauth::login_command(settings)
        )));
    }
    if let Some(secret) = backends.prompt(preferred, &mailbox) {
        return found(preferred, secret?, PROMPT);
    }
    Err(nowhere(preferred, &mailbox, &keyring))
}

/// A secret that can be sent: on one line, and not empty unless the environment says so.
fn found(kind: Kind, secret: Secret, source: &'static str) -> Result<Found, CliError> {
    if secret.expose().iter().any(|octet| matches!(octet, b'\r' | b'\n' | b'\0')) {
        return Err(CliError::configuration(format!(
            "the {kind} from {source} holds CR, LF or NUL, which cannot be sent"
        )));
    }
    if secret.is_empty() && source != Kind::Password.variable() {
        return Err(CliError::configuration(format!("the {kind} from {source} is empty")));
    }
    let credential = match kind {
        Kind::Password => Credential::Password(secret),
        Kind::Token => Credential::Token(secret),
    };
    Ok(Found { credential, source })
}

fn nowhere(kind: Kind, mailbox: &str, keyring: &str) -> CliError {
    let (variable, key) = (kind.variable(), kind.key());
    let message = format!(
        "no {kind} for {}: neither {variable} nor {key} is set, {keyring}, and there is no terminal to ask on",
        escape(mailbox)
    );
    CliError::configuration(message).or_hint(Some("pop3 login saves one in the keyring"))
}

/// Runs a command and returns the first line of its output; what it says on standard error is for the user, unless
/// that must be JSON. Nothing but `--deadline` limits its time: it may ask a person.
pub fn run(key: &str, words: &[String], settings: &Settings) -> Result<Secret, CliError> {
    let program = words.first().map(String::as_str).unwrap_or_default();
    let failed = |what: &dyn std::fmt::Display| CliError::configuration(format!("{key}: {program:?} {what}"));
    let mut command = Command::new(program);
    let child = without_secrets(&mut command)
        .args(words.get(1..).unwrap_or_default())
        .stdin(if io::stdin().is_terminal() { Stdio::inherit() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(if settings.json || settings.quiet > 1 { Stdio::null() } else { Stdio::inherit() })
        .spawn();
    let mut child = child.map_err(|error| failed(&format!("cannot be run: {error}")))?;
    let ended = first_line_of(&mut child)
        .map_err(|error| failed(&format!("cannot be read: {error}")))
        .and_then(|line| wait(&mut child, &line, settings, key, &failed));
    if ended.is_err() {
        // Its output is closed as well, which ends what it started.
        let _ = child.kill();
        let _ = child.wait();
    }
    ended
}

/// Waits for the first line and for the end of the command.
fn wait(
    child: &mut Child,
    line: &mpsc::Receiver<io::Result<Secret>>,
    settings: &Settings,
    key: &str,
    failed: &dyn Fn(&dyn std::fmt::Display) -> CliError,
) -> Result<Secret, CliError> {
    let mut secret = None;
    let mut pause = Duration::from_millis(1);
    let status = loop {
        if let Some(status) = child.try_wait().map_err(|error| failed(&format!("was lost: {error}")))? {
            break status;
        }
        if settings.deadline_passed() {
            return Err(settings.deadline_error(key));
        }
        let step = settings.until_deadline(pause);
        match line.recv_timeout(step) {
            Ok(read) => secret = Some(read.map_err(|error| failed(&error))?),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            // Its output has ended.
            Err(mpsc::RecvTimeoutError::Disconnected) => thread::sleep(step),
        }
        pause = (pause * 2).min(MAX_PAUSE);
    };
    if !status.success() {
        return Err(failed(&format!("failed ({status})")));
    }
    if let Some(secret) = secret {
        return Ok(secret);
    }
    match line.recv_timeout(GRACE) {
        Ok(Ok(secret)) => Ok(secret),
        Ok(Err(error)) => Err(failed(&error)),
        Err(_) => Err(failed(&"printed no line")),
    }
}

/// The first line, read in a thread: all of the output has to be taken, or a command that prints more waits forever, and
/// one that leaves a process behind never comes to its end. Output without an end of line is not taken.
fn first_line_of(child: &mut Child) -> io::Result<mpsc::Receiver<io::Result<Secret>>> {
    let (sender, receiver) = mpsc::channel();
    if let Some(output) = child.stdout.take() {
        thread::Builder::new().name("first line".into()).spawn(move || {
            let mut output = io::BufReader::new(output);
            let line = first_line(&mut output);
            let readable = line.is_ok();
            let _ = sender.send(line);
            if !readable {
                return;
            }
            if io::copy(&mut (&mut output).take(MAX_REST), &mut io::sink()).is_ok_and(|rest| rest == MAX_REST)
            {
                let endless = format!("prints without end: more than {MAX_REST} octets after its first line");
                let _ = sender.send(Err(io::Error::new(io::ErrorKind::InvalidData, endless)));
            }
            // Until the command is ended: a closed pipe would end it with an error of its own.
            let _ = io::copy(&mut output, &mut io::sink());
        })?;
    }
    Ok(receiver)
}

/// `"secret\r\nmore"` → `"secret"`
pub fn first_line(input: impl Read) -> io::Result<Secret> {
    let mut line = Vec::new();
    io::BufReader::new(input).take(MAX_SECRET + 2).read_until(b'\n', &mut line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
        line.pop_if(|octet| *octet == b'\r');
    }
    // Windows PowerShell puts it before what it pipes as UTF-8.
    if line.starts_with(BYTE_ORDER_MARK) {
        line.drain(..BYTE_ORDER_MARK.len());
    }
    let secret = Secret::from(line);
    if secret.expose().len() as u64 > MAX_SECRET {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("its first line has more than {MAX_SECRET} octets"),
        ));
    }
    Ok(secret)
}

fn unreadable(source: &str, error: &io::Error) -> CliError {
    CliError::configuration(format!("no secret from {source}: {error}"))
}

const PROMPT: &str = "the prompt";

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Tokens have a few thousand octets; what goes on for ever is no secret.
const MAX_SECRET: u64 = 65_536;

/// What may follow the first line: a note kept beside a password is short.
const MAX_REST: u64 = 1 << 20;

/// The most time between two looks at whether a command has ended.
const MAX_PAUSE: Duration = Duration::from_millis(50);

/// How long to wait for the line of a command that has ended; it is there already, unless something that the command
/// left behind holds its output.
const GRACE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::error::ErrorCode;
    use crate::cli::settings::tests::resolve;

    /// A keyring and a prompt that say what they are told, and never more than a test expects.
    #[derive(Default)]
    struct FakeBackends {
        keyring: Option<&'static str>,
        locked: bool,
        prompt: Option<&'static str>,
    }

    impl Backends for FakeBackends {
        fn keyring(&self, settings: &Settings) -> Result<Result<Option<Secret>, KeyringError>, CliError> {
            assert_eq!(settings.mailbox(), "u@h");
            if self.locked {
                return Ok(Err(KeyringError::Locked("nobody".into())));
            }
            Ok(Ok(self.keyring.map(Secret::from)))
        }

        fn prompt(&self, _: Kind, _: &str) -> Option<Result<Secret, CliError>> {
            self.prompt.map(|answer| Ok(Secret::from(answer)))
        }
    }

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
        FakeBackends { keyring: Some("keyring"), locked: false, prompt: Some("prompt") };
    const EMPTY: FakeBackends = FakeBackends { keyring: None, locked: false, prompt: None };

    #[cfg(unix)]
    const COMMANDS: &str = "password-command = 'echo command'\ntoken-command = 'echo token command'";
    #[cfg(windows)]
    const COMMANDS: &str =
        "password-command = 'cmd /c echo command'\ntoken-command = 'cmd /c echo token command'";

    #[test]
    fn the_places_in_their_order() {
        let variables = [("POP3_PASSWORD", "variable"), ("POP3_TOKEN", "token variable")];
        let of = |auth: &str, variables: &[(&str, &str)], lines: &str, desk: &FakeBackends| {
            look(&settings(&["--auth", auth], variables, lines), &NO_GRANT, desk).unwrap().credential
        };
        assert_eq!(of("auto", &variables, COMMANDS, &FULL), password("variable"));
        assert_eq!(of("auto", &variables[1..], COMMANDS, &FULL), token("token variable"));
        assert_eq!(of("auto", &[], COMMANDS, &FULL), password("command"));
        assert_eq!(of("auto", &[], "", &FULL), password("keyring"));
        assert_eq!(of("auto", &[], "", &FakeBackends { keyring: None, ..FULL }), password("prompt"));
        assert_eq!(of("auto", &[], "", &FakeBackends { locked: true, ..FULL }), password("prompt"));

        assert_eq!(of("oauthbearer", &variables, COMMANDS, &FULL), token("token variable"));
        assert_eq!(of("xoauth2", &variables[..1], COMMANDS, &FULL), token("token command"));
        assert_eq!(of("xoauth2", &variables[..1], "", &FULL), token("keyring"));
        assert_eq!(of("plain", &variables[1..], COMMANDS, &FULL), password("command"));
        assert_eq!(of("apop", &variables[1..], "", &FULL), password("keyring"));
        assert_eq!(of("external", &variables, COMMANDS, &FULL), Credential::None);
    }

    #[test]
    fn nowhere_names_every_place() {
        let failure = look(&settings(&[], &[], ""), &NO_GRANT, &EMPTY).unwrap_err();
        assert_eq!(failure.code, ErrorCode::Configuration);
        for place in
            ["POP3_PASSWORD", "password-command", "pop3 login", "the keyring has none", "terminal", "u@h"]
        {
            assert!(failure.advice().contains(place), "{} lacks {place}", failure.advice());
        }
        assert!(failure.advice().len() < 200, "{}", failure.advice());
        let failure = look(
            &settings(&["--auth", "xoauth2"], &[], ""),
            &NO_GRANT,
            &FakeBackends { locked: true, ..EMPTY },
        )
        .unwrap_err();
        for place in ["POP3_TOKEN", "token-command", "locked or not set up"] {
            assert!(failure.message.contains(place), "{} lacks {place}", failure.message);
        }
        assert!(!failure.message.contains("POP3_PASSWORD"));
    }

    #[test]
    fn secrets_that_cannot_be_sent_are_refused_and_not_shown() {
        for secret in ["hu\rsh", "hu\nsh", "hush\n", "hu\0sh"] {
            let failure =
                look(&settings(&[], &[("POP3_PASSWORD", secret)], ""), &NO_GRANT, &FULL).unwrap_err();
            assert_eq!(failure.code, ErrorCode::Configuration);
            assert!(
                failure.message.contains("POP3_PASSWORD") && !failure.message.contains("hu"),
                "{}",
                failure.message
            );
        }
        assert!(
            look(&settings(&[], &[], ""), &NO_GRANT, &FakeBackends { keyring: Some("a\nb"), ..EMPTY })
                .is_err()
        );
        assert!(
            look(&settings(&[], &[], ""), &NO_GRANT, &FakeBackends { prompt: Some(""), ..EMPTY }).is_err()
        );
        assert!(look(&settings(&[], &[("POP3_TOKEN", "")], ""), &NO_GRANT, &FULL).is_err());
        let empty = look(&settings(&[], &[("POP3_PASSWORD", "")], ""), &NO_GRANT, &FULL).unwrap();
        assert_eq!(empty.credential, password(""));
        assert_eq!(format!("{empty:?}"), "Found { credential: Password(***), source: \"POP3_PASSWORD\" }");
    }

    #[test]
    fn the_first_line() {
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
    fn commands_as_they_come() {
        let sh = |script: &str| {
            let settings = settings(&["--json", "--deadline", "30"], &[], "");
            run("password-command", &["sh".into(), "-c".into(), script.into()], &settings)
        };
        let secret = |script: &str| {
            sh(script).map(|secret| secret.expose().to_vec()).map_err(|failure| failure.message)
        };
        assert_eq!(secret("echo one; echo two").unwrap(), b"one");
        assert_eq!(secret("printf 'no end'").unwrap(), b"no end");
        assert_eq!(secret("true").unwrap(), b"");
        // More than a pipe holds must not keep it from its end, nor must a process left behind that holds the pipe.
        assert_eq!(secret("echo one; head -c 300000 /dev/zero").unwrap(), b"one");
        assert_eq!(secret("echo one; sleep 20 &").unwrap(), b"one");
        let message = secret("echo hush; echo hush >&2; exit 3").unwrap_err();
        assert!(message.contains("password-command") && message.contains("exit status: 3"), "{message}");
        assert!(!message.contains("hush"), "{message}");
        assert!(secret("kill -9 $$").unwrap_err().contains("signal: 9"));
        let missing =
            run("token-command", &["/no/such/program".into()], &settings(&[], &[], "")).unwrap_err();
        assert_eq!(missing.code, ErrorCode::Configuration);
        assert!(missing.message.contains("/no/such/program"), "{}", missing.message);
    }

    #[cfg(unix)]
    #[test]
    fn a_command_that_never_ends_its_line_or_itself_is_ended() {
        let sh = |script: &str, deadline: &str| {
            let settings = settings(&["--json", "--deadline", deadline], &[], "");
            run("password-command", &["sh".into(), "-c".into(), script.into()], &settings).unwrap_err()
        };
        let endless = sh("exec cat /dev/zero", "60");
        assert_eq!(endless.code, ErrorCode::Configuration);
        assert!(endless.message.contains("more than 65536 octets"), "{}", endless.message);
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
    fn a_refused_token_has_most_likely_expired() {
        let refused =
            || CliError::new(ErrorCode::Authentication, "refused").or_hint(Some("check the password"));
        let found = |credential| Found { credential, source: "a test" };
        assert!(found(token("t")).explain(refused()).advice().contains("expire"));
        assert!(found(password("p")).explain(refused()).advice().contains("check the password"));
        let other = found(token("t")).explain(CliError::new(ErrorCode::Temporary, "in use"));
        assert_eq!(other.hint, None);
    }

    #[test]
    fn commands_inherit_no_secret() {
        let mut command = Command::new("x");
        without_secrets(command.env("POP3_PASSWORD", "hush"));
        let removed: Vec<_> =
            command.get_envs().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect();
        assert_eq!(removed, ["POP3_PASSWORD", "POP3_PROXY", "POP3_TOKEN"]);
        assert_eq!(command.get_envs().count(), 3);
    }
}
