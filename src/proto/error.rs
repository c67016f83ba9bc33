//! How a server can break the protocol.

use thiserror::Error;

/// A broken protocol: the session cannot go on, since nobody knows any longer which answer belongs to which command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProtocolError {
    /// Octets with no command in flight: an answer too many, or one that somebody injected.
    #[error("the server spoke out of turn")]
    Unsolicited,
    /// The first word of a status line is neither `+OK` nor `-ERR`.
    #[error("the server's answer is neither +OK nor -ERR")]
    NoStatusIndicator,
    /// An answer that is not the one to the command that it was taken for: a message that begins with a status indicator,
    /// or an answer without the number that it must repeat.
    #[error("the server's answers are out of step with the commands")]
    OutOfStep,
    /// A line over [`MAX_LINE`](super::engine::MAX_LINE) octets.
    #[error("the server sent a line that is too long")]
    LineTooLong,
    /// A line that ends in a bare LF in a session whose greeting ended in CRLF.
    #[error("the server ended a line with a bare line feed")]
    BareLineFeed,
    /// A listing with more lines than the maildrop has messages, or than anybody would announce capabilities.
    #[error("the server's listing has more lines than it may have")]
    ListingTooLong,
    /// A line of a listing or a drop listing that is not of its form.
    #[error("the server's listing cannot be understood")]
    MalformedListing,
    /// A message-number beyond those that `STAT` counted, or one that was already listed.
    #[error("the server listed a message-number that is out of range or listed twice")]
    BadMessageNumber,
    /// A SASL challenge that is not base64 (RFC 5034 §4).
    #[error("the server's challenge is not base64")]
    MalformedChallenge,
    /// More challenges than any mechanism has.
    #[error("the server sends challenges without end")]
    TooManyChallenges,
}
