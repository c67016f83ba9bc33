//! A Dovecot server with all its mechanisms: SASL, APOP, OAuth 2.0 by introspection, client certificates.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::dovecot::Dovecot;
use super::pki::Authority;
use super::service::{Peer, Service};

pub(crate) const PASSWORD: &str = "dove-cote 9\u{e9}";
pub(crate) const TOKEN: &str = "ya29.t0ken-of_alice~";
/// Every mechanism that both Dovecot 2.3 and `pop3` support.
pub(crate) const ALL: &str =
    "plain login cram-md5 scram-sha-1 scram-sha-256 apop xoauth2 oauthbearer external";

pub(crate) struct DovecotAuth {
    pub(crate) dovecot: Dovecot,
    files: TempDir,
    _introspection: Service,
}

impl DovecotAuth {
    /// Starts a server with these `auth_mechanisms` for alice, whose password is [`PASSWORD`] and whose token is
    /// [`TOKEN`].
    pub(crate) fn start(mechanisms: &str) -> Option<Self> {
        let introspection = introspection();
        let files = tempfile::tempdir().expect("a temporary folder");
        let write = |name: &str, text: &str| fs::write(files.path().join(name), text).expect("a file");
        let authority = Authority::new("clients");
        for (name, issuer) in
            [("alice", &authority), ("bob", &authority), ("stranger", &Authority::new("others"))]
        {
            let user = if name == "stranger" { "alice" } else { name };
            let certificate = issuer.client(user);
            write(&format!("{name}.pem"), &certificate.pem);
            write(&format!("{name}.key"), &certificate.key_pem);
        }
        let token_mechanisms = mechanisms.contains("oauth");
        let port = introspection.port();
        let dovecot = Dovecot::start_with(&[("alice", PASSWORD)], |root| {
            fs::write(root.join("clients.pem"), authority.pem()).expect("a file");
            fs::write(root.join("oauth2"), oauth2(port)).expect("a file");
            configuration(root, mechanisms, token_mechanisms)
        })?;
        dovecot.deliver("alice", &[]);
        Some(Self { dovecot, files, _introspection: introspection })
    }

    /// Returns the file of a client certificate: `alice`, `bob`, or `stranger`, which is for alice but signed by
    /// another CA.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }
}

fn configuration(root: &Path, mechanisms: &str, tokens: bool) -> String {
    let root = root.display();
    let mut text = format!(
        "auth_mechanisms = {mechanisms}
auth_verbose = yes
ssl_ca = <{root}/clients.pem
ssl_verify_client_cert = yes
ssl_require_crl = no
auth_ssl_username_from_cert = yes
passdb {{
  driver = static
  mechanisms = external
  args = nopassword
}}
"
    );
    if tokens {
        write!(
            text,
            "passdb {{\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = {root}/oauth2\n}}\n"
        )
        .expect("a String takes every character");
    }
    text
}

fn oauth2(port: u16) -> String {
    format!(
        "introspection_url = http://127.0.0.1:{port}/introspect?token=
introspection_mode = get
force_introspection = yes
username_attribute = user
active_attribute = active
active_value = true
openid_configuration_url = http://127.0.0.1:{port}/openid
"
    )
}

/// Starts a token introspection server (RFC 7662), which reports if a token is active, and its user.
fn introspection() -> Service {
    Service::start(|mut peer: Peer| {
        let mut request = peer.line();
        while !matches!(peer.line().as_str(), "\r\n" | "") {}
        let token = request.split_off(request.find("token=").map_or(request.len(), |at| at + "token=".len()));
        let good = token.split(['&', ' ']).next() == Some(TOKEN);
        let body = if good { r#"{"active":true,"user":"alice"}"# } else { r#"{"active":false}"# };
        peer.say(format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
    })
}
