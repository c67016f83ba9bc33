//! The parts of a certificate that are shown to people or that the verifiers need, parsed with `x509-parser`.

use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate, X509Name};

/// The owner, issuer, names and dates of a certificate (RFC 5280 §4.1.2).
///
/// The texts are untrusted: escape them before printing them to a terminal. If a certificate cannot be parsed, the
/// texts are empty and the times are 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CertificateDetails {
    /// The distinguished name of the owner: `CN=pop.example.org, O=Example`.
    pub subject: String,
    /// The distinguished name of the issuer.
    pub issuer: String,
    /// The domain names and IP addresses for which the certificate is valid (RFC 5280 §4.2.1.6).
    pub names: Vec<String>,
    /// The start of the validity period, in seconds since 1970-01-01T00:00:00Z.
    pub not_before: i64,
    /// The end of the validity period, in seconds since 1970-01-01T00:00:00Z.
    pub not_after: i64,
}

impl CertificateDetails {
    pub(super) fn from_der(der: &[u8]) -> Self {
        let Ok((_, parsed)) = X509Certificate::from_der(der) else { return Self::default() };
        Self {
            subject: name(parsed.subject()),
            issuer: name(parsed.issuer()),
            names: alternative_names(&parsed),
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
        }
    }

    /// Returns true if the issuer is the owner.
    pub(super) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }
}

/// Returns true for a CA certificate (RFC 5280 §4.2.1.9).
pub(super) fn is_ca(der: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(der).is_ok_and(|(_, parsed)| parsed.is_ca())
}

/// Returns true if a server may use the certificate: it has no extended key usage, or one for servers (RFC 5280 §4.2.1.12).
pub(super) fn is_for_servers(der: &CertificateDer<'_>) -> bool {
    let Ok((_, parsed)) = X509Certificate::from_der(der) else { return false };
    match parsed.extended_key_usage() {
        Ok(usage) => usage.is_none_or(|usage| usage.value.server_auth || usage.value.any),
        Err(_) => false,
    }
}

/// Returns the public key with its algorithm.
pub(super) fn public_key(der: &CertificateDer<'_>) -> Option<SubjectPublicKeyInfoDer<'static>> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    Some(parsed.public_key().raw.to_vec().into())
}

fn name(name: &X509Name<'_>) -> String {
    let registry = x509_parser::objects::oid_registry();
    name.to_string_with_registry(registry).unwrap_or_default()
}

fn alternative_names(parsed: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = parsed.subject_alternative_name() else { return Vec::new() };
    let text = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|bytes| std::net::Ipv4Addr::from(bytes).to_string()),
            16 => <[u8; 16]>::try_from(*bytes).ok().map(|bytes| std::net::Ipv6Addr::from(bytes).to_string()),
            _ => None,
        },
        _ => None,
    };
    extension.value.general_names.iter().filter_map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_parsed() {
        let mut params =
            rcgen::CertificateParams::new(vec!["pop.example.org".into(), "127.0.0.1".into()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2026, 1, 2);
        params.not_after = rcgen::date_time_ymd(2028, 2, 29);
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, "Alice\u{1b}[31m");
        let der = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().der().clone();

        let details = CertificateDetails::from_der(&der);

        assert_eq!(details.subject, "CN=Alice\u{1b}[31m");
        assert!(details.is_self_issued());
        assert_eq!(details.names, ["pop.example.org", "127.0.0.1"]);
        assert_eq!(crate::bytes::rfc3339(details.not_before), "2026-01-02T00:00:00Z");
        assert_eq!(crate::bytes::rfc3339(details.not_after), "2028-02-29T00:00:00Z");
        assert!(!is_ca(&der));
        assert!(is_for_servers(&der));
    }

    #[test]
    fn damaged_certificates_cause_no_panic() {
        let der = rcgen::generate_simple_self_signed(vec!["a.example".into()]).unwrap().cert.der().to_vec();
        assert_eq!(CertificateDetails::from_der(b"").subject, "");
        for cut in 0..der.len() {
            let _ = CertificateDetails::from_der(&der[..cut]);
            for flip in [0x01, 0x80, 0xff] {
                let mut damaged = der.clone();
                damaged[cut] ^= flip;
                let _ = CertificateDetails::from_der(&damaged);
                is_for_servers(&damaged.into());
            }
        }
    }
}
