//! The key `oauth` of an account: the table as written, and the validated settings.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::net::Url;
use crate::oauth::{Endpoints, Provider};
use serde::Deserialize;

use crate::cli::settings::words;

/// The table as written.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Keys {
    provider: Option<String>,
    issuer: Option<String>,
    client_id: Option<String>,
    tenant: Option<String>,
    scope: Option<String>,
    authorization_url: Option<String>,
    device_url: Option<String>,
    token_url: Option<String>,
    revocation_url: Option<String>,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    client_secret_command: Option<String>,
    store: Option<String>,
    redirect: Option<String>,
    ca_file: Option<String>,
}

/// The validated table.
#[derive(Debug, Clone)]
pub struct OAuth {
    pub provider: Option<&'static Provider>,
    /// The issuer whose metadata is fetched. If neither a provider, an issuer nor a token endpoint is configured, the POP3 server
    /// names the issuer.
    pub issuer: Option<Url>,
    /// The endpoints of the provider, replaced by configured ones.
    pub endpoints: Endpoints,
    pub client_id: String,
    pub scope: String,
    pub parameters: Vec<(String, String)>,
    pub client_secret_command: Option<Vec<String>>,
    pub store: StoreKind,
    /// The redirect URI. It has a port only if one is configured.
    pub redirect: Url,
    /// A file with the trust anchors for the endpoints.
    pub ca_file: Option<PathBuf>,
}

/// The place where the grant is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    Keyring,
    File,
}

impl Keys {
    /// Returns the provider, if one is configured.
    pub fn provider(&self) -> Option<&'static Provider> {
        Provider::by_name(self.provider.as_deref()?)
    }

    /// True if a command is configured. Its text may reveal how to get a secret.
    pub fn has_command(&self) -> bool {
        self.client_secret_command.is_some()
    }

    /// Validates the table; the error is the reason. `resolve` makes a path absolute.
    pub fn understand(&self, resolve: impl Fn(&str) -> PathBuf) -> Result<OAuth, String> {
        let provider = match &self.provider {
            Some(name) => Some(Provider::by_name(name).ok_or_else(|| {
                let names: Vec<_> = Provider::all().map(|provider| provider.name).collect();
                format!("invalid provider {name:?}; expected one of {}", names.join(", "))
            })?),
            None => None,
        };
        let client_id = self
            .client_id
            .clone()
            .filter(|id| !id.is_empty())
            .ok_or("no client-id: register one with the provider (the README says how)")?;
        if provider.is_some() && self.issuer.is_some() {
            return Err("provider and issuer cannot be combined".into());
        }
        if let Some(tenant) = &self.tenant {
            if !provider.is_some_and(Provider::has_tenants) {
                return Err("tenant is for the provider microsoft".into());
            }
            if !tenant.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-._".contains(&octet)) {
                return Err("invalid tenant; expected a domain name, an id, or common".into());
            }
        }
        let mut endpoints =
            provider.map(|provider| provider.endpoints(self.tenant.as_deref())).unwrap_or_default();
        for (name, written, endpoint) in [
            ("authorization-url", &self.authorization_url, &mut endpoints.authorization),
            ("device-url", &self.device_url, &mut endpoints.device),
            ("token-url", &self.token_url, &mut endpoints.token),
            ("revocation-url", &self.revocation_url, &mut endpoints.revocation),
        ] {
            if let Some(text) = written {
                *endpoint = Some(url(name, text)?);
            }
        }
        let has_urls = self.authorization_url.is_some() || self.device_url.is_some();
        if has_urls && endpoints.token.is_none() && self.issuer.is_none() {
            return Err("authorization-url and device-url need token-url".into());
        }
        if let Some(name) = self.parameters.keys().find(|name| RESERVED.contains(&name.as_str())) {
            return Err(format!("parameters cannot set {name:?}"));
        }
        let redirect = url("redirect", self.redirect.as_deref().unwrap_or(REDIRECT))?;
        if redirect.as_str().contains('?') {
            return Err("redirect: a query is not allowed".into());
        }
        Ok(OAuth {
            provider,
            issuer: self.issuer.as_deref().map(|text| url("issuer", text)).transpose()?,
            client_id,
            scope: self.scope(provider, endpoints.token.is_some()),
            parameters: self.parameters(provider),
            client_secret_command: self
                .client_secret_command
                .as_deref()
                .map(|text| words(text).map_err(|allowed| format!("client-secret-command must be {allowed}")))
                .transpose()?,
            store: match self.store.as_deref() {
                None | Some("keyring") => StoreKind::Keyring,
                Some("file") => StoreKind::File,
                Some(other) => {
                    return Err(format!("invalid store {other:?}; expected keyring or file"));
                }
            },
            redirect,
            ca_file: self.ca_file.as_deref().map(resolve),
            endpoints,
        })
    }

    fn scope(&self, provider: Option<&Provider>, by_hand: bool) -> String {
        match (&self.scope, provider) {
            (Some(scope), _) => scope.clone(),
            (None, Some(provider)) => provider.scope.to_owned(),
            (None, None) if by_hand => String::new(),
            (None, None) => OPENID_SCOPE.to_owned(),
        }
    }

    /// Returns the parameters of the provider, overridden by configured ones.
    fn parameters(&self, provider: Option<&Provider>) -> Vec<(String, String)> {
        let known = provider.map_or(&[][..], |provider| provider.parameters);
        let mut all: BTreeMap<String, String> =
            known.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        all.extend(self.parameters.clone());
        all.into_iter().collect()
    }
}

impl OAuth {
    /// Returns the issuer or token endpoint that identifies a grant, or `None` if the POP3 server names the issuer.
    pub fn authority(&self) -> Option<&str> {
        self.issuer.as_ref().or(self.endpoints.token.as_ref()).map(Url::as_str)
    }
}

/// Parses a URL. The error does not repeat the value, because a URL may contain a secret.
fn url(name: &str, text: &str) -> Result<Url, String> {
    text.parse().map_err(|error: crate::Error| format!("{name}: {}", error.message()))
}

/// The default redirect URI (RFC 8252 §7.3). Microsoft accepts it with any port.
const REDIRECT: &str = "http://localhost";

/// The default scope for an issuer that is not a known provider (`OpenID` Connect Core §11).
const OPENID_SCOPE: &str = "openid offline_access";

/// Parameters that the protocol sets, so they cannot be configured.
const RESERVED: [&str; 12] = [
    "client_id",
    "client_secret",
    "code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "device_code",
    "grant_type",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn understand(text: &str) -> Result<OAuth, String> {
        let keys: Keys = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        keys.understand(|path| PathBuf::from("/c").join(path))
    }

    #[test]
    fn tables_that_are_right() {
        let google = understand("provider = 'google'\nclient-id = 'x'").unwrap();
        assert_eq!(google.scope, "https://mail.google.com/");
        assert!(google.parameters.contains(&("access_type".into(), "offline".into())));
        assert_eq!(google.authority(), Some("https://oauth2.googleapis.com/token"));
        let microsoft = understand("provider='microsoft'\nclient-id='x'\ntenant='example.org'").unwrap();
        assert!(microsoft.authority().unwrap().contains("/example.org/"));
        let issuer = understand("issuer='https://x'\nclient-id='x'\nca-file='ca.pem'\nstore='file'").unwrap();
        assert_eq!((issuer.scope.as_str(), issuer.store), ("openid offline_access", StoreKind::File));
        assert_eq!(issuer.ca_file, Some(PathBuf::from("/c/ca.pem")));
        let by_hand = "client-id='x'\ntoken-url='http://127.0.0.1:1/t'\nauthorization-url='https://x/a'\n\
                       parameters={resource='r'}\nclient-secret-command='pass x'";
        let by_hand = understand(by_hand).unwrap();
        assert_eq!(by_hand.parameters, [("resource".to_owned(), "r".to_owned())]);
        assert_eq!(by_hand.client_secret_command, Some(vec!["pass".into(), "x".into()]));
        assert_eq!(understand("client-id='x'").unwrap().authority(), None);
    }

    #[test]
    fn tables_that_are_wrong() {
        for (text, why) in [
            ("provider = 'google'", "client-id"),
            ("client-id = ''", "client-id"),
            ("client-id='x'\nprovider = 'aol'", "expected one of google, microsoft, fastmail, yahoo"),
            ("client-id='x'\nclient-secret='hush'", "unknown field `client-secret`"),
            ("client-id='x'\nissuer='http://hush.example.org'", "issuer"),
            ("client-id='x'\ntoken-url='http://10.0.0.1/hush'", "token-url"),
            ("client-id='x'\nrevocation-url='hush'", "revocation-url"),
            ("client-id='x'\nprovider='google'\nissuer='https://x'", "cannot be combined"),
            ("client-id='x'\nprovider='google'\ntenant='x'", "tenant"),
            ("client-id='x'\nprovider='microsoft'\ntenant='../x'", "tenant"),
            ("client-id='x'\ndevice-url='https://x'", "need token-url"),
            ("client-id='x'\nparameters={state='x'}", "cannot set \"state\""),
            ("client-id='x'\nstore='cloud'", "keyring or file"),
            ("client-id='x'\nredirect='http://example.org'", "redirect"),
            ("client-id='x'\nredirect='http://localhost/?x'", "redirect"),
            ("client-id='x'\nclient-secret-command='\"hush'", "client-secret-command"),
        ] {
            let error = understand(text).unwrap_err();
            assert!(error.contains(why) && !error.contains("hush"), "{text}: {error}");
        }
    }
}
