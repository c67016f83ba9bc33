//! Errors of a SASL exchange.

use crate::ErrorKind;

/// An error that ends a SASL exchange. No variant contains a secret or text from the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum SaslError {
    /// The user name is empty, or contains CR, LF, NUL or, for the OAuth mechanisms, any control character.
    #[error("the user name is empty or holds a control character")]
    UserName,
    /// The password contains CR, LF or NUL.
    #[error("the password holds CR, LF or NUL")]
    Password,
    /// The access token is empty, or contains a byte that RFC 6750 §2.1 does not allow.
    #[error("the access token is empty or holds a space, a control character or 8-bit bytes")]
    Token,
    /// A password was given for a mechanism that needs a token, or vice versa.
    #[error("the credential does not fit the mechanism")]
    Credential,
    /// The host name is not valid in an OAUTHBEARER message (RFC 7628 §3.1).
    #[error("the host name holds a control character")]
    HostName,
    /// The client's nonce is too short, or not printable ASCII without a comma (RFC 5802 §7).
    #[error("the nonce for SCRAM is too short or not printable")]
    Nonce,
    /// The mechanism is not part of this build because the named crate feature is off.
    #[error("the mechanism is not part of this build: the feature `{0}` is off")]
    MissingFeature(&'static str),
    /// A `-PLUS` mechanism lacks the TLS exporter, or another mechanism was given one (RFC 9266).
    #[error("the channel binding does not fit the mechanism")]
    ChannelBinding,
    /// The mechanism does not expect a challenge at this point.
    #[error("the server sent a challenge out of order")]
    OutOfOrder,
    /// The server sent more than 3 challenges, which is more than any mechanism has.
    #[error("too many challenges")]
    TooManyChallenges,
    /// A challenge has more than 9,216 bytes.
    #[error("the server's challenge is too long")]
    ChallengeTooLong,
    /// A challenge is malformed: an attribute is missing, base64 is invalid, or the salt is empty.
    #[error("the server's challenge is malformed")]
    Malformed,
    /// The server's nonce does not extend the client's nonce (RFC 5802 §5.1).
    #[error("the server's nonce does not extend the client's nonce")]
    ForeignNonce,
    /// The server's message has a mandatory extension, `m=` (RFC 5802 §5.1), and none is supported.
    #[error("the server requires an unknown SCRAM extension")]
    MandatoryExtension,
    /// The iteration count is 0, or above 5,000,000.
    #[error("the server's SCRAM iteration count is not from 1 to {}", super::MAX_ITERATIONS)]
    Iterations,
    /// The server refused with `e=` and one of the values of RFC 5802 §7; unknown values are `other-error`.
    #[error("the server refused: {0}")]
    Refused(&'static str),
    /// The server's signature is wrong or missing, so the server did not prove that it knows the password (RFC 5802
    /// §3).
    #[error("the server did not prove that it knows the password")]
    Unproven,
    /// The server sent `+OK` before the exchange was complete.
    #[error("the server accepted before the exchange was complete")]
    Unfinished,
    /// The server sent `+OK` after an error.
    #[error("the server accepted after it had refused")]
    Contradiction,
}

/// The URL of the `OpenID` configuration in the error of a server that refused a token (RFC 7628 §3.2.2), attached to
/// that error as its [source](std::error::Error::source).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the server names an OpenID configuration")]
pub struct OpenIdConfiguration(pub String);

impl SaslError {
    /// Returns who must act: the caller ([`ErrorKind::Argument`]), the owner of the credential
    /// ([`ErrorKind::Authentication`]), or the operator of the server ([`ErrorKind::Protocol`]).
    #[must_use]
    pub fn kind(self) -> ErrorKind {
        match self {
            Self::UserName
            | Self::Password
            | Self::Token
            | Self::Credential
            | Self::HostName
            | Self::Nonce
            | Self::MissingFeature(_)
            | Self::ChannelBinding => ErrorKind::Argument,
            Self::Refused(_) => ErrorKind::Authentication,
            Self::OutOfOrder
            | Self::TooManyChallenges
            | Self::ChallengeTooLong
            | Self::Malformed
            | Self::ForeignNonce
            | Self::MandatoryExtension
            | Self::Iterations
            | Self::Unproven
            | Self::Unfinished
            | Self::Contradiction => ErrorKind::Protocol,
        }
    }
}
