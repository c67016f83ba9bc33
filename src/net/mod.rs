//! Connections to a server: TCP, proxies, TLS. Nothing here is specific to POP3.
//!
//! [`connect`] opens a [`Tcp`] connection over a [`Route`], and [`TlsConnector`] turns it into a [`Tls`] connection;
//! a [`Stream`] is either of them. Every wait ends after [`Limits::timeout`] or at [`Limits::deadline`].

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
pub use proxy::{NoProxy, Proxy, ProxyFailure};
pub use route::{Route, connect};
pub use tcp::{Limits, Tcp};
#[cfg(feature = "certificate-details")]
pub use tls::CertificateDetails;
pub use tls::{
    Certificate, CertificateFile, ClientIdentity, KeyLog, Tls, TlsConnector, TlsFacts, TlsFailure,
    TlsSettings, Trust, format_fingerprint, parse_fingerprint,
};
#[cfg(feature = "http")]
pub use url::Url;

/// Receives lines for the trace, for example the name that is being resolved and the address that is being tried. The
/// lines contain no secrets.
pub type Note<'a> = dyn FnMut(&str) + 'a;

/// A connection in cleartext or over TLS. [`flush`](Write::flush) sends all written data; a write may send it
/// earlier.
#[derive(Debug)]
pub enum Stream {
    /// A connection in cleartext.
    Plain(Tcp),
    /// A connection over TLS.
    Tls(Box<Tls>),
}

impl Stream {
    /// Returns the TLS connection, or `None` if the stream is in cleartext.
    #[must_use]
    pub fn tls(&self) -> Option<&Tls> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(tls) => Some(tls),
        }
    }

    /// Returns the underlying TCP connection.
    #[must_use]
    pub fn tcp(&self) -> &Tcp {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.tcp(),
        }
    }

    /// Returns the maximum size in bytes of a write that does not wait for the server to read; see
    /// [`Tcp::send_buffer`].
    #[must_use]
    pub fn send_buffer(&self) -> usize {
        match self {
            Self::Plain(tcp) => tcp.send_buffer(),
            Self::Tls(tls) => tls.send_buffer(),
        }
    }

    /// Sets the limits of the reads and writes that follow.
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
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => tcp.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}
