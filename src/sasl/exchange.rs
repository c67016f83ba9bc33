//! The SASL exchange of one login, with the limits that apply to all mechanisms.

use std::fmt;

#[cfg(feature = "md5")]
use super::cram_md5;
#[cfg(feature = "scram")]
use super::scram;
use super::state::MechanismState;
use super::{
    MAX_CHALLENGE, MAX_CHALLENGES, Mechanism, OpenIdConfiguration, Parameters, SaslError, external, login,
    oauth, plain,
};
use crate::Secret;

/// A SASL exchange, from the `AUTH` command to the server's `+OK` or `-ERR`.
///
/// The first error ends the exchange: the secrets are dropped, and every further call returns that error.
pub struct Exchange {
    mechanism: Mechanism,
    state: Result<Box<dyn MechanismState>, SaslError>,
    challenges: u8,
    begun: bool,
}

impl Exchange {
    /// Prepares an exchange without deriving a key yet.
    ///
    /// # Errors
    ///
    /// Returns an error of kind [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the parameters do not fit the
    /// mechanism.
    pub fn new(mechanism: Mechanism, parameters: &Parameters<'_>) -> Result<Self, SaslError> {
        let state: Box<dyn MechanismState> = match mechanism {
            Mechanism::Plain => Box::new(plain::Plain::new(parameters)?),
            Mechanism::Login => Box::new(login::Login::new(parameters)?),
            #[cfg(feature = "md5")]
            Mechanism::CramMd5 => Box::new(cram_md5::CramMd5::new(parameters)?),
            #[cfg(not(feature = "md5"))]
            Mechanism::CramMd5 => return Err(SaslError::MissingFeature("md5")),
            #[cfg(feature = "scram")]
            Mechanism::ScramSha1 | Mechanism::ScramSha1Plus => {
                Box::new(scram::Scram::new(scram::Hash::Sha1, mechanism, parameters)?)
            }
            #[cfg(feature = "scram")]
            Mechanism::ScramSha256 | Mechanism::ScramSha256Plus => {
                Box::new(scram::Scram::new(scram::Hash::Sha256, mechanism, parameters)?)
            }
            #[cfg(not(feature = "scram"))]
            Mechanism::ScramSha1
            | Mechanism::ScramSha1Plus
            | Mechanism::ScramSha256
            | Mechanism::ScramSha256Plus => return Err(SaslError::MissingFeature("scram")),
            Mechanism::XOAuth2 => Box::new(oauth::OAuth::xoauth2(parameters)?),
            Mechanism::OAuthBearer => Box::new(oauth::OAuth::bearer(parameters)?),
            Mechanism::External => Box::new(external::External::new(parameters)?),
        };
        Ok(Self { mechanism, state: Ok(state), challenges: 0, begun: false })
    }

    /// Returns the mechanism of the exchange.
    #[must_use]
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// Returns the initial response (RFC 5034 §4), if the mechanism has one that takes at most `room` bytes in
    /// base64. An empty response takes one byte, `=`.
    ///
    /// An initial response that was not returned here is returned by [`respond`](Self::respond) to the server's empty
    /// challenge. `XOAUTH2` has none: Office 365 refuses it on the `AUTH` line.
    pub fn initial(&mut self, room: usize) -> Option<Secret> {
        if self.begun || self.mechanism == Mechanism::XOAuth2 {
            return None;
        }
        let state = self.state.as_mut().ok()?;
        let base64 = (state.initial_length()?.div_ceil(3) * 4).max(1);
        if base64 > room {
            return None;
        }
        self.begun = true;
        state.initial()
    }

    /// Returns the response to a challenge; neither is base64.
    ///
    /// # Errors
    ///
    /// Returns an error if the challenge is out of order, too long, malformed, or one too many, or if the server
    /// refused or did not authenticate itself. The only valid response is then `*`.
    pub fn respond(&mut self, challenge: &[u8]) -> Result<Secret, SaslError> {
        let response = self.step(challenge);
        if let Err(error) = response {
            self.state = Err(error);
        }
        response
    }

    fn step(&mut self, challenge: &[u8]) -> Result<Secret, SaslError> {
        let state = self.state.as_mut().map_err(|error| *error)?;
        if self.challenges == MAX_CHALLENGES {
            return Err(SaslError::TooManyChallenges);
        }
        self.challenges += 1;
        if challenge.len() > MAX_CHALLENGE {
            return Err(SaslError::ChallengeTooLong);
        }
        let begun = std::mem::replace(&mut self.begun, true);
        if begun || !self.mechanism.client_first() {
            return state.respond(challenge);
        }
        if !challenge.is_empty() {
            return Err(SaslError::OutOfOrder);
        }
        state.initial().ok_or(SaslError::OutOfOrder)
    }

    /// Checks the server's `+OK`.
    ///
    /// # Errors
    ///
    /// Returns an error if the server accepted too early, after an error, or without the signature that SCRAM
    /// requires.
    pub fn finish(&mut self) -> Result<(), SaslError> {
        self.state.as_ref().map_err(|error| *error)?.finish()
    }

    /// Returns the server's reason for refusing a token: `status 401, scope https://mail.google.com/`.
    ///
    /// The text is untrusted. It is bounded in length and does not contain the token, but may contain control
    /// characters.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.state.as_ref().ok()?.reason()
    }

    /// Returns the URL of the authorization server's metadata, if the server's error contains one (RFC 7628 §3.2.2).
    /// The URL is untrusted.
    #[must_use]
    pub fn openid_configuration(&self) -> Option<OpenIdConfiguration> {
        self.state.as_ref().ok()?.openid_configuration().map(|url| OpenIdConfiguration(url.to_owned()))
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}
