//! The address of an LMTP server, and the connection to it.

use std::{
    fmt,
    io::{self, Read, Write},
    path::PathBuf,
};

use crate::{
    Error, ErrorKind,
    net::{self, Address, Limits, Route, Tcp},
};

/// The address of an LMTP server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LmtpAddress {
    /// A host and port: `localhost:24`, `[::1]:24`.
    Tcp(Address),
    /// The path of a Unix socket. It contains a slash.
    Socket(PathBuf),
}

impl LmtpAddress {
    /// Parses `host:port` or the path of a Unix socket. A text with a slash is a path.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Argument`] if the text is neither.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.contains('/') && !text.contains('\0') {
            return Ok(Self::Socket(PathBuf::from(text)));
        }
        let expected = "expected HOST:PORT or the path of a socket (with a slash)";
        let (host, port) = text.rsplit_once(':').ok_or_else(|| Error::new(ErrorKind::Argument, expected))?;
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port: u16 = Some(port)
            .filter(|_| digits)
            .and_then(|port| port.parse().ok())
            .ok_or_else(|| Error::new(ErrorKind::Argument, expected))?;
        // Otherwise `::1` would be parsed as the host `:` and the port 1.
        if host.contains(':') && !host.starts_with('[') {
            return Err(Error::new(
                ErrorKind::Argument,
                format!("{expected}; put an IPv6 address in brackets"),
            ));
        }
        Ok(Self::Tcp(Address::parse(host, port)?))
    }
}

impl fmt::Display for LmtpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Socket(path) => path.display().fmt(f),
        }
    }
}

/// A connection that applies the [`Limits`] to every read and write.
pub(super) enum Stream {
    Tcp(Tcp),
    #[cfg(unix)]
    Socket {
        stream: std::os::unix::net::UnixStream,
        limits: Limits,
    },
}

impl Stream {
    pub(super) fn connect(address: &LmtpAddress, limits: Limits) -> Result<Self, Error> {
        match address {
            LmtpAddress::Tcp(address) => {
                net::connect(address, &Route::default(), limits, &mut |note| log::debug!("LMTP: {note}"))
                    .map(Self::Tcp)
            }
            #[cfg(unix)]
            LmtpAddress::Socket(path) => {
                let connected = socket2::SockAddr::unix(path).and_then(|address| {
                    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
                    socket.connect_timeout(
                        &address,
                        limits.remaining().max(std::time::Duration::from_millis(1)),
                    )?;
                    Ok(socket)
                });
                let socket = connected.map_err(|error| {
                    let message = format!("no connection to {}: {error}", path.display());
                    Error::new(ErrorKind::Unavailable, message).with_source(error)
                })?;
                Ok(Self::Socket { stream: socket.into(), limits })
            }
            #[cfg(not(unix))]
            LmtpAddress::Socket(path) => Err(Error::new(
                ErrorKind::Argument,
                format!("{}: sockets in the file system are not available on this platform", path.display()),
            )),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => tcp.read(buffer),
            #[cfg(unix)]
            Self::Socket { stream, limits } => {
                stream.set_read_timeout(Some(remaining(*limits)?))?;
                stream.read(buffer).map_err(timed_out)
            }
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => tcp.write(bytes),
            #[cfg(unix)]
            Self::Socket { stream, limits } => {
                stream.set_write_timeout(Some(remaining(*limits)?))?;
                stream.write(bytes).map_err(timed_out)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(unix)]
fn remaining(limits: Limits) -> io::Result<std::time::Duration> {
    let left = limits.remaining();
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// Converts the error of a socket timeout, which is `WouldBlock` on Unix.
#[cfg(unix)]
fn timed_out(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::WouldBlock { io::ErrorKind::TimedOut.into() } else { error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_sockets() {
        for (text, shown) in [
            ("localhost:24", "localhost:24"),
            ("[::1]:2424", "[::1]:2424"),
            ("Bücher.example:24", "xn--bcher-kva.example:24"),
        ] {
            assert_eq!(LmtpAddress::parse(text).unwrap().to_string(), shown);
        }
        for path in ["/run/dovecot/lmtp", "./lmtp", "run/lmtp:24"] {
            assert_eq!(LmtpAddress::parse(path).unwrap(), LmtpAddress::Socket(path.into()));
        }
        for text in [
            "",
            "localhost",
            "lmtp",
            "localhost:",
            ":24",
            "::1",
            "::1:24",
            "host:0",
            "host:65536",
            "host:+24",
            "a b:24",
        ] {
            assert_eq!(LmtpAddress::parse(text).unwrap_err().kind(), ErrorKind::Argument, "{text}");
        }
    }
}
