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

/// `run pop3 login -a work`
fn login_command(settings: &Settings) -> String {
    format!("run pop3 login -a {}", escape(settings.account.as_deref().unwrap_or_default()))
}
