//! Octets that may stand in a command.

use std::fmt;

use thiserror::Error;

use crate::secret::Secret;

/// Octets that may stand in a command: no CR, LF or NUL, and not over [`Argument::MAX`] octets.
///
/// Whoever could put a line end into a user name could put a `DELE` behind it; a value of this type cannot.
///
/// ```
/// use pop3::proto::Argument;
/// assert!(Argument::try_from(&b"recent:me@example.org"[..]).is_ok());
/// assert!(Argument::try_from(&b"a\r\nDELE 1"[..]).is_err());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Argument(Box<[u8]>);

impl Argument {
    /// RFC 2449 §4 gives commands 255 octets, but user names and passwords over that are sent to servers that
    /// take them; this only keeps a mistaken file out.
    pub const MAX: usize = 4096;

    /// The octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<&[u8]> for Argument {
    type Error = InvalidArgument;

    fn try_from(octets: &[u8]) -> Result<Self, InvalidArgument> {
        if octets.iter().any(|octet| matches!(octet, b'\r' | b'\n' | 0)) {
            return Err(InvalidArgument::Control);
        }
        if octets.len() > Self::MAX {
            return Err(InvalidArgument::Length);
        }
        Ok(Self(octets.into()))
    }
}

impl TryFrom<&str> for Argument {
    type Error = InvalidArgument;

    fn try_from(text: &str) -> Result<Self, InvalidArgument> {
        Self::try_from(text.as_bytes())
    }
}

impl fmt::Debug for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Argument(\"{}\")", self.0.escape_ascii())
    }
}

/// Why octets may not stand in a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidArgument {
    /// It holds a CR, an LF or a NUL.
    #[error("a carriage return, line feed or NUL is not allowed")]
    Control,
    /// It is over [`Argument::MAX`] octets long (a secret: sixteen times that).
    #[error("it is too long")]
    Length,
}

/// A secret that may stand in a command: what [`Argument`] is, never shown.
#[derive(Debug, Clone)]
pub struct SecretArgument(Secret);

impl SecretArgument {
    /// The octets.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.expose()
    }
}

impl TryFrom<Secret> for SecretArgument {
    type Error = InvalidArgument;

    fn try_from(secret: Secret) -> Result<Self, InvalidArgument> {
        if secret.expose().iter().any(|octet| matches!(octet, b'\r' | b'\n' | 0)) {
            return Err(InvalidArgument::Control);
        }
        // An OAuth 2.0 token with all its claims in it is far longer than any password.
        if secret.expose().len() > 16 * Argument::MAX {
            return Err(InvalidArgument::Length);
        }
        Ok(Self(secret))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CVE-2025-15367 and kin: what would end a command and begin another is refused, wherever it stands.
    #[test]
    fn what_would_end_a_command_is_no_argument() {
        for text in ["\r", "\n", "\0", "a\r\nDELE 1", "a\nDELE 1", "a\rDELE 1", "a\0", "\r\n"] {
            assert_eq!(Argument::try_from(text).err(), Some(InvalidArgument::Control), "{text:?}");
            let secret = SecretArgument::try_from(Secret::from(text));
            assert_eq!(secret.err(), Some(InvalidArgument::Control), "{text:?}");
        }
        assert_eq!(
            Argument::try_from(vec![b'a'; Argument::MAX + 1].as_slice()).err(),
            Some(InvalidArgument::Length)
        );
        for text in ["", " ", "me@example.org", "recent:me", "\u{e9}", "\x7f\x1b"] {
            assert_eq!(
                Argument::try_from(text).map(|argument| argument.as_bytes().to_vec()),
                Ok(text.into())
            );
        }
    }
}
