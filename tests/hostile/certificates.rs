//! Hostile text in server certificates.

use std::fmt::Write as _;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair, SanType,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, crypto::ring};
use sha2::{Digest as _, Sha256};

use super::over_tls;
use crate::support::sandbox::{Outcome, Sandbox, run};

const EVIL: &str = "\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}\u{2028}\nCN=mail";

struct Shown {
    ca_pem: String,
    config: Arc<ServerConfig>,
    fingerprint: String,
}

/// Issues a certificate that is signed by a CA with this name.
fn certificate(name: &str, names: Vec<SanType>) -> Shown {
    let distinguished = |name: &str| {
        let mut distinguished = DistinguishedName::new();
        distinguished.push(DnType::CommonName, name);
        distinguished
    };
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name = distinguished(name);
    let issuer =
        CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key")).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.distinguished_name = distinguished(name);
    params.subject_alt_names = names;
    let certificate = params.signed_by(&key, &issuer).expect("a certificate");
    let fingerprint = Sha256::digest(certificate.der()).iter().fold(String::new(), |mut hex, octet| {
        write!(hex, "{octet:02x}").expect("a String takes every character");
        hex
    });
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has both versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).expect("own key"),
        )
        .expect("the key fits the certificate");
    Shown { ca_pem: issuer.pem(), config: Arc::new(config), fingerprint }
}

fn status(shown: &Shown, host: &str, trusted: bool, options: &[&str]) -> (Outcome, Vec<String>) {
    let server = over_tls(Arc::clone(&shown.config), |peer| {
        peer.log_in();
        peer.list(0);
        peer.wait();
    });
    let room = Sandbox::new();
    let ca_file = room.path("ca.pem");
    std::fs::write(&ca_file, &shown.ca_pem).expect("a file");
    let mut command = room.pop3(server.port());
    command.args(["status", "-4"]).args(options).env("POP3_TLS", "implicit").env("POP3_HOST", host);
    if trusted {
        command.env("POP3_TLS_FINGERPRINT", &shown.fingerprint);
    } else {
        command.env("POP3_CA_FILE", ca_file);
    }
    (run(command), server.finish())
}

fn clean(outcome: &Outcome) {
    for text in [outcome.stdout(), outcome.stderr()] {
        let acts = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{2028}' | '\u{202e}');
        assert!(!text.contains(acts), "{}", text.escape_debug());
    }
}

/// fetchmail-SA-2010-01: escape sequences in subject and issuer, which are shown in the table, in JSON, in the trace
/// and in the error.
#[test]
fn escape_sequences_in_names() {
    let shown = certificate(EVIL, vec![SanType::DnsName("mail.example.org".try_into().expect("ASCII"))]);
    for options in [&["--server"][..], &["--server", "--json"], &["--trace"]] {
        let (outcome, _) = status(&shown, "localhost", true, options);
        let outcome = outcome.expect(0);
        assert!(format!("{outcome:?}").contains("owned"), "{outcome:?}");
        clean(&outcome);
    }
    let stranger = certificate("another", Vec::new());
    let distrusted = Shown { ca_pem: stranger.ca_pem, ..shown };
    for options in [&[][..], &["--json"]] {
        let (outcome, heard) = status(&distrusted, "localhost", false, options);
        let outcome = outcome.expect(78);
        clean(&outcome);
        assert_eq!(outcome.stderr().lines().count(), 1, "{outcome:?}");
        assert!(outcome.stderr().to_lowercase().contains("fingerprint"), "{outcome:?}");
        assert!(heard.iter().all(String::is_empty), "a credential was sent: {heard:?}");
    }
}

/// CVE-2009-2666: a name is not truncated at a NUL, and the common name is ignored.
#[test]
fn a_nul_in_the_name() {
    let names = |name: &str| vec![SanType::DnsName(name.try_into().expect("ASCII"))];
    for (common_name, names, code) in [
        ("x", names("localhost"), 0),
        ("localhost", names("localhost\0.example.org"), 78),
        ("localhost\0.example.org", names("mail.example.org"), 78),
        ("localhost", Vec::new(), 78),
    ] {
        let (outcome, heard) = status(&certificate(common_name, names), "localhost", false, &[]);
        let outcome = outcome.expect(code);
        clean(&outcome);
        assert!(code == 0 || heard.iter().all(String::is_empty), "a credential was sent: {heard:?}");
    }
}
