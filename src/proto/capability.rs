//! The capabilities that a server announces in its response to `CAPA` (RFC 2449).

use super::quirks;

/// A capability: one line of the response to `CAPA`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Capability {
    /// `TOP` is supported (RFC 2449 §6.1).
    Top,
    /// `USER` and `PASS` are supported (RFC 2449 §6.2).
    User,
    /// The SASL mechanisms for `AUTH`, in capitals (RFC 2449 §6.3, RFC 5034).
    Sasl(Vec<String>),
    /// Text in square brackets after a status indicator is a response code (RFC 2449 §6.4).
    RespCodes,
    /// A refusal because of wrong credentials has the response code `[AUTH]` (RFC 3206).
    AuthRespCode,
    /// The minimum time between two logins (RFC 2449 §6.5).
    LoginDelay {
        /// The delay in seconds. Before the login, this is the longest delay of any user.
        seconds: u32,
        /// True if the value differs between users; send `CAPA` again after the login to learn it.
        per_user: bool,
    },
    /// Commands may be sent before the previous ones are answered (RFC 2449 §6.6).
    Pipelining,
    /// The time for which the server keeps messages (RFC 2449 §6.7).
    Expire {
        /// The number of days: 0 if the server may delete messages once they are retrieved, `None` if it never
        /// deletes them.
        days: Option<u32>,
        /// True if the value differs between users; send `CAPA` again after the login to learn it.
        per_user: bool,
    },
    /// `UIDL` is supported (RFC 2449 §6.8).
    Uidl,
    /// The name of the server software, as the server sent it (RFC 2449 §6.9).
    Implementation(Vec<u8>),
    /// `STLS` is supported (RFC 2595 §4).
    Stls,
    /// `UTF8` is supported (RFC 6856 §2).
    Utf8 {
        /// True if user names and passwords may be UTF-8 too.
        user: bool,
    },
    /// Any other capability: the whole line, as the server sent it.
    Other(Vec<u8>),
}

impl Capability {
    /// Parses a line. An unknown or malformed line becomes [`Other`](Capability::Other).
    ///
    /// ```
    /// use pop3::proto::Capability;
    /// assert_eq!(Capability::parse(b"EXPIRE 60 USER"), Capability::Expire { days: Some(60), per_user: true });
    /// ```
    #[must_use]
    pub fn parse(line: &[u8]) -> Self {
        let mut words = quirks::words(line);
        let Some(name) = words.next() else { return Self::Other(line.to_vec()) };
        let parameters: Vec<&[u8]> = words.collect();
        let per_user = parameters.get(1).is_some_and(|word| word.eq_ignore_ascii_case(b"USER"));
        let number = || std::str::from_utf8(parameters.first()?).ok()?.parse().ok();
        let other = || Self::Other(line.to_vec());
        match name.to_ascii_uppercase().as_slice() {
            b"TOP" => Self::Top,
            b"USER" => Self::User,
            b"SASL" => Self::Sasl(parameters.iter().map(|word| mechanism(word)).collect()),
            b"RESP-CODES" => Self::RespCodes,
            b"AUTH-RESP-CODE" => Self::AuthRespCode,
            b"LOGIN-DELAY" => number().map_or_else(other, |seconds| Self::LoginDelay { seconds, per_user }),
            b"PIPELINING" => Self::Pipelining,
            b"EXPIRE" if parameters.first().is_some_and(|word| word.eq_ignore_ascii_case(b"NEVER")) => {
                Self::Expire { days: None, per_user }
            }
            b"EXPIRE" => number().map_or_else(other, |days| Self::Expire { days: Some(days), per_user }),
            b"UIDL" => Self::Uidl,
            b"IMPLEMENTATION" => Self::Implementation(quirks::after_first_word(line).to_vec()),
            b"STLS" => Self::Stls,
            b"UTF8" => Self::Utf8 { user: parameters.iter().any(|word| word.eq_ignore_ascii_case(b"USER")) },
            _ => other(),
        }
    }
}

fn mechanism(word: &[u8]) -> String {
    String::from_utf8_lossy(word).to_ascii_uppercase()
}

/// The capabilities of a server, in the order of its response to `CAPA`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    lines: Vec<Vec<u8>>,
    parsed: Vec<Capability>,
}

impl Capabilities {
    /// Parses a line and adds it.
    pub fn push(&mut self, line: &[u8]) {
        self.lines.push(line.to_vec());
        self.parsed.push(Capability::parse(line));
    }

    /// Returns the lines as the server sent them.
    pub fn lines(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.lines.iter().map(Vec::as_slice)
    }

    /// Returns the parsed lines.
    pub fn iter(&self) -> impl Iterator<Item = &Capability> {
        self.parsed.iter()
    }

    /// Returns true if the server announces exactly this capability: `has(&Capability::Pipelining)`.
    #[must_use]
    pub fn has(&self, capability: &Capability) -> bool {
        self.parsed.contains(capability)
    }

    /// Returns the names of the announced SASL mechanisms in capitals, in the server's order.
    pub fn sasl(&self) -> impl Iterator<Item = &str> {
        self.iter()
            .filter_map(|capability| match capability {
                Capability::Sasl(mechanisms) => Some(mechanisms),
                _ => None,
            })
            .flatten()
            .map(String::as_str)
    }

    /// Returns `Some(true)` for `UTF8 USER`, `Some(false)` for `UTF8`, and `None` if neither is announced.
    #[must_use]
    pub fn utf8(&self) -> Option<bool> {
        self.iter().find_map(|capability| match capability {
            Capability::Utf8 { user } => Some(*user),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_capabilities_are_kept() {
        for (line, capability) in [
            (&b"top"[..], Capability::Top),
            (b"SASL plain  XOAUTH2", Capability::Sasl(vec!["PLAIN".into(), "XOAUTH2".into()])),
            (b"SASL", Capability::Sasl(vec![])),
            (b"LOGIN-DELAY 300", Capability::LoginDelay { seconds: 300, per_user: false }),
            (b"LOGIN-DELAY soon", Capability::Other(b"LOGIN-DELAY soon".to_vec())),
            (b"EXPIRE NEVER", Capability::Expire { days: None, per_user: false }),
            (b"EXPIRE 0 USER", Capability::Expire { days: Some(0), per_user: true }),
            (b"IMPLEMENTATION a  b ", Capability::Implementation(b"a  b".to_vec())),
            (b"UTF8 USER", Capability::Utf8 { user: true }),
            (b"X-SINCE yesterday", Capability::Other(b"X-SINCE yesterday".to_vec())),
            (b"", Capability::Other(vec![])),
            (b"\xff\xfe", Capability::Other(b"\xff\xfe".to_vec())),
        ] {
            assert_eq!(Capability::parse(line), capability);
        }
    }

    #[test]
    fn repeated_capabilities_are_joined() {
        let mut capabilities = Capabilities::default();
        for line in [&b"SASL PLAIN"[..], b"PIPELINING", b"SASL LOGIN", b"UTF8"] {
            capabilities.push(line);
        }
        assert_eq!(capabilities.sasl().collect::<Vec<_>>(), ["PLAIN", "LOGIN"]);
        assert!(capabilities.has(&Capability::Pipelining) && !capabilities.has(&Capability::Stls));
        assert_eq!(capabilities.utf8(), Some(false));
        assert_eq!(capabilities.lines().len(), 4);
    }
}
