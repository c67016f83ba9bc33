//! A grant: its owner, its tokens and its serialization.

use crate::Secret;
use crate::net::Url;
use crate::oauth::{ClientAuthentication, Endpoints, Tokens};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::OAuth;
use crate::cli::settings::Settings;

/// The result of a login: all data that a refresh needs, except the client.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Grant {
    host: String,
    user: String,
    /// The issuer, or the token endpoint.
    authority: String,
    client_id: String,
    token_url: String,
    revocation_url: Option<String>,
    /// True if the client secret is sent in the body of requests.
    post: bool,
    #[serde(serialize_with = "expose", deserialize_with = "hide")]
    pub refresh_token: Secret,
    #[serde(serialize_with = "expose", deserialize_with = "hide")]
    pub access_token: Secret,
    /// The expiry of the access token, in seconds since 1970; 0 if unknown.
    expires: i64,
}

impl Grant {
    /// Creates a grant for the account of the settings.
    pub fn new(
        settings: &Settings,
        oauth: &OAuth,
        endpoints: &Endpoints,
        tokens: &Tokens,
        refresh_token: &Secret,
    ) -> Self {
        let token_url = endpoints.token.as_ref().map_or("", Url::as_str);
        Self {
            host: settings.address.host().to_string(),
            user: settings.user.clone(),
            authority: oauth.authority().or(endpoints.issuer.as_deref()).unwrap_or(token_url).to_owned(),
            client_id: oauth.client_id.clone(),
            token_url: token_url.to_owned(),
            revocation_url: endpoints.revocation.as_ref().map(|url| url.as_str().to_owned()),
            post: endpoints.authentication == ClientAuthentication::Post,
            refresh_token: refresh_token.clone(),
            access_token: tokens.access_token.clone(),
            expires: expires(tokens, crate::cli::command::now()),
        }
    }

    /// Returns the grant after a refresh. If the response contains no refresh token, the old one stays valid (RFC 6749 §6).
    pub fn refreshed(&self, tokens: &Tokens, now: i64) -> Self {
        Self {
            refresh_token: tokens.refresh_token.as_ref().unwrap_or(&self.refresh_token).clone(),
            access_token: tokens.access_token.clone(),
            expires: expires(tokens, now),
            ..self.clone()
        }
    }

    /// True if the grant is for the host, user, issuer and client of the settings.
    pub fn belongs_to(&self, settings: &Settings, oauth: &OAuth) -> bool {
        self.host == settings.address.host().to_string()
            && self.user == settings.user
            && self.client_id == oauth.client_id
            && oauth.authority().is_none_or(|authority| authority == self.authority)
    }

    /// True if the access token is valid for more than a minute.
    pub fn is_fresh(&self, now: i64) -> bool {
        !self.access_token.is_empty() && now < self.expires.saturating_sub(MARGIN)
    }

    pub fn endpoints(&self) -> Endpoints {
        Endpoints {
            token: self.token_url.parse().ok(),
            revocation: self.revocation_url.as_deref().and_then(|url| url.parse().ok()),
            authentication: if self.post { ClientAuthentication::Post } else { ClientAuthentication::Basic },
            ..Endpoints::default()
        }
    }

    /// Serializes the grant as JSON.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // A growing buffer would leave copies in freed memory.
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_GRANT));
        // Cannot fail: strings and numbers are written to memory.
        let _ = serde_json::to_writer(&mut *bytes, self);
        bytes
    }

    /// Parses a grant. Returns `None` if the bytes are not one.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

fn expires(tokens: &Tokens, now: i64) -> i64 {
    let seconds = tokens.expires_in.unwrap_or(0);
    if seconds == 0 { 0 } else { now.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX)) }
}

/// Serializes a token. Tokens are UTF-8, because they were received as JSON strings.
fn expose<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(std::str::from_utf8(secret.expose()).unwrap_or_default())
}

fn hide<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::from)
}

/// Time in seconds before its expiry at which a token counts as expired: the login takes some time.
const MARGIN: i64 = 60;

/// Maximum size of a serialized grant, in bytes: a response limits each of its two tokens to 64 KiB.
pub const MAX_GRANT: usize = 160 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const GRANT: &str = r#"{"host":"h","user":"u","authority":"https://x","client_id":"c","token_url":"https://x/t",
        "revocation_url":null,"post":false,"refresh_token":"s3cret-r","access_token":"s3cret-a","expires":100}"#;

    #[test]
    fn a_grant_comes_back_and_shows_no_token() {
        let grant = Grant::from_bytes(GRANT.as_bytes()).unwrap();
        let again = Grant::from_bytes(&grant.to_bytes()).unwrap();
        assert_eq!(again.refresh_token.expose(), b"s3cret-r");
        assert_eq!(again.access_token.expose(), b"s3cret-a");
        assert!(!format!("{again:?} {again:#?}").contains("s3cret"));
    }

    #[test]
    fn part_of_a_grant_is_none() {
        for end in 0..GRANT.len() {
            assert!(Grant::from_bytes(&GRANT.as_bytes()[..end]).is_none(), "{end}");
        }
    }

    #[test]
    fn a_token_is_fresh_until_a_minute_before_its_end() {
        let grant = Grant::from_bytes(GRANT.as_bytes()).unwrap();
        assert!(grant.is_fresh(39) && !grant.is_fresh(40) && !grant.is_fresh(1000));
        let lived = |seconds| {
            let tokens = Tokens { access_token: Secret::from("a"), refresh_token: None, expires_in: seconds };
            grant.refreshed(&tokens, 1000)
        };
        assert!(lived(Some(3600)).is_fresh(1000) && lived(Some(u64::MAX)).is_fresh(1000));
        for seconds in [None, Some(0), Some(3), Some(60)] {
            assert!(!lived(seconds).is_fresh(1000), "{seconds:?}");
        }
        assert_eq!(lived(None).refresh_token.expose(), b"s3cret-r");
    }
}
