//! CRAM-MD5, RFC 2195: `tim b913a602c7eda7a495b4e6e7334d3890`.

use std::io::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use zeroize::Zeroizing;

use super::state::MechanismState;
use super::{Parameters, SaslError};
use crate::Secret;
use crate::bytes::Hex;

pub(super) struct CramMd5 {
    user: String,
    password: Option<Secret>,
}

impl CramMd5 {
    pub(super) fn new(parameters: &Parameters<'_>) -> Result<Self, SaslError> {
        let (user, password) = (parameters.user()?, parameters.password()?);
        Ok(Self { user: user.to_owned(), password: Some(password.clone()) })
    }
}

impl MechanismState for CramMd5 {
    fn respond(&mut self, challenge: &[u8]) -> Result<Secret, SaslError> {
        let password = self.password.take().ok_or(SaslError::OutOfOrder)?;
        // RFC 2195 §2 requires a msg-id. Many servers send other text, which is accepted, but the response to an
        // empty challenge would always be the same.
        if challenge.is_empty() {
            return Err(SaslError::Malformed);
        }
        // HMAC accepts a key of any length.
        let mut mac = Hmac::<Md5>::new_from_slice(password.expose()).map_err(|_| SaslError::Malformed)?;
        mac.update(challenge);
        let digest = Zeroizing::new(<[u8; 16]>::from(mac.finalize().into_bytes()));
        let mut response = Vec::with_capacity(self.user.len() + 1 + 2 * digest.len());
        response.extend_from_slice(self.user.as_bytes());
        response.push(b' ');
        let _ = write!(response, "{}", Hex(&digest[..]));
        Ok(Secret::from(response))
    }

    fn finish(&self) -> Result<(), SaslError> {
        if self.password.is_some() { Err(SaslError::Unfinished) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use crate::sasl::tests::{password, start};
    use crate::sasl::{Mechanism::CramMd5, SaslError};

    #[test]
    fn the_example_of_rfc_2195_is_reproduced() {
        let mut exchange = start(CramMd5, "tim", &password("tanstaaftanstaaf")).unwrap();
        assert_eq!(exchange.initial(255), None);
        assert_eq!(exchange.finish(), Err(SaslError::Unfinished));
        let response = exchange.respond(b"<1896.697170952@postoffice.reston.mci.net>").unwrap();
        assert_eq!(response.expose(), b"tim b913a602c7eda7a495b4e6e7334d3890");
        assert_eq!(exchange.finish(), Ok(()));
        assert_eq!(exchange.respond(b"<1897@postoffice.reston.mci.net>"), Err(SaslError::OutOfOrder));
    }

    #[test]
    fn an_empty_challenge_is_refused() {
        let mut exchange = start(CramMd5, "tim", &password("tanstaaf")).unwrap();
        assert_eq!(exchange.respond(b""), Err(SaslError::Malformed));
        assert_eq!(exchange.respond(b"<1@b>"), Err(SaslError::Malformed));
    }
}
