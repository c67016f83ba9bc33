//! OAuth 2.0 for an account: a login with a browser or a device code, then refreshes without a person.

mod browser;
pub mod config;
mod grant;
mod keyring;
mod learn;
mod listener;
pub mod login;
mod parts;
mod refresh;
mod store;
mod transport;

pub use config::OAuth;
use grant::Grant;
pub use refresh::access_token;

use super::error::CliError;
use super::escape::escape;
use super::settings::Settings;
use crate::session::TlsMode;

impl CliError {
    /// Puts the name of the failed step before the message.
    fn while_doing(self, what: &str) -> Self {
        Self { message: format!("{what}: {}", self.message), ..self }
    }
}

/// Adds the command that helps as the hint.
pub fn login_again(failure: CliError, settings: &Settings) -> CliError {
    CliError { hint: Some(login_command(settings).into()), ..failure }
}

/// Returns the error for an account without a usable grant.
pub fn no_grant(settings: &Settings, why: &str) -> CliError {
    let text = format!("no OAuth 2.0 grant for {}: {why}", escape(&settings.mailbox()));
    login_again(CliError::configuration(text), settings)
}

/// Fails if the session could not use a token: `auto` sends tokens over TLS only. Checked before a token is requested.
pub fn check_tls(settings: &Settings) -> Result<(), CliError> {
    if settings.tls == TlsMode::None && settings.auth.is_none() {
        let text = "oauth needs TLS, and --tls none (POP3_TLS, tls) switches it off: auto sends no token in cleartext";
        return Err(CliError::configuration(text));
    }
    Ok(())
}

/// `run pop3 login -a work`
fn login_command(settings: &Settings) -> String {
    format!("run pop3 login -a {}", escape(settings.account.as_deref().unwrap_or_default()))
}
