//! What a hostile server, network or disk can do and no transcript can show: TLS, memory, file descriptors, full disks.
//! Hostile answers are in `transcripts/hostile/`.

mod certificates;
#[cfg(unix)]
mod file_descriptors;
#[cfg(target_os = "linux")]
mod memory;
mod stls;
#[cfg(unix)]
mod weak_crypto;

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Longer than any client here is silent; a server whose client hangs must end, too.
const LONGEST_SILENCE: Duration = Duration::from_secs(20);

/// One connection, served by a closure of the test.
struct Server {
    port: u16,
    serving: JoinHandle<Vec<String>>,
}

impl Server {
    fn start(serve: impl FnOnce(&mut Peer) + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let serving = std::thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a connection");
            let _ = stream.set_nodelay(true);
            let _ = stream.set_read_timeout(Some(LONGEST_SILENCE));
            let _ = stream.set_write_timeout(Some(LONGEST_SILENCE));
            let mut peer = Peer { stream: BufReader::new(Box::new(stream)), heard: Vec::new() };
            serve(&mut peer);
            peer.heard
        });
        Self { port, serving }
    }

    /// The lines that it heard; to be asked when the client is gone.
    fn heard(self) -> Vec<String> {
        self.serving.join().expect("the server does not panic")
    }
}

trait Duplex: Read + Write + Send {}

impl<T: Read + Write + Send> Duplex for T {}

struct Peer {
    stream: BufReader<Box<dyn Duplex>>,
    heard: Vec<String>,
}

impl Peer {
    /// Says it; a client that has seen enough is gone.
    fn say(&mut self, text: impl AsRef<[u8]>) -> bool {
        self.stream.get_mut().write_all(text.as_ref()).and_then(|()| self.stream.get_mut().flush()).is_ok()
    }

    /// The next line without its end; empty where there is none.
    fn hear(&mut self) -> String {
        let mut line = Vec::new();
        let _ = self.stream.read_until(b'\n', &mut line);
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        self.heard.push(line.clone());
        line
    }

    /// Greeting, CAPA with PIPELINING, and whatever login comes.
    fn log_in(&mut self) {
        self.say("+OK ready\r\n");
        self.hear();
        self.say("+OK\r\nPIPELINING\r\nSASL PLAIN\r\n.\r\n");
        self.hear();
        self.say("+OK\r\n");
    }

    /// STAT, UIDL, LIST and LIST 1, for messages of 5 octets.
    fn list(&mut self, messages: u32) {
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

    /// What any other command of a session is answered.
    fn answer(&mut self, command: &str) {
        self.say(match command.split_once(' ') {
            Some(("LIST", number)) => format!("+OK {number} 5\r\n"),
            None if command == "STAT" => "+OK 2 10\r\n".to_owned(),
            _ => "+OK\r\n".to_owned(),
        });
    }

    /// Until the client is gone.
    fn wait(&mut self) {
        while !self.hear().is_empty() {}
    }
}

/// Serves TLS from the first octet.
fn over_tls(config: Arc<ServerConfig>, serve: impl FnOnce(&mut Peer) + Send + 'static) -> Server {
    Server::start(move |peer| {
        encrypt(peer, config);
        serve(peer);
    })
}

fn encrypt(peer: &mut Peer, config: Arc<ServerConfig>) {
    let nothing: Box<dyn Duplex> = Box::new(std::io::Cursor::new(Vec::new()));
    let tcp = std::mem::replace(&mut peer.stream, BufReader::new(nothing)).into_inner();
    let connection = ServerConnection::new(config).expect("a sound configuration");
    peer.stream = BufReader::new(Box::new(StreamOwned::new(connection, tcp)));
}
