//! Metadata of an authorization server (RFC 8414; `OpenID` Connect Discovery 1.0).

use serde::Deserialize;

use super::endpoints::{ClientAuthentication, Endpoints};
use super::error::OAuthError;
use super::response::Response;
use crate::Error;
use crate::net::Url;

/// The URLs to ask for an issuer's metadata, in this order: RFC 8414 §3.1, then `OpenID` Connect Discovery §4.
///
/// ```
/// let issuer = "https://login.example.org/tenant".parse().unwrap();
/// let [first, second] = pop3::oauth::metadata_urls(&issuer).unwrap();
/// assert_eq!(first.as_str(), "https://login.example.org/.well-known/oauth-authorization-server/tenant");
/// assert_eq!(second.as_str(), "https://login.example.org/tenant/.well-known/openid-configuration");
/// ```
pub fn metadata_urls(issuer: &Url) -> Result<[Url; 2], Error> {
    let text = issuer.as_str().split('?').next().unwrap_or_default().trim_end_matches('/');
    let path = issuer.path().trim_end_matches('/');
    let origin = text.strip_suffix(path).unwrap_or(text);
    Ok([
        format!("{origin}/.well-known/oauth-authorization-server{path}").parse()?,
        format!("{text}{OPENID}").parse()?,
    ])
}

/// Metadata whose issuer was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// The endpoints that it names.
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
    /// Reads the metadata of an issuer. Errors: another issuer than asked for (RFC 8414 §3.3), no JSON, endpoints that
    /// are not `https`.
    pub fn parse(issuer: &Url, response: Response<'_>) -> Result<Self, Error> {
        let body = Body::of(response)?;
        // A trailing slash is all that users get wrong without meaning another issuer.
        let same = |text: &str| text.trim_end_matches('/') == issuer.as_str().trim_end_matches('/');
        if !body.issuer.as_deref().is_some_and(same) {
            return Err(OAuthError::ForeignMetadata.into());
        }
        Ok(Self { endpoints: body.endpoints()? })
    }

    /// Reads the metadata that lies at a URL, where the issuer is not known beforehand: it must be the one whose
    /// `openid-configuration` or RFC 8414 metadata has this URL.
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
