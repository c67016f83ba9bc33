//! What can go wrong in a SASL exchange.

use crate::ErrorKind;

/// Why a SASL exchange cannot begin or go on. No variant can hold a secret, or a word that the server chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum SaslError {
    /// The user name is empty, or holds CR, LF or NUL, or (for the OAuth mechanisms) any control character.
    #[error("the user name is empty or holds a control character")]
    UserName,
    /// The password holds CR, LF or NUL.
    #[error("the password holds CR, LF or NUL")]
    Password,
    /// The access token is empty, or holds an octet that RFC 6750 §2.1 does not know.
    #[error("the access token is empty or holds a blank, a control character or 8-bit octets")]
    Token,
    /// A password was given to a mechanism that wants a token, or the other way round.
    #[error("the credential does not fit the mechanism")]
    Credential,
    /// The host name cannot stand in an OAUTHBEARER message (RFC 7628 §3.1).
    #[error("the host name holds a control character")]
    HostName,
    /// The client's nonce is too short, or not printable ASCII without a comma (RFC 5802 §7).
    #[error("the nonce for SCRAM is too short or not printable")]
    Nonce,
    /// The mechanism is not part of this build: the named feature of the crate is off.
    #[error("the mechanism is not part of this build: the feature `{0}` is off")]
    MissingFeature(&'static str),
    /// A `-PLUS` mechanism without the octets of the TLS exporter, or these for another mechanism (RFC 9266).
    #[error("the mechanism and the channel binding do not fit")]
    ChannelBinding,
    /// A challenge came that the mechanism does not know at this point.
    #[error("the server sent a challenge out of order")]
    OutOfOrder,
    /// More challenges than any mechanism has: [`MAX_CHALLENGES`](super::MAX_CHALLENGES).
    #[error("the server sends challenges without end")]
    TooManyChallenges,
    /// A challenge of more octets than [`MAX_CHALLENGE`](super::MAX_CHALLENGE).
    #[error("the server's challenge is too long")]
    ChallengeTooLong,
    /// A challenge that has not the form of the mechanism: a missing attribute, base64 that is none, an empty salt.
    #[error("the server's challenge is malformed")]
    Malformed,
    /// The server's nonce does not begin with ours, or adds nothing to it (RFC 5802 §5.1).
    #[error("the server's nonce is not made from ours")]
    ForeignNonce,
    /// The server's message has an extension that must be understood, `m=` (RFC 5802 §5.1).
    #[error("the server demands a SCRAM extension that is not known")]
    MandatoryExtension,
    /// An iteration count of 0, or above [`MAX_ITERATIONS`](super::MAX_ITERATIONS).
    #[error("the server's SCRAM iteration count is not from 1 to {}", super::MAX_ITERATIONS)]
    Iterations,
    /// The server refused with an `e=`: one of the words of RFC 5802 §7, or `other-error`.
    #[error("the server refused: {0}")]
    Refused(&'static str),
    /// The server's signature is wrong, or it said `+OK` without one: it did not prove that it knows the password
    /// (RFC 5802 §3).
    #[error("the server did not prove that it knows the password")]
    Unproven,
    /// The server said `+OK` before the mechanism was done.
    #[error("the server accepted before the exchange was complete")]
    Unfinished,
    /// The server said `+OK` after it had sent an error.
    #[error("the server accepted after it had refused")]
    Contradiction,
}

/// The URL of the `OpenID` configuration that a server named when it refused a token (RFC 7628 §3.2.2): the source of that
/// error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the server names an OpenID configuration")]
pub struct OpenIdConfiguration(pub String);

impl SaslError {
    /// Who must act: the caller (what was given cannot be used), the owner of the credential (it was refused), or the
    /// server (all else).
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
