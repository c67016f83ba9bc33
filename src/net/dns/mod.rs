//! Queries for SRV records (RFC 2782) to the name servers of the system.
//!
//! The resolver of the C library only returns addresses, so the queries are sent directly to its name servers: over
//! UDP, and over TCP if an answer is truncated. DNSSEC is not validated, so an answer is a hint and not a proof.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::str::FromStr;
use std::time::{Duration, Instant};

use domain::base::iana::Rcode;
use domain::base::{Message, MessageBuilder, Name, Rtype};
use domain::rdata::Srv;

use super::address::Host;
use super::io_error::reason;
use super::tcp::{Limits, Tcp};
use crate::{Error, ErrorKind};

/// The name servers to query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameServers {
    addresses: Vec<SocketAddr>,
    /// The time limit of one query to one server.
    timeout: Duration,
    /// The number of rounds over all servers.
    attempts: u32,
}

/// The answer to a query for SRV records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SrvAnswer {
    /// The servers of the service: lowest priority first, and highest weight first among equals.
    Servers(Vec<SrvRecord>),
    /// `SRV 0 0 0 .`: the domain declares that it has no such service (RFC 2782).
    NotOffered,
    /// The domain has no SRV record for the service.
    None,
}

/// A server of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SrvRecord {
    /// Servers with a lower priority are tried first.
    pub priority: u16,
    /// The share of clients that should use the server, relative to servers of the same priority.
    pub weight: u16,
    /// The TCP port, never 0.
    pub port: u16,
    /// The server: a valid host name without a trailing dot.
    pub target: Host,
}

impl NameServers {
    /// Returns name servers at these addresses, with the defaults of resolv.conf(5): two attempts of five seconds
    /// each.
    #[must_use]
    pub fn new(addresses: Vec<SocketAddr>) -> Self {
        Self { addresses, timeout: TIMEOUT, attempts: ATTEMPTS }
    }

    /// Returns the name servers of `/etc/resolv.conf`, or the name server on this machine if there is no such file
    /// (resolv.conf(5)).
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Unsupported`] on systems that configure name servers elsewhere (Windows), and
    /// [`ErrorKind::Unavailable`] if the file cannot be read.
    #[cfg(unix)]
    pub fn of_system() -> Result<Self, Error> {
        match std::fs::read(RESOLV_CONF) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::parse(b"")),
            Err(error) => Err(unavailable(format!("{RESOLV_CONF} cannot be read: {}", reason(&error)))),
        }
    }

    /// Always fails, because this system does not list its name servers in a file.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Unsupported`].
    #[cfg(not(unix))]
    pub fn of_system() -> Result<Self, Error> {
        Err(Error::new(ErrorKind::Unsupported, "the name servers of this system are not known"))
    }

    /// Parses a `resolv.conf`. Malformed lines are ignored, as by the C library.
    #[cfg(unix)]
    fn parse(text: &[u8]) -> Self {
        use std::net::ToSocketAddrs as _;
        let (mut config, _) = resolv_conf::Config::parse_with_errors(text);
        config.glibc_normalize();
        let addresses = config
            .get_nameservers_or_local()
            .iter()
            // `to_socket_addrs` parses the zone of a link-local address (`fe80::1%eth0`).
            .filter_map(|address| (address.to_string().as_str(), PORT).to_socket_addrs().ok()?.next())
            .collect();
        Self {
            addresses,
            timeout: Duration::from_secs(config.timeout.into()).clamp(MIN_TIMEOUT, MAX_TIMEOUT),
            attempts: config.attempts.clamp(1, MAX_ATTEMPTS),
        }
    }

    /// Queries the SRV records of a name (`_pop3s._tcp.example.org`), within [`Limits::timeout`] in total.
    ///
    /// Records with an invalid target or the port 0 are omitted.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Argument`] if the name is not valid in DNS, and [`ErrorKind::Unavailable`] if no name
    /// server answers.
    pub fn srv(&self, name: &str, limits: Limits) -> Result<SrvAnswer, Error> {
        let query = Query::new(name)?;
        let end = Instant::now() + limits.remaining();
        let mut failure = "no name server is known".to_owned();
        for _ in 0..self.attempts {
            for server in &self.addresses {
                let wait = self.timeout.min(end.saturating_duration_since(Instant::now()));
                if wait.is_zero() {
                    return Err(unavailable(format!("{name} was not resolved {}", limits.ended())));
                }
                match query.ask(*server, wait) {
                    Ok(answer) => return Ok(answer),
                    Err(why) => failure = format!("{}: {why}", server.ip()),
                }
            }
        }
        Err(unavailable(format!("{name} was not resolved: {failure}")))
    }
}

/// A query with its identifier.
struct Query {
    bytes: Vec<u8>,
}

impl Query {
    fn new(name: &str) -> Result<Self, Error> {
        let refused = || Error::new(ErrorKind::Argument, "the domain is too long for a query");
        let name = Name::<Vec<u8>>::from_str(name).map_err(|_| refused())?;
        let mut builder = MessageBuilder::new_vec();
        builder.header_mut().set_id(identifier()?);
        builder.header_mut().set_rd(true);
        let mut builder = builder.question();
        builder.push((name, Rtype::SRV)).map_err(|_| refused())?;
        Ok(Self { bytes: builder.finish() })
    }

    fn ask(&self, server: SocketAddr, wait: Duration) -> Result<SrvAnswer, String> {
        let end = Instant::now() + wait;
        let answer = self.over_udp(server, end).map_err(|error| reason(&error))?;
        let truncated = Message::from_slice(&answer).is_ok_and(|answer| answer.header().tc());
        let answer =
            if truncated { self.over_tcp(server, end).map_err(|error| reason(&error))? } else { answer };
        read(&answer)
    }

    fn over_udp(&self, server: SocketAddr, end: Instant) -> io::Result<Vec<u8>> {
        let any: IpAddr =
            if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((any, 0))?;
        // A connected socket only receives data from this server, and reports a closed port as an error.
        socket.connect(server)?;
        socket.send(&self.bytes)?;
        let mut buffer = vec![0; MAX_UDP];
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "timed out"));
            }
            socket.set_read_timeout(Some(left))?;
            match socket.recv(&mut buffer) {
                Ok(length) if self.is_answered_by(&buffer[..length]) => {
                    buffer.truncate(length);
                    return Ok(buffer);
                }
                // The answer belongs to another query, or is forged.
                Ok(_) => {}
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                    ) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// RFC 1035 §4.2.2: a two-byte length precedes the message.
    fn over_tcp(&self, server: SocketAddr, end: Instant) -> io::Result<Vec<u8>> {
        let left = || end.saturating_duration_since(Instant::now()).max(MIN_WAIT);
        let stream = TcpStream::connect_timeout(&server, left())?;
        let mut tcp = Tcp::new(stream, Limits { timeout: left(), deadline: Some(end) })?;
        let length = u16::try_from(self.bytes.len()).unwrap_or(u16::MAX);
        tcp.write_all(&[&length.to_be_bytes(), &self.bytes[..]].concat())?;
        let mut length = [0; 2];
        tcp.read_exact(&mut length)?;
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        tcp.read_exact(&mut answer)?;
        if self.is_answered_by(&answer) {
            return Ok(answer);
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "the answer belongs to another query"))
    }

    fn is_answered_by(&self, bytes: &[u8]) -> bool {
        match (Message::from_slice(bytes), Message::from_slice(&self.bytes)) {
            (Ok(answer), Ok(query)) => answer.is_answer(query),
            _ => false,
        }
    }
}

/// Parses the records of an answer for the queried name, or for the target of its CNAME records.
fn read(bytes: &[u8]) -> Result<SrvAnswer, String> {
    let malformed = || "malformed answer".to_owned();
    let message = Message::from_slice(bytes).map_err(|_| malformed())?;
    match message.header().rcode() {
        Rcode::NOERROR => {}
        Rcode::NXDOMAIN => return Ok(SrvAnswer::None),
        code => return Err(format!("the name server answers {code}")),
    }
    let owner = message.canonical_name().ok_or_else(malformed)?;
    let mut servers = Vec::new();
    let mut not_offered = false;
    for record in message.answer().map_err(|_| malformed())?.limit_to_in::<Srv<_>>() {
        let record = record.map_err(|_| malformed())?;
        if *record.owner() != owner {
            continue;
        }
        let (priority, weight) = (record.data().priority(), record.data().weight());
        let port = record.data().port();
        let target = record.data().target().to_string();
        let target = target.trim_end_matches('.');
        // The name of the root is empty: the service is not offered (RFC 2782).
        if target.is_empty() {
            not_offered = true;
            continue;
        }
        let host = Host::parse(target);
        if let (Ok(target @ Host::Name(_)), true) = (host, port != 0) {
            servers.push(SrvRecord { priority, weight, port, target });
        }
    }
    servers.sort_by_key(|server| (server.priority, u16::MAX - server.weight));
    Ok(match (servers.is_empty(), not_offered) {
        (false, _) => SrvAnswer::Servers(servers),
        (true, true) => SrvAnswer::NotOffered,
        (true, false) => SrvAnswer::None,
    })
}

/// Returns a random identifier, without which an attacker could forge answers blindly (RFC 5452 §4.3).
fn identifier() -> Result<u16, Error> {
    let mut bytes = [0; 2];
    getrandom::fill(&mut bytes)
        .map_err(|error| unavailable(format!("no random numbers from the operating system: {error}")))?;
    Ok(u16::from_be_bytes(bytes))
}

fn unavailable(text: String) -> Error {
    Error::new(ErrorKind::Unavailable, text)
}

#[cfg(unix)]
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// RFC 1035 §4.2.1.
#[cfg(unix)]
const PORT: u16 = 53;

/// The defaults and bounds of resolv.conf(5).
const TIMEOUT: Duration = Duration::from_secs(5);
const ATTEMPTS: u32 = 2;
#[cfg(unix)]
const MIN_TIMEOUT: Duration = Duration::from_secs(1);
#[cfg(unix)]
const MAX_TIMEOUT: Duration = Duration::from_secs(30);
#[cfg(unix)]
const MAX_ATTEMPTS: u32 = 5;

/// `TcpStream::connect_timeout` refuses zero.
const MIN_WAIT: Duration = Duration::from_millis(1);

/// The size of the receive buffer. RFC 1035 §4.2.1 allows 512 octets without EDNS,
/// but some servers send more.
const MAX_UDP: usize = 4096;

#[cfg(test)]
mod tests;
