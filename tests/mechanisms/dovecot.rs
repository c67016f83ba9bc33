//! Every mechanism against Dovecot, over every channel that permits it.

use std::process::Command;
use std::sync::Mutex;

use crate::support::dovecot_auth::{ALL, DovecotAuth, PASSWORD, TOKEN};
use crate::support::sandbox::{Sandbox, run};

const THREADS: usize = 12;
const WAYS: [&str; 3] = ["none", "starttls", "implicit"];

/// The mechanisms for a password: the value of `--auth` and the name in `status --server`.
const PASSWORD_MECHANISMS: [(&str, &str); 7] = [
    ("user-pass", "USER"),
    ("apop", "APOP"),
    ("plain", "PLAIN"),
    ("login", "LOGIN"),
    ("cram-md5", "CRAM-MD5"),
    ("scram-sha-1", "SCRAM-SHA-1"),
    ("scram-sha-256", "SCRAM-SHA-256"),
];

fn status(server: &DovecotAuth, room: &Sandbox, tls: &str) -> Command {
    let dovecot = &server.dovecot;
    let mut command = room.pop3(if tls == "implicit" { dovecot.tls_port } else { dovecot.port });
    command
        .args(["status", "--server", "--json"])
        .env("POP3_TLS", tls)
        .env("POP3_CA_FILE", dovecot.ca_file())
        .env("POP3_PASSWORD", PASSWORD);
    command
}

/// A login: its name in the report, its command, and the expected mechanism or exit code.
struct Try {
    what: String,
    command: Command,
    expected: Result<&'static str, i32>,
    /// Text that standard error must contain.
    says: &'static str,
}

impl Try {
    fn new(what: String, command: Command, expected: Result<&'static str, i32>) -> Self {
        Self { what, command, expected, says: "" }
    }

    fn check(self) -> Option<String> {
        let outcome = run(self.command);
        let right = match self.expected {
            Ok(mechanism) => {
                outcome.code == Some(0)
                    && outcome.json().first().is_some_and(|row| row["server"]["mechanism"] == mechanism)
            }
            Err(code) => outcome.code == Some(code) && outcome.stdout.is_empty(),
        };
        let wrong = !right || !outcome.stderr().contains(self.says);
        wrong.then(|| format!("{}: {:?} {} expected: {outcome:?}", self.what, self.expected, self.says))
    }
}

/// Dovecot delays refusals to the next half second, so the logins run in parallel.
fn check(tries: Vec<Try>, server: &DovecotAuth) {
    let tries = Mutex::new(tries);
    let wrong = Mutex::new(String::new());
    let next = || tries.lock().expect("no thread panics with it").pop();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(this) = next() {
                    if let Some(report) = this.check() {
                        wrong.lock().expect("no thread panics with it").push_str(&report);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("no thread panics with it");
    assert!(wrong.is_empty(), "{wrong}\n{}", server.dovecot.log());
}

#[test]
fn passwords() {
    let Some(server) = DovecotAuth::start(ALL) else { return };
    let room = Sandbox::new();
    let mut tries = Vec::new();
    for tls in WAYS {
        for (auth, mechanism) in PASSWORD_MECHANISMS {
            for (password, user, expected) in [
                (PASSWORD, "alice", Ok(mechanism)),
                ("dove-cote 8", "alice", Err(77)),
                (PASSWORD, "nobody", Err(77)),
            ] {
                let mut command = status(&server, &room, tls);
                command.args(["--auth", auth, "--user", user]).env("POP3_PASSWORD", password);
                // The timestamp was in the cleartext greeting, which STLS discards.
                let expected = if (auth, tls) == ("apop", "starttls") { Err(76) } else { expected };
                tries.push(Try::new(format!("{auth} over {tls}, {user}, {password:?}"), command, expected));
            }
        }
    }
    check(tries, &server);
}

#[test]
fn tokens() {
    let Some(server) = DovecotAuth::start(ALL) else { return };
    let room = Sandbox::new();
    let mut tries = Vec::new();
    let long = format!("ya29.{}", "x".repeat(3000));
    for tls in WAYS {
        for (auth, mechanism, reason) in
            [("xoauth2", "XOAUTH2", "(status 401"), ("oauthbearer", "OAUTHBEARER", "(status invalid_token")]
        {
            for (token, user, expected) in [
                (TOKEN, "alice", Ok(mechanism)),
                ("ya29.t0ken-of_mallory", "alice", Err(77)),
                (long.as_str(), "alice", Err(77)),
                (TOKEN, "bob", Err(77)),
            ] {
                let mut command = status(&server, &room, tls);
                command.args(["--auth", auth, "--user", user]).env_remove("POP3_PASSWORD");
                command.env("POP3_TOKEN", token);
                let what = format!("{auth} over {tls}, {user}, {} octets of token", token.len());
                // The server's last challenge contains the reason in JSON.
                let says = if expected.is_err() { reason } else { "" };
                tries.push(Try { says, ..Try::new(what, command, expected) });
            }
        }
    }
    check(tries, &server);
}

#[test]
fn client_certificates() {
    let Some(server) = DovecotAuth::start(ALL) else { return };
    let room = Sandbox::new();
    let mut tries = Vec::new();
    for tls in ["starttls", "implicit"] {
        for (certificate, key, expected) in [
            ("alice", "alice", Ok("EXTERNAL")),
            ("bob", "bob", Err(77)),
            ("stranger", "stranger", Err(77)),
            ("", "", Err(77)),
            // The error is reported before anything is sent.
            ("alice", "bob", Err(78)),
        ] {
            let mut command = status(&server, &room, tls);
            command.args(["--auth", "external"]).env_remove("POP3_PASSWORD");
            if !certificate.is_empty() {
                command
                    .env("POP3_CLIENT_CERT", server.file(&format!("{certificate}.pem")))
                    .env("POP3_CLIENT_KEY", server.file(&format!("{key}.key")));
            }
            let what = format!("certificate {certificate:?}, key {key:?} over {tls}");
            tries.push(Try::new(what, command, expected));
        }
    }
    check(tries, &server);
}

/// TLS, kind of credential, expected mechanism.
type Automatic = (&'static str, &'static str, Result<&'static str, i32>);

/// `auto` chooses the strongest mechanism that the server offers for the credential, on each channel.
#[test]
fn the_strongest_mechanism_is_chosen() {
    let rows: [(&str, &[Automatic]); 4] = [
        (
            ALL,
            &[
                ("none", "password", Ok("SCRAM-SHA-256")),
                ("starttls", "password", Ok("SCRAM-SHA-256")),
                ("implicit", "password", Ok("SCRAM-SHA-256")),
                ("starttls", "token", Ok("OAUTHBEARER")),
                ("none", "token", Err(76)),
            ],
        ),
        ("plain login cram-md5 scram-sha-1", &[("none", "password", Ok("SCRAM-SHA-1"))]),
        (
            "plain login cram-md5 xoauth2",
            &[
                ("none", "password", Ok("CRAM-MD5")),
                ("implicit", "password", Ok("PLAIN")),
                ("implicit", "token", Ok("XOAUTH2")),
            ],
        ),
        ("apop external", &[("implicit", "token", Err(76))]),
    ];
    for (mechanisms, row) in rows {
        let Some(server) = DovecotAuth::start(mechanisms) else { return };
        let room = Sandbox::new();
        let mut tries = Vec::new();
        for (tls, credential, expected) in row {
            let mut command = status(&server, &room, tls);
            if *credential == "token" {
                command.env_remove("POP3_PASSWORD").env("POP3_TOKEN", TOKEN);
            }
            let what = format!("{credential} over {tls} where there is {mechanisms}");
            tries.push(Try::new(what, command, *expected));
        }
        check(tries, &server);
    }
}

/// An explicit mechanism is tried even if it is not offered, and its refusal does not mean that the credential is
/// wrong.
#[test]
fn a_mechanism_that_is_not_offered() {
    let Some(server) = DovecotAuth::start("plain") else { return };
    let room = Sandbox::new();
    let mut tries = Vec::new();
    for auth in ["cram-md5", "login", "xoauth2", "apop", "scram-sha-256"] {
        let mut command = status(&server, &room, "implicit");
        command.args(["--auth", auth]);
        if auth == "xoauth2" {
            command.env_remove("POP3_PASSWORD").env("POP3_TOKEN", TOKEN);
        }
        tries.push(Try::new(auth.to_owned(), command, Err(76)));
    }
    check(tries, &server);
}
