//! LOGIN: the first response is the user name, the second the password. No RFC defines the mechanism. The prompts
//! differ between servers and are ignored.

use super::state::MechanismState;
use super::{Parameters, SaslError};
use crate::Secret;

pub(super) struct Login {
    user: Option<Secret>,
    password: Option<Secret>,
}

impl Login {
    pub(super) fn new(parameters: &Parameters<'_>) -> Result<Self, SaslError> {
        let (user, password) = (parameters.user()?, parameters.password()?);
        Ok(Self { user: Some(Secret::from(user)), password: Some(password.clone()) })
    }
}

impl MechanismState for Login {
    fn respond(&mut self, _: &[u8]) -> Result<Secret, SaslError> {
        self.user.take().or_else(|| self.password.take()).ok_or(SaslError::OutOfOrder)
    }

    fn finish(&self) -> Result<(), SaslError> {
        if self.password.is_some() { Err(SaslError::Unfinished) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use crate::sasl::tests::{password, start};
    use crate::sasl::{Mechanism::Login, SaslError};

    #[test]
    fn the_prompts_are_ignored() {
        let prompts: [[&[u8]; 2]; 4] = [
            [b"Username:", b"Password:"],
            [b"User Name\0", b"Password\0"],
            [b"Password:", b"Username:"],
            [b"", b"\xff"],
        ];
        for [first, second] in prompts {
            let mut exchange = start(Login, "tim", &password("tanstaaf")).unwrap();
            assert_eq!(exchange.initial(255), None);
            assert_eq!(exchange.respond(first).unwrap().expose(), b"tim");
            assert_eq!(exchange.finish(), Err(SaslError::Unfinished));
            assert_eq!(exchange.respond(second).unwrap().expose(), b"tanstaaf");
            assert_eq!(exchange.finish(), Ok(()));
            assert_eq!(exchange.respond(first), Err(SaslError::OutOfOrder));
        }
    }
}
