//! Which way to log in, where the user names none.

use super::{Credential, Mechanism};

/// A way to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Choice {
    /// `USER` and `PASS` (RFC 1939 §7).
    UserPass,
    /// `APOP` (RFC 1939 §7); [`choose`] never gives it.
    Apop,
    /// `AUTH` with a mechanism (RFC 5034).
    Sasl(Mechanism),
}

impl Choice {
    /// Whether the secret itself goes over the wire.
    #[must_use]
    pub fn reveals_secret(self) -> bool {
        match self {
            Self::UserPass => true,
            Self::Apop => false,
            Self::Sasl(mechanism) => mechanism.reveals_secret(),
        }
    }

    /// The same way, bound to the TLS channel where it can be and the server offers that:
    /// `SCRAM-SHA-1` → `SCRAM-SHA-1-PLUS`.
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

/// What lies between us and the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Everybody in between can read it.
    Clear,
    /// TLS that nothing can be bound to.
    Tls,
    /// TLS 1.3, whose exporter a `-PLUS` mechanism can bind to (RFC 9266).
    TlsExporter,
}

/// What a server offers, over what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer<'a> {
    /// The known mechanisms of the `SASL` line; `None` where there is no such line, or `CAPA` failed.
    pub sasl: Option<&'a [Mechanism]>,
    /// Whether `USER` is listed.
    pub user: bool,
    /// The channel.
    pub channel: Channel,
}

impl Offer<'_> {
    fn has(&self, mechanism: Mechanism) -> bool {
        self.sasl.is_some_and(|offered| offered.contains(&mechanism))
    }

    /// RFC 2449 §6.3 asks for `USER` in the list; a server that lists neither that nor `SASL` cannot mean that nobody
    /// may log in.
    fn has_user_pass(&self) -> bool {
        self.user || self.sasl.is_none()
    }
}

/// The strongest way to log in that the server offers and the credential fits, or `None`.
///
/// A password is sent as little as can be: SCRAM before CRAM-MD5 (only without TLS, where the others would show the
/// password) before PLAIN, `USER` and `PASS`, LOGIN. A token goes over TLS only. `APOP` and `EXTERNAL` have to be asked
/// for.
///
/// ```
/// use pop3::{Secret, sasl::{Credential, Mechanism, auto::{Channel, Choice, Offer, choose}}};
/// let password = Credential::Password(Secret::from("tanstaaf"));
/// let offer = Offer { sasl: Some(&[Mechanism::Login, Mechanism::Plain]), user: true, channel: Channel::Tls };
/// assert_eq!(choose(&offer, &password), Some(Choice::Sasl(Mechanism::Plain)));
/// ```
#[must_use]
pub fn choose(offer: &Offer<'_>, credential: &Credential) -> Option<Choice> {
    use Mechanism::{
        CramMd5, Login, OAuthBearer, Plain, ScramSha1, ScramSha1Plus, ScramSha256, ScramSha256Plus, XOAuth2,
    };
    let order: &[Choice] = match credential {
        Credential::Password(_) => &[
            Choice::Sasl(ScramSha256Plus),
            Choice::Sasl(ScramSha256),
            Choice::Sasl(ScramSha1Plus),
            Choice::Sasl(ScramSha1),
            Choice::Sasl(CramMd5),
            Choice::Sasl(Plain),
            Choice::UserPass,
            Choice::Sasl(Login),
        ],
        Credential::Token(_) => &[Choice::Sasl(OAuthBearer), Choice::Sasl(XOAuth2)],
        Credential::None => &[],
    };
    order.iter().copied().find(|choice| match choice {
        Choice::UserPass => offer.has_user_pass(),
        Choice::Apop => false,
        Choice::Sasl(mechanism) => offer.has(*mechanism) && fits(*mechanism, offer.channel),
    })
}

fn fits(mechanism: Mechanism, channel: Channel) -> bool {
    match mechanism {
        Mechanism::ScramSha1Plus | Mechanism::ScramSha256Plus => channel == Channel::TlsExporter,
        Mechanism::CramMd5 => channel == Channel::Clear,
        Mechanism::OAuthBearer | Mechanism::XOAuth2 => channel != Channel::Clear,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::Channel::{Clear, Tls, TlsExporter};
    use super::Choice::{Apop, Sasl, UserPass};
    use super::{Channel, Choice, Offer, choose};
    use crate::Secret;
    use crate::sasl::Credential;
    use crate::sasl::Mechanism::{
        self, CramMd5, External, Login, OAuthBearer, Plain, ScramSha1, ScramSha1Plus, ScramSha256,
        ScramSha256Plus, XOAuth2,
    };

    type Row<'a> = (Option<&'a [Mechanism]>, bool, Channel, Option<Choice>);

    fn check(credential: &Credential, rows: &[Row<'_>]) {
        for (sasl, user, channel, expected) in rows {
            let offer = Offer { sasl: *sasl, user: *user, channel: *channel };
            assert_eq!(choose(&offer, credential), *expected, "{offer:?}");
        }
    }

    #[test]
    fn a_password_takes_the_strongest_that_fits() {
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
    fn a_token_goes_over_tls_only() {
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
    fn nothing_gets_nothing() {
        check(
            &Credential::None,
            &[(Some(&Mechanism::ALL), true, TlsExporter, None), (None, false, Tls, None)],
        );
    }

    #[test]
    fn a_choice_is_bound_where_both_sides_can() {
        let offer =
            |channel| Offer { sasl: Some(&[ScramSha1, ScramSha1Plus, ScramSha256]), user: true, channel };
        assert_eq!(Sasl(ScramSha1).bound(&offer(TlsExporter)), Sasl(ScramSha1Plus));
        assert_eq!(Sasl(ScramSha1).bound(&offer(Tls)), Sasl(ScramSha1));
        for choice in [Sasl(ScramSha256), Sasl(Plain), UserPass, Apop] {
            assert_eq!(choice.bound(&offer(TlsExporter)), choice);
        }
        assert_eq!(
            [UserPass, Apop, Sasl(Login), Sasl(CramMd5)].map(Choice::reveals_secret),
            [true, false, true, false]
        );
    }
}
