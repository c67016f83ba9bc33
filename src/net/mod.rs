//! Octets to a server and back: TCP, proxies, TLS. Knows nothing of POP3.
//!
//! [`connect`] gives a [`Tcp`] by a [`Route`]; [`TlsConnector`] makes a [`Tls`] of it. Both are
//! one [`Stream`]. Every wait in here ends after [`Limits::timeout`], or at [`Limits::deadline`].

mod address;
mod certificate;
mod dial;
#[cfg(feature = "discover")]
mod dns;
#[cfg(feature = "http")]
mod http;
mod key_log;
mod location;
mod provider;
mod proxy;
mod route;
mod tcp;
mod tls;
mod tls_error;
mod trust;
#[cfg(feature = "http")]
mod url;
mod verifier;

use std::io::{self, Read, Write};

pub use address::{Address, Family, Host};
pub use certificate::{Certificate, format_fingerprint, parse_fingerprint};
#[cfg(feature = "discover")]
pub use dns::{NameServers, SrvAnswer, SrvRecord};
#[cfg(feature = "http")]
pub use http::{HttpClient, HttpRequest, HttpResponse, MAX_BODY};
pub use key_log::KeyLog;
pub use location::Location;
pub use proxy::{NoProxy, Proxy};
pub use route::{Route, connect};
pub use tcp::{Limits, Tcp};
pub use tls::{Tls, TlsConnector, TlsFacts};
pub use tls_error::TlsFailure;
pub use trust::{ClientIdentity, TlsSettings, Trust};
#[cfg(feature = "http")]
pub use url::Url;

use crate::{Error, ErrorKind};

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

/// What an error of reading from or writing to a [`Stream`] means: [`ErrorKind::Tls`] where the server rejects our
/// side of a TLS 1.3 handshake (it may do so only after we think it done), else [`ErrorKind::Unavailable`].
pub(crate) fn map_io_error(error: io::Error) -> Error {
    let (kind, text) = match tls_error::in_io(&error) {
        Some(tls) if tls_error::rejects_us(tls) => (ErrorKind::Tls, tls_error::words(tls)),
        Some(tls) => (ErrorKind::Unavailable, format!("connection lost: {}", tls_error::words(tls))),
        None if error.kind() == io::ErrorKind::TimedOut => (ErrorKind::Unavailable, error.to_string()),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            (ErrorKind::Unavailable, "connection lost: the server closed it".to_owned())
        }
        None => (ErrorKind::Unavailable, format!("connection lost: {}", reason(&error))),
    };
    Error::new(kind, text).with_source(error)
}

/// The words for an I/O error: the same on every platform where its kind says enough, else the system's own on one
/// line, without its number.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".into(),
        io::ErrorKind::ConnectionReset => "connection reset".into(),
        io::ErrorKind::ConnectionAborted => "connection aborted".into(),
        io::ErrorKind::BrokenPipe => "connection closed".into(),
        io::ErrorKind::NetworkUnreachable => "network unreachable".into(),
        io::ErrorKind::HostUnreachable => "host unreachable".into(),
        io::ErrorKind::AddrNotAvailable => "not an address of this machine".into(),
        io::ErrorKind::NotFound => "no such file".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::TimedOut if error.raw_os_error().is_some() => "timed out".into(),
        _ => {
            let text = error.to_string();
            let text = text.strip_prefix(RESOLVER).unwrap_or(&text);
            let text = text.split(" (os error").next().unwrap_or_default();
            text.split_whitespace().collect::<Vec<_>>().join(" ").trim_end_matches('.').to_owned()
        }
    }
}

/// What the standard library puts before the resolver's own words.
const RESOLVER: &str = "failed to lookup address information: ";
