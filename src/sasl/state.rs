//! The state machine of a mechanism.

use super::SaslError;
use crate::Secret;

/// The steps of one mechanism. [`Exchange`](super::Exchange) orders and bounds the calls, and makes none after an error.
pub(super) trait MechanismState: Send + Sync {
    /// The length of the initial response in bytes, before it was taken.
    fn initial_length(&self) -> Option<usize> {
        None
    }

    /// The initial response, once.
    fn initial(&mut self) -> Option<Secret> {
        None
    }

    /// The response to a challenge.
    fn respond(&mut self, challenge: &[u8]) -> Result<Secret, SaslError>;

    /// Checks that the server may accept now.
    fn finish(&self) -> Result<(), SaslError>;

    /// The server's reason for refusing a token.
    fn reason(&self) -> Option<&str> {
        None
    }

    /// The URL of the `OpenID` configuration in the server's error.
    fn openid_configuration(&self) -> Option<&str> {
        None
    }
}
