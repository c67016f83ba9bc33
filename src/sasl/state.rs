//! The state machine of a mechanism.

use super::SaslError;
use crate::Secret;

/// The state machine of one mechanism. [`Exchange`](super::Exchange) calls it in order, a bounded number of times,
/// and never after an error.
pub(super) trait MechanismState: Send + Sync {
    /// Returns the length in bytes of the initial response, until that is taken.
    fn initial_length(&self) -> Option<usize> {
        None
    }

    /// Takes the initial response.
    fn initial(&mut self) -> Option<Secret> {
        None
    }

    /// Returns the response to a challenge.
    fn respond(&mut self, challenge: &[u8]) -> Result<Secret, SaslError>;

    /// Checks that the exchange is complete, so that the server may accept.
    fn finish(&self) -> Result<(), SaslError>;

    /// Returns the server's reason for refusing a token.
    fn reason(&self) -> Option<&str> {
        None
    }

    /// Returns the URL of the `OpenID` configuration in the server's error.
    fn openid_configuration(&self) -> Option<&str> {
        None
    }
}
