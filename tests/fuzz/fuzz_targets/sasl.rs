//! Any challenges to every mechanism: there is no panic, the exchange ends, and the password is sent at most once.
//! The same input is used as the timestamp of APOP.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pop3::{
    Secret,
    sasl::{ChannelBinding, Credential, Exchange, Mechanism, Parameters, apop},
};

const PASSWORD: &str = "sesame-17";
const NONCE: &str = "fyko+d2lbbFgONRv9qkxdawL";

const MECHANISMS: [Mechanism; 10] = [
    Mechanism::Plain,
    Mechanism::Login,
    Mechanism::CramMd5,
    Mechanism::ScramSha1,
    Mechanism::ScramSha1Plus,
    Mechanism::ScramSha256,
    Mechanism::ScramSha256Plus,
    Mechanism::XOAuth2,
    Mechanism::OAuthBearer,
    Mechanism::External,
];

// The first byte selects the mechanism and the initial response; 0xff separates challenges. `NONCE` in a challenge
// stands for the client's nonce, and `i=` is kept small to save time.
fuzz_target!(|input: &[u8]| {
    let Some((&choice, challenges)) = input.split_first() else { return };
    if let Some(timestamp) = apop::timestamp(challenges) {
        assert!(timestamp.is_ascii() && timestamp.len() <= 256);
        assert_eq!(apop::digest(timestamp, &Secret::from(PASSWORD)).expect("the feature md5").expose().len(), 32);
    }
    let mechanism = MECHANISMS[usize::from(choice) % MECHANISMS.len()];
    let credential = match mechanism {
        Mechanism::XOAuth2 | Mechanism::OAuthBearer => Credential::Token(Secret::from(PASSWORD)),
        Mechanism::External => Credential::None,
        _ => Credential::Password(Secret::from(PASSWORD)),
    };
    let exporter = [7; 32];
    let binding = ChannelBinding::decide(mechanism, None, Some(&exporter));
    let parameters = Parameters {
        user: "alice",
        credential: &credential,
        nonce: NONCE,
        binding,
        host: "pop.example.org",
        port: 995,
    };
    let mut exchange = Exchange::new(mechanism, &parameters).expect("it fits");
    let mut sent = Vec::new();
    sent.extend(exchange.initial(if choice >= 128 { 255 } else { 0 }));
    let mut failed = false;
    for challenge in challenges.split(|&octet| octet == 0xff) {
        let challenge = replaced(challenge);
        if many_iterations(&challenge) {
            return;
        }
        match exchange.respond(&challenge) {
            Ok(response) => {
                assert!(!failed, "it goes on after an error");
                sent.push(response);
            }
            Err(_) => failed = true,
        }
    }
    assert!(sent.len() <= 5);
    let finished = exchange.finish();
    assert!(!(failed && finished.is_ok()));
    // The fuzzer does not know the password, so it cannot produce a valid server signature.
    assert!(!(mechanism.name().starts_with("SCRAM") && finished.is_ok()));
    let shown =
        |secret: &Secret| secret.expose().windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes());
    assert!(sent.iter().filter(|secret| shown(secret)).count() <= 1);
    let _ = exchange.reason().map(|reason| assert!(!reason.contains(PASSWORD)));
});

fn replaced(challenge: &[u8]) -> Vec<u8> {
    match challenge.windows(5).position(|part| part == b"NONCE") {
        Some(at) => [&challenge[..at], NONCE.as_bytes(), &challenge[at + 5..]].concat(),
        None => challenge.to_vec(),
    }
}

fn many_iterations(challenge: &[u8]) -> bool {
    let Some(at) = challenge.windows(3).position(|part| part == b",i=") else { return false };
    challenge[at + 3..].iter().take_while(|octet| octet.is_ascii_digit()).count() > 3
}
