//! Octets to a server and back: TCP, proxies, TLS. Knows nothing of POP3.
//!
//! [`connect`] gives a [`Tcp`] by a [`Route`]; [`TlsConnector`] makes a [`Tls`] of it. Both are
//! one [`Stream`]. Every wait in here ends after [`Limits::timeout`], or at [`Limits::deadline`].

mod address;
mod connect;
#[cfg(feature = "discover")]
mod dns;
#[cfg(feature = "http")]
mod http;
mod io_error;
mod location;
#[cfg(feature = "proxy")]
mod proxy;
mod route;
mod tcp;
mod tls;
#[cfg(feature = "http")]
mod url;

use std::io::{self, Read, Write};

pub use address::{Address, Family, Host};
#[cfg(feature = "discover")]
pub use dns::{NameServers, SrvAnswer, SrvRecord};
#[cfg(feature = "http")]
pub use http::{HttpClient, HttpRequest, HttpResponse, MAX_BODY};
pub(crate) use io_error::map_io_error;
pub use location::Location;
#[cfg(feature = "proxy")]
pub use proxy::{NoProxy, Proxy};
pub use route::{Route, connect};
pub use tcp::{Limits, Tcp};
#[cfg(feature = "certificate-details")]
pub use tls::CertificateDetails;
pub use tls::{
    Certificate, ClientIdentity, KeyLog, Tls, TlsConnector, TlsFacts, TlsFailure, TlsSettings, Trust,
    format_fingerprint, parse_fingerprint,
};
#[cfg(feature = "http")]
pub use url::Url;

/// Takes a line for the trace: what is resolved, tried, connected. Never a secret.
pub type Note<'a> = dyn FnMut(&str) + 'a;

/// A connection in clear or over TLS. What was written is on its way only after a [`flush`](Write::flush).
#[derive(Debug)]
pub enum Stream {
    /// In clear.
    Plain(Tcp),
    /// Over TLS.
    Tls(Box<Tls>),
}

impl Stream {
    /// The TLS connection, if it is one.
    #[must_use]
    pub fn tls(&self) -> Option<&Tls> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(tls) => Some(tls),
        }
    }

    /// The TCP connection beneath.
    #[must_use]
    pub fn tcp(&self) -> &Tcp {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.tcp(),
        }
    }

    /// How many octets one write may have without waiting for the server to read: see [`Tcp::send_buffer`].
    #[must_use]
    pub fn send_buffer(&self) -> usize {
        match self {
            Self::Plain(tcp) => tcp.send_buffer(),
            Self::Tls(tls) => tls.send_buffer(),
        }
    }

    /// Changes how long things may take from the next read or write on.
    pub fn set_limits(&mut self, limits: Limits) {
        match self {
            Self::Plain(tcp) => tcp.set_limits(limits),
            Self::Tls(tls) => tls.set_limits(limits),
        }
    }
}

impl From<Tcp> for Stream {
    fn from(tcp: Tcp) -> Self {
        Self::Plain(tcp)
    }
}

impl From<Tls> for Stream {
    fn from(tls: Tls) -> Self {
        Self::Tls(Box::new(tls))
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.write(octets),
            Self::Tls(tls) => tls.write(octets),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => tcp.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}
