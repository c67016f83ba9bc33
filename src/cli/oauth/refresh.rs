//! Returns an access token for a session: the cached token, or a new one.

use crate::oauth::OAuthRequest;
use crate::{ErrorKind, Secret};

use super::store::{Store, StoreError};
use super::transport::Transport;
use super::{Grant, OAuth, login_again, no_grant};
use crate::cli::command::now;
use crate::cli::error::{CliError, ErrorCode};
use crate::cli::output::Stderr;
use crate::cli::settings::Settings;
use crate::cli::trace_log::TraceLog;

/// An access token.
pub struct AccessToken {
    pub token: Secret,
    /// True if the token was not issued in this run. The server may have revoked it since.
    pub cached: bool,
}

/// Returns the access token of the stored grant, refreshed if necessary, or the reason why there is none. A token that the server
/// `refused` is not returned again.
pub fn access_token(
    settings: &Settings,
    oauth: &OAuth,
    trace_log: &TraceLog,
    stderr: Stderr,
    refused: Option<&Secret>,
) -> Result<Result<AccessToken, NoGrant>, CliError> {
    let store = Store::of(settings, oauth);
    let stored = || match store.read() {
        Ok(Some(grant)) if grant.belongs_to(settings, oauth) => Ok(Ok(grant)),
        Ok(Some(_)) => Ok(Err(NoGrant::Other)),
        Ok(None) => Ok(Err(NoGrant::None)),
        Err(StoreError::Damaged) => Ok(Err(NoGrant::Damaged)),
        // An error rather than "no grant": otherwise the keyring would next be asked for a password, which may take the whole
        // timeout again.
        Err(StoreError::Keyring(error)) => Err(no_grant(settings, &error.to_string())),
        Err(error) => Err(store.failure("read", error)),
    };
    let usable = |grant: &Grant| {
        grant.is_fresh(now()) && refused.is_none_or(|refused| refused.expose() != grant.access_token.expose())
    };
    match stored()? {
        Ok(grant) if usable(&grant) => {
            return Ok(Ok(AccessToken { token: grant.access_token, cached: true }));
        }
        Ok(_) => {}
        Err(none) => return Ok(Err(none)),
    }
    let transport = Transport::new(settings, oauth, trace_log);
    // The client is created before the lock is taken, because the command for the client secret may take a long time.
    let client = transport.client()?;
    let _lock = store.lock()?;
    // The grant is read again, because another run may have refreshed it in the meantime, and the old refresh token
    // may be invalid.
    let grant = match stored()? {
        Ok(grant) if usable(&grant) => {
            return Ok(Ok(AccessToken { token: grant.access_token, cached: true }));
        }
        Ok(grant) => grant,
        Err(none) => return Ok(Err(none)),
    };
    let refreshed = client
        .refresh(&grant.endpoints(), &grant.refresh_token)
        .and_then(|request| transport.send(&request.hiding(&grant.access_token), OAuthRequest::tokens));
    let tokens = refreshed.map_err(|error| {
        let again = error.kind() == ErrorKind::Authentication;
        let failure = CliError::from(error).while_doing("refreshing the access token");
        if again { login_again(failure, settings) } else { failure }
    })?;
    let new = grant.refreshed(&tokens, now());
    if let Err(error) = store.write(&new) {
        let rotated = new.refresh_token.expose() != grant.refresh_token.expose();
        if rotated {
            // The server may have revoked the old refresh token, and the new one is lost when this process ends.
            let failure = CliError::new(ErrorCode::Output, store.unsaved(error).message);
            return Err(login_again(failure, settings));
        }
        stderr.warning(&store.unsaved(error).message);
    }
    Ok(Ok(AccessToken { token: new.access_token, cached: false }))
}

/// The reason why there is no grant.
#[derive(Debug)]
pub enum NoGrant {
    None,
    /// The stored grant is for another host, user, issuer or client.
    Other,
    /// The stored bytes are not a grant.
    Damaged,
}

impl std::fmt::Display for NoGrant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("none is stored"),
            Self::Other => f.write_str("the stored one is for another host, user, issuer or client id"),
            Self::Damaged => f.write_str("the stored one is damaged"),
        }
    }
}
