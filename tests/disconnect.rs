//! Cuts, resets or stalls the connection after each byte that the server sends, in cleartext and over TLS. The run
//! must end in time with the right exit code, send no `QUIT` after an error, leave only complete messages, and
//! remember only those that are stored. Every seventh byte is tried; `POP3_TEST_SWEEP=long` tries all.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair, PKCS_ED25519};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned, crypto::ring, version};
use sha2::{Digest as _, Sha256};

use crate::support::sandbox::{Sandbox, run};

/// Dot-stuffed messages. The second one contains text that looks like the end of a response and another response.
const MESSAGES: [&str; 3] =
    ["Subject: one\r\n\r\n..dot\r\n", "a: b\r\n\r\n\n.\n+OK\r\n", "..\r\n...\r\nwithout header\r\n"];

/// More threads than processors, since runs spend most of their time waiting.
const THREADS: usize = 8;

/// The maximum duration of a run. A run takes milliseconds and one timeout of 0.3 s, but the machine may be busy.
const IN_TIME: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Cut,
    Reset,
    Stall,
}

#[derive(Clone, Copy, Debug)]
enum Job {
    Status,
    Fetch,
    Delete,
}

impl Job {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Status => &["status", "--json"],
            Self::Fetch => &["fetch", "--json"],
            Self::Delete => &["delete", "--all", "--commit", "--json"],
        }
    }
}

/// The commands of one session and the number of bytes sent to the client.
#[derive(Default)]
struct Told {
    commands: Vec<String>,
    said: usize,
    /// The number of bytes sent before the response to `QUIT`.
    before_quit: Option<usize>,
}

struct Server {
    port: u16,
    serving: JoinHandle<Told>,
}

/// A server certificate and its SHA-256. Ed25519 signatures have a fixed length, so the handshakes have, too.
static CERTIFICATE: LazyLock<(Arc<ServerConfig>, String)> = LazyLock::new(|| {
    let key = KeyPair::generate_for(&PKCS_ED25519).expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a valid name");
    let certificate = params.self_signed(&key).expect("a certificate");
    let fingerprint = Sha256::digest(certificate.der()).iter().fold(String::new(), |mut hex, octet| {
        write!(hex, "{octet:02x}").expect("a String takes every character");
        hex
    });
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&version::TLS13])
        .expect("ring has TLS 1.3")
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).expect("own key"),
        );
    (Arc::new(config.expect("the key fits the certificate")), fingerprint)
});

/// The overhead of a TLS record: a header, a type and a tag (RFC 8446 §5.2).
const RECORD: usize = 5 + 1 + 16;

/// A connection that ends after a given number of bytes.
struct Wire {
    stream: TcpStream,
    end: End,
    left: usize,
    said: usize,
}

impl Wire {
    fn is_gone(&self) -> bool {
        self.left == 0 && self.end == End::Reset
    }
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.is_gone() { Ok(0) } else { self.stream.read(into) }
    }
}

impl Write for Wire {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let now = octets.len().min(self.left);
        let _ = self.stream.write_all(&octets[..now]);
        self.left -= now;
        self.said += now;
        if self.left == 0 && now > 0 {
            match self.end {
                End::Cut => drop(self.stream.shutdown(Shutdown::Write)),
                End::Reset => {
                    drop(socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)));
                }
                End::Stall => {}
            }
        }
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A connection in cleartext or over TLS.
trait Connection: Read + Write {
    fn wire(&self) -> &Wire;
}

impl Connection for Wire {
    fn wire(&self) -> &Wire {
        self
    }
}

impl Connection for StreamOwned<ServerConnection, Wire> {
    fn wire(&self) -> &Wire {
        &self.sock
    }
}

impl Server {
    /// Serves one connection, up to `octets` bytes.
    fn start(octets: usize, end: End, tls: bool) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        Self::start_on(listener, octets, end, tls)
    }

    /// Serves on an existing listener, because the record is per port and the next run must use the same one.
    fn start_on(listener: TcpListener, octets: usize, end: End, tls: bool) -> Self {
        let port = listener.local_addr().expect("bound").port();
        let serving = std::thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a connection");
            let _ = stream.set_nodelay(true);
            let _ = stream.set_read_timeout(Some(IN_TIME));
            let wire = Wire { stream, end, left: octets, said: 0 };
            if tls {
                let config = Arc::clone(&CERTIFICATE.0);
                let connection = ServerConnection::new(config).expect("a sound configuration");
                serve(&mut StreamOwned::new(connection, wire))
            } else {
                serve(&mut { wire })
            }
        });
        Self { port, serving }
    }

    /// Waits for the end of the connection.
    fn told(self) -> Told {
        self.serving.join().expect("the server does not panic")
    }
}

fn answer(command: &str) -> String {
    let (verb, argument) = command.split_once(' ').unwrap_or((command, ""));
    let octets = |message: &str| message.len();
    match verb {
        "CAPA" => "+OK\r\nPIPELINING\r\nUIDL\r\nSASL PLAIN\r\n.\r\n".to_owned(),
        "STAT" => format!("+OK 3 {}\r\n", MESSAGES.map(octets).iter().sum::<usize>()),
        "UIDL" => "+OK\r\n1 u1\r\n2 u2\r\n3 u3\r\n.\r\n".to_owned(),
        "LIST" if !argument.is_empty() => format!("+OK {argument} 5\r\n"),
        "LIST" => {
            let [one, two, three] = MESSAGES.map(octets);
            format!("+OK\r\n1 {one}\r\n2 {two}\r\n3 {three}\r\n.\r\n")
        }
        "RETR" => {
            let number: usize = argument.parse().expect("a message-number");
            format!("+OK\r\n{}.\r\n", MESSAGES[number - 1])
        }
        _ => "+OK\r\n".to_owned(),
    }
}

fn serve(connection: &mut dyn Connection) -> Told {
    let mut told = Told::default();
    let mut heard = Vec::new();
    let mut answers = "+OK ready\r\n".to_owned();
    loop {
        let failed = connection.write_all(answers.as_bytes()).and_then(|()| connection.flush()).is_err();
        told.said = connection.wire().said;
        if failed || connection.wire().is_gone() {
            return told;
        }
        answers.clear();
        let mut chunk = [0; 1024];
        match connection.read(&mut chunk) {
            Ok(0) | Err(_) => return told,
            Ok(count) => heard.extend_from_slice(&chunk[..count]),
        }
        while let Some(line) = heard.iter().position(|&octet| octet == b'\n') {
            let line: Vec<u8> = heard.drain(..=line).collect();
            let command = String::from_utf8_lossy(&line).trim_end().to_owned();
            if command == "QUIT" {
                told.before_quit = Some(told.said);
            }
            answers += &answer(&command);
            told.commands.push(command);
        }
    }
}

fn unstuffed(message: &str) -> Vec<u8> {
    let lines = message.split_inclusive("\r\n").map(|line| line.strip_prefix('.').unwrap_or(line));
    lines.collect::<String>().into_bytes()
}

/// Ends a connection after `octets` of `all` bytes, and returns what is wrong afterwards.
fn try_one(job: Job, tls: bool, end: End, octets: usize, all: usize) -> Result<(), String> {
    let room = Sandbox::new();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let again = listener.try_clone().expect("a descriptor");
    let server = Server::start_on(listener, octets, end, tls);
    let pop3 = |port: u16, arguments: &[&str]| {
        let mut command = pop3(&room, port, arguments, tls);
        command.env("POP3_TIMEOUT", if tls { "0.5" } else { "0.3" });
        command
    };
    let last = "+OK\r\n".len() + if tls { RECORD } else { 0 };
    let begun = Instant::now();
    let outcome = run(pop3(server.port, job.arguments()));
    let took = begun.elapsed();
    let told = server.told();
    let wrong = |what: &str| Err(format!("{what}; heard {:?}\n{outcome:?}", told.commands));

    if outcome.hung || took > IN_TIME {
        return wrong("it hung");
    }
    // A server that resets the connection does not read what is in flight.
    let quit = told.commands.iter().any(|command| command == "QUIT");
    let perhaps = matches!(job, Job::Delete) && end == End::Reset && octets + last == all;
    let code = match (octets >= all, quit || (perhaps && outcome.code == Some(75))) {
        (true, _) => 0,
        (false, true) => 75,
        (false, false) => 69,
    };
    if outcome.code != Some(code) {
        return wrong(&format!("not exit code {code}"));
    }
    // `QUIT` is sent only after every earlier command was answered, and never without `--commit`.
    let quit_is_due = told.before_quit.is_none_or(|before| before + last == all);
    if !quit_is_due || (quit && !matches!(job, Job::Delete)) {
        return wrong("QUIT at the wrong time");
    }
    let deleted = outcome.stdout().contains("\"deleted\":true");
    if deleted && code != 0 {
        return wrong("it says that something was deleted");
    }
    let errors = outcome.stderr().lines().filter(|line| line.starts_with("{\"error\":")).count();
    if errors != usize::from(code != 0) {
        return wrong("not one error");
    }

    let all_files: Vec<_> =
        (1..).zip(MESSAGES).map(|(n, text)| (format!("u{n}.eml"), unstuffed(text))).collect();
    let files = room.files();
    if !files.iter().all(|file| all_files.contains(file)) {
        return wrong(&format!("there are other files: {files:?}"));
    }
    if matches!(job, Job::Fetch) {
        // No message is lost or doubled: remembered messages are stored, and the others are fetched now.
        let second = Server::start_on(again, usize::MAX, End::Cut, tls);
        let rest = run(pop3(second.port, &["fetch", "--json"]));
        if rest.code != Some(0) || room.files() != all_files {
            return wrong(&format!("afterwards: {rest:?}{:?}", room.files()));
        }
        let retrieved = second.told().commands;
        let retrieved = retrieved.iter().filter(|command| command.starts_with("RETR")).count();
        if retrieved + files.len() != MESSAGES.len() {
            return wrong(&format!("{} stored, and {retrieved} fetched afterwards", files.len()));
        }
    }
    Ok(())
}

/// Returns the number of bytes that the server sends in an undisturbed session.
fn whole(job: Job, tls: bool) -> usize {
    let room = Sandbox::new();
    let server = Server::start(usize::MAX, End::Cut, tls);
    run(pop3(&room, server.port, job.arguments(), tls)).expect(0);
    server.told().said
}

fn pop3(room: &Sandbox, port: u16, arguments: &[&str], tls: bool) -> Command {
    let mut command = room.pop3(port);
    command.args(arguments).env("POP3_TLS", if tls { "implicit" } else { "none" });
    if tls {
        command.env("POP3_TLS_FINGERPRINT", &CERTIFICATE.1);
    }
    command
}

fn sweep(job: Job, tls: bool) {
    let long = std::env::var("POP3_TEST_SWEEP").is_ok_and(|value| value == "long");
    let all = whole(job, tls);
    let step = if long { 1 } else { 7 + 16 * usize::from(tls) };
    let positions: Vec<_> = (1..all).step_by(step).chain([all - 1, all]).collect();
    let ends: &[End] = if long { &[End::Cut, End::Stall, End::Reset] } else { &[End::Cut, End::Stall] };
    let jobs: Vec<_> = ends.iter().flat_map(|&end| positions.iter().map(move |&at| (end, at))).collect();
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(&(end, at)) = jobs.get(next.fetch_add(1, SeqCst)) {
                    if let Err(what) = try_one(job, tls, end, at, all) {
                        let failure = format!("{job:?}, {end:?} after byte {at} of {all}: {what}");
                        failures.lock().expect("no thread panics").push(failure);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no thread panicked");
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), jobs.len(), failures.join("\n"));
    eprintln!("{job:?}: {} positions in a session of {all} bytes", jobs.len());
}

#[test]
fn status() {
    sweep(Job::Status, false);
}

#[test]
fn fetch() {
    sweep(Job::Fetch, false);
}

#[test]
fn delete_commit() {
    sweep(Job::Delete, false);
}

#[test]
fn fetch_over_tls() {
    sweep(Job::Fetch, true);
}

#[test]
fn delete_commit_over_tls() {
    sweep(Job::Delete, true);
}
