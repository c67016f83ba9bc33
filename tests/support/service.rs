//! A server whose behavior is a closure of the test, run once per connection.

#![cfg_attr(windows, allow(dead_code, reason = "the hostile tests run on Unix only"))]

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The time limit of reads. It is longer than any client stays silent in these tests, and ends a server whose client
/// hangs.
const READ_TIMEOUT: Duration = Duration::from_secs(20);

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
    serving: Mutex<Vec<JoinHandle<()>>>,
}

impl Service {
    /// Listens on a free port of 127.0.0.1 and serves each connection in its own thread.
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
                    let _ = stream.set_read_timeout(Some(READ_TIMEOUT));
                    let _ = stream.set_write_timeout(Some(READ_TIMEOUT));
                    let peer =
                        Peer { stream: Stream::Plain(stream), shared: Arc::clone(&shared), left: None };
                    let serve = Arc::clone(&serve);
                    let thread = std::thread::spawn(move || serve(peer));
                    shared.serving.lock().expect("not poisoned").push(thread);
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

    /// Waits until every connection has ended, and returns the received lines without their ends. Panics if an
    /// assertion in the server's closure failed.
    pub(crate) fn finish(self) -> Vec<String> {
        let shared = Arc::clone(&self.shared);
        drop(self);
        let serving = std::mem::take(&mut *shared.serving.lock().expect("not poisoned"));
        for thread in serving {
            thread.join().expect("no assertion of the server fails");
        }
        let heard = shared.heard.lock().expect("not poisoned");
        String::from_utf8_lossy(&heard).lines().map(str::to_owned).collect()
    }

    /// Returns every byte that was received in all connections, decrypted.
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

/// The server's side of a connection. No method fails: reading after the client has closed returns nothing.
pub(crate) struct Peer {
    stream: Stream,
    shared: Arc<Shared>,
    left: Option<usize>,
}

impl Peer {
    /// Returns the next line with its end; a shorter text at the end of the stream.
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

    /// Returns the next bytes; fewer at the end of the stream.
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

    /// Returns the next line without its end; empty at the end of the stream.
    pub(crate) fn hear(&mut self) -> String {
        self.line().trim_end().to_owned()
    }

    /// Returns true if more bytes have arrived than were read.
    pub(crate) fn has_more(&mut self) -> bool {
        match &mut self.stream {
            Stream::Plain(tcp) => {
                tcp.set_nonblocking(true).expect("a socket");
                let more = tcp.peek(&mut [0]).is_ok_and(|count| count > 0);
                tcp.set_nonblocking(false).expect("a socket");
                more
            }
            Stream::Tls(tls) => {
                tls.conn.process_new_packets().is_ok_and(|state| state.plaintext_bytes_to_read() > 0)
            }
            Stream::Gone => false,
        }
    }

    /// Reads until the client closes the connection.
    pub(crate) fn wait(&mut self) {
        while !self.octets(1).is_empty() {}
    }

    pub(crate) fn say(&mut self, text: impl AsRef<[u8]>) {
        self.try_say(text);
    }

    /// Sends a text. Returns false if the client has closed the connection.
    pub(crate) fn try_say(&mut self, text: impl AsRef<[u8]>) -> bool {
        let octets = text.as_ref();
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

    /// Sends FIN and reads the rest, because closing with unread data would reset the connection and drop the sent
    /// data.
    pub(crate) fn hang_up(&mut self) {
        if let Stream::Plain(tcp) = &self.stream {
            let _ = tcp.shutdown(std::net::Shutdown::Write);
        }
        self.wait();
    }

    /// Cuts the connection after `octets` more bytes.
    pub(crate) fn cut_after(&mut self, octets: usize) {
        self.left = Some(octets);
    }

    /// Switches to TLS.
    pub(crate) fn encrypt(&mut self, config: &Arc<ServerConfig>) {
        if let Stream::Plain(tcp) = std::mem::replace(&mut self.stream, Stream::Gone) {
            let mut connection = ServerConnection::new(Arc::clone(config)).expect("a usable configuration");
            let mut tcp = tcp;
            if connection.complete_io(&mut tcp).is_ok() {
                self.stream = Stream::Tls(Box::new(StreamOwned::new(connection, tcp)));
            }
        }
    }

    /// Returns the name that the client sent in the handshake (SNI).
    pub(crate) fn server_name(&self) -> Option<String> {
        let Stream::Tls(tls) = &self.stream else { return None };
        tls.conn.server_name().map(str::to_owned)
    }

    /// Returns the channel binding `tls-exporter` (RFC 9266).
    pub(crate) fn exporter(&self) -> Option<[u8; 32]> {
        let Stream::Tls(tls) = &self.stream else { return None };
        tls.conn.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b"")).ok()
    }

    /// Returns the TCP connection, for tunnelling.
    pub(crate) fn into_tcp(self) -> Option<TcpStream> {
        match self.stream {
            Stream::Plain(tcp) => Some(tcp),
            _ => None,
        }
    }

    /// Serves an empty maildrop to the end of the session.
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

    /// Sends the greeting, answers CAPA with PIPELINING, and accepts any login.
    pub(crate) fn log_in(&mut self) {
        self.say("+OK ready\r\n");
        self.hear();
        self.say("+OK\r\nPIPELINING\r\nSASL PLAIN\r\n.\r\n");
        self.hear();
        self.say("+OK\r\n");
    }

    /// Answers STAT, UIDL, LIST and LIST 1 for messages of 5 octets.
    pub(crate) fn list(&mut self, messages: u32) {
        for _ in 0..4 {
            self.hear();
        }
        let rows = |what: &str| {
            (1..=messages).fold(String::new(), |rows, number| rows + &format!("{number} {what}{number}\r\n"))
        };
        self.say(format!(
            "+OK {messages} 5\r\n+OK\r\n{}.\r\n+OK\r\n{}.\r\n{}\r\n",
            rows("u"),
            rows(""),
            if messages == 0 { "-ERR none" } else { "+OK 1 5" }
        ));
    }

    /// Answers any other command of a session with two messages.
    pub(crate) fn answer(&mut self, command: &str) {
        self.say(match command.split_once(' ') {
            Some(("LIST", number)) => format!("+OK {number} 5\r\n"),
            None if command == "STAT" => "+OK 2 10\r\n".to_owned(),
            _ => "+OK\r\n".to_owned(),
        });
    }
}
