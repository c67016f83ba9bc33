//! Settings of TLS connections and the files that they name.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::super::address::Host;
use super::super::io_error::reason;
use super::key_log::KeyLog;
use super::verifier::{CaFileVerifier, FingerprintVerifier};
use crate::bytes::strip_bom;
use crate::{Error, ErrorKind};

/// The server certificates to trust.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Trust {
    /// Certificates signed by a CA in the trust store of the system, or by a certificate in `SSL_CERT_FILE` or
    /// `SSL_CERT_DIR` if these environment variables are set.
    #[default]
    System,
    /// Certificates signed by a certificate in this PEM file and, with the feature `certificate-details`, the
    /// certificates in the file themselves. Names and dates are checked.
    File(PathBuf),
    /// Only the certificate with this SHA-256 fingerprint; its name, dates and issuer are not checked. X.509 v1
    /// certificates need the feature `certificate-details`.
    Fingerprint([u8; 32]),
}

/// The client certificate for servers that ask for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    /// A PEM file with the certificate, then the chain to its issuer.
    pub certificate: PathBuf,
    /// A PEM file with the private key (PKCS#8, PKCS#1 or SEC1), not encrypted.
    pub key: PathBuf,
}

/// A file of [`TlsSettings`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateFile {
    /// The file of [`Trust::File`].
    Trust,
    /// [`ClientIdentity::certificate`].
    Certificate,
    /// [`ClientIdentity::key`].
    Key,
}

impl CertificateFile {
    /// Returns the file that cannot be used, if that is the error.
    #[must_use]
    pub fn of(error: &Error) -> Option<Self> {
        std::error::Error::source(error)?.downcast_ref().copied()
    }
}

impl fmt::Display for CertificateFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trust => "the file of trusted certificates cannot be used",
            Self::Certificate => "the file of the client certificate cannot be used",
            Self::Key => "the file of the private key cannot be used",
        })
    }
}

impl std::error::Error for CertificateFile {}

/// The settings of TLS connections.
#[derive(Debug, Clone, Default)]
pub struct TlsSettings {
    /// The server certificates to trust.
    pub trust: Trust,
    /// The client certificate for servers that ask for one.
    pub identity: Option<ClientIdentity>,
    /// The name or IP address that the certificate must be valid for, instead of the host, for servers behind a
    /// tunnel. A name is sent to the server (SNI, RFC 6066 §3). [`Trust::Fingerprint`] does not check the name.
    pub name: Option<Host>,
    /// The log of the connection's secrets, for debugging. Everything can be decrypted with them.
    pub key_log: Option<KeyLog>,
}

/// The files of [`TlsSettings`], loaded.
pub(super) struct Loaded {
    pub(super) verifier: Arc<dyn ServerCertVerifier>,
    pub(super) identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    /// Descriptions of the parts of files that were skipped.
    pub(super) warnings: Vec<String>,
}

impl TlsSettings {
    pub(super) fn load(&self, provider: &Arc<CryptoProvider>) -> Result<Loaded, Error> {
        let mut warnings = Vec::new();
        let verifier: Arc<dyn ServerCertVerifier> = match &self.trust {
            Trust::System => system(provider)?,
            Trust::File(path) => Arc::new(
                ca_file(path, provider, &mut warnings)
                    .map_err(|error| error.with_source(CertificateFile::Trust))?,
            ),
            Trust::Fingerprint(sha256) => {
                Arc::new(FingerprintVerifier { sha256: *sha256, provider: provider.clone() })
            }
        };
        let identity = self.identity.as_ref().map(ClientIdentity::load).transpose()?;
        Ok(Loaded { verifier, identity, warnings })
    }
}

impl ClientIdentity {
    fn load(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Error> {
        let chain = certificates(&self.certificate)
            .map_err(|error| error.with_source(CertificateFile::Certificate))?;
        // Errors of the PEM parser are not shown because they quote the malformed line, which is part of the key.
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| match error {
            rustls::pki_types::pem::Error::Io(error) => unreadable(&self.key, &reason(&error)),
            _ => unreadable(&self.key, "no private key in PEM, or the key is encrypted"),
        });
        let key = key.map_err(|error| error.with_source(CertificateFile::Key))?;
        Ok((chain, key))
    }
}

/// Skips damaged certificates, because one in a bundle is no reason to distrust the others.
fn ca_file(
    path: &Path,
    provider: &Arc<CryptoProvider>,
    warnings: &mut Vec<String>,
) -> Result<CaFileVerifier, Error> {
    let mut damaged = 0_usize;
    let mut roots = RootCertStore::empty();
    let mut anchors = Vec::new();
    for found in pem_certificates(path)? {
        match found {
            Some(anchor) if roots.add(anchor.clone()).is_ok() => anchors.push(anchor),
            _ => damaged += 1,
        }
    }
    match (anchors.is_empty(), damaged) {
        (_, 0) => {}
        (true, _) => return Err(unreadable(path, "no usable certificate: damaged PEM")),
        (false, 1) => warnings.push(format!("{}: one damaged certificate was left out", path.display())),
        (false, _) => {
            warnings.push(format!("{}: {damaged} damaged certificates were left out", path.display()));
        }
    }
    if anchors.is_empty() {
        return Err(unreadable(path, "no certificate in PEM"));
    }
    let webpki = webpki(roots, provider).map_err(|why| unreadable(path, &why))?;
    Ok(CaFileVerifier::new(anchors, webpki))
}

/// Windows and macOS load most roots only when the system verifies a certificate, so the system is the verifier
/// there.
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
    let found: Option<Vec<_>> = pem_certificates(path)?.into_iter().collect();
    match found {
        Some(found) if found.is_empty() => Err(unreadable(path, "no certificate in PEM")),
        Some(found) => Ok(found),
        None => Err(unreadable(path, "damaged PEM")),
    }
}

/// Returns the certificates of a PEM file, with `None` for a damaged one. Skips a byte order mark.
fn pem_certificates(path: &Path) -> Result<Vec<Option<CertificateDer<'static>>>, Error> {
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, &reason(&error)))?;
    Ok(CertificateDer::pem_reader_iter(strip_bom(&bytes)).map(Result::ok).collect())
}

fn unreadable(path: &Path, why: &str) -> Error {
    Error::new(ErrorKind::Argument, format!("{}: {why}", path.display()))
}
