//! Every command that a client says.

use std::ops::Range;

use super::{
    argument::{Argument, SecretArgument},
    types::MessageNumber,
};

/// A command, ready to be said.
#[derive(Debug, Clone, Copy)]
pub enum Command<'a> {
    /// `CAPA` (RFC 2449 §5): what the server can do.
    Capa,
    /// `STLS` (RFC 2595 §4): TLS from here on.
    Stls,
    /// `UTF8` (RFC 6856 §2): internationalised mail as it is.
    Utf8,
    /// `USER name` (RFC 1939 §7).
    User(&'a Argument),
    /// `PASS string` (RFC 1939 §7).
    Pass(&'a SecretArgument),
    /// `APOP name digest` (RFC 1939 §7).
    Apop {
        /// Whose maildrop.
        user: &'a Argument,
        /// The digest in hex; who sees it can try passwords against it.
        digest: &'a SecretArgument,
    },
    /// `AUTH mechanism [initial-response]` (RFC 5034 §4).
    Auth {
        /// The mechanism's name.
        mechanism: &'a str,
        /// The initial response in base64, `=` for an empty one.
        initial: Option<&'a SecretArgument>,
    },
    /// `STAT` (RFC 1939 §5): the drop listing.
    Stat,
    /// `LIST [msg]` (§5): scan listings.
    List(Option<MessageNumber>),
    /// `UIDL [msg]` (§7): unique-id listings.
    Uidl(Option<MessageNumber>),
    /// `RETR msg` (§5): the message.
    Retr(MessageNumber),
    /// `TOP msg n` (§7): the header and the first lines of the body.
    Top {
        /// Which message.
        number: MessageNumber,
        /// How many lines of the body.
        lines: u32,
    },
    /// `DELE msg` (§5): marks the message as deleted.
    Dele(MessageNumber),
    /// `NOOP` (§5): nothing, but it keeps the session alive.
    Noop,
    /// `RSET` (§5): unmarks what was marked.
    Rset,
    /// `QUIT` (§6): the server deletes what was marked.
    Quit,
}

/// The shape of a command's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A status line.
    Line,
    /// A status line and, behind `+OK`, lines up to a lone dot.
    Lines,
    /// A status line and, behind `+OK`, a message up to a lone dot.
    Body,
    /// Challenges, each answered, then a status line.
    Challenges,
}

impl Command<'_> {
    /// Appends the command with its line end to `out`, and tells where in `out` its secret stands.
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
        let mut secret = |out: &mut Vec<u8>, octets: &[u8]| {
            let start = out.len();
            out.extend_from_slice(octets);
            secret_at = Some(start..out.len());
        };
        match *self {
            Self::Capa => out.extend_from_slice(b"CAPA"),
            Self::Stls => out.extend_from_slice(b"STLS"),
            Self::Utf8 => out.extend_from_slice(b"UTF8"),
            Self::User(user) => {
                out.extend_from_slice(b"USER ");
                out.extend_from_slice(user.as_bytes());
            }
            Self::Pass(password) => {
                out.extend_from_slice(b"PASS ");
                secret(out, password.expose());
            }
            Self::Apop { user, digest } => {
                out.extend_from_slice(b"APOP ");
                out.extend_from_slice(user.as_bytes());
                out.push(b' ');
                secret(out, digest.expose());
            }
            Self::Auth { mechanism, initial } => {
                out.extend_from_slice(b"AUTH ");
                out.extend_from_slice(mechanism.as_bytes());
                if let Some(initial) = initial {
                    out.push(b' ');
                    secret(out, initial.expose());
                }
            }
            Self::Stat => out.extend_from_slice(b"STAT"),
            Self::List(number) => with_number(out, "LIST", number),
            Self::Uidl(number) => with_number(out, "UIDL", number),
            Self::Retr(number) => with_number(out, "RETR", Some(number)),
            Self::Top { number, lines } => {
                with_number(out, "TOP", Some(number));
                out.extend_from_slice(format!(" {lines}").as_bytes());
            }
            Self::Dele(number) => with_number(out, "DELE", Some(number)),
            Self::Noop => out.extend_from_slice(b"NOOP"),
            Self::Rset => out.extend_from_slice(b"RSET"),
            Self::Quit => out.extend_from_slice(b"QUIT"),
        }
        out.extend_from_slice(b"\r\n");
        secret_at
    }

    /// The shape of its answer.
    #[must_use]
    pub fn shape(&self) -> Shape {
        match self {
            Self::Capa | Self::List(None) | Self::Uidl(None) => Shape::Lines,
            Self::Retr(_) | Self::Top { .. } => Shape::Body,
            Self::Auth { .. } => Shape::Challenges,
            _ => Shape::Line,
        }
    }

    /// The command's first word: `RETR`.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Capa => "CAPA",
            Self::Stls => "STLS",
            Self::Utf8 => "UTF8",
            Self::User(_) => "USER",
            Self::Pass(_) => "PASS",
            Self::Apop { .. } => "APOP",
            Self::Auth { .. } => "AUTH",
            Self::Stat => "STAT",
            Self::List(_) => "LIST",
            Self::Uidl(_) => "UIDL",
            Self::Retr(_) => "RETR",
            Self::Top { .. } => "TOP",
            Self::Dele(_) => "DELE",
            Self::Noop => "NOOP",
            Self::Rset => "RSET",
            Self::Quit => "QUIT",
        }
    }
}

fn with_number(out: &mut Vec<u8>, verb: &str, number: Option<MessageNumber>) {
    out.extend_from_slice(verb.as_bytes());
    if let Some(number) = number {
        out.extend_from_slice(format!(" {number}").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn every_command_has_its_octets_shape_and_secret() {
        let user = Argument::try_from("mrose").unwrap();
        let secret = SecretArgument::try_from(Secret::from("s3cret")).unwrap();
        let number = MessageNumber::new(4_294_967_295).unwrap();
        let commands: [(Command<'_>, &str, Shape); 19] = [
            (Command::Capa, "CAPA", Shape::Lines),
            (Command::Stls, "STLS", Shape::Line),
            (Command::Utf8, "UTF8", Shape::Line),
            (Command::User(&user), "USER mrose", Shape::Line),
            (Command::Pass(&secret), "PASS s3cret", Shape::Line),
            (Command::Apop { user: &user, digest: &secret }, "APOP mrose s3cret", Shape::Line),
            (Command::Auth { mechanism: "PLAIN", initial: None }, "AUTH PLAIN", Shape::Challenges),
            (
                Command::Auth { mechanism: "PLAIN", initial: Some(&secret) },
                "AUTH PLAIN s3cret",
                Shape::Challenges,
            ),
            (Command::Stat, "STAT", Shape::Line),
            (Command::List(None), "LIST", Shape::Lines),
            (Command::List(Some(number)), "LIST 4294967295", Shape::Line),
            (Command::Uidl(None), "UIDL", Shape::Lines),
            (Command::Uidl(Some(number)), "UIDL 4294967295", Shape::Line),
            (Command::Retr(number), "RETR 4294967295", Shape::Body),
            (Command::Top { number, lines: 0 }, "TOP 4294967295 0", Shape::Body),
            (Command::Dele(number), "DELE 4294967295", Shape::Line),
            (Command::Noop, "NOOP", Shape::Line),
            (Command::Rset, "RSET", Shape::Line),
            (Command::Quit, "QUIT", Shape::Line),
        ];
        for (command, octets, shape) in commands {
            let mut out = b"before ".to_vec();
            let secret_at = command.encode(&mut out);
            assert_eq!(out, format!("before {octets}\r\n").as_bytes());
            assert_eq!(command.shape(), shape, "{octets}");
            assert_eq!(
                secret_at.map(|range| out[range].to_vec()),
                octets.contains("s3cret").then(|| b"s3cret".to_vec())
            );
            assert_eq!(octets.split(' ').next(), Some(command.verb()));
            assert!(!format!("{command:?}").contains("s3cret"));
        }
    }
}
