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

#[test]
fn the_error_for_a_wrong_name_lists_the_names() {
    let (files, ca) = (Files::new(), authority());
    let made = signed(params("www.example.org"), &ca);
    let why = distrusted(&made, files.trust(&ca), "pop.example.org");
    assert_eq!(why, "it is for www.example.org, not for pop.example.org");
    assert_eq!(
        distrusted(&made, files.trust(&ca), "127.0.0.1"),
        "it is for www.example.org, not for 127.0.0.1"
    );
}

#[test]
fn every_host_is_a_valid_server_name() {
    for host in ["pop.example.org", "pop.example.org.", "mail_1.docker", "bücher.example", "127.0.0.1", "::1"]
    {
        error::server_name(&Host::parse(host).unwrap()).unwrap();
    }
}

#[test]
fn a_common_name_is_not_a_host_name() {
    let (files, ca) = (Files::new(), authority());
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "pop.example.org");
    let why = distrusted(&signed(params, &ca), files.trust(&ca), "pop.example.org");
    assert_eq!(why, "it names no host, so it is not for pop.example.org");
}

#[test]
fn a_certificate_may_be_for_an_ip_address() {
    let (files, ca) = (Files::new(), authority());
    let made = signed(params("127.0.0.1"), &ca);
    let (port, _server) = serve(made.server_config(), true);
    handshake(port, files.trust(&ca), "127.0.0.1").unwrap();
}

#[test]
fn dates_are_checked() {
    let (files, ca) = (Files::new(), authority());
    let mut expired = params("pop.example.org");
    expired.not_after = rcgen::date_time_ymd(2020, 1, 31);
    let why = distrusted(&signed(expired, &ca), files.trust(&ca), "pop.example.org");
    assert_eq!(why, "it expired at 2020-01-31T00:00:00Z");
    let mut early = params("pop.example.org");
    early.not_before = rcgen::date_time_ymd(2999, 1, 1);
    let why = distrusted(&signed(early, &ca), files.trust(&ca), "pop.example.org");
    assert_eq!(why, "it is not valid before 2999-01-01T00:00:00Z (is the clock right?)");
}

#[test]
fn an_unknown_issuer_is_in_the_error() {
    let (files, ca, other) = (Files::new(), authority(), authority());
    let made = signed(params("pop.example.org"), &ca);
    let why = distrusted(&made, files.trust(&other), "pop.example.org");
    assert!(
        why == "unknown issuer (CN=Test Authority)" || why.starts_with("a signature of it is wrong"),
        "{why}"
    );
    let made = self_signed(params("pop.example.org"));
    assert_eq!(distrusted(&made, files.trust(&other), "pop.example.org"), "it is self-signed");
    let mut marked = params("pop.example.org");
    marked.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    assert_eq!(distrusted(&self_signed(marked), files.trust(&other), "pop.example.org"), "it is self-signed");
    assert_eq!(refusal(&made, trusting(Trust::System), "pop.example.org").kind(), ErrorKind::Tls);
}

#[test]
fn ca_and_client_certificates_are_refused() {
    let (files, ca) = (Files::new(), authority());
    let mut sub = params("pop.example.org");
    sub.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let why = distrusted(&signed(sub, &ca), files.trust(&ca), "pop.example.org");
    assert_eq!(why, "the certificate is a CA certificate");
    let mut client = params("pop.example.org");
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let why = distrusted(&signed(client, &ca), files.trust(&ca), "pop.example.org");
    assert_eq!(why, "it is not meant for servers");
}

#[test]
fn a_self_signed_certificate_in_the_file_is_checked_for_name_and_dates() {
    let files = Files::new();
    let mut marked = params("pop.example.org");
    marked.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    for params in [params("pop.example.org"), marked] {
        let made = self_signed(params.clone());
        let (port, _server) = serve(made.server_config(), true);
        handshake(port, files.trust(&made), "pop.example.org").unwrap();
        let why = distrusted(&made, files.trust(&made), "www.example.org");
        assert_eq!(why, "it is for pop.example.org, not for www.example.org");
        let mut expired = params;
        expired.not_after = rcgen::date_time_ymd(2020, 1, 31);
        let made = self_signed(expired);
        let why = distrusted(&made, files.trust(&made), "pop.example.org");
        assert_eq!(why, "it expired at 2020-01-31T00:00:00Z");
    }
}

#[test]
fn a_pinned_certificate_needs_no_valid_name_or_date() {
    let mut expired = params("www.example.org");
    expired.not_after = rcgen::date_time_ymd(2020, 1, 31);
    let made = self_signed(expired);
    let (port, _server) = serve(made.server_config(), true);
    handshake(port, pinned(&made), "pop.example.org").unwrap();
    let other = self_signed(params("pop.example.org"));
    assert_eq!(distrusted(&other, pinned(&made), "pop.example.org"), "it is not the one that was pinned");
}

/// Returns the certificate as X.509 version 1, without version and extensions. Its signature is then wrong, which
/// does not matter here.
fn version_1(made: &Made) -> CertificateDer<'static> {
    fn sequence(content: &[u8]) -> Vec<u8> {
        let length = match (content.len(), u16::try_from(content.len()).unwrap().to_be_bytes()) {
            (..128, [_, low]) => vec![low],
            (..256, [_, low]) => vec![0x81, low],
            (_, [high, low]) => vec![0x82, high, low],
        };
        [&[0x30], length.as_slice(), content].concat()
    }
    let (_, parsed) = x509_parser::parse_x509_certificate(&made.der).unwrap();
    let end_of =
        |part: &[u8]| made.der.windows(part.len()).position(|window| window == part).unwrap() + part.len();
    let signed = parsed.tbs_certificate.as_ref();
    let version = [0xa0, 3, 2, 1, 2];
    let fields = sequence(&made.der[end_of(&version)..end_of(parsed.public_key().raw)]);
    sequence(&[&fields, &made.der[end_of(signed)..]].concat()).into()
}

#[test]
fn a_pinned_certificate_may_be_of_version_1() {
    let mut made = self_signed(params("pop.example.org"));
    made.der = version_1(&made);
    assert_eq!(Certificate::from_der(&made.der).details.subject, "CN=pop.example.org");
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let (port, server) = serve(made.resolving_config(version, &made.key), true);
        handshake(port, pinned(&made), "pop.example.org").unwrap();
        server.join().unwrap();
        let thief = KeyPair::generate().unwrap();
        let (port, _server) = serve(made.resolving_config(version, &thief), true);
        assert_eq!(handshake(port, pinned(&made), "pop.example.org").unwrap_err().kind(), ErrorKind::Tls);
    }
}

/// A copy of a pinned certificate is useless without its key.
#[test]
fn a_pinned_certificate_needs_its_key() {
    let (made, thief) = (self_signed(params("pop.example.org")), KeyPair::generate().unwrap());
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let (port, _server) = serve(made.resolving_config(version, &thief), true);
        let error = handshake(port, pinned(&made), "pop.example.org").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Tls);
        assert!(error.message().starts_with("certificate not trusted: a signature"), "{error}");
    }
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

/// A bundle as a Windows editor saves it, with one damaged certificate.
#[test]
fn a_damaged_certificate_does_not_affect_the_others() {
    let files = Files::new();
    let (one, two) = (self_signed(params("a.example.org")), self_signed(params("pop.example.org")));
    let junk = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let torn = one.pem.replacen('M', "\u{1}", 1);
    for (damaged, warned) in
        [(String::new(), None), (junk.to_owned(), Some("one")), (torn.clone() + junk, Some("2"))]
    {
        let bundle = format!("\u{feff}{}{damaged}{}", one.pem, two.pem).replace('\n', "\r\n");
        let settings = trusting(Trust::File(files.write("bundle.pem", &bundle)));
        let connector = TlsConnector::prepare(settings.clone());
        let warnings = connector.warnings().unwrap();
        assert_eq!(warnings.len(), usize::from(warned.is_some()), "{warnings:?}");
        assert!(
            warned.is_none_or(|count| warnings[0].contains(&format!("bundle.pem: {count} damaged"))),
            "{warnings:?}"
        );
        let (port, _server) = serve(two.server_config(), true);
        handshake(port, settings, "pop.example.org").unwrap();
    }
}

#[test]
fn unusable_files_are_reported_before_connecting() {
    let files = Files::new();
    let made = self_signed(params("pop.example.org"));
    let good = files.write("good.pem", &made.pem);
    let empty = files.write("empty.pem", "");
    let broken = files.write("broken.pem", &made.pem.replace('M', "\u{1}"));
    let junk = files.write("junk.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let check = |settings| TlsConnector::prepare(settings).check();
    check(trusting(Trust::File(good.clone()))).unwrap();
    for path in [files.0.path().join("none.pem"), empty.clone(), broken, junk] {
        let error = check(trusting(Trust::File(path.clone()))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument);
        assert!(error.message().starts_with(&path.display().to_string()), "{error}");
    }
    let identity = ClientIdentity { certificate: good, key: empty };
    let error =
        check(TlsSettings { identity: Some(identity), ..trusting(Trust::Fingerprint([0; 32])) }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument);
    assert!(error.message().ends_with("no private key in PEM, or the key is encrypted"), "{error}");
}
