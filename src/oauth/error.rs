//! Errors of authorization servers (RFC 6749 §4.1.2.1 and §5.2, RFC 8628 §3.5), and malformed responses.

use crate::{Error, ErrorKind};

/// A refusal or a malformed response. The text quotes nothing from the response except a valid `Retry-After`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OAuthError {
    /// `access_denied`: the person declined.
    #[error("access was refused")]
    AccessDenied,
    /// `invalid_grant`: the refresh token or code is wrong, expired, revoked or already used.
    #[error("the grant is invalid, expired or revoked")]
    InvalidGrant,
    /// `expired_token`: the device code was not confirmed in time.
    #[error("the login was not confirmed in time")]
    ExpiredToken,
    /// `interaction_required`, `login_required`, `consent_required` (`OpenID` Connect Core §3.1.2.6).
    #[error("a new login is required")]
    InteractionRequired,
    /// `invalid_client`: the authentication of the client failed.
    #[error("the client id or the client secret is not accepted")]
    InvalidClient,
    /// `unauthorized_client`: the client is not registered for this grant.
    #[error("this client may not use this grant")]
    UnauthorizedClient,
    /// `invalid_scope`: the scope is unknown or not allowed.
    #[error("the scope is not accepted")]
    InvalidScope,
    /// `unsupported_grant_type`, `unsupported_response_type`: the server does not implement this grant.
    #[error("the server does not support this grant")]
    UnsupportedGrantType,
    /// Status 429 or 5xx, `temporarily_unavailable`, `server_error`.
    #[error("the server is temporarily unavailable{}", after(.retry_after.as_deref()))]
    Temporary {
        /// The `Retry-After` field, if it is a number of seconds or a date.
        retry_after: Option<String>,
    },
    /// Any other value of `error`.
    #[error("the server reported an unknown error")]
    Unknown,
    /// A redirect (3xx). It is not followed: it could send the credentials anywhere.
    #[error("the server answered with a redirect")]
    Redirect,
    /// A body that is not a JSON object, or has a member of the wrong type.
    #[error("the server did not answer with JSON (status {0})")]
    NotJson(u16),
    /// A successful response without a required member.
    #[error("the answer has no valid {0}")]
    Missing(&'static str),
    /// Metadata of another issuer (RFC 8414 §3.3).
    #[error("the metadata belongs to another issuer")]
    ForeignMetadata,
    /// An endpoint that is not an `https` URL.
    #[error("{0} is not an https URL")]
    Endpoint(&'static str),
    /// The redirect has a wrong `state` (RFC 6749 §10.12).
    #[error("the answer belongs to another login: wrong state")]
    State,
    /// The redirect has a wrong `iss`, or none although the server announced it (RFC 9207 §2.4).
    #[error("the answer comes from another server: wrong or missing iss")]
    Issuer,
}

impl OAuthError {
    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::AccessDenied | Self::InvalidGrant | Self::ExpiredToken | Self::InteractionRequired => {
                ErrorKind::Authentication
            }
            Self::InvalidClient
            | Self::UnauthorizedClient
            | Self::InvalidScope
            | Self::UnsupportedGrantType => ErrorKind::Argument,
            Self::Temporary { .. } => ErrorKind::Temporary,
            Self::Unknown
            | Self::Redirect
            | Self::NotJson(_)
            | Self::Missing(_)
            | Self::ForeignMetadata
            | Self::Endpoint(_)
            | Self::State
            | Self::Issuer => ErrorKind::Protocol,
        }
    }

    /// Converts the value of an `error` parameter.
    pub(super) fn from_code(code: &str) -> Self {
        match code {
            "access_denied" | "authorization_declined" => Self::AccessDenied,
            "invalid_grant" => Self::InvalidGrant,
            "expired_token" | "code_expired" => Self::ExpiredToken,
            "interaction_required" | "login_required" | "consent_required" => Self::InteractionRequired,
            "invalid_client" => Self::InvalidClient,
            "unauthorized_client" => Self::UnauthorizedClient,
            "invalid_scope" => Self::InvalidScope,
            "unsupported_grant_type" | "unsupported_response_type" => Self::UnsupportedGrantType,
            "temporarily_unavailable" | "server_error" => Self::Temporary { retry_after: None },
            _ => Self::Unknown,
        }
    }
}

impl From<OAuthError> for Error {
    fn from(error: OAuthError) -> Self {
        Self::new(error.kind(), error.to_string()).with_source(error)
    }
}

fn after(retry_after: Option<&str>) -> String {
    retry_after.map(|when| format!(" (try again after: {when})")).unwrap_or_default()
}
