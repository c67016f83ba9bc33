//! Secrets never appear in a trace, an error or JSON, whatever the server echoes and wherever the connection is cut.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::support::sandbox::{Sandbox, run};
use crate::support::service::{Peer, Service};

mod sources;

const SECRET: &str = "sesam-oeffne-dich.4711";
const MECHANISMS: [&str; 9] = [
    "user-pass",
    "apop",
    "plain",
    "login",
    "cram-md5",
    "scram-sha-1",
    "scram-sha-256",
    "xoauth2",
    "oauthbearer",
];
const THREADS: usize = 8;

/// The place where the server echoes the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Echo {
    Refusal,
    /// In a challenge, once as base64 and once raw.
    Challenge,
    /// In the reason for refusing a token (RFC 7628 §3.2.2), near the position where a long reason is truncated.
    Reason,
    /// In a line that is not a status line.
    Junk,
    /// In an overlong line, at the end of the shown part.
    LongJunk,
    /// After the login, in responses to commands and in a message that is sent byte by byte.
    Session,
}

const ECHOES: [Echo; 6] =
    [Echo::Refusal, Echo::Challenge, Echo::Reason, Echo::Junk, Echo::LongJunk, Echo::Session];

/// The secrets that the server received, raw and decoded.
type Told = Arc<Mutex<Vec<String>>>;

struct Talk {
    peer: Peer,
    echo: Echo,
    told: Told,
}

impl Talk {
    fn serve(mut self, cut: Option<usize>) {
        if let Some(octets) = cut {
            self.peer.cut_after(octets);
        }
        self.peer.say("+OK <17.4@example.org>\r\n");
        loop {
            let line = self.peer.line();
            let (verb, rest) = line.trim_end().split_once(' ').unwrap_or((line.trim_end(), ""));
            match verb {
                "" => return,
                "CAPA" => self.peer.say("+OK\r\nUSER\r\n.\r\n"),
                "USER" => self.peer.say("+OK\r\n"),
                "PASS" => return self.answer(rest),
                "APOP" => return self.answer(rest.rsplit(' ').next().unwrap_or_default()),
                "AUTH" => return self.auth(rest),
                _ => self.peer.say("-ERR\r\n"),
            }
        }
    }

    fn auth(mut self, arguments: &str) {
        let (mechanism, initial) = arguments.split_once(' ').unwrap_or((arguments, ""));
        let mut last = initial.to_owned();
        match mechanism {
            "LOGIN" => {
                self.challenge("Username:");
                last = self.challenge("Password:");
            }
            "CRAM-MD5" => last = self.challenge("<17.4@example.org>"),
            "XOAUTH2" => last = self.challenge(""),
            "SCRAM-SHA-1" | "SCRAM-SHA-256" => {
                let nonce =
                    decoded(&last).rsplit_once("r=").map_or(String::new(), |(_, nonce)| nonce.to_owned());
                last = self.challenge(&format!("r={nonce}x,s=c2FsdHNhbHQ=,i=4096"));
            }
            _ if last.is_empty() => last = self.challenge(""),
            _ => {}
        }
        self.answer(&last);
    }

    fn challenge(&mut self, text: &str) -> String {
        self.peer.say(format!("+ {}\r\n", STANDARD.encode(text)));
        self.peer.line().trim_end().to_owned()
    }

    /// Handles the last secret of the exchange.
    fn answer(mut self, payload: &str) {
        if payload.is_empty() {
            return;
        }
        let decoded = decoded(payload);
        // A digest follows the user name, a proof follows "p=".
        let digest = decoded.rsplit_once(",p=").or(decoded.rsplit_once(' ')).map_or("", |(_, digest)| digest);
        let mut told = vec![payload.to_owned()];
        if !digest.is_empty() && !decoded.contains(SECRET) {
            told.push(digest.to_owned());
        }
        self.told.lock().expect("no server panics with it").extend(told);
        let base64 = STANDARD.encode(SECRET);
        let all = format!("{payload}, {}, {digest}, {SECRET}, {base64}", decoded.escape_debug());
        match self.echo {
            Echo::Refusal => self.peer.say(format!("-ERR wrong: {all}\r\n")),
            Echo::Challenge => {
                self.challenge(&format!("wrong: {all}"));
                self.peer.say(format!("+ {all}\r\n"));
                self.peer.line();
                self.peer.say(format!("-ERR {all}\r\n"));
            }
            Echo::Reason => {
                for filler in ["", &"x".repeat(190)] {
                    let reason = format!(r#"{{"status":"{filler}{base64}","scope":"{filler}{SECRET}"}}"#);
                    self.challenge(&reason);
                }
                self.peer.say("-ERR wrong\r\n");
            }
            Echo::Junk => self.peer.say(format!("{all}\r\n")),
            Echo::LongJunk => {
                let filler = "x".repeat(501);
                self.peer.say(format!("{filler}{SECRET}{}\r\n", "y".repeat(100_000)));
            }
            Echo::Session => self.session(&all),
        }
    }

    fn session(&mut self, all: &str) {
        self.peer.say(format!("+OK {all}\r\n"));
        loop {
            let line = self.peer.line();
            match line.trim_end().split(' ').next().unwrap_or_default() {
                "" => return,
                "STAT" => self.peer.say(format!("+OK 1 300 {all}\r\n")),
                "LIST" => self.peer.say(format!("+OK {all}\r\n1 300\r\n.\r\n")),
                "UIDL" => self.peer.say("+OK\r\n1 first\r\n.\r\n"),
                "RETR" => {
                    for octet in format!("+OK\r\n\r\n{all}\r\n{SECRET}{SECRET}\r\n.\r\n").bytes() {
                        if !self.peer.try_say([octet]) {
                            return;
                        }
                    }
                }
                _ => self.peer.say(format!("-ERR {all}\r\n")),
            }
        }
    }
}

fn decoded(base64: &str) -> String {
    String::from_utf8_lossy(&STANDARD.decode(base64.trim_end()).unwrap_or_default()).into_owned()
}

/// Returns an error if the visible output of a run contains a secret.
fn play(mechanism: &str, echo: Echo, cut: Option<usize>) -> Result<(), String> {
    let told = Told::default();
    let server = Service::start({
        let told = Arc::clone(&told);
        move |peer| Talk { peer, echo, told: Arc::clone(&told) }.serve(cut)
    });
    let room = Sandbox::new();
    let trace = room.path("trace");
    let mut command = room.pop3(server.port());
    command.args(["fetch", "--all", "--dir", "out", "--auth", mechanism, "--tls", "none", "-vvv"]);
    // Every second run prints text and traces to standard error.
    if cut.is_some_and(|octets| octets % 2 == 0) {
        command.arg("--trace");
    } else {
        command.arg("--json").arg(format!("--trace={}", trace.display()));
    }
    let variable = if mechanism.contains("oauth") { "POP3_TOKEN" } else { "POP3_PASSWORD" };
    command.env_remove("POP3_PASSWORD").env("RUST_LOG", "trace").env(variable, SECRET);
    let outcome = run(command);

    let mut forbidden = told.lock().expect("no server panics with it").clone();
    if cut.is_none() && forbidden.is_empty() {
        return Err(format!("{mechanism} {echo:?}: it did not authenticate: {outcome:?}"));
    }
    // A long part of a secret must not be shown either.
    let base64 = STANDARD.encode(SECRET);
    let parts = [&SECRET[..8], &SECRET[SECRET.len() - 8..], &base64[..10], &base64[14..24]];
    forbidden.extend(parts.map(ToOwned::to_owned));
    let traced = std::fs::read_to_string(&trace).unwrap_or_default();
    for (place, text) in [("stdout", &outcome.stdout()), ("stderr", &outcome.stderr()), ("trace", &traced)] {
        for secret in &forbidden {
            if text.contains(secret.as_str()) {
                return Err(format!(
                    "{mechanism} {echo:?} {cut:?}: {secret:?} on {place}:\n{outcome:?}{traced}"
                ));
            }
        }
    }
    if outcome.hung || outcome.code.is_none() {
        return Err(format!("{mechanism} {echo:?} {cut:?}: {outcome:?}"));
    }
    Ok(())
}

#[test]
fn no_secret_is_shown() {
    let mut jobs = VecDeque::new();
    for mechanism in MECHANISMS {
        for echo in ECHOES {
            // Under Wine a process takes half a second to start.
            let cuts = if cfg!(windows) { 0..1 } else { 0..10 };
            let cuts = cuts.map(|nth| Some(60 + 39 * nth));
            jobs.extend([None].into_iter().chain(cuts).map(|cut| (mechanism, echo, cut)));
        }
    }
    let jobs = Mutex::new(jobs);
    let wrong = Mutex::new(Vec::new());
    let next = || jobs.lock().expect("no thread panics with it").pop_front();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some((mechanism, echo, cut)) = next() {
                    if let Err(report) = play(mechanism, echo, cut) {
                        wrong.lock().expect("no thread panics with it").push(report);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("no thread panics with it");
    assert!(wrong.is_empty(), "{} runs show a secret:\n{}", wrong.len(), wrong.join("\n"));
}
