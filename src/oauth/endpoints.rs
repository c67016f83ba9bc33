//! The endpoints of an authorization server.

use crate::net::Url;

/// How a client with a secret authenticates itself (RFC 6749 §2.3.1). Without a secret only the client id is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// `client_secret_basic`: HTTP Basic, which every server must support.
    #[default]
    Basic,
    /// `client_secret_post`: in the body.
    Post,
}

/// The endpoints of an authorization server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// The issuer, as the server writes it.
    pub issuer: Option<String>,
    /// For the authorization code grant.
    pub authorization: Option<Url>,
    /// For the device grant.
    pub device: Option<Url>,
    /// For every grant.
    pub token: Option<Url>,
    /// For revocation (RFC 7009).
    pub revocation: Option<Url>,
    /// How a client secret is sent.
    pub authentication: ClientAuthentication,
    /// True if redirects must have an `iss` (RFC 9207).
    pub sends_iss: bool,
}
