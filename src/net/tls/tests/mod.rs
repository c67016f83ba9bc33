mod certificates;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};
use tempfile::TempDir;

use super::*;
use crate::net::map_io_error;

/// A certificate and its key, in DER and PEM.
struct Made {
    der: CertificateDer<'static>,
    pem: String,
    key: KeyPair,
    params: CertificateParams,
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn self_signed(params: CertificateParams) -> Made {
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Made { der: certificate.der().clone(), pem: certificate.pem(), key, params }
}

fn authority() -> Made {
    let mut params = params("Test Authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    self_signed(params)
}

fn signed(params: CertificateParams, by: &Made) -> Made {
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &Issuer::from_params(&by.params, &by.key)).unwrap();
    Made { der: certificate.der().clone(), pem: certificate.pem(), key, params }
}

impl Made {
    fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.serialize_der()).unwrap()
    }

    fn fingerprint(&self) -> String {
        format_fingerprint(&Certificate::from_der(&self.der).sha256)
    }

    fn server_config(&self) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.der.clone()], self.key_der())
            .unwrap()
    }
}

impl Made {
    /// Returns the configuration of a server that does not check that certificate and key match.
    fn resolving_config(
        &self,
        version: &'static rustls::SupportedProtocolVersion,
        key: &KeyPair,
    ) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let key = rustls::crypto::ring::sign::any_supported_type(&key).unwrap();
        let shown = rustls::sign::CertifiedKey::new(vec![self.der.clone()], key);
        ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(shown)))
    }
}

/// Serves one connection: the greeting over TLS, then an echo of one line; ends with or without `close_notify`.
fn serve(config: ServerConfig, close_notify: bool) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = move || {
        let mut stream = listener.accept().unwrap().0;
        let mut connection = ServerConnection::new(Arc::new(config)).unwrap();
        let mut tls = rustls::Stream::new(&mut connection, &mut stream);
        let mut line = [0; 6];
        if tls.write_all(b"+OK ready\r\n").and_then(|()| tls.read_exact(&mut line)).is_err() {
            return;
        }
        tls.write_all(&line).unwrap();
        if close_notify {
            tls.conn.send_close_notify();
        }
        tls.flush().unwrap();
    };
    (port, thread::spawn(serve))
}

fn connect(port: u16, timeout: u64) -> Tcp {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    Tcp::new(stream, Limits { timeout: Duration::from_millis(timeout), deadline: None }).unwrap()
}

fn handshake(port: u16, settings: TlsSettings, name: &str) -> Result<Tls, Error> {
    TlsConnector::prepare(settings).handshake(connect(port, 30_000), &Host::parse(name).unwrap())
}

fn trusting(trust: Trust) -> TlsSettings {
    TlsSettings { trust, ..TlsSettings::default() }
}

fn pinned(made: &Made) -> TlsSettings {
    trusting(Trust::Fingerprint(Certificate::from_der(&made.der).sha256))
}

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> std::path::PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn trust(&self, made: &Made) -> TlsSettings {
        trusting(Trust::File(self.write("ca.pem", &made.pem)))
    }
}

fn refusal(made: &Made, settings: TlsSettings, name: &str) -> Error {
    let (port, server) = serve(made.server_config(), true);
    let error = handshake(port, settings, name).unwrap_err();
    server.join().unwrap();
    error
}

/// Returns the reason in the error, which must also contain the fingerprint of the certificate.
fn distrusted(made: &Made, settings: TlsSettings, name: &str) -> String {
    let error = refusal(made, settings, name);
    assert_eq!(error.kind(), ErrorKind::Tls);
    let text = error.message().strip_prefix("certificate not trusted: ").unwrap_or_else(|| panic!("{error}"));
    let why = text.strip_suffix(&format!("; SHA-256 fingerprint {}", made.fingerprint()));
    why.unwrap_or_else(|| panic!("{error}")).to_owned()
}

#[test]
fn data_is_exchanged_with_a_trusted_server() {
    let (files, ca) = (Files::new(), authority());
    let made = signed(params("pop.example.org"), &ca);
    let (port, server) = serve(made.server_config(), true);
    let mut tls = handshake(port, files.trust(&ca), "pop.example.org.").unwrap();

    let mut greeting = [0; 11];
    tls.read_exact(&mut greeting).unwrap();
    assert_eq!(&greeting, b"+OK ready\r\n");
    tls.write_all(b"NOOP\r\n").unwrap();
    tls.flush().unwrap();
    let mut rest = Vec::new();
    tls.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"NOOP\r\n");
    server.join().unwrap();

    assert_eq!(tls.facts().version, "TLSv1.3");
    assert!(tls.facts().cipher.starts_with("TLS_"), "{}", tls.facts().cipher);
    assert_eq!(tls.facts().certificate, Certificate::from_der(&made.der));
    assert_eq!(tls.facts().certificate.details.issuer, "CN=Test Authority");
    assert!(tls.exporter().is_some());
    assert!(tls.send_buffer() >= 2048);
    let notes = tls.facts().notes().join("\n");
    assert!(notes.contains("subject CN=pop.example.org") && notes.contains(&made.fingerprint()), "{notes}");
}

#[test]
fn an_end_without_close_notify_is_an_error() {
    let made = self_signed(params("pop.example.org"));
    let (port, server) = serve(made.server_config(), false);
    let mut tls = handshake(port, pinned(&made), "pop.example.org").unwrap();
    tls.write_all(b"NOOP\r\n").unwrap();
    tls.flush().unwrap();
    let mut read = Vec::new();
    let error = tls.read_to_end(&mut read).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(read, b"+OK ready\r\nNOOP\r\n");
    assert_eq!(map_io_error(error).kind(), ErrorKind::Unavailable);
    server.join().unwrap();
}

#[test]
fn tls_1_2_has_no_exporter() {
    let made = self_signed(params("pop.example.org"));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.der.clone()], made.key_der())
        .unwrap();
    let (port, _server) = serve(config, true);
    let tls = handshake(port, pinned(&made), "pop.example.org").unwrap();
    assert_eq!(tls.facts().version, "TLSv1.2");
    assert_eq!(tls.exporter(), None);
}

#[test]
fn both_ends_export_the_same_channel_binding() {
    let made = self_signed(params("pop.example.org"));
    let config = made.server_config();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let mut connection = ServerConnection::new(Arc::new(config)).unwrap();
        while connection.is_handshaking() {
            connection.complete_io(&mut stream).unwrap();
        }
        connection.export_keying_material([0_u8; 32], b"EXPORTER-Channel-Binding", None).unwrap()
    });
    let tls = handshake(port, pinned(&made), "pop.example.org").unwrap();
    assert_eq!(tls.exporter(), Some(server.join().unwrap()));
}

fn raw(bytes: &'static [u8]) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = move || {
        let mut stream = listener.accept().unwrap().0;
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    };
    (port, thread::spawn(serve))
}

#[test]
fn a_server_without_tls_is_recognised() {
    for greeting in [b"+OK ready\r\n".as_slice(), b"-ERR no\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"] {
        let (port, _server) = raw(greeting);
        let error = handshake(port, trusting(Trust::Fingerprint([0; 32])), "localhost").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Tls);
        assert!(error.message().starts_with("the server does not speak TLS here"), "{error}");
    }
}

#[test]
fn a_server_that_closes_in_the_handshake_is_unavailable() {
    let (port, _server) = raw(b"");
    let error = handshake(port, trusting(Trust::Fingerprint([0; 32])), "localhost").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.message(), "the server closed the connection in the TLS handshake");
}

#[test]
fn a_server_with_only_old_tls_is_refused() {
    // The alert protocol_version (70), as a server of TLS 1.0 sends it.
    let (port, _server) = raw(b"\x15\x03\x01\x00\x02\x02\x46");
    let error = handshake(port, trusting(Trust::Fingerprint([0; 32])), "localhost").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tls);
    assert!(error.message().starts_with("no TLS version in common (1.2 or 1.3 needed)"), "{error}");
}

/// A server with RSA key exchange only, or with an Ed448 key, ends the handshake with `handshake_failure` (40).
#[test]
fn no_common_cipher_has_its_own_error() {
    let (port, _server) = raw(b"\x15\x03\x03\x00\x02\x02\x28");
    let error = handshake(port, trusting(Trust::Fingerprint([0; 32])), "localhost").unwrap_err();
    assert_eq!((error.kind(), TlsFailure::of(&error)), (ErrorKind::Tls, Some(TlsFailure::Incompatible)));
    assert!(error.message().starts_with("no cipher or key type in common with the server"), "{error}");
}

#[test]
fn a_silent_handshake_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connector = TlsConnector::prepare(trusting(Trust::Fingerprint([0; 32])));
    let tcp = connect(listener.local_addr().unwrap().port(), 200);
    let error = connector.handshake(tcp, &Host::parse("localhost").unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.message(), "the TLS handshake failed: timed out after 0.2 s");
}

#[test]
fn a_client_certificate_is_sent() {
    let (files, ca) = (Files::new(), authority());
    let made = signed(params("pop.example.org"), &ca);
    let mut params = params("alice");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let client = signed(params, &ca);
    let config = || {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(ca.der.clone()).unwrap();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
        ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![made.der.clone()], made.key_der())
            .unwrap()
    };
    let identity = ClientIdentity {
        certificate: files.write("cert.pem", &client.pem),
        key: files.write("key.pem", &client.key.serialize_pem()),
    };
    let settings = TlsSettings { identity: Some(identity.clone()), ..files.trust(&ca) };

    let (port, _server) = serve(config(), true);
    let mut tls = handshake(port, settings.clone(), "pop.example.org").unwrap();
    tls.read_exact(&mut [0; 11]).unwrap();

    let (port, _server) = serve(config(), true);
    let mut tls = handshake(port, files.trust(&ca), "pop.example.org").unwrap();
    let error = map_io_error(tls.read(&mut [0; 11]).unwrap_err());
    assert_eq!(error.kind(), ErrorKind::Tls);
    assert_eq!(error.message(), "the server asks for a client certificate");

    let other = files.write("other.pem", &KeyPair::generate().unwrap().serialize_pem());
    let settings = TlsSettings { identity: Some(ClientIdentity { key: other, ..identity }), ..settings };
    let (port, _server) = serve(config(), true);
    let error = handshake(port, settings, "pop.example.org").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument);
    assert!(error.message().starts_with("the client certificate cannot be used with its key"), "{error}");
}
