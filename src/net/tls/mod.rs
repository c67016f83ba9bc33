//! TLS 1.2 and 1.3 over a TCP connection.

mod certificate;
#[cfg(feature = "certificate-details")]
mod details;
mod error;
mod key_log;
mod provider;
mod trust;
mod verifier;

use std::fmt;
use std::io::{self, BufReader, Read, Write};
use std::sync::{Arc, OnceLock};
use std::thread;

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, ClientConnection, ProtocolVersion};

#[cfg(feature = "proxy")]
pub(super) use certificate::printable;
pub use certificate::{Certificate, format_fingerprint, parse_fingerprint};
#[cfg(feature = "certificate-details")]
pub use details::CertificateDetails;
pub use error::TlsFailure;
pub(super) use error::{in_io, message, rejects_us};
pub use key_log::KeyLog;
use provider::provider;
use trust::Loaded;
pub use trust::{CertificateFile, ClientIdentity, TlsSettings, Trust};
use verifier::RecordingVerifier;

use super::address::Host;
use super::tcp::{Limits, Tcp};
#[cfg(feature = "certificate-details")]
use crate::bytes::rfc3339;
use crate::{Error, ErrorKind};

/// Makes TLS connections. Certificates are loaded in the background, since loading those of the system takes
/// milliseconds.
pub struct TlsConnector {
    settings: TlsSettings,
    provider: Arc<CryptoProvider>,
    /// The loaded files. The thread or the handshake loads them, whichever is first; the other one waits.
    loaded: Arc<OnceLock<Result<Loaded, NotLoaded>>>,
}

/// The error of loading the files, which each handshake returns again.
struct NotLoaded {
    kind: ErrorKind,
    message: String,
    file: Option<CertificateFile>,
}

impl TlsConnector {
    /// Starts loading the files of the settings in a thread and returns at once.
    #[must_use]
    pub fn prepare(settings: TlsSettings) -> Self {
        let connector = Self { settings, provider: Arc::new(provider()), loaded: Arc::new(OnceLock::new()) };
        let beforehand = Self {
            settings: connector.settings.clone(),
            provider: connector.provider.clone(),
            loaded: connector.loaded.clone(),
        };
        // If no thread can be started, the handshake loads the files.
        let _ = thread::Builder::new().name("certificates".into()).spawn(move || beforehand.check().is_ok());
        connector
    }

    /// Waits until the files are loaded, and returns their errors before a connection is made.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Argument`] for a file that cannot be used, and [`ErrorKind::Tls`] if the system has no
    /// trust store.
    pub fn check(&self) -> Result<(), Error> {
        self.loaded().map(drop)
    }

    /// Returns warnings about the files, such as a damaged certificate among others, one sentence each.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`check`](Self::check).
    pub fn warnings(&self) -> Result<&[String], Error> {
        self.loaded().map(|loaded| loaded.warnings.as_slice())
    }

    fn loaded(&self) -> Result<&Loaded, Error> {
        let load = || {
            self.settings.load(&self.provider).map_err(|error| NotLoaded {
                kind: error.kind(),
                message: error.message().to_owned(),
                file: CertificateFile::of(&error),
            })
        };
        self.loaded.get_or_init(load).as_ref().map_err(|NotLoaded { kind, message, file }| {
            let error = Error::new(*kind, message.clone());
            match file {
                Some(file) => error.with_source(*file),
                None => error,
            }
        })
    }

    /// Performs the TLS handshake on a TCP connection from which no byte after the server's cleartext was read. The
    /// certificate must be valid for [`TlsSettings::name`] if that is set, and otherwise for `host`.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Unavailable`] for a timeout or a lost connection, the errors of [`check`](Self::check),
    /// and otherwise [`ErrorKind::Tls`]. An error about the certificate contains the reason and the SHA-256
    /// fingerprint.
    pub fn handshake(&self, tcp: Tcp, host: &Host) -> Result<Tls, Error> {
        let host = self.settings.name.as_ref().unwrap_or(host);
        let loaded = self.loaded()?;
        let verifier = Arc::new(RecordingVerifier::new(loaded.verifier.clone()));
        let config = self.config(loaded, verifier.clone())?;
        let mut connection = ClientConnection::new(Arc::new(config), error::server_name(host)?)
            .map_err(|error| error::failed(error, host, None))?;
        let mut tcp = BufReader::with_capacity(READ_AHEAD, tcp);
        while connection.is_handshaking() {
            send(&mut connection, &mut tcp).map_err(error::broken)?;
            if connection.read_tls(&mut tcp).map_err(error::broken)? == 0 {
                return Err(error::broken(io::ErrorKind::UnexpectedEof.into()));
            }
            if let Err(error) = connection.process_new_packets() {
                // Sends the alert with the reason to the server. A failure is ignored because the handshake has
                // failed anyway.
                let _ = send(&mut connection, &mut tcp);
                return Err(error::failed(error, host, verifier.seen().as_ref()));
            }
        }
        send(&mut connection, &mut tcp).map_err(error::broken)?;
        let facts = TlsFacts::of(&connection, verifier.seen().as_deref().unwrap_or_default());
        Ok(Tls { connection, tcp, facts })
    }

    fn config(&self, loaded: &Loaded, verifier: Arc<RecordingVerifier>) -> Result<ClientConfig, Error> {
        let builder = ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| Error::new(ErrorKind::Tls, error::message(&error)).with_source(error))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match &loaded.identity {
            Some((chain, key)) => {
                builder.with_client_auth_cert(chain.clone(), key.clone_key()).map_err(|error| {
                    let text = format!("the client certificate cannot be used with its key: {error}");
                    Error::new(ErrorKind::Argument, text).with_source(error)
                })?
            }
            None => builder.with_no_client_auth(),
        };
        // Without resumption, the server sends its certificate in every handshake.
        config.resumption = Resumption::disabled();
        if let Some(key_log) = &self.settings.key_log {
            config.key_log = key_log.for_rustls();
        }
        Ok(config)
    }
}

impl fmt::Debug for TlsConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TlsConnector").field(&self.settings).finish()
    }
}

/// A TLS connection after its handshake. [`flush`](Write::flush) sends all written data; a write may send it earlier.
///
/// A read fails with [`io::ErrorKind::UnexpectedEof`] if the connection ends without the server's `close_notify`,
/// because an attacker can end a TCP connection.
pub struct Tls {
    connection: ClientConnection,
    tcp: BufReader<Tcp>,
    facts: TlsFacts,
}

impl Tls {
    /// Returns the parameters that the handshake negotiated.
    #[must_use]
    pub fn facts(&self) -> &TlsFacts {
        &self.facts
    }

    /// Returns the channel binding `tls-exporter` (RFC 9266), over TLS 1.3 only: RFC 9266 §3 requires properties of TLS 1.2
    /// that rustls does not report.
    #[must_use]
    pub fn exporter(&self) -> Option<[u8; 32]> {
        if self.connection.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
            return None;
        }
        self.connection.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b"")).ok()
    }

    /// Returns the underlying TCP connection.
    #[must_use]
    pub fn tcp(&self) -> &Tcp {
        self.tcp.get_ref()
    }

    /// Returns the maximum size in bytes of a write and flush that does not wait for the server to read:
    /// [`Tcp::send_buffer`] minus the overhead of TLS.
    #[must_use]
    pub fn send_buffer(&self) -> usize {
        let room = self.tcp().send_buffer();
        room.saturating_sub(room / 16).saturating_sub(RECORD_OVERHEAD)
    }

    /// Sets the limits of the reads and writes that follow.
    pub fn set_limits(&mut self, limits: Limits) {
        self.tcp.get_mut().set_limits(limits);
    }

    /// Tells the server that nothing more follows (`close_notify`, RFC 8446 §6.1).
    pub fn close_notify(&mut self) -> io::Result<()> {
        self.connection.send_close_notify();
        self.flush()
    }
}

impl Read for Tls {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            match self.connection.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
            send(&mut self.connection, &mut self.tcp)?;
            self.connection.read_tls(&mut self.tcp)?;
            if let Err(error) = self.connection.process_new_packets() {
                let _ = send(&mut self.connection, &mut self.tcp);
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
        }
    }
}

impl Write for Tls {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The buffer of rustls is bounded, so it is sent first to make room.
        send(&mut self.connection, &mut self.tcp)?;
        self.connection.writer().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        send(&mut self.connection, &mut self.tcp)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tls({})", self.tcp().peer_addr())
    }
}

/// The parameters that a TLS handshake negotiated.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsFacts {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: &'static str,
    /// The cipher suite by its registered name: `TLS_AES_256_GCM_SHA384`.
    pub cipher: String,
    /// The server's certificate.
    pub certificate: Certificate,
}

impl TlsFacts {
    fn of(connection: &ClientConnection, leaf: &[u8]) -> Self {
        let suite = connection.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
        Self {
            version: match connection.protocol_version() {
                Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
                _ => "TLSv1.2",
            },
            cipher: suite.unwrap_or_default().replacen("TLS13_", "TLS_", 1),
            certificate: Certificate::from_der(leaf),
        }
    }

    /// Returns the facts as lines for a trace. Subject and issuer are untrusted and not escaped.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut notes = vec![format!("{}, {}", self.version, self.cipher)];
        #[cfg(feature = "certificate-details")]
        {
            let details = &self.certificate.details;
            let (from, to) = (rfc3339(details.not_before), rfc3339(details.not_after));
            notes.push(format!("certificate subject {}", details.subject));
            notes.push(format!("certificate issuer {}", details.issuer));
            notes.push(format!("certificate valid {from} to {to}"));
        }
        notes.push(format!("certificate SHA-256 {}", format_fingerprint(&self.certificate.sha256)));
        notes
    }
}

fn send(connection: &mut ClientConnection, tcp: &mut BufReader<Tcp>) -> io::Result<()> {
    while connection.wants_write() {
        if connection.write_tls(tcp.get_mut())? == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
    }
    Ok(())
}

/// The size of the read buffer: two TLS records of the maximum size. Without it, rustls reads 4 KiB at a time.
const READ_AHEAD: usize = 32 * 1024;

/// An upper bound for the bytes that TLS adds to a record of at most 16 KiB (RFC 8446 §5.2).
const RECORD_OVERHEAD: usize = 256;

#[cfg(test)]
mod tests;
