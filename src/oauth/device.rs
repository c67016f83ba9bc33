//! The device grant (RFC 8628).

use std::time::Duration;

use super::error::OAuthError;
use super::response::{Body, Tokens};
use crate::Secret;

/// A device authorization that a person has yet to confirm (RFC 8628 §3.2).
#[derive(Debug, Clone)]
pub struct DeviceAuthorization {
    pub(super) device_code: Secret,
    /// The code for the person to enter.
    pub user_code: String,
    /// The page on which to enter the code.
    pub verification_uri: String,
    /// The lifetime of the code.
    pub expires_in: Duration,
    /// The minimum interval between two polls.
    pub interval: Duration,
}

/// The outcome of a poll.
///
/// Exhaustive on purpose: RFC 8628 §3.5 defines no other response that is not an error.
#[derive(Debug)]
pub enum Poll {
    /// The person has not decided yet.
    Pending,
    /// The person has not decided yet, and the interval must be increased by [`SLOW_DOWN`](Poll::SLOW_DOWN).
    SlowDown,
    /// The person confirmed the login.
    Done(Tokens),
}

impl Poll {
    /// RFC 8628 §3.5: the increase of the interval.: the increase of the interval.
    pub const SLOW_DOWN: Duration = Duration::from_secs(5);
}

impl DeviceAuthorization {
    pub(super) fn parse(body: Body) -> Result<Self, OAuthError> {
        let verification_uri = body.verification_uri().map(str::to_owned);
        let seconds = |seconds: Option<super::response::Seconds>, default| {
            Duration::from_secs(seconds.map_or(default, |seconds| seconds.0).clamp(1, LONGEST))
        };
        Ok(Self {
            device_code: body
                .device_code
                .map(|code| code.0)
                .filter(|code| !code.is_empty())
                .ok_or(OAuthError::Missing("device_code"))?,
            user_code: body
                .user_code
                .filter(|code| !code.is_empty())
                .ok_or(OAuthError::Missing("user_code"))?,
            verification_uri: verification_uri
                .filter(|uri| uri.starts_with("https://") || uri.starts_with("http://"))
                .ok_or(OAuthError::Missing("verification_uri"))?,
            expires_in: seconds(body.expires_in, EXPIRES_IN),
            interval: seconds(body.interval, INTERVAL),
        })
    }
}

/// RFC 8628 §3.2: the default interval, in seconds.
const INTERVAL: u64 = 5;

/// Lifetime of a code, in seconds, for servers that omit the required `expires_in`.
const EXPIRES_IN: u64 = 600;

/// Maximum of both times, in seconds: a day.
const LONGEST: u64 = 86_400;
