//! Thunderbird's autoconfig format: a `<clientConfig>` element with the servers of a mail provider.
//!
//! Only POP3 servers with TLS are returned. The text is untrusted: only the five predefined entities of XML are expanded, no
//! other file is loaded, and nesting deeper than 16 elements is an error.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::mail_address::is_printable;
use super::{Candidate, MailAddress, Security, Source};
use crate::net::Host;
use crate::{Error, ErrorKind};

/// The POP3 servers of a provider.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Servers {
    /// The servers with TLS, in the order of the file.
    pub candidates: Vec<Candidate>,
    /// The host names of servers that are offered in cleartext only.
    pub cleartext: Vec<Host>,
}

/// Parses an autoconfig file and returns its POP3 servers, with placeholders replaced by the parts of the address.
///
/// Servers without a usable host, port, user name or authentication are omitted.
///
/// # Errors
///
/// Returns [`ErrorKind::Protocol`] if the text is not well-formed XML in UTF-8, or not an autoconfig file.
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
            // An empty element has no text. A document type could define entities, which are not expanded.
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    if !path.is_empty() || !is_autoconfig {
        return Err(malformed("not an autoconfig file"));
    }
    Ok(servers)
}

/// The unvalidated elements of an `<incomingServer>`.
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
    /// Handles the end of an element. If an element is repeated, the first one counts; `authentication` may occur several times.
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
        // Without an `authentication` element, assume that the server accepts passwords, as usual for POP3.
        let offers = |names: &[&str]| self.authentication.iter().any(|one| names.contains(&one.as_str()));
        let password = self.authentication.is_empty() || offers(PASSWORD);
        let oauth = offers(&["oauth2"]);
        if password || oauth {
            servers.candidates.push(Candidate { host, port, security, user, password, oauth, source });
        }
    }
}

/// Replaces the placeholders in a text. Returns `None` if a placeholder is unknown or the result is empty.
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

/// Returns the character of a reference such as `&amp;` or `&#64;`. All other entities would need a definition in the file.
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

/// Returns true if the open elements have exactly these names.
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

/// Names of password authentication, in the current and in the first version of the format.
const PASSWORD: &[&str] = &["password-cleartext", "password-encrypted", "plain", "secure"];

/// Maximum depth of nested elements. The format has five levels.
const MAX_DEPTH: usize = 16;

/// Maximum number of servers; further servers are ignored. Providers have only a few.
const MAX_SERVERS: usize = 32;

/// Maximum number of authentication methods per server; further methods are ignored.
const MAX_AUTHENTICATION: usize = 16;

/// Maximum length of an element's text, in bytes. A host name has up to 253 (RFC 1035 §2.3.4), a user name rarely more.
const MAX_CONTENT: usize = 1024;

#[cfg(test)]
mod tests;
