//! Credentials and other parameters of an exchange.

use std::fmt;

use super::{Mechanism, SaslError};
use crate::Secret;
use crate::bytes::has_line_break_or_nul;

/// The proof of the user's identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A password, which may be empty.
    Password(Secret),
    /// An OAuth 2.0 access token.
    Token(Secret),
    /// No secret: the TLS client certificate identifies the user (`EXTERNAL`).
    None,
}

/// The statement about channel binding in a SCRAM message (RFC 5802 §6).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ChannelBinding<'a> {
    /// `n,,`: the channel does not support binding (no TLS 1.3), or the server's mechanisms are unknown.
    Unavailable,
    /// `y,,`: the client supports channel binding, but the server's list has no `-PLUS` mechanism. The server refuses
    /// the login if an attacker removed that mechanism from the list.
    NotOffered,
    /// `p=tls-exporter,,`: the output of the TLS exporter (RFC 9266), for the `-PLUS` mechanisms.
    TlsExporter(&'a [u8; 32]),
}

impl<'a> ChannelBinding<'a> {
    /// Returns the statement for a mechanism, given the mechanisms that the server listed (`None` without a list) and
    /// the TLS exporter of the channel (`None` without one).
    ///
    /// The list must have been received over that channel.
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

/// The parameters of an exchange. Each mechanism uses a part of them.
#[derive(Debug, Clone, Copy)]
pub struct Parameters<'a> {
    /// The user name, which is sent unchanged. For `EXTERNAL`, an empty name means the identity of the certificate.
    pub user: &'a str,
    /// The password or token.
    pub credential: &'a Credential,
    /// Printable random text of at least 16 bytes without a comma, new for each exchange; only SCRAM uses it.
    pub nonce: &'a str,
    /// The statement about channel binding; only SCRAM uses it.
    pub binding: ChannelBinding<'a>,
    /// The server's name, for `OAUTHBEARER`.
    pub host: &'a str,
    /// The server's port, for `OAUTHBEARER`.
    pub port: u16,
}

impl<'a> Parameters<'a> {
    pub(super) fn user(&self) -> Result<&'a str, SaslError> {
        if self.user.is_empty() || has_line_break_or_nul(self.user.as_bytes()) {
            return Err(SaslError::UserName);
        }
        Ok(self.user)
    }

    pub(super) fn password(&self) -> Result<&'a Secret, SaslError> {
        match self.credential {
            Credential::Password(password) if has_line_break_or_nul(password.expose()) => {
                Err(SaslError::Password)
            }
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

/// Escapes a user name for a GS2 header or a SCRAM message (`saslname`, RFC 5801 §4 and RFC 5802 §5.1), without
/// `SASLprep`: `a=b,c` → `a=3Db=2Cc`.
pub(super) fn escape_name(user: &str) -> String {
    user.replace('=', "=3D").replace(',', "=2C")
}
