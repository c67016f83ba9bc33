//! I/O errors in words.

use std::io;

use super::tls;
use crate::{Error, ErrorKind};

/// What an error of reading from or writing to a [`Stream`] means: [`ErrorKind::Tls`] where the server rejects our
/// side of a TLS 1.3 handshake (it may do so only after we think it done), else [`ErrorKind::Unavailable`].
#[must_use]
pub(crate) fn map_io_error(error: io::Error) -> Error {
    let (kind, text) = match tls::in_io(&error) {
        Some(tls) if tls::rejects_us(tls) => (ErrorKind::Tls, tls::message(tls)),
        Some(tls) => (ErrorKind::Unavailable, format!("connection lost: {}", tls::message(tls))),
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
pub(super) fn reason(error: &io::Error) -> String {
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
