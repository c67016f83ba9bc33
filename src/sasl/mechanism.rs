//! The mechanisms, their names and their properties.

use std::fmt;

/// A SASL mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mechanism {
    /// User name and password in one message (RFC 4616).
    Plain,
    /// User name and password in two messages; not standardised, but widely offered.
    Login,
    /// HMAC-MD5 of the server's challenge (RFC 2195).
    CramMd5,
    /// Salted challenge and response with SHA-1 (RFC 5802).
    ScramSha1,
    /// SCRAM-SHA-1 with channel binding to TLS (RFC 5802).
    ScramSha1Plus,
    /// Salted challenge and response with SHA-256 (RFC 7677).
    ScramSha256,
    /// SCRAM-SHA-256 with channel binding to TLS (RFC 7677).
    ScramSha256Plus,
    /// An OAuth 2.0 access token in the format of Google and Microsoft.
    XOAuth2,
    /// An OAuth 2.0 access token (RFC 7628).
    OAuthBearer,
    /// The identity of the TLS client certificate (RFC 4422 appendix A).
    External,
}

impl Mechanism {
    /// Every mechanism.
    pub const ALL: [Self; 10] = [
        Self::Plain,
        Self::Login,
        Self::CramMd5,
        Self::ScramSha1,
        Self::ScramSha1Plus,
        Self::ScramSha256,
        Self::ScramSha256Plus,
        Self::XOAuth2,
        Self::OAuthBearer,
        Self::External,
    ];

    /// Returns the mechanism with this name in the `SASL` line of `CAPA`, in either case: `scram-sha-1`. Returns
    /// `None` for a mechanism that is not part of this build.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let known = Self::ALL.into_iter().filter(|mechanism| mechanism.is_available());
        known.into_iter().find(|mechanism| mechanism.name().eq_ignore_ascii_case(name))
    }

    /// Returns true if the mechanism is part of this build: SCRAM needs the feature `scram`, CRAM-MD5 the feature
    /// `md5`.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::CramMd5 => cfg!(feature = "md5"),
            _ => cfg!(feature = "scram") || !self.is_scram(),
        }
    }

    /// Returns the registered name, for the `AUTH` command: `SCRAM-SHA-256-PLUS`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::CramMd5 => "CRAM-MD5",
            Self::ScramSha1 => "SCRAM-SHA-1",
            Self::ScramSha1Plus => "SCRAM-SHA-1-PLUS",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Self::XOAuth2 => "XOAUTH2",
            Self::OAuthBearer => "OAUTHBEARER",
            Self::External => "EXTERNAL",
        }
    }

    /// Returns true if the credential is an access token.
    #[must_use]
    pub fn wants_token(self) -> bool {
        matches!(self, Self::XOAuth2 | Self::OAuthBearer)
    }

    /// Returns true if the credential is a password; `EXTERNAL` needs none.
    #[must_use]
    pub fn wants_password(self) -> bool {
        !self.wants_token() && self != Self::External
    }

    /// Returns true if the mechanism needs the TLS exporter, which only TLS 1.3 provides safely (RFC 9266 §3).
    #[must_use]
    pub fn needs_tls_exporter(self) -> bool {
        matches!(self, Self::ScramSha1Plus | Self::ScramSha256Plus)
    }

    /// Returns true if the caller must provide a nonce.
    #[must_use]
    pub fn needs_nonce(self) -> bool {
        self.is_scram()
    }

    /// Returns true if the secret itself is sent, so that without TLS it can be read in transit.
    #[must_use]
    pub fn reveals_secret(self) -> bool {
        matches!(self, Self::Plain | Self::Login | Self::XOAuth2 | Self::OAuthBearer)
    }

    /// Returns true if the client sends first; an empty first challenge then asks for the initial response (RFC 5034
    /// §4).
    #[must_use]
    pub fn client_first(self) -> bool {
        !matches!(self, Self::Login | Self::CramMd5)
    }

    /// Returns the variant with channel binding, if there is one: `SCRAM-SHA-1-PLUS` for `SCRAM-SHA-1`.
    #[must_use]
    pub fn plus(self) -> Option<Self> {
        match self {
            Self::ScramSha1 | Self::ScramSha1Plus => Some(Self::ScramSha1Plus),
            Self::ScramSha256 | Self::ScramSha256Plus => Some(Self::ScramSha256Plus),
            _ => None,
        }
    }

    pub(crate) fn is_scram(self) -> bool {
        self.plus().is_some()
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Mechanism;

    #[test]
    fn names_are_case_insensitive() {
        for mechanism in Mechanism::ALL {
            assert_eq!(Mechanism::from_name(mechanism.name()), Some(mechanism));
            assert_eq!(Mechanism::from_name(&mechanism.name().to_lowercase()), Some(mechanism));
            assert_eq!(mechanism.to_string(), mechanism.name());
        }
        for unknown in ["", "PLAIN ", "SCRAM-SHA-512", "SCRAM-SHA-1-", "NTLM", "APOP"] {
            assert_eq!(Mechanism::from_name(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn each_mechanism_has_its_properties() {
        use Mechanism::{External, OAuthBearer, ScramSha1, ScramSha1Plus, ScramSha256Plus, XOAuth2};
        for mechanism in Mechanism::ALL {
            assert_eq!(mechanism.wants_token(), [XOAuth2, OAuthBearer].contains(&mechanism));
            assert_eq!(mechanism.wants_password(), ![XOAuth2, OAuthBearer, External].contains(&mechanism));
            assert_eq!(mechanism.needs_tls_exporter(), [ScramSha1Plus, ScramSha256Plus].contains(&mechanism));
        }
        assert_eq!(ScramSha1.plus(), Some(ScramSha1Plus));
        assert_eq!(External.plus(), None);
    }
}
