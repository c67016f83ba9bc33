//! Commands, their encoding, and the kinds of their responses.

use std::{fmt, ops::Range};

use super::{
    argument::{Argument, SecretArgument},
    types::MessageNumber,
};

/// A command with its arguments.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Command<'a> {
    /// `CAPA` (RFC 2449 §5): lists the server's capabilities.
    Capa,
    /// `STLS` (RFC 2595 §4): switches to TLS.
    Stls,
    /// `UTF8` (RFC 6856 §2): allows UTF-8 in messages and responses.
    Utf8,
    /// `USER name` (RFC 1939 §7).
    User(&'a Argument),
    /// `PASS string` (RFC 1939 §7).
    Pass(&'a SecretArgument),
    /// `APOP name digest` (RFC 1939 §7).
    Apop {
        /// The user name.
        user: &'a Argument,
        /// The digest in hexadecimal digits. It is secret because passwords can be tried against it offline.
        digest: &'a SecretArgument,
    },
    /// `AUTH mechanism [initial-response]` (RFC 5034 §4).
    Auth {
        /// The mechanism's registered name.
        mechanism: &'a str,
        /// The initial response in base64, or `=` for an empty response.
        initial: Option<&'a SecretArgument>,
    },
    /// `STAT` (RFC 1939 §5): the drop listing.
    Stat,
    /// `LIST [msg]` (RFC 1939 §5): scan listings.
    List(Option<MessageNumber>),
    /// `UIDL [msg]` (RFC 1939 §7): unique-id listings.
    Uidl(Option<MessageNumber>),
    /// `RETR msg` (RFC 1939 §5): the message.
    Retr(MessageNumber),
    /// `TOP msg n` (RFC 1939 §7): the header and the first lines of the body.
    Top {
        /// The number of the message.
        number: MessageNumber,
        /// The number of lines of the body.
        lines: u32,
    },
    /// `DELE msg` (RFC 1939 §5): marks the message as deleted.
    Dele(MessageNumber),
    /// `NOOP` (RFC 1939 §5): keeps the session alive.
    Noop,
    /// `RSET` (RFC 1939 §5): unmarks every message.
    Rset,
    /// `QUIT` (RFC 1939 §6): ends the session; after the login, the server deletes the marked messages.
    Quit,
}

/// The kind of response that a command has.
///
/// Exhaustive on purpose: the end of a response of an unknown kind could not be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResponseKind {
    /// A status line.
    Line,
    /// A status line; after `+OK`, lines up to one with a single dot.
    Lines,
    /// A status line; after `+OK`, a message up to a line with a single dot.
    Body,
    /// Challenges, each answered by the client, then a status line.
    Challenges,
}

/// The keyword of a command (RFC 1939 §3), without its arguments.
///
/// ```
/// use pop3::proto::{Command, Keyword};
/// assert_eq!(Command::List(None).keyword(), Keyword::List);
/// assert_eq!(Keyword::List.to_string(), "LIST");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each variant is the keyword of the command of the same name")]
pub enum Keyword {
    Capa,
    Stls,
    Utf8,
    User,
    Pass,
    Apop,
    Auth,
    Stat,
    List,
    Uidl,
    Retr,
    Top,
    Dele,
    Noop,
    Rset,
    Quit,
}

impl Keyword {
    /// Returns the keyword as it is sent, in capitals: `RETR`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Capa => "CAPA",
            Self::Stls => "STLS",
            Self::Utf8 => "UTF8",
            Self::User => "USER",
            Self::Pass => "PASS",
            Self::Apop => "APOP",
            Self::Auth => "AUTH",
            Self::Stat => "STAT",
            Self::List => "LIST",
            Self::Uidl => "UIDL",
            Self::Retr => "RETR",
            Self::Top => "TOP",
            Self::Dele => "DELE",
            Self::Noop => "NOOP",
            Self::Rset => "RSET",
            Self::Quit => "QUIT",
        }
    }
}

impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Command<'_> {
    /// Appends the command with its line end to `out`, and returns the position of its secret in `out`, if it has
    /// one.
    ///
    /// ```
    /// use pop3::{Secret, proto::{Command, argument::SecretArgument}};
    /// let secret = SecretArgument::try_from(Secret::from("tanstaaf")).unwrap();
    /// let mut out = Vec::new();
    /// assert_eq!(Command::Pass(&secret).encode(&mut out), Some(5..13));
    /// assert_eq!(out, b"PASS tanstaaf\r\n");
    /// ```
    pub fn encode(&self, out: &mut Vec<u8>) -> Option<Range<usize>> {
        let mut secret_at = None;
        let mut secret = |out: &mut Vec<u8>, bytes: &[u8]| {
            out.push(b' ');
            let start = out.len();
            out.extend_from_slice(bytes);
            secret_at = Some(start..out.len());
        };
        out.extend_from_slice(self.keyword().as_str().as_bytes());
        match *self {
            Self::User(user) => push(out, user.as_bytes()),
            Self::Pass(password) => secret(out, password.expose()),
            Self::Apop { user, digest } => {
                push(out, user.as_bytes());
                secret(out, digest.expose());
            }
            Self::Auth { mechanism, initial } => {
                push(out, mechanism.as_bytes());
                if let Some(initial) = initial {
                    secret(out, initial.expose());
                }
            }
            Self::Retr(number) | Self::Dele(number) | Self::List(Some(number)) | Self::Uidl(Some(number)) => {
                push(out, number.to_string().as_bytes());
            }
            Self::Top { number, lines } => push(out, format!("{number} {lines}").as_bytes()),
            Self::Capa
            | Self::Stls
            | Self::Utf8
            | Self::Stat
            | Self::List(None)
            | Self::Uidl(None)
            | Self::Noop
            | Self::Rset
            | Self::Quit => {}
        }
        out.extend_from_slice(b"\r\n");
        secret_at
    }

    /// Returns the kind of response that the command has.
    #[must_use]
    pub fn response_kind(&self) -> ResponseKind {
        match self {
            Self::Capa | Self::List(None) | Self::Uidl(None) => ResponseKind::Lines,
            Self::Retr(_) | Self::Top { .. } => ResponseKind::Body,
            Self::Auth { .. } => ResponseKind::Challenges,
            _ => ResponseKind::Line,
        }
    }

    /// Returns the keyword of the command.
    #[must_use]
    pub fn keyword(&self) -> Keyword {
        match self {
            Self::Capa => Keyword::Capa,
            Self::Stls => Keyword::Stls,
            Self::Utf8 => Keyword::Utf8,
            Self::User(_) => Keyword::User,
            Self::Pass(_) => Keyword::Pass,
            Self::Apop { .. } => Keyword::Apop,
            Self::Auth { .. } => Keyword::Auth,
            Self::Stat => Keyword::Stat,
            Self::List(_) => Keyword::List,
            Self::Uidl(_) => Keyword::Uidl,
            Self::Retr(_) => Keyword::Retr,
            Self::Top { .. } => Keyword::Top,
            Self::Dele(_) => Keyword::Dele,
            Self::Noop => Keyword::Noop,
            Self::Rset => Keyword::Rset,
            Self::Quit => Keyword::Quit,
        }
    }
}

fn push(out: &mut Vec<u8>, argument: &[u8]) {
    out.push(b' ');
    out.extend_from_slice(argument);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn commands_are_encoded_with_their_secret_located() {
        let user = Argument::try_from("mrose").unwrap();
        let secret = SecretArgument::try_from(Secret::from("s3cret")).unwrap();
        let number = MessageNumber::new(4_294_967_295).unwrap();
        let commands: [(Command<'_>, &str, ResponseKind); 19] = [
            (Command::Capa, "CAPA", ResponseKind::Lines),
            (Command::Stls, "STLS", ResponseKind::Line),
            (Command::Utf8, "UTF8", ResponseKind::Line),
            (Command::User(&user), "USER mrose", ResponseKind::Line),
            (Command::Pass(&secret), "PASS s3cret", ResponseKind::Line),
            (Command::Apop { user: &user, digest: &secret }, "APOP mrose s3cret", ResponseKind::Line),
            (Command::Auth { mechanism: "PLAIN", initial: None }, "AUTH PLAIN", ResponseKind::Challenges),
            (
                Command::Auth { mechanism: "PLAIN", initial: Some(&secret) },
                "AUTH PLAIN s3cret",
                ResponseKind::Challenges,
            ),
            (Command::Stat, "STAT", ResponseKind::Line),
            (Command::List(None), "LIST", ResponseKind::Lines),
            (Command::List(Some(number)), "LIST 4294967295", ResponseKind::Line),
            (Command::Uidl(None), "UIDL", ResponseKind::Lines),
            (Command::Uidl(Some(number)), "UIDL 4294967295", ResponseKind::Line),
            (Command::Retr(number), "RETR 4294967295", ResponseKind::Body),
            (Command::Top { number, lines: 0 }, "TOP 4294967295 0", ResponseKind::Body),
            (Command::Dele(number), "DELE 4294967295", ResponseKind::Line),
            (Command::Noop, "NOOP", ResponseKind::Line),
            (Command::Rset, "RSET", ResponseKind::Line),
            (Command::Quit, "QUIT", ResponseKind::Line),
        ];
        for (command, sent, response) in commands {
            let mut out = b"before ".to_vec();
            let secret_at = command.encode(&mut out);
            assert_eq!(out, format!("before {sent}\r\n").as_bytes());
            assert_eq!(command.response_kind(), response, "{sent}");
            assert_eq!(
                secret_at.map(|range| out[range].to_vec()),
                sent.contains("s3cret").then(|| b"s3cret".to_vec())
            );
            assert_eq!(sent.split(' ').next(), Some(command.keyword().as_str()));
            assert!(!format!("{command:?}").contains("s3cret"));
        }
    }
}
