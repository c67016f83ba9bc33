//! Certificates for servers and clients, with a chosen expiry.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, date_time_ymd,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, crypto::ring, version};
use sha2::{Digest as _, Sha256};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// A certificate authority.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key.
pub(crate) struct Issued {
    pub(crate) pem: String,
    pub(crate) key_pem: String,
    /// The SHA-256 of the certificate in hex.
    pub(crate) fingerprint: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = named(name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority"))
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// Issues a certificate for `localhost` and 127.0.0.1 that expires in `days` days.
    pub(crate) fn server(&self, days: u32) -> Issued {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        let mut params = CertificateParams::new(names).expect("valid names");
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is set");
        let epoch = date_time_ymd(1970, 1, 1);
        params.not_before = epoch + since.saturating_sub(HOUR);
        // An hour is added so that the full number of days remains when the program counts them.
        params.not_after = epoch + since + HOUR * (24 * days + 1);
        params.distinguished_name = named("localhost");
        self.issue(&params)
    }

    pub(crate) fn client(&self, user: &str) -> Issued {
        let mut params = CertificateParams::default();
        params.distinguished_name = named(user);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(&params)
    }

    fn issue(&self, params: &CertificateParams) -> Issued {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        let fingerprint = Sha256::digest(certificate.der()).iter().fold(String::new(), |mut hex, octet| {
            write!(hex, "{octet:02x}").expect("a String takes every character");
            hex
        });
        Issued { pem: certificate.pem(), key_pem: key.serialize_pem(), fingerprint }
    }
}

impl Issued {
    /// Returns the configuration of a TLS 1.3 server with this certificate, which requires a client certificate
    /// signed by `clients`.
    pub(crate) fn server_config(&self, clients: Option<&Authority>) -> Arc<ServerConfig> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&version::TLS13])
            .expect("ring has TLS 1.3");
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.0.der().clone()).expect("own certificate");
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().expect("an authority"))
            }
        };
        let certificate = CertificateDer::from_pem_slice(self.pem.as_bytes()).expect("own PEM");
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).expect("own PEM");
        Arc::new(builder.with_single_cert(vec![certificate], key).expect("the key fits the certificate"))
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}
