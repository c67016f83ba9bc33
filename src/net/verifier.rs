//! Who decides about a server's certificate in a handshake, and who remembers it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, verify_tls12_signature, verify_tls13_signature, verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};

use super::certificate::{Certificate, is_authority, is_for_servers, public_key};

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

/// `Trust::File`: what is signed by the anchors, and the anchors themselves.
#[derive(Debug)]
pub(super) struct Anchored {
    pub(super) anchors: Vec<CertificateDer<'static>>,
    pub(super) webpki: Arc<WebPkiServerVerifier>,
}

impl Anchored {
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
        let seconds = |time: i64| UnixTime::since_unix_epoch(Duration::from_secs(time.max(0).unsigned_abs()));
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

/// `Trust::Fingerprint`: nothing of the certificate counts but its digest, yet that the server holds its key is
/// proven by the signatures in the handshake.
#[derive(Debug)]
pub(super) struct Pinned {
    pub(super) sha256: [u8; 32],
    pub(super) provider: Arc<CryptoProvider>,
}

impl Pinned {
    /// Certificates of X.509 version 1, as `openssl x509 -req` made them for decades, are none for webpki; their keys
    /// prove as much as others. (TLS 1.3's rules for signatures are the narrower ones, and good for 1.2 too.)
    fn verify_with_bare_key(
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
            .or_else(|error| self.verify_with_bare_key(message, leaf, signature, error))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, leaf, signature, &self.provider.signature_verification_algorithms)
            .or_else(|error| self.verify_with_bare_key(message, leaf, signature, error))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
