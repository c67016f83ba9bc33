//! Parses the responses of authorization servers.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

use super::error::OAuthError;
use crate::{Error, Secret, trace::Redactor};

/// The parts of an HTTP response that OAuth 2.0 uses.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Response<'a> {
    /// The status code.
    pub status: u16,
    /// The `Retry-After` field.
    pub retry_after: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

impl<'a> Response<'a> {
    /// Creates a response without a `Retry-After` field.
    #[must_use]
    pub fn new(status: u16, body: &'a [u8]) -> Self {
        Self { status, retry_after: None, body }
    }
}

impl fmt::Debug for Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({})", self.status)
    }
}

impl<'a> From<&'a crate::net::HttpResponse> for Response<'a> {
    fn from(response: &'a crate::net::HttpResponse) -> Self {
        Self {
            status: response.status,
            retry_after: response.retry_after.as_deref(),
            body: response.body.expose(),
        }
    }
}

/// The tokens of a successful response (RFC 6749 §5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tokens {
    /// The access token: not empty, and printable ASCII without spaces.
    pub access_token: Secret,
    /// The new refresh token, if the server issued one.
    pub refresh_token: Option<Secret>,
    /// The lifetime of the access token in seconds, if the server sent it.
    pub expires_in: Option<u64>,
}

/// The members of all successful responses and errors.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Body {
    pub(super) access_token: Option<Hidden>,
    pub(super) refresh_token: Option<Hidden>,
    pub(super) token_type: Option<String>,
    pub(super) expires_in: Option<Seconds>,
    pub(super) device_code: Option<Hidden>,
    pub(super) user_code: Option<String>,
    pub(super) verification_uri: Option<String>,
    /// Google's name for `verification_uri`.
    verification_url: Option<String>,
    pub(super) interval: Option<Seconds>,
    error: Option<String>,
    error_description: Option<String>,
}

impl Body {
    pub(super) fn verification_uri(&self) -> Option<&str> {
        self.verification_uri.as_deref().or(self.verification_url.as_deref())
    }
}

impl Response<'_> {
    /// Returns the body of a successful response. An error quotes the response without the secrets in the redactor.
    pub(super) fn success(&self, secrets: &Redactor) -> Result<Body, Refusal> {
        if (300..400).contains(&self.status) {
            return Err(OAuthError::Redirect.into());
        }
        if self.status == 429 || self.status >= 500 {
            return Err(self.temporary().into());
        }
        let body: Body = serde_json::from_slice(self.body).map_err(|_| OAuthError::NotJson(self.status))?;
        if let Some(code) = &body.error {
            let error = match OAuthError::from_code(code) {
                OAuthError::Temporary { .. } => self.temporary(),
                error => error,
            };
            let text = match &body.error_description {
                Some(description) => format!("{code}: {description}"),
                None => code.clone(),
            };
            // A response may contain an error that quotes tokens of the same response.
            let mut sent = Redactor::default();
            for secret in [&body.access_token, &body.refresh_token, &body.device_code].into_iter().flatten() {
                sent.add_secret(secret.0.expose());
            }
            let line = Some(sent.redact(&secrets.redact(text.as_bytes())).into_owned());
            return Err(Refusal { error, code: Some(code.clone()), line });
        }
        if !(200..300).contains(&self.status) {
            return Err(OAuthError::NotJson(self.status).into());
        }
        Ok(body)
    }

    pub(super) fn temporary(&self) -> OAuthError {
        let retry_after = self.retry_after.filter(|text| is_delay(text)).map(str::to_owned);
        OAuthError::Temporary { retry_after }
    }

    pub(super) fn tokens(&self, secrets: &Redactor) -> Result<Tokens, Refusal> {
        let body = self.success(secrets)?;
        if body.token_type.is_some_and(|name| !name.eq_ignore_ascii_case("bearer")) {
            return Err(OAuthError::Missing("token_type (Bearer is needed)").into());
        }
        // OAUTHBEARER and XOAUTH2 can send these characters only (RFC 6750 §2.1). Otherwise the token would be cached, and every
        // login would fail until it expires.
        let usable = |token: &Secret| !token.is_empty() && token.expose().iter().all(u8::is_ascii_graphic);
        let access_token = body.access_token.map(|token| token.0).filter(usable);
        Ok(Tokens {
            access_token: access_token.ok_or(OAuthError::Missing("access_token"))?,
            refresh_token: body.refresh_token.map(|token| token.0).filter(|token| !token.is_empty()),
            expires_in: body.expires_in.map(|seconds| seconds.0),
        })
    }
}

/// An error, with the text of the response.
pub(super) struct Refusal {
    pub(super) error: OAuthError,
    /// The `error` member.
    pub(super) code: Option<String>,
    line: Option<Vec<u8>>,
}

impl From<OAuthError> for Refusal {
    fn from(error: OAuthError) -> Self {
        Self { error, code: None, line: None }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let error = Error::from(refusal.error);
        match refusal.line {
            Some(line) => error.with_response(line),
            None => error,
        }
    }
}

/// A string that is wiped when dropped.
pub(super) struct Hidden(pub(super) Secret);

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Secret::from(text)))
    }
}

/// A number of seconds. Some servers write it as a string.
pub(super) struct Seconds(pub(super) u64);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl Visitor<'_> for Reader {
            type Value = Seconds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("seconds")
            }

            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Seconds, E> {
                Ok(Seconds(seconds))
            }

            fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Seconds, E> {
                Ok(Seconds(u64::try_from(seconds).unwrap_or(0)))
            }

            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "saturates; NaN becomes 0"
            )]
            fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Seconds, E> {
                Ok(Seconds(seconds as u64))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Seconds, E> {
                text.parse().map(Seconds).map_err(|_| E::custom("no number"))
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

/// Returns true for a valid `Retry-After` (RFC 9110 §10.2.3): seconds, or a date like `Sun, 06 Nov 1994 08:49:37 GMT`. Any other text
/// might be a secret that the server echoes.
fn is_delay(text: &str) -> bool {
    let is_seconds =
        (1..=MAX_DIGITS).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_digit());
    let is_date = text.len() == DATE.len()
        && text.bytes().zip(DATE.bytes()).all(|(octet, form)| match form {
            b'a' => octet.is_ascii_alphabetic(),
            b'0' => octet.is_ascii_digit(),
            mark => octet == mark,
        });
    is_seconds || is_date
}

const DATE: &str = "aaa, 00 aaa 0000 00:00:00 GMT";

/// Maximum number of digits of a delay in seconds: a year has eight.
const MAX_DIGITS: usize = 8;
