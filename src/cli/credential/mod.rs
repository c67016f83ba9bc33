//! Finds the credential of a run: in the environment, from a command of the account, in the keyring or with a prompt.
//!
//! This happens before connecting: a person may take minutes to answer a prompt or to unlock a keyring, and servers drop idle
//! connections.

mod command;
#[cfg(test)]
mod tests;

use crate::bytes::has_line_break_or_nul;
use std::{
    fmt,
    io::{self, IsTerminal as _},
    thread,
    time::Duration,
};

pub use self::command::{first_line, remove_secrets, run};
use super::{
    deadline,
    error::{CliError, ErrorCode},
    escape::escape,
    keyring::{self, KeyringError},
    oauth,
    settings::Settings,
    signals,
};
use crate::{
    Secret,
    sasl::{AuthMethod, Credential, Mechanism},
};

/// A credential and its source, for the log: `the keyring`.
#[derive(Debug)]
pub struct Found {
    pub credential: Credential,
    pub source: &'static str,
}

/// Returns the access token of the stored OAuth 2.0 grant, or the reason why there is none.
pub type GrantToken<'a> = dyn Fn() -> Result<Result<Found, String>, CliError> + 'a;

/// Returns the credential of the first source that has one. If no source has one, the error names all sources.
pub fn find(settings: &Settings, grant: &GrantToken<'_>) -> Result<Found, CliError> {
    find_in(settings, grant, &System)
}

/// Returns the secret that `login` verifies and saves: the first line of standard input with `password_stdin`, otherwise
/// the answer to a prompt. Without a keyring to save it in, the user is not asked.
pub fn ask(settings: &Settings, password_stdin: bool) -> Result<Found, CliError> {
    let kind = SecretKind::of(settings.auth)
        .into_iter()
        .next()
        .ok_or_else(|| CliError::usage("--auth external needs no password, so there is nothing to save"))?;
    if password_stdin {
        let source = "standard input";
        let _waiting = deadline::waiting_for(source);
        let secret = first_line(io::stdin().lock()).map_err(|error| unreadable(source, &error))?;
        let found = checked(kind, secret, source)?;
        return has_keyring(settings).map(|()| found);
    }
    has_keyring(settings)?;
    let Some(secret) = System.prompt(kind, &settings.mailbox()) else {
        return Err(CliError::configuration(format!(
            "no terminal to ask for the {kind} on: give it on standard input with --password-stdin"
        )));
    };
    checked(kind, secret?, PROMPT)
}

impl Found {
    /// Explains the error of a login with this credential: a refused token has usually expired.
    pub fn explain(&self, mut error: CliError) -> CliError {
        if error.code == ErrorCode::Authentication && matches!(self.credential, Credential::Token(_)) {
            error.hint = Some(
                "access tokens expire, most within an hour: get a new one, and check the user name".into(),
            );
        }
        error
    }
}

/// Saves a credential of [`ask`] in the keyring. Call it once the server has accepted the credential.
pub fn save(settings: &Settings, credential: &Credential) -> Result<(), CliError> {
    let (Credential::Password(secret) | Credential::Token(secret)) = credential else { return Ok(()) };
    let (mailbox, secret) = (settings.mailbox(), secret.clone());
    ask_keyring(settings, move || keyring::save(&mailbox, &secret))?
        .map_err(|error| unsaved(settings, &error))
}

/// Removes the secret from the keyring. Returns false if no secret was saved.
pub fn remove(settings: &Settings) -> Result<bool, CliError> {
    let mailbox = settings.mailbox();
    ask_keyring(settings, move || keyring::remove(&mailbox))?.map_err(|error| {
        CliError::configuration(format!(
            "the secret of {} was not removed: {error}",
            escape(&settings.mailbox())
        ))
    })
}

/// Fails if there is no keyring to save a secret in. Call it before asking a person for the secret.
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

/// Calls the keyring. A person may unlock it within `--timeout`, but not after `--deadline`.
pub fn ask_keyring<T: Send + 'static>(
    settings: &Settings,
    ask: impl FnOnce() -> Result<T, KeyringError> + Send + 'static,
) -> Result<Result<T, KeyringError>, CliError> {
    let stderr = settings.stderr();
    let notice = || stderr.note("waiting for the keyring; it may have asked you to unlock it");
    let answer = keyring::within(settings.until_deadline(settings.timeout), notice, ask);
    if matches!(answer, Err(KeyringError::TimedOut(_))) && settings.deadline_passed() {
        return Err(settings.deadline_error("the keyring"));
    }
    Ok(answer)
}

/// The kind of secret that a mechanism takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SecretKind {
    Password,
    Token,
}

impl SecretKind {
    /// Returns the kinds that fit the mechanism, the preferred one first. EXTERNAL needs no secret.
    fn of(method: Option<AuthMethod>) -> Vec<Self> {
        match method {
            None => vec![Self::Password, Self::Token],
            Some(AuthMethod::Sasl(Mechanism::External)) => Vec::new(),
            Some(AuthMethod::Sasl(mechanism)) if mechanism.wants_token() => vec![Self::Token],
            Some(_) => vec![Self::Password],
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

impl fmt::Display for SecretKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password => "password",
            Self::Token => "access token",
        })
    }
}

/// The keyring and the terminal, which tests replace.
trait Backends {
    fn keyring(&self, settings: &Settings) -> Result<Result<Option<Secret>, KeyringError>, CliError>;

    /// Asks for a secret. Returns `None` if there is no terminal.
    fn prompt(&self, kind: SecretKind, mailbox: &str) -> Option<Result<Secret, CliError>>;
}

struct System;

impl Backends for System {
    fn keyring(&self, settings: &Settings) -> Result<Result<Option<Secret>, KeyringError>, CliError> {
        let mailbox = settings.mailbox();
        ask_keyring(settings, move || keyring::read(&mailbox))
    }

    fn prompt(&self, kind: SecretKind, mailbox: &str) -> Option<Result<Secret, CliError>> {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return None;
        }
        let what = match kind {
            SecretKind::Password => "Password",
            SecretKind::Token => "Access token",
        };
        let _terminal = signals::restore_terminal();
        let _waiting = deadline::waiting_for(PROMPT);
        let answer = rpassword::prompt_password(format!("{what} for {}: ", escape(mailbox)));
        if let Err(error) = &answer {
            // Ends the line of the prompt before the error is printed.
            eprintln!();
            // Ctrl-C was pressed: wait for the signal, which ends the process.
            if error.kind() == io::ErrorKind::Interrupted {
                thread::sleep(GRACE);
            }
        }
        Some(answer.map(Secret::from).map_err(|error| unreadable(PROMPT, &error)))
    }
}

fn find_in(settings: &Settings, grant: &GrantToken<'_>, backends: &dyn Backends) -> Result<Found, CliError> {
    let kinds = SecretKind::of(settings.auth);
    let Some(preferred) = kinds.first().copied() else {
        return Ok(Found { credential: Credential::None, source: "the client certificate" });
    };
    for kind in &kinds {
        let secret = match kind {
            SecretKind::Password => &settings.password,
            SecretKind::Token => &settings.token,
        };
        if let Some(secret) = secret {
            return checked(*kind, secret.clone(), kind.variable());
        }
    }
    for kind in &kinds {
        let command = match kind {
            SecretKind::Password => &settings.password_command,
            SecretKind::Token => &settings.token_command,
        };
        if let Some(words) = command {
            return checked(*kind, run(kind.key(), words, settings)?, kind.key());
        }
    }
    let mailbox = settings.mailbox();
    let mut no_grant = None;
    if settings.oauth.is_some() && kinds.contains(&SecretKind::Token) {
        match grant()? {
            Ok(found) => return Ok(found),
            Err(why) => no_grant = Some(why),
        }
    }
    let keyring = match backends.keyring(settings)? {
        Ok(Some(secret)) => return checked(preferred, secret, "the keyring"),
        Ok(None) => Ok(()),
        Err(error) => {
            log::info!("{error}");
            Err(error)
        }
    };
    // An account with OAuth 2.0 may have no password, so do not ask for one.
    if let Some(why) = no_grant {
        return Err(oauth::no_grant(settings, &why));
    }
    if let Some(secret) = backends.prompt(preferred, &mailbox) {
        return checked(preferred, secret?, PROMPT);
    }
    Err(none_found(preferred, &mailbox, keyring))
}

/// Checks that a secret can be sent: it must be a single line, and not empty unless `POP3_PASSWORD` is set to an empty value.
fn checked(kind: SecretKind, secret: Secret, source: &'static str) -> Result<Found, CliError> {
    if has_line_break_or_nul(secret.expose()) {
        return Err(CliError::configuration(format!(
            "the {kind} from {source} holds CR, LF or NUL, which cannot be sent"
        )));
    }
    if secret.is_empty() && source != SecretKind::Password.variable() {
        return Err(CliError::configuration(format!("the {kind} from {source} is empty")));
    }
    let credential = match kind {
        SecretKind::Password => Credential::Password(secret),
        SecretKind::Token => Credential::Token(secret),
    };
    Ok(Found { credential, source })
}

fn none_found(kind: SecretKind, mailbox: &str, keyring: Result<(), KeyringError>) -> CliError {
    let (variable, key) = (kind.variable(), kind.key());
    let hint = match (&keyring, kind) {
        (Ok(()) | Err(KeyringError::Locked(_) | KeyringError::TimedOut(_)), _) => {
            "pop3 login saves one in the keyring"
        }
        // Without a keyring, `login` cannot save the password.
        (Err(_), SecretKind::Password) => {
            "set POP3_PASSWORD, or write a password-command in the configuration file"
        }
        (Err(_), SecretKind::Token) => "set POP3_TOKEN, or write a token-command in the configuration file",
    };
    let keyring = keyring.map_or_else(|error| error.kind(), |()| "the keyring has none".into());
    let message = format!(
        "no {kind} for {}: neither {variable} nor {key} is set, {keyring}, and there is no terminal for a prompt",
        escape(mailbox)
    );
    CliError::configuration(message).or_hint(Some(hint))
}

fn unreadable(source: &str, error: &io::Error) -> CliError {
    CliError::configuration(format!("no secret from {source}: {error}"))
}

const PROMPT: &str = "the prompt";

/// The time to wait for an event that is due: the signal of Ctrl-C, or the line of a command that has ended. The line
/// is late only if a remaining child process keeps the output of the command open.
const GRACE: Duration = Duration::from_secs(1);
