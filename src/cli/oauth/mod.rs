//! OAuth 2.0 for an account: the browser or the device code once, then refreshed for good.

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
    /// The same failure with what was being done before its message.
    fn while_doing(self, what: &str) -> Self {
        Self { message: format!("{what}: {}", self.message), ..self }
    }
}

/// The failure with the command that mends it.
pub fn login_again(failure: CliError, settings: &Settings) -> CliError {
    let message = format!("{}; {}", failure.message, login_command(settings));
    CliError { message, hint: None, ..failure }
}

/// `run pop3 login -a work`
pub fn login_command(settings: &Settings) -> String {
    format!("run pop3 login -a {}", escape(settings.account.as_deref().unwrap_or_default()))
}
