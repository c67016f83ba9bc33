//! The choice of an authentication method, and the `AUTH` exchange (RFC 5034).

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    error::{Error, ErrorKind},
    net::{Address, Stream, Tls},
    proto::{
        Capabilities, Capability, Command, Event, ProtocolError, StatusIndicator, argument::SecretArgument,
    },
    sasl::{
        AuthMethod, Channel, ChannelBinding, Credential, Exchange, Mechanism, Offer, Parameters, SaslError,
    },
    secret::Secret,
    session::connection::Connection,
};

/// RFC 2449 §4: a command has at most 255 octets, including its line end. An initial response that does not fit is
/// sent after the server's empty challenge.
const MAX_COMMAND: usize = 255;

/// The number of random bytes in a SCRAM nonce. RFC 5802 §5.1 does not specify it; 18 bytes are 24 characters of
/// base64.
const NONCE: usize = 18;

/// The authentication methods that the server offers on this connection.
pub(super) struct Offered {
    mechanisms: Option<Vec<Mechanism>>,
    user: bool,
    channel: Channel,
}

impl Offered {
    pub(super) fn new(stream: &Stream, capabilities: Option<&Capabilities>) -> Self {
        let channel = match stream {
            Stream::Plain(_) => Channel::Clear,
            Stream::Tls(tls) if tls.exporter().is_some() => Channel::TlsExporter,
            Stream::Tls(_) => Channel::Tls,
        };
        Self {
            mechanisms: capabilities.and_then(announced_mechanisms),
            user: capabilities.is_some_and(|capabilities| capabilities.has(&Capability::User)),
            channel,
        }
    }

    pub(super) fn offer(&self) -> Offer<'_> {
        Offer { sasl: self.mechanisms.as_deref(), user: self.user, channel: self.channel }
    }

    pub(super) fn strongest(&self, credential: &Credential) -> Result<AuthMethod, Error> {
        let offer = self.offer();
        AuthMethod::strongest(&offer, credential).ok_or_else(|| no_method(&offer, credential))
    }

    /// Returns true if the server announces the mechanism, or has no list of mechanisms.
    fn has(&self, mechanism: Mechanism) -> bool {
        self.mechanisms.as_ref().is_none_or(|mechanisms| mechanisms.contains(&mechanism))
    }
}

/// Logs in with `AUTH` and a mechanism.
pub(super) fn authenticate(
    connection: &mut Connection,
    mechanism: Mechanism,
    offered: &Offered,
    address: &Address,
    user: &str,
    credential: &Credential,
) -> Result<(), Error> {
    let nonce = nonce()?;
    let exporter = connection.stream().tls().and_then(Tls::exporter);
    let binding = ChannelBinding::decide(mechanism, offered.mechanisms.as_deref(), exporter.as_ref());
    let host = address.host().to_string();
    let parameters =
        Parameters { user, credential, nonce: &nonce, binding, host: &host, port: address.port() };
    let exchange = Exchange::new(mechanism, &parameters).map_err(unusable)?;
    if let Credential::Password(secret) | Credential::Token(secret) = credential {
        connection.redact(secret.expose());
    }
    exchange_messages(connection, exchange, offered.has(mechanism))
}

fn exchange_messages(
    connection: &mut Connection,
    mut exchange: Exchange,
    is_offered: bool,
) -> Result<(), Error> {
    let mechanism = exchange.mechanism();
    let room = MAX_COMMAND - "AUTH  \r\n".len() - mechanism.name().len();
    let initial = exchange.initial(room).map(|message| initial_argument(&message)).transpose()?;
    let mut sent_credential = initial.is_some();
    connection.queue(&Command::Auth { mechanism: mechanism.name(), initial: initial.as_ref() })?;
    connection.flush()?;
    // The exchange limits the number of challenges. After it refused one, only a status line may follow.
    let mut failed = None;
    loop {
        let challenge = match connection.event()? {
            Event::Challenge(at) => connection.bytes(&at),
            Event::Status { line, indicator, .. } => {
                let line = connection.bytes(&line).to_vec();
                let result = conclude(connection, &mut exchange, failed, is_offered, indicator, &line);
                return result.map_err(|error| if sent_credential { error } else { unsupported(error) });
            }
            _ => return Err(connection.protocol_error(ProtocolError::NoStatusIndicator)),
        };
        if failed.is_some() {
            return Err(connection.protocol_error(ProtocolError::TooManyChallenges));
        }
        let challenge = STANDARD.decode(challenge).map_err(|_| SaslError::Malformed);
        match challenge.and_then(|challenge| exchange.respond(&challenge)) {
            Ok(response) => {
                if let Some(proof) = proof(mechanism, response.expose()) {
                    connection.redact(proof);
                }
                connection.respond(Some(&response))?;
                sent_credential = true;
            }
            Err(error) => {
                failed = Some(error);
                connection.respond(None)?;
            }
        }
    }
}

/// Returns the secret part of a response, which the server may echo without the rest: the digest of CRAM-MD5 after
/// the user name (RFC 2195 §2), or the proof of SCRAM (RFC 5802 §5.1).
fn proof(mechanism: Mechanism, response: &[u8]) -> Option<&[u8]> {
    let separator: &[u8] = match mechanism {
        Mechanism::CramMd5 => b" ",
        mechanism if mechanism.is_scram() => b",p=",
        _ => return None,
    };
    memchr::memmem::rfind(response, separator).map(|at| &response[at + separator.len()..])
}

/// Evaluates the status line that ends an exchange: `+OK` counts only if the mechanism is complete.
fn conclude(
    connection: &mut Connection,
    exchange: &mut Exchange,
    failed: Option<SaslError>,
    is_offered: bool,
    indicator: StatusIndicator,
    line: &[u8],
) -> Result<(), Error> {
    let name = exchange.mechanism().name();
    let accepted = indicator == StatusIndicator::Ok;
    if let Some(error) = failed.or_else(|| if accepted { exchange.finish().err() } else { None }) {
        connection.poison();
        let response = connection.redacted(line);
        return Err(Error::new(error.kind(), format!("{name}: {error}"))
            .with_response(response)
            .with_source(error));
    }
    if accepted {
        return Ok(());
    }
    let refused = refusal(connection.refused(&format!("AUTH {name}"), line));
    if !is_offered && refused.kind() == ErrorKind::Authentication {
        return Err(refused.with_kind(ErrorKind::Unsupported).with_detail("which it does not offer"));
    }
    let refused = match exchange.openid_configuration() {
        Some(configuration) => refused.with_source(configuration),
        None => refused,
    };
    Err(match exchange.reason() {
        Some(reason) => {
            let reason = connection.redacted(reason.as_bytes());
            refused.with_detail(&crate::trace::Escaped(&reason).to_string())
        }
        None => refused,
    })
}

/// Sets the kind of the error for a refused credential.
pub(super) fn refusal(error: Error) -> Error {
    error.by_response_code(ErrorKind::Authentication)
}

/// Sets the kind of a refusal before any part of the credential was sent: the server refused the mechanism, even if
/// it answered `[AUTH]`.
fn unsupported(error: Error) -> Error {
    if error.kind() != ErrorKind::Authentication {
        return error;
    }
    error.with_kind(ErrorKind::Unsupported).with_detail("before anything of the credential was sent")
}

/// Returns the announced mechanisms. A `SASL` capability without parameters is an empty list.
fn announced_mechanisms(capabilities: &Capabilities) -> Option<Vec<Mechanism>> {
    let announced = capabilities.sasl().next().is_some();
    announced.then(|| capabilities.sasl().filter_map(Mechanism::from_name).collect())
}

fn initial_argument(message: &Secret) -> Result<SecretArgument, Error> {
    let base64 = if message.is_empty() { "=".to_owned() } else { STANDARD.encode(message.expose()) };
    SecretArgument::try_from(Secret::from(base64))
        .map_err(|error| Error::new(ErrorKind::Argument, format!("the credential cannot be sent: {error}")))
}

fn nonce() -> Result<String, Error> {
    let mut random = [0; NONCE];
    getrandom::fill(&mut random).map_err(|error| {
        let message = format!("no random numbers from the operating system: {error}");
        Error::new(ErrorKind::Unavailable, message).with_source(error)
    })?;
    Ok(STANDARD.encode(random))
}

fn no_method(offer: &Offer<'_>, credential: &Credential) -> Error {
    if offer.channel == Channel::Clear && matches!(credential, Credential::Token(_)) {
        return Error::new(ErrorKind::Unsupported, "an access token is only sent over TLS");
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

pub(super) fn unusable(error: SaslError) -> Error {
    Error::new(error.kind(), error.to_string()).with_source(error)
}
