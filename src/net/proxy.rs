//! Proxies: SOCKS version 5 (RFC 1928, RFC 1929) and HTTP `CONNECT` (RFC 9110 §9.3.6).

use std::fmt;
use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::address::{Address, Host};
use super::certificate::printable;
use super::reason;
use super::tcp::Tcp;
use crate::{Error, ErrorKind, Secret};

/// A proxy that connects to the server in our stead. Its password is in no text that it gives.
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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Socks5,
    Http,
}

/// Each without control characters; for SOCKS each of at most 255 octets; for HTTP a user without a colon.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Credential {
    user: Secret,
    password: Secret,
}

impl Proxy {
    /// Where the proxy itself is.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Has the proxy connect to the target, and leaves nothing of its answers in the way of the server's first octet.
    pub(super) fn tunnel(&self, tcp: &mut Tcp, target: &Address) -> Result<(), Error> {
        let mut exchange = Exchange { proxy: self, tcp };
        match self.protocol {
            Protocol::Socks5 => exchange.socks5(target),
            Protocol::Http => exchange.http(target),
        }
    }
}

impl FromStr for Proxy {
    type Err = Error;

    /// Reads `socks5://[user:password@]host[:port]` (port 1080 if none is given) or `http://[user:password@]host[:port]`
    /// (port 8080), reserved characters of user and password percent-encoded. Errors are of kind
    /// [`ErrorKind::Argument`] and repeat nothing of the text, which may hold a password.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (scheme, rest) = text.split_once("://").ok_or_else(|| refused(FORM))?;
        let (protocol, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "socks5" => (Protocol::Socks5, 1080),
            "http" => (Protocol::Http, 8080),
            _ => return Err(refused(FORM)),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#']) {
            return Err(refused("a proxy has no path"));
        }
        let (userinfo, place) = match rest.rsplit_once('@') {
            Some((userinfo, place)) => (Some(userinfo), place),
            None => (None, rest),
        };
        let (host, port) = split_port(place)?;
        let address = Address::parse(host, port.unwrap_or(default_port))
            .map_err(|_| refused("its host is neither a domain name nor an IP address, or its port is 0"))?;
        let credential = userinfo.map(|userinfo| Credential::parse(userinfo, protocol)).transpose()?;
        Ok(Self { protocol, address, credential })
    }
}

impl TryFrom<&str> for Proxy {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self, Error> {
        text.parse()
    }
}

impl fmt::Display for Proxy {
    /// Without user and password.
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
            // RFC 1929 §2: each length is one octet, and no user has length 0.
            Protocol::Socks5 if longest > 255 || user.is_empty() => {
                Err(refused("its user and password may have 255 octets each, and the user at least one"))
            }
            // RFC 7617 §2: the first colon ends the user.
            Protocol::Http if user.expose().contains(&b':') => {
                Err(refused("its user may not contain a colon"))
            }
            Protocol::Http if longest > MAX_HEAD => Err(refused("its user or password is too long")),
            _ => Ok(Self { user, password }),
        }
    }
}

/// One conversation with a proxy.
struct Exchange<'a> {
    proxy: &'a Proxy,
    tcp: &'a mut Tcp,
}

impl Exchange<'_> {
    fn socks5(&mut self, target: &Address) -> Result<(), Error> {
        // RFC 1928 §3: the methods are none (0) and user and password (2).
        let offer: &[u8] = if self.proxy.credential.is_some() { &[5, 2, 0, 2] } else { &[5, 1, 0] };
        self.send(offer)?;
        match (self.receive::<2>()?, &self.proxy.credential) {
            ([5, 0], _) => {}
            ([5, 2], Some(credential)) => self.socks5_login(credential)?,
            ([5, 0xff], Some(_)) => return Err(self.failed("accepts neither a user and password nor none")),
            ([5, 0xff], None) => return Err(self.failed("asks for a user and password")),
            ([5, _], _) => return Err(self.failed("asks for an authentication that was not offered")),
            _ => return Err(self.failed("does not speak SOCKS 5")),
        }

        // RFC 1928 §4: version 5, CONNECT (1), reserved, then type and octets of the address, port.
        let mut request = vec![5, 1, 0];
        match &target.host {
            Host::Ip(IpAddr::V4(address)) => {
                request.push(1);
                request.extend(address.octets());
            }
            Host::Ip(IpAddr::V6(address)) => {
                request.push(4);
                request.extend(address.octets());
            }
            Host::Name(name) => {
                let length =
                    u8::try_from(name.len()).map_err(|_| self.failed("takes no name as long as this"))?;
                request.extend([3, length]);
                request.extend(name.as_bytes());
            }
        }
        request.extend(target.port.to_be_bytes());
        self.send(&request)?;

        let [version, reply, _, kind] = self.receive::<4>()?;
        if version != 5 {
            return Err(self.failed("does not speak SOCKS 5"));
        }
        if reply != 0 {
            return Err(self.refused_target(target, socks5_reply(reply)));
        }
        // The address from which the proxy connects is of no use here, and stands before the server's octets.
        let length = match kind {
            1 => 4,
            4 => 16,
            3 => usize::from(self.receive::<1>()?[0]),
            _ => return Err(self.failed("does not speak SOCKS 5")),
        };
        for _ in 0..length + 2 {
            self.receive::<1>()?;
        }
        Ok(())
    }

    /// RFC 1929 §2
    fn socks5_login(&mut self, credential: &Credential) -> Result<(), Error> {
        let mut request = Zeroizing::new(Vec::with_capacity(513));
        request.push(1);
        for part in [&credential.user, &credential.password] {
            let octets = part.expose();
            request
                .push(u8::try_from(octets.len()).map_err(|_| refused("its user or password is too long"))?);
            request.extend(octets);
        }
        self.send(&request)?;
        match self.receive::<2>()? {
            [_, 0] => Ok(()),
            _ => Err(self.failed("refused the user and password")),
        }
    }

    fn http(&mut self, target: &Address) -> Result<(), Error> {
        let mut request = Zeroizing::new(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"));
        if let Some(Credential { user, password }) = &self.proxy.credential {
            let pair = Zeroizing::new([user.expose(), b":", password.expose()].concat());
            let pair = Zeroizing::new(STANDARD.encode(pair.as_slice()));
            let field = Zeroizing::new(format!("Proxy-Authorization: Basic {}\r\n", pair.as_str()));
            // Room for all of it at once: growing would leave a copy behind that nobody wipes.
            let mut whole = Zeroizing::new(String::with_capacity(request.len() + field.len() + 2));
            whole.push_str(&request);
            whole.push_str(&field);
            request = whole;
        }
        request.push_str("\r\n");
        self.send(request.as_bytes())?;

        let head = self.http_head()?;
        let line = head.split(|octet| matches!(octet, b'\r' | b'\n')).next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        match line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)) {
            Some(status) if status.starts_with('2') => Ok(()),
            Some("407") if self.proxy.credential.is_some() => {
                Err(self.failed("refused the user and password (407)"))
            }
            Some("407") => Err(self.failed("asks for a user and password (407)")),
            Some(_) => Err(self.refused_target(target, &printable(&line))),
            None => Err(self.failed("does not speak HTTP")),
        }
    }

    /// Reads to the blank line that ends the head and not one octet further: what follows is the server's.
    fn http_head(&mut self) -> Result<Vec<u8>, Error> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") && !head.ends_with(b"\n\n") {
            if head.len() == MAX_HEAD {
                return Err(self.failed("does not come to the end of its answer"));
            }
            let [octet] = self.receive::<1>()?;
            head.push(octet);
            let known = head.len().min(HTTP.len());
            if head[..known] != HTTP[..known] {
                return Err(self.failed("does not speak HTTP"));
            }
        }
        Ok(head)
    }

    fn send(&mut self, octets: &[u8]) -> Result<(), Error> {
        self.tcp.write_all(octets).and_then(|()| self.tcp.flush()).map_err(|error| self.broken(error))
    }

    fn receive<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut octets = [0; N];
        self.tcp.read_exact(&mut octets).map_err(|error| self.broken(error))?;
        Ok(octets)
    }

    fn broken(&self, error: io::Error) -> Error {
        let why = match error.kind() {
            io::ErrorKind::UnexpectedEof => "closed the connection".to_owned(),
            _ => format!("failed: {}", reason(&error)),
        };
        self.failed(&why).with_source(error)
    }

    fn failed(&self, what: &str) -> Error {
        Error::new(ErrorKind::Unavailable, format!("the proxy {} {what}", self.proxy))
    }

    fn refused_target(&self, target: &Address, why: &str) -> Error {
        self.failed(&format!("did not connect to {target}: {why}"))
    }
}

/// RFC 1928 §6
fn socks5_reply(reply: u8) -> &'static str {
    match reply {
        1 => "general failure",
        2 => "not allowed by its rules",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "time to live expired",
        7 => "it knows no CONNECT",
        8 => "it knows no such kind of address",
        _ => "for a reason of its own",
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
        None => Err(refused("its port is no number from 1 to 65535")),
    }
}

/// RFC 3986 §2.1. Control characters are refused, however they are written.
fn percent_decode(text: &str) -> Result<Secret, Error> {
    let mut decoded = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut octets = text.bytes();
    while let Some(octet) = octets.next() {
        let octet = if octet == b'%' {
            let digit = |octet: Option<u8>| octet.and_then(|octet| char::from(octet).to_digit(16));
            match (digit(octets.next()), digit(octets.next())) {
                (Some(high), Some(low)) => u8::try_from(high * 16 + low).unwrap_or_default(),
                _ => {
                    return Err(refused(
                        "a % in its user or password is followed by no two hexadecimal digits",
                    ));
                }
            }
        } else {
            octet
        };
        if octet.is_ascii_control() {
            return Err(refused("its user or password contains a control character"));
        }
        decoded.push(octet);
    }
    Ok(Secret::from(std::mem::take(&mut *decoded)))
}

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::Argument, format!("not a proxy: {why}"))
}

const FORM: &str = "one is written socks5://host:port or http://host:port";

/// How the answer to a `CONNECT` begins.
const HTTP: &[u8] = b"HTTP/1.";

/// What common HTTP servers take as a whole head, too.
const MAX_HEAD: usize = 8 * 1024;
