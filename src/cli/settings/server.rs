//! The server of a run. `--host` may be a URL (RFC 2384) that also gives the port, the user, the mechanism and the TLS mode.
//!
//! The parts of the URL have the rank of the URL: they override values with a higher rank, values with a lower rank override them,
//! and values with the same rank must be equal.

use clap::ValueEnum as _;

use super::{
    IMPLICIT_PORT, PORT, provider, provider_host,
    sources::{Sourced, Sources},
    value,
};
use crate::{
    cli::{
        args::{self, Args},
        error::CliError,
    },
    net::{Address, Location},
    sasl::AuthMethod,
};

/// The server of a run, and how to log in.
pub struct Server {
    pub address: Address,
    pub tls: args::Tls,
    pub user: Option<Sourced<String>>,
    pub auth: Option<args::Auth>,
}

impl Server {
    /// Returns the port of an account without a host.
    pub fn port_without_host(sources: &Sources<'_>, args: &Args) -> Result<u16, CliError> {
        let Args { connection, .. } = args;
        let tls = sources.chosen("tls", connection.tls, sources.keys.tls.as_ref())?;
        let port = sources.number("port", connection.port.as_ref(), sources.keys.port.as_ref())?;
        let port = port.map(|port| port.parse(value::port_number)).transpose()?;
        let is_implicit = tls.is_some_and(|tls| tls.value == args::Tls::Implicit);
        Ok(port.unwrap_or(if is_implicit { IMPLICIT_PORT } else { PORT }))
    }

    pub fn resolve(sources: &Sources<'_>, args: &Args) -> Result<Self, CliError> {
        let Args { account, connection, .. } = args;
        let keys = sources.keys;
        let host = sources.text("host", connection.host.as_ref(), keys.host.as_ref())?;
        let Some(host) = host.or_else(|| provider_host(sources)) else { return Err(sources.missing("host")) };
        let location = Location::parse(&host.value).map_err(|error| host.refuse(error.message()))?;

        let port = sources.number("port", connection.port.as_ref(), keys.port.as_ref())?;
        let port = port.map(|port| port.try_map(value::port_number)).transpose()?;
        let port = agreed(&host, location.port, port)?.map(|port| port.value);

        let tls = sources.chosen("tls", connection.tls, keys.tls.as_ref())?;
        let from_url = location.implicit_tls.then_some(args::Tls::Implicit);
        let tls = agreed(&host, from_url, tls)?.map(|tls| tls.value);
        let is_implicit = port == Some(IMPLICIT_PORT) || port.is_none() && provider(sources).is_some();
        let tls = tls.unwrap_or(if is_implicit { args::Tls::Implicit } else { args::Tls::Starttls });
        let port = port.unwrap_or(if tls == args::Tls::Implicit { IMPLICIT_PORT } else { PORT });

        let user = sources.text("user", account.user.as_ref(), keys.user.as_ref())?;
        let user = agreed(&host, location.user, user)?;

        let mechanism = location.mechanism.as_deref().map(|name| mechanism(&host, name)).transpose()?;
        let auth = sources.chosen("auth", account.auth, keys.auth.as_ref())?;
        let auth = agreed(&host, mechanism, auth)?.map(|auth| auth.value);

        let address = Address::new(location.host, port).map_err(|error| host.refuse(error.message()))?;
        Ok(Self { address, tls, user, auth })
    }
}

fn mechanism(host: &Sourced<String>, name: &str) -> Result<args::Auth, CliError> {
    match args::Auth::from_str(name, true) {
        Ok(auth) if !matches!(auth, args::Auth(None | Some(AuthMethod::UserPass))) => Ok(auth),
        _ => Err(host.refuse("unknown mechanism after ;AUTH=")),
    }
}

/// Returns the part of the URL or the value given elsewhere, whichever has the lower rank.
fn agreed<T: PartialEq>(
    host: &Sourced<String>,
    part: Option<T>,
    given: Option<Sourced<T>>,
) -> Result<Option<Sourced<T>>, CliError> {
    let Some(part) = part else { return Ok(given) };
    match given {
        Some(given) if given.source.rank() < host.source.rank() => Ok(Some(given)),
        Some(given) if given.source.rank() == host.source.rank() && given.value != part => {
            Err(host.refuse(format!("contradicts {}", given.source)))
        }
        _ => Ok(Some(Sourced { value: part, source: host.source.clone() })),
    }
}
