//! Command arguments without line breaks.

use std::fmt;

use thiserror::Error;

use crate::bytes::has_line_break_or_nul;
use crate::secret::Secret;

/// An argument of a command: at most [`Argument::MAX`] bytes, without CR, LF and NUL.
///
/// A line break in a user name would otherwise start a second command, such as `DELE`.
///
/// ```
/// use pop3::proto::Argument;
/// assert!(Argument::try_from(&b"recent:me@example.org"[..]).is_ok());
/// assert!(Argument::try_from(&b"a\r\nDELE 1"[..]).is_err());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Argument(Box<[u8]>);

impl Argument {
    /// RFC 2449 §4 limits commands to 255 octets, but some servers accept longer user names and passwords. This limit
    /// only catches a file given by mistake.
    pub const MAX: usize = 4096;

    /// Returns the bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<&[u8]> for Argument {
    type Error = InvalidArgument;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidArgument> {
        if has_line_break_or_nul(bytes) {
            return Err(InvalidArgument::Control);
        }
        if bytes.len() > Self::MAX {
            return Err(InvalidArgument::Length);
        }
        Ok(Self(bytes.into()))
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

/// The reason why a text is not a valid argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidArgument {
    /// The text contains a CR, an LF or a NUL.
    #[error("a carriage return, line feed or NUL is not allowed")]
    Control,
    /// The text is longer than [`Argument::MAX`] bytes, or 16 times that for a secret.
    #[error("it is too long")]
    Length,
}

/// A secret argument of a command. `Debug` never prints the secret.
#[derive(Debug, Clone)]
pub struct SecretArgument(Secret);

impl SecretArgument {
    /// Returns the bytes of the secret.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.expose()
    }
}

impl TryFrom<Secret> for SecretArgument {
    type Error = InvalidArgument;

    fn try_from(secret: Secret) -> Result<Self, InvalidArgument> {
        if has_line_break_or_nul(secret.expose()) {
            return Err(InvalidArgument::Control);
        }
        // An OAuth 2.0 token that contains its claims is far longer than any password.
        if secret.expose().len() > 16 * Argument::MAX {
            return Err(InvalidArgument::Length);
        }
        Ok(Self(secret))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CVE-2025-15367 and similar: a line end anywhere in an argument would start a second command.
    #[test]
    fn an_argument_cannot_contain_a_second_command() {
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
