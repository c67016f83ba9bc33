//! Tests of all mechanisms.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};

use super::{
    ChannelBinding, Credential, Exchange, MAX_CHALLENGE, MAX_CHALLENGES, Mechanism, Parameters, SaslError,
};
use crate::{ErrorKind, Secret};

const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const SECRET: &str = "c0rrect-h0rse";
const EXPORTER: [u8; 32] = *b"exporter-octets-exporter-octets!";

pub(super) fn password(text: &str) -> Credential {
    Credential::Password(Secret::from(text))
}

pub(super) fn token(text: &str) -> Credential {
    Credential::Token(Secret::from(text))
}

pub(super) fn parameters<'a>(user: &'a str, credential: &'a Credential) -> Parameters<'a> {
    let binding = ChannelBinding::Unavailable;
    Parameters { user, credential, nonce: NONCE, binding, host: "pop.example.org", port: 995 }
}

pub(super) fn start(
    mechanism: Mechanism,
    user: &str,
    credential: &Credential,
) -> Result<Exchange, SaslError> {
    let mut parameters = parameters(user, credential);
    parameters.binding = ChannelBinding::decide(mechanism, None, Some(&EXPORTER));
    Exchange::new(mechanism, &parameters)
}

fn fitting(mechanism: Mechanism) -> Credential {
    match mechanism {
        Mechanism::External => Credential::None,
        _ if mechanism.wants_token() => token(SECRET),
        _ => password(SECRET),
    }
}

#[test]
fn an_exchange_can_cross_threads() {
    fn check<T: Send + Sync>() {}
    check::<Exchange>();
    check::<SaslError>();
}

#[test]
fn every_mechanism_refuses_line_breaks() {
    for mechanism in Mechanism::ALL {
        for user in ["a\rb", "a\nb", "a\0b"] {
            let error = start(mechanism, user, &fitting(mechanism)).unwrap_err();
            assert_eq!((error, error.kind()), (SaslError::UserName, ErrorKind::Argument), "{mechanism}");
        }
        if mechanism.wants_password() {
            assert_eq!(start(mechanism, "", &fitting(mechanism)).unwrap_err(), SaslError::UserName);
            assert_eq!(start(mechanism, "u", &token("t")).unwrap_err(), SaslError::Credential);
            assert_eq!(start(mechanism, "u", &Credential::None).unwrap_err(), SaslError::Credential);
            for bad in ["a\rb", "a\nb", "a\0b", "\r\nDELE 1"] {
                assert_eq!(start(mechanism, "u", &password(bad)).unwrap_err(), SaslError::Password);
            }
            assert!(start(mechanism, "u", &password("")).is_ok(), "an empty password is valid");
        }
        if mechanism.wants_token() {
            assert_eq!(start(mechanism, "u", &password("p")).unwrap_err(), SaslError::Credential);
            assert_eq!(start(mechanism, "u", &Credential::None).unwrap_err(), SaslError::Credential);
        }
    }
}

#[test]
fn challenges_are_bounded_in_number_and_length() {
    for mechanism in Mechanism::ALL {
        let mut exchange = start(mechanism, "alice", &fitting(mechanism)).unwrap();
        assert_eq!(exchange.respond(&[b'a'; MAX_CHALLENGE + 1]), Err(SaslError::ChallengeTooLong));

        let mut exchange = start(mechanism, "alice", &fitting(mechanism)).unwrap();
        let answers = (0..100).filter(|_| exchange.respond(b"").is_ok()).count();
        assert!(answers <= usize::from(MAX_CHALLENGES), "{mechanism}");
    }
}

#[test]
fn debug_shows_no_secret() {
    let hidden = [SECRET.to_owned(), STANDARD.encode(SECRET), "exporter-octets".to_owned()];
    let check = |text: String| {
        assert!(!hidden.iter().any(|hidden| text.contains(hidden)), "{text}");
        assert!(!text.contains("99, 48, 114"), "as numbers: {text}");
        assert!(!text.contains("101, 120, 112"), "as numbers: {text}");
    };
    for mechanism in Mechanism::ALL {
        let credential = fitting(mechanism);
        check(format!("{credential:?}"));
        let mut parameters = parameters("alice", &credential);
        parameters.binding = ChannelBinding::decide(mechanism, None, Some(&EXPORTER));
        check(format!("{parameters:?} {:?}", parameters.binding));
        let mut exchange = Exchange::new(mechanism, &parameters).unwrap();
        check(format!("{exchange:?}"));
        let first = format!("r={NONCE}x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1");
        let echo = format!("{{\"status\":\"{SECRET}\"}}");
        for challenge in ["", &first, &echo, SECRET] {
            let response = exchange.respond(challenge.as_bytes());
            let text = format!("{response:?} {exchange:?} {exchange:#?} {:?}", exchange.reason());
            check(text.clone());
            if let Ok(response) = response
                && response.expose().len() > 1
            {
                assert!(text.starts_with("Ok(***)"), "{text}");
            }
            if let Err(error) = exchange.finish() {
                check(format!("{error:?} {error}"));
            }
        }
    }
}

/// Generates challenges that pass the first checks: empty ones, prompts, first messages of SCRAM, OAuth errors, and
/// arbitrary bytes.
fn challenge() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(Vec::new()),
        any::<Vec<u8>>(),
        Just(b"Username:".to_vec()),
        Just(b"Password:".to_vec()),
        ("[!-+.-~]{0,4}", "[A-Za-z0-9+/]{0,3}", 0..3u32, "(,[a-z]=[ -~]{0,3})?").prop_map(
            |(nonce, salt, count, more)| {
                format!("r={NONCE}{nonce},s=W22Z{salt},i={count}{more}").into_bytes()
            }
        ),
        "[vemrsi]=[ -~]{0,30}".prop_map(String::into_bytes),
        "\\{\"status\":\"[ -~]{0,20}".prop_map(String::into_bytes),
    ]
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

proptest! {
    #[test]
    fn no_challenge_panics_or_draws_the_secret_twice(
        mechanism in prop::sample::select(&Mechanism::ALL[..]),
        room in prop_oneof![Just(0_usize), Just(255)],
        challenges in prop::collection::vec(challenge(), 0..8),
    ) {
        let mut exchange = start(mechanism, "alice", &fitting(mechanism)).unwrap();
        let mut sent: Vec<Secret> = exchange.initial(room).into_iter().collect();
        let mut failed = None;
        for challenge in &challenges {
            match (exchange.respond(challenge), failed) {
                (Ok(response), None) => sent.push(response),
                (Ok(_), Some(_)) => panic!("{mechanism} continues after an error"),
                (Err(error), None) => failed = Some(error),
                (Err(error), Some(first)) => assert_eq!(error, first),
            }
            assert!(exchange.reason().is_none_or(|reason| !reason.contains(SECRET)));
        }
        let drawn = sent.iter().filter(|response| contains(response.expose(), SECRET.as_bytes())).count();
        assert!(drawn <= usize::from(mechanism.reveals_secret()), "{mechanism} sent the secret {drawn} times");
        if mechanism.plus().is_some() {
            assert!(exchange.finish().is_err(), "no generated challenge has a valid signature");
        }
        if let Some(error) = failed {
            assert_eq!(exchange.finish(), Err(error));
            assert_eq!(error.kind() == ErrorKind::Authentication, matches!(error, SaslError::Refused(_)));
        }
    }
}
