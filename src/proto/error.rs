//! How a server can break the protocol.

use thiserror::Error;

/// The server broke the protocol. The session cannot continue: it is no longer known which response belongs to which
/// command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// Bytes while no command was in flight: a response too many, or an injected one.
    #[error("unexpected data from the server")]
    Unsolicited,
    /// The first word of a status line is neither `+OK` nor `-ERR`.
    #[error("the server's answer is neither +OK nor -ERR")]
    NoStatusIndicator,
    /// A response that is not the one to its command: a message that begins with a status indicator, or a response without
    /// the number that it must repeat.
    #[error("the server's answers are out of step with the commands")]
    OutOfStep,
    /// A line longer than [`MAX_LINE`](super::engine::MAX_LINE).
    #[error("the server sent a line that is too long")]
    LineTooLong,
    /// A line that ends in a bare LF in a session whose greeting ended in CRLF.
    #[error("the server ended a line with a bare line feed")]
    BareLineFeed,
    /// A listing with more lines, or more bytes, than are accepted.
    #[error("the server's listing is too long")]
    ListingTooLong,
    /// A drop listing, scan listing or unique-id listing without the fields that RFC 1939 gives it.
    #[error("malformed listing from the server")]
    MalformedListing,
    /// A message-number that is 0, over 4294967295, listed twice, or not the one that was asked for.
    #[error("the server listed a message-number that is out of range or listed twice")]
    BadMessageNumber,
    /// More SASL challenges than any mechanism has.
    #[error("too many challenges from the server")]
    TooManyChallenges,
}
