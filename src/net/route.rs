//! The route to a server: address family, local address, proxy.

use std::net::{IpAddr, SocketAddr};

use super::address::{Address, Family};
use super::io_error::reason;
#[cfg(feature = "proxy")]
use super::proxy::{Proxy, ProxyFailure};
use super::tcp::{Limits, Tcp};
use super::{Note, connect as direct};
use crate::{Error, ErrorKind};

/// The route to a server. The default is a direct connection over any address family.
#[derive(Debug, Clone, Default)]
pub struct Route {
    /// The address family to connect over.
    pub family: Family,
    /// The local IP address to connect from, which limits the connection to its address family. `None` lets the
    /// system choose.
    pub bind: Option<IpAddr>,
    /// The proxy to connect through (feature `proxy`), except to the hosts that it [excludes](Proxy::with_exceptions).
    #[cfg(feature = "proxy")]
    pub proxy: Option<Proxy>,
}

impl Route {
    /// Returns the address family to connect over, from [`family`](Self::family) and [`bind`](Self::bind).
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Argument`] if the two families differ.
    pub fn usable_family(&self) -> Result<Family, Error> {
        match self.bind {
            None => Ok(self.family),
            Some(bind) if self.family.admits(bind) => Ok(Family::of(bind)),
            Some(bind) => Err(Error::new(
                ErrorKind::Argument,
                format!("{bind} is not an {} address to connect from", self.family),
            )),
        }
    }
}

/// Connects to a server, directly or through a proxy.
///
/// The [`Limits`] apply to resolving, to connecting, and to each response of a proxy. All addresses of a name are
/// tried according to RFC 8305. A proxy resolves the name itself; the family and the local address of the [`Route`]
/// then apply to the connection to the proxy.
///
/// # Errors
///
/// Returns [`ErrorKind::Host`] if the name of the server or proxy has no address of the family,
/// [`ErrorKind::Argument`] if an IP address is of the other family, and otherwise [`ErrorKind::Unavailable`], also if
/// this machine does not have the local address.
pub fn connect(address: &Address, route: &Route, limits: Limits, note: &mut Note<'_>) -> Result<Tcp, Error> {
    let family = route.usable_family()?;
    family.check(address.host())?;
    if let Some(bind) = route.bind {
        check_local(bind)?;
    }
    #[cfg(feature = "proxy")]
    if let Some(proxy) = &route.proxy {
        if proxy.serves(address.host()) {
            return through(proxy, address, family, route.bind, limits, note);
        }
        note(&format!("not through the proxy {proxy}: {} is excluded from it", address.host()));
    }
    direct::to_address(address, family, route.bind, limits, note)
}

#[cfg(feature = "proxy")]
fn through(
    proxy: &Proxy,
    address: &Address,
    family: Family,
    bind: Option<IpAddr>,
    limits: Limits,
    note: &mut Note<'_>,
) -> Result<Tcp, Error> {
    match proxy.origin() {
        Some(origin) => note(&format!("through the proxy {proxy} (from {origin})")),
        None => note(&format!("through the proxy {proxy}")),
    }
    let mut tcp = direct::to_address(proxy.address(), family, bind, limits, note).map_err(|error| {
        // The user may not know of a proxy that a variable names.
        let origin = proxy.origin().map(|origin| format!(" (from {origin})")).unwrap_or_default();
        Error::new(error.kind(), format!("the proxy {proxy}{origin}: {}", error.message()))
            .with_source(ProxyFailure::Unreachable.caused_by(Some(Box::new(error))))
    })?;
    proxy.tunnel(&mut tcp, address)?;
    note(&format!("the proxy connected to {address}"));
    Ok(tcp)
}

/// Checks the local address by binding a socket, because an address that this machine does not have must not be
/// reported as a server failure.
fn check_local(bind: IpAddr) -> Result<(), Error> {
    direct::bound(SocketAddr::new(bind, 0)).map(drop).map_err(|error| {
        let text = format!("cannot connect from {bind}: {}", reason(&error));
        Error::new(ErrorKind::Unavailable, text).with_source(error)
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Duration;

    use super::*;

    const LIMITS: Limits = Limits { timeout: Duration::from_secs(30), deadline: None };

    fn from(bind: &str) -> Route {
        Route { bind: Some(bind.parse().unwrap()), ..Route::default() }
    }

    #[test]
    fn the_local_address_is_used() {
        // Only on Linux are all addresses of 127.0.0.0/8 local by default.
        let bind = if cfg!(target_os = "linux") { "127.0.0.9" } else { "127.0.0.1" };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = Address::parse("localhost", listener.local_addr().unwrap().port()).unwrap();
        let mut notes = Vec::new();
        connect(&address, &from(bind), LIMITS, &mut |note| notes.push(note.to_owned())).unwrap();
        assert_eq!(listener.accept().unwrap().1.ip().to_string(), bind);
        assert!(notes[0].ends_with(&format!(" from {bind}")), "{notes:?}");
    }

    #[test]
    fn an_address_of_another_machine_is_refused() {
        // RFC 5737: no machine has this address.
        let address = Address::parse("127.0.0.1", 110).unwrap();
        let error = connect(&address, &from("192.0.2.1"), LIMITS, &mut |_| {}).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(error.message(), "cannot connect from 192.0.2.1: not an address of this machine");
    }

    #[test]
    fn the_local_address_sets_the_family() {
        let v6 = Address::parse("::1", 110).unwrap();
        let error = connect(&v6, &from("127.0.0.1"), LIMITS, &mut |_| {}).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument);
        let contradiction = Route { family: Family::V6, ..from("127.0.0.1") };
        assert_eq!(contradiction.usable_family().unwrap_err().kind(), ErrorKind::Argument);
        assert_eq!(from("::1").usable_family().unwrap(), Family::V6);
    }
}
