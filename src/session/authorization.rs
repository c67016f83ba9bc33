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
/// [`login`](Self::login) uses the strongest method that the server offers. [`user`](Self::user) and
/// [`pass`](Self::pass), or [`apop`](Self::apop), are the commands of RFC 1939. Each login consumes the session; if
/// the server refuses, the [`LoginError`] returns it.
///
/// # Errors
///
/// After an error of kind [`ErrorKind::Refused`] the session can still be used. After most other errors it cannot:
/// every further call fails and sends nothing.
pub struct Authorization {
    connection: Connection,
    address: Address,
    pipelining: bool,
    /// True if the server announced `TOP`.
    top: bool,
    greeting: Vec<u8>,
    capabilities: Announced,
}

/// The capabilities of the server, once they were requested.
enum Announced {
    NotAsked,
    Refused,
    Capabilities(Capabilities),
}

impl Authorization {
    /// Begins a session on a connection to `address`, and waits for the greeting.
    ///
    /// [`Connector`](super::Connector) also makes the connection.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Unavailable`] for an `-ERR` greeting, or [`ErrorKind::Temporary`] if its response code is
    /// a temporary one.
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

    /// Returns the greeting as received: `b"+OK POP3 ready <1896.697170952@dbc.mtview.ca.us>"`. It is empty after
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

    /// Sends `CAPA` (RFC 2449 §5) and returns the capabilities.
    pub fn capa(&mut self) -> Result<Capabilities, Error> {
        let capabilities = capabilities::request(&mut self.connection)?;
        self.connection.set_pipelining(self.pipelining && capabilities.has(&Capability::Pipelining));
        self.top = capabilities.has(&Capability::Top);
        self.capabilities = Announced::Capabilities(capabilities.clone());
        Ok(capabilities)
    }

    /// Returns the capabilities, which are requested only once; `None` if the server refuses `CAPA`, as servers older
    /// than RFC 2449 do.
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

    /// Sends `STLS` (RFC 2595 §4), switches to TLS and returns the encrypted session. Everything learnt in cleartext
    /// is discarded, since it may have been injected.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Tls`]: the server refused, or the handshake failed.
    /// - [`ErrorKind::Temporary`]: the server asks to try again later.
    /// - [`ErrorKind::Protocol`]: data in cleartext followed the response (CVE-2021-22947).
    pub fn stls(mut self, connector: &TlsConnector) -> Result<Self, Error> {
        self.connection.call(&Command::Stls).map_err(|error| no_login(error, ErrorKind::Tls))?;
        let connection = self.connection.upgrade(connector, self.address.host())?;
        Ok(Self { connection, top: false, greeting: Vec::new(), capabilities: Announced::NotAsked, ..self })
    }

    /// Sends `UTF8` (RFC 6856 §2), which allows UTF-8 in messages and responses.
    pub fn utf8(&mut self) -> Result<(), Error> {
        self.connection.call(&Command::Utf8).map(drop)
    }

    /// Sends `USER` (RFC 1939 §7); [`pass`](Self::pass) must follow.
    pub fn user(&mut self, user: &str) -> Result<(), Error> {
        let user = argument(user)?;
        self.connection.call(&Command::User(&user)).map(drop)
    }

    /// Sends `PASS` (RFC 1939 §7) and so logs in.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`login`](Self::login).
    pub fn pass(mut self, password: &Secret) -> Result<Transaction, LoginError> {
        let response = self.send_pass(password);
        self.logged_in(response, AuthMethod::UserPass)
    }

    /// Sends `APOP` (RFC 1939 §7), which logs in with a digest of the password. The digest is MD5, which is broken:
    /// use `APOP` only over TLS, and only for servers without a better method.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Unsupported`] if the greeting has no timestamp in the form of a message-id
    /// (CVE-2007-1558), and the errors of [`login`](Self::login).
    pub fn apop(mut self, user: &str, password: &Secret) -> Result<Transaction, LoginError> {
        let response = self.send_apop(user, password);
        self.logged_in(response, AuthMethod::Apop)
    }

    /// Returns the strongest method that the server offers for the kind of credential, for use with
    /// [`login_with`](Self::login_with). Requests the capabilities if they are not known.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Unsupported`] if no offered method fits the credential.
    pub fn choose(&mut self, credential: &Credential) -> Result<AuthMethod, Error> {
        self.offered()?.strongest(credential)
    }

    /// Returns the method that [`login_with`](Self::login_with) uses for `method`: its `-PLUS` variant if the channel
    /// and the server support it, and otherwise `method` itself.
    pub fn bound(&mut self, method: AuthMethod) -> Result<AuthMethod, Error> {
        Ok(method.bound(&self.offered()?.offer()))
    }

    /// Logs in with the method that [`choose`](Self::choose) returns. After a refusal no other method is tried,
    /// because each further attempt would expose the credential again.
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
    ///
    /// - [`ErrorKind::Authentication`]: wrong credentials.
    /// - [`ErrorKind::Temporary`]: `[IN-USE]`, `[LOGIN-DELAY]` or `[SYS/TEMP]`.
    /// - [`ErrorKind::Unavailable`]: `[SYS/PERM]`, or the connection was lost.
    /// - [`ErrorKind::Unsupported`]: no offered method fits the credential, or the server lacks the mechanism.
    /// - [`ErrorKind::Protocol`]: the server broke the protocol, or did not authenticate itself as the mechanism
    ///   requires.
    pub fn login(mut self, user: &str, credential: &Credential) -> Result<Transaction, LoginError> {
        match self.choose(credential) {
            Ok(method) => self.login_with(method, user, credential),
            Err(error) => Err(LoginError::new(error, self)),
        }
    }

    /// Logs in with a method, even if the server does not announce it. Over TLS 1.3, the `-PLUS` variant of a
    /// mechanism is used if the server offers it.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`login`](Self::login).
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

    /// Sends `QUIT` (RFC 1939 §4) and ends the session. No message is deleted, since none can be marked before the
    /// login.
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

/// A failed login, with the session if it allows another attempt.
///
/// Converting it to [`Error`] closes the session.
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

    /// Returns the session for another attempt if the server refused the login, or if nothing was sent. Some servers
    /// close the connection after a refusal, so the next command may fail.
    ///
    /// # Errors
    ///
    /// Returns the error itself if the session cannot be used any more: the connection was lost, or the server broke
    /// the protocol.
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

/// Sets the kind of a refusal of a command without a credential, where `[AUTH]` has no meaning.
fn no_login(error: Error, otherwise: ErrorKind) -> Error {
    let error = error.by_response_code(otherwise);
    if error.kind() == ErrorKind::Authentication { error.with_kind(otherwise) } else { error }
}
