//! The dialogue with a proxy, until the proxy forwards data of the server.

use std::io::{self, Read, Write};
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::super::address::{Address, Host};
use super::super::io_error::reason;
use super::super::tcp::Tcp;
use super::super::tls::printable;
use super::{
    Credential, Proxy,
    ProxyFailure::{self, Broken, Credentials, Refused},
};
use crate::trace::Redactor;
use crate::{Error, ErrorKind};

/// A dialogue with a proxy.
pub(super) struct Exchange<'a> {
    pub(super) proxy: &'a Proxy,
    pub(super) tcp: &'a mut Tcp,
}

impl Exchange<'_> {
    pub(super) fn socks5(&mut self, target: &Address) -> Result<(), Error> {
        // RFC 1928 §3: the methods are "no authentication" (0) and "user and password" (2).
        let offer: &[u8] = if self.proxy.credential.is_some() { &[5, 2, 0, 2] } else { &[5, 1, 0] };
        self.send(offer)?;
        match (self.receive::<2>()?, &self.proxy.credential) {
            ([5, 0], _) => {}
            ([5, 2], Some(credential)) => self.socks5_login(credential)?,
            ([5, 0xff], Some(_)) => {
                return Err(self.failed(Credentials, "accepts neither a password nor access without one"));
            }
            ([5, 0xff], None) => return Err(self.failed(Credentials, "asks for a user and password")),
            ([5, _], _) => {
                return Err(
                    self.failed(Credentials, "asks for an authentication method that was not offered")
                );
            }
            _ => return Err(self.failed(Broken, "does not speak SOCKS 5")),
        }

        // RFC 1928 §4: version 5, CONNECT (1), reserved, then the address type, the address and the port.
        let mut request = vec![5, 1, 0];
        match target.host() {
            Host::Ip(IpAddr::V4(address)) => {
                request.push(1);
                request.extend(address.octets());
            }
            Host::Ip(IpAddr::V6(address)) => {
                request.push(4);
                request.extend(address.octets());
            }
            Host::Name(name) => {
                let length = u8::try_from(name.len())
                    .map_err(|_| self.failed(Refused, "accepts no name of this length"))?;
                request.extend([3, length]);
                request.extend(name.as_bytes());
            }
        }
        request.extend(target.port().to_be_bytes());
        self.send(&request)?;

        let [version, reply, _, kind] = self.receive::<4>()?;
        if version != 5 {
            return Err(self.failed(Broken, "does not speak SOCKS 5"));
        }
        if reply != 0 {
            return Err(self.refused_target(target, socks5_reply(reply)));
        }
        // The address from which the proxy connects is skipped.
        let length = match kind {
            1 => 4,
            4 => 16,
            3 => usize::from(self.receive::<1>()?[0]),
            _ => return Err(self.failed(Broken, "does not speak SOCKS 5")),
        };
        for _ in 0..length + 2 {
            self.receive::<1>()?;
        }
        Ok(())
    }

    /// RFC 1929 §2
    fn socks5_login(&mut self, credential: &Credential) -> Result<(), Error> {
        let mut request = Zeroizing::new(Vec::with_capacity(513));
        request.push(1);
        for part in [&credential.user, &credential.password] {
            let bytes = part.expose();
            request.push(
                u8::try_from(bytes.len())
                    .map_err(|_| self.failed(Refused, "accepts no user or password of this length"))?,
            );
            request.extend(bytes);
        }
        self.send(&request)?;
        match self.receive::<2>()? {
            [_, 0] => Ok(()),
            _ => Err(self.failed(Credentials, "refused the user and password")),
        }
    }

    pub(super) fn http(&mut self, target: &Address) -> Result<(), Error> {
        let mut request = Zeroizing::new(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"));
        if let Some(Credential { user, password }) = &self.proxy.credential {
            let pair = Zeroizing::new([user.expose(), b":", password.expose()].concat());
            let pair = Zeroizing::new(STANDARD.encode(pair.as_slice()));
            let field = Zeroizing::new(format!("Proxy-Authorization: Basic {}\r\n", pair.as_str()));
            // The string is allocated once, because growing it would leave a copy that is not wiped.
            let mut whole = Zeroizing::new(String::with_capacity(request.len() + field.len() + 2));
            whole.push_str(&request);
            whole.push_str(&field);
            request = whole;
        }
        request.push_str("\r\n");
        self.send(request.as_bytes())?;

        let head = self.http_head()?;
        let line = head.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        match line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)) {
            Some(status) if status.starts_with('2') => Ok(()),
            Some("407") if self.proxy.credential.is_some() => {
                Err(self.failed(Credentials, "refused the user and password (407)"))
            }
            Some("407") => Err(self.failed(Credentials, "asks for a user and password (407)")),
            Some(_) => Err(self.refused_target(target, &printable(&self.redacted(&line)))),
            None => Err(self.failed(Broken, "does not speak HTTP")),
        }
    }

    /// Returns a line from the proxy with the secrets redacted that the proxy may echo.
    fn redacted(&self, line: &str) -> String {
        let mut redactor = Redactor::default();
        if let Some(Credential { user, password }) = &self.proxy.credential {
            redactor.add_secret(password.expose());
            redactor.add_secret(&Zeroizing::new([user.expose(), b":", password.expose()].concat()));
        }
        String::from_utf8_lossy(&redactor.redact(line.as_bytes())).into_owned()
    }

    /// Reads the header up to its empty line and no further, because the next byte comes from the server.
    fn http_head(&mut self) -> Result<Vec<u8>, Error> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") && !head.ends_with(b"\n\n") {
            if head.len() == MAX_HEAD {
                return Err(self.failed(Broken, "sent a response that is too long"));
            }
            let [byte] = self.receive::<1>()?;
            head.push(byte);
            let known = head.len().min(HTTP.len());
            if head[..known] != HTTP[..known] {
                return Err(self.failed(Broken, "does not speak HTTP"));
            }
        }
        Ok(head)
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.tcp.write_all(bytes).and_then(|()| self.tcp.flush()).map_err(|error| self.broken(error))
    }

    fn receive<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        self.tcp.read_exact(&mut bytes).map_err(|error| self.broken(error))?;
        Ok(bytes)
    }

    fn broken(&self, error: io::Error) -> Error {
        let why = match error.kind() {
            io::ErrorKind::UnexpectedEof => "closed the connection".to_owned(),
            _ => format!("failed: {}", reason(&error)),
        };
        self.error(&why).with_source(Broken.caused_by(Some(Box::new(error))))
    }

    fn failed(&self, failure: ProxyFailure, what: &str) -> Error {
        self.error(what).with_source(failure.caused_by(None))
    }

    fn error(&self, what: &str) -> Error {
        Error::new(ErrorKind::Unavailable, format!("the proxy {} {what}", self.proxy))
    }

    fn refused_target(&self, target: &Address, why: &str) -> Error {
        self.failed(Refused, &format!("did not connect to {target}: {why}"))
    }
}

/// RFC 1928 §6
fn socks5_reply(reply: u8) -> &'static str {
    match reply {
        1 => "general failure",
        2 => "not allowed by the rules of the proxy",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "time to live expired",
        7 => "the proxy does not support CONNECT",
        8 => "the proxy does not support this kind of address",
        _ => "unknown error",
    }
}

/// The beginning of the response to `CONNECT`.
const HTTP: &[u8] = b"HTTP/1.";

/// The maximum size of a response header in bytes, which is the limit of common HTTP servers.
const MAX_HEAD: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread::{self, JoinHandle};
    use std::time::Duration;

    use super::*;
    use crate::net::{Limits, Route, connect};

    /// Starts a proxy that sends each response after it read the given number of bytes. The thread returns all bytes
    /// it read.
    fn scripted(script: &[(usize, &[u8])]) -> (u16, JoinHandle<Vec<u8>>) {
        let script: Vec<_> = script.iter().map(|(wait_for, say)| (*wait_for, say.to_vec())).collect();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let serve = move || {
            let mut stream = listener.accept().unwrap().0;
            let mut read = Vec::new();
            for (wait_for, say) in script {
                let mut bytes = vec![0; wait_for];
                if stream.read_exact(&mut bytes).is_err() {
                    break;
                }
                read.extend(bytes);
                let _ = stream.write_all(&say);
            }
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = stream.read_to_end(&mut read);
            read
        };
        (port, thread::spawn(serve))
    }

    fn through(proxy: &str, target: &str, timeout: u64) -> Result<Tcp, Error> {
        let limits = Limits { timeout: Duration::from_millis(timeout), deadline: None };
        let target = Address::parse(target, 110).unwrap();
        let route = Route { proxy: Some(proxy.parse().unwrap()), ..Route::default() };
        connect(&target, &route, limits, &mut |note| {
            assert!(!note.contains("secret"), "{note}");
        })
    }

    fn fails(proxy: &str, script: &[(usize, &[u8])]) -> String {
        let (port, server) = scripted(script);
        let error =
            through(&proxy.replace("PORT", &port.to_string()), "pop.example.org", 30_000).unwrap_err();
        server.join().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(ProxyFailure::of(&error).is_some(), "{error}");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
        let prefix = format!("the proxy {}://127.0.0.1:{port} ", &proxy[..proxy.find(':').unwrap()]);
        error.message().strip_prefix(&prefix).unwrap_or_else(|| panic!("{error}")).to_owned()
    }

    #[test]
    fn socks5_connects_by_name() {
        let request = b"\x05\x01\x00\x03\x0fpop.example.org\x00\x6e";
        let answer = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x12\x34+OK ready\r\n";
        let (port, server) = scripted(&[(3, b"\x05\x00"), (request.len(), answer)]);
        let mut tcp = through(&format!("socks5://127.0.0.1:{port}"), "pop.example.org", 30_000).unwrap();
        let mut greeting = String::new();
        tcp.read_to_string(&mut greeting).unwrap();
        assert_eq!(greeting, "+OK ready\r\n");
        drop(tcp);
        assert_eq!(server.join().unwrap(), [b"\x05\x01\x00", request.as_slice()].concat());
    }

    #[test]
    fn socks5_logs_in_and_connects_by_address() {
        let login = b"\x01\x05alice\x06secret";
        let (port, server) =
            scripted(&[(4, b"\x05\x02"), (14, b"\x01\x00"), (22, b"\x05\x00\x00\x03\x04host\x00\x01")]);
        through(&format!("socks5://alice:secret@127.0.0.1:{port}"), "::1", 30_000).unwrap();
        let request = b"\x05\x01\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x6e";
        assert_eq!(server.join().unwrap(), [b"\x05\x02\x00\x02".as_slice(), login, request].concat());
    }

    #[test]
    fn socks5_refusals_have_a_reason() {
        let url = "socks5://127.0.0.1:PORT";
        let with_login = "socks5://alice:secret@127.0.0.1:PORT";
        let refused = b"\x05\x05\x00\x01\0\0\0\0\0\0";
        assert_eq!(
            fails(url, &[(3, b"\x05\x00"), (22, refused)]),
            "did not connect to pop.example.org:110: connection refused"
        );
        assert_eq!(fails(url, &[(3, b"\x05\xff")]), "asks for a user and password");
        assert_eq!(
            fails(with_login, &[(4, b"\x05\x02"), (14, b"\x01\x01")]),
            "refused the user and password"
        );
        assert_eq!(
            fails(with_login, &[(4, b"\x05\xff")]),
            "accepts neither a password nor access without one"
        );
        assert_eq!(fails(url, &[(3, b"\x05\x02")]), "asks for an authentication method that was not offered");
    }

    #[test]
    fn invalid_socks5_responses_are_refused() {
        let url = "socks5://127.0.0.1:PORT";
        assert_eq!(fails(url, &[(3, b"+OK ready\r\n")]), "does not speak SOCKS 5");
        assert_eq!(fails(url, &[(3, b"\x05\x00"), (22, b"\x04\x00\x00\x01")]), "does not speak SOCKS 5");
        assert_eq!(fails(url, &[(3, b"\x05\x00"), (22, b"\x05\x00\x00\x09")]), "does not speak SOCKS 5");
        assert_eq!(fails(url, &[(3, b"\x05\x00"), (22, b"\x05\x00\x00\x01\x7f")]), "closed the connection");
        assert_eq!(fails(url, &[(3, b"")]), "closed the connection");
    }

    #[test]
    fn a_silent_proxy_times_out() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let error = through(&format!("http://127.0.0.1:{port}"), "pop.example.org", 200).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(
            error.message(),
            format!("the proxy http://127.0.0.1:{port} failed: timed out after 0.2 s")
        );
    }

    #[test]
    fn http_connects_and_reads_only_the_header() {
        let request = b"CONNECT pop.example.org:110 HTTP/1.1\r\nHost: pop.example.org:110\r\n\
            Proxy-Authorization: Basic YWxpY2U6czpzZWNyZXQ=\r\n\r\n";
        let answer = b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n+OK ready\r\n";
        let (port, server) = scripted(&[(request.len(), answer)]);
        let url = format!("http://alice:s%3asecret@127.0.0.1:{port}/");
        let mut tcp = through(&url, "pop.example.org", 30_000).unwrap();
        let mut greeting = String::new();
        tcp.read_to_string(&mut greeting).unwrap();
        assert_eq!(greeting, "+OK ready\r\n");
        drop(tcp);
        assert_eq!(server.join().unwrap(), request);
    }

    #[test]
    fn http_refusals_have_a_reason() {
        let url = "http://127.0.0.1:PORT";
        let with_login = "http://alice:secret@127.0.0.1:PORT";
        assert_eq!(fails(url, &[(1, b"HTTP/1.1 407 No\r\n\r\n")]), "asks for a user and password (407)");
        assert_eq!(
            fails(with_login, &[(1, b"HTTP/1.1 407 No\r\n\r\n")]),
            "refused the user and password (407)"
        );
        assert_eq!(
            fails(url, &[(1, b"HTTP/1.1 503 \x1b[31mNo\r\n\r\n")]),
            "did not connect to pop.example.org:110: HTTP/1.1 503 \\u{1b}[31mNo"
        );
    }

    #[test]
    fn invalid_http_responses_are_refused() {
        let url = "http://127.0.0.1:PORT";
        assert_eq!(fails(url, &[(1, b"+OK ready\r\n")]), "does not speak HTTP");
        assert_eq!(fails(url, &[(1, b"HTTP/1.1\r\n\r\n")]), "does not speak HTTP");
        assert_eq!(fails(url, &[(1, "HTTP/1.é\r\n\r\n".as_bytes())]), "does not speak HTTP");
        assert_eq!(fails(url, &[(1, b"HTTP/1.1 200 OK\r\n")]), "closed the connection");
        let endless = [b"HTTP/1.1 200 OK\r\nX: ".as_slice(), &[b'x'; MAX_HEAD]].concat();
        assert_eq!(fails(url, &[(1, &endless)]), "sent a response that is too long");
    }
}
