//! Violations of the protocol by a server.

use thiserror::Error;

/// A violation of the protocol by the server. The session cannot continue because it is unknown which response
/// belongs to which command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// Data was received while no command was in flight: an extra or an injected response.
    #[error("unexpected data from the server")]
    Unsolicited,
    /// The first word of a status line is neither `+OK` nor `-ERR`.
    #[error("the server's answer is neither +OK nor -ERR")]
    NoStatusIndicator,
    /// A response belongs to another command: a message begins with a status indicator, or a response does not repeat
    /// the number of its command.
    #[error("the server's answers are out of step with the commands")]
    OutOfStep,
    /// A line is longer than [`MAX_LINE`](super::engine::MAX_LINE).
    #[error("the server sent a line that is too long")]
    LineTooLong,
    /// A line ends in a bare LF although the greeting ended in CRLF.
    #[error("the server ended a line with a bare line feed")]
    BareLineFeed,
    /// A listing has more lines or more bytes than are accepted.
    #[error("the server's listing is too long")]
    ListingTooLong,
    /// A drop listing, scan listing or unique-id listing lacks a field of RFC 1939.
    #[error("malformed listing from the server")]
    MalformedListing,
    /// A message-number is 0, over 4294967295, listed twice, or not the requested one.
    #[error("the server listed a message-number that is out of range or listed twice")]
    BadMessageNumber,
    /// The server sent more SASL challenges than any mechanism has.
    #[error("too many challenges from the server")]
    TooManyChallenges,
}
