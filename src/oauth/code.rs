//! The authorization code grant (RFC 6749 §4.1) with PKCE (RFC 7636) and the issuer check (RFC 9207).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use super::client::Client;
use super::endpoints::Endpoints;
use super::error::OAuthError;
use super::form;
use crate::{Error, ErrorKind, Secret, trace::Redactor};

/// An authorization request, which a person confirms in a browser.
#[derive(Debug)]
pub struct AuthorizationRequest {
    url: String,
    redirect_uri: String,
    state: String,
    verifier: Secret,
    issuer: Option<String>,
    sends_iss: bool,
}

/// An authorization code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code(pub(super) Secret);

impl AuthorizationRequest {
    /// Creates a request. The server redirects the browser to `redirect_uri`. The random bytes become the `state` and the PKCE
    /// verifier; they must not be reused.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Argument`] if the provider has no authorization endpoint.
    pub fn new(
        client: &Client,
        endpoints: &Endpoints,
        redirect_uri: &str,
        random: &[u8; 64],
    ) -> Result<Self, Error> {
        let endpoint = endpoints
            .authorization
            .as_ref()
            .ok_or_else(|| Error::new(ErrorKind::Argument, "the provider has no authorization endpoint"))?;
        let (first, second) = random.split_at(32);
        let state = URL_SAFE_NO_PAD.encode(first);
        let verifier = Secret::from(URL_SAFE_NO_PAD.encode(second));
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose()));
        let mut pairs = vec![
            ("response_type", "code"),
            ("client_id", &client.id),
            ("redirect_uri", redirect_uri),
            ("state", &state),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        if !client.scope.is_empty() {
            pairs.push(("scope", &client.scope));
        }
        pairs.extend(client.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let query = form::encode(pairs.iter().map(|(name, value)| (*name, value.as_bytes())));
        let query = String::from_utf8_lossy(query.expose());
        let separator = if endpoint.as_str().contains('?') { '&' } else { '?' };
        let url = format!("{}{separator}{query}", endpoint.as_str());
        Ok(Self {
            url,
            redirect_uri: redirect_uri.to_owned(),
            state,
            verifier,
            issuer: endpoints.issuer.clone(),
            sends_iss: endpoints.sends_iss,
        })
    }

    /// Returns the URL to open in the browser.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the URI to which the server redirects the browser.
    #[must_use]
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    pub(super) fn verifier(&self) -> &Secret {
        &self.verifier
    }

    /// Returns the authorization code in the query of the redirect, after checking `state` and `iss`.
    ///
    /// # Errors
    ///
    /// Returns an error whose source is an [`OAuthError`] if `state` is wrong or missing, if `iss` is that of another
    /// server, if the query has an `error`, or if it has no code.
    pub fn code(&self, query: &str) -> Result<Code, Error> {
        let one = |name| form::parameter(query, name).map_err(|()| OAuthError::Missing("query"));
        let state = one("state")?;
        if !state.is_some_and(|state| is_equal(&state, self.state.as_bytes())) {
            return Err(OAuthError::State.into());
        }
        match (one("iss")?, &self.issuer) {
            (Some(iss), Some(issuer)) if iss != issuer.as_bytes() => return Err(OAuthError::Issuer.into()),
            (None, _) if self.sends_iss => return Err(OAuthError::Issuer.into()),
            _ => {}
        }
        if let Some(code) = one("error")? {
            let code = String::from_utf8_lossy(&code).into_owned();
            let mut line = code.clone().into_bytes();
            if let Some(description) = one("error_description")? {
                line.extend_from_slice(b": ");
                line.extend_from_slice(&description);
            }
            let mut secrets = Redactor::default();
            secrets.add_secret(self.verifier.expose());
            let line = secrets.redact(&line).into_owned();
            return Err(Error::from(OAuthError::from_code(&code)).with_response(line));
        }
        match one("code")? {
            Some(code) if !code.is_empty() => Ok(Code(Secret::from(code))),
            _ => Err(OAuthError::Missing("code").into()),
        }
    }
}

/// Compares in constant time: the duration must not reveal whether a prefix is correct.
fn is_equal(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |different, (a, b)| different | (a ^ b)) == 0
}
