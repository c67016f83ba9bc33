//! SCRAM with channel binding against a server that verifies everything (RFC 5802, RFC 7677, RFC 9266). Dovecot 2.3
//! does not support -PLUS.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::support::pki::Authority;
use crate::support::sandbox::{Outcome, Sandbox, run};
use crate::support::service::{Peer, Service};

const PASSWORD: &str = "r\u{f4}le-model 1";
const SALT: &[u8] = b"sixteen octets!!";
const ITERATIONS: u32 = 4096;

/// A fault of the server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// The server's signature is made with another key.
    Proof,
    /// The server accepts without a proof.
    NoProof,
    /// A man in the middle terminates TLS, so the exporters differ.
    Binding,
    /// -PLUS was removed from the capability list in transit.
    Stripped,
}

fn hmac(key: &[u8], octets: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(octets);
    mac.finalize().into_bytes().into()
}

/// Derives the salted password of RFC 5802 §2.2, without optimization.
fn salted_password() -> [u8; 32] {
    let mut last = hmac(PASSWORD.as_bytes(), &[SALT, &1_u32.to_be_bytes()].concat());
    let mut salted = last;
    for _ in 1..ITERATIONS {
        last = hmac(PASSWORD.as_bytes(), &last);
        salted.iter_mut().zip(last).for_each(|(sum, octet)| *sum ^= octet);
    }
    salted
}

/// Verifies a login; `Err` contains the server's response to a failed login.
fn scram(peer: &mut Peer, initial: &str, fault: Fault) -> Result<(), &'static str> {
    const REFUSED: &str = "-ERR [AUTH] refused\r\n";
    let decode = |text: &str| STANDARD.decode(text.trim_end()).map_err(|_| "-ERR no base64\r\n");
    let first = String::from_utf8(decode(initial)?).map_err(|_| REFUSED)?;
    let (flag, binding) = match fault {
        Fault::Stripped => ("y,,", Vec::new()),
        _ => ("p=tls-exporter,,", peer.exporter().expect("TLS 1.3").to_vec()),
    };
    let bare = first.strip_prefix(flag).ok_or("-ERR wrong channel binding flag\r\n")?;
    let nonce = bare.strip_prefix("n=alice,r=").ok_or(REFUSED)?;
    let server_first = format!("r={nonce}server,s={},i={ITERATIONS}", STANDARD.encode(SALT));
    peer.say(format!("+ {}\r\n", STANDARD.encode(&server_first)));

    let last = String::from_utf8(decode(&peer.line())?).map_err(|_| REFUSED)?;
    let (without_proof, proof) = last.rsplit_once(",p=").ok_or(REFUSED)?;
    let mut bound = [flag.as_bytes(), &binding].concat();
    if fault == Fault::Binding {
        *bound.last_mut().expect("an exporter") ^= 1;
    }
    if without_proof != format!("c={},r={nonce}server", STANDARD.encode(bound)) {
        return Err(REFUSED);
    }
    // A server that offers -PLUS treats "y" as a tampered capability list (RFC 5802 §6).
    if fault == Fault::Stripped {
        return Err("-ERR [AUTH] downgrade\r\n");
    }
    let salted = salted_password();
    let message = format!("{bare},{server_first},{without_proof}");
    let client_key = hmac(&salted, b"Client Key");
    let signature = hmac(&Sha256::digest(client_key), message.as_bytes());
    let expected: Vec<u8> = client_key.iter().zip(signature).map(|(key, octet)| key ^ octet).collect();
    if decode(proof)? != expected {
        return Err(REFUSED);
    }
    let server_key = hmac(&salted, if fault == Fault::Proof { b"Another Key" } else { b"Server Key" });
    if fault != Fault::NoProof {
        let proof = STANDARD.encode(hmac(&server_key, message.as_bytes()));
        peer.say(format!("+ {}\r\n", STANDARD.encode(format!("v={proof}"))));
        peer.line();
    }
    Ok(())
}

fn serve(mut peer: Peer, fault: Fault, tls: &std::sync::Arc<rustls::ServerConfig>) {
    peer.encrypt(tls);
    peer.say("+OK ready\r\n");
    loop {
        let line = peer.line();
        match line.trim_end().split_once(' ').unwrap_or((line.trim_end(), "")) {
            ("", _) => return,
            ("CAPA", _) => {
                let plus = if fault == Fault::Stripped { "" } else { "SCRAM-SHA-256-PLUS " };
                peer.say(format!("+OK\r\nUSER\r\nUIDL\r\nSASL {plus}SCRAM-SHA-256 PLAIN\r\n.\r\n"));
            }
            ("AUTH", arguments) => {
                let (mechanism, initial) = arguments.split_once(' ').unwrap_or((arguments, ""));
                let wanted = if fault == Fault::Stripped { "SCRAM-SHA-256" } else { "SCRAM-SHA-256-PLUS" };
                if mechanism != wanted {
                    peer.say("-ERR another mechanism was offered\r\n");
                    continue;
                }
                match scram(&mut peer, initial, fault) {
                    Ok(()) => {
                        peer.say("+OK\r\n");
                        return peer.maildrop();
                    }
                    Err(answer) => peer.say(answer),
                }
            }
            _ => peer.say("-ERR unknown command\r\n"),
        }
    }
}

fn play(fault: Fault, auth: &str, password: &str) -> Outcome {
    let authority = Authority::new("bound");
    let certificate = authority.server(30);
    let config = certificate.server_config(None);
    let server = Service::start(move |peer| serve(peer, fault, &config));
    let room = Sandbox::new();
    let ca = room.path("ca.pem");
    std::fs::write(&ca, authority.pem()).expect("a file");
    let mut command = room.pop3(server.port());
    command
        .args(["status", "--server", "--json", "--tls", "implicit", "--auth", auth])
        .env("POP3_CA_FILE", ca)
        .env("POP3_PASSWORD", password);
    run(command)
}

#[test]
fn the_login_is_bound_to_the_channel() {
    for auth in ["auto", "scram-sha-256"] {
        let row = play(Fault::None, auth, PASSWORD).expect(0).json().remove(0);
        assert_eq!(row["server"]["mechanism"], "SCRAM-SHA-256-PLUS");
    }
    play(Fault::None, "auto", "role-model 1").expect(77);
    // A man in the middle cannot forward the proof.
    play(Fault::Binding, "auto", PASSWORD).expect(77);
    play(Fault::Stripped, "auto", PASSWORD).expect(77);
}

#[test]
fn a_server_without_a_valid_proof_breaks_the_protocol() {
    for fault in [Fault::Proof, Fault::NoProof] {
        let outcome = play(fault, "auto", PASSWORD).expect(76);
        assert!(outcome.stderr().contains(r#""code":"protocol""#), "{outcome:?}");
    }
}
