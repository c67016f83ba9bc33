//! SCRAM-SHA-1 and SCRAM-SHA-256, with and without channel binding: RFC 5802, RFC 7677, RFC 9266.

use std::fmt::Write;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::exchange::{Parameters, Steps};
use super::{ChannelBinding, Mechanism, SaslError};
use crate::Secret;

/// The highest iteration count that is worked through: 0.7 s where the processor knows SHA, some seconds where it does
/// not.
///
/// Servers choose 4,096 (RFC 5802 §5.1) up to 600,000 and, for SHA-1, 1,300,000, the advice of recent years for stored
/// passwords; there is room above that for some years. A count without a bound keeps the client busy for an hour
/// (RFC 5802 §9).
pub const MAX_ITERATIONS: u32 = 5_000_000;

/// The fewest octets of a nonce: 16 characters of base64 are 96 bits, and those of the example in RFC 7677 §3.
pub const MIN_NONCE: usize = 16;

pub(super) struct Scram {
    hash: Hash,
    state: State,
}

enum State {
    Begin(Opening),
    First(Opening),
    Final { server_key: Zeroizing<Vec<u8>>, auth_message: Zeroizing<Vec<u8>> },
    Proven,
    Broken,
}

/// What is known before the server's first message.
struct Opening {
    password: Secret,
    nonce: String,
    /// `n,,`
    gs2_header: &'static str,
    /// `n=user,r=nonce`
    bare: String,
    /// What `c=` holds: the header and the octets of the channel.
    binding: Zeroizing<Vec<u8>>,
}

impl Scram {
    pub(super) fn new(
        hash: Hash,
        mechanism: Mechanism,
        parameters: &Parameters<'_>,
    ) -> Result<Self, SaslError> {
        let (user, password) = (parameters.user()?, parameters.password()?);
        let nonce = parameters.nonce;
        if nonce.len() < MIN_NONCE || !is_nonce(nonce) {
            return Err(SaslError::Nonce);
        }
        let (gs2_header, channel): (_, &[u8]) = match (mechanism.needs_tls_exporter(), parameters.binding) {
            (true, ChannelBinding::TlsExporter(octets)) => ("p=tls-exporter,,", octets),
            (false, ChannelBinding::NotOffered) => ("y,,", b""),
            (false, ChannelBinding::Unavailable) => ("n,,", b""),
            _ => return Err(SaslError::ChannelBinding),
        };
        let opening = Opening {
            password: prepared(password),
            nonce: nonce.to_owned(),
            gs2_header,
            bare: format!("n={},r={nonce}", escaped(user)),
            binding: Zeroizing::new([gs2_header.as_bytes(), channel].concat()),
        };
        Ok(Self { hash, state: State::Begin(opening) })
    }
}

impl Steps for Scram {
    fn initial_octets(&self) -> Option<usize> {
        match &self.state {
            State::Begin(opening) => Some(opening.gs2_header.len() + opening.bare.len()),
            _ => None,
        }
    }

    fn initial(&mut self) -> Option<Secret> {
        match std::mem::replace(&mut self.state, State::Broken) {
            State::Begin(opening) => {
                let message = format!("{}{}", opening.gs2_header, opening.bare);
                self.state = State::First(opening);
                Some(Secret::from(message))
            }
            _ => None,
        }
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<Secret, SaslError> {
        match std::mem::replace(&mut self.state, State::Broken) {
            State::First(opening) => {
                let (response, state) = prove(self.hash, &opening, challenge)?;
                self.state = state;
                Ok(response)
            }
            State::Final { server_key, auth_message } => {
                let signature = server_signature(challenge)?;
                if !self.hash.verify(&server_key, &auth_message, &signature) {
                    return Err(SaslError::Unproven);
                }
                self.state = State::Proven;
                Ok(Secret::from(Vec::new()))
            }
            State::Begin(_) | State::Proven | State::Broken => Err(SaslError::OutOfOrder),
        }
    }

    fn finish(&self) -> Result<(), SaslError> {
        match self.state {
            State::Proven => Ok(()),
            _ => Err(SaslError::Unproven),
        }
    }
}

/// RFC 5802 §3: from the server's first message to the client's last, and to what the server owes then.
fn prove(hash: Hash, opening: &Opening, challenge: &[u8]) -> Result<(Secret, State), SaslError> {
    let first = ServerFirst::parse(challenge, &opening.nonce)?;
    let salted = hash.derive(opening.password.expose(), &first.salt, first.iterations);
    let client_key = hash.hmac(&salted, b"Client Key");
    let server_key = hash.hmac(&salted, b"Server Key");

    let without_proof = {
        let binding = Zeroizing::new(STANDARD.encode(&opening.binding));
        Zeroizing::new(format!("c={},r={}", *binding, first.nonce))
    };
    let auth_message =
        Zeroizing::new([opening.bare.as_bytes(), challenge, without_proof.as_bytes()].join(&b','));
    let signature = hash.hmac(&hash.digest(&client_key), &auth_message);
    let proof: Zeroizing<Vec<u8>> =
        Zeroizing::new(client_key.iter().zip(signature.iter()).map(|(key, mask)| key ^ mask).collect());
    let proof = Zeroizing::new(STANDARD.encode(&proof));
    let response = Secret::from([without_proof.as_bytes(), b",p=", proof.as_bytes()].concat());
    Ok((response, State::Final { server_key, auth_message }))
}

/// `r=…,s=…,i=4096`
#[derive(PartialEq, Eq)]
struct ServerFirst<'a> {
    nonce: &'a str,
    salt: Vec<u8>,
    iterations: u32,
}

impl<'a> ServerFirst<'a> {
    fn parse(challenge: &'a [u8], ours: &str) -> Result<Self, SaslError> {
        let mut attributes = attributes(challenge)?;
        let nonce = attribute(attributes.next(), 'r')?;
        if !is_nonce(nonce) {
            return Err(SaslError::Malformed);
        }
        if !nonce.starts_with(ours) || nonce.len() == ours.len() {
            return Err(SaslError::ForeignNonce);
        }
        let salt = base64(attribute(attributes.next(), 's')?)?;
        let iterations = iterations(attribute(attributes.next(), 'i')?)?;
        extensions(attributes)?;
        Ok(Self { nonce, salt, iterations })
    }
}

/// `v=…`, RFC 5802 §7: `server-final-message`.
fn server_signature(challenge: &[u8]) -> Result<Vec<u8>, SaslError> {
    let mut attributes = attributes(challenge)?;
    let verifier = match attribute(attributes.next(), 'v')? {
        "" => return Err(SaslError::Unproven),
        verifier => base64(verifier)?,
    };
    extensions(attributes)?;
    Ok(verifier)
}

fn attributes(challenge: &[u8]) -> Result<std::str::Split<'_, char>, SaslError> {
    let text = std::str::from_utf8(challenge).map_err(|_| SaslError::Malformed)?;
    if let Some(word) = text.strip_prefix("e=") {
        return Err(SaslError::Refused(known_word(word)));
    }
    if text.contains('\0') {
        return Err(SaslError::Malformed);
    }
    Ok(text.split(','))
}

fn attribute(attribute: Option<&str>, name: char) -> Result<&str, SaslError> {
    match attribute.and_then(|attribute| attribute.split_once('=')) {
        Some((found, value)) if found.chars().eq([name]) => Ok(value),
        Some(("m", _)) => Err(SaslError::MandatoryExtension),
        _ => Err(SaslError::Malformed),
    }
}

/// RFC 5802 §5.1: what follows the attributes of a message may be ignored, but for `m=`, and must not say again what
/// they said.
fn extensions<'a>(mut attributes: impl Iterator<Item = &'a str>) -> Result<(), SaslError> {
    attributes.try_for_each(|extension| match extension.split_once('=') {
        Some(("m", _)) => Err(SaslError::MandatoryExtension),
        Some((name, value)) if !value.is_empty() => match name.as_bytes() {
            [letter] if letter.is_ascii_alphabetic() && !b"anrscipve".contains(letter) => Ok(()),
            _ => Err(SaslError::Malformed),
        },
        _ => Err(SaslError::Malformed),
    })
}

/// Strict: padded, no stray bits, and never empty, neither as salt nor as signature.
fn base64(text: &str) -> Result<Vec<u8>, SaslError> {
    match STANDARD.decode(text) {
        Ok(octets) if !octets.is_empty() => Ok(octets),
        _ => Err(SaslError::Malformed),
    }
}

/// RFC 5802 §7: `posit-number`, no sign and no zero in front.
fn iterations(text: &str) -> Result<u32, SaslError> {
    if text.is_empty() || !text.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err(SaslError::Malformed);
    }
    if text != "0" && text.starts_with('0') {
        return Err(SaslError::Malformed);
    }
    match text.parse() {
        Ok(count) if (1..=MAX_ITERATIONS).contains(&count) => Ok(count),
        _ => Err(SaslError::Iterations),
    }
}

/// RFC 5802 §7: `server-error-value`; what is not in the list is to be treated as `other-error`.
fn known_word(word: &str) -> &'static str {
    const WORDS: [&str; 11] = [
        "invalid-encoding",
        "extensions-not-supported",
        "invalid-proof",
        "channel-bindings-dont-match",
        "server-does-support-channel-binding",
        "channel-binding-not-supported",
        "unsupported-channel-binding-type",
        "unknown-user",
        "invalid-username-encoding",
        "no-resources",
        "other-error",
    ];
    let word = word.split(',').next().unwrap_or_default();
    WORDS.into_iter().find(|known| *known == word).unwrap_or("other-error")
}

/// RFC 5802 §7: `printable`, which leaves out the comma.
fn is_nonce(text: &str) -> bool {
    text.bytes().all(|octet| octet.is_ascii_graphic() && octet != b',')
}

/// RFC 5802 §5.1: `a=b,c` → `a=3Db=2Cc`. The user name goes as it was given, without `SASLprep`.
pub(super) fn escaped(user: &str) -> String {
    user.chars().fold(String::with_capacity(user.len()), |mut escaped, character| {
        match character {
            ',' | '=' => {
                // Writing to a String cannot fail.
                let _ = write!(escaped, "={:02X}", u32::from(character));
            }
            _ => escaped.push(character),
        }
        escaped
    })
}

/// RFC 5802 §2.2: `SASLprep` (RFC 4013). What that cannot prepare (octets that are no UTF-8, characters younger than
/// Unicode 3.2 or prohibited, or nothing left) goes as it is, the way servers store it.
fn prepared(password: &Secret) -> Secret {
    let text = std::str::from_utf8(password.expose()).ok();
    match text.and_then(|text| stringprep::saslprep(text).ok()) {
        Some(prepared) if !prepared.is_empty() => Secret::from(prepared.into_owned()),
        _ => password.clone(),
    }
}

#[derive(Clone, Copy)]
pub(super) enum Hash {
    Sha1,
    Sha256,
}

impl Hash {
    fn digest(self, octets: &[u8]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match self {
            Self::Sha1 => Sha1::digest(octets).to_vec(),
            Self::Sha256 => Sha256::digest(octets).to_vec(),
        })
    }

    fn hmac(self, key: &[u8], octets: &[u8]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match self {
            Self::Sha1 => mac::<Hmac<Sha1>>(key, octets).finalize().into_bytes().to_vec(),
            Self::Sha256 => mac::<Hmac<Sha256>>(key, octets).finalize().into_bytes().to_vec(),
        })
    }

    /// In constant time, so that a false signature cannot be mended octet by octet.
    fn verify(self, key: &[u8], octets: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Sha1 => mac::<Hmac<Sha1>>(key, octets).verify_slice(signature).is_ok(),
            Self::Sha256 => mac::<Hmac<Sha256>>(key, octets).verify_slice(signature).is_ok(),
        }
    }

    /// `SaltedPassword := Hi(Normalize(password), salt, i)`
    fn derive(self, password: &[u8], salt: &[u8], iterations: u32) -> Zeroizing<Vec<u8>> {
        let mut salted;
        match self {
            Self::Sha1 => {
                salted = Zeroizing::new(vec![0; 20]);
                pbkdf2::pbkdf2_hmac::<Sha1>(password, salt, iterations, &mut salted);
            }
            Self::Sha256 => {
                salted = Zeroizing::new(vec![0; 32]);
                pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, iterations, &mut salted);
            }
        }
        salted
    }
}

fn mac<M: Mac + KeyInit>(key: &[u8], octets: &[u8]) -> M {
    #[expect(clippy::expect_used, reason = "only a MAC with keys of one length can refuse one")]
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(octets);
    mac
}

#[cfg(test)]
mod tests {
    use super::{Hash, MAX_ITERATIONS, escaped};
    use crate::sasl::Mechanism::{ScramSha1, ScramSha1Plus, ScramSha256, ScramSha256Plus};
    use crate::sasl::tests::{parameters, password};
    use crate::sasl::{ChannelBinding, Credential, Exchange, Mechanism, SaslError};
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
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27,
        28, 29, 30, 31,
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

    /// An exchange for user `user`, password `pencil`, whose first message is sent.
    fn sent(mechanism: Mechanism) -> Exchange {
        let nonce = if mechanism == ScramSha1 { NONCE_1 } else { NONCE_256 };
        let mut exchange =
            begin(mechanism, "user", &password("pencil"), nonce, ChannelBinding::Unavailable).unwrap();
        exchange.initial(255).unwrap();
        exchange
    }

    fn response(exchange: &mut Exchange, challenge: &str) -> Result<String, SaslError> {
        exchange
            .respond(challenge.as_bytes())
            .map(|secret| String::from_utf8(secret.expose().to_vec()).unwrap())
    }

    #[test]
    fn the_exchange_is_that_of_rfc_5802() {
        let mut exchange = sent_in_two_steps(ScramSha1, NONCE_1, "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
        assert_eq!(
            response(&mut exchange, FIRST_1).unwrap(),
            "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
        );
        assert_eq!(response(&mut exchange, FINAL_1).unwrap(), "");
        assert_eq!(exchange.finish(), Ok(()));
    }

    #[test]
    fn the_exchange_is_that_of_rfc_7677() {
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

    /// Computed with Python's `hashlib` and `hmac`.
    #[test]
    fn what_is_said_of_the_channel_is_in_the_proof() {
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

    /// Computed with Python's `hashlib` and `hmac`.
    #[test]
    fn names_are_escaped_and_passwords_prepared() {
        let octets = |octets: &[u8]| Credential::Password(Secret::from(octets.to_vec()));
        let ix = "nXGXdtUlev90P+tJwXlphTgx/n7kA/gPau4aIzxcsH4=";
        for (user, credential, proof) in [
            ("a=b,c", password("IX"), ix),
            ("a=b,c", password("I\u{ad}X"), ix),
            ("a=b,c", password("\u{2168}"), ix),
            ("user", octets(b"pass\xff\xfe"), "bBBg05IvFmaB7yJ5BfC2uKWaBzN+RkfhRWnAXVVPm04="),
            ("user", password("\u{1f914}"), "5mfAHPnBM12RnhxfT5s+pvnbYOxtiIBwoX53L6YyKb8="),
            ("user", password(""), "tPbr4ksznL34eCCOqZheSI7+G2n6DDu3dNtzNGHfhZo="),
        ] {
            let mut exchange =
                begin(ScramSha256, user, &credential, NONCE_256, ChannelBinding::Unavailable).unwrap();
            exchange.initial(255).unwrap();
            assert!(response(&mut exchange, FIRST_256).unwrap().ends_with(proof), "{user} {proof}");
        }
        assert_eq!(escaped("a=b,c=2C\u{e9}"), "a=3Db=2Cc=3D2C\u{e9}");
    }

    #[test]
    fn a_high_but_honest_iteration_count_works() {
        let mut exchange = sent(ScramSha256);
        let first = format!("{NONCES_256},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=600000");
        let proof = response(&mut exchange, &first).unwrap();
        assert!(proof.ends_with(",p=tgzlJRgHVv9EY8CiJukLeJnmQ34b51GJJy/MHTG0FGw="), "{proof}");
    }

    #[test]
    fn a_tampered_first_message_gets_no_proof() {
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
    fn a_server_that_does_not_prove_itself_is_refused() {
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
    fn ok_without_a_signature_is_no_login() {
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
    fn a_bad_nonce_or_binding_is_ours() {
        let credential = password("pencil");
        for nonce in
            ["", "fifteen-octets.", "a,bcdefghijklmnopq", "a bcdefghijklmnopq", "\u{e9}bcdefghijklmnopq"]
        {
            let error =
                begin(ScramSha256, "user", &credential, nonce, ChannelBinding::Unavailable).unwrap_err();
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
    fn what_to_say_of_the_channel() {
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
    fn the_length_of_the_first_message_is_known_before() {
        let mut exchange = sent(ScramSha256);
        assert_eq!(exchange.initial(255), None);
        assert_eq!(Hash::Sha1.digest(b"").len(), 20);
    }
}
