//! Connecting to a server by its host name.

use std::time::{Duration, Instant};

use crate::{
    Error,
    net::{self, Address, Limits, Route, Stream, TlsConnector, TlsSettings, Trust},
    session::{Authorization, SessionOptions},
    trace::Trace,
};

/// The way in which a session is encrypted.
///
/// Exhaustive because RFC 8314 defines no other way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsMode {
    /// TLS from the first byte, by default on port 995 (RFC 8314 §3.3). Nearly every provider offers it.
    Implicit,
    /// A cleartext connection that `STLS` upgrades before anything secret is sent (RFC 2595 §4), by default on port
    /// 110. A server without `STLS` causes an error, never a cleartext session.
    StartTls,
    /// No encryption, by default on port 110: passwords and mail can be read in transit.
    None,
}

impl TlsMode {
    /// Returns the registered port: 995 for [`TlsMode::Implicit`], and otherwise 110.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Implicit => 995,
            Self::StartTls | Self::None => 110,
        }
    }
}

/// Connects to a server and waits for its greeting, with the defaults of [`Connector`]. `host` is a name or an IP address,
/// with or without a port.
///
/// ```no_run
/// use pop3::{Secret, sasl::Credential, session::TlsMode};
///
/// let session = pop3::connect("pop.example.org", TlsMode::Implicit)?;
/// let mut maildrop = session.login("mrose", &Credential::Password(Secret::from("tanstaaf")))?;
/// println!("{} messages", maildrop.stat()?.messages);
/// maildrop.abandon()?;
/// # Ok::<(), pop3::Error>(())
/// ```
///
/// # Errors
///
/// Returns the errors of [`Connector::connect`].
pub fn connect(host: &str, tls: TlsMode) -> Result<Authorization, Error> {
    Connector::new().connect(host, tls)
}

/// The settings of a connection, each with a default.
///
/// ```no_run
/// use std::time::Duration;
/// use pop3::{net::Trust, session::{Connector, TlsMode}};
///
/// let session = Connector::new()
///     .trust(Trust::File("ca.pem".into()))
///     .timeout(Duration::from_secs(10))
///     .connect("localhost:1110", TlsMode::StartTls)?;
/// # Ok::<(), pop3::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Connector {
    route: Route,
    limits: Limits,
    tls: TlsSettings,
    options: SessionOptions,
}

impl Connector {
    /// Returns the default settings: the system's trust store, IPv4 and IPv6, no proxy, a timeout of 60 s, no deadline,
    /// pipelining, no trace.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the time limit of resolving, of connecting, and of each read and write.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limits.timeout = timeout;
        self
    }

    /// Sets the time at which the whole session must have ended.
    #[must_use]
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.limits.deadline = Some(deadline);
        self
    }

    /// Sets the family of IP addresses, the local address and the proxy.
    #[must_use]
    pub fn route(mut self, route: Route) -> Self {
        self.route = route;
        self
    }

    /// Sets the server certificates to trust.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.tls.trust = trust;
        self
    }

    /// Sets all options of TLS: trust, client certificate, server name, key log.
    #[must_use]
    pub fn tls_settings(mut self, settings: TlsSettings) -> Self {
        self.tls = settings;
        self
    }

    /// Disables pipelining: one command is sent at a time, even if the server announces `PIPELINING`.
    #[must_use]
    pub fn no_pipelining(mut self) -> Self {
        self.options = self.options.pipelining(false);
        self
    }

    /// Sets the trace, which receives the conversation without its secrets, and notes on the connection.
    #[must_use]
    pub fn trace(mut self, trace: impl Trace + 'static) -> Self {
        self.options = self.options.trace(Box::new(trace) as Box<dyn Trace>);
        self
    }

    /// Connects to a server and waits for its greeting. `host` is a name or an IP address, with or without a port:
    /// `pop.example.org`, `pop.example.org:1995`, `192.0.2.1`, `[2001:db8::1]:995`.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Argument`](crate::ErrorKind::Argument): `host` is invalid, or a certificate file cannot be used.
    /// - [`ErrorKind::Host`](crate::ErrorKind::Host): the name does not resolve.
    /// - [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable): no connection, a timeout, an `-ERR` greeting.
    /// - [`ErrorKind::Tls`](crate::ErrorKind::Tls): the handshake failed, the certificate is not trusted, or there is no
    ///   `STLS`.
    /// - [`ErrorKind::Protocol`](crate::ErrorKind::Protocol): the server does not speak POP3.
    pub fn connect(self, host: &str, tls: TlsMode) -> Result<Authorization, Error> {
        let Self { route, limits, tls: settings, mut options } = self;
        let address = Address::parse_with_default_port(host, tls.default_port())?;
        let connector = (tls != TlsMode::None).then(|| TlsConnector::prepare(settings));
        let mut note = |text: &str| {
            if let Some(trace) = &mut options.trace {
                trace.note(text);
            }
        };
        let tcp = net::connect(&address, &route, limits, &mut note)?;
        let stream = match (&connector, tls) {
            (Some(connector), TlsMode::Implicit) => {
                let encrypted = connector.handshake(tcp, address.host())?;
                encrypted.facts().notes().iter().for_each(|line| note(line));
                Stream::from(encrypted)
            }
            _ => Stream::from(tcp),
        };
        let mut session = Authorization::open(stream, &address, options)?;
        match (connector, tls) {
            (Some(connector), TlsMode::StartTls) => {
                // Some servers accept STLS only after CAPA. The capabilities are discarded after STLS.
                session.capabilities()?;
                session.stls(&connector)
            }
            _ => Ok(session),
        }
    }
}
