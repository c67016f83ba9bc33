//! Learns the issuer from the POP3 server (RFC 7628 §3.2.2).

use std::error::Error as _;

use crate::net::Url;
use crate::oauth::Endpoints;
use crate::sasl::{AuthMethod, Credential, Mechanism, OpenIdConfiguration};
use crate::session::TlsMode;
use crate::{ErrorKind, Secret};

use super::transport::Transport;
use crate::cli::command::Context;
use crate::cli::discover::Person;
use crate::cli::error::{CliError, ErrorCode};
use crate::cli::escape::escape;
use crate::cli::session;

/// Logs in to the POP3 server with an invalid token: its response contains the URL of the metadata. Prints the URL for the person
/// and fetches the metadata.
pub fn endpoints(context: &Context<'_>, transport: &Transport<'_>) -> Result<Endpoints, CliError> {
    let url = openid_configuration(context)?;
    let shown = escape(url.as_str()).into_owned();
    let issuer = shown.strip_suffix("/.well-known/openid-configuration").unwrap_or(&shown);
    let Some(person) = Person::at_terminal(context.settings.deadline_instant()) else {
        return Err(CliError::configuration(format!(
            "the POP3 server names the issuer {issuer}, and there is no terminal to confirm it on: \
             write issuer = \"{issuer}\" into oauth"
        )));
    };
    if !person.agrees(&format!("The POP3 server names the issuer {issuer}. Log in there? [y/N] "))? {
        return Err(CliError::new(
            ErrorCode::Authentication,
            "the issuer was not confirmed: nothing was done",
        ));
    }
    transport.endpoints_at(&url)
}

fn openid_configuration(context: &Context<'_>) -> Result<Url, CliError> {
    const UNKNOWN: &str = "write issuer, provider or token-url into oauth";
    if context.settings.tls == TlsMode::None {
        let text = format!("the issuer cannot be learnt from the POP3 server without TLS: {UNKNOWN}");
        return Err(CliError::configuration(text));
    }
    let wrong = Credential::Token(Secret::from(WRONG_TOKEN));
    let bearer = AuthMethod::Sasl(Mechanism::OAuthBearer);
    let (settings, trace_log) = (context.settings, &context.trace_log);
    let Err(error) = session::open_once(settings, bearer, &wrong, trace_log, context.stderr) else {
        return Err(CliError::new(ErrorCode::Protocol, "the POP3 server accepted a token that is none"));
    };
    let named = error.source().and_then(|source| source.downcast_ref::<OpenIdConfiguration>());
    match (named, error.kind()) {
        (Some(OpenIdConfiguration(text)), _) => {
            text.parse::<Url>().ok().filter(Url::is_https).ok_or_else(|| {
                CliError::new(
                    ErrorCode::Protocol,
                    format!("the issuer of the POP3 server is not an https URL: {UNKNOWN}"),
                )
            })
        }
        (None, ErrorKind::Host | ErrorKind::Unavailable | ErrorKind::Tls | ErrorKind::Temporary) => {
            Err(error.into())
        }
        (None, _) => Err(CliError::configuration(format!("the POP3 server names no issuer: {UNKNOWN}"))),
    }
}

/// The invalid token. It is not empty: some servers do not name the issuer in response to an empty token.
const WRONG_TOKEN: &str = "none";
