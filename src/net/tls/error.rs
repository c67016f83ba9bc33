//! Descriptions of TLS errors.

use std::io;

use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{AlertDescription, CertificateError, Error as Tls, InvalidMessage, PeerIncompatible};

use super::super::address::Host;
use super::super::io_error::reason;
use super::certificate::{Certificate, format_fingerprint, printable};
#[cfg(feature = "certificate-details")]
use super::details::is_ca;
use crate::bytes::rfc3339;
use crate::{Error, ErrorKind};

/// Returns the TLS error inside an I/O error.
pub(in crate::net) fn in_io(error: &io::Error) -> Option<&Tls> {
    error.get_ref()?.downcast_ref()
}

/// Converts an I/O error of the handshake: a timeout or a lost connection.
pub(super) fn broken(error: io::Error) -> Error {
    let text = match error.kind() {
        io::ErrorKind::UnexpectedEof => "the server closed the connection in the TLS handshake".into(),
        _ => format!("the TLS handshake failed: {}", reason(&error)),
    };
    Error::new(ErrorKind::Unavailable, text).with_source(error)
}

/// Converts a TLS error of the handshake. If the server sent a certificate, the message contains its fingerprint.
pub(super) fn failed(error: Tls, host: &Host, leaf: Option<&CertificateDer<'_>>) -> Error {
    let text = match (&error, leaf) {
        (Tls::InvalidCertificate(why), Some(leaf)) => {
            let certificate = Certificate::from_der(leaf);
            let why = describe_untrusted(why, host, leaf, &certificate);
            let fingerprint = format_fingerprint(&certificate.sha256);
            format!("certificate not trusted: {why}; SHA-256 fingerprint {fingerprint}")
        }
        (error, _) => message(error),
    };
    Error::new(ErrorKind::Tls, text).with_source(error)
}

/// The cause of a TLS error, which hints depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsFailure {
    /// The server's certificate is not trusted.
    Untrusted,
    /// The server's certificate is for other names.
    WrongName,
    /// The server does not speak TLS.
    NotTls,
    /// The two sides have no version, cipher or key type in common.
    Incompatible,
    /// Any other cause.
    Other,
}

impl TlsFailure {
    /// Returns the cause of an error, if it is a TLS error.
    #[must_use]
    pub fn of(error: &Error) -> Option<Self> {
        let source = std::error::Error::source(error)?;
        let tls = source.downcast_ref::<Tls>().or_else(|| in_io(source.downcast_ref()?))?;
        Some(match tls {
            // A certificate that names no host suits no name.
            Tls::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. })
                if presented.is_empty() =>
            {
                Self::Untrusted
            }
            Tls::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => Self::WrongName,
            Tls::InvalidCertificate(_) => Self::Untrusted,
            Tls::InvalidMessage(_) => Self::NotTls,
            Tls::PeerIncompatible(_)
            | Tls::AlertReceived(
                AlertDescription::HandshakeFailure
                | AlertDescription::InsufficientSecurity
                | AlertDescription::ProtocolVersion,
            ) => Self::Incompatible,
            _ => Self::Other,
        })
    }
}

/// Returns true if the server rejects the client's part of the handshake: the client certificate is missing or wrong.
pub(in crate::net) fn rejects_us(error: &Tls) -> bool {
    use AlertDescription as Alert;
    let Tls::AlertReceived(alert) = error else { return false };
    matches!(
        *alert,
        Alert::CertificateRequired
            | Alert::NoCertificate
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::HandshakeFailure
            | Alert::DecryptError
    )
}

/// Describes a TLS error on one line.
pub(in crate::net) fn message(error: &Tls) -> String {
    use AlertDescription as Alert;
    match error {
        Tls::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion) => {
            "the server does not speak TLS here: its answer is not a TLS record".into()
        }
        Tls::AlertReceived(Alert::CertificateRequired | Alert::NoCertificate) => {
            "the server asks for a client certificate".into()
        }
        Tls::AlertReceived(Alert::ProtocolVersion)
        | Tls::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => format!("no TLS version in common (1.2 or 1.3 needed): {}", plain(&error.to_string())),
        Tls::AlertReceived(Alert::HandshakeFailure | Alert::InsufficientSecurity)
        | Tls::PeerIncompatible(_) => {
            format!("no cipher or key type in common with the server: {}", plain(&error.to_string()))
        }
        Tls::AlertReceived(_) if rejects_us(error) => {
            format!(
                "the server refused the TLS handshake or the client certificate: {}",
                plain(&error.to_string())
            )
        }
        _ => format!("TLS failed: {}", plain(&error.to_string())),
    }
}

/// Describes why a certificate is not trusted: `it expired at 2026-11-22T10:00:00Z`.
#[cfg_attr(not(feature = "certificate-details"), allow(unused_variables))]
fn describe_untrusted(
    why: &CertificateError,
    host: &Host,
    leaf: &CertificateDer<'_>,
    certificate: &Certificate,
) -> String {
    use CertificateError as Why;
    #[cfg(feature = "certificate-details")]
    if let Some(text) = describe_by_details(why, host, leaf, &certificate.details) {
        return text;
    }
    let seconds = |time: &UnixTime| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    match why {
        Why::Expired => "it has expired".into(),
        Why::ExpiredContext { not_after, .. } => format!("it expired at {}", rfc3339(seconds(not_after))),
        Why::NotValidYet => "it is not valid yet (is the clock right?)".into(),
        Why::NotValidYetContext { not_before, .. } => {
            format!("it is not valid before {} (is the clock right?)", rfc3339(seconds(not_before)))
        }
        Why::NotValidForName | Why::NotValidForNameContext { .. } => format!("it is not for {host}"),
        Why::UnknownIssuer => "unknown issuer".into(),
        Why::Revoked => "it was revoked".into(),
        Why::InvalidPurpose | Why::InvalidPurposeContext { .. } => "it is not meant for servers".into(),
        Why::BadEncoding => "it is damaged".into(),
        Why::BadSignature => "a signature of it is wrong, or made with too weak a key".into(),
        Why::UnsupportedSignatureAlgorithmContext { .. }
        | Why::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "its signature or key is weak or not supported".into()
        }
        Why::ApplicationVerificationFailure => "it is not the one that was pinned".into(),
        _ => plain(&why.to_string()),
    }
}

/// Describes the reason with details from the certificate that the error lacks.
#[cfg(feature = "certificate-details")]
fn describe_by_details(
    why: &CertificateError,
    host: &Host,
    leaf: &CertificateDer<'_>,
    details: &super::details::CertificateDetails,
) -> Option<String> {
    use CertificateError as Why;
    Some(match why {
        Why::Expired => format!("it expired at {}", rfc3339(details.not_after)),
        Why::NotValidYet => {
            format!("it is not valid before {} (is the clock right?)", rfc3339(details.not_before))
        }
        Why::NotValidForName | Why::NotValidForNameContext { .. } => match names(&details.names) {
            Some(names) => format!("it is for {names}, not for {host}"),
            None => format!("it names no host, so it is not for {host}"),
        },
        Why::UnknownIssuer if details.is_self_issued() => "it is self-signed".into(),
        Why::UnknownIssuer => format!("unknown issuer ({})", printable(&details.issuer)),
        Why::Other(_) if is_ca(leaf) && details.is_self_issued() => "it is self-signed".into(),
        Why::Other(_) if is_ca(leaf) => "the certificate is a CA certificate".into(),
        _ => return None,
    })
}

/// Converts the names of Rust types in an error to words: `Other(OtherError(UnsupportedCertVersion))` →
/// `unsupported cert version`.
fn plain(text: &str) -> String {
    let innermost = text.rsplit('(').next().unwrap_or(text).trim_end_matches(')');
    let text = if text.contains("Other(") { innermost } else { text };
    let mut plain = String::new();
    for word in text.split(' ') {
        let inner_capitals =
            word.chars().skip(1).any(char::is_uppercase) && word.contains(char::is_lowercase);
        for c in word.chars() {
            if inner_capitals && c.is_uppercase() {
                if !plain.is_empty() && !plain.ends_with([' ', ':']) {
                    plain.push(' ');
                }
                plain.extend(c.to_lowercase());
            } else {
                plain.push(c);
            }
        }
        plain.push(' ');
    }
    printable(plain.trim_end())
}

#[cfg(feature = "certificate-details")]
fn names(all: &[String]) -> Option<String> {
    if all.is_empty() {
        return None;
    }
    let mut names: Vec<_> = all.iter().take(MAX_NAMES).map(|name| printable(name)).collect();
    if all.len() > MAX_NAMES {
        names.push(format!("{} more", all.len() - MAX_NAMES));
    }
    Some(names.join(", "))
}

/// Returns the name that a certificate must have, without a trailing dot (RFC 6066 §3).
pub(super) fn server_name(host: &Host) -> Result<ServerName<'static>, Error> {
    match host {
        Host::Ip(address) => Ok(ServerName::IpAddress((*address).into())),
        Host::Name(name) => ServerName::try_from(name.trim_end_matches('.').to_owned()).map_err(|error| {
            Error::new(ErrorKind::Argument, format!("a certificate cannot be valid for {name}: {error}"))
        }),
    }
}

/// The maximum number of names that an error lists: certificates of shared hosts have hundreds.
#[cfg(feature = "certificate-details")]
const MAX_NAMES: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_contain_no_rust_types() {
        for (text, words) in [
            ("Other(OtherError(UnsupportedCertVersion))", "unsupported cert version"),
            ("received fatal alert: HandshakeFailure", "received fatal alert: handshake failure"),
            (
                "peer is incompatible: NoCipherSuitesInCommon",
                "peer is incompatible: no cipher suites in common",
            ),
            ("a plain reason (TLS 1.2)", "a plain reason (TLS 1.2)"),
        ] {
            assert_eq!(plain(text), words);
        }
    }

    #[test]
    fn a_failure_has_a_kind() {
        let of = |error| TlsFailure::of(&Error::new(ErrorKind::Tls, message(&error)).with_source(error));
        assert_eq!(of(Tls::InvalidCertificate(CertificateError::Expired)), Some(TlsFailure::Untrusted));
        assert_eq!(of(Tls::InvalidMessage(InvalidMessage::InvalidContentType)), Some(TlsFailure::NotTls));
        let wrong_name = |presented: &[&str]| {
            Tls::InvalidCertificate(CertificateError::NotValidForNameContext {
                expected: ServerName::try_from("example.org").unwrap(),
                presented: presented.iter().map(ToString::to_string).collect(),
            })
        };
        assert_eq!(of(wrong_name(&["example.net"])), Some(TlsFailure::WrongName));
        assert_eq!(of(wrong_name(&[])), Some(TlsFailure::Untrusted));
        let alert = Tls::AlertReceived(AlertDescription::HandshakeFailure);
        assert!(message(&alert).starts_with("no cipher or key type in common"), "{}", message(&alert));
        assert_eq!(of(alert), Some(TlsFailure::Incompatible));
        assert_eq!(TlsFailure::of(&Error::new(ErrorKind::Tls, "refused")), None);
    }
}
