//! The OAuth client and its requests.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::code::{AuthorizationRequest, Code};
use super::device::{DeviceAuthorization, Poll};
use super::endpoints::{ClientAuthentication, Endpoints};
use super::error::OAuthError;
use super::form;
use super::response::{Response, Tokens};
use crate::net::{HttpRequest, Url};
use crate::{Error, ErrorKind, Secret, trace::Redactor};

/// A client that is registered with an authorization server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Client {
    /// The client id.
    pub id: String,
    /// The client secret, if the server gave one.
    pub secret: Option<Secret>,
    /// The requested scope: words separated by spaces.
    pub scope: String,
    /// Further parameters of the authorization request, as name and value. A `resource` is also sent with each token request
    /// (RFC 8707 §2.2).
    pub parameters: Vec<(String, String)>,
}

/// A `POST` request to an endpoint. Its methods parse the response.
pub struct OAuthRequest {
    url: Url,
    body: Secret,
    authorization: Option<Secret>,
    /// Removes the secrets of the request from texts.
    secrets: Redactor,
}

impl Client {
    /// Creates a client without a secret and without further parameters.
    #[must_use]
    pub fn new(id: impl Into<String>, scope: impl Into<String>) -> Self {
        Self { id: id.into(), secret: None, scope: scope.into(), parameters: Vec::new() }
    }

    /// Returns a request that exchanges an authorization code for tokens (RFC 6749 §4.1.3, RFC 7636 §4.5).
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Argument`] if the token endpoint is unknown.
    pub fn redeem(
        &self,
        endpoints: &Endpoints,
        request: &AuthorizationRequest,
        code: &Code,
    ) -> Result<OAuthRequest, Error> {
        let pairs = vec![
            ("grant_type", &b"authorization_code"[..]),
            ("code", code.0.expose()),
            ("redirect_uri", request.redirect_uri().as_bytes()),
            ("code_verifier", request.verifier().expose()),
        ];
        self.token_request(endpoints, pairs, &[&code.0, request.verifier()])
    }

    /// Returns a request that starts the device grant (RFC 8628 §3.1). [`OAuthRequest::device`] parses the response.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Argument`] if the provider has no endpoint for the device grant.
    pub fn device(&self, endpoints: &Endpoints) -> Result<OAuthRequest, Error> {
        let url = endpoints.device.as_ref().ok_or_else(|| {
            Error::new(ErrorKind::Argument, "the provider has no device authorization endpoint")
        })?;
        let mut pairs = vec![];
        if !self.scope.is_empty() {
            pairs.push(("scope", self.scope.as_bytes()));
        }
        pairs.extend(self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
        Ok(self.request(endpoints, url, pairs, &[]))
    }

    /// Returns a request that polls for the tokens of a device code (RFC 8628 §3.4). [`OAuthRequest::poll`] parses the response.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Argument`] if the token endpoint is unknown.
    pub fn poll(&self, endpoints: &Endpoints, device: &DeviceAuthorization) -> Result<OAuthRequest, Error> {
        let pairs = vec![
            ("grant_type", &b"urn:ietf:params:oauth:grant-type:device_code"[..]),
            ("device_code", device.device_code.expose()),
        ];
        self.token_request(endpoints, pairs, &[&device.device_code])
    }

    /// Returns a request for a new access token (RFC 6749 §6).
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Argument`] if the token endpoint is unknown.
    pub fn refresh(&self, endpoints: &Endpoints, refresh_token: &Secret) -> Result<OAuthRequest, Error> {
        let pairs = vec![("grant_type", &b"refresh_token"[..]), ("refresh_token", refresh_token.expose())];
        self.token_request(endpoints, pairs, &[refresh_token])
    }

    /// Returns a request that revokes a refresh token (RFC 7009), or `None` if the provider has no revocation endpoint.
    /// [`OAuthRequest::done`] checks the response.
    #[must_use]
    pub fn revoke(&self, endpoints: &Endpoints, refresh_token: &Secret) -> Option<OAuthRequest> {
        let url = endpoints.revocation.as_ref()?;
        let pairs = vec![("token", refresh_token.expose()), ("token_type_hint", &b"refresh_token"[..])];
        Some(self.request(endpoints, url, pairs, &[refresh_token]))
    }

    fn token_request<'a>(
        &'a self,
        endpoints: &Endpoints,
        mut pairs: Vec<(&'a str, &'a [u8])>,
        secrets: &[&Secret],
    ) -> Result<OAuthRequest, Error> {
        let url = endpoints
            .token
            .as_ref()
            .ok_or_else(|| Error::new(ErrorKind::Argument, "the token endpoint is not known"))?;
        let resources = self.parameters.iter().filter(|(name, _)| name == "resource");
        pairs.extend(resources.map(|(name, value)| (name.as_str(), value.as_bytes())));
        Ok(self.request(endpoints, url, pairs, secrets))
    }

    fn request<'a>(
        &'a self,
        endpoints: &Endpoints,
        url: &Url,
        mut pairs: Vec<(&'a str, &'a [u8])>,
        secrets: &[&Secret],
    ) -> OAuthRequest {
        let mut redactor = Redactor::default();
        let mut hide = |secret: &Secret| {
            let mut encoded = Zeroizing::new(Vec::with_capacity(3 * secret.expose().len()));
            form::percent_encode(secret.expose(), &mut encoded);
            redactor.add_secret(secret.expose());
            redactor.add_secret(&encoded);
        };
        for secret in secrets {
            hide(secret);
        }
        let mut authorization = None;
        match (&self.secret, endpoints.authentication) {
            (Some(secret), ClientAuthentication::Basic) => {
                hide(secret);
                let mut plain =
                    Zeroizing::new(Vec::with_capacity(3 * (self.id.len() + secret.expose().len()) + 1));
                form::percent_encode(self.id.as_bytes(), &mut plain);
                plain.push(b':');
                form::percent_encode(secret.expose(), &mut plain);
                let basic = Zeroizing::new(STANDARD.encode(&plain));
                hide(&Secret::from(basic.as_bytes().to_vec()));
                authorization = Some(Secret::from(format!("Basic {}", &*basic)));
            }
            (Some(secret), ClientAuthentication::Post) => {
                hide(secret);
                pairs.push(("client_id", self.id.as_bytes()));
                pairs.push(("client_secret", secret.expose()));
            }
            (None, _) => pairs.push(("client_id", self.id.as_bytes())),
        }
        OAuthRequest { url: url.clone(), body: form::encode(pairs), authorization, secrets: redactor }
    }
}

impl OAuthRequest {
    /// Returns the HTTP request to send.
    #[must_use]
    pub fn http(&self) -> HttpRequest<'_> {
        let request = HttpRequest::post_form(&self.url, &self.body);
        match &self.authorization {
            Some(value) => request.authorization(value),
            None => request,
        }
    }

    #[cfg(test)]
    pub(super) fn secret_parts(&self) -> (&Secret, Option<&Secret>) {
        (&self.body, self.authorization.as_ref())
    }

    /// Returns the request with a further secret that its errors must not quote: a server may echo secrets that are
    /// not part of the request.
    #[must_use]
    pub fn hiding(mut self, secret: &Secret) -> Self {
        self.secrets.add_secret(secret.expose());
        self
    }

    /// Parses the response to [`Client::redeem`] or [`Client::refresh`].
    ///
    /// # Errors
    ///
    /// Returns an error whose source is an [`OAuthError`] if the server refused the request or the response is
    /// malformed.
    pub fn tokens(&self, response: Response<'_>) -> Result<Tokens, Error> {
        Ok(response.tokens(&self.secrets)?)
    }

    /// Parses the response to [`Client::device`].
    ///
    /// # Errors
    ///
    /// Returns an error whose source is an [`OAuthError`] if the server refused the request or the response is
    /// malformed.
    pub fn device(&self, response: Response<'_>) -> Result<DeviceAuthorization, Error> {
        Ok(DeviceAuthorization::parse(response.success(&self.secrets)?)?)
    }

    /// Parses the response to [`Client::poll`].
    ///
    /// # Errors
    ///
    /// Returns an error whose source is an [`OAuthError`] if the person declined, the server refused the request or
    /// the response is malformed.
    pub fn poll(&self, response: Response<'_>) -> Result<Poll, Error> {
        match response.tokens(&self.secrets) {
            Ok(tokens) => Ok(Poll::Done(tokens)),
            Err(refusal) => match (&refusal.error, refusal.code.as_deref()) {
                (OAuthError::Unknown, Some("authorization_pending")) => Ok(Poll::Pending),
                (OAuthError::Unknown, Some("slow_down")) => Ok(Poll::SlowDown),
                _ => Err(refusal.into()),
            },
        }
    }

    /// Checks the response to [`Client::revoke`]. The body of a success is ignored (RFC 7009 §2.2).
    ///
    /// # Errors
    ///
    /// Returns an error whose source is an [`OAuthError`] if the server refused the request.
    pub fn done(&self, response: Response<'_>) -> Result<(), Error> {
        match response.success(&self.secrets) {
            Err(refusal) if refusal.code.is_none() && (200..300).contains(&response.status) => Ok(()),
            Err(refusal) => Err(refusal.into()),
            Ok(_) => Ok(()),
        }
    }
}

impl std::fmt::Debug for OAuthRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OAuthRequest({})", self.url)
    }
}
