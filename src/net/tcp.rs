//! A TCP connection that never waits longer than it may.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The longest silence: of resolving, of connecting, of each single read or write.
    pub timeout: Duration,
    /// When the whole session must be over, if ever.
    pub deadline: Option<Instant>,
}

impl Default for Limits {
    /// A timeout of 60 s, no deadline.
    fn default() -> Self {
        Self { timeout: Duration::from_secs(60), deadline: None }
    }
}

impl Limits {
    /// How long the next wait may be; zero once the deadline has passed.
    #[must_use]
    pub fn left(&self) -> Duration {
        let timeout = self.timeout.min(LONGEST_WAIT);
        match self.deadline {
            Some(deadline) => timeout.min(deadline.saturating_duration_since(Instant::now())),
            None => timeout,
        }
    }

    /// When a wait that now ended in vain ended: `after 60 s`, `before the deadline`.
    pub(super) fn ended(&self) -> String {
        if self.left() <= SLACK && self.timeout > SLACK {
            return "before the deadline".into();
        }
        format!("after {} s", self.timeout.as_secs_f64())
    }
}

/// A TCP connection whose every read and write keeps the [`Limits`].
///
/// A wait that takes too long is [`io::ErrorKind::TimedOut`] on every platform, with a text that says how long it was.
pub struct Tcp {
    stream: TcpStream,
    peer: SocketAddr,
    limits: Limits,
    /// What the socket has been told, so that it is told again only when that changes.
    read_limit: Option<Duration>,
    write_limit: Option<Duration>,
    send_buffer: usize,
}

impl Tcp {
    /// Takes a connected socket: `TCP_NODELAY`, keepalive, and a send buffer that has room for a large window of
    /// commands.
    pub fn new(stream: TcpStream, limits: Limits) -> io::Result<Self> {
        let peer = stream.peer_addr()?;
        stream.set_nonblocking(false)?;
        let socket = SockRef::from(&stream);
        socket.set_tcp_nodelay(true)?;
        // Both are wishes: a system that refuses them still carries mail.
        let _ = socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE));
        if usable_octets(socket.send_buffer_size()?) < SEND_BUFFER {
            let _ = socket.set_send_buffer_size(SEND_BUFFER);
        }
        let send_buffer = usable_octets(socket.send_buffer_size()?);
        Ok(Self { stream, peer, limits, read_limit: None, write_limit: None, send_buffer })
    }

    /// The address at the other end: the server's, or the proxy's.
    #[must_use]
    pub fn peer_addr(&self) -> SocketAddr {
        self.peer
    }

    /// How many octets the send buffer (`SO_SNDBUF`) takes before a write has to wait for the other end.
    #[must_use]
    pub fn send_buffer(&self) -> usize {
        self.send_buffer
    }

    /// How long things may take, as it is now.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Changes how long things may take from the next read or write on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    fn time_for(&self, limit: Option<Duration>, what: &str) -> io::Result<Option<Duration>> {
        let left = self.limits.left();
        if left.is_zero() {
            return Err(self.timed_out(what));
        }
        Ok(limit.is_none_or(|limit| limit.abs_diff(left) > SLACK).then_some(left))
    }

    fn timed_out(&self, what: &str) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, format!("{what} {}", self.limits.ended()))
    }
}

impl Read for Tcp {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(limit) = self.time_for(self.read_limit, UNREAD)? {
                self.stream.set_read_timeout(Some(limit))?;
                self.read_limit = Some(limit);
            }
            match self.stream.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_time_out(&error) => return Err(self.timed_out(UNREAD)),
                result => return result,
            }
        }
    }
}

impl Write for Tcp {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        loop {
            if let Some(limit) = self.time_for(self.write_limit, UNWRITTEN)? {
                self.stream.set_write_timeout(Some(limit))?;
                self.write_limit = Some(limit);
            }
            match self.stream.write(octets) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_time_out(&error) => return Err(self.timed_out(UNWRITTEN)),
                result => return result,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Tcp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tcp({})", self.peer)
    }
}

/// An over-long wait is `WouldBlock` on Unix and `TimedOut` on Windows.
fn is_time_out(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Linux reports twice what was set, the half of it for its own bookkeeping (socket(7)).
fn usable_octets(reported: usize) -> usize {
    if cfg!(any(target_os = "linux", target_os = "android")) { reported / 2 } else { reported }
}

const UNREAD: &str = "no answer";
const UNWRITTEN: &str = "nothing could be sent";

/// Wanted room for commands: at 100 ms a round trip the window is the speed, and 256 KiB hold ten thousand `DELE`.
const SEND_BUFFER: usize = 256 * 1024;

/// A NAT forgets an idle connection after some minutes.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// How exact a limit is kept that a deadline shortens: telling the socket anew before each read costs more.
const SLACK: Duration = Duration::from_millis(10);

/// The most milliseconds that all of the systems' calls can take as a limit are those of 24 days.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn pair(limits: Limits) -> (Tcp, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (Tcp::new(stream, limits).unwrap(), listener.accept().unwrap().0)
    }

    fn limits(timeout: u64, deadline: Option<u64>) -> Limits {
        let deadline = deadline.map(|deadline| Instant::now() + Duration::from_millis(deadline));
        Limits { timeout: Duration::from_millis(timeout), deadline }
    }

    #[test]
    fn silence_times_out_and_says_after_how_long() {
        let (mut tcp, _server) = pair(limits(200, None));
        let error = tcp.read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(error.to_string(), "no answer after 0.2 s");
    }

    #[test]
    fn a_full_send_buffer_times_out() {
        let (mut tcp, _server) = pair(limits(200, None));
        let octets = vec![b'x'; 1 << 20];
        let error = (0..1000).find_map(|_| tcp.write(&octets).err()).unwrap();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(error.to_string(), "nothing could be sent after 0.2 s");
    }

    #[test]
    fn a_dripping_server_ends_at_the_deadline() {
        let (mut tcp, mut server) = pair(limits(60_000, Some(300)));
        let begun = Instant::now();
        std::thread::spawn(move || {
            while server.write_all(b".").is_ok() {
                std::thread::sleep(SLACK);
            }
        });
        let error = (0..1_000_000).find_map(|_| tcp.read(&mut [0; 8]).err()).unwrap();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(error.to_string(), "no answer before the deadline");
        assert!(begun.elapsed() >= Duration::from_millis(250));
        assert!(begun.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn the_send_buffer_takes_what_it_promises() {
        let (mut tcp, _server) = pair(limits(30_000, None));
        assert!(tcp.send_buffer() >= 2048);
        let octets = vec![b'x'; tcp.send_buffer()];
        tcp.write_all(&octets).unwrap();
    }

    #[test]
    fn limits_can_be_changed() {
        let (mut tcp, _server) = pair(limits(60_000, None));
        tcp.set_limits(limits(100, None));
        assert_eq!(tcp.read(&mut [0; 8]).unwrap_err().to_string(), "no answer after 0.1 s");
    }
}
