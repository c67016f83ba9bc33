use super::Hash;
use crate::sasl::Mechanism::{ScramSha1, ScramSha1Plus, ScramSha256, ScramSha256Plus};
use crate::sasl::tests::{parameters, password};
use crate::sasl::{ChannelBinding, Credential, Exchange, MAX_ITERATIONS, Mechanism, SaslError, escape_name};
use crate::{ErrorKind, Secret};

const NONCE_1: &str = "fyko+d2lbbFgONRv9qkxdawL";
const FIRST_1: &str = "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096";
const FINAL_1: &str = "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=";
const NONCE_256: &str = "rOprNGfwEbeRWgbNEkqO";
const NONCES_256: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const FIRST_256: &str =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const FINAL_256: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
const EXPORTER: [u8; 32] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28,
    29, 30, 31,
];

fn begin(
    mechanism: Mechanism,
    user: &str,
    credential: &Credential,
    nonce: &str,
    binding: ChannelBinding<'_>,
) -> Result<Exchange, SaslError> {
    let parameters = crate::sasl::Parameters { nonce, binding, ..parameters(user, credential) };
    Exchange::new(mechanism, &parameters)
}

/// Returns an exchange for user `user` with password `pencil`, after the first message was sent.
fn sent(mechanism: Mechanism) -> Exchange {
    let nonce = if mechanism == ScramSha1 { NONCE_1 } else { NONCE_256 };
    let mut exchange =
        begin(mechanism, "user", &password("pencil"), nonce, ChannelBinding::Unavailable).unwrap();
    exchange.initial(255).unwrap();
    exchange
}

fn response(exchange: &mut Exchange, challenge: &str) -> Result<String, SaslError> {
    exchange.respond(challenge.as_bytes()).map(|secret| String::from_utf8(secret.expose().to_vec()).unwrap())
}

#[test]
fn the_example_of_rfc_5802_is_reproduced() {
    let mut exchange = sent_in_two_steps(ScramSha1, NONCE_1, "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
    assert_eq!(
        response(&mut exchange, FIRST_1).unwrap(),
        "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
    );
    assert_eq!(response(&mut exchange, FINAL_1).unwrap(), "");
    assert_eq!(exchange.finish(), Ok(()));
}

#[test]
fn the_example_of_rfc_7677_is_reproduced() {
    let mut exchange = sent_in_two_steps(ScramSha256, NONCE_256, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    assert_eq!(
        response(&mut exchange, FIRST_256).unwrap(),
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
         p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    );
    assert_eq!(response(&mut exchange, FINAL_256).unwrap(), "");
    assert_eq!(exchange.finish(), Ok(()));
}

fn sent_in_two_steps(mechanism: Mechanism, nonce: &str, expected: &str) -> Exchange {
    let mut exchange =
        begin(mechanism, "user", &password("pencil"), nonce, ChannelBinding::Unavailable).unwrap();
    assert_eq!(exchange.initial(expected.len()), None);
    assert_eq!(response(&mut exchange, "").unwrap(), expected);
    exchange
}

/// The expected values were computed with Python's `hashlib` and `hmac`.
#[test]
fn the_channel_binding_is_part_of_the_proof() {
    let exporter = ChannelBinding::TlsExporter(&EXPORTER);
    for (mechanism, binding, header, challenge, proof, signature) in [
        (
            ScramSha256,
            ChannelBinding::NotOffered,
            "y,,",
            FIRST_256,
            "c=eSws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=FoqiHTtQEDE8lz1CdaEe3tK4mS+iMDTl77SPyDS53DY=",
            "v=dI4KpiQJwBr1+V+K6U1dA6l6I4I9DUNXWND4pcpRU3U=",
        ),
        (
            ScramSha1Plus,
            exporter,
            "p=tls-exporter,,",
            FIRST_1,
            "c=cD10bHMtZXhwb3J0ZXIsLAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f,\
             r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=i0z2xFi+ITaJvbLXpcWyruGx26U=",
            "v=YgmPUhdXTCPY9I7+PKzEdnp1cdo=",
        ),
        (
            ScramSha256Plus,
            exporter,
            "p=tls-exporter,,",
            FIRST_256,
            "c=cD10bHMtZXhwb3J0ZXIsLAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f,\
             r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=QC6CS20quADQRb3mT99YUH+n3VJxUvzuK0K0E1Vrs2M=",
            "v=2GiAgapEppLVlUXbxUDksL3VgYHzuqiK5tR4mhJGgvs=",
        ),
    ] {
        let nonce = if challenge == FIRST_1 { NONCE_1 } else { NONCE_256 };
        let mut exchange = begin(mechanism, "user", &password("pencil"), nonce, binding).unwrap();
        let first = exchange.initial(255).unwrap();
        assert_eq!(first.expose(), format!("{header}n=user,r={nonce}").as_bytes());
        assert_eq!(response(&mut exchange, challenge).unwrap(), proof);
        assert_eq!(response(&mut exchange, signature).unwrap(), "");
        assert_eq!(exchange.finish(), Ok(()));
    }
}

/// The expected values were computed with Python's `hashlib` and `hmac`.
#[test]
fn names_are_escaped_and_passwords_prepared() {
    let bytes = |bytes: &[u8]| Credential::Password(Secret::from(bytes.to_vec()));
    let ix = "nXGXdtUlev90P+tJwXlphTgx/n7kA/gPau4aIzxcsH4=";
    for (user, credential, proof) in [
        ("a=b,c", password("IX"), ix),
        ("a=b,c", password("I\u{ad}X"), ix),
        ("a=b,c", password("\u{2168}"), ix),
        ("user", bytes(b"pass\xff\xfe"), "bBBg05IvFmaB7yJ5BfC2uKWaBzN+RkfhRWnAXVVPm04="),
        ("user", password("\u{1f914}"), "5mfAHPnBM12RnhxfT5s+pvnbYOxtiIBwoX53L6YyKb8="),
        ("user", password(""), "tPbr4ksznL34eCCOqZheSI7+G2n6DDu3dNtzNGHfhZo="),
    ] {
        let mut exchange =
            begin(ScramSha256, user, &credential, NONCE_256, ChannelBinding::Unavailable).unwrap();
        exchange.initial(255).unwrap();
        assert!(response(&mut exchange, FIRST_256).unwrap().ends_with(proof), "{user} {proof}");
    }
    assert_eq!(escape_name("a=b,c=2C\u{e9}"), "a=3Db=2Cc=3D2C\u{e9}");
}

#[test]
fn a_high_iteration_count_works() {
    let mut exchange = sent(ScramSha256);
    let first = format!("{NONCES_256},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=600000");
    let proof = response(&mut exchange, &first).unwrap();
    assert!(proof.ends_with(",p=tgzlJRgHVv9EY8CiJukLeJnmQ34b51GJJy/MHTG0FGw="), "{proof}");
}

#[test]
fn a_tampered_first_message_is_refused() {
    use SaslError::{ForeignNonce, Iterations, Malformed, MandatoryExtension, Refused};
    let s = "s=W22ZaJ0SNY7soEsUEjb6gQ==";
    let r = NONCES_256;
    let too_many = MAX_ITERATIONS + 1;
    for (challenge, expected) in [
        (String::new(), Malformed),
        (format!("r=,{s},i=4096"), ForeignNonce),
        (format!("r={NONCE_256},{s},i=4096"), ForeignNonce),
        (format!("r=x{NONCE_256}y,{s},i=4096"), ForeignNonce),
        (format!("r={}y,{s},i=4096", NONCE_256.to_lowercase()), ForeignNonce),
        (format!("r={}y,{s},i=4096", &NONCE_256[..19]), ForeignNonce),
        (format!("{r} ,{s},i=4096"), Malformed),
        (format!("{r}\u{e9},{s},i=4096"), Malformed),
        (format!("R{},{s},i=4096", &r[1..]), Malformed),
        (format!("m=x,{r},{s},i=4096"), MandatoryExtension),
        (format!("{r},m=x,{s},i=4096"), MandatoryExtension),
        (format!("{r},{s},m=x,i=4096"), MandatoryExtension),
        (format!("{r},{s},i=4096,m=x"), MandatoryExtension),
        (format!("{r},{s},i=4096,m="), MandatoryExtension),
        (format!("{s},{r},i=4096"), Malformed),
        (format!("{r},i=4096,{s}"), Malformed),
        (format!("{r},{s}"), Malformed),
        (format!("{r},i=4096"), Malformed),
        (r.to_owned(), Malformed),
        (format!("{r},s=,i=4096"), Malformed),
        (format!("{r},s,i=4096"), Malformed),
        (format!("{r},s=W22ZaJ0SNY7soEsUEjb6gQ,i=4096"), Malformed),
        (format!("{r},s=W22ZaJ0SNY7soEsUEjb6gR==,i=4096"), Malformed),
        (format!("{r},s=W22Z aJ0,i=4096"), Malformed),
        (format!("{r},s=W22Z_aJ-,i=4096"), Malformed),
        (format!("{r},{s},i="), Malformed),
        (format!("{r},{s},i=-1"), Malformed),
        (format!("{r},{s},i=+4096"), Malformed),
        (format!("{r},{s},i=04096"), Malformed),
        (format!("{r},{s},i=4096 "), Malformed),
        (format!("{r},{s},i=0x10"), Malformed),
        (format!("{r},{s},i=\u{0661}"), Malformed),
        (format!("{r},{s},i=0"), Iterations),
        (format!("{r},{s},i={too_many}"), Iterations),
        (format!("{r},{s},i=4294967297"), Iterations),
        (format!("{r},{s},i={}", "9".repeat(400)), Iterations),
        (format!("{r},{s},i=4096,"), Malformed),
        (format!("{r},{s},i=4096,x"), Malformed),
        (format!("{r},{s},i=4096,i=1"), Malformed),
        (format!("{r},{s},i=4096,r=x"), Malformed),
        (format!("{r},{s},i=4096,xy=1"), Malformed),
        (format!("{r},{s},i=4096\0"), Malformed),
        ("e=unknown-user".to_owned(), Refused("unknown-user")),
        (FINAL_256.to_owned(), Malformed),
    ] {
        let mut exchange = sent(ScramSha256);
        assert_eq!(response(&mut exchange, &challenge), Err(expected), "{challenge}");
        assert_eq!(response(&mut exchange, FIRST_256), Err(expected), "{challenge}: no second chance");
        assert_eq!(exchange.finish(), Err(expected));
    }
    let mut exchange = sent(ScramSha256);
    assert_eq!(exchange.respond(b"r=\xff"), Err(Malformed));
    let mut exchange = sent(ScramSha256);
    assert!(response(&mut exchange, &format!("{r},{s},i=1,x=future")).is_ok());
}

#[test]
fn a_wrong_server_signature_is_refused() {
    use SaslError::{Malformed, MandatoryExtension, Refused, Unproven};
    for (challenge, expected) in [
        ("", Malformed),
        ("v=", Unproven),
        ("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=", Malformed),
        ("v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", Unproven),
        ("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4", Malformed),
        ("v=6rriTRBi23WpRR/w", Unproven),
        ("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=,m=x", MandatoryExtension),
        ("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=,v=x", Malformed),
        (" v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", Malformed),
        (FINAL_1, Unproven),
        (FIRST_256, Malformed),
        ("e=invalid-proof", Refused("invalid-proof")),
        ("e=other-error,x=y", Refused("other-error")),
        ("e=channel-bindings-dont-match", Refused("channel-bindings-dont-match")),
        ("e=pencil\x1b[2J", Refused("other-error")),
    ] {
        let mut exchange = sent(ScramSha256);
        response(&mut exchange, FIRST_256).unwrap();
        assert_eq!(response(&mut exchange, challenge), Err(expected), "{challenge}");
        assert_eq!(exchange.finish(), Err(expected));
    }
    assert_eq!(Refused("unknown-user").kind(), ErrorKind::Authentication);
    assert_eq!(Unproven.kind(), ErrorKind::Protocol);
}

#[test]
fn ok_without_a_signature_is_refused() {
    let mut exchange = sent(ScramSha1);
    assert_eq!(exchange.finish(), Err(SaslError::Unproven));
    response(&mut exchange, FIRST_1).unwrap();
    assert_eq!(exchange.finish(), Err(SaslError::Unproven));
    response(&mut exchange, FINAL_1).unwrap();
    assert_eq!(exchange.finish(), Ok(()));
    assert_eq!(response(&mut exchange, FINAL_1), Err(SaslError::OutOfOrder));
    assert_eq!(exchange.finish(), Err(SaslError::OutOfOrder));
}

#[test]
fn an_invalid_nonce_or_binding_is_the_callers_error() {
    let credential = password("pencil");
    for nonce in ["", "fifteen-octets.", "a,bcdefghijklmnopq", "a bcdefghijklmnopq", "\u{e9}bcdefghijklmnopq"]
    {
        let error = begin(ScramSha256, "user", &credential, nonce, ChannelBinding::Unavailable).unwrap_err();
        assert_eq!((error, error.kind()), (SaslError::Nonce, ErrorKind::Argument), "{nonce}");
    }
    for (mechanism, binding) in [
        (ScramSha1Plus, ChannelBinding::Unavailable),
        (ScramSha256Plus, ChannelBinding::NotOffered),
        (ScramSha256, ChannelBinding::TlsExporter(&EXPORTER)),
    ] {
        let error = begin(mechanism, "user", &credential, NONCE_256, binding).unwrap_err();
        assert_eq!(error, SaslError::ChannelBinding);
    }
}

#[test]
fn the_channel_binding_depends_on_both_sides() {
    use ChannelBinding::{NotOffered, TlsExporter, Unavailable};
    let exporter = Some(&EXPORTER);
    let plus: &[Mechanism] = &[ScramSha256, ScramSha256Plus];
    let without: &[Mechanism] = &[ScramSha256];
    for (mechanism, offered, exporter, expected) in [
        (ScramSha256Plus, Some(plus), exporter, TlsExporter(&EXPORTER)),
        (ScramSha256Plus, Some(plus), None, Unavailable),
        (ScramSha256, Some(without), exporter, NotOffered),
        (ScramSha256, Some(plus), exporter, Unavailable),
        (ScramSha256, Some(without), None, Unavailable),
        (ScramSha256, None, exporter, Unavailable),
        (Mechanism::Plain, Some(without), exporter, Unavailable),
    ] {
        assert_eq!(ChannelBinding::decide(mechanism, offered, exporter), expected, "{mechanism}");
    }
}

#[test]
fn the_length_of_the_first_message_is_known_in_advance() {
    let mut exchange = sent(ScramSha256);
    assert_eq!(exchange.initial(255), None);
    assert_eq!(Hash::Sha1.digest(b"").len(), 20);
}
