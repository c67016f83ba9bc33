//! Which certificates are trusted, and which one is shown.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::certificate::{Certificate, is_authority, is_for_servers};
use super::reason;
use crate::{Error, ErrorKind};

/// Which certificates of a server are trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Trust {
    /// Those that the system trusts, or, where the environment variables `SSL_CERT_FILE` or `SSL_CERT_DIR` are set,
    /// those signed by the certificates in there.
    #[default]
    System,
    /// Those signed by one of the certificates in this PEM file, and those that are themselves in it. Name and dates
    /// have to be right all the same.
    File(PathBuf),
    /// Exactly the certificate with this SHA-256, whatever its name, dates and issuer; and no other.
    Fingerprint([u8; 32]),
}

/// The certificate that we show to a server that asks for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    /// PEM: the certificate, then those that lead to its issuer.
    pub certificate: PathBuf,
    /// PEM: its private key (PKCS#8, PKCS#1 or SEC1), not encrypted.
    pub key: PathBuf,
}

/// What a TLS connection needs to know beforehand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// Which certificates of the server are trusted.
    pub trust: Trust,
    /// What is shown to a server that asks for a certificate.
    pub identity: Option<ClientIdentity>,
}

/// What [`TlsSettings`] name, read from the disk.
pub(super) struct Loaded {
    pub(super) verifier: Arc<dyn ServerCertVerifier>,
    pub(super) identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
}

impl TlsSettings {
    pub(super) fn load(&self, provider: &Arc<CryptoProvider>) -> Result<Loaded, Error> {
        let verifier: Arc<dyn ServerCertVerifier> = match &self.trust {
            Trust::System => system(provider)?,
            Trust::File(path) => Arc::new(Anchored::load(path, provider)?),
            Trust::Fingerprint(sha256) => Arc::new(Pinned { sha256: *sha256, provider: provider.clone() }),
        };
        let identity = self.identity.as_ref().map(ClientIdentity::load).transpose()?;
        Ok(Loaded { verifier, identity })
    }
}

impl ClientIdentity {
    fn load(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Error> {
        let chain = certificates(&self.certificate)?;
        // The PEM reader's errors quote the line that it could not read: a piece of the key.
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| match error {
            rustls::pki_types::pem::Error::Io(error) => unreadable(&self.key, &reason(&error)),
            _ => unreadable(&self.key, "no private key in PEM, or an encrypted one"),
        })?;
        Ok((chain, key))
    }
}

/// Remembers the certificate that a server showed, whatever another verifier thinks of it.
pub(super) struct Witness {
    pub(super) verifier: Arc<dyn ServerCertVerifier>,
    pub(super) seen: Mutex<Option<CertificateDer<'static>>>,
}

impl Witness {
    pub(super) fn seen(&self) -> Option<CertificateDer<'static>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.verifier.fmt(f)
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(leaf.clone().into_owned());
        self.verifier.verify_server_cert(leaf, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, leaf, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, leaf, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// [`Trust::File`]
#[derive(Debug)]
struct Anchored {
    anchors: Vec<CertificateDer<'static>>,
    webpki: Arc<WebPkiServerVerifier>,
}

impl Anchored {
    fn load(path: &Path, provider: &Arc<CryptoProvider>) -> Result<Self, Error> {
        let anchors = certificates(path)?;
        let mut roots = RootCertStore::empty();
        for anchor in &anchors {
            roots.add(anchor.clone()).map_err(|error| unreadable(path, &error.to_string()))?;
        }
        let webpki = webpki(roots, provider).map_err(|why| unreadable(path, &why))?;
        Ok(Self { anchors, webpki })
    }

    /// A self-signed certificate that is marked as an authority's, as `openssl req -x509` makes them, is no server's
    /// for webpki. Here the user has named this very certificate.
    fn is_named(&self, leaf: &CertificateDer<'_>) -> bool {
        self.anchors.iter().any(|anchor| anchor == leaf) && is_authority(leaf)
    }
}

impl ServerCertVerifier for Anchored {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if !self.is_named(leaf) {
            return self.webpki.verify_server_cert(leaf, intermediates, name, ocsp, now);
        }
        let facts = Certificate::from_der(leaf);
        let seconds = |time: i64| {
            UnixTime::since_unix_epoch(std::time::Duration::from_secs(time.max(0).unsigned_abs()))
        };
        let (not_before, not_after) = (seconds(facts.not_before), seconds(facts.not_after));
        if now < not_before {
            return Err(CertificateError::NotValidYetContext { time: now, not_before }.into());
        }
        if now > not_after {
            return Err(CertificateError::ExpiredContext { time: now, not_after }.into());
        }
        if !is_for_servers(leaf) {
            return Err(CertificateError::InvalidPurpose.into());
        }
        rustls::client::verify_server_name(&ParsedCertificate::try_from(leaf)?, name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.webpki.verify_tls12_signature(message, leaf, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.webpki.verify_tls13_signature(message, leaf, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

/// [`Trust::Fingerprint`]: nothing of the certificate counts but its digest, yet that the server holds its key is
/// proven by the signatures in the handshake.
#[derive(Debug)]
struct Pinned {
    sha256: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if Certificate::from_der(leaf).sha256 == self.sha256 {
            return Ok(ServerCertVerified::assertion());
        }
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, leaf, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, leaf, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Windows and macOS load most roots only when asked about a certificate: the system is asked itself there.
#[cfg(any(windows, target_os = "macos"))]
fn system(provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, Error> {
    if ["SSL_CERT_FILE", "SSL_CERT_DIR"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
    {
        return system_files(provider);
    }
    match rustls_platform_verifier::Verifier::new(provider.clone()) {
        Ok(verifier) => Ok(Arc::new(verifier)),
        Err(error) => {
            Err(Error::new(ErrorKind::Tls, format!("the system's certificates cannot be used: {error}")))
        }
    }
}

#[cfg(not(any(windows, target_os = "macos")))]
fn system(provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, Error> {
    system_files(provider)
}

fn system_files(provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, Error> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        log::debug!("trust store: {error}");
    }
    let mut roots = RootCertStore::empty();
    let (added, ignored) = roots.add_parsable_certificates(found.certs);
    log::debug!("trust store: {added} certificates, {ignored} not usable");
    match webpki(roots, provider) {
        Ok(webpki) => Ok(webpki),
        Err(why) => {
            let why = found.errors.first().map_or(why, ToString::to_string);
            let text = format!(
                "the system has no certificates to trust ({why}): install its CA certificates, or set SSL_CERT_FILE"
            );
            Err(Error::new(ErrorKind::Tls, text))
        }
    }
}

fn webpki(roots: RootCertStore, provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>, String> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|error| error.to_string())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match found {
        Ok(found) if found.is_empty() => Err(unreadable(path, "no certificate in PEM")),
        Ok(found) => Ok(found),
        Err(rustls::pki_types::pem::Error::Io(error)) => Err(unreadable(path, &reason(&error))),
        Err(_) => Err(unreadable(path, "damaged PEM")),
    }
}

fn unreadable(path: &Path, why: &str) -> Error {
    Error::new(ErrorKind::Argument, format!("{}: {why}", path.display()))
}
