//! Resolves a host and connects to the first of its addresses that answers (RFC 8305).

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use super::Note;
use super::address::{Address, Family, Host};
use super::io_error::reason;
use super::tcp::{Limits, Tcp};
use crate::{Error, ErrorKind};

/// Connects to the first address of a host that answers, without a proxy.
pub(super) fn to_address(
    address: &Address,
    family: Family,
    bind: Option<IpAddr>,
    limits: Limits,
    note: &mut Note<'_>,
) -> Result<Tcp, Error> {
    let addresses = match address.host() {
        Host::Ip(ip) => vec![SocketAddr::new(*ip, address.port())],
        Host::Name(name) => resolve(name, address.port(), family, limits, note)?,
    };
    let stream = race(address, interleave(addresses), bind, limits, note)?;
    let tcp = Tcp::new(stream, limits).map_err(|error| {
        unavailable(format!("no connection to {address}: {}", reason(&error))).with_source(error)
    })?;
    note(&format!("connected to {}", tcp.peer_addr()));
    Ok(tcp)
}

fn resolve(
    name: &str,
    port: u16,
    family: Family,
    limits: Limits,
    note: &mut Note<'_>,
) -> Result<Vec<SocketAddr>, Error> {
    if is_loopback_name(name) {
        let loopback = [IpAddr::V6(Ipv6Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::LOCALHOST)];
        let admitted = loopback.into_iter().filter(|&ip| family.admits(ip));
        return Ok(admitted.map(|ip| SocketAddr::new(ip, port)).collect());
    }
    note(&format!("resolving {name}"));
    let addresses = match look_up(name.to_owned(), port, limits.remaining()) {
        Some(Ok(addresses)) => addresses,
        Some(Err(error)) => {
            let text = format!("{name} does not resolve: {}", reason(&error));
            return Err(Error::new(ErrorKind::Host, text).with_source(error));
        }
        None => return Err(unavailable(format!("{name} was not resolved {}", limits.ended()))),
    };
    note(&format!("{name} is {}", list(&addresses)));
    let admitted: Vec<_> = addresses.into_iter().filter(|address| family.admits(address.ip())).collect();
    if admitted.is_empty() {
        return Err(Error::new(ErrorKind::Host, format!("{name} has no {family} address")));
    }
    Ok(admitted)
}

/// Returns true for names that always mean loopback and are not looked up in DNS (RFC 6761 §6.3).
fn is_loopback_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name == "localhost" || name.ends_with(".localhost")
}

/// Resolves a name in a thread, since `getaddrinfo` has no time limit. After `wait` the thread is abandoned (`None`).
fn look_up(name: String, port: u16, wait: Duration) -> Option<io::Result<Vec<SocketAddr>>> {
    let (sender, receiver) = mpsc::channel();
    let look_up = move || {
        let _ = sender.send((name.as_str(), port).to_socket_addrs().map(Iterator::collect));
    };
    if let Err(error) = thread::Builder::new().name("resolve".into()).spawn(look_up) {
        return Some(Err(error));
    }
    receiver.recv_timeout(wait).ok()
}

/// Keeps the resolver's order (RFC 6724), but alternates the families (RFC 8305 §4) and removes duplicates.
fn interleave(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut first, mut second): (VecDeque<_>, VecDeque<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let mut order = VecDeque::new();
    while !first.is_empty() || !second.is_empty() {
        for address in [first.pop_front(), second.pop_front()].into_iter().flatten() {
            if !order.contains(&address) {
                order.push_back(address);
            }
        }
    }
    order
}

type Attempt = (SocketAddr, io::Result<TcpStream>);

/// Tries the addresses in parallel. Each attempt has a head start before the next one, which begins at once if an
/// attempt fails.
fn race(
    target: &Address,
    mut waiting: VecDeque<SocketAddr>,
    bind: Option<IpAddr>,
    limits: Limits,
    note: &mut Note<'_>,
) -> Result<TcpStream, Error> {
    let (sender, receiver) = mpsc::channel();
    let begun = Instant::now();
    let limit = limits.remaining();
    let head_start = HEAD_START.min(limit / u32::try_from(waiting.len() + 1).unwrap_or(u32::MAX));
    let mut failures = Vec::new();
    let mut running = 0_usize;
    let mut next_start = Duration::ZERO;
    loop {
        let now = begun.elapsed();
        if now >= limit {
            let text = format!("no connection to {target} {}", limits.ended());
            return Err(unavailable(with_failures(text, "; ", target, &failures)));
        }
        if now >= next_start
            && let Some(address) = waiting.pop_front()
        {
            note(&match bind {
                Some(bind) => format!("connecting to {address} from {bind}"),
                None => format!("connecting to {address}"),
            });
            attempt(address, bind, limit.saturating_sub(now) + GRACE, &sender);
            running += 1;
            next_start = now + head_start;
        }
        if running == 0 {
            return Err(unavailable(with_failures(
                format!("no connection to {target}"),
                ": ",
                target,
                &failures,
            )));
        }
        let until = if waiting.is_empty() { limit } else { limit.min(next_start) };
        match receiver.recv_timeout(until.saturating_sub(now)) {
            Ok((_, Ok(stream))) => return Ok(stream),
            Ok((address, Err(error))) => {
                note(&format!("no connection to {address}: {}", reason(&error)));
                failures.push((address, error));
                running -= 1;
                next_start = now;
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
}

/// Connects in a thread. Losing attempts find the channel closed and drop their socket.
fn attempt(address: SocketAddr, bind: Option<IpAddr>, wait: Duration, sender: &Sender<Attempt>) {
    let result = sender.clone();
    let connect = move || {
        let connected = match bind {
            None => TcpStream::connect_timeout(&address, wait),
            Some(bind) => bound(SocketAddr::new(bind, 0)).and_then(|socket| {
                socket.connect_timeout(&address.into(), wait)?;
                Ok(socket.into())
            }),
        };
        let _ = result.send((address, connected));
    };
    if let Err(error) = thread::Builder::new().name("connect".into()).spawn(connect) {
        let _ = sender.send((address, Err(error)));
    }
}

/// Returns a TCP socket that is bound to a local address.
pub(super) fn bound(local: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(local), Type::STREAM, Some(Protocol::TCP))?;
    socket.bind(&local.into())?;
    Ok(socket)
}

/// `no connection to pop.example.org:110: [2001:db8::1]:110: network unreachable; 192.0.2.1:110: connection refused`
fn with_failures(mut text: String, mut joint: &str, target: &Address, failures: &[Attempted]) -> String {
    for (address, error) in failures.iter().take(MAX_FAILURES) {
        text.push_str(joint);
        if !matches!(target.host(), Host::Ip(_)) {
            let _ = write!(text, "{address}: ");
        }
        text.push_str(&reason(error));
        joint = "; ";
    }
    if failures.len() > MAX_FAILURES {
        let _ = write!(text, "; and {} more", failures.len() - MAX_FAILURES);
    }
    text
}

type Attempted = (SocketAddr, io::Error);

fn list(addresses: &[SocketAddr]) -> String {
    let mut shown: Vec<IpAddr> = Vec::new();
    for address in addresses {
        if !shown.contains(&address.ip()) {
            shown.push(address.ip());
        }
    }
    shown.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ")
}

fn unavailable(text: String) -> Error {
    Error::new(ErrorKind::Unavailable, text)
}

/// The delay before the next address is tried in parallel (RFC 8305 §5). It is shorter if the time limit would
/// otherwise leave an address untried.
const HEAD_START: Duration = Duration::from_millis(250);

/// The time limit of an attempt is longer than that of the race by this much, so that the race reports the timeout.
const GRACE: Duration = Duration::from_secs(1);

/// The maximum number of failed addresses that an error lists.
const MAX_FAILURES: usize = 6;

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn limits(milliseconds: u64) -> Limits {
        Limits { timeout: Duration::from_millis(milliseconds), deadline: None }
    }

    fn closed_port() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    }

    fn named(name: &str, port: u16) -> Address {
        Address::parse(name, port).unwrap()
    }

    /// Returns a listener with a full queue, which does not answer connection attempts.
    #[cfg(target_os = "linux")]
    fn black_hole() -> (SocketAddr, impl Drop) {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        socket.listen(0).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let mut held = vec![TcpListener::from(socket).into()];
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
            held.push(std::os::fd::OwnedFd::from(stream));
        }
        (address, held.into_iter())
    }

    #[test]
    fn a_literal_address_is_connected_to() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut notes = Vec::new();
        let target = named("127.0.0.1", address.port());
        let tcp =
            to_address(&target, Family::V4, None, limits(30_000), &mut |note| notes.push(note.to_owned()))
                .unwrap();
        assert_eq!(tcp.peer_addr(), address);
        assert_eq!(notes, [format!("connecting to {address}"), format!("connected to {address}")]);
    }

    #[test]
    fn a_refused_connection_says_so() {
        let closed = closed_port();
        let error =
            to_address(&named("127.0.0.1", closed.port()), Family::Any, None, limits(30_000), &mut |_| {})
                .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(error.message(), format!("no connection to {closed}: connection refused"));
    }

    #[test]
    fn localhost_is_resolved_without_dns() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = named("localhost", listener.local_addr().unwrap().port());
        let mut notes = Vec::new();
        let tcp =
            to_address(&target, Family::V4, None, limits(30_000), &mut |note| notes.push(note.to_owned()))
                .unwrap();
        assert_eq!(tcp.peer_addr(), listener.local_addr().unwrap());
        assert!(notes[0].starts_with("connecting to 127.0.0.1:"), "{notes:?}");
        for (name, loopback) in [
            ("localhost", true),
            ("localhost.", true),
            ("a.localhost", true),
            ("xlocalhost", false),
            ("localhost.example.org", false),
        ] {
            assert_eq!(is_loopback_name(name), loopback, "{name}");
        }
    }

    #[test]
    fn a_name_without_an_address_is_an_unknown_host() {
        let error =
            to_address(&named("nosuch.invalid", 110), Family::Any, None, limits(300_000), &mut |_| {})
                .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Host);
        assert!(error.message().starts_with("nosuch.invalid does not resolve: "), "{error}");
    }

    #[test]
    fn nothing_is_connected_to_after_the_deadline() {
        let over = Limits { timeout: Duration::from_secs(60), deadline: Some(Instant::now()) };
        let error = to_address(&named("127.0.0.1", 110), Family::Any, None, over, &mut |_| {}).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(error.message(), "no connection to 127.0.0.1:110 before the deadline");
    }

    #[test]
    fn the_error_lists_all_failed_addresses() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        let (first, second) = (closed_port(), closed_port());
        let target = named("example.org", 110);

        let stream = race(&target, [first, second, open].into(), None, limits(30_000), &mut |_| {}).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), open);

        let error = race(&target, [first, second].into(), None, limits(30_000), &mut |_| {}).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let text = error.message();
        assert!(text.starts_with("no connection to example.org:110: "), "{text}");
        for address in [first, second] {
            assert!(text.contains(&format!("{address}: connection refused")), "{text}");
        }

        let error = race(&target, (0..9).map(|_| closed_port()).collect(), None, limits(30_000), &mut |_| {})
            .unwrap_err();
        assert!(error.message().ends_with("; and 3 more"), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_silent_address_only_delays_the_next_one() {
        let (silent, _held) = black_hole();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        let begun = Instant::now();
        let stream =
            race(&named("example.org", 110), [silent, open].into(), None, limits(60_000), &mut |_| {})
                .unwrap();
        assert_eq!(stream.peer_addr().unwrap(), open);
        assert!(begun.elapsed() >= HEAD_START);
        assert!(begun.elapsed() < Duration::from_secs(30));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_silent_address_times_out() {
        let (silent, _held) = black_hole();
        let error =
            to_address(&named("127.0.0.1", silent.port()), Family::Any, None, limits(200), &mut |_| {})
                .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(error.message(), format!("no connection to {silent} after 0.2 s"));
    }

    #[test]
    fn families_alternate_in_the_resolvers_order() {
        let read = |list: &str| {
            list.split_whitespace().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>()
        };
        let mixed = read("[::1]:1 [::2]:1 [::2]:1 [::3]:1 127.0.0.1:1 127.0.0.2:1");
        assert_eq!(interleave(mixed), read("[::1]:1 127.0.0.1:1 [::2]:1 127.0.0.2:1 [::3]:1"));
        let v4_first = read("127.0.0.1:1 [::1]:1 127.0.0.2:1");
        assert_eq!(interleave(v4_first), read("127.0.0.1:1 [::1]:1 127.0.0.2:1"));
    }
}
