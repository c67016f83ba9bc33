//! Verifiers of server certificates.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
#[cfg(feature = "certificate-details")]
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
#[cfg(feature = "certificate-details")]
use rustls::crypto::verify_tls13_signature_with_raw_key;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
#[cfg(feature = "certificate-details")]
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};

use super::certificate::Certificate;
#[cfg(feature = "certificate-details")]
use super::details::{CertificateDetails, is_ca, is_for_servers, public_key};

/// Records the server's certificate and leaves the decision to another verifier.
pub(super) struct RecordingVerifier {
    verifier: Arc<dyn ServerCertVerifier>,
    seen: Mutex<Option<CertificateDer<'static>>>,
}

impl RecordingVerifier {
    pub(super) fn new(verifier: Arc<dyn ServerCertVerifier>) -> Self {
        Self { verifier, seen: Mutex::new(None) }
    }

    /// Returns the certificate, if the server sent one.
    pub(super) fn seen(&self) -> Option<CertificateDer<'static>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for RecordingVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.verifier.fmt(f)
    }
}

impl ServerCertVerifier for RecordingVerifier {
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

/// `Trust::File`: accepts certificates that an anchor signed and, with the feature `certificate-details`, anchors
/// themselves.
#[derive(Debug)]
pub(super) struct CaFileVerifier {
    #[cfg(feature = "certificate-details")]
    anchors: Vec<CertificateDer<'static>>,
    webpki: Arc<WebPkiServerVerifier>,
}

impl CaFileVerifier {
    #[cfg(feature = "certificate-details")]
    pub(super) fn new(anchors: Vec<CertificateDer<'static>>, webpki: Arc<WebPkiServerVerifier>) -> Self {
        Self { anchors, webpki }
    }

    #[cfg(not(feature = "certificate-details"))]
    pub(super) fn new(_: Vec<CertificateDer<'static>>, webpki: Arc<WebPkiServerVerifier>) -> Self {
        Self { webpki }
    }
}

/// Accepts self-signed CA certificates, which `openssl req -x509` creates. webpki rejects them as server
/// certificates, but here the user explicitly trusts the certificate.
#[cfg(feature = "certificate-details")]
impl CaFileVerifier {
    fn is_named(&self, leaf: &CertificateDer<'_>) -> bool {
        self.anchors.iter().any(|anchor| anchor == leaf) && is_ca(leaf)
    }

    fn verify_named(
        leaf: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let details = CertificateDetails::from_der(leaf);
        let seconds = |time: i64| UnixTime::since_unix_epoch(Duration::from_secs(time.max(0).unsigned_abs()));
        let (not_before, not_after) = (seconds(details.not_before), seconds(details.not_after));
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
}

impl ServerCertVerifier for CaFileVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        #[cfg(feature = "certificate-details")]
        if self.is_named(leaf) {
            return Self::verify_named(leaf, name, now);
        }
        self.webpki.verify_server_cert(leaf, intermediates, name, ocsp, now)
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

/// `Trust::Fingerprint`: accepts a certificate by its digest alone. The signatures of the handshake prove that the server
/// holds the key.
#[derive(Debug)]
pub(super) struct FingerprintVerifier {
    pub(super) sha256: [u8; 32],
    pub(super) provider: Arc<CryptoProvider>,
}

impl FingerprintVerifier {
    /// Verifies the handshake signature with the raw key: webpki rejects X.509 v1 certificates, which `openssl x509 -req`
    /// made for decades. TLS 1.3 allows fewer signature schemes than 1.2, so its rules serve for both.
    #[cfg(feature = "certificate-details")]
    fn verify_with_raw_key(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
        error: rustls::Error,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let Some(key) = public_key(leaf) else { return Err(error) };
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature_with_raw_key(message, &key, signature, algorithms).map_err(|_| error)
    }

    #[cfg(not(feature = "certificate-details"))]
    #[allow(clippy::unused_self, reason = "the signature is the same as with the feature")]
    fn verify_with_raw_key(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
        error: rustls::Error,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(error)
    }
}

impl ServerCertVerifier for FingerprintVerifier {
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
            .or_else(|error| self.verify_with_raw_key(message, leaf, signature, error))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, leaf, signature, &self.provider.signature_verification_algorithms)
            .or_else(|error| self.verify_with_raw_key(message, leaf, signature, error))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
