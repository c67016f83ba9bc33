//! The location of a mailbox in the form that users write: a host, `HOST:PORT`, or a URL (RFC 2384).

use std::net::Ipv6Addr;

use super::Host;
use crate::{Error, ErrorKind, bytes};

/// A server, and the login parameters of a URL.
///
/// ```
/// use pop3::net::Location;
///
/// let location = Location::parse("pops://alice;AUTH=SCRAM-SHA-256@pop.example.org:9995").unwrap();
/// assert_eq!(location.host.to_string(), "pop.example.org");
/// assert_eq!((location.port, location.implicit_tls), (Some(9995), true));
/// assert_eq!(location.user.as_deref(), Some("alice"));
/// assert_eq!(location.mechanism.as_deref(), Some("SCRAM-SHA-256"));
/// assert!(Location::parse("pop://alice:secret@pop.example.org").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Location {
    /// The host.
    pub host: Host,
    /// The port; `None` if the text contains no port.
    pub port: Option<u16>,
    /// True for `pops://`: TLS from the first byte.
    pub implicit_tls: bool,
    /// The decoded user name of a URL.
    pub user: Option<String>,
    /// The decoded mechanism of a URL (`;AUTH=`) in capitals, or `APOP` for `+APOP`. `None` also for `*`, which means
    /// any mechanism.
    pub mechanism: Option<String>,
}

impl Location {
    /// Parses a host, `HOST:PORT` (an IPv6 address in brackets), or a `pop://` or `pops://` URL (RFC 2384).
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Argument`] for anything else, for port 0, and for a URL with a password. The error does
    /// not repeat the password.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let Some((scheme, rest)) = text.split_once("://") else {
            let (host, port) = host_and_port(text)?;
            return Ok(Self { host, port, implicit_tls: false, user: None, mechanism: None });
        };
        let implicit_tls = match scheme.to_ascii_lowercase().as_str() {
            "pop" => false,
            "pops" => true,
            _ => {
                return Err(invalid(
                    "expected a host, HOST:PORT, or a URL that begins with pop:// or pops://",
                ));
            }
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (login, server) = match rest.rsplit_once('@') {
            Some((login, server)) => (Some(login), server),
            None => (None, rest),
        };
        if server.contains(['/', '?', '#', ';']) {
            return Err(invalid("nothing may follow the port"));
        }
        let (user, mechanism) = login.map_or(Ok((None, None)), user_and_mechanism)?;
        let (host, port) = host_and_port(server)?;
        Ok(Self { host, port, implicit_tls, user, mechanism })
    }
}

fn user_and_mechanism(login: &str) -> Result<(Option<String>, Option<String>), Error> {
    let (user, parameter) = match login.split_once(';') {
        Some((user, parameter)) => (user, Some(parameter)),
        None => (login, None),
    };
    if user.contains(':') || parameter.is_some_and(|parameter| parameter.contains(':')) {
        return Err(invalid(
            "a password in a URL is not accepted; set POP3_PASSWORD, or save it with pop3 login",
        ));
    }
    let mechanism = match parameter {
        None => None,
        Some(parameter) => match parameter.split_once('=') {
            Some((name, value)) if name.eq_ignore_ascii_case("AUTH") && !value.is_empty() => {
                let value = decoded(value)?.to_ascii_uppercase();
                (value != "*").then(|| value.strip_prefix('+').unwrap_or(&value).to_owned())
            }
            _ => return Err(invalid("only ;AUTH=MECHANISM may follow the user")),
        },
    };
    let user = decoded(user)?;
    if user.is_empty() {
        return Err(invalid("the user is missing before @"));
    }
    Ok((Some(user), mechanism))
}

pub(super) fn host_and_port(text: &str) -> Result<(Host, Option<u16>), Error> {
    // An IPv6 address without brackets has no port.
    if text.parse::<Ipv6Addr>().is_ok() {
        return Ok((Host::parse(text)?, None));
    }
    let bracket = text.rfind(']').unwrap_or(0);
    let Some(colon) = text[bracket..].find(':').map(|at| bracket + at) else {
        return Ok((Host::parse(text)?, None));
    };
    let (host, port) = (&text[..colon], &text[colon + 1..]);
    if port.contains(':') {
        return Err(invalid(
            "expected HOST, HOST:PORT or an IPv6 address, in brackets before a port: [2001:db8::1]:995",
        ));
    }
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse() {
        Ok(number @ 1..) if digits => Ok((Host::parse(host)?, Some(number))),
        _ => Err(invalid("the port is not a number from 1 to 65535")),
    }
}

/// Percent-decodes a part of a URL, and rejects characters that could end a command.
fn decoded(text: &str) -> Result<String, Error> {
    let decoded = bytes::percent_decode(text.as_bytes()).and_then(|decoded| String::from_utf8(decoded).ok());
    let decoded = decoded.ok_or_else(|| invalid("wrong percent-encoding"))?;
    if bytes::has_line_break_or_nul(decoded.as_bytes()) {
        return Err(invalid("a carriage return, line feed or NUL is not allowed"));
    }
    Ok(decoded)
}

/// The error does not repeat the text, which may contain a password.
fn invalid(why: &str) -> Error {
    Error::new(ErrorKind::Argument, format!("invalid server: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let Location { host, port, implicit_tls, user, mechanism } = Location::parse(text).unwrap();
        format!("{host} {port:?} {implicit_tls} {user:?} {mechanism:?}")
    }

    #[test]
    fn hosts_ports_and_urls_are_parsed() {
        for (text, expected) in [
            ("pop.example.org", "pop.example.org None false None None"),
            ("pop.example.org:995", "pop.example.org Some(995) false None None"),
            ("::1", "::1 None false None None"),
            ("[::1]", "::1 None false None None"),
            ("[::1]:110", "::1 Some(110) false None None"),
            ("127.0.0.1:1", "127.0.0.1 Some(1) false None None"),
            ("Bücher.example:110", "xn--bcher-kva.example Some(110) false None None"),
            ("pop://h", "h None false None None"),
            ("POP://h:110/", "h Some(110) false None None"),
            ("pops://[2001:db8::1]:995", "2001:db8::1 Some(995) true None None"),
            ("pop://alice@h", "h None false Some(\"alice\") None"),
            ("pop://alice%40example.org@h", "h None false Some(\"alice@example.org\") None"),
            ("pop://alice@example.org@h", "h None false Some(\"alice@example.org\") None"),
            ("pop://a;AUTH=*@h", "h None false Some(\"a\") None"),
            ("pop://a;auth=+apop@h", "h None false Some(\"a\") Some(\"APOP\")"),
            ("pop://recent%3Aa;AUTH=SCRAM-SHA-1@h", "h None false Some(\"recent:a\") Some(\"SCRAM-SHA-1\")"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn invalid_locations_and_passwords_are_refused() {
        for text in [
            "",
            "h:",
            "h:0",
            "h:65536",
            "h:+1",
            "h:1:2",
            "[::1]:x",
            "[::1]1",
            "http://h",
            "pop://",
            "pop://h/x",
            "pop://h?x",
            "pop://@h",
            "pop://;AUTH=PLAIN@h",
            "pop://a;AUTH=@h",
            "pop://a;X=1@h",
            "pop://a%0d%0aDELE%201@h",
            "pop://a%0@h",
            "pop://a%ff@h",
            "pop://a:secret@h",
            "pop://a;AUTH=PLAIN:secret@h",
            "pop://a:se@cret@h",
        ] {
            let error = Location::parse(text).expect_err(text);
            assert_eq!(error.kind(), ErrorKind::Argument, "{text}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
