//! HTTP/1.1 (RFC 9112) over the connections of this crate, with one request per connection.

use std::fmt;
use std::io::{Read as _, Write as _};

use http::{HeaderValue, Method, Request, header};
use ureq_proto::client::state::{RecvBody, RecvResponse};
use ureq_proto::client::{Call, RecvResponseResult, SendRequestResult};

use super::route::Route;
use super::tcp::Limits;
use super::tls::TlsConnector;
use super::url::Url;
use super::{Note, Stream, connect, map_io_error};
use crate::{Error, ErrorKind, Secret};

/// The maximum size of a response body in bytes. Tokens, metadata and autoconfig files have a few thousand.
pub const MAX_BODY: usize = 64 * 1024;

/// Sends requests, each on a new connection. Redirects are not followed but returned to the caller.
///
/// `https` requires a certificate that the connector trusts. `http` is only allowed for loopback addresses, and does
/// not use the proxy.
///
/// The crate `ureq-proto` logs requests and responses with their bodies at level `trace`, under targets that begin
/// with `ureq_proto`. A logger must drop these records.
#[derive(Debug, Clone, Copy)]
pub struct HttpClient<'a> {
    /// The route to the servers.
    pub route: &'a Route,
    /// The time limits of every wait.
    pub limits: Limits,
    /// The trust anchors for `https`.
    pub tls: &'a TlsConnector,
}

/// A request to a URL.
#[derive(Debug, Clone, Copy)]
pub struct HttpRequest<'a> {
    url: &'a Url,
    accept: &'a str,
    form: Option<&'a Secret>,
    authorization: Option<&'a Secret>,
}

/// A response with any status.
#[derive(Clone)]
pub struct HttpResponse {
    /// The status code: 200, 302, 404…
    pub status: u16,
    /// The `Location` field of a redirect.
    pub location: Option<String>,
    /// The `Retry-After` field: a number of seconds, or a date.
    pub retry_after: Option<String>,
    /// The body, at most [`MAX_BODY`] bytes. It is a secret because it may contain tokens.
    pub body: Secret,
}

impl<'a> HttpRequest<'a> {
    /// Returns a `GET` request that accepts JSON.
    #[must_use]
    pub fn get(url: &'a Url) -> Self {
        Self { url, accept: "application/json", form: None, authorization: None }
    }

    /// Returns a `POST` request with a body of type `application/x-www-form-urlencoded` that accepts JSON.
    #[must_use]
    pub fn post_form(url: &'a Url, body: &'a Secret) -> Self {
        Self { form: Some(body), ..Self::get(url) }
    }

    /// Returns the same request with another `Accept` field.
    #[must_use]
    pub fn accept(self, accept: &'a str) -> Self {
        Self { accept, ..self }
    }

    /// Returns the same request with an `Authorization` field.
    #[must_use]
    pub fn authorization(self, value: &'a Secret) -> Self {
        Self { authorization: Some(value), ..self }
    }

    fn method(&self) -> Method {
        if self.form.is_some() { Method::POST } else { Method::GET }
    }

    fn head(&self) -> Result<Request<()>, http::Error> {
        let mut request = Request::builder()
            .method(self.method())
            .uri(self.url.uri())
            .header(header::ACCEPT, self.accept)
            .header(header::USER_AGENT, concat!("pop3/", env!("CARGO_PKG_VERSION")))
            .header(header::CONNECTION, "close");
        if let Some(form) = self.form {
            request = request
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header(header::CONTENT_LENGTH, form.expose().len());
        }
        if let Some(value) = self.authorization {
            let mut value = HeaderValue::from_bytes(value.expose())?;
            value.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, value);
        }
        request.body(())
    }
}

impl HttpResponse {
    /// Returns true if the status is a redirect (3xx).
    #[must_use]
    pub fn is_redirect(&self) -> bool {
        (300..400).contains(&self.status)
    }
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpResponse({})", self.status)
    }
}

impl HttpClient<'_> {
    /// Sends a request and reads the whole response. Writes one line to `note`: the method, the URL without its
    /// query, and the status.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`connect`] and [`TlsConnector::handshake`], [`ErrorKind::Unavailable`] for a lost
    /// connection or a timeout, and [`ErrorKind::Protocol`] for a response that is not HTTP/1.1 or has a body of more
    /// than [`MAX_BODY`] bytes.
    pub fn send(&self, request: HttpRequest<'_>, note: &mut Note<'_>) -> Result<HttpResponse, Error> {
        let (method, url) = (request.method(), request.url);
        match self.exchange(request, note) {
            Ok(response) => {
                note(&format!("{method} {url} {}", response.status));
                Ok(response)
            }
            Err(error) => {
                note(&format!("{method} {url} failed: {error}"));
                Err(Error::new(error.kind(), format!("{url}: {}", error.message())).with_source(error))
            }
        }
    }

    fn exchange(&self, request: HttpRequest<'_>, note: &mut Note<'_>) -> Result<HttpResponse, Error> {
        let mut stream = self.open(request.url, note)?;
        let head = request.head().map_err(|error| argument(&error))?;
        let call = Call::new(head).map_err(|error| argument(&error))?;
        let call = write(call, request.form, &mut stream)?;
        Incoming { stream, buffer: Vec::with_capacity(READ), ended: false }.response(call)
    }

    fn open(&self, url: &Url, note: &mut Note<'_>) -> Result<Stream, Error> {
        #[cfg(feature = "proxy")]
        let direct = Route { proxy: None, ..*self.route };
        #[cfg(feature = "proxy")]
        let route = if url.is_loopback() { &direct } else { self.route };
        #[cfg(not(feature = "proxy"))]
        let route = self.route;
        let tcp = connect(url.address(), route, self.limits, note)?;
        if url.is_https() {
            let tls = self.tls.handshake(tcp, url.address().host())?;
            return Ok(Stream::Tls(Box::new(tls)));
        }
        // A resolver may return another address for `localhost`.
        if !tcp.peer_addr().ip().is_loopback() {
            return Err(Error::new(ErrorKind::Unavailable, "http:// is for loopback addresses only"));
        }
        Ok(Stream::Plain(tcp))
    }
}

/// Writes head and body.
fn write(
    call: Call<ureq_proto::client::state::Prepare>,
    form: Option<&Secret>,
    stream: &mut Stream,
) -> Result<Call<RecvResponse>, Error> {
    let mut call = call.proceed();
    let mut output = zeroize::Zeroizing::new(vec![0; MAX_HEAD]);
    while !call.can_proceed() {
        let used = call.write(&mut output).map_err(|error| argument(&error))?;
        stream.write_all(&output[..used]).map_err(map_io_error)?;
    }
    let call = match call.proceed().map_err(|error| argument(&error))? {
        Some(SendRequestResult::SendBody(mut call)) => {
            let body = form.map_or(&[][..], Secret::expose);
            stream.write_all(body).map_err(map_io_error)?;
            call.consume_direct_write(body.len()).map_err(|error| argument(&error))?;
            call.proceed()
        }
        Some(SendRequestResult::RecvResponse(call)) => Some(call),
        _ => None,
    };
    stream.flush().map_err(map_io_error)?;
    call.ok_or_else(|| Error::new(ErrorKind::Argument, "the request could not be sent"))
}

/// Bytes of a response that have not been parsed.
struct Incoming {
    stream: Stream,
    buffer: Vec<u8>,
    ended: bool,
}

impl Incoming {
    fn response(mut self, mut call: Call<RecvResponse>) -> Result<HttpResponse, Error> {
        let mut used = 0;
        let head = loop {
            let (count, head) = call.try_response(&self.buffer, false).map_err(|error| malformed(&error))?;
            self.buffer.drain(..count);
            used += count;
            if let Some(head) = head {
                break head;
            }
            if used + self.buffer.len() > MAX_HEAD {
                return Err(Error::new(ErrorKind::Protocol, "the header of the response is too long"));
            }
            // If the parser skipped a 1xx response, the next response may already be in the buffer.
            if count == 0 {
                self.fill()?;
                if self.ended {
                    let text = if used == 0 && self.buffer.is_empty() {
                        "the server closed the connection without a response"
                    } else {
                        "connection lost: the server closed it within its response"
                    };
                    return Err(Error::new(ErrorKind::Unavailable, text));
                }
            }
        };
        let body = match call.proceed() {
            Some(RecvResponseResult::RecvBody(call)) => self.body(call)?,
            _ => Secret::from(Vec::new()),
        };
        let field = |name| Some(head.headers().get(name)?.to_str().ok()?.to_owned());
        Ok(HttpResponse {
            status: head.status().as_u16(),
            location: field(header::LOCATION),
            retry_after: field(header::RETRY_AFTER),
            body,
        })
    }

    fn body(&mut self, mut call: Call<RecvBody>) -> Result<Secret, Error> {
        let mut body = zeroize::Zeroizing::new(vec![0; MAX_BODY + 1]);
        let mut filled = 0;
        loop {
            let (used, written) =
                call.read(&self.buffer, &mut body[filled..]).map_err(|error| malformed(&error))?;
            self.buffer.drain(..used);
            filled += written;
            if filled > MAX_BODY {
                let text = format!("the response is longer than {} KiB", MAX_BODY / 1024);
                return Err(Error::new(ErrorKind::Protocol, text));
            }
            // `can_proceed` is always true for a body that the end of the connection delimits.
            let delimited = call.body_mode() != ureq_proto::BodyMode::CloseDelimited;
            if self.ended && !delimited || delimited && call.can_proceed() {
                return Ok(Secret::from(body[..filled].to_vec()));
            }
            if self.ended {
                let text = "connection lost: the server closed it within its response";
                return Err(Error::new(ErrorKind::Unavailable, text));
            }
            if used == 0 || self.buffer.is_empty() {
                self.fill()?;
            }
        }
    }

    fn fill(&mut self) -> Result<(), Error> {
        let mut piece = zeroize::Zeroizing::new([0; READ]);
        let count = self.stream.read(&mut piece[..]).map_err(map_io_error)?;
        self.buffer.extend_from_slice(&piece[..count]);
        self.ended = count == 0;
        Ok(())
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.buffer);
    }
}

fn argument(error: &dyn fmt::Display) -> Error {
    Error::new(ErrorKind::Argument, format!("invalid request: {error}"))
}

fn malformed(error: &ureq_proto::Error) -> Error {
    use ureq_proto::Error as Why;
    // The other variants contain untrusted text from the server.
    let why = match error {
        Why::HttpParseTooManyHeaders => "too many header fields",
        Why::HttpParseFail(_) => "no HTTP response",
        Why::UnsupportedVersion => "unsupported HTTP version",
        _ => "malformed header or body",
    };
    Error::new(ErrorKind::Protocol, format!("malformed response: {why}"))
}

/// The maximum size of a response header in bytes. RFC 9110 sets no limit; most servers accept at most 8 to 32 KiB.
const MAX_HEAD: usize = 32 * 1024;

const READ: usize = 8 * 1024;

#[cfg(test)]
mod tests;
