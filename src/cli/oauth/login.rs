//! `login` and `logout` for an account with `oauth`.

use std::io::{self, IsTerminal as _};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::oauth::{AuthorizationRequest, Client, Code, Endpoints, OAuthRequest, Poll, Tokens};
use crate::sasl::{AuthMethod, Credential};
use crate::{Error, ErrorKind};

use super::listener::Listener;
use super::store::{Store, StoreError};
use super::transport::{Transport, random};
use super::{Grant, OAuth, browser, check_tls, learn, login_again};
use crate::bytes::rfc3339;
use crate::cli::args;
use crate::cli::command::{Context, Outcome, now};
use crate::cli::error::{Abort, CliError, ErrorCode};
use crate::cli::settings::Settings;
use crate::cli::{credential, json, session};

/// Gets a grant with the help of a person, verifies its access token with the POP3 server, and saves it.
pub fn login(context: &mut Context<'_>, oauth: &OAuth, args: &args::Login) -> Result<Outcome, Abort> {
    let settings = context.settings;
    check(settings, args)?;
    let store = Store::of(settings, oauth);
    store.probe()?;
    let trace_log = context.trace_log.clone();
    let transport = Transport::new(settings, oauth, &trace_log);
    let client = transport.client()?;
    let endpoints = match oauth.authority() {
        Some(_) => transport.endpoints()?,
        None => learn::endpoints(context, &transport)?,
    };
    let mut person = Person { context, oauth, transport: &transport, client: &client, endpoints: &endpoints };
    let tokens = if args.device { person.device()? } else { person.code(args.no_browser)? };
    let Some(refresh_token) = &tokens.refresh_token else {
        let text = "the server sent no refresh token: offline access was not granted; \
                    scope or parameters of oauth may have to ask for it";
        return Err(CliError::new(ErrorCode::Protocol, text).into());
    };
    let token = Credential::Token(tokens.access_token.clone());
    let session =
        session::open(settings, &token, &context.trace_log, context.stderr).map_err(|mut failure| {
            if failure.code == ErrorCode::Authentication {
                failure.hint = Some(REFUSED_TOKEN.into());
            }
            failure
        })?;
    context.end(session.transaction)?;
    let grant = Grant::new(settings, oauth, &endpoints, &tokens, refresh_token);
    let lock = store.lock()?;
    store.write(&grant).map_err(|error| login_again(store.unsaved(error), settings))?;
    drop(lock);
    context.printer.note(&format!("the grant of {} is stored in {}", settings.mailbox(), store.place()))?;
    Ok(Outcome::Done)
}

/// Revokes and removes the grant, and removes a password of the account from the keyring.
pub fn logout(context: &mut Context<'_>, oauth: &OAuth) -> Result<Outcome, Abort> {
    let settings = context.settings;
    let store = Store::of(settings, oauth);
    let lock = store.lock()?;
    match store.read() {
        Ok(Some(grant)) => {
            if let Err(why) = revoke(context, oauth, &grant) {
                context.stderr.warning(&format!(
                    "the grant of {} is removed, but not revoked: {why}",
                    settings.mailbox()
                ));
            }
        }
        Ok(None) => {}
        Err(StoreError::Damaged) => context.stderr.warning("the stored grant is damaged, and not revoked"),
        Err(error) => return Err(store.failure("read", error).into()),
    }
    let mailbox = settings.mailbox();
    let removed = store.remove().map_err(|error| store.failure("removed", error))?;
    drop(lock);
    let message = if removed {
        format!("the grant of {mailbox} was removed from {}", store.place())
    } else {
        format!("no grant of {mailbox} is stored in {}", store.place())
    };
    context.printer.note(&message)?;
    // Errors of the keyring are ignored: with a grant in a file there may be no keyring.
    if credential::remove(settings).unwrap_or(false) {
        context.printer.note(&format!("the password of {mailbox} was removed from the keyring"))?;
    }
    Ok(Outcome::Done)
}

fn revoke(context: &Context<'_>, oauth: &OAuth, grant: &Grant) -> Result<(), String> {
    let transport = Transport::new(context.settings, oauth, &context.trace_log);
    if !grant.belongs_to(context.settings, oauth) {
        return Err("it is for another host, user, issuer or client id".into());
    }
    let client = transport.client().map_err(|failure| failure.message)?;
    let request = client
        .revoke(&grant.endpoints(), &grant.refresh_token)
        .ok_or("the provider has no revocation endpoint; its account settings may revoke it")?;
    transport
        .send(&request.hiding(&grant.access_token), OAuthRequest::done)
        .map_err(|error| error.to_string())
}

/// Checks the preconditions of a login, before a person is asked.
fn check(settings: &Settings, args: &args::Login) -> Result<(), CliError> {
    let takes_token = match settings.auth {
        None => true,
        Some(AuthMethod::Sasl(mechanism)) => mechanism.wants_token(),
        Some(AuthMethod::UserPass | AuthMethod::Apop) => false,
    };
    if !takes_token {
        let text = "an account with oauth needs auth = \"auto\", \"oauthbearer\" or \"xoauth2\"";
        return Err(CliError::configuration(text));
    }
    check_tls(settings)?;
    let terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
    if !(terminal || args.device || args.no_browser) {
        let text = "no terminal to log in from with a browser: use --device or --no-browser";
        return Err(CliError::configuration(text));
    }
    Ok(())
}

/// The grants that require a person.
struct Person<'a, 'c> {
    context: &'a mut Context<'c>,
    oauth: &'a OAuth,
    transport: &'a Transport<'a>,
    client: &'a Client,
    endpoints: &'a Endpoints,
}

impl Person<'_, '_> {
    /// Runs the authorization code grant. The listener receives the redirect, or the person pastes its URL.
    fn code(&mut self, paste: bool) -> Result<Tokens, Abort> {
        let redirect = &self.oauth.redirect;
        let (uri, listener) = if paste {
            (redirect.as_str().to_owned(), None)
        } else {
            if redirect.is_https() || !redirect.is_loopback() {
                let text = format!("{redirect} cannot be listened on: use --no-browser");
                return Err(CliError::configuration(text).into());
            }
            let listener = Listener::bind(redirect).map_err(|error| {
                CliError::configuration(format!("cannot listen for the browser on {redirect}: {error}"))
            })?;
            (listener.redirect_uri(redirect), Some(listener))
        };
        let request = AuthorizationRequest::new(self.client, self.endpoints, &uri, &random()?)?;
        let request = std::sync::Arc::new(request);
        self.tell(&format!("Open this address in a browser and log in as {}:", self.context.settings.user))?;
        self.tell(request.url())?;
        let code = if let Some(listener) = listener {
            browser::open(request.url());
            let judge = request.clone();
            listener.wait(self.until(), move |query| judge.code(query))
        } else {
            self.tell("Then paste the address that the browser ended at, even if it shows an error page:")?;
            self.pasted(&request)?
        };
        let code = code.unwrap_or_else(|| Err(self.late())).map_err(|error| self.failure(error))?;
        self.client
            .redeem(self.endpoints, &request, &code)
            .and_then(|request| self.transport.send(&request, OAuthRequest::tokens))
            .map_err(|error| self.failure(error).into())
    }

    /// Reads the URL of the redirect from standard input and returns its code, or `None` if the time is over.
    fn pasted(&self, request: &AuthorizationRequest) -> Result<Option<Result<Code, Error>>, CliError> {
        let (sender, receiver) = mpsc::channel();
        thread::Builder::new()
            .name("address".into())
            .spawn(move || {
                let _ = sender.send(credential::first_line(io::stdin().lock()));
            })
            .map_err(|error| CliError::output("cannot start a thread", &error))?;
        let line = match receiver.recv_timeout(self.until().saturating_duration_since(Instant::now())) {
            Ok(Ok(line)) => line,
            Ok(Err(error)) => {
                return Err(CliError::configuration(format!("no address from standard input: {error}")));
            }
            Err(_) => return Ok(None),
        };
        let text = String::from_utf8_lossy(line.expose());
        let Some((_, query)) = text.trim().split_once('?') else {
            return Err(CliError::configuration(
                "standard input holds no address with an answer: paste all of it, from http to its end",
            ));
        };
        Ok(Some(request.code(query.split('#').next().unwrap_or_default())))
    }

    /// Runs the device grant (RFC 8628).
    fn device(&mut self) -> Result<Tokens, Abort> {
        if let (None, Some(provider)) = (&self.endpoints.device, self.oauth.provider) {
            let text = format!(
                "the provider {} has no device login for mail: use a browser, or --no-browser",
                provider.name
            );
            return Err(CliError::configuration(text).into());
        }
        let device = self
            .client
            .device(self.endpoints)
            .and_then(|request| self.transport.send(&request, OAuthRequest::device))
            .map_err(|error| self.failure(error))?;
        let expires = now().saturating_add(i64::try_from(device.expires_in.as_secs()).unwrap_or(i64::MAX));
        self.context.printer.device(&json::Device {
            url: device.verification_uri.clone(),
            code: device.user_code.clone(),
            expires: rfc3339(expires),
        })?;
        let until = Instant::now() + device.expires_in;
        let until = self.context.settings.deadline_instant().map_or(until, |deadline| deadline.min(until));
        let mut interval = device.interval;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            thread::sleep(interval.min(left));
            if Instant::now() >= until {
                let error = self.late();
                return Err(self.failure(error).into());
            }
            let polled = self
                .client
                .poll(self.endpoints, &device)
                .and_then(|request| self.transport.send(&request, OAuthRequest::poll))
                .map_err(|error| self.failure(error))?;
            match polled {
                Poll::Pending => {}
                Poll::SlowDown => interval += Poll::SLOW_DOWN,
                Poll::Done(tokens) => return Ok(tokens),
            }
        }
    }

    /// Prints a line for the person: with `--json` on standard error, because standard output is for objects only.
    fn tell(&mut self, text: &str) -> Result<(), Abort> {
        if self.context.settings.json {
            self.context.stderr.instruct(text);
        } else {
            self.context.printer.instruct(text)?;
        }
        Ok(())
    }

    fn until(&self) -> Instant {
        let until = Instant::now() + PATIENCE;
        self.context.settings.deadline_instant().map_or(until, |deadline| deadline.min(until))
    }

    /// Returns the error for a login that was not confirmed in time.
    fn late(&self) -> Error {
        if self.context.settings.deadline_passed() {
            return Error::new(ErrorKind::Unavailable, "the login was not confirmed before the deadline");
        }
        Error::new(ErrorKind::Authentication, "the login was not confirmed in time")
    }

    fn failure(&self, error: Error) -> CliError {
        let again = error.kind() == ErrorKind::Authentication;
        let failure = CliError::from(error).while_doing("the login failed");
        if again { login_again(failure, self.context.settings) } else { failure }
    }
}

/// The hint for a new token that the POP3 server refuses.
const REFUSED_TOKEN: &str =
    "the token is new: check the user name, the scope of oauth, and that the mailbox allows POP3";

/// The time that the user may take in the browser.
const PATIENCE: Duration = Duration::from_secs(300);
