//! The route to a server: address family, local address and proxy.

use std::net::IpAddr;

use super::sources::{Sourced, Sources};
use crate::{
    cli::{args::Connection, error::CliError},
    net::{Family, Host, NoProxy, Proxy, Route},
};

/// Returns the route to a server. If `host` is an IP address, it must fit the address family. An `offline` run opens no
/// connection, so the proxy of the environment and of the configuration file is ignored.
pub fn route(
    sources: &Sources<'_>,
    typed: &Connection,
    host: Option<&Host>,
    offline: bool,
) -> Result<Route, CliError> {
    let family = match (typed.ipv4, typed.ipv6) {
        (true, _) => Family::V4,
        (_, true) => Family::V6,
        _ => Family::Any,
    };
    if let Some(host) = host {
        family.check(host).map_err(|error| CliError::usage(error.message()))?;
    }
    let bind = bind(sources, typed, family, host)?;
    let proxy = if offline && typed.proxy.is_none() { None } else { proxy(sources, typed)? };
    Ok(Route { family, bind, proxy })
}

fn bind(
    sources: &Sources<'_>,
    typed: &Connection,
    family: Family,
    host: Option<&Host>,
) -> Result<Option<IpAddr>, CliError> {
    let Some(given) = sources.text("bind", typed.bind.as_ref(), sources.keys.bind.as_ref())? else {
        return Ok(None);
    };
    let given = given.try_map(|text| text.parse::<IpAddr>().map_err(|_| "an IPv4 or IPv6 address"))?;
    let bind = given.value;
    if !family.admits(bind) {
        return Err(given.refuse(format!("{bind} is not an {family} address")));
    }
    if let Some(host) = host {
        Family::of(bind)
            .check(host)
            .map_err(|error| given.refuse(format!("{bind} cannot connect: {}", error.message())))?;
    }
    Ok(Some(bind))
}

/// Returns the proxy of `--proxy`, `POP3_PROXY` or the account, where an empty value means no proxy. If none of them is set,
/// returns that of `ALL_PROXY`, with the exceptions of `NO_PROXY`.
fn proxy(sources: &Sources<'_>, typed: &Connection) -> Result<Option<Proxy>, CliError> {
    if typed.proxy.is_none() && sources.is_empty_variable("proxy") {
        return Ok(None);
    }
    let Some(given) = sources.text("proxy", typed.proxy.as_ref(), sources.keys.proxy.as_ref())? else {
        return proxy_of_environment(sources);
    };
    if given.value.is_empty() {
        return Ok(None);
    }
    parsed(&given, str::parse).map(Some)
}

/// Returns the proxy of `ALL_PROXY`. Like curl, prefers the lower-case variable.
fn proxy_of_environment(sources: &Sources<'_>) -> Result<Option<Proxy>, CliError> {
    let either = |names: [&str; 2]| -> Result<Option<Sourced<String>>, CliError> {
        match sources.foreign_variable(names[0])? {
            Some(given) => Ok(Some(given)),
            None => sources.foreign_variable(names[1]),
        }
    };
    let Some(given) = either(["all_proxy", "ALL_PROXY"])? else { return Ok(None) };
    let exceptions = either(["no_proxy", "NO_PROXY"])?.map(|list| NoProxy::parse(&list.value));
    // With `NO_PROXY=*` the proxy is never used, so it is not even parsed.
    if exceptions.as_ref().is_some_and(NoProxy::is_everything) {
        return Ok(None);
    }
    let proxy = parsed(&given, Proxy::parse_all_proxy)?;
    Ok(Some(proxy.with_exceptions(exceptions.unwrap_or_default())))
}

fn parsed(
    given: &Sourced<String>,
    parse: impl Fn(&str) -> Result<Proxy, crate::Error>,
) -> Result<Proxy, CliError> {
    let proxy = parse(&given.value).map_err(|error| given.refuse(error.message()))?;
    Ok(proxy.with_origin(given.source.to_string()))
}
