//! Limits of an exchange.

/// The maximum number of challenges in an exchange. SCRAM has the most: an empty one, the server's first message and
/// its final message.
pub(super) const MAX_CHALLENGES: u8 = 3;

/// The maximum length of a decoded challenge in bytes. Of the RFCs on SASL profiles, only RFC 4954 §4 limits the
/// lines of an exchange: to 12,288 octets of base64.
pub(super) const MAX_CHALLENGE: usize = 9216;

/// The maximum iteration count of SCRAM, which takes 0.7 s on a processor with SHA instructions, and some seconds on
/// others.
///
/// Servers use from 4,096 (RFC 5802 §5.1) up to the currently recommended 600,000 (SHA-256) or 1,300,000 (SHA-1), and
/// recommendations grow. Without a limit, a server could keep the client busy for an hour (RFC 5802 §9).
pub(super) const MAX_ITERATIONS: u32 = 5_000_000;
