//! The metadata of an authorization server (RFC 8414, `OpenID` Connect Discovery 1.0).

use serde::Deserialize;

use super::endpoints::{ClientAuthentication, Endpoints};
use super::error::OAuthError;
use super::response::Response;
use crate::Error;
use crate::net::Url;

/// Returns the URLs of an issuer's metadata, in the order in which to try them: RFC 8414 §3.1, then `OpenID` Connect
/// Discovery §4.
///
/// ```
/// let issuer = "https://login.example.org/tenant".parse().unwrap();
/// let [first, second] = pop3::oauth::metadata_urls(&issuer).unwrap();
/// assert_eq!(first.as_str(), "https://login.example.org/.well-known/oauth-authorization-server/tenant");
/// assert_eq!(second.as_str(), "https://login.example.org/tenant/.well-known/openid-configuration");
/// ```
///
/// # Errors
///
/// Returns [`ErrorKind::Argument`](crate::ErrorKind::Argument) if a URL would be invalid.
///
/// # Errors
///
/// Returns [`ErrorKind::Argument`](crate::ErrorKind::Argument) if a URL would be invalid.
pub fn metadata_urls(issuer: &Url) -> Result<[Url; 2], Error> {
    let text = issuer.as_str().split('?').next().unwrap_or_default().trim_end_matches('/');
    let path = issuer.path().trim_end_matches('/');
    let origin = text.strip_suffix(path).unwrap_or(text);
    Ok([
        format!("{origin}/.well-known/oauth-authorization-server{path}").parse()?,
        format!("{text}{OPENID}").parse()?,
    ])
}

/// The metadata of an authorization server, after checking its issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metadata {
    /// The endpoints.
    pub endpoints: Endpoints,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    issuer: Option<String>,
    authorization_endpoint: Option<String>,
    device_authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    authorization_response_iss_parameter_supported: Option<bool>,
}

impl Metadata {
    /// Parses the metadata of a known issuer.
    ///
    /// # Errors
    ///
    /// Returns an error whose source is an [`OAuthError`] if the metadata belongs to another issuer (RFC 8414 §3.3),
    /// is not JSON, or has endpoints that are not `https` URLs.
    pub fn parse(issuer: &Url, response: Response<'_>) -> Result<Self, Error> {
        let body = Body::of(response)?;
        // A trailing slash is the only difference that is tolerated: users often add or omit it.
        let same = |text: &str| text.trim_end_matches('/') == issuer.as_str().trim_end_matches('/');
        if !body.issuer.as_deref().is_some_and(same) {
            return Err(OAuthError::ForeignMetadata.into());
        }
        Ok(Self { endpoints: body.endpoints()? })
    }

    /// Parses the metadata at a URL of an unknown issuer. The URL must be one of the [`metadata_urls`] of the issuer
    /// that the metadata names.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`parse`](Self::parse).
    pub fn parse_at(url: &Url, response: Response<'_>) -> Result<Self, Error> {
        let body = Body::of(response)?;
        let issuer = body.issuer.as_deref().and_then(|text| text.parse().ok());
        let here = |issuer: &Url| metadata_urls(issuer).is_ok_and(|urls| urls.contains(url));
        if !issuer.as_ref().is_some_and(here) {
            return Err(OAuthError::ForeignMetadata.into());
        }
        Ok(Self { endpoints: body.endpoints()? })
    }
}

impl Body {
    fn of(response: Response<'_>) -> Result<Self, OAuthError> {
        match response.status {
            300..400 => Err(OAuthError::Redirect),
            429 | 500.. => Err(response.temporary()),
            200..300 => {
                serde_json::from_slice(response.body).map_err(|_| OAuthError::NotJson(response.status))
            }
            status => Err(OAuthError::NotJson(status)),
        }
    }

    fn endpoints(self) -> Result<Endpoints, OAuthError> {
        let url = |text: Option<String>, name: &'static str| {
            text.map(|text| text.parse().map_err(|_| OAuthError::Endpoint(name))).transpose()
        };
        let methods = self.token_endpoint_auth_methods_supported;
        let only_post = methods.is_some_and(|methods| {
            let has = |name: &str| methods.iter().any(|method| method == name);
            has("client_secret_post") && !has("client_secret_basic")
        });
        Ok(Endpoints {
            issuer: self.issuer,
            authorization: url(self.authorization_endpoint, "authorization_endpoint")?,
            device: url(self.device_authorization_endpoint, "device_authorization_endpoint")?,
            token: Some(
                url(self.token_endpoint, "token_endpoint")?.ok_or(OAuthError::Missing("token_endpoint"))?,
            ),
            revocation: url(self.revocation_endpoint, "revocation_endpoint")?,
            authentication: if only_post { ClientAuthentication::Post } else { ClientAuthentication::Basic },
            sends_iss: self.authorization_response_iss_parameter_supported.unwrap_or(false),
        })
    }
}

const OPENID: &str = "/.well-known/openid-configuration";
