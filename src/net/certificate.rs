//! What a certificate says of itself, for people to read; nothing in here decides whether it is trusted.

use std::fmt::Write as _;

use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate, X509Name};

use crate::{Error, ErrorKind};

/// What the server's certificate says. Subject, issuer and names are a stranger's text: escape them before they reach
/// a terminal. A certificate that cannot be read has empty texts and the times 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Certificate {
    /// The distinguished name of its owner: `CN=pop.example.org, O=Example`.
    pub subject: String,
    /// The distinguished name of who signed it.
    pub issuer: String,
    /// The domain names and IP addresses that it is for (RFC 5280 §4.2.1.6).
    pub names: Vec<String>,
    /// Not valid before this time, in seconds since 1970-01-01T00:00:00Z.
    pub not_before: i64,
    /// Not valid after this time, in seconds since 1970-01-01T00:00:00Z.
    pub not_after: i64,
    /// The SHA-256 of the whole certificate (DER).
    pub sha256: [u8; 32],
}

impl Certificate {
    /// Reads a certificate in DER.
    #[must_use]
    pub fn from_der(der: &[u8]) -> Self {
        let sha256 = Sha256::digest(der).into();
        let Ok((_, parsed)) = X509Certificate::from_der(der) else {
            return Self { sha256, ..Self::default() };
        };
        Self {
            subject: name(parsed.subject()),
            issuer: name(parsed.issuer()),
            names: alternative_names(&parsed),
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
            sha256,
        }
    }
}

/// Whether a certificate is one that signs others.
pub(super) fn is_authority(der: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(der).is_ok_and(|(_, parsed)| parsed.is_ca())
}

/// Whether a certificate may be shown by a server: without a list of purposes, or with this one in it.
pub(super) fn is_for_servers(der: &CertificateDer<'_>) -> bool {
    let Ok((_, parsed)) = X509Certificate::from_der(der) else { return false };
    match parsed.extended_key_usage() {
        Ok(purposes) => purposes.is_none_or(|purposes| purposes.value.server_auth || purposes.value.any),
        Err(_) => false,
    }
}

/// The public key of a certificate, its algorithm included.
pub(super) fn public_key(der: &CertificateDer<'_>) -> Option<SubjectPublicKeyInfoDer<'static>> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    Some(parsed.public_key().raw.to_vec().into())
}

/// Writes a SHA-256 as fingerprints are shown: `AA:BB:…`, 32 pairs.
#[must_use]
pub fn format_fingerprint(sha256: &[u8; 32]) -> String {
    sha256.iter().map(|octet| format!("{octet:02X}")).collect::<Vec<_>>().join(":")
}

/// Reads a SHA-256 in hexadecimal, 64 digits of either case, with a colon between each two or without any. Anything
/// else, the empty text too, is an error of kind [`ErrorKind::Argument`].
pub fn parse_fingerprint(text: &str) -> Result<[u8; 32], Error> {
    let refused = || Error::new(ErrorKind::Argument, "a SHA-256 fingerprint has 64 hexadecimal digits");
    let digits = match text.len() {
        64 => text.to_owned(),
        95 if text.split(':').all(|pair| pair.len() == 2) => text.replace(':', ""),
        _ => return Err(refused()),
    };
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(refused());
    }
    let mut sha256 = [0; 32];
    for (octet, pair) in sha256.iter_mut().zip(0..) {
        let pair = digits.get(pair * 2..pair * 2 + 2).ok_or_else(refused)?;
        *octet = u8::from_str_radix(pair, 16).map_err(|_| refused())?;
    }
    Ok(sha256)
}

/// Seconds since 1970 as `2026-11-22T10:00:00Z`.
pub(super) fn utc(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Howard Hinnant's days-to-civil: years that begin in March, in eras of 400 years.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// A stranger's text for one line of an error: printable ASCII as it is, the rest escaped, cut at a sensible length.
pub(super) fn printable(text: &str) -> String {
    let mut shown = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == SHOWN_CHARACTERS {
            shown.push_str("...");
            break;
        }
        match character {
            ' '..='~' => shown.push(character),
            _ => {
                let _ = write!(shown, "{}", character.escape_unicode());
            }
        }
    }
    shown
}

fn name(name: &X509Name<'_>) -> String {
    let registry = x509_parser::objects::oid_registry();
    name.to_string_with_registry(registry).unwrap_or_default()
}

fn alternative_names(parsed: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = parsed.subject_alternative_name() else { return Vec::new() };
    let shown = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(octets) => match octets.len() {
            4 => <[u8; 4]>::try_from(*octets).ok().map(|octets| std::net::Ipv4Addr::from(octets).to_string()),
            16 => {
                <[u8; 16]>::try_from(*octets).ok().map(|octets| std::net::Ipv6Addr::from(octets).to_string())
            }
            _ => None,
        },
        _ => None,
    };
    extension.value.general_names.iter().filter_map(shown).collect()
}

/// A domain name has at most 253 characters (RFC 1035 §2.3.4).
const SHOWN_CHARACTERS: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_read() {
        let mut params =
            rcgen::CertificateParams::new(vec!["pop.example.org".into(), "127.0.0.1".into()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2026, 1, 2);
        params.not_after = rcgen::date_time_ymd(2028, 2, 29);
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, "Alice\u{1b}[31m");
        let der = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().der().clone();

        let facts = Certificate::from_der(&der);

        assert_eq!(facts.subject, "CN=Alice\u{1b}[31m");
        assert_eq!(facts.issuer, facts.subject);
        assert_eq!(facts.names, ["pop.example.org", "127.0.0.1"]);
        assert_eq!(utc(facts.not_before), "2026-01-02T00:00:00Z");
        assert_eq!(utc(facts.not_after), "2028-02-29T00:00:00Z");
        assert_eq!(facts.sha256, <[u8; 32]>::from(Sha256::digest(&der)));
        assert!(!is_authority(&der));
        assert!(is_for_servers(&der));
    }

    #[test]
    fn damaged_certificates_give_facts_without_a_panic() {
        let der = rcgen::generate_simple_self_signed(vec!["a.example".into()]).unwrap().cert.der().to_vec();
        assert_eq!(Certificate::from_der(b"").subject, "");
        for cut in 0..der.len() {
            let _ = Certificate::from_der(&der[..cut]);
            for flip in [0x01, 0x80, 0xff] {
                let mut damaged = der.clone();
                damaged[cut] ^= flip;
                let _ = Certificate::from_der(&damaged);
                is_for_servers(&damaged.into());
            }
        }
    }

    #[test]
    fn a_fingerprint_goes_round() {
        let sha256: [u8; 32] = Sha256::digest(b"x").into();
        let shown = format_fingerprint(&sha256);
        assert_eq!(shown.len(), 95);
        assert_eq!(parse_fingerprint(&shown).unwrap(), sha256);
        assert_eq!(parse_fingerprint(&shown.to_lowercase().replace(':', "")).unwrap(), sha256);
        let short = &shown[..92];
        let misplaced = format!(":{}", &shown[..94]);
        let signed = format!("+1{}", "0".repeat(62));
        for text in ["", "AA", short, &misplaced, &shown.replace(':', "-"), &"é".repeat(32), &signed] {
            assert_eq!(parse_fingerprint(text).unwrap_err().kind(), ErrorKind::Argument, "{text}");
        }
    }

    #[test]
    fn times_are_shown() {
        assert_eq!(utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(utc(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(utc(-1), "1969-12-31T23:59:59Z");
        assert_eq!(utc(253_402_300_799), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn what_a_stranger_wrote_is_escaped_and_cut() {
        assert_eq!(printable("a\u{1b}\u{202e}é"), "a\\u{1b}\\u{202e}\\u{e9}");
        assert_eq!(printable(&"a".repeat(9_999)).len(), 256);
    }
}
