//! A session before its login.

use crate::{
    error::{Error, ErrorKind},
    net::{Host, Stream, TlsConnector},
    proto::{Argument, Capabilities, Capability, Command, argument::SecretArgument, engine::Kind},
    sasl::{apop, auto::Choice},
    secret::Secret,
    session::{
        login::{self, Login},
        transaction::Transaction,
        wire::{Wire, by_response_code},
    },
    trace::Trace,
};

/// More lines than this no server announces: RFC 2449 and all that came after it know about twenty.
const MOST_CAPABILITIES: usize = 500;

/// Nor more octets of them: the longest lines are those of `SASL` and `IMPLEMENTATION`, with some hundred.
const MOST_CAPABILITY_OCTETS: usize = 64 * 1024;

/// What a session is opened with.
pub struct Options {
    /// Whether commands are pipelined where the server announces `PIPELINING` (RFC 2449 §6.6).
    pub pipelining: bool,
    /// Where the conversation is written.
    pub trace: Option<Box<dyn Trace>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { pipelining: true, trace: None }
    }
}

/// A session in the AUTHORIZATION state (RFC 1939 §4): greeted, not logged in.
pub struct Authorization {
    wire: Wire,
    pipelining: bool,
    greeting: Vec<u8>,
    capabilities: Known,
}

/// What is known of the server's capabilities.
enum Known {
    NotAsked,
    Refused,
    Are(Capabilities),
}

impl Authorization {
    /// Begins a session on a connection, encrypted or not: waits for the greeting.
    ///
    /// # Errors
    /// An `-ERR` greeting is [`ErrorKind::Unavailable`], or [`ErrorKind::Temporary`] where its response code says so.
    pub fn open(stream: Stream, options: Options) -> Result<Self, Error> {
        let mut wire = Wire::new(stream, options.trace);
        let greeting = wire.status("the connection").map_err(|error| {
            let error = by_response_code(error, ErrorKind::Unavailable);
            match error.kind() {
                ErrorKind::Authentication => error.with_kind(ErrorKind::Unavailable),
                _ => error,
            }
        })?;
        Ok(Self { wire, pipelining: options.pipelining, greeting, capabilities: Known::NotAsked })
    }

    /// The greeting's line, raw: `b"+OK POP3 ready <1896.697170952@dbc.mtview.ca.us>"`. Empty after
    /// [`stls`](Self::stls): anybody could have sent it.
    #[must_use]
    pub fn greeting(&self) -> &[u8] {
        &self.greeting
    }

    /// The stream beneath, for what TLS it has.
    #[must_use]
    pub fn stream(&self) -> &Stream {
        self.wire.stream()
    }

    /// `CAPA` (RFC 2449 §5), each time it is called.
    pub fn capa(&mut self) -> Result<Capabilities, Error> {
        let capabilities = capa(&mut self.wire)?;
        self.wire.set_pipelining(self.pipelining && capabilities.has(&Capability::Pipelining));
        self.capabilities = Known::Are(capabilities.clone());
        Ok(capabilities)
    }

    /// What the server can do, asked for once; `None` where it refuses `CAPA`, as servers older than RFC 2449 do.
    pub fn capabilities(&mut self) -> Result<Option<&Capabilities>, Error> {
        if matches!(self.capabilities, Known::NotAsked)
            && let Err(error) = self.capa()
        {
            if error.kind() != ErrorKind::Refused {
                return Err(error);
            }
            self.capabilities = Known::Refused;
        }
        Ok(match &self.capabilities {
            Known::Are(capabilities) => Some(capabilities),
            Known::NotAsked | Known::Refused => None,
        })
    }

    /// `STLS` (RFC 2595 §4): TLS from here on. The plain session is used up, and all that was learnt in it is
    /// forgotten: somebody between us and the server could have said it.
    ///
    /// # Errors
    /// [`ErrorKind::Tls`] where the server refuses or the handshake fails, [`ErrorKind::Temporary`] where it
    /// asks to come again, [`ErrorKind::Protocol`] where octets in clear followed its `+OK` (CVE-2021-22947).
    pub fn stls(mut self, connector: &TlsConnector, host: &Host) -> Result<Self, Error> {
        if let Err(error) = self.wire.call(&Command::Stls) {
            return Err(match by_response_code(error, ErrorKind::Tls) {
                error if error.kind() == ErrorKind::Authentication => error.with_kind(ErrorKind::Tls),
                error => error,
            });
        }
        let wire = self.wire.upgrade(connector, host)?;
        Ok(Self { wire, pipelining: self.pipelining, greeting: Vec::new(), capabilities: Known::NotAsked })
    }

    /// `UTF8` (RFC 6856 §2): internationalised mail is to come as it is.
    pub fn utf8(&mut self) -> Result<(), Error> {
        self.wire.call(&Command::Utf8).map(drop)
    }

    /// `USER` (RFC 1939 §7): whose maildrop; [`pass`](Self::pass) follows.
    pub fn user(&mut self, user: &str) -> Result<(), Error> {
        let user = argument(user)?;
        self.wire.call(&Command::User(&user)).map(drop)
    }

    /// `PASS` (RFC 1939 §7), which opens the maildrop.
    pub fn pass(mut self, password: &Secret) -> Result<Transaction, Error> {
        self.wire.hide(password.expose());
        let password = SecretArgument::try_from(password.clone()).map_err(|error| {
            Error::new(ErrorKind::Argument, format!("the password cannot be sent: {error}"))
        })?;
        self.wire.call(&Command::Pass(&password)).map_err(login::refusal)?;
        Ok(Transaction::new(self.wire, "USER"))
    }

    /// `APOP` (RFC 1939 §7): proves the password without sending it, by MD5, which is broken: only for servers that
    /// have nothing better, and over TLS.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where the greeting has no timestamp of the form of a message-id (CVE-2007-1558).
    pub fn apop(mut self, user: &str, password: &Secret) -> Result<Transaction, Error> {
        let user = argument(user)?;
        self.wire.hide(password.expose());
        let Some(timestamp) = apop::timestamp(&self.greeting) else {
            let message = "the server's greeting has no timestamp that APOP could use";
            return Err(Error::new(ErrorKind::Unsupported, message).with_response(self.greeting));
        };
        let digest = SecretArgument::try_from(apop::digest(timestamp, password))
            .map_err(|error| Error::new(ErrorKind::Argument, error.to_string()))?;
        self.wire.call(&Command::Apop { user: &user, digest: &digest }).map_err(login::refusal)?;
        Ok(Transaction::new(self.wire, "APOP"))
    }

    /// The way that [`login`](Self::login) would take, for a caller who wants to know before a secret is sent whether it
    /// is: see [`Choice::reveals_secret`].
    pub fn choice(&mut self, login: &Login<'_>) -> Result<Choice, Error> {
        login::choice(self, login)
    }

    /// Logs in as `login` says: by one mechanism, or by the strongest that server and credential share. Capabilities
    /// are asked for if they were not yet. A refusal is final; nothing weaker is tried with the same secret.
    ///
    /// # Errors
    /// [`ErrorKind::Authentication`] for wrong credentials, [`ErrorKind::Temporary`] for `[IN-USE]`, `[LOGIN-DELAY]`
    /// and `[SYS/TEMP]`, [`ErrorKind::Unavailable`] for `[SYS/PERM]`, [`ErrorKind::Unsupported`] where server and
    /// credential share no mechanism, [`ErrorKind::Protocol`] where the server does not prove itself as it must.
    pub fn login(mut self, login: &Login<'_>) -> Result<Transaction, Error> {
        match login::choose(&mut self, login)? {
            login::Way::UserPass(password) => {
                self.user(login.user).map_err(login::refusal)?;
                self.pass(password)
            }
            login::Way::Apop(password) => self.apop(login.user, password),
            login::Way::Sasl { exchange, offered } => {
                let mechanism = login::exchange(&mut self.wire, exchange, offered)?;
                Ok(Transaction::new(self.wire, mechanism))
            }
        }
    }

    pub(super) fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }
}

pub(super) fn capa(wire: &mut Wire) -> Result<Capabilities, Error> {
    wire.call(&Command::Capa)?;
    let mut capabilities = Capabilities::default();
    let mut octets = 0;
    loop {
        let frame = wire.frame()?;
        if frame.kind == Kind::End {
            return Ok(capabilities);
        }
        octets += frame.at.len();
        if capabilities.lines().len() == MOST_CAPABILITIES || octets > MOST_CAPABILITY_OCTETS {
            return Err(wire.broken(crate::proto::ProtocolError::ListingTooLong));
        }
        capabilities.push(wire.octets(&frame));
    }
}

fn argument(user: &str) -> Result<Argument, Error> {
    Argument::try_from(user)
        .map_err(|error| Error::new(ErrorKind::Argument, format!("the user name cannot be sent: {error}")))
}
