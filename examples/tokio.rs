//! An asynchronous POP3 client over TLS that runs the sans-I/O engine under tokio. It lists the messages with their
//! subjects, using pipelining. Usage: `tokio HOST PORT USER`, with the password in `POP3_PASSWORD`.
//!
//! The engine does no I/O: the client reads bytes into a buffer, passes them to [`Engine::locate`], and handles the
//! event.

use std::{io, ops::Range, sync::Arc};

use pop3::{
    Secret,
    proto::{
        Argument, Capabilities, Capability, Command, Engine, Event, StatusIndicator,
        argument::SecretArgument, listing,
    },
    trace::Escaped,
};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [host, port, user] = arguments.as_slice() else { return Err("usage: tokio HOST PORT USER".into()) };
    let password = SecretArgument::try_from(Secret::from(std::env::var("POP3_PASSWORD")?))?;
    let tcp = TcpStream::connect((host.as_str(), port.parse()?)).await?;
    let name = ServerName::try_from(host.clone())?;
    let mut client = Client::new(TlsConnector::from(Arc::new(tls()?)).connect(name, tcp).await?);

    client.status().await?; // the greeting
    client.send(&[Command::Capa]).await?;
    let mut capabilities = Capabilities::default();
    for line in client.lines().await? {
        capabilities.push(&line);
    }
    client.send(&[Command::User(&Argument::try_from(user.as_str())?)]).await?;
    client.status().await?;
    client.send(&[Command::Pass(&password)]).await?;
    client.status().await?;
    client.send(&[Command::List(None)]).await?;
    let lines = client.lines().await?;
    let listings: Vec<_> = lines.iter().map(|line| listing::scan_listing(line)).collect::<Result<_, _>>()?;

    // RFC 2449 §6.6: the unanswered commands must fit into the send window; otherwise both sides may block.
    let together = if capabilities.has(&Capability::Pipelining) { 50 } else { 1 };
    for group in listings.chunks(together) {
        let numbers = group.iter().map(|listing| listing.number);
        let commands: Vec<_> = numbers.map(|number| Command::Top { number, lines: 0 }).collect();
        client.send(&commands).await?;
        for listing in group {
            client.status().await?;
            let header = client.body().await?;
            println!("{:4} {:8}  {}", listing.number, listing.octets, subject(&header));
        }
    }
    Ok(()) // without QUIT, nothing is deleted
}

/// A stream, the engine, and the received bytes that are not yet processed.
struct Client<S> {
    stream: S,
    engine: Engine,
    input: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    fn new(stream: S) -> Self {
        Self { stream, engine: Engine::new(), input: Vec::new() }
    }

    /// Sends commands in one write. The engine expects their responses in this order.
    async fn send(&mut self, commands: &[Command<'_>]) -> io::Result<()> {
        let mut out = Vec::new();
        for command in commands {
            self.engine.send(command, &mut out);
        }
        self.stream.write_all(&out).await?;
        self.stream.flush().await
    }

    /// Calls `handle` with the next event and its bytes. Reads from the stream as needed.
    async fn event<T>(&mut self, handle: impl FnOnce(Event<&[u8]>) -> T) -> Result<T, Failure> {
        loop {
            if let (used, Some(event)) = self.engine.locate(&self.input)? {
                let handled = handle(event.map(|at: Range<usize>| &self.input[at]));
                self.input.drain(..used);
                return Ok(handled);
            }
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err("the server closed the connection".into());
            }
        }
    }

    async fn status(&mut self) -> Result<(), Failure> {
        self.event(|event| match event {
            Event::Status { indicator: StatusIndicator::Ok, .. } => Ok(()),
            Event::Status { command: Some(command), line, .. } => {
                Err(format!("{command}: {}", Escaped(line)).into())
            }
            other => Err(format!("unexpected {other:?}").into()),
        })
        .await?
    }

    async fn lines(&mut self) -> Result<Vec<Vec<u8>>, Failure> {
        self.status().await?;
        let mut lines = Vec::new();
        while let Some(line) = self.event(bytes).await? {
            lines.push(line);
        }
        Ok(lines)
    }

    async fn body(&mut self) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        while let Some(bytes) = self.event(bytes).await? {
            body.extend(bytes);
        }
        Ok(body)
    }
}

fn bytes(event: Event<&[u8]>) -> Option<Vec<u8>> {
    match event {
        Event::Line(bytes) | Event::Body(bytes) => Some(bytes.to_vec()),
        Event::Status { .. } | Event::Challenge(_) | Event::End => None,
    }
}

fn subject(header: &[u8]) -> String {
    let mut lines = header.split(|&byte| byte == b'\n');
    let field = lines.find_map(|line| line.strip_prefix(b"Subject: ")).unwrap_or_default();
    Escaped(field.trim_ascii()).to_string()
}

fn tls() -> Result<ClientConfig, Failure> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
