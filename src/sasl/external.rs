//! EXTERNAL (RFC 4422 appendix A): the TLS client certificate identifies the user.

use super::state::MechanismState;
use super::{Parameters, SaslError};
use crate::Secret;
use crate::bytes::has_line_break_or_nul;

pub(super) struct External {
    identity: Option<Secret>,
}

impl External {
    pub(super) fn new(parameters: &Parameters<'_>) -> Result<Self, SaslError> {
        if has_line_break_or_nul(parameters.user.as_bytes()) {
            return Err(SaslError::UserName);
        }
        Ok(Self { identity: Some(Secret::from(parameters.user)) })
    }
}

impl MechanismState for External {
    fn initial_length(&self) -> Option<usize> {
        self.identity.as_ref().map(|identity| identity.expose().len())
    }

    fn initial(&mut self) -> Option<Secret> {
        self.identity.take()
    }

    fn respond(&mut self, _: &[u8]) -> Result<Secret, SaslError> {
        Err(SaslError::OutOfOrder)
    }

    fn finish(&self) -> Result<(), SaslError> {
        if self.identity.is_some() { Err(SaslError::Unfinished) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use crate::sasl::tests::start;
    use crate::sasl::{Credential, Mechanism::External, SaslError};

    #[test]
    fn the_response_is_the_user_name() {
        let mut exchange = start(External, "fred@example.com", &Credential::None).unwrap();
        assert_eq!(exchange.initial(255).unwrap().expose(), b"fred@example.com");
        assert_eq!(exchange.finish(), Ok(()));
        let mut exchange = start(External, "", &Credential::None).unwrap();
        assert_eq!(exchange.initial(0), None);
        assert_eq!(exchange.initial(1).unwrap().expose(), b"");
        assert_eq!(exchange.respond(b""), Err(SaslError::OutOfOrder));
    }
}
