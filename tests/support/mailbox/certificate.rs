//! Certificates that are made at start: a CA, and a server certificate for `localhost` and 127.0.0.1.

use std::fmt::Write as _;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, crypto::ring};
use sha2::{Digest as _, Sha256};

pub(crate) struct Certificate {
    /// The CA certificate, for `--ca-file`.
    pub(crate) ca_pem: String,
    pub(crate) pem: String,
    pub(crate) key_pem: String,
    /// The SHA-256 of the server certificate in hex, for `--tls-fingerprint`.
    pub(crate) fingerprint: String,
}

impl Certificate {
    pub(crate) fn for_loopback() -> Self {
        Self::for_names(&["localhost", "127.0.0.1", "::1"])
    }

    pub(crate) fn for_names(names: &[&str]) -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(rcgen::DnType::CommonName, "pop3 test authority");
        let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key"))
            .expect("an authority");
        let key = KeyPair::generate().expect("a key");
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names.clone()).expect("valid names");
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, names[0].as_str());
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        let fingerprint = Sha256::digest(certificate.der()).iter().fold(String::new(), |mut hex, octet| {
            write!(hex, "{octet:02x}").expect("a String takes every character");
            hex
        });
        Self { ca_pem: issuer.pem(), pem: certificate.pem(), key_pem: key.serialize_pem(), fingerprint }
    }

    pub(crate) fn server_config(&self) -> Arc<ServerConfig> {
        let certificate = CertificateDer::from_pem_slice(self.pem.as_bytes()).expect("own PEM");
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).expect("own PEM");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has both versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("the key fits the certificate");
        Arc::new(config)
    }
}
