//! Opens a session: connects, starts TLS and logs in.

use std::{
    io,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use super::{
    error::{CliError, ErrorCode},
    output::Stderr,
    settings::Settings,
    trace_log::TraceLog,
};
use crate::{
    Error, ErrorKind,
    net::{self, Limits, Stream, TlsConnector, TlsFailure, TlsSettings, Trust},
    proto::{Capabilities, ResponseCode},
    sasl::{AuthMethod, Credential},
    session::{Authorization, SessionOptions, TlsMode, Transaction},
};

/// A session after login, with the greeting and the capabilities that the server sent before login.
pub struct Session {
    pub transaction: Transaction,
    pub greeting: Vec<u8>,
    /// The capabilities before login (received over TLS if TLS is used), or `None` if the server refused `CAPA`.
    pub capabilities: Option<Capabilities>,
}

/// Opens a session. While another session locks the maildrop, retries for `--wait`. Each attempt uses a new connection, because
/// some servers close the connection after they refuse a login.
pub fn open(
    settings: &Settings,
    credential: &Credential,
    trace_log: &TraceLog,
    stderr: Stderr,
) -> Result<Session, CliError> {
    let started = Instant::now();
    let deadline = settings.deadline_instant();
    let mut attempt = Attempt::new(settings, settings.auth, credential, trace_log, stderr);
    let mut pause = FIRST_PAUSE;
    let mut in_use = None;
    loop {
        let error = match attempt.open() {
            Ok(session) => return Ok(session),
            Err(error) => error,
        };
        let now = Instant::now();
        if error.response_code() != Some(ResponseCode::InUse) {
            // The deadline ended the last attempt: report the reason why there was more than one attempt.
            let late =
                deadline.is_some_and(|deadline| now >= deadline) && error.kind() == ErrorKind::Unavailable;
            let error = if late { in_use.unwrap_or(error) } else { error };
            return Err(explain(error, settings, attempt.greeted));
        }
        let ends = [started.checked_add(settings.wait), deadline].into_iter().flatten().min();
        let left = ends.map_or(pause, |end| end.saturating_duration_since(now));
        if left.is_zero() {
            return Err(explain(error, settings, attempt.greeted));
        }
        log::info!("the maildrop is in use; trying again in {} s", pause.min(left).as_secs_f32());
        thread::sleep(pause.min(left));
        pause *= 2;
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(explain(error, settings, attempt.greeted));
        }
        in_use = Some(error);
    }
}

/// Opens a session with this method, in a single attempt, and returns the library's error.
pub fn open_once(
    settings: &Settings,
    method: AuthMethod,
    credential: &Credential,
    trace_log: &TraceLog,
    stderr: Stderr,
) -> Result<Session, Error> {
    Attempt::new(settings, Some(method), credential, trace_log, stderr).open()
}

struct Attempt<'a> {
    settings: &'a Settings,
    /// The authentication method; `None` for the strongest. The first login fixes it, so a retry never uses a weaker method.
    method: Option<AuthMethod>,
    credential: &'a Credential,
    trace_log: &'a TraceLog,
    stderr: Stderr,
    deadline: Option<Instant>,
    /// True once the server has sent a greeting.
    greeted: bool,
    warned: bool,
    warned_of_files: bool,
}

impl<'a> Attempt<'a> {
    fn new(
        settings: &'a Settings,
        method: Option<AuthMethod>,
        credential: &'a Credential,
        trace_log: &'a TraceLog,
        stderr: Stderr,
    ) -> Self {
        Self {
            settings,
            method,
            credential,
            trace_log,
            stderr,
            deadline: settings.deadline_instant(),
            greeted: false,
            warned: false,
            warned_of_files: false,
        }
    }

    fn open(&mut self) -> Result<Session, Error> {
        let settings = self.settings;
        let connector = (settings.tls != TlsMode::None).then(|| {
            TlsConnector::prepare(TlsSettings {
                trust: settings.trust.clone(),
                identity: settings.identity.clone(),
                name: settings.tls_name.clone(),
                key_log: self.trace_log.key_log(),
            })
        });
        let mut session = self.connect(connector.as_ref())?;
        let capabilities = session.capabilities()?.cloned();
        // RFC 6856 §2.1 allows UTF8 before login only. If the server refuses, it sends messages as without UTF8.
        if capabilities.as_ref().is_some_and(|capabilities| capabilities.utf8().is_some())
            && let Err(error) = session.utf8()
            && error.kind() != ErrorKind::Refused
        {
            return Err(error);
        }
        let greeting = session.greeting().to_vec();
        let method = match self.method {
            Some(method) => session.bound(method)?,
            None => session.choose(self.credential)?,
        };
        self.method = Some(method);
        if method.reveals_secret() && !self.warned && leaves_in_clear(&session, settings) {
            self.warned = true;
            self.stderr.warning(
                "the password or token leaves this machine in cleartext: use --tls starttls or implicit",
            );
        }
        keep_out_of_core_dumps();
        let transaction = session.login_with(method, &settings.user, self.credential)?;
        Ok(Session { transaction, greeting, capabilities })
    }

    fn connect(&mut self, connector: Option<&TlsConnector>) -> Result<Authorization, Error> {
        let settings = self.settings;
        let limits = Limits { timeout: settings.timeout, deadline: self.deadline };
        let mut trace = self.trace_log.trace();
        let mut note = |text: &str| {
            log::info!("{text}");
            if let Some(trace) = &mut trace {
                trace.note(text);
            }
        };
        // Certificate files are checked before connecting, so that an unusable file is reported at once.
        let files = matches!(settings.trust, Trust::File(_)) || settings.identity.is_some();
        if let Some(connector) = connector.filter(|_| files) {
            for warning in connector.warnings()? {
                if !self.warned_of_files {
                    self.stderr.warning(warning);
                }
            }
            self.warned_of_files = true;
        }
        let address = &settings.address;
        let tcp = net::connect(address, &settings.route, limits, &mut note)?;
        if connector.is_some() {
            if let Some(name) = &settings.tls_name {
                note(&format!("TLS server name {name}"));
            }
            if let Some(path) = &settings.key_log {
                note(&format!("TLS keys are appended to {}: they decrypt this session", path.display()));
            }
        }
        let stream = match (connector, settings.tls) {
            (Some(connector), TlsMode::Implicit) => {
                let tls = connector.handshake(tcp, address.host())?;
                tls.facts().notes().iter().for_each(|line| note(line));
                Stream::from(tls)
            }
            _ => Stream::from(tcp),
        };
        let options = SessionOptions::default().pipelining(settings.pipelining).trace(self.trace_log.trace());
        let waiting = (settings.tls != TlsMode::Implicit).then(|| note_if_silent(self.stderr));
        let mut session = Authorization::open(stream, address, options)?;
        drop(waiting);
        self.greeted = true;
        match (connector, settings.tls) {
            (Some(connector), TlsMode::StartTls) => {
                // Some servers accept STLS only after CAPA. The response is ignored, because it was sent in cleartext.
                session.capabilities()?;
                session.stls(connector)
            }
            _ => Ok(session),
        }
    }
}

/// Prints a note if no greeting arrives for a few seconds: a server with implicit TLS sends none, and the timeout is long.
/// Dropping the sender cancels the note.
fn note_if_silent(stderr: Stderr) -> Sender<()> {
    let (greeted, waiting) = mpsc::channel();
    let wait = move || {
        if waiting.recv_timeout(SILENCE) == Err(RecvTimeoutError::Timeout) {
            stderr.note("no greeting yet; if the server uses implicit TLS, add --tls implicit");
        }
    };
    if let Err(error) = thread::Builder::new().name("greeting".into()).spawn(wait) {
        log::debug!("cannot start the greeting thread: {error}");
    }
    greeted
}

/// Prevents core dumps, which would write the secret to disk. Called late, because it also makes the files in `/dev/fd`
/// unreadable, and options may name such files.
#[cfg(target_os = "linux")]
fn keep_out_of_core_dumps() {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        log::debug!("cannot disable core dumps: {error}");
    }
}

/// Does nothing: other systems have no safe call. `ulimit -c 0` has the same effect.
#[cfg(not(target_os = "linux"))]
fn keep_out_of_core_dumps() {}

fn leaves_in_clear(session: &Authorization, settings: &Settings) -> bool {
    let proxy = settings.route.proxy.as_ref();
    let leaves = proxy.is_some_and(|proxy| proxy.serves(settings.address.host()))
        || !session.stream().tcp().peer_addr().ip().is_loopback();
    leaves && matches!(session.stream(), Stream::Plain(_))
}

/// Adds a hint for common mistakes with a new server.
fn explain(error: Error, settings: &Settings, greeted: bool) -> CliError {
    if let Some(failure) = settings.refuse_certificate_file(&error) {
        return failure;
    }
    let host = settings.address.host().to_string();
    let at = |domains: &[&str]| {
        domains.iter().any(|domain| host == *domain || host.ends_with(&format!(".{domain}")))
    };
    let hint = match error.kind() {
        ErrorKind::Authentication if at(&["gmail.com", "googlemail.com"]) => Some(
            "Gmail accepts an app password or an OAuth 2.0 token, not the account's password, and POP must be enabled",
        ),
        ErrorKind::Authentication if at(&["office365.com", "outlook.com", "hotmail.com", "live.com"]) => {
            Some("Outlook and Office 365 accept OAuth 2.0 tokens only: set POP3_TOKEN or token-command")
        }
        ErrorKind::Tls if settings.tls == TlsMode::StartTls && error.response().is_some() => Some(
            "the server has no STLS: use --tls implicit (port 995), or --tls none to send everything in cleartext",
        ),
        ErrorKind::Tls => match TlsFailure::of(&error) {
            Some(TlsFailure::Untrusted) => Some(
                "if you know that the certificate is valid, trust it with --ca-file or --tls-fingerprint",
            ),
            Some(TlsFailure::WrongName) if settings.tls_name.is_some() => Some("check --tls-name"),
            Some(TlsFailure::WrongName) => Some(
                "if this is the right server, known by another name or reached through a tunnel: give the name in its certificate with --tls-name",
            ),
            Some(TlsFailure::NotTls) => Some("check --port and --tls"),
            _ => None,
        },
        ErrorKind::Unavailable if settings.address.port() == 995 && settings.tls != TlsMode::Implicit => {
            Some("port 995 is for implicit TLS: use --tls implicit")
        }
        ErrorKind::Unavailable if !greeted && settings.tls != TlsMode::Implicit && is_timeout(&error) => {
            Some("a server with implicit TLS sends no greeting in cleartext: try --tls implicit")
        }
        ErrorKind::Unavailable if !greeted && error.response().is_none() && settings.route.bind.is_some() => {
            Some("check --bind, --host, --port and the network")
        }
        ErrorKind::Unavailable if !greeted && error.response().is_none() => {
            Some("check --host, --port and the network")
        }
        _ => None,
    };
    let mut failure = CliError::from(error);
    if failure.code == ErrorCode::Authentication && hint.is_some() {
        failure.hint = hint.map(Into::into);
    }
    failure.or_hint(hint)
}

fn is_timeout(error: &Error) -> bool {
    error.io_kind() == Some(io::ErrorKind::TimedOut)
}

/// Pause before the second attempt while the maildrop is in use. Each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Time without a greeting after which a note is printed.
const SILENCE: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::{super::settings::tests::resolve, *};

    #[test]
    fn common_mistakes_get_a_hint() {
        let refused = || Error::new(ErrorKind::Authentication, "PASS refused").with_response(b"-ERR no");
        let lost = || {
            let timeout = io::Error::from(io::ErrorKind::TimedOut);
            Error::new(ErrorKind::Unavailable, "timed out").with_source(timeout)
        };
        let tls = |message: &str| Error::new(ErrorKind::Tls, message);
        let untrusted =
            tls("x").with_source(rustls::Error::InvalidCertificate(rustls::CertificateError::Revoked));
        let no_tls =
            tls("x").with_source(rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType));
        let table = [
            (refused(), "pop.gmail.com", &[][..], true, "app password"),
            (refused(), "gmail.com.example.org", &[], true, "check the user name"),
            (refused(), "outlook.office365.com", &[], true, "OAuth 2.0 tokens only"),
            (lost(), "h", &["--port", "995", "--tls", "starttls"], false, "use --tls implicit"),
            (lost(), "h", &[], false, "try --tls implicit"),
            (lost(), "h", &["--port", "995"], false, "check --host, --port"),
            (
                tls("no STLS").with_response(b"-ERR"),
                "h",
                &[],
                true,
                "--tls implicit (port 995), or --tls none",
            ),
            (untrusted, "h", &[], true, "--ca-file or --tls-fingerprint"),
            (no_tls, "h", &[], true, "check --port and --tls"),
        ];
        for (error, host, words, greeted, hint) in table {
            let words = [&["status", "--host", host, "--user", "u"], words].concat();
            let settings = resolve(&words, &[], "").unwrap();
            let failure = explain(error, &settings, greeted);
            let advice = failure.advice();
            assert!(advice.contains(hint), "{words:?}: {advice}");
        }
        let settings = resolve(&["status", "--host", "h", "--user", "u"], &[], "").unwrap();
        assert_eq!(explain(lost(), &settings, true).hint, None);
        // The word "certificate" in an error is not enough for a hint.
        assert_eq!(explain(tls("no cipher for this certificate"), &settings, true).hint, None);
    }
}
