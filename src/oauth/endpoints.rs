//! The endpoints of an authorization server.

use crate::net::Url;

/// The way in which a client with a secret authenticates (RFC 6749 §2.3.1). A client without a secret sends only its
/// id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientAuthentication {
    /// `client_secret_basic`: with HTTP Basic authentication, which every server must support.
    #[default]
    Basic,
    /// `client_secret_post`: in the body of the request.
    Post,
}

/// The endpoints of an authorization server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Endpoints {
    /// The issuer, as written by the server.
    pub issuer: Option<String>,
    /// The endpoint for the authorization code grant.
    pub authorization: Option<Url>,
    /// The endpoint for the device grant.
    pub device: Option<Url>,
    /// The endpoint for tokens.
    pub token: Option<Url>,
    /// The endpoint for revocation (RFC 7009).
    pub revocation: Option<Url>,
    /// The way in which the client secret is sent.
    pub authentication: ClientAuthentication,
    /// True if redirects must have an `iss` parameter (RFC 9207).
    pub sends_iss: bool,
}
