//! Proxies: SOCKS version 5 (RFC 1928, RFC 1929) and HTTP `CONNECT` (RFC 9110 §9.3.6).

mod failure;
mod no_proxy;
mod tunnel;

use std::fmt;
use std::str::FromStr;

pub use failure::ProxyFailure;
pub use no_proxy::NoProxy;

use super::address::{Address, Host};
use super::tcp::Tcp;
use crate::{Error, ErrorKind, Secret, bytes};

/// A proxy that connects to the server. `Display` and `Debug` omit the user and password.
///
/// ```
/// let proxy: pop3::net::Proxy = "socks5://alice:s%3Acret@[::1]".parse().unwrap();
/// assert_eq!(proxy.to_string(), "socks5://[::1]:1080");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    protocol: Protocol,
    address: Address,
    credential: Option<Credential>,
    exceptions: NoProxy,
    origin: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Socks5,
    Http,
}

/// A user and password without control characters. For SOCKS, each has at most 255 bytes; for HTTP, the user contains
/// no colon.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Credential {
    user: Secret,
    password: Secret,
}

impl Proxy {
    /// Parses the value of the environment variable `ALL_PROXY` as curl does: a value without a scheme is an HTTP
    /// proxy, `socks5h` is a SOCKS 5 proxy, and the default port is 1080.
    ///
    /// Unlike in curl, the scheme `socks5` also lets the proxy resolve the server's name, as `socks5h` does.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`from_str`](Self::from_str).
    pub fn parse_all_proxy(text: &str) -> Result<Self, Error> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let scheme = if scheme.eq_ignore_ascii_case("socks5h") { "socks5" } else { scheme };
        Self::parse(scheme, rest, |_| SOCKS_PORT)
    }

    /// Returns the same proxy with a list of hosts for which it is not used.
    #[must_use]
    pub fn with_exceptions(self, exceptions: NoProxy) -> Self {
        Self { exceptions, ..self }
    }

    /// Returns the same proxy with the name of the setting that it comes from, for the trace: `ALL_PROXY`.
    #[must_use]
    pub fn with_origin(self, origin: impl Into<String>) -> Self {
        Self { origin: Some(origin.into()), ..self }
    }

    /// Returns true if the proxy is used for a host, that is, if the host is not among the
    /// [exceptions](Self::with_exceptions).
    #[must_use]
    pub fn serves(&self, host: &Host) -> bool {
        !self.exceptions.contains(host)
    }

    pub(super) fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// Returns the address of the proxy.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    fn parse(scheme: &str, rest: &str, default_port: impl Fn(Protocol) -> u16) -> Result<Self, Error> {
        let protocol = match scheme.to_ascii_lowercase().as_str() {
            "socks5" => Protocol::Socks5,
            "http" => Protocol::Http,
            _ => return Err(refused(FORM)),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#']) {
            return Err(refused("a path is not allowed"));
        }
        let (userinfo, place) = match rest.rsplit_once('@') {
            Some((userinfo, place)) => (Some(userinfo), place),
            None => (None, rest),
        };
        let (host, port) = split_port(place)?;
        let address = Address::parse(host, port.unwrap_or_else(|| default_port(protocol)))
            .map_err(|_| refused("the host is neither a domain name nor an IP address, or the port is 0"))?;
        let credential = userinfo.map(|userinfo| Credential::parse(userinfo, protocol)).transpose()?;
        Ok(Self { protocol, address, credential, exceptions: NoProxy::default(), origin: None })
    }

    /// Makes the proxy connect to the target. The next byte to read is the first byte from the server.
    pub(super) fn tunnel(&self, tcp: &mut Tcp, target: &Address) -> Result<(), Error> {
        let mut exchange = tunnel::Exchange { proxy: self, tcp };
        match self.protocol {
            Protocol::Socks5 => exchange.socks5(target),
            Protocol::Http => exchange.http(target),
        }
    }
}

impl FromStr for Proxy {
    type Err = Error;

    /// Parses `socks5://[user:password@]host[:port]` (port 1080 by default) or `http://[user:password@]host[:port]`
    /// (port 8080 by default). Reserved characters in user and password must be percent-encoded.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Argument`] for anything else. The error does not repeat the text, which may contain a
    /// password.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (scheme, rest) = text.split_once("://").ok_or_else(|| refused(FORM))?;
        Self::parse(scheme, rest, |protocol| match protocol {
            Protocol::Socks5 => SOCKS_PORT,
            Protocol::Http => HTTP_PORT,
        })
    }
}

impl TryFrom<&str> for Proxy {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self, Error> {
        text.parse()
    }
}

impl fmt::Display for Proxy {
    /// Formats the URL without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.protocol {
            Protocol::Socks5 => "socks5",
            Protocol::Http => "http",
        };
        write!(f, "{scheme}://{}", self.address)
    }
}

impl Credential {
    fn parse(userinfo: &str, protocol: Protocol) -> Result<Self, Error> {
        let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        let (user, password) = (percent_decode(user)?, percent_decode(password)?);
        let longest = user.expose().len().max(password.expose().len());
        match protocol {
            // RFC 1929 §2: each length is one octet, and the user is not empty.
            Protocol::Socks5 if longest > 255 || user.is_empty() => {
                Err(refused("the user must have 1 to 255 bytes, the password at most 255"))
            }
            // RFC 7617 §2: the first colon ends the user.
            Protocol::Http if user.expose().contains(&b':') => {
                Err(refused("the user must not contain a colon"))
            }
            Protocol::Http if longest > MAX_SECRET => Err(refused("the user or password is too long")),
            _ => Ok(Self { user, password }),
        }
    }
}

fn split_port(place: &str) -> Result<(&str, Option<u16>), Error> {
    let (host, port) = match place.rfind(']') {
        Some(end) => (&place[..=end], &place[end + 1..]),
        None => place.split_at(place.find(':').unwrap_or(place.len())),
    };
    if port.is_empty() {
        return Ok((host, None));
    }
    let digits = port.strip_prefix(':').filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
    match digits.and_then(|digits| digits.parse().ok()) {
        Some(port) => Ok((host, Some(port))),
        None => Err(refused("the port is not a number from 1 to 65535")),
    }
}

/// Percent-decodes text, and rejects control characters whether they are encoded or not.
fn percent_decode(text: &str) -> Result<Secret, Error> {
    let decoded = bytes::percent_decode(text.as_bytes()).map(Secret::from);
    let decoded = decoded
        .ok_or_else(|| refused("a % in the user or password must be followed by two hexadecimal digits"))?;
    if decoded.expose().iter().any(u8::is_ascii_control) {
        return Err(refused("the user or password contains a control character"));
    }
    Ok(decoded)
}

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::Argument, format!("invalid proxy: {why}"))
}

const FORM: &str = "expected socks5://HOST:PORT or http://HOST:PORT";

/// RFC 1928 §3.
const SOCKS_PORT: u16 = 1080;
const HTTP_PORT: u16 = 8080;

/// The maximum length of a user or password in bytes. Some passwords are access tokens of a few KiB, and proxies do
/// not accept longer header fields.
const MAX_SECRET: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_parsed_and_hides_its_password() {
        let shown = |text: &str| text.parse::<Proxy>().unwrap().to_string();
        assert_eq!(shown("socks5://proxy.example"), "socks5://proxy.example:1080");
        assert_eq!(shown("HTTP://proxy.example"), "http://proxy.example:8080");
        assert_eq!(shown("http://u:p@[::1]:3128/"), "http://[::1]:3128");
        let proxy: Proxy = "socks5://u%40x:secret@p:1".parse().unwrap();
        assert!(!format!("{proxy:?} {proxy}").contains("secret"), "{proxy:?}");
        assert_eq!(proxy.credential.unwrap().user.expose(), b"u@x");
    }

    #[test]
    fn all_proxy_is_parsed_as_in_curl() {
        for (text, expected) in [
            ("socks5h://127.0.0.1:9050", "socks5://127.0.0.1:9050"),
            ("SOCKS5://proxy.example", "socks5://proxy.example:1080"),
            ("proxy.example:3128", "http://proxy.example:3128"),
            ("u:p@proxy.example", "http://proxy.example:1080"),
            ("http://[::1]/", "http://[::1]:1080"),
        ] {
            assert_eq!(Proxy::parse_all_proxy(text).unwrap().to_string(), expected);
        }
        for text in ["", "socks4://h", "socks4a://h", "https://u:secret@h", "socks5h://"] {
            let error = Proxy::parse_all_proxy(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Argument, "{text}");
            assert!(!error.message().contains("secret"), "{error}");
        }
    }

    #[test]
    fn errors_do_not_repeat_invalid_proxies() {
        let long = format!("socks5://u:{}@h", "secret".repeat(60));
        for text in [
            "",
            "secret",
            "socks4://secret@h",
            "socks5h://secret@h",
            "https://u:secret@h",
            "http://u:secret@",
            "http://h:0",
            "http://h:99999",
            "http://h:",
            "http://h:+1",
            "http://h:x",
            "http://h/secret",
            "http://h?secret",
            "http://[secret]",
            "http://::1",
            "http://u:secret%@h",
            "http://u:secret%0a@h",
            "http://u:secret%00@h",
            "http://u:secret%7f@h",
            "http://u:sec\nret@h",
            "http://u%3Ax:secret@h",
            "socks5://:secret@h",
            &long,
        ] {
            let error = text.parse::<Proxy>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Argument, "{text}");
            assert!(!error.message().contains("secret"), "{error}");
        }
    }
}
