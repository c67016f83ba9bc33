//! A small POP3 server with one maildrop per user. It supports many connections, locks maildrops, deletes only in the
//! UPDATE state (RFC 1939), offers implicit TLS or `STLS`, logs all commands, and has the quirks of other servers as
//! options.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::ServerConfig;

mod certificate;
mod message;
#[cfg_attr(windows, allow(dead_code, reason = "the tests of the README run on Unix only"))]
pub(crate) mod sample;
mod session;

pub(crate) use certificate::Certificate;
pub(crate) use message::Message;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tls {
    None,
    Stls,
    Implicit,
}

/// The response to `QUIT`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Quit {
    Ok,
    /// `-ERR`, nothing deleted.
    Refused,
    /// The connection drops before anything is deleted.
    DropsBefore,
    /// Deleted, but the answer is lost.
    DropsAfter,
}

/// The progress of a session, reported to [`Quirks::watch`].
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(unix), allow(dead_code, reason = "only the tests that kill the program use it"))]
pub(crate) struct Progress {
    /// Commands received by this server in all its sessions.
    pub(crate) commands: u64,
    /// Bytes sent by this server in all its sessions.
    pub(crate) octets: u64,
}

pub(crate) type Watch = Arc<dyn Fn(Progress) + Send + Sync>;

/// Deviations from a correct server. `Default` has none.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "a quirk is on or off")]
pub(crate) struct Quirks {
    /// Sent instead of the greeting; `-ERR…` also ends the session.
    pub(crate) greeting: Option<String>,
    pub(crate) capa: bool,
    pub(crate) pipelining: bool,
    pub(crate) uidl: bool,
    pub(crate) top: bool,
    pub(crate) sasl: bool,
    pub(crate) noop: bool,
    /// The `UTF8` capability: `UTF8` or `UTF8 USER` (RFC 6856).
    pub utf8: Option<&'static str>,
    /// The response to refused logins, and the number of logins to refuse before the first success.
    pub(crate) login_refused: Option<(&'static str, u64)>,
    /// Message-numbers whose `RETR` and `TOP` are refused.
    pub(crate) refuse: Vec<u32>,
    /// The number of bytes to send in a session before the connection drops.
    pub(crate) drop_after: Option<u64>,
    pub(crate) quit: Quit,
    /// The number of octets to add to every size in `LIST` and `STAT`.
    pub(crate) size_lie: u64,
    /// `TOP` sends the whole message.
    pub(crate) top_sends_all: bool,
    /// The delay before each response.
    pub(crate) delay: Option<Duration>,
    /// Sends one byte per write, with this delay before each byte.
    pub(crate) a_slow_server_ends_at_the_deadline: Option<Duration>,
    /// Line ends are bare LF.
    pub(crate) bare_lf: bool,
    /// Called at every command, and before every write, which has at most 4096 bytes.
    pub(crate) watch: Option<Watch>,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            greeting: None,
            capa: true,
            pipelining: true,
            uidl: true,
            top: true,
            sasl: true,
            noop: true,
            utf8: Some("UTF8"),
            login_refused: None,
            refuse: Vec::new(),
            drop_after: None,
            quit: Quit::Ok,
            size_lie: 0,
            top_sends_all: false,
            delay: None,
            a_slow_server_ends_at_the_deadline: None,
            bare_lf: false,
            watch: None,
        }
    }
}

struct Account {
    password: String,
    messages: Vec<Message>,
    locked: bool,
}

struct Shared {
    tls: Tls,
    config: Arc<ServerConfig>,
    quirks: Quirks,
    accounts: Mutex<HashMap<String, Account>>,
    log: Mutex<Vec<Vec<String>>>,
    commands: AtomicU64,
    octets: AtomicU64,
    refusals_left: AtomicU64,
    stopped: AtomicBool,
    sessions: Mutex<Vec<(TcpStream, JoinHandle<()>)>>,
}

impl Shared {
    fn accounts(&self) -> MutexGuard<'_, HashMap<String, Account>> {
        self.accounts.lock().expect("no session panics")
    }

    fn sessions(&self) -> MutexGuard<'_, Vec<(TcpStream, JoinHandle<()>)>> {
        self.sessions.lock().expect("accept does not panic")
    }

    fn progress(&self) {
        if let Some(watch) = &self.quirks.watch {
            watch(Progress { commands: self.commands.load(SeqCst), octets: self.octets.load(SeqCst) });
        }
    }
}

/// A running server. Dropping it closes its sessions.
pub(crate) struct Mailbox {
    address: SocketAddr,
    certificate: Certificate,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl Mailbox {
    /// Starts a server without accounts on a free port of 127.0.0.1.
    pub(crate) fn start(tls: Tls, quirks: Quirks) -> Self {
        Self::start_with(tls, quirks, Certificate::for_loopback())
    }

    pub(crate) fn start_with(tls: Tls, quirks: Quirks, certificate: Certificate) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on 127.0.0.1");
        let address = listener.local_addr().expect("bound");
        let refusals = quirks.login_refused.map_or(0, |(_, times)| times);
        let shared = Arc::new(Shared {
            tls,
            config: certificate.server_config(),
            quirks,
            accounts: Mutex::default(),
            log: Mutex::default(),
            commands: AtomicU64::new(0),
            octets: AtomicU64::new(0),
            refusals_left: AtomicU64::new(refusals),
            stopped: AtomicBool::new(false),
            sessions: Mutex::default(),
        });
        let accepting = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self { address, certificate, shared, accepting: Some(accepting) }
    }

    #[must_use]
    pub(crate) fn with_user(self, user: &str, password: &str, messages: Vec<Message>) -> Self {
        let account = Account { password: password.to_owned(), messages, locked: false };
        self.shared.accounts().insert(user.to_owned(), account);
        self
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Returns the unique-ids that are still in the maildrop.
    pub(crate) fn unique_ids(&self, user: &str) -> Vec<String> {
        self.shared.accounts()[user].messages.iter().map(|message| message.unique_id.clone()).collect()
    }

    pub(crate) fn deliver(&self, user: &str, message: Message) {
        self.shared.accounts().get_mut(user).expect("a known user").messages.push(message);
    }

    /// Closes every session and waits for its end, which unlocks the maildrop.
    ///
    /// Needed by tests that kill `pop3`, because the time at which a server notices a dead client depends on the
    /// operating system.
    pub(crate) fn hang_up(&self) {
        let sessions = std::mem::take(&mut *self.shared.sessions());
        for (stream, thread) in sessions {
            let _ = stream.shutdown(Shutdown::Both);
            thread.join().expect("no session panics");
        }
    }

    /// Returns the received commands, one list per session, in the order of the connections.
    pub(crate) fn log(&self) -> Vec<Vec<String>> {
        self.shared.log.lock().expect("no session panics").clone()
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.shared.stopped.store(true, SeqCst);
        // Wakes accept().
        let _ = TcpStream::connect(self.address);
        for (stream, _) in self.shared.sessions().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        if let Some(thread) = self.accepting.take() {
            let _ = thread.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stopped.load(SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let _ = stream.set_nodelay(true);
        let Ok(twin) = stream.try_clone() else { continue };
        let thread = std::thread::spawn({
            let shared = Arc::clone(shared);
            move || session::serve(stream, &shared)
        });
        shared.sessions().push((twin, thread));
    }
}
