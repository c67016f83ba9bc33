//! URLs of HTTP resources.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;

use super::address::{Address, Host};
use crate::{Error, ErrorKind};

/// An `https` URL, or an `http` URL with a loopback host, without user, password and fragment.
///
/// `Display` omits the query, which may contain a secret.
///
/// ```
/// use pop3::net::Url;
///
/// let url: Url = "https://login.example.org/token?code=1".parse().unwrap();
/// assert_eq!(url.to_string(), "https://login.example.org/token");
/// assert_eq!(url.as_str(), "https://login.example.org/token?code=1");
/// assert!("http://login.example.org/token".parse::<Url>().is_err());
/// assert!("http://127.0.0.1:8080/token".parse::<Url>().is_ok());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    text: String,
    uri: Uri,
    address: Address,
    tls: bool,
}

impl Url {
    /// Returns the whole URL, with the query.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the host and port to connect to.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Returns true for `https`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.tls
    }

    /// Returns true if the host is `localhost` or a loopback address.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(self.address.host())
    }

    /// Returns the path and, after a question mark, the query.
    #[must_use]
    pub fn path_and_query(&self) -> &str {
        self.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str)
    }

    /// Returns the path, or `/` if the URL has none.
    #[must_use]
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }
}

impl FromStr for Url {
    type Err = Error;

    /// # Errors
    ///
    /// Returns [`ErrorKind::Argument`] for an invalid URL. The error does not repeat the URL.
    fn from_str(text: &str) -> Result<Self, Error> {
        if text.contains('#') {
            return Err(invalid("a fragment (#) is not allowed"));
        }
        let uri: Uri = text.parse().map_err(|error| invalid(&format!("{error}")))?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(invalid("expected https://HOST/PATH")),
        };
        let authority = uri.authority().ok_or_else(|| invalid("expected https://HOST/PATH"))?;
        if authority.as_str().contains('@') {
            return Err(invalid("a user or password is not allowed"));
        }
        // `Authority::port` treats a port over 65535 as absent.
        let port = match authority.as_str().strip_prefix(authority.host()).unwrap_or_default() {
            "" if tls => HTTPS_PORT,
            "" => HTTP_PORT,
            port => port
                .strip_prefix(':')
                .and_then(|digits| digits.parse().ok())
                .ok_or_else(|| invalid("the port is not a number from 1 to 65535"))?,
        };
        let address = Address::parse(authority.host(), port).map_err(|error| invalid(error.message()))?;
        if !tls && !is_loopback(address.host()) {
            return Err(invalid("http:// is allowed for this machine only (localhost); use https://"));
        }
        Ok(Self { text: text.to_owned(), uri, address, tls })
    }
}

impl fmt::Display for Url {
    /// Formats the URL without the query.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text.split('?').next().unwrap_or_default())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn is_loopback(host: &Host) -> bool {
    match host {
        Host::Name(name) => name.trim_end_matches('.') == "localhost",
        Host::Ip(IpAddr::V4(address)) => address.is_loopback(),
        Host::Ip(IpAddr::V6(address)) => address.is_loopback(),
    }
}

fn invalid(why: &str) -> Error {
    Error::new(ErrorKind::Argument, format!("invalid URL: {why}"))
}

const HTTPS_PORT: u16 = 443;
const HTTP_PORT: u16 = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_split_into_its_parts() {
        let url: Url = "https://Login.Example.org:8443/a/b?c=d".parse().unwrap();
        assert_eq!(url.address().to_string(), "login.example.org:8443");
        assert_eq!((url.path(), url.path_and_query()), ("/a/b", "/a/b?c=d"));
        assert!(url.is_https() && !url.is_loopback());
        assert_eq!(
            format!("{url} {url:?}"),
            "https://Login.Example.org:8443/a/b https://Login.Example.org:8443/a/b"
        );

        let url: Url = "https://example.org".parse().unwrap();
        assert_eq!((url.address().port(), url.path_and_query()), (443, "/"));
        for local in ["http://localhost", "http://127.0.0.1:1/x", "http://[::1]:1", "http://127.9.9.9"] {
            assert!(local.parse::<Url>().unwrap().is_loopback(), "{local}");
        }
    }

    #[test]
    fn invalid_urls_are_refused() {
        for text in [
            "",
            "example.org",
            "/path",
            "ftp://example.org/",
            "http://example.org/",
            "http://localhost.example.org/",
            "http://10.0.0.1/",
            "http://127.0.0.1.example.org/",
            "http://localhost@example.org/",
            "https://user:hush@example.org/",
            "https://example.org/#hush",
            "https://example.org:0/",
            "https://example.org:99999/",
            "https://exa mple.org/",
            "https://example.org/a b",
            "https://example.org/a\r\nHost: b",
            "https:///path",
            "https://a..b/",
        ] {
            let error = text.parse::<Url>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Argument, "{text}");
            assert!(!error.message().contains("hush"), "{error}");
        }
    }
}
