//! SCRAM-SHA-1 and SCRAM-SHA-256, with and without channel binding: RFC 5802, RFC 7677, RFC 9266.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::state::MechanismState;
use super::{ChannelBinding, MAX_ITERATIONS, Mechanism, Parameters, SaslError, escape_name};
use crate::Secret;

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

/// The state before the server's first message.
struct Opening {
    password: Secret,
    nonce: String,
    /// `n,,`
    gs2_header: &'static str,
    /// `n=user,r=nonce`
    bare: String,
    /// The value of `c=`: the header and the TLS exporter.
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
            (true, ChannelBinding::TlsExporter(bytes)) => ("p=tls-exporter,,", bytes),
            (false, ChannelBinding::NotOffered) => ("y,,", b""),
            (false, ChannelBinding::Unavailable) => ("n,,", b""),
            _ => return Err(SaslError::ChannelBinding),
        };
        let opening = Opening {
            password: prepared(password),
            nonce: nonce.to_owned(),
            gs2_header,
            bare: format!("n={},r={nonce}", escape_name(user)),
            binding: Zeroizing::new([gs2_header.as_bytes(), channel].concat()),
        };
        Ok(Self { hash, state: State::Begin(opening) })
    }
}

impl MechanismState for Scram {
    fn initial_length(&self) -> Option<usize> {
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

/// Computes the client's final message from the server's first message (RFC 5802 §3), and the signature to expect
/// from the server.
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

/// Checks extensions after the attributes of a message. They are ignored except for `m=`, and must not repeat
/// attributes (RFC 5802 §5.1).
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

/// Decodes strict base64: with padding, and with unused bits zero. Empty values are refused, as neither a salt nor a
/// signature is empty.
fn base64(text: &str) -> Result<Vec<u8>, SaslError> {
    match STANDARD.decode(text) {
        Ok(bytes) if !bytes.is_empty() => Ok(bytes),
        _ => Err(SaslError::Malformed),
    }
}

/// RFC 5802 §7: `posit-number`, without sign and leading zeros.
fn iterations(text: &str) -> Result<u32, SaslError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
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

/// RFC 5802 §7: `server-error-value`; unknown values are treated as `other-error`.
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

/// RFC 5802 §7: `printable`, which excludes the comma.
fn is_nonce(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
}

/// Normalizes a password with `SASLprep` (RFC 5802 §2.2, RFC 4013). A password that `SASLprep` rejects (not UTF-8,
/// with characters that are prohibited or newer than Unicode 3.2, or with an empty result) is used unchanged, because
/// servers store it unchanged too.
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
    fn digest(self, bytes: &[u8]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match self {
            Self::Sha1 => Sha1::digest(bytes).to_vec(),
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
        })
    }

    fn hmac(self, key: &[u8], bytes: &[u8]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match self {
            Self::Sha1 => mac::<Hmac<Sha1>>(key, bytes).finalize().into_bytes().to_vec(),
            Self::Sha256 => mac::<Hmac<Sha256>>(key, bytes).finalize().into_bytes().to_vec(),
        })
    }

    /// Compares in constant time, so that a signature cannot be guessed byte by byte.
    fn verify(self, key: &[u8], bytes: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Sha1 => mac::<Hmac<Sha1>>(key, bytes).verify_slice(signature).is_ok(),
            Self::Sha256 => mac::<Hmac<Sha256>>(key, bytes).verify_slice(signature).is_ok(),
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

fn mac<M: Mac + KeyInit>(key: &[u8], bytes: &[u8]) -> M {
    #[expect(clippy::expect_used, reason = "only a MAC with keys of one length can refuse one")]
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(bytes);
    mac
}

/// The fewest bytes of a nonce: 16 characters of base64 are 96 bits, as in the example of RFC 7677 §3.
const MIN_NONCE: usize = 16;

#[cfg(test)]
mod tests;
