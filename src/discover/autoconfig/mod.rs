//! The autoconfig format: `<clientConfig>` with the servers of a mail provider, as Thunderbird reads it.
//!
//! Only POP3 servers with TLS are returned. Entities other than the five of XML are not expanded, nothing is
//! loaded from elsewhere, and nesting deeper than [`MAX_DEPTH`] is an error: the text is untrusted.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::mail_address::is_printable;
use super::{Candidate, MailAddress, Security, Source};
use crate::net::Host;
use crate::{Error, ErrorKind};

/// The POP3 servers of a provider.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Servers {
    /// The servers with TLS, in the order of the file.
    pub candidates: Vec<Candidate>,
    /// The host names of servers that are offered in cleartext only.
    pub cleartext: Vec<Host>,
}

/// Reads the POP3 servers of an autoconfig file, with the placeholders of the address filled in.
///
/// Servers that name no usable host, port, user name or authentication are left out.
///
/// Errors: [`ErrorKind::Protocol`] if the text is not well-formed XML in UTF-8, or not an autoconfig file.
pub fn parse(octets: &[u8], address: &MailAddress, source: Source) -> Result<Servers, Error> {
    let text = str::from_utf8(octets).map_err(|_| malformed("not in UTF-8"))?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut path: Vec<String> = Vec::new();
    let mut server: Option<Written> = None;
    let mut servers = Servers::default();
    let mut is_autoconfig = false;
    loop {
        match reader.read_event().map_err(|_| malformed("not well-formed XML"))? {
            Event::Start(tag) => {
                if path.len() >= MAX_DEPTH {
                    return Err(malformed("nested too deeply"));
                }
                path.push(tag.local_name().as_ref().to_owned());
                is_autoconfig |= is_at(&path, &["clientConfig"]);
                if is_at(&path, SERVER) {
                    server = is_pop3(&tag).then(Written::default);
                }
            }
            Event::End(_) => {
                let name = path.pop().unwrap_or_default();
                if is_at(&path, SERVER)
                    && let Some(server) = &mut server
                {
                    server.take(&name);
                } else if is_at(&path, PROVIDER)
                    && let Some(server) = server.take()
                {
                    server.add_to(&mut servers, address, source);
                }
            }
            Event::Text(piece) => push(&mut server, &piece.xml10_content())?,
            Event::CData(piece) => push(&mut server, &piece.xml10_content())?,
            Event::GeneralRef(reference) => push(&mut server, &resolve(&reference)?)?,
            Event::Eof => break,
            // Empty elements have no text. A document type defines entities, which are not expanded.
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    if !path.is_empty() || !is_autoconfig {
        return Err(malformed("not an autoconfig file"));
    }
    Ok(servers)
}

/// The elements of one `<incomingServer>`, not yet validated.
#[derive(Debug, Default)]
struct Written {
    hostname: String,
    port: String,
    socket_type: String,
    username: String,
    authentication: Vec<String>,
    /// The text since the last element ended.
    content: String,
}

impl Written {
    /// Handles the end of an element. The first element of each name counts, except for the authentication, which may
    /// occur several times.
    fn take(&mut self, name: &str) {
        let content = std::mem::take(&mut self.content);
        let content = content.trim();
        let place = match name {
            "hostname" => &mut self.hostname,
            "port" => &mut self.port,
            "socketType" => &mut self.socket_type,
            "username" => &mut self.username,
            "authentication" => {
                if self.authentication.len() < MAX_AUTHENTICATION {
                    self.authentication.push(content.to_ascii_lowercase());
                }
                return;
            }
            _ => return,
        };
        if place.is_empty() {
            content.clone_into(place);
        }
    }

    fn add_to(self, servers: &mut Servers, address: &MailAddress, source: Source) {
        let Some(Ok(host @ Host::Name(_))) =
            filled(&self.hostname, address).map(|host| Host::parse(host.trim_end_matches('.')))
        else {
            return;
        };
        if servers.candidates.len() + servers.cleartext.len() >= MAX_SERVERS {
            return;
        }
        let security = match self.socket_type.to_ascii_uppercase().as_str() {
            "SSL" | "TLS" => Security::Implicit,
            "STARTTLS" => Security::StartTls,
            _ => {
                servers.cleartext.push(host);
                return;
            }
        };
        let Ok(port @ 1..) = self.port.parse::<u16>() else { return };
        let username = if self.username.is_empty() { "%EMAILADDRESS%" } else { &self.username };
        let Some(user) = filled(username, address).filter(|user| user.chars().all(is_printable)) else {
            return;
        };
        // Without an authentication element, assume the default of POP3: a password.
        let offers = |names: &[&str]| self.authentication.iter().any(|one| names.contains(&one.as_str()));
        let password = self.authentication.is_empty() || offers(PASSWORD);
        let oauth = offers(&["oauth2"]);
        if password || oauth {
            servers.candidates.push(Candidate { host, port, security, user, password, oauth, source });
        }
    }
}

/// A text with its placeholders filled in; `None` if one is unknown, or nothing is left.
///
/// `%EMAILLOCALPART%.%EMAILDOMAIN%` → `alice.example.org`
fn filled(text: &str, address: &MailAddress) -> Option<String> {
    let mut pieces = text.split('%');
    let mut filled = pieces.next()?.to_owned();
    while let Some(name) = pieces.next() {
        match name {
            "EMAILADDRESS" => filled.push_str(&address.to_string()),
            "EMAILLOCALPART" => filled.push_str(address.local()),
            "EMAILDOMAIN" => filled.push_str(address.domain()),
            _ => return None,
        }
        filled.push_str(pieces.next()?);
    }
    (!filled.is_empty()).then_some(filled)
}

fn is_pop3(tag: &BytesStart<'_>) -> bool {
    tag.try_get_attribute("type").ok().flatten().is_some_and(|kind| kind.value.eq_ignore_ascii_case("pop3"))
}

/// The character of `&amp;`, `&#64;` and the like. Any other entity would need a definition in the file.
fn resolve(reference: &BytesRef<'_>) -> Result<String, Error> {
    let unknown = || malformed("an entity that XML does not define");
    if let Some(c) = reference.resolve_char_ref().map_err(|_| unknown())? {
        return Ok(c.to_string());
    }
    let text = match &**reference {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => return Err(unknown()),
    };
    Ok(text.to_owned())
}

/// True if the open elements have these names.
fn is_at(path: &[String], names: &[&str]) -> bool {
    path.len() == names.len() && path.iter().zip(names).all(|(open, name)| open == name)
}

fn malformed(why: &str) -> Error {
    Error::new(ErrorKind::Protocol, format!("malformed autoconfig file: {why}"))
}

fn push(server: &mut Option<Written>, piece: &str) -> Result<(), Error> {
    let Some(Written { content, .. }) = server else { return Ok(()) };
    if content.len() + piece.len() > MAX_CONTENT {
        return Err(malformed("an element is too long"));
    }
    content.push_str(piece);
    Ok(())
}

const PROVIDER: &[&str] = &["clientConfig", "emailProvider"];
const SERVER: &[&str] = &["clientConfig", "emailProvider", "incomingServer"];

/// The names of the format, and those of its first version.
const PASSWORD: &[&str] = &["password-cleartext", "password-encrypted", "plain", "secure"];

/// The format has five levels.
pub const MAX_DEPTH: usize = 16;

/// A provider has only a few servers; further servers are ignored.
const MAX_SERVERS: usize = 32;
const MAX_AUTHENTICATION: usize = 16;

/// A host name has 253 characters (RFC 1035 §2.3.4), a user name seldom more.
const MAX_CONTENT: usize = 1024;

#[cfg(test)]
mod tests;
