//! Addresses of servers: a host name or an IP address, and a port.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU16;

#[cfg(feature = "idn")]
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use super::location;
use crate::{Error, ErrorKind};

/// A domain name in ASCII or an IP address.
///
/// ```
/// use pop3::net::Host;
///
/// assert_eq!(Host::parse("POP.example.org").unwrap().to_string(), "pop.example.org");
/// # #[cfg(feature = "idn")]
/// assert_eq!(Host::parse("Bücher.example").unwrap().to_string(), "xn--bcher-kva.example");
/// assert_eq!(Host::parse("[::1]").unwrap(), Host::Ip("::1".parse().unwrap()));
/// assert!(Host::parse("example.org\r\nDELE 1").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A domain name in lower-case ASCII, with internationalised labels as A-labels (RFC 5891). A trailing dot is
    /// kept.
    Name(String),
    /// An IPv4 or IPv6 address.
    Ip(IpAddr),
}

impl Host {
    /// Parses a domain name (an internationalised one with the feature `idn`), an IPv4 address, or an IPv6 address with or
    /// without brackets.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Argument`] for anything else: control characters, spaces, empty labels, a port, a zone, `300.1.1.1`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if let Some(inside) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            return match inside.parse() {
                Ok(address) => Ok(Self::Ip(IpAddr::V6(address))),
                Err(_) => Err(refused(text, "only an IPv6 address may be in brackets")),
            };
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Ip(address));
        }
        if text.contains(':') {
            return Err(refused(
                text,
                "not an IPv6 address; a port is given separately, a zone is not supported",
            ));
        }
        Self::parse_name(text)
    }

    fn parse_name(text: &str) -> Result<Self, Error> {
        let Some(name) = to_ascii(text) else { return Err(refused(text, "not a domain name")) };
        // RFC 1123 allows no underscore, but many host names in container networks contain one.
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)) {
            return Err(refused(text, "not a domain name"));
        }
        let last = name.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
        if last.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(refused(text, "neither a domain name nor an IPv4 address"));
        }
        Ok(Self::Name(name))
    }
}

/// Converts a name to lower-case ASCII, and checks its length limits (RFC 1035 §2.3.4).
#[cfg(feature = "idn")]
fn to_ascii(text: &str) -> Option<String> {
    let length = DnsLength::VerifyAllowRootDot;
    let name = Uts46::new().to_ascii(text.as_bytes(), AsciiDenyList::URL, Hyphens::Allow, length);
    name.ok().map(std::borrow::Cow::into_owned)
}

#[cfg(not(feature = "idn"))]
fn to_ascii(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.is_ascii();
    (name.len() <= 253 && name.split('.').all(is_label)).then(|| text.to_ascii_lowercase())
}

impl fmt::Display for Host {
    /// `example.org`, `192.0.2.1`, `::1`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

/// A host and a TCP port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    host: Host,
    port: NonZeroU16,
}

impl Address {
    /// Returns the address of a port on a host.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Argument`] if the port is 0.
    pub fn new(host: Host, port: u16) -> Result<Self, Error> {
        Ok(Self { host, port: not_zero(port)? })
    }

    /// Returns the address of a port on a host, which is parsed by [`Host::parse`].
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Argument`] if the host is invalid, or the port is 0.
    pub fn parse(host: &str, port: u16) -> Result<Self, Error> {
        Ok(Self { port: not_zero(port)?, host: Host::parse(host)? })
    }

    /// Parses a host, or a host and a port: `pop.example.org`, `pop.example.org:1995`, `[::1]:995`. The port is
    /// `default_port` if the text has none.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Address::parse`].
    pub fn parse_with_default_port(text: &str, default_port: u16) -> Result<Self, Error> {
        let (host, port) = location::host_and_port(text)?;
        Self::new(host, port.unwrap_or(default_port))
    }

    /// Returns the host.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Returns the TCP port, never 0.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.get()
    }
}

impl fmt::Display for Address {
    /// `example.org:110`, `192.0.2.1:110`, `[::1]:110`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Ip(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
            host => write!(f, "{host}:{}", self.port),
        }
    }
}

/// The family of IP addresses to use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Family {
    /// Both families, in the order of RFC 8305.
    #[default]
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

impl Family {
    /// Returns the family of an IP address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// Returns true if the IP address belongs to this family.
    #[must_use]
    pub fn admits(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }

    /// Checks that a host may have an address of this family. A name always may.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Argument`] if the host is an IP address of the other family.
    pub fn check(self, host: &Host) -> Result<(), Error> {
        match host {
            Host::Ip(address) if !self.admits(*address) => {
                Err(Error::new(ErrorKind::Argument, format!("{address} is not an {self} address")))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "IP",
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

fn not_zero(port: u16) -> Result<NonZeroU16, Error> {
    NonZeroU16::new(port)
        .ok_or_else(|| Error::new(ErrorKind::Argument, "port 0 is not a valid port to connect to"))
}

fn refused(text: &str, why: &str) -> Error {
    Error::new(ErrorKind::Argument, format!("invalid host {:?}: {why}", shorten(text)))
}

/// Truncates a text for an error.
fn shorten(text: &str) -> String {
    text.chars().take(MAX_QUOTED).collect()
}

/// The maximum number of characters of a host that an error quotes.
const MAX_QUOTED: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(host: &str) -> String {
        Address::parse(host, 110).unwrap().to_string()
    }

    #[test]
    fn names_and_addresses_are_parsed() {
        assert_eq!(shown("POP.Example.ORG"), "pop.example.org:110");
        assert_eq!(shown("example.org."), "example.org.:110");
        assert_eq!(shown("localhost"), "localhost:110");
        assert_eq!(shown("mail_1.docker"), "mail_1.docker:110");
        assert_eq!(shown("r3---sn.example"), "r3---sn.example:110");
        assert_eq!(shown("127.0.0.1"), "127.0.0.1:110");
        assert_eq!(shown("::1"), "[::1]:110");
        assert_eq!(shown("[2001:DB8::1]"), "[2001:db8::1]:110");
        assert_eq!(shown("пример.испытание"), "xn--e1afmkfd.xn--80akhbyknj4f:110");
    }

    #[test]
    fn a_port_may_follow_the_host() {
        let shown = |text| Address::parse_with_default_port(text, 995).map(|address| address.to_string());
        assert_eq!(shown("pop.example.org").unwrap(), "pop.example.org:995");
        assert_eq!(shown("pop.example.org:1995").unwrap(), "pop.example.org:1995");
        assert_eq!(shown("::1").unwrap(), "[::1]:995");
        assert_eq!(shown("[::1]:110").unwrap(), "[::1]:110");
        for invalid in ["h:0", "h:", "h:x", "h:65536", "pops://h", ""] {
            assert_eq!(shown(invalid).unwrap_err().kind(), ErrorKind::Argument, "{invalid}");
        }
    }

    #[test]
    fn invalid_hosts_are_refused() {
        let long = format!("{}.example", "a".repeat(64));
        for host in [
            "",
            ".",
            "a..b",
            ".a",
            "a b",
            " a",
            "a\r\nb",
            "a\0b",
            "a\u{1b}b",
            "a/b",
            "u@h",
            "h:110",
            "[h]",
            "[127.0.0.1]",
            "[::1",
            "::1]",
            "fe80::1%eth0",
            "300.1.1.1",
            "1.2.3",
            "127.0.0.1.",
            "a\u{85}b",
            "a;b",
            "é\u{202e}x",
            &long,
        ] {
            let error = Address::parse(host, 110).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Argument, "{host:?}");
            assert!(!error.message().contains(|c: char| c.is_control()), "{error}");
        }
        assert_eq!(Address::parse("localhost", 0).unwrap_err().kind(), ErrorKind::Argument);
        assert_eq!(
            Address::new(Host::parse("localhost").unwrap(), 0).unwrap_err().kind(),
            ErrorKind::Argument
        );
    }

    #[test]
    fn a_family_refuses_the_other_one() {
        let v4 = Host::parse("127.0.0.1").unwrap();
        assert!(Family::V4.check(&v4).is_ok());
        assert_eq!(Family::V6.check(&v4).unwrap_err().kind(), ErrorKind::Argument);
        assert!(Family::V6.check(&Host::parse("example.org").unwrap()).is_ok());
    }
}
