//! One connection to the mailbox server.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::{ServerConnection, StreamOwned};

use super::{Message, Quit, Shared, Tls};

/// Longer command lines are truncated. RFC 2449 §4 allows 255 octets, but a SASL token needs more.
const LONGEST_LINE: usize = 64 * 1024;

pub(super) fn serve(tcp: TcpStream, shared: &Arc<Shared>) {
    let twin = tcp.try_clone();
    let number = {
        let mut log = shared.log.lock().expect("no session panics");
        log.push(Vec::new());
        log.len() - 1
    };
    let mut session = Session {
        shared: Arc::clone(shared),
        number,
        stream: Stream::Plain(tcp),
        input: Vec::new(),
        output: Vec::new(),
        sent: 0,
        user: String::new(),
        maildrop: None,
    };
    // An error means that the client is gone, or that a quirk ended the session.
    let _ = session.run();
    session.unlock();
    drop(session);
    if let Ok(tcp) = twin {
        let _ = tcp.shutdown(Shutdown::Both);
    }
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
    Gone,
}

impl Stream {
    fn io(&mut self) -> io::Result<&mut dyn ReadWrite> {
        match self {
            Self::Plain(tcp) => Ok(tcp),
            Self::Tls(tls) => Ok(tls),
            Self::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

/// A snapshot of the maildrop at login; marked messages are removed at `QUIT`.
struct Maildrop {
    owner: String,
    messages: Vec<Message>,
    marked: BTreeSet<u32>,
}

struct Session {
    shared: Arc<Shared>,
    number: usize,
    stream: Stream,
    input: Vec<u8>,
    output: Vec<u8>,
    sent: u64,
    user: String,
    maildrop: Option<Maildrop>,
}

impl Session {
    fn run(&mut self) -> io::Result<()> {
        if self.shared.tls == Tls::Implicit {
            self.start_tls()?;
        }
        let greeting = self.shared.quirks.greeting.clone().unwrap_or_else(|| "+OK ready".to_owned());
        self.line(&greeting)?;
        if greeting.starts_with("-ERR") {
            return self.send();
        }
        loop {
            let line = self.command()?;
            if let Some(delay) = self.shared.quirks.delay {
                std::thread::sleep(delay);
            }
            let (verb, argument) = line.split_once(' ').unwrap_or((&line, ""));
            let verb = verb.to_ascii_uppercase();
            match verb.as_str() {
                "QUIT" => return self.quit(),
                "STLS" if self.shared.tls == Tls::Stls && matches!(self.stream, Stream::Plain(_)) => {
                    self.line("+OK begin TLS")?;
                    self.send()?;
                    if !self.input.is_empty() {
                        return Err(io::ErrorKind::InvalidData.into());
                    }
                    self.start_tls()?;
                }
                "CAPA" if self.shared.quirks.capa => self.capabilities()?,
                "UTF8" if self.shared.quirks.utf8.is_some() => self.line("+OK UTF8 enabled")?,
                _ if self.maildrop.is_none() => self.authorization(&verb, argument)?,
                _ => self.transaction(&verb, argument)?,
            }
        }
    }

    fn capabilities(&mut self) -> io::Result<()> {
        let quirks = self.shared.quirks.clone();
        self.line("+OK capabilities follow")?;
        self.line("USER\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nIMPLEMENTATION mailbox")?;
        for (offered, name) in [
            (quirks.pipelining, "PIPELINING"),
            (quirks.top, "TOP"),
            (quirks.uidl, "UIDL"),
            (quirks.sasl, "SASL PLAIN LOGIN"),
            (self.shared.tls == Tls::Stls && matches!(self.stream, Stream::Plain(_)), "STLS"),
            (quirks.utf8.is_some(), quirks.utf8.unwrap_or_default()),
            (true, "."),
        ] {
            if offered {
                self.line(name)?;
            }
        }
        Ok(())
    }

    fn authorization(&mut self, verb: &str, argument: &str) -> io::Result<()> {
        match verb {
            "USER" => {
                argument.clone_into(&mut self.user);
                self.line("+OK")
            }
            "PASS" => {
                let user = self.user.clone();
                self.login(&user, argument)
            }
            "AUTH" if self.shared.quirks.sasl => self.sasl(argument),
            _ => self.line("-ERR log in first"),
        }
    }

    fn sasl(&mut self, argument: &str) -> io::Result<()> {
        let (mechanism, initial) = argument.split_once(' ').unwrap_or((argument, ""));
        let (user, password) = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => {
                let response = if initial.is_empty() { self.challenge("")? } else { decoded(initial) };
                let mut parts = response.split('\0').skip(1).map(str::to_owned);
                (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
            }
            "LOGIN" => (self.challenge("Username:")?, self.challenge("Password:")?),
            _ => return self.line("-ERR unknown mechanism"),
        };
        self.login(&user, &password)
    }

    fn challenge(&mut self, text: &str) -> io::Result<String> {
        self.line(&format!("+ {}", STANDARD.encode(text)))?;
        Ok(decoded(&self.command()?))
    }

    fn login(&mut self, user: &str, password: &str) -> io::Result<()> {
        if let Some((line, _)) = self.shared.quirks.login_refused {
            let refused = self.shared.refusals_left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
            if refused.is_ok() {
                return self.line(line);
            }
        }
        let answer = {
            let mut accounts = self.shared.accounts();
            match accounts.get_mut(user) {
                Some(account) if account.password == password && account.locked => {
                    "-ERR [IN-USE] maildrop locked"
                }
                Some(account) if account.password == password => {
                    account.locked = true;
                    self.maildrop = Some(Maildrop {
                        owner: user.to_owned(),
                        messages: account.messages.clone(),
                        marked: BTreeSet::new(),
                    });
                    "+OK logged in"
                }
                _ => "-ERR [AUTH] wrong user or password",
            }
        };
        self.line(answer)
    }

    fn transaction(&mut self, verb: &str, argument: &str) -> io::Result<()> {
        let mut words = argument.split_ascii_whitespace().map(str::parse::<u32>);
        let number = words.next().map(|word| word.ok().filter(|&number| self.message(number).is_some()));
        match (verb, number) {
            ("NOOP", _) => self.line(if self.shared.quirks.noop { "+OK" } else { "-ERR what?" }),
            ("STAT", _) => {
                let sizes: Vec<u64> = self.present().iter().map(|&(_, octets, _)| octets).collect();
                self.line(&format!("+OK {} {}", sizes.len(), sizes.iter().sum::<u64>()))
            }
            ("RSET", _) => {
                self.drop_listing().marked.clear();
                self.line("+OK")
            }
            ("LIST", None) => self.listing(|&(number, octets, _)| format!("{number} {octets}")),
            ("UIDL", None) if self.shared.quirks.uidl => {
                self.listing(|(number, _, unique_id)| format!("{number} {unique_id}"))
            }
            (_, Some(None)) => self.line("-ERR no such message"),
            ("LIST", Some(Some(number))) => {
                let octets =
                    self.message(number).expect("it was found").octets() + self.shared.quirks.size_lie;
                self.line(&format!("+OK {number} {octets}"))
            }
            ("RETR" | "TOP", Some(Some(number))) if self.shared.quirks.refuse.contains(&number) => {
                self.line("-ERR [SYS/TEMP] not today")
            }
            ("RETR", Some(Some(number))) => self.body(number, None),
            ("TOP", Some(Some(number))) if self.shared.quirks.top => match words.next() {
                Some(Ok(lines)) => self.body(number, Some(lines)),
                _ => self.line("-ERR how many lines?"),
            },
            ("DELE", Some(Some(number))) => {
                self.drop_listing().marked.insert(number);
                self.line("+OK marked")
            }
            _ => self.line("-ERR unknown command"),
        }
    }

    /// Returns the messages that are not marked: number, octets, unique-id.
    fn present(&self) -> Vec<(u32, u64, String)> {
        let Some(maildrop) = &self.maildrop else { return Vec::new() };
        (1..)
            .zip(&maildrop.messages)
            .filter(|(number, _)| !maildrop.marked.contains(number))
            .map(|(number, message)| {
                (number, message.octets() + self.shared.quirks.size_lie, message.unique_id.clone())
            })
            .collect()
    }

    fn listing(&mut self, row: impl Fn(&(u32, u64, String)) -> String) -> io::Result<()> {
        self.line("+OK")?;
        for message in self.present() {
            self.line(&row(&message))?;
        }
        self.line(".")
    }

    fn message(&self, number: u32) -> Option<Message> {
        let maildrop = self.maildrop.as_ref()?;
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        maildrop.messages.get(index).filter(|_| !maildrop.marked.contains(&number)).cloned()
    }

    fn drop_listing(&mut self) -> &mut Maildrop {
        self.maildrop.as_mut().expect("in the TRANSACTION state")
    }

    fn body(&mut self, number: u32, lines: Option<u32>) -> io::Result<()> {
        let message = self.message(number).expect("looked up by the caller");
        self.line("+OK message follows")?;
        match lines {
            Some(lines) if !self.shared.quirks.top_sends_all => {
                message.write_top(usize::try_from(lines).unwrap_or(usize::MAX), self)?;
            }
            _ => message.write_body(self)?,
        }
        self.line(".")
    }

    fn quit(&mut self) -> io::Result<()> {
        match self.shared.quirks.quit {
            Quit::Refused => {
                self.line("-ERR [SYS/TEMP] some messages not removed")?;
                return self.send();
            }
            Quit::DropsBefore => return Ok(()),
            Quit::Ok | Quit::DropsAfter => {}
        }
        if let Some(maildrop) = &self.maildrop {
            let mut accounts = self.shared.accounts();
            let account = accounts.get_mut(&maildrop.owner).expect("it has logged in");
            // Messages delivered since the login follow those of the snapshot.
            let mut number = 0;
            account.messages.retain(|_| {
                number += 1;
                !maildrop.marked.contains(&number)
            });
        }
        self.unlock();
        if self.shared.quirks.quit == Quit::Ok {
            self.line("+OK bye")?;
            self.send()?;
        }
        Ok(())
    }

    fn unlock(&mut self) {
        if let Some(maildrop) = self.maildrop.take()
            && let Some(account) = self.shared.accounts().get_mut(&maildrop.owner)
        {
            account.locked = false;
        }
    }

    fn start_tls(&mut self) -> io::Result<()> {
        let Stream::Plain(tcp) = std::mem::replace(&mut self.stream, Stream::Gone) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let connection = ServerConnection::new(Arc::clone(&self.shared.config)).map_err(io::Error::other)?;
        self.stream = Stream::Tls(Box::new(StreamOwned::new(connection, tcp)));
        Ok(())
    }

    /// Returns the next command. Responses are only held back while more commands are buffered.
    fn command(&mut self) -> io::Result<String> {
        let end = loop {
            if let Some(end) = self.input.iter().position(|&octet| octet == b'\n') {
                break end;
            }
            if self.input.len() > LONGEST_LINE {
                return Err(io::ErrorKind::InvalidData.into());
            }
            self.send()?;
            let mut chunk = [0; 4096];
            let octets = self.stream.io()?.read(&mut chunk)?;
            if octets == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.input.extend_from_slice(&chunk[..octets]);
        };
        let line: Vec<u8> = self.input.drain(..=end).collect();
        let line = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
        self.shared.log.lock().expect("no session panics")[self.number].push(line.clone());
        self.shared.commands.fetch_add(1, SeqCst);
        self.shared.progress();
        Ok(line)
    }

    fn line(&mut self, text: &str) -> io::Result<()> {
        self.write_all(text.as_bytes())?;
        self.write_all(b"\r\n")
    }

    fn send(&mut self) -> io::Result<()> {
        let mut output = std::mem::take(&mut self.output);
        if self.shared.quirks.bare_lf {
            output.retain(|&octet| octet != b'\r');
        }
        let limit = self.shared.quirks.drop_after.map(|limit| limit.saturating_sub(self.sent));
        let cut = limit.filter(|&limit| limit < output.len() as u64);
        if let Some(cut) = cut {
            output.truncate(usize::try_from(cut).unwrap_or(usize::MAX));
        }
        let watched = self.shared.quirks.watch.is_some();
        let piece = if self.shared.quirks.a_slow_server_ends_at_the_deadline.is_some() { 1 } else { 4096 };
        for chunk in output.chunks(if watched || piece == 1 { piece } else { usize::MAX }) {
            if let Some(pause) = self.shared.quirks.a_slow_server_ends_at_the_deadline {
                std::thread::sleep(pause);
            }
            self.shared.progress();
            let io = self.stream.io()?;
            io.write_all(chunk)?;
            io.flush()?;
            self.shared.octets.fetch_add(chunk.len() as u64, SeqCst);
            self.sent += chunk.len() as u64;
        }
        if cut.is_some() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        output.clear();
        self.output = output;
        Ok(())
    }
}

impl Write for Session {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.output.extend_from_slice(octets);
        if self.output.len() >= 64 * 1024 {
            self.send()?;
        }
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

fn decoded(text: &str) -> String {
    let octets = STANDARD.decode(text.trim_start_matches('=')).unwrap_or_default();
    String::from_utf8_lossy(&octets).into_owned()
}
