//! Authentication methods, and the choice of the strongest one.

use std::fmt;

use super::{Credential, Mechanism};

/// An authentication method of POP3.
///
/// Exhaustive because RFC 1939 defines two methods and RFC 5034 makes every other method a SASL mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthMethod {
    /// `USER` and `PASS` (RFC 1939 §7).
    UserPass,
    /// `APOP` (RFC 1939 §7), which [`AuthMethod::strongest`] never returns.
    Apop,
    /// `AUTH` with a SASL mechanism (RFC 5034).
    Sasl(Mechanism),
}

impl AuthMethod {
    /// Returns the strongest method that the server offers for the kind of credential, or `None`.
    ///
    /// For a password, the order is SCRAM, CRAM-MD5 (only without TLS), PLAIN, `USER` and `PASS`, LOGIN. A token is
    /// sent only over TLS. `APOP` and `EXTERNAL` are never returned.
    ///
    /// ```
    /// use pop3::{Secret, sasl::{AuthMethod, Channel, Credential, Mechanism, Offer}};
    /// let password = Credential::Password(Secret::from("tanstaaf"));
    /// let offer = Offer { sasl: Some(&[Mechanism::Login, Mechanism::Plain]), user: true, channel: Channel::Tls };
    /// assert_eq!(AuthMethod::strongest(&offer, &password), Some(AuthMethod::Sasl(Mechanism::Plain)));
    /// ```
    #[must_use]
    pub fn strongest(offer: &Offer<'_>, credential: &Credential) -> Option<Self> {
        let order: &[Self] = match credential {
            Credential::Password(_) => &FOR_PASSWORDS,
            Credential::Token(_) => &FOR_TOKENS,
            Credential::None => &[],
        };
        order.iter().copied().find(|method| match method {
            Self::UserPass => offer.has_user_pass(),
            Self::Apop => false,
            Self::Sasl(mechanism) => offer.has(*mechanism) && fits(*mechanism, offer.channel),
        })
    }

    /// Returns the name: `USER`, `APOP`, or the registered name of the SASL mechanism.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::UserPass => "USER",
            Self::Apop => "APOP",
            Self::Sasl(mechanism) => mechanism.name(),
        }
    }

    /// Returns true if the method sends the secret itself.
    #[must_use]
    pub fn reveals_secret(self) -> bool {
        match self {
            Self::UserPass => true,
            Self::Apop => false,
            Self::Sasl(mechanism) => mechanism.reveals_secret(),
        }
    }

    /// Returns the variant with channel binding (`SCRAM-SHA-1-PLUS` for `SCRAM-SHA-1`) if the channel allows it and
    /// the server offers it, and otherwise the method itself.
    #[must_use]
    pub fn bound(self, offer: &Offer<'_>) -> Self {
        match self {
            Self::Sasl(mechanism) => match mechanism.plus() {
                Some(plus) if offer.channel == Channel::TlsExporter && offer.has(plus) => Self::Sasl(plus),
                _ => self,
            },
            Self::UserPass | Self::Apop => self,
        }
    }
}

impl fmt::Display for AuthMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

const FOR_PASSWORDS: [AuthMethod; 8] = [
    AuthMethod::Sasl(Mechanism::ScramSha256Plus),
    AuthMethod::Sasl(Mechanism::ScramSha256),
    AuthMethod::Sasl(Mechanism::ScramSha1Plus),
    AuthMethod::Sasl(Mechanism::ScramSha1),
    AuthMethod::Sasl(Mechanism::CramMd5),
    AuthMethod::Sasl(Mechanism::Plain),
    AuthMethod::UserPass,
    AuthMethod::Sasl(Mechanism::Login),
];

const FOR_TOKENS: [AuthMethod; 2] =
    [AuthMethod::Sasl(Mechanism::OAuthBearer), AuthMethod::Sasl(Mechanism::XOAuth2)];

fn fits(mechanism: Mechanism, channel: Channel) -> bool {
    match mechanism {
        Mechanism::ScramSha1Plus | Mechanism::ScramSha256Plus => channel == Channel::TlsExporter,
        Mechanism::CramMd5 => channel == Channel::Clear,
        Mechanism::OAuthBearer | Mechanism::XOAuth2 => channel != Channel::Clear,
        _ => true,
    }
}

/// The protection of the connection to a server.
///
/// Exhaustive because the security of a method depends on the kind of channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// No encryption: the conversation can be read in transit.
    Clear,
    /// TLS without a channel binding.
    Tls,
    /// TLS 1.3, to which a `-PLUS` mechanism can be bound (RFC 9266).
    TlsExporter,
}

/// The authentication methods that a server offers, and the channel to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer<'a> {
    /// The known mechanisms of the `SASL` capability; `None` if the server does not announce it or refused `CAPA`.
    pub sasl: Option<&'a [Mechanism]>,
    /// True if the `USER` capability is announced.
    pub user: bool,
    /// The channel.
    pub channel: Channel,
}

impl Offer<'_> {
    fn has(&self, mechanism: Mechanism) -> bool {
        self.sasl.is_some_and(|offered| offered.contains(&mechanism))
    }

    /// RFC 2449 §6.3 requires servers to announce `USER`, but a server that announces neither `USER` nor `SASL` may
    /// still accept `USER`.
    fn has_user_pass(&self) -> bool {
        self.user || self.sasl.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::AuthMethod::{Apop, Sasl, UserPass};
    use super::Channel::{Clear, Tls, TlsExporter};
    use super::{AuthMethod, Channel, Offer};
    use crate::Secret;
    use crate::sasl::Credential;
    use crate::sasl::Mechanism::{
        self, CramMd5, External, Login, OAuthBearer, Plain, ScramSha1, ScramSha1Plus, ScramSha256,
        ScramSha256Plus, XOAuth2,
    };

    type Row<'a> = (Option<&'a [Mechanism]>, bool, Channel, Option<AuthMethod>);

    fn check(credential: &Credential, rows: &[Row<'_>]) {
        for (sasl, user, channel, expected) in rows {
            let offer = Offer { sasl: *sasl, user: *user, channel: *channel };
            assert_eq!(AuthMethod::strongest(&offer, credential), *expected, "{offer:?}");
        }
    }

    #[test]
    fn the_strongest_method_for_a_password_is_chosen() {
        let all = Some(&Mechanism::ALL[..]);
        check(
            &Credential::Password(Secret::from("tanstaaf")),
            &[
                (all, true, TlsExporter, Some(Sasl(ScramSha256Plus))),
                (all, true, Tls, Some(Sasl(ScramSha256))),
                (all, true, Clear, Some(Sasl(ScramSha256))),
                (Some(&[ScramSha1, ScramSha256]), true, TlsExporter, Some(Sasl(ScramSha256))),
                (Some(&[ScramSha1Plus, ScramSha1, ScramSha256]), true, TlsExporter, Some(Sasl(ScramSha256))),
                (Some(&[ScramSha1, ScramSha1Plus]), true, TlsExporter, Some(Sasl(ScramSha1Plus))),
                (Some(&[ScramSha1, ScramSha1Plus]), true, Tls, Some(Sasl(ScramSha1))),
                (Some(&[ScramSha1Plus, ScramSha256Plus]), false, Tls, None),
                (Some(&[ScramSha1Plus, ScramSha256Plus]), false, Clear, None),
                (Some(&[Plain, CramMd5, ScramSha1]), true, Clear, Some(Sasl(ScramSha1))),
                (Some(&[Login, Plain, CramMd5]), true, Clear, Some(Sasl(CramMd5))),
                (Some(&[Login, Plain, CramMd5]), true, Tls, Some(Sasl(Plain))),
                (Some(&[CramMd5]), false, TlsExporter, None),
                (Some(&[Login, Plain]), true, Clear, Some(Sasl(Plain))),
                (Some(&[Login]), true, Tls, Some(UserPass)),
                (Some(&[Login]), false, Tls, Some(Sasl(Login))),
                (Some(&[CramMd5, Login]), true, Tls, Some(UserPass)),
                (Some(&[XOAuth2, OAuthBearer, External]), false, TlsExporter, None),
                (Some(&[XOAuth2, OAuthBearer, External]), true, TlsExporter, Some(UserPass)),
                (Some(&[]), true, Tls, Some(UserPass)),
                (Some(&[]), false, Tls, None),
                (None, true, Clear, Some(UserPass)),
                (None, false, Clear, Some(UserPass)),
                (None, false, Tls, Some(UserPass)),
            ],
        );
    }

    #[test]
    fn a_token_is_sent_only_over_tls() {
        let all = Some(&Mechanism::ALL[..]);
        check(
            &Credential::Token(Secret::from("t0ken")),
            &[
                (all, true, TlsExporter, Some(Sasl(OAuthBearer))),
                (all, true, Tls, Some(Sasl(OAuthBearer))),
                (all, true, Clear, None),
                (Some(&[Plain, XOAuth2]), true, Tls, Some(Sasl(XOAuth2))),
                (Some(&[XOAuth2, OAuthBearer]), true, Tls, Some(Sasl(OAuthBearer))),
                (Some(&[XOAuth2]), true, Clear, None),
                (Some(&[Plain, Login]), true, Tls, None),
                (None, true, Tls, None),
                (None, false, Tls, None),
            ],
        );
    }

    #[test]
    fn without_a_credential_there_is_no_method() {
        check(
            &Credential::None,
            &[(Some(&Mechanism::ALL), true, TlsExporter, None), (None, false, Tls, None)],
        );
    }

    #[test]
    fn channel_binding_is_used_if_both_sides_support_it() {
        let offer =
            |channel| Offer { sasl: Some(&[ScramSha1, ScramSha1Plus, ScramSha256]), user: true, channel };
        assert_eq!(Sasl(ScramSha1).bound(&offer(TlsExporter)), Sasl(ScramSha1Plus));
        assert_eq!(Sasl(ScramSha1).bound(&offer(Tls)), Sasl(ScramSha1));
        for method in [Sasl(ScramSha256), Sasl(Plain), UserPass, Apop] {
            assert_eq!(method.bound(&offer(TlsExporter)), method);
        }
        assert_eq!(
            [UserPass, Apop, Sasl(Login), Sasl(CramMd5)].map(AuthMethod::reveals_secret),
            [true, false, true, false]
        );
    }
}
