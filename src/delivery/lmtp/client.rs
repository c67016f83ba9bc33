//! The LMTP client (RFC 2033): one connection and one recipient.

use std::fmt::Write as _;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};

use super::{
    address::{LmtpAddress, Stream},
    spool::Spool,
};
use crate::{Error, ErrorKind, net::Limits};

/// A connection after `LHLO`.
pub(super) struct Client {
    stream: BufReader<Stream>,
    address: String,
    extensions: Extensions,
}

/// The result of a delivery.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Delivered,
    /// The server permanently refused this message, with this reply.
    Refused(Vec<u8>),
}

/// The extensions that the server offers and the client uses.
#[allow(clippy::struct_excessive_bools, reason = "the extensions are independent of each other")]
#[derive(Debug, Default, PartialEq, Eq)]
struct Extensions {
    size: bool,
    eight_bit_mime: bool,
    smtp_utf8: bool,
    pipelining: bool,
}

struct Reply {
    code: u16,
    /// The last line, without the line end.
    line: Vec<u8>,
}

impl Client {
    /// Connects and sends `LHLO`. A 5xx reply is [`ErrorKind::Refused`], a 4xx reply [`ErrorKind::Temporary`], a malformed reply
    /// [`ErrorKind::Protocol`].
    pub(super) fn connect(address: &LmtpAddress, host_name: &str, limits: Limits) -> Result<Self, Error> {
        let stream = BufReader::new(Stream::connect(address, limits)?);
        let mut client = Self { stream, address: address.to_string(), extensions: Extensions::default() };
        client.reply("greeting", &mut |_| {})?.expect("the greeting", 2, &client.address)?;
        let mut extensions = Extensions::default();
        client.write(format!("LHLO {host_name}\r\n").as_bytes(), "LHLO")?;
        let reply = client.reply("LHLO", &mut |line| extensions.note(line))?;
        reply.expect("LHLO", 2, &client.address)?;
        client.extensions = extensions;
        Ok(client)
    }

    /// Delivers a message. [`ErrorKind::Refused`] means that the server permanently refused the sender or the recipient. After an
    /// error the connection cannot be used again.
    pub(super) fn deliver(&mut self, recipient: &str, message: &mut Spool) -> Result<Verdict, Error> {
        let mail = self.mail(recipient, message);
        let commands =
            [("MAIL", mail.as_str()), ("RCPT", &format!("RCPT TO:<{recipient}>\r\n")), ("DATA", "DATA\r\n")];
        if self.extensions.pipelining {
            self.write(commands.map(|(_, line)| line).concat().as_bytes(), "MAIL")?;
        }
        let mut refused: Option<Vec<u8>> = None;
        for (name, line) in commands {
            if !self.extensions.pipelining {
                if refused.is_some() {
                    break;
                }
                self.write(line.as_bytes(), name)?;
            }
            let reply = self.reply(name, &mut |_| {})?;
            if refused.is_some() {
                // The reply to a pipelined command after a refused one. RFC 2033 §4.2: DATA must then fail.
                if name == "DATA" && reply.code / 100 == 3 {
                    return Err(self.protocol("DATA accepted without a sender"));
                }
                continue;
            }
            match name {
                "MAIL" if reply.code == TOO_LARGE && self.extensions.size => refused = Some(reply.line),
                "MAIL" => reply.expect("the sender", 2, &self.address)?,
                "RCPT" => reply.expect("the recipient", 2, &self.address)?,
                _ if reply.code / 100 == 5 => {
                    self.write(b"RSET\r\n", "RSET")?;
                    self.reply("RSET", &mut |_| {})?.expect("RSET", 2, &self.address)?;
                    return Ok(Verdict::Refused(reply.line));
                }
                _ => reply.expect("DATA", 3, &self.address)?,
            }
        }
        if let Some(line) = refused {
            return Ok(Verdict::Refused(line));
        }
        self.send(message)?;
        let reply = self.reply("the message", &mut |_| {})?;
        if reply.code / 100 == 5 {
            return Ok(Verdict::Refused(reply.line));
        }
        reply.expect("the message", 2, &self.address)?;
        Ok(Verdict::Delivered)
    }

    /// Sends `QUIT` without waiting for the reply: the results of all deliveries are known.
    pub(super) fn quit(mut self) {
        let _ = self.stream.get_mut().write_all(b"QUIT\r\n");
    }

    /// Returns the `MAIL` command. The sender is empty: no bounce may be sent for a message that was already delivered once.
    fn mail(&self, recipient: &str, message: &Spool) -> String {
        let mut line = "MAIL FROM:<>".to_owned();
        if self.extensions.size {
            let _ = write!(line, " SIZE={}", message.size());
        }
        let internationalised = message.is_internationalised() || !recipient.is_ascii();
        if self.extensions.eight_bit_mime && (message.is_eight_bit() || internationalised) {
            line.push_str(" BODY=8BITMIME");
        }
        if self.extensions.smtp_utf8 && internationalised {
            line.push_str(" SMTPUTF8");
        }
        line.push_str("\r\n");
        line
    }

    fn write(&mut self, bytes: &[u8], what: &str) -> Result<(), Error> {
        self.stream.get_mut().write_all(bytes).map_err(|error| self.lost(what, error))
    }

    fn send(&mut self, message: &mut Spool) -> Result<(), Error> {
        message.send(self.stream.get_mut()).map_err(|error| self.lost("the message", error))
    }

    /// Reads a reply and calls `see` with the text of each line.
    fn reply(&mut self, what: &str, see: &mut dyn FnMut(&[u8])) -> Result<Reply, Error> {
        let mut line = Vec::new();
        for _ in 0..MAX_LINES {
            line.clear();
            let read = (&mut self.stream).take(MAX_LINE).read_until(b'\n', &mut line);
            read.map_err(|error| self.lost(what, error))?;
            if line.last() != Some(&b'\n') {
                return Err(if (line.len() as u64) < MAX_LINE {
                    self.lost(what, io::Error::new(io::ErrorKind::UnexpectedEof, "connection closed"))
                } else {
                    self.protocol("the reply is too long")
                });
            }
            let text = line.trim_ascii_end();
            let code = text.get(..3).filter(|code| code.iter().all(u8::is_ascii_digit));
            let code = code.and_then(|code| std::str::from_utf8(code).ok()?.parse().ok());
            let Some(code @ 200..=599) = code else {
                return Err(self.protocol("malformed reply").with_response(text));
            };
            match text.get(3) {
                Some(b'-') => see(&text[4..]),
                None | Some(b' ') => {
                    see(text.get(4..).unwrap_or_default());
                    return Ok(Reply { code, line: text.to_vec() });
                }
                Some(_) => return Err(self.protocol("malformed reply").with_response(text)),
            }
        }
        Err(self.protocol("the reply is too long"))
    }

    fn lost(&self, what: &str, error: io::Error) -> Error {
        let message = if error.kind() == io::ErrorKind::TimedOut {
            format!("LMTP server {}: timed out at {what}", self.address)
        } else {
            format!("LMTP server {}: connection lost at {what}: {error}", self.address)
        };
        Error::new(ErrorKind::Unavailable, message).with_source(error)
    }

    fn protocol(&self, what: &str) -> Error {
        Error::new(ErrorKind::Protocol, format!("LMTP server {}: {what}", self.address))
    }
}

impl Reply {
    /// Returns an error unless the first digit of the reply is `class`: 2 for success, 3 for "continue".
    fn expect(&self, what: &str, class: u16, address: &str) -> Result<(), Error> {
        let kind = match self.code / 100 {
            found if found == class => return Ok(()),
            4 => ErrorKind::Temporary,
            5 => ErrorKind::Refused,
            _ => ErrorKind::Protocol,
        };
        Err(Error::new(kind, format!("LMTP server {address}: {what} refused")).with_response(&*self.line))
    }
}

impl Extensions {
    /// `SIZE 10240000`
    fn note(&mut self, line: &[u8]) {
        let keyword = line.split(|&byte| byte == b' ').next().unwrap_or_default();
        for (name, offered) in [
            ("SIZE", &mut self.size),
            ("8BITMIME", &mut self.eight_bit_mime),
            ("SMTPUTF8", &mut self.smtp_utf8),
            ("PIPELINING", &mut self.pipelining),
        ] {
            *offered |= keyword.eq_ignore_ascii_case(name.as_bytes());
        }
    }
}

/// RFC 1870 §6.1: the declared size permanently exceeds the server's limit.
const TOO_LARGE: u16 = 552;

/// Maximum length of a reply line, in bytes. RFC 5321 §4.5.3.1.5 allows 512 octets; servers with verbose replies send more.
const MAX_LINE: u64 = 4096;

/// Maximum number of lines in a reply; the longest is the list of extensions.
const MAX_LINES: usize = 256;
