//! One exchange with one mechanism, and the bounds that hold for all of them.

use std::fmt;

use super::{Mechanism, OpenIdConfiguration, SaslError, cram_md5, external, login, oauth, plain, scram};
use crate::Secret;

/// The most challenges of one exchange: SCRAM has an empty one, the server's first and its final message; no mechanism
/// has more.
pub const MAX_CHALLENGES: u8 = 3;

/// The most octets of one challenge, decoded: RFC 4954 §4 is the only one to name a length for the lines of an
/// exchange, 12,288 octets of base64.
pub const MAX_CHALLENGE: usize = 9216;

/// What proves who one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A password; the empty one is one, too.
    Password(Secret),
    /// An OAuth 2.0 access token.
    Token(Secret),
    /// Nothing of ours: the TLS client certificate says it (`EXTERNAL`).
    None,
}

/// What SCRAM tells the server about the channel (RFC 5802 §6).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ChannelBinding<'a> {
    /// `n,,`: there is nothing to bind to (no TLS 1.3), or it is not known what the server offers.
    Unavailable,
    /// `y,,`: we could have, but the server's list has no `-PLUS`. Where somebody took that out of the list, the server
    /// notices and refuses.
    NotOffered,
    /// `p=tls-exporter,,`: these octets of the TLS exporter (RFC 9266), for the `-PLUS` mechanisms.
    TlsExporter(&'a [u8; 32]),
}

impl<'a> ChannelBinding<'a> {
    /// What to say with `mechanism` to a server that listed `offered` (`None`: it gave no list), over a channel with
    /// these octets of the TLS exporter (`None`: it has none).
    ///
    /// The list must be one that came over that TLS channel.
    #[must_use]
    pub fn decide(
        mechanism: Mechanism,
        offered: Option<&[Mechanism]>,
        exporter: Option<&'a [u8; 32]>,
    ) -> Self {
        match (exporter, offered) {
            (Some(exporter), _) if mechanism.needs_tls_exporter() => Self::TlsExporter(exporter),
            (Some(_), Some(offered))
                if mechanism.is_scram() && !offered.iter().any(|other| other.needs_tls_exporter()) =>
            {
                Self::NotOffered
            }
            _ => Self::Unavailable,
        }
    }
}

impl fmt::Debug for ChannelBinding<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unavailable => "Unavailable",
            Self::NotOffered => "NotOffered",
            Self::TlsExporter(_) => "TlsExporter(***)",
        })
    }
}

/// What an exchange is made from. Each mechanism takes of it what it needs.
#[derive(Debug, Clone, Copy)]
pub struct Parameters<'a> {
    /// The user name, sent unchanged; for `EXTERNAL` the identity to act as, or nothing for the certificate's own.
    pub user: &'a str,
    /// Password or token.
    pub credential: &'a Credential,
    /// Printable random text of at least [`MIN_NONCE`](super::MIN_NONCE) octets without a comma, new for each
    /// exchange; only SCRAM looks at it.
    pub nonce: &'a str,
    /// What SCRAM says about the channel.
    pub binding: ChannelBinding<'a>,
    /// The server's name, for `OAUTHBEARER`.
    pub host: &'a str,
    /// The server's port, for `OAUTHBEARER`.
    pub port: u16,
}

impl<'a> Parameters<'a> {
    pub(super) fn user(&self) -> Result<&'a str, SaslError> {
        if self.user.is_empty() || has_line_octet(self.user.as_bytes()) {
            return Err(SaslError::UserName);
        }
        Ok(self.user)
    }

    pub(super) fn password(&self) -> Result<&'a Secret, SaslError> {
        match self.credential {
            Credential::Password(password) if has_line_octet(password.expose()) => Err(SaslError::Password),
            Credential::Password(password) => Ok(password),
            Credential::Token(_) | Credential::None => Err(SaslError::Credential),
        }
    }

    pub(super) fn token(&self) -> Result<&'a Secret, SaslError> {
        match self.credential {
            Credential::Token(token)
                if token.is_empty() || !token.expose().iter().all(u8::is_ascii_graphic) =>
            {
                Err(SaslError::Token)
            }
            Credential::Token(token) => Ok(token),
            Credential::Password(_) | Credential::None => Err(SaslError::Credential),
        }
    }
}

/// CR, LF and NUL are refused in every name and password, whatever the mechanism could carry: what cannot be said with
/// `USER` and `PASS` shall not depend on what a server offers.
pub(super) fn has_line_octet(octets: &[u8]) -> bool {
    octets.iter().any(|octet| matches!(octet, b'\r' | b'\n' | 0))
}

/// One exchange, from the `AUTH` command to the server's `+OK` or `-ERR`.
///
/// The first error is the last word: the secrets are dropped, and every further call gives an error.
pub struct Exchange {
    mechanism: Mechanism,
    steps: Result<Box<dyn Steps>, SaslError>,
    challenges: u8,
    begun: bool,
}

impl Exchange {
    /// Prepares an exchange; nothing is derived yet.
    ///
    /// # Errors
    ///
    /// Those of [`ErrorKind::Argument`](crate::ErrorKind::Argument): the parameters do not fit the mechanism.
    pub fn new(mechanism: Mechanism, parameters: &Parameters<'_>) -> Result<Self, SaslError> {
        let steps: Box<dyn Steps> = match mechanism {
            Mechanism::Plain => Box::new(plain::Plain::new(parameters)?),
            Mechanism::Login => Box::new(login::Login::new(parameters)?),
            Mechanism::CramMd5 => Box::new(cram_md5::CramMd5::new(parameters)?),
            Mechanism::ScramSha1 | Mechanism::ScramSha1Plus => {
                Box::new(scram::Scram::new(scram::Hash::Sha1, mechanism, parameters)?)
            }
            Mechanism::ScramSha256 | Mechanism::ScramSha256Plus => {
                Box::new(scram::Scram::new(scram::Hash::Sha256, mechanism, parameters)?)
            }
            Mechanism::XOAuth2 => Box::new(oauth::OAuth::xoauth2(parameters)?),
            Mechanism::OAuthBearer => Box::new(oauth::OAuth::bearer(parameters)?),
            Mechanism::External => Box::new(external::External::new(parameters)?),
        };
        Ok(Self { mechanism, steps: Ok(steps), challenges: 0, begun: false })
    }

    /// The mechanism.
    #[must_use]
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// The initial response (RFC 5034 §4), if the mechanism has one and its base64 takes at most `room` octets; an
    /// empty one takes the one octet of its `=`.
    ///
    /// What is not taken here comes from [`respond`](Self::respond), to the server's empty challenge. `XOAUTH2` has no
    /// initial response: Office 365 refuses it on the `AUTH` line.
    pub fn initial(&mut self, room: usize) -> Option<Secret> {
        if self.begun || self.mechanism == Mechanism::XOAuth2 {
            return None;
        }
        let steps = self.steps.as_mut().ok()?;
        let base64 = (steps.initial_octets()?.div_ceil(3) * 4).max(1);
        if base64 > room {
            return None;
        }
        self.begun = true;
        steps.initial()
    }

    /// The response to a challenge, both as octets, not base64.
    ///
    /// # Errors
    ///
    /// The challenge is out of order, too long, one too many or malformed, or the server refused or did not prove
    /// itself. Nothing may be sent then but `*`.
    pub fn respond(&mut self, challenge: &[u8]) -> Result<Secret, SaslError> {
        let response = self.step(challenge);
        if let Err(error) = response {
            self.steps = Err(error);
        }
        response
    }

    fn step(&mut self, challenge: &[u8]) -> Result<Secret, SaslError> {
        let steps = self.steps.as_mut().map_err(|error| *error)?;
        if self.challenges == MAX_CHALLENGES {
            return Err(SaslError::TooManyChallenges);
        }
        self.challenges += 1;
        if challenge.len() > MAX_CHALLENGE {
            return Err(SaslError::ChallengeTooLong);
        }
        let begun = std::mem::replace(&mut self.begun, true);
        if begun || !self.mechanism.client_first() {
            return steps.respond(challenge);
        }
        if !challenge.is_empty() {
            return Err(SaslError::OutOfOrder);
        }
        steps.initial().ok_or(SaslError::OutOfOrder)
    }

    /// To be called when the server said `+OK`: whether the mechanism is content with it.
    ///
    /// # Errors
    ///
    /// The server accepted too early, or after an error, or without the proof that SCRAM owes.
    pub fn finish(&mut self) -> Result<(), SaslError> {
        self.steps.as_ref().map_err(|error| *error)?.finish()
    }

    /// Why the server refuses a token, in its own words: `status 401, scope https://mail.google.com/`.
    ///
    /// It is a stranger's text, bounded in length but neither escaped nor clean of control characters; the token is not
    /// in it.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.steps.as_ref().ok()?.reason()
    }

    /// Where the metadata of the authorization server lies that the server takes tokens of, where it says so in its error
    /// (RFC 7628 §3.2.2). It is an untrusted text.
    #[must_use]
    pub fn openid_configuration(&self) -> Option<OpenIdConfiguration> {
        self.steps.as_ref().ok()?.openid_configuration().map(|url| OpenIdConfiguration(url.to_owned()))
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}

/// What each mechanism does. [`Exchange`] bounds it, orders the beginning and stops it after an error.
pub(super) trait Steps: Send + Sync {
    /// How long the initial response is, while there is one to take.
    fn initial_octets(&self) -> Option<usize> {
        None
    }

    /// The initial response, once.
    fn initial(&mut self) -> Option<Secret> {
        None
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<Secret, SaslError>;

    fn finish(&self) -> Result<(), SaslError>;

    fn reason(&self) -> Option<&str> {
        None
    }

    fn openid_configuration(&self) -> Option<&str> {
        None
    }
}
