//! A session before the login: the commands of the AUTHORIZATION state.

use std::fmt;

use crate::{
    error::{Error, ErrorKind},
    net::{Address, Stream, TlsConnector},
    proto::{Argument, Capabilities, Capability, Command, argument::SecretArgument},
    sasl::{AuthMethod, Credential, SaslError, apop},
    secret::Secret,
    session::{
        capabilities,
        connection::Connection,
        login::{self, Offered},
        options::SessionOptions,
        transaction::Transaction,
    },
};

/// A session in the AUTHORIZATION state (RFC 1939 §4), after the greeting and before the login.
///
/// [`login`](Self::login) takes the strongest method that the server offers; [`user`](Self::user) and
/// [`pass`](Self::pass), [`apop`](Self::apop) are the commands of RFC 1939. Each of them takes the session and gives it
/// back if the server refuses, in the [`LoginError`].
///
/// # Errors
/// After an error of kind [`ErrorKind::Refused`] the session can be used; after most others it cannot: every further call
/// fails and sends nothing.
pub struct Authorization {
    connection: Connection,
    address: Address,
    pipelining: bool,
    /// The server announced `TOP`.
    top: bool,
    greeting: Vec<u8>,
    capabilities: Announced,
}

/// The capabilities, as far as they are known.
enum Announced {
    NotAsked,
    Refused,
    Capabilities(Capabilities),
}

impl Authorization {
    /// Begins a session on a connection to `address`: waits for the greeting.
    ///
    /// [`Connector`](super::Connector) makes the connection as well.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] for an `-ERR` greeting, or [`ErrorKind::Temporary`] if its response code says so.
    pub fn open(
        stream: impl Into<Stream>,
        address: &Address,
        options: SessionOptions,
    ) -> Result<Self, Error> {
        let SessionOptions { pipelining, trace } = options;
        let mut connection = Connection::new(stream.into(), trace);
        let greeting = connection.status().map_err(|error| no_login(error, ErrorKind::Unavailable))?;
        let address = address.clone();
        Ok(Self { connection, address, pipelining, top: false, greeting, capabilities: Announced::NotAsked })
    }

    /// Returns the greeting, raw: `b"+OK POP3 ready <1896.697170952@dbc.mtview.ca.us>"`. Empty after
    /// [`stls`](Self::stls), since nothing received in cleartext can be trusted.
    #[must_use]
    pub fn greeting(&self) -> &[u8] {
        &self.greeting
    }

    /// Returns the stream, for the TLS parameters and the peer's address.
    #[must_use]
    pub fn stream(&self) -> &Stream {
        self.connection.stream()
    }

    /// `CAPA` (RFC 2449 §5): returns the capabilities, asked for each time.
    pub fn capa(&mut self) -> Result<Capabilities, Error> {
        let capabilities = capabilities::request(&mut self.connection)?;
        self.connection.set_pipelining(self.pipelining && capabilities.has(&Capability::Pipelining));
        self.top = capabilities.has(&Capability::Top);
        self.capabilities = Announced::Capabilities(capabilities.clone());
        Ok(capabilities)
    }

    /// Returns the capabilities, asked for once; `None` if the server refuses `CAPA`, as servers older than RFC 2449 do.
    pub fn capabilities(&mut self) -> Result<Option<&Capabilities>, Error> {
        if matches!(self.capabilities, Announced::NotAsked)
            && let Err(error) = self.capa()
        {
            if error.kind() != ErrorKind::Refused {
                return Err(error);
            }
            self.capabilities = Announced::Refused;
        }
        Ok(match &self.capabilities {
            Announced::Capabilities(capabilities) => Some(capabilities),
            Announced::NotAsked | Announced::Refused => None,
        })
    }

    /// `STLS` (RFC 2595 §4): switches to TLS and returns the encrypted session. Everything learnt in cleartext is forgotten,
    /// since it may have been injected.
    ///
    /// # Errors
    /// - [`ErrorKind::Tls`]: the server refused, or the handshake failed.
    /// - [`ErrorKind::Temporary`]: the server asks to try again later.
    /// - [`ErrorKind::Protocol`]: data in cleartext followed the response (CVE-2021-22947).
    pub fn stls(mut self, connector: &TlsConnector) -> Result<Self, Error> {
        self.connection.call(&Command::Stls).map_err(|error| no_login(error, ErrorKind::Tls))?;
        let connection = self.connection.upgrade(connector, self.address.host())?;
        Ok(Self { connection, top: false, greeting: Vec::new(), capabilities: Announced::NotAsked, ..self })
    }

    /// `UTF8` (RFC 6856 §2): asks for internationalised mail unconverted.
    pub fn utf8(&mut self) -> Result<(), Error> {
        self.connection.call(&Command::Utf8).map(drop)
    }

    /// `USER` (RFC 1939 §7): sends the user name; [`pass`](Self::pass) must follow.
    pub fn user(&mut self, user: &str) -> Result<(), Error> {
        let user = argument(user)?;
        self.connection.call(&Command::User(&user)).map(drop)
    }

    /// `PASS` (RFC 1939 §7): sends the password and logs in.
    ///
    /// # Errors
    /// Those of [`login`](Self::login).
    pub fn pass(mut self, password: &Secret) -> Result<Transaction, LoginError> {
        let response = self.send_pass(password);
        self.logged_in(response, AuthMethod::UserPass)
    }

    /// `APOP` (RFC 1939 §7): logs in with a digest of the password. The digest is MD5, which is broken: use it only for
    /// servers without a better method, and over TLS.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] if the greeting has no timestamp of the form of a message-id (CVE-2007-1558); else those
    /// of [`login`](Self::login).
    pub fn apop(mut self, user: &str, password: &Secret) -> Result<Transaction, LoginError> {
        let response = self.send_apop(user, password);
        self.logged_in(response, AuthMethod::Apop)
    }

    /// Returns the strongest method that the server offers and the credential fits, for [`login_with`](Self::login_with).
    /// Asks for the capabilities if they are not known.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] if no offered method fits the credential.
    pub fn choose(&mut self, credential: &Credential) -> Result<AuthMethod, Error> {
        self.offered()?.strongest(credential)
    }

    /// Returns the method that [`login_with`](Self::login_with) would take for this one: its `-PLUS` variant if the channel and
    /// the server support it, else the same.
    pub fn bound(&mut self, method: AuthMethod) -> Result<AuthMethod, Error> {
        Ok(method.bound(&self.offered()?.offer()))
    }

    /// Logs in with the method that [`choose`](Self::choose) returns. After a refusal no other method is tried, as each
    /// further one would expose the credential more.
    ///
    /// ```no_run
    /// # use pop3::{Secret, sasl::Credential, session::Authorization};
    /// # fn prompt() -> Secret { Secret::from("") }
    /// # fn run(mut session: Authorization) -> Result<(), pop3::Error> {
    /// let maildrop = loop {
    ///     match session.login("mrose", &Credential::Password(prompt())) {
    ///         Ok(maildrop) => break maildrop,
    ///         Err(refused) => {
    ///             eprintln!("{refused}");
    ///             session = refused.into_session()?; // the connection is usable: ask again
    ///         }
    ///     }
    /// };
    /// # maildrop.abandon() }
    /// ```
    ///
    /// # Errors
    /// - [`ErrorKind::Authentication`]: wrong credentials.
    /// - [`ErrorKind::Temporary`]: `[IN-USE]`, `[LOGIN-DELAY]` or `[SYS/TEMP]`.
    /// - [`ErrorKind::Unavailable`]: `[SYS/PERM]`, or the connection was lost.
    /// - [`ErrorKind::Unsupported`]: no offered method fits the credential, or the server lacks the mechanism.
    /// - [`ErrorKind::Protocol`]: among others, the server did not prove itself as the mechanism requires.
    pub fn login(mut self, user: &str, credential: &Credential) -> Result<Transaction, LoginError> {
        match self.choose(credential) {
            Ok(method) => self.login_with(method, user, credential),
            Err(error) => Err(LoginError::new(error, self)),
        }
    }

    /// Logs in with a method, whether or not the server announces it. Over TLS 1.3, the `-PLUS` variant of a mechanism is
    /// taken if the server offers it.
    ///
    /// # Errors
    /// Those of [`login`](Self::login).
    pub fn login_with(
        mut self,
        method: AuthMethod,
        user: &str,
        credential: &Credential,
    ) -> Result<Transaction, LoginError> {
        match self.authenticate(method, user, credential) {
            Ok(method) => Ok(Transaction::new(self.connection, method, self.top)),
            Err(error) => Err(LoginError::new(error, self)),
        }
    }

    /// `QUIT` (RFC 1939 §4): ends the session. No message can be marked before the login, so none is deleted.
    pub fn quit(mut self) -> Result<(), Error> {
        self.connection.call(&Command::Quit)?;
        self.connection.close();
        Ok(())
    }

    fn offered(&mut self) -> Result<Offered, Error> {
        self.capabilities()?;
        let capabilities = match &self.capabilities {
            Announced::Capabilities(capabilities) => Some(capabilities),
            Announced::NotAsked | Announced::Refused => None,
        };
        Ok(Offered::new(self.connection.stream(), capabilities))
    }

    fn authenticate(
        &mut self,
        method: AuthMethod,
        user: &str,
        credential: &Credential,
    ) -> Result<AuthMethod, Error> {
        let offered = self.offered()?;
        let method = method.bound(&offered.offer());
        match (method, credential) {
            (AuthMethod::UserPass, Credential::Password(password)) => {
                self.user(user).map_err(login::refusal)?;
                self.send_pass(password)?;
            }
            (AuthMethod::Apop, Credential::Password(password)) => self.send_apop(user, password)?,
            (AuthMethod::UserPass | AuthMethod::Apop, _) => {
                return Err(login::unusable(SaslError::Credential));
            }
            (AuthMethod::Sasl(mechanism), _) => {
                let Self { connection, address, .. } = self;
                login::authenticate(connection, mechanism, &offered, address, user, credential)?;
            }
        }
        Ok(method)
    }

    fn send_pass(&mut self, password: &Secret) -> Result<(), Error> {
        self.connection.redact(password.expose());
        let password = SecretArgument::try_from(password.clone()).map_err(|error| {
            Error::new(ErrorKind::Argument, format!("the password cannot be sent: {error}"))
        })?;
        self.connection.call(&Command::Pass(&password)).map(drop).map_err(login::refusal)
    }

    fn send_apop(&mut self, user: &str, password: &Secret) -> Result<(), Error> {
        let user = argument(user)?;
        self.connection.redact(password.expose());
        let Some(timestamp) = apop::timestamp(&self.greeting) else {
            let message = "the server's greeting has no timestamp that APOP could use";
            return Err(Error::new(ErrorKind::Unsupported, message).with_response(&*self.greeting));
        };
        let digest = apop::digest(timestamp, password)
            .map_err(|error| Error::new(error.kind(), error.to_string()).with_source(error))?;
        let digest = SecretArgument::try_from(digest)
            .map_err(|error| Error::new(ErrorKind::Argument, error.to_string()))?;
        let apop = Command::Apop { user: &user, digest: &digest };
        self.connection.call(&apop).map(drop).map_err(login::refusal)
    }

    fn logged_in(self, response: Result<(), Error>, method: AuthMethod) -> Result<Transaction, LoginError> {
        match response {
            Ok(()) => Ok(Transaction::new(self.connection, method, self.top)),
            Err(error) => Err(LoginError::new(error, self)),
        }
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A login that failed, with the session if another login can be tried in it.
///
/// Converts to [`Error`], which closes the session.
#[derive(Debug)]
pub struct LoginError {
    error: Error,
    session: Option<Box<Authorization>>,
}

impl LoginError {
    fn new(error: Error, session: Authorization) -> Self {
        let session = (!session.connection.is_poisoned()).then(|| Box::new(session));
        Self { error, session }
    }

    /// Returns the error.
    #[must_use]
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// Returns the session for another try, after the server refused the login or before anything was sent. Some servers
    /// close the connection after a refusal; then the next command is an error.
    ///
    /// # Errors
    /// The error itself, if the session cannot be used: the connection was lost, or the server broke the protocol.
    pub fn into_session(self) -> Result<Authorization, Error> {
        self.session.map(|session| *session).ok_or(self.error)
    }
}

impl From<LoginError> for Error {
    fn from(failed: LoginError) -> Self {
        failed.error
    }
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for LoginError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

fn argument(user: &str) -> Result<Argument, Error> {
    Argument::try_from(user)
        .map_err(|error| Error::new(ErrorKind::Argument, format!("the user name cannot be sent: {error}")))
}

/// Gives a refusal that has nothing to do with a credential its kind: `[AUTH]` means nothing there.
fn no_login(error: Error, otherwise: ErrorKind) -> Error {
    let error = error.by_response_code(otherwise);
    if error.kind() == ErrorKind::Authentication { error.with_kind(otherwise) } else { error }
}
