//! PLAIN, RFC 4616: user name and password in one message.

use super::state::MechanismState;
use super::{Parameters, SaslError};
use crate::Secret;

pub(super) struct Plain {
    message: Option<Secret>,
}

impl Plain {
    pub(super) fn new(parameters: &Parameters<'_>) -> Result<Self, SaslError> {
        let (user, password) = (parameters.user()?, parameters.password()?);
        let message = [&b""[..], user.as_bytes(), password.expose()].join(&0);
        Ok(Self { message: Some(Secret::from(message)) })
    }
}

impl MechanismState for Plain {
    fn initial_length(&self) -> Option<usize> {
        self.message.as_ref().map(|message| message.expose().len())
    }

    fn initial(&mut self) -> Option<Secret> {
        self.message.take()
    }

    fn respond(&mut self, _: &[u8]) -> Result<Secret, SaslError> {
        Err(SaslError::OutOfOrder)
    }

    fn finish(&self) -> Result<(), SaslError> {
        if self.message.is_some() { Err(SaslError::Unfinished) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use crate::sasl::tests::{password, start};
    use crate::sasl::{Mechanism::Plain, SaslError};

    #[test]
    fn the_example_of_rfc_4616_is_reproduced() {
        let mut exchange = start(Plain, "tim", &password("tanstaaftanstaaf")).unwrap();
        assert_eq!(exchange.finish(), Err(SaslError::Unfinished));
        assert_eq!(exchange.initial(27), None, "21 bytes take 28 in base64");
        assert_eq!(exchange.initial(255).unwrap().expose(), b"\0tim\0tanstaaftanstaaf");
        assert_eq!(exchange.finish(), Ok(()));
        assert_eq!(exchange.initial(255), None);
        assert_eq!(exchange.respond(b""), Err(SaslError::OutOfOrder));
        assert_eq!(exchange.finish(), Err(SaslError::OutOfOrder));
    }

    #[test]
    fn a_long_initial_response_answers_the_empty_challenge() {
        let mut exchange = start(Plain, "tim", &password("")).unwrap();
        assert_eq!(exchange.initial(7), None);
        assert_eq!(exchange.respond(b"").unwrap().expose(), b"\0tim\0");
        assert_eq!(exchange.initial(255), None);
        assert_eq!(exchange.respond(b""), Err(SaslError::OutOfOrder));
    }

    #[test]
    fn a_challenge_with_text_is_refused() {
        let mut exchange = start(Plain, "tim", &password("tanstaaf")).unwrap();
        assert_eq!(exchange.respond(b"Password:"), Err(SaslError::OutOfOrder));
        assert_eq!(exchange.respond(b""), Err(SaslError::OutOfOrder));
        assert_eq!(exchange.initial(255), None);
    }
}
