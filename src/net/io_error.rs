//! Descriptions of I/O errors.

use std::io;

use super::tcp::TimedOut;
use super::tls;
use crate::{Error, ErrorKind};

/// Converts an error of reading or writing a stream: to [`ErrorKind::Tls`] if the server rejects the client
/// certificate, which in TLS 1.3 it may do after the client completed the handshake, and otherwise to
/// [`ErrorKind::Unavailable`].
#[must_use]
pub(crate) fn map_io_error(error: io::Error) -> Error {
    let (kind, text) = match tls::in_io(&error) {
        Some(tls) if tls::rejects_us(tls) => (ErrorKind::Tls, tls::message(tls)),
        Some(tls) => (ErrorKind::Unavailable, format!("connection lost: {}", tls::message(tls))),
        None if error.kind() == io::ErrorKind::TimedOut => (ErrorKind::Unavailable, timeout_message(&error)),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            (ErrorKind::Unavailable, "connection lost: the server closed it".to_owned())
        }
        None => (ErrorKind::Unavailable, format!("connection lost: {}", reason(&error))),
    };
    Error::new(kind, text).with_source(error)
}

/// Returns the message for a timeout. After a read, the message says that the server did not answer.
fn timeout_message(error: &io::Error) -> String {
    let timeout = error.get_ref().and_then(|error| error.downcast_ref::<TimedOut>());
    match timeout {
        Some(TimedOut { write: false, .. }) => format!("{error} waiting for the server"),
        _ => error.to_string(),
    }
}

/// Describes an I/O error on one line: in the same words on every platform if the kind is known, and otherwise in the
/// words of the system, without the error number.
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

/// The prefix that the standard library adds to messages of the resolver.
const RESOLVER: &str = "failed to lookup address information: ";
