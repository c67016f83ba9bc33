//! XOAUTH2 (of Google and Microsoft) and OAUTHBEARER (RFC 7628): an OAuth 2.0 access token in one message.

use super::state::MechanismState;
use super::{Parameters, SaslError, escape_name, reason};
use crate::Secret;

pub(super) struct OAuth {
    message: Option<Secret>,
    token: Secret,
    /// The response to the server's error message. The server then sends `-ERR`.
    acknowledgement: &'static [u8],
    refused: bool,
    reason: Option<String>,
    openid_configuration: Option<String>,
}

impl OAuth {
    /// `user=alice@example.org^Aauth=Bearer token^A^A`
    pub(super) fn xoauth2(parameters: &Parameters<'_>) -> Result<Self, SaslError> {
        let (user, token) = (user(parameters)?, parameters.token()?);
        let head = format!("user={user}\x01auth=Bearer ");
        Ok(Self::new(&head, token, b""))
    }

    /// `n,a=alice@example.org,^Ahost=pop.example.org^Aport=995^Aauth=Bearer token^A^A`, RFC 7628 §3.1.
    pub(super) fn bearer(parameters: &Parameters<'_>) -> Result<Self, SaslError> {
        let (user, token) = (user(parameters)?, parameters.token()?);
        let (host, port) = (parameters.host, parameters.port);
        if host.contains(char::is_control) {
            return Err(SaslError::HostName);
        }
        let user = escape_name(user);
        let head = format!("n,a={user},\x01host={host}\x01port={port}\x01auth=Bearer ");
        // RFC 7628 §3.2.3: the dummy response.
        Ok(Self::new(&head, token, b"\x01"))
    }

    fn new(head: &str, token: &Secret, acknowledgement: &'static [u8]) -> Self {
        let message = Secret::from([head.as_bytes(), token.expose(), b"\x01\x01"].concat());
        Self {
            message: Some(message),
            token: token.clone(),
            acknowledgement,
            refused: false,
            reason: None,
            openid_configuration: None,
        }
    }
}

impl MechanismState for OAuth {
    fn initial_length(&self) -> Option<usize> {
        self.message.as_ref().map(|message| message.expose().len())
    }

    fn initial(&mut self) -> Option<Secret> {
        self.message.take()
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<Secret, SaslError> {
        if self.message.is_some() || self.refused {
            return Err(SaslError::OutOfOrder);
        }
        self.refused = true;
        self.reason = reason::read(challenge, &self.token);
        self.openid_configuration = reason::openid_configuration(challenge);
        Ok(Secret::from(self.acknowledgement.to_vec()))
    }

    fn finish(&self) -> Result<(), SaslError> {
        match (&self.message, self.refused) {
            (Some(_), _) => Err(SaslError::Unfinished),
            (None, true) => Err(SaslError::Contradiction),
            (None, false) => Ok(()),
        }
    }

    fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    fn openid_configuration(&self) -> Option<&str> {
        self.openid_configuration.as_deref()
    }
}

/// Returns the user name, or an error if it contains a control character, such as `^A`, which ends a field of the
/// message.
fn user<'a>(parameters: &Parameters<'a>) -> Result<&'a str, SaslError> {
    match parameters.user()? {
        user if user.contains(char::is_control) => Err(SaslError::UserName),
        user => Ok(user),
    }
}

#[cfg(test)]
mod tests {
    use crate::sasl::tests::{parameters, start, token};
    use crate::sasl::{Exchange, Mechanism::OAuthBearer, Mechanism::XOAuth2, SaslError};

    const GOOGLE: &[u8] = br#"{"status":"401","schemes":"bearer mac","scope":"https://mail.google.com/"}"#;

    #[test]
    fn xoauth2_has_no_initial_response() {
        let mut exchange = start(XOAuth2, "someuser@example.com", &token("ya29.vF9dft4")).unwrap();
        assert_eq!(exchange.initial(usize::MAX), None);
        let message = exchange.respond(b"").unwrap();
        assert_eq!(message.expose(), b"user=someuser@example.com\x01auth=Bearer ya29.vF9dft4\x01\x01");
        assert_eq!((exchange.finish(), exchange.reason()), (Ok(()), None));
    }

    #[test]
    fn the_example_of_rfc_7628_is_reproduced() {
        let credential = token("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==");
        let mut parameters = parameters("user@example.com", &credential);
        (parameters.host, parameters.port) = ("server.example.com", 143);
        let mut exchange = Exchange::new(OAuthBearer, &parameters).unwrap();
        let expected: &[u8] = b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01\
            auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01";
        assert_eq!(exchange.initial(255).unwrap().expose(), expected);
        assert_eq!(exchange.finish(), Ok(()));

        let mut exchange = start(OAuthBearer, "a=b,c", &credential).unwrap();
        assert!(exchange.initial(255).unwrap().expose().starts_with(b"n,a=a=3Db=2Cc,\x01"));
    }

    #[test]
    fn an_error_message_is_acknowledged_once() {
        for (mechanism, acknowledgement) in [(XOAuth2, &b""[..]), (OAuthBearer, b"\x01")] {
            let mut exchange = start(mechanism, "alice", &token("t0ken")).unwrap();
            let _ = exchange.respond(b"").unwrap();
            assert_eq!(exchange.respond(GOOGLE).unwrap().expose(), acknowledgement);
            assert_eq!(exchange.reason(), Some("status 401, scope https://mail.google.com/"));
            assert_eq!(exchange.finish(), Err(SaslError::Contradiction));
            assert_eq!(exchange.respond(GOOGLE), Err(SaslError::OutOfOrder));
        }
    }

    #[test]
    fn control_characters_are_refused() {
        for mechanism in [XOAuth2, OAuthBearer] {
            for bad in ["", "a b", "a\x01b", "a\nb", "a\u{e9}"] {
                assert_eq!(start(mechanism, "alice", &token(bad)).unwrap_err(), SaslError::Token, "{bad:?}");
            }
            for bad in ["", "a\x01auth=Bearer x", "a\x7f", "a\tb"] {
                assert_eq!(start(mechanism, bad, &token("t")).unwrap_err(), SaslError::UserName, "{bad:?}");
            }
        }
        let credential = token("t");
        let mut parameters = parameters("alice", &credential);
        parameters.host = "a\x01port=1";
        assert_eq!(Exchange::new(OAuthBearer, &parameters).unwrap_err(), SaslError::HostName);
    }
}
