//! A server of a few lines: what it does with a connection is a closure of the test.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Longer than any client is silent here; a server whose client hangs must end, too.
const LONGEST_SILENCE: Duration = Duration::from_secs(20);

pub(crate) struct Service {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    connections: AtomicUsize,
    heard: Mutex<Vec<u8>>,
    stopped: AtomicBool,
}

impl Service {
    /// On a free port of 127.0.0.1; each connection in a thread of its own.
    pub(crate) fn start(serve: impl Fn(Peer) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("bound");
        let shared = Arc::new(Shared::default());
        let serve = Arc::new(serve);
        let accepting = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                for stream in listener.incoming() {
                    if shared.stopped.load(SeqCst) {
                        return;
                    }
                    let Ok(stream) = stream else { continue };
                    shared.connections.fetch_add(1, SeqCst);
                    let _ = stream.set_nodelay(true);
                    let _ = stream.set_read_timeout(Some(LONGEST_SILENCE));
                    let _ = stream.set_write_timeout(Some(LONGEST_SILENCE));
                    let peer =
                        Peer { stream: Stream::Plain(stream), shared: Arc::clone(&shared), left: None };
                    let serve = Arc::clone(&serve);
                    std::thread::spawn(move || serve(peer));
                }
            }
        });
        Self { address, shared, accepting: Some(accepting) }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(SeqCst)
    }

    /// Every octet that a client said, decrypted, in all connections.
    pub(crate) fn heard(&self) -> Vec<u8> {
        self.shared.heard.lock().expect("no server panics while it writes").clone()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.shared.stopped.store(true, SeqCst);
        // Wakes accept().
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.accepting.take() {
            let _ = thread.join();
        }
    }
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
    Gone,
}

/// A client, as its server sees it. Nothing fails here: a client that is gone says nothing and hears nothing.
pub(crate) struct Peer {
    stream: Stream,
    shared: Arc<Shared>,
    left: Option<usize>,
}

impl Peer {
    /// The next line with its end; what there is of it where the client says no more.
    pub(crate) fn line(&mut self) -> String {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            match self.octets(1) {
                octets if octets.is_empty() => break,
                octets => line.extend(octets),
            }
        }
        String::from_utf8_lossy(&line).into_owned()
    }

    /// The next octets, fewer where the client says no more.
    pub(crate) fn octets(&mut self, count: usize) -> Vec<u8> {
        let mut octets = vec![0; count];
        let mut got = 0;
        while got < count {
            let read = match &mut self.stream {
                Stream::Plain(tcp) => tcp.read(&mut octets[got..]),
                Stream::Tls(tls) => tls.read(&mut octets[got..]),
                Stream::Gone => Ok(0),
            };
            match read {
                Ok(0) => break,
                Ok(more) => got += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        octets.truncate(got);
        self.shared.heard.lock().expect("no server panics while it writes").extend_from_slice(&octets);
        octets
    }

    pub(crate) fn say(&mut self, text: &str) {
        self.write(text.as_bytes());
    }

    /// Whether the client was there to hear it.
    pub(crate) fn write(&mut self, octets: &[u8]) -> bool {
        let octets = match &mut self.left {
            None => octets,
            Some(left) => {
                let now = octets.len().min(*left);
                *left -= now;
                &octets[..now]
            }
        };
        let written = match &mut self.stream {
            Stream::Plain(tcp) => tcp.write_all(octets),
            Stream::Tls(tls) => tls.write_all(octets).and_then(|()| tls.flush()),
            Stream::Gone => return false,
        };
        if self.left == Some(0) {
            self.stream = Stream::Gone;
        }
        written.is_ok()
    }

    /// No more is said; what the client still says is read, or its system would throw away what it has not read yet.
    pub(crate) fn hang_up(&mut self) {
        if let Stream::Plain(tcp) = &self.stream {
            let _ = tcp.shutdown(std::net::Shutdown::Write);
        }
        while !self.octets(1).is_empty() {}
    }

    /// The connection is cut when so many more octets were said.
    pub(crate) fn cut_after(&mut self, octets: usize) {
        self.left = Some(octets);
    }

    /// TLS from here on.
    pub(crate) fn encrypt(&mut self, config: &Arc<ServerConfig>) {
        if let Stream::Plain(tcp) = std::mem::replace(&mut self.stream, Stream::Gone) {
            let mut connection = ServerConnection::new(Arc::clone(config)).expect("a usable configuration");
            let mut tcp = tcp;
            if connection.complete_io(&mut tcp).is_ok() {
                self.stream = Stream::Tls(Box::new(StreamOwned::new(connection, tcp)));
            }
        }
    }

    /// The name that the client sent in the handshake (SNI).
    pub(crate) fn server_name(&self) -> Option<String> {
        let Stream::Tls(tls) = &self.stream else { return None };
        tls.conn.server_name().map(str::to_owned)
    }

    /// `tls-exporter` (RFC 9266).
    pub(crate) fn exporter(&self) -> Option<[u8; 32]> {
        let Stream::Tls(tls) = &self.stream else { return None };
        tls.conn.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b"")).ok()
    }

    /// The connection beneath, to be tunnelled elsewhere.
    pub(crate) fn into_tcp(self) -> Option<TcpStream> {
        match self.stream {
            Stream::Plain(tcp) => Some(tcp),
            _ => None,
        }
    }

    /// An empty maildrop, to the end.
    pub(crate) fn maildrop(&mut self) {
        loop {
            let line = self.line();
            let answer = match line.trim_end() {
                "" => return,
                "STAT" => "+OK 0 0\r\n",
                "LIST" | "UIDL" => "+OK\r\n.\r\n",
                "CAPA" => "+OK\r\nUIDL\r\n.\r\n",
                "QUIT" | "RSET" | "NOOP" => "+OK\r\n",
                _ => "-ERR unknown command\r\n",
            };
            self.say(answer);
        }
    }
}
