//! Listens for the redirect of the browser on both loopback addresses (RFC 8252 §7.3).

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::net::Url;

/// A listener on the same port of both loopback addresses.
pub struct Listener {
    sockets: Vec<TcpListener>,
    port: u16,
    path: Option<String>,
}

impl Listener {
    /// Listens on the port of the redirect URI or, if it has none, on any free port.
    pub fn bind(redirect: &Url) -> io::Result<Self> {
        let wanted = written_port(redirect);
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let first = TcpListener::bind((Ipv4Addr::LOCALHOST, wanted.unwrap_or(0)))?;
            let port = first.local_addr()?.port();
            let sockets = match TcpListener::bind((Ipv6Addr::LOCALHOST, port)) {
                Ok(second) => vec![first, second],
                // Another program uses the port on IPv6, and the browser might connect to that program.
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    last = Some(error);
                    continue;
                }
                // This machine has no IPv6, so the browser cannot use it either.
                Err(_) => vec![first],
            };
            for socket in &sockets {
                socket.set_nonblocking(true)?;
            }
            return Ok(Self { sockets, port, path: path(redirect) });
        }
        Err(last.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
    }

    /// Returns the redirect URI with the port of the listener.
    pub fn redirect_uri(&self, redirect: &Url) -> String {
        if written_port(redirect).is_some() {
            return redirect.as_str().to_owned();
        }
        let (scheme, rest) = redirect.as_str().split_once("://").unwrap_or(("http", redirect.as_str()));
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        format!("{scheme}://{host}:{}{path}", self.port)
    }

    /// Waits for the redirect until `until`, responds with a page, and returns the result of `judge`, or `None` if no redirect
    /// arrived. Responds to other requests with status 404.
    pub fn wait<T: Send + 'static>(
        &self,
        until: Instant,
        judge: impl Fn(&str) -> Result<T, crate::Error> + Send + Sync + 'static,
    ) -> Option<Result<T, crate::Error>> {
        let (sender, receiver) = mpsc::channel();
        let judge: Arc<Judge<T>> = Arc::new(judge);
        while Instant::now() < until {
            for socket in &self.sockets {
                // A thread per connection, because browsers open connections in advance and leave them idle.
                while let Ok((stream, peer)) = socket.accept() {
                    self.serve(stream, peer, &judge, &sender);
                }
            }
            if let Ok(result) = receiver.recv_timeout(PAUSE) {
                return Some(result);
            }
        }
        None
    }

    fn serve<T: Send + 'static>(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        judge: &Arc<Judge<T>>,
        sender: &Sender<Result<T, crate::Error>>,
    ) {
        if !peer.ip().is_loopback() {
            return;
        }
        let (judge, sender, path) = (judge.clone(), sender.clone(), self.path.clone());
        let spawned = thread::Builder::new().name("redirect".into()).spawn(move || {
            if let Err(error) = answer(stream, path.as_deref(), &*judge, &sender) {
                log::debug!("the browser: {error}");
            }
        });
        if let Err(error) = spawned {
            log::debug!("cannot start a thread: {error}");
        }
    }
}

type Judge<T> = dyn Fn(&str) -> Result<T, crate::Error> + Send + Sync;

fn answer<T>(
    mut stream: TcpStream,
    path: Option<&str>,
    judge: &Judge<T>,
    sender: &Sender<Result<T, crate::Error>>,
) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let head = read_head(&mut stream)?;
    let Some(query) = query(&head, path) else {
        return page(&mut stream, "404 Not Found", "There is nothing here.");
    };
    let result = judge(query);
    let (status, text) = match &result {
        Ok(_) => ("200 OK", "pop3 has the answer. You can close this window."),
        Err(_) => ("400 Bad Request", "The login failed; pop3 says why. You can close this window."),
    };
    let shown = page(&mut stream, status, text);
    let _ = sender.send(result);
    shown
}

/// Returns the query of a request if it is a `GET` of the redirect's path and has the parameters of a redirect.
fn query<'a>(head: &'a str, path: Option<&str>) -> Option<&'a str> {
    let target = head.strip_prefix("GET ")?.split(' ').next()?;
    let (found, query) = target.split_once('?')?;
    let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    (found == path.unwrap_or("/") && (has("state") || has("code") || has("error"))).then_some(query)
}

fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut piece = [0; 2048];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let count = stream.read(&mut piece)?;
        head.extend_from_slice(&piece[..count]);
        if count == 0 || head.len() > MAX_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    String::from_utf8(head).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Sends a page that has no scripts, no links and no text from the request.
fn page(stream: &mut TcpStream, status: &str, text: &str) -> io::Result<()> {
    let body = format!("<!doctype html><meta charset=utf-8><title>pop3</title><p>{text}</p>\n");
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nContent-Security-Policy: default-src 'none'\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    stream.flush()
}

/// Returns the path of the redirect URI, if it has one.
fn path(redirect: &Url) -> Option<String> {
    Some(redirect.path().to_owned()).filter(|path| path != "/")
}

/// Returns the port in the redirect URI, if it has one.
fn written_port(redirect: &Url) -> Option<u16> {
    let rest = redirect.as_str().split("://").nth(1)?;
    let authority = rest.split('/').next()?;
    let after_host = authority.rsplit(']').next()?;
    after_host.rsplit_once(':')?.1.parse().ok()
}

/// The time that a browser may take to send its request.
const PATIENCE: Duration = Duration::from_secs(10);

const PAUSE: Duration = Duration::from_millis(20);

/// Maximum size of a request, in bytes. Codes and states have a few hundred bytes; cookies of other local servers have more.
const MAX_HEAD: usize = 64 * 1024;

const ATTEMPTS: u32 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn get(port: u16, target: &str, host: &str) -> String {
        let mut stream = TcpStream::connect((host, port)).unwrap();
        write!(stream, "GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn the_port_goes_into_the_redirect() {
        for (redirect, expected) in [
            ("http://localhost", "http://localhost:PORT"),
            ("http://localhost/", "http://localhost:PORT/"),
            ("http://127.0.0.1/call/back", "http://127.0.0.1:PORT/call/back"),
            ("http://[::1]", "http://[::1]:PORT"),
        ] {
            let listener = Listener::bind(&url(redirect)).unwrap();
            let expected = expected.replace("PORT", &listener.port.to_string());
            assert_eq!(listener.redirect_uri(&url(redirect)), expected);
        }
        let free = Listener::bind(&url("http://localhost")).unwrap().port;
        let written = url(&format!("http://localhost:{free}/x"));
        let listener = Listener::bind(&written).unwrap();
        assert_eq!((listener.port, listener.redirect_uri(&written)), (free, written.as_str().to_owned()));
    }

    #[test]
    fn one_answer_counts_and_everything_else_is_not_there() {
        let listener = Listener::bind(&url("http://localhost/done")).unwrap();
        let port = listener.port;
        let ipv6 = listener.sockets.len() == 2;
        let browser = thread::spawn(move || {
            // A connection that is opened in advance and never used.
            let _idle = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let mut answers = Vec::new();
            for target in ["/", "/favicon.ico", "/done", "/done?x=1", "/other?code=c&state=s"] {
                answers.push(get(port, target, "127.0.0.1"));
            }
            let host = if ipv6 { "::1" } else { "127.0.0.1" };
            answers.push(get(port, "/done?code=c&state=s", host));
            answers
        });
        let until = Instant::now() + Duration::from_secs(60);
        let result = listener.wait(until, |query| Ok(query.to_owned()));
        assert_eq!(result.unwrap().unwrap(), "code=c&state=s");
        let answers = browser.join().unwrap();
        assert!(answers[..5].iter().all(|answer| answer.starts_with("HTTP/1.1 404 ")), "{answers:?}");
        assert!(answers[5].starts_with("HTTP/1.1 200 ") && answers[5].contains("close this window"));
        drop(listener);
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "a second answer finds nobody");
    }

    #[test]
    fn a_failed_answer_is_shown_as_failed() {
        let listener = Listener::bind(&url("http://localhost")).unwrap();
        let port = listener.port;
        let browser = thread::spawn(move || get(port, "/?error=access_denied&state=x", "127.0.0.1"));
        let failed = |_: &str| Err::<(), _>(crate::Error::new(crate::ErrorKind::Authentication, "no"));
        let result = listener.wait(Instant::now() + Duration::from_secs(60), failed);
        assert!(result.unwrap().is_err());
        let answer = browser.join().unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 ") && !answer.contains("access_denied"));
    }

    #[test]
    fn the_time_for_a_person_ends() {
        let listener = Listener::bind(&url("http://localhost")).unwrap();
        assert!(listener.wait(Instant::now(), |_| Ok(())).is_none());
    }
}
