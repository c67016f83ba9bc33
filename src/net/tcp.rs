//! A TCP connection with a time limit on every wait.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};

/// The time limits of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The time limit of resolving, of connecting, and of each read or write.
    pub timeout: Duration,
    /// The time at which the whole session must have ended, if there is a limit.
    pub deadline: Option<Instant>,
}

impl Default for Limits {
    /// Returns limits with a timeout of 60 s and no deadline.
    fn default() -> Self {
        Self { timeout: Duration::from_secs(60), deadline: None }
    }
}

impl Limits {
    /// Returns the time limit of the next wait, which is zero once the deadline has passed.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        let timeout = self.timeout.min(MAX_WAIT);
        match self.deadline {
            Some(deadline) => timeout.min(deadline.saturating_duration_since(Instant::now())),
            None => timeout,
        }
    }

    /// Describes the limit that ended the last wait: `after 60 s`, `before the deadline`.
    pub(super) fn ended(&self) -> String {
        if self.is_over() {
            return "before the deadline".into();
        }
        format!("after {} s", self.timeout.as_secs_f64())
    }

    /// Returns true if the deadline, and not the timeout, ended the last wait.
    fn is_over(&self) -> bool {
        self.remaining() <= SLACK && self.timeout > SLACK
    }
}

/// A TCP connection whose reads and writes obey [`Limits`].
///
/// A wait that exceeds a limit fails with [`io::ErrorKind::TimedOut`] on every platform. The message says which limit
/// was exceeded.
pub struct Tcp {
    stream: TcpStream,
    peer: SocketAddr,
    limits: Limits,
    /// The timeout that is set on the socket, so that a system call is only made when the timeout changes.
    read_limit: Option<Duration>,
    write_limit: Option<Duration>,
    send_buffer: usize,
}

impl Tcp {
    /// Sets up a connected socket: `TCP_NODELAY`, keepalive, and a send buffer for a large window of commands.
    ///
    /// # Errors
    ///
    /// Returns the error of a failed system call.
    pub fn new(stream: TcpStream, limits: Limits) -> io::Result<Self> {
        let peer = stream.peer_addr()?;
        stream.set_nonblocking(false)?;
        let socket = SockRef::from(&stream);
        socket.set_tcp_nodelay(true)?;
        // Errors are ignored because the connection works without keepalive and a larger buffer.
        let _ = socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE));
        if usable_octets(socket.send_buffer_size()?) < SEND_BUFFER {
            let _ = socket.set_send_buffer_size(SEND_BUFFER);
        }
        let send_buffer = usable_octets(socket.send_buffer_size()?);
        Ok(Self { stream, peer, limits, read_limit: None, write_limit: None, send_buffer })
    }

    /// Returns the address of the server, or of the proxy.
    #[must_use]
    pub fn peer_addr(&self) -> SocketAddr {
        self.peer
    }

    /// Returns the size in bytes of the send buffer (`SO_SNDBUF`). A write of at most this size to an empty buffer
    /// does not wait for the peer.
    #[must_use]
    pub fn send_buffer(&self) -> usize {
        self.send_buffer
    }

    /// Returns the current limits.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Sets the limits of the reads and writes that follow.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Returns the timeout to set on the socket, or `None` if it is already set.
    fn new_limit(&self, current: Option<Duration>, write: bool) -> io::Result<Option<Duration>> {
        let remaining = self.limits.remaining();
        if remaining.is_zero() {
            return Err(self.timed_out(write));
        }
        Ok(current.is_none_or(|limit| limit.abs_diff(remaining) > SLACK).then_some(remaining))
    }

    fn timed_out(&self, write: bool) -> io::Error {
        let timeout = (!self.limits.is_over()).then_some(self.limits.timeout);
        io::Error::new(io::ErrorKind::TimedOut, TimedOut { write, timeout })
    }
}

impl Read for Tcp {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(limit) = self.new_limit(self.read_limit, false)? {
                self.stream.set_read_timeout(Some(limit))?;
                self.read_limit = Some(limit);
            }
            match self.stream.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_time_out(&error) => return Err(self.timed_out(false)),
                result => return result,
            }
        }
    }
}

impl Write for Tcp {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            if let Some(limit) = self.new_limit(self.write_limit, true)? {
                self.stream.set_write_timeout(Some(limit))?;
                self.write_limit = Some(limit);
            }
            match self.stream.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_time_out(&error) => return Err(self.timed_out(true)),
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

/// The error of a read or write that exceeded a limit.
#[derive(Debug)]
pub(super) struct TimedOut {
    pub(super) write: bool,
    /// `None` if the deadline passed.
    timeout: Option<Duration>,
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.write { "write timed out" } else { "timed out" };
        match self.timeout {
            Some(timeout) => write!(f, "{what} after {} s", timeout.as_secs_f64()),
            None => write!(f, "{what} at the deadline"),
        }
    }
}

impl std::error::Error for TimedOut {}

/// The socket reports a timeout as `WouldBlock` on Unix and as `TimedOut` on Windows.
fn is_time_out(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Linux reports twice the size that was set: half of it is for its own bookkeeping (socket(7)).
fn usable_octets(reported: usize) -> usize {
    if cfg!(any(target_os = "linux", target_os = "android")) { reported / 2 } else { reported }
}

/// The requested size of the send buffer. It bounds the window of pipelined commands, which limits the speed at round
/// trips of 100 ms; 256 KiB hold ten thousand `DELE`.
const SEND_BUFFER: usize = 256 * 1024;

/// The idle time before keepalive probes: NAT devices drop connections that are idle for some minutes.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// The tolerance of a timeout that the deadline shortens, since updating it before every read would cost a system
/// call each time.
const SLACK: Duration = Duration::from_millis(10);

/// Some systems store a timeout as a signed 32-bit number of milliseconds, at most 24 days.
const MAX_WAIT: Duration = Duration::from_secs(24 * 24 * 60 * 60);

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
    fn a_timeout_error_has_the_limit() {
        let (mut tcp, _server) = pair(limits(200, None));
        let error = tcp.read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(error.to_string(), "timed out after 0.2 s");
    }

    #[test]
    fn a_full_send_buffer_times_out() {
        let (mut tcp, _server) = pair(limits(200, None));
        let bytes = vec![b'x'; 1 << 20];
        let error = (0..1000).find_map(|_| tcp.write(&bytes).err()).unwrap();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(error.to_string(), "write timed out after 0.2 s");
    }

    #[test]
    fn the_deadline_ends_a_slow_transfer() {
        let (mut tcp, mut server) = pair(limits(60_000, Some(300)));
        let begun = Instant::now();
        std::thread::spawn(move || {
            while server.write_all(b".").is_ok() {
                std::thread::sleep(SLACK);
            }
        });
        let error = (0..1_000_000).find_map(|_| tcp.read(&mut [0; 8]).err()).unwrap();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(error.to_string(), "timed out at the deadline");
        assert!(begun.elapsed() >= Duration::from_millis(250));
        assert!(begun.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_write_of_the_send_buffer_size_does_not_block() {
        let (mut tcp, _server) = pair(limits(30_000, None));
        assert!(tcp.send_buffer() >= 2048);
        let bytes = vec![b'x'; tcp.send_buffer()];
        tcp.write_all(&bytes).unwrap();
    }

    #[test]
    fn limits_can_be_changed() {
        let (mut tcp, _server) = pair(limits(60_000, None));
        tcp.set_limits(limits(100, None));
        assert_eq!(tcp.read(&mut [0; 8]).unwrap_err().to_string(), "timed out after 0.1 s");
    }
}
