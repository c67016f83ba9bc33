use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::*;
use crate::net::{Proxy, TlsSettings, Trust};

/// Starts a server for one connection that reads a request, writes the pieces, closes, and returns the request.
fn serve(pieces: Vec<Vec<u8>>) -> (Url, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/token?secret=hush", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        answer(&mut stream, &pieces)
    });
    (url.parse().unwrap(), server)
}

fn answer(stream: &mut (impl Read + Write), pieces: &[Vec<u8>]) -> String {
    let request = read_request(stream);
    for piece in pieces {
        // The client may close the connection early.
        if stream.write_all(piece).and_then(|()| stream.flush()).is_err() {
            break;
        }
    }
    request
}

/// Reads a header, and a body with the length that the header declares.
fn read_request(stream: &mut impl Read) -> String {
    let mut request = Vec::new();
    loop {
        let mut byte = [0];
        if stream.read(&mut byte).unwrap() == 0 {
            break;
        }
        request.push(byte[0]);
        if let Some(at) = request.windows(4).position(|end| end == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&request[..at]).to_lowercase();
            let length = head
                .split("content-length: ")
                .nth(1)
                .map_or(0, |rest| rest.lines().next().unwrap().parse::<usize>().unwrap());
            if request.len() == at + 4 + length {
                break;
            }
        }
    }
    String::from_utf8(request).unwrap()
}

fn get(url: &Url) -> (Result<HttpResponse, Error>, Vec<String>) {
    send(HttpRequest::get(url), &Trust::System)
}

fn send(request: HttpRequest<'_>, trust: &Trust) -> (Result<HttpResponse, Error>, Vec<String>) {
    let tls = TlsConnector::prepare(TlsSettings { trust: trust.clone(), ..TlsSettings::default() });
    let limits = Limits { timeout: Duration::from_secs(20), deadline: None };
    let client = HttpClient { route: &Route::default(), limits, tls: &tls };
    let mut notes = Vec::new();
    let result = client.send(request, &mut |note| notes.push(note.to_owned()));
    (result, notes)
}

fn response(pieces: &[&str]) -> Result<HttpResponse, Error> {
    let (url, server) = serve(pieces.iter().map(|piece| piece.as_bytes().to_vec()).collect());
    let (result, _) = get(&url);
    server.join().unwrap();
    result
}

fn body(pieces: &[&str]) -> String {
    String::from_utf8(response(pieces).unwrap().body.expose().to_vec()).unwrap()
}

#[test]
fn get_returns_the_response() {
    let (url, server) = serve(vec![b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".to_vec()]);
    let (result, notes) = get(&url);
    let response = result.unwrap();
    assert_eq!((response.status, response.body.expose()), (200, &b"{}"[..]));
    let request = server.join().unwrap();
    assert!(request.starts_with("GET /token?secret=hush HTTP/1.1\r\n"), "{request}");
    let host = url.address().to_string();
    for field in [&format!("host: {host}"), "accept: application/json", "connection: close"] {
        assert!(request.contains(&format!("{field}\r\n")), "{request}");
    }
    assert_eq!(notes.last().unwrap(), &format!("GET http://{host}/token 200"));
    assert!(!notes.concat().contains("hush"), "{notes:?}");
}

#[test]
fn a_form_is_posted() {
    let (url, server) = serve(vec![b"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n".to_vec()]);
    let (form, basic) = (Secret::from("code=a%20b"), Secret::from("Basic YTpi"));
    let (result, notes) = send(HttpRequest::post_form(&url, &form).authorization(&basic), &Trust::System);
    assert_eq!(result.unwrap().status, 400);
    let request = server.join().unwrap();
    assert!(request.starts_with("POST /token?secret=hush HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("content-type: application/x-www-form-urlencoded\r\n"), "{request}");
    assert!(request.contains("authorization: Basic YTpi\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\ncode=a%20b"), "{request}");
    assert!(notes.last().unwrap().ends_with("/token 400"), "{notes:?}");
}

#[test]
fn the_header_decides_the_end_of_the_body() {
    assert_eq!(body(&["HTTP/1.1 200 OK\r\nConte", "nt-Length: 5\r\n\r\nab", "cde"]), "abcde");
    assert_eq!(body(&["HTTP/1.1 200 OK\r\n\r\nab", "cde"]), "abcde");
    assert_eq!(body(&["HTTP/1.0 200 OK\r\n\r\nabcde"]), "abcde");
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(body(&[chunked, "2\r", "\nab\r\n3\r\ncde\r\n0\r\n\r\n"]), "abcde");
    assert_eq!(body(&["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 None\r\n\r\n"]), "");
}

#[test]
fn redirects_are_not_followed() {
    let redirect = "HTTP/1.1 302 Found\r\nLocation: https://example.org/\r\nContent-Length: 0\r\n\r\n";
    let response = response(&[redirect]).unwrap();
    assert!(response.is_redirect());
    assert_eq!(response.location.as_deref(), Some("https://example.org/"));
}

#[test]
fn retry_after_is_kept() {
    let busy = "HTTP/1.1 429 Busy\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(response(&[busy]).unwrap().retry_after.as_deref(), Some("30"));
}

#[test]
fn malformed_responses_are_refused() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(2 * MAX_HEAD));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(500));
    let informational = "HTTP/1.1 102 Wait\r\n\r\n".repeat(4000);
    let large = format!("HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n{}", "x".repeat(70_000));
    let endless = chunked.to_owned() + &format!("3e8\r\n{}\r\n", "x".repeat(1000)).repeat(80);
    let (protocol, unavailable) = (ErrorKind::Protocol, ErrorKind::Unavailable);
    for (text, kind, why) in [
        ("+OK ready\r\n\r\n", protocol, "no HTTP response"),
        ("HTTP/1.1 hush\r\n\r\n", protocol, "no HTTP response"),
        ("HTTP/1.1 200 OK\r\nContent-Length: hush\r\n\r\n", protocol, "malformed"),
        (&format!("{chunked}hush\r\n"), protocol, "malformed"),
        (&long, protocol, "too long"),
        (&many, protocol, "too many"),
        (&informational, protocol, "too long"),
        (&large, protocol, "longer than 64 KiB"),
        (&endless, protocol, "longer than 64 KiB"),
        ("", unavailable, "closed the connection without a response"),
        ("HTTP/1.1 200 O", unavailable, "connection lost"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", unavailable, "connection lost"),
        (&format!("{chunked}5\r\nab"), unavailable, "connection lost"),
    ] {
        let (url, server) = serve(vec![text.as_bytes().to_vec()]);
        let (result, notes) = get(&url);
        let error = result.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}: {text:.60}");
        assert!(error.message().contains(why), "{error}: {text:.60}");
        assert!(!format!("{error} {notes:?}").contains("hush"), "{error}");
        assert!(error.message().starts_with(&format!("{url}: ")), "{error}");
        server.join().unwrap();
    }
}

#[test]
fn a_closed_port_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let (result, notes) = get(&url);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(notes.last().unwrap().contains("failed: "), "{notes:?}");
}

#[test]
fn loopback_is_reached_without_the_proxy() {
    let (url, server) = serve(vec![b"HTTP/1.1 204 None\r\n\r\n".to_vec()]);
    let proxy: Proxy = "socks5://proxy.invalid:1".parse().unwrap();
    let tls = TlsConnector::prepare(TlsSettings::default());
    let limits = Limits { timeout: Duration::from_secs(20), deadline: None };
    let route = Route { proxy: Some(proxy), ..Route::default() };
    let client = HttpClient { route: &route, limits, tls: &tls };
    assert_eq!(client.send(HttpRequest::get(&url), &mut |_| {}).unwrap().status, 204);
    server.join().unwrap();
}

#[test]
fn https_needs_a_trusted_certificate() {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".into()]).unwrap().self_signed(&key).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, certificate.pem()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    let config = Arc::new(config);
    let exchange = |trust: &Trust, text: &'static [u8]| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url: Url =
            format!("https://localhost:{}/", listener.local_addr().unwrap().port()).parse().unwrap();
        let config = config.clone();
        let server = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
            // A client that does not trust the certificate aborts the handshake.
            let mut byte = [0; 1024];
            if stream.read(&mut byte).is_ok() {
                stream.write_all(text).unwrap();
                stream.flush().unwrap();
                let tcp: &TcpStream = stream.get_ref();
                tcp.shutdown(Shutdown::Write).unwrap();
            }
        });
        let (result, _) = send(HttpRequest::get(&url), trust);
        server.join().unwrap();
        result
    };
    let trusted = Trust::File(file);
    let response = exchange(&trusted, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    assert_eq!(response.unwrap().body.expose(), b"{}");
    let distrusted = exchange(&Trust::Fingerprint([0; 32]), b"").unwrap_err();
    assert_eq!(distrusted.kind(), ErrorKind::Tls);
    // An attacker on the path can close a TCP connection: without `close_notify` the body may be truncated.
    let cut = exchange(&trusted, b"HTTP/1.1 200 OK\r\n\r\n{}").unwrap_err();
    assert_eq!(cut.kind(), ErrorKind::Unavailable);
}
