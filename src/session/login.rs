//! Which mechanism logs in, and the exchange that does it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::crypto::ring::default_provider;

use crate::{
    error::{Error, ErrorKind},
    net::Stream,
    proto::{
        Capabilities, Capability, Command, ProtocolError, StatusIndicator, StatusLine,
        argument::SecretArgument, engine::Kind,
    },
    sasl::{
        ChannelBinding, Credential, Exchange, Mechanism, Parameters, SaslError,
        auto::{self, Channel, Choice, Offer},
    },
    secret::Secret,
    session::{
        authorization::Authorization,
        wire::{Wire, by_response_code},
    },
};

/// RFC 2449 §4: a command has at most 255 octets with its line end; an initial response that does not fit goes in a
/// step of its own.
const LONGEST_COMMAND: usize = 255;

/// Octets of randomness in a SCRAM nonce; RFC 5802 §5.1 leaves the number open, and 18 make 24 characters of base64.
const NONCE: usize = 18;

/// All that a login needs.
#[derive(Debug, Clone, Copy)]
pub struct Login<'a> {
    /// The user name, sent unchanged.
    pub user: &'a str,
    /// What proves it.
    pub credential: &'a Credential,
    /// By which mechanism, whatever the server announces; `None`: the strongest that the server offers and the
    /// credential fits.
    pub mechanism: Option<Choice>,
    /// The server's name, as `OAUTHBEARER` (RFC 7628 §3.1) sends it.
    pub host: &'a str,
    /// The server's port, likewise.
    pub port: u16,
}

pub(super) enum Way<'a> {
    UserPass(&'a Secret),
    Apop(&'a Secret),
    Sasl {
        exchange: Exchange,
        /// Whether the server's list has it, or there is no list.
        offered: bool,
    },
}

/// What the server offers, over the channel that there is.
struct Offered {
    mechanisms: Option<Vec<Mechanism>>,
    user: bool,
    channel: Channel,
}

impl Offered {
    fn by(session: &mut Authorization) -> Result<Self, Error> {
        let channel = match session.stream() {
            Stream::Plain(_) => Channel::Clear,
            Stream::Tls(tls) if tls.exporter().is_some() => Channel::TlsExporter,
            Stream::Tls(_) => Channel::Tls,
        };
        let capabilities = session.capabilities()?;
        let mechanisms = capabilities.and_then(offered_mechanisms);
        let user = capabilities.is_some_and(|capabilities| capabilities.has(&Capability::User));
        Ok(Self { mechanisms, user, channel })
    }

    fn choice(&self, login: &Login<'_>) -> Result<Choice, Error> {
        let offer = Offer { sasl: self.mechanisms.as_deref(), user: self.user, channel: self.channel };
        match login.mechanism {
            Some(choice) => Ok(choice.bound(&offer)),
            None => auto::choose(&offer, login.credential).ok_or_else(|| no_way(&offer, login.credential)),
        }
    }
}

pub(super) fn choice(session: &mut Authorization, login: &Login<'_>) -> Result<Choice, Error> {
    Offered::by(session)?.choice(login)
}

pub(super) fn choose<'a>(session: &mut Authorization, login: &Login<'a>) -> Result<Way<'a>, Error> {
    let offered = Offered::by(session)?;
    match (offered.choice(login)?, login.credential) {
        (Choice::UserPass, Credential::Password(password)) => Ok(Way::UserPass(password)),
        (Choice::Apop, Credential::Password(password)) => Ok(Way::Apop(password)),
        (Choice::UserPass | Choice::Apop, _) => Err(unusable(SaslError::Credential)),
        (Choice::Sasl(mechanism), credential) => {
            let nonce = nonce()?;
            let exporter = session.stream().tls().and_then(crate::net::Tls::exporter);
            let binding = ChannelBinding::decide(mechanism, offered.mechanisms.as_deref(), exporter.as_ref());
            let (user, host, port) = (login.user, login.host, login.port);
            let parameters = Parameters { user, credential, nonce: &nonce, binding, host, port };
            let exchange = Exchange::new(mechanism, &parameters).map_err(unusable)?;
            if let Credential::Password(secret) | Credential::Token(secret) = credential {
                session.wire().hide(secret.expose());
            }
            let offered = offered.mechanisms.is_none_or(|mechanisms| mechanisms.contains(&mechanism));
            Ok(Way::Sasl { exchange, offered })
        }
    }
}

/// `AUTH` (RFC 5034 §4) to its end; gives the mechanism's name.
pub(super) fn exchange(
    wire: &mut Wire,
    mut exchange: Exchange,
    offered: bool,
) -> Result<&'static str, Error> {
    let name = exchange.mechanism().name();
    let room = LONGEST_COMMAND - "AUTH  \r\n".len() - name.len();
    let initial = exchange.initial(room).map(|octets| initial_argument(&octets)).transpose()?;
    let mechanism = exchange.mechanism();
    let mut said = initial.is_some();
    wire.queue(&Command::Auth { mechanism: name, initial: initial.as_ref() })?;
    wire.flush()?;
    // The bound on challenges is the exchange's own: it refuses one too many, and what follows is the server's line.
    let mut failed = None;
    loop {
        let frame = wire.frame()?;
        let octets = wire.octets(&frame);
        if frame.kind == Kind::Status {
            let line = octets.to_vec();
            let settled = settle(wire, &mut exchange, failed, offered, &line);
            return settled.map_err(|error| if said { error } else { without_credential(error) });
        }
        if failed.is_some() {
            return Err(wire.broken(ProtocolError::TooManyChallenges));
        }
        let response = STANDARD.decode(octets).map_err(|_| SaslError::Malformed);
        match response.and_then(|challenge| exchange.respond(&challenge)) {
            Ok(response) => {
                if let Some(proof) = proof(mechanism, response.expose()) {
                    wire.hide(proof);
                }
                wire.respond(Some(&response))?;
                said = true;
            }
            Err(error) => {
                failed = Some(error);
                wire.respond(None)?;
            }
        }
    }
}

/// What authenticates by itself in a response: the digest of CRAM-MD5 behind the user name (RFC 2195 §2), the proof of
/// SCRAM (RFC 5802 §5.1). The server may repeat it alone.
fn proof(mechanism: Mechanism, response: &[u8]) -> Option<&[u8]> {
    let mark: &[u8] = match mechanism {
        Mechanism::CramMd5 => b" ",
        mechanism if mechanism.is_scram() => b",p=",
        _ => return None,
    };
    memchr::memmem::rfind(response, mark).map(|at| &response[at + mark.len()..])
}

/// What the server's last word is worth: `+OK` counts only where the mechanism is content with it.
fn settle(
    wire: &mut Wire,
    exchange: &mut Exchange,
    failed: Option<SaslError>,
    offered: bool,
    line: &[u8],
) -> Result<&'static str, Error> {
    let name = exchange.mechanism().name();
    let accepted = StatusLine::parse(line).is_ok_and(|status| status.indicator() == StatusIndicator::Ok);
    if let Some(error) = failed.or_else(|| if accepted { exchange.finish().err() } else { None }) {
        wire.poison();
        let response = wire.masked(line);
        return Err(Error::new(error.kind(), format!("{name}: {error}"))
            .with_response(response)
            .with_source(error));
    }
    if accepted {
        return Ok(name);
    }
    let refused = refusal(wire.refused(&format!("AUTH {name}"), line));
    // [IN-USE] and its like are what they are.
    if !offered && refused.kind() == ErrorKind::Authentication {
        return Err(refused.with_kind(ErrorKind::Unsupported).explained("which it does not offer"));
    }
    let refused = match exchange.openid_configuration() {
        Some(named) => refused.with_source(named),
        None => refused,
    };
    Err(match exchange.reason() {
        Some(reason) => {
            refused.explained(&crate::trace::Escaped(&wire.masked(reason.as_bytes())).to_string())
        }
        None => refused,
    })
}

/// What `-ERR` to a credential means.
pub(super) fn refusal(error: Error) -> Error {
    by_response_code(error, ErrorKind::Authentication)
}

/// A refusal before anything of the credential was sent is one of the mechanism, also where the server says `[AUTH]`.
fn without_credential(error: Error) -> Error {
    if error.kind() != ErrorKind::Authentication {
        return error;
    }
    error.with_kind(ErrorKind::Unsupported).explained("before anything of the credential was sent")
}

/// A bare `SASL` lists no mechanism: it counts as none.
fn offered_mechanisms(capabilities: &Capabilities) -> Option<Vec<Mechanism>> {
    let announced = capabilities.sasl().next().is_some();
    announced.then(|| capabilities.sasl().filter_map(Mechanism::from_name).collect())
}

fn initial_argument(octets: &Secret) -> Result<SecretArgument, Error> {
    let base64 = if octets.is_empty() { "=".to_owned() } else { STANDARD.encode(octets.expose()) };
    SecretArgument::try_from(Secret::from(base64))
        .map_err(|error| Error::new(ErrorKind::Argument, format!("the credential cannot be sent: {error}")))
}

fn nonce() -> Result<String, Error> {
    let mut octets = [0; NONCE];
    default_provider()
        .secure_random
        .fill(&mut octets)
        .map_err(|_| Error::new(ErrorKind::Unavailable, "the system gives no random numbers"))?;
    Ok(STANDARD.encode(octets))
}

fn no_way(offer: &Offer<'_>, credential: &Credential) -> Error {
    if offer.channel == Channel::Clear && matches!(credential, Credential::Token(_)) {
        return Error::new(ErrorKind::Unsupported, "an access token goes over TLS only");
    }
    let names: Vec<_> = offer.sasl.unwrap_or_default().iter().map(|mechanism| mechanism.name()).collect();
    let offered = if names.is_empty() { "none that is known".to_owned() } else { names.join(" ") };
    let wanted = match credential {
        Credential::Token(_) => "the server offers no mechanism for an access token",
        Credential::Password(_) => "the server offers no mechanism for a password",
        Credential::None => "without a password or token the mechanism must be named",
    };
    Error::new(ErrorKind::Unsupported, format!("{wanted} (SASL: {offered})"))
}

fn unusable(error: SaslError) -> Error {
    Error::new(error.kind(), error.to_string()).with_source(error)
}
