//! Verification of certificates: names, dates, issuers, pins, and the files that are trusted.

use super::*;

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
