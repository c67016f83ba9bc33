//! The bounds of an exchange.

/// The most challenges of one exchange: SCRAM has an empty one, the server's first and its final message; no mechanism
/// has more.
pub(super) const MAX_CHALLENGES: u8 = 3;

/// The most bytes of one challenge, decoded: RFC 4954 §4 is the only one to name a length for the lines of an
/// exchange, 12,288 octets of base64.
pub(super) const MAX_CHALLENGE: usize = 9216;

/// The highest iteration count of SCRAM that is computed: 0.7 s on a processor with instructions for SHA, some seconds
/// on others.
///
/// Servers choose 4,096 (RFC 5802 §5.1) up to 600,000 and, for SHA-1, 1,300,000, the advice of recent years for stored
/// passwords; the limit leaves room for some years. A count without a limit keeps the client busy for an hour
/// (RFC 5802 §9).
pub(super) const MAX_ITERATIONS: u32 = 5_000_000;
