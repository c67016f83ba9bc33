//! OAuth 2.0 against a scripted authorization server and a POP3 server that takes its tokens.

use std::process::Command;
use std::sync::{Arc, Mutex};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::support::sandbox::{Outcome, POP3, Sandbox, run};
use crate::support::service::{Peer, Service};

#[cfg(unix)]
mod provider;

/// What the servers of one test know.
#[derive(Default)]
struct State {
    /// Responses to come, before those of the server itself.
    scripted: Vec<String>,
    /// Path and body of each request.
    requests: Vec<(String, String)>,
    /// The access tokens that POP3 takes.
    accepted: Vec<String>,
    /// The refresh token that is good; another one ends the grant.
    refresh: String,
    issued: u32,
    /// Seconds that an access token lives.
    lifetime: u32,
    rotates: bool,
}

struct Server {
    room: Sandbox,
    state: Arc<Mutex<State>>,
    http: Service,
    pop3: Service,
}

impl Server {
    fn start(lifetime: u32, rotates: bool) -> Self {
        let state = Arc::new(Mutex::new(State { lifetime, rotates, ..State::default() }));
        let shared = state.clone();
        let http = Service::start(move |peer| answer(peer, &shared));
        let shared = state.clone();
        let pop3 = Service::start(move |peer| maildrop(peer, &shared));
        let server = Self { room: Sandbox::new(), state, http, pop3 };
        server.write("");
        server
    }

    /// The configuration, with more keys of `oauth`.
    fn write(&self, more: &str) {
        let (http, pop3) = (self.http.port(), self.pop3.port());
        let url = |name: &str| format!("\"http://127.0.0.1:{http}/{name}\"");
        let config = format!(
            "[account.work]\nhost = \"127.0.0.1\"\nport = {pop3}\ntls = \"none\"\nauth = \"oauthbearer\"\n\
             user = \"alice\"\n[account.work.oauth]\nclient-id = \"pop3\"\nstore = \"file\"\n\
             authorization-url = {}\ndevice-url = {}\ntoken-url = {}\nrevocation-url = {}\n{more}\n",
            url("auth"),
            url("device"),
            url("token"),
            url("revoke")
        );
        std::fs::write(self.room.path("config.toml"), config).expect("a file");
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.room.program(POP3);
        command.env("POP3_CONFIG", self.room.path("config.toml")).args(["-a", "work"]).args(words);
        command
    }

    fn run(&self, words: &[&str]) -> Outcome {
        run(self.command(words))
    }

    /// The next responses, in this order.
    fn script(&self, responses: &[String]) {
        let mut responses = responses.to_vec();
        responses.reverse();
        self.state.lock().expect("no server panics").scripted = responses;
    }

    fn requests(&self, path: &str) -> usize {
        self.state
            .lock()
            .expect("no server panics")
            .requests
            .iter()
            .filter(|(found, _)| found == path)
            .count()
    }

    fn login(&self) {
        self.run(&["login", "--device"]).expect(0);
    }
}

fn response(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

fn answer(mut peer: Peer, state: &Mutex<State>) {
    let line = peer.line();
    let path = line.split(['/', ' ', '?']).nth(2).unwrap_or_default().to_owned();
    let mut length = 0;
    loop {
        let line = peer.line().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse().expect("a number");
        }
        if matches!(line.as_str(), "\r\n" | "") {
            break;
        }
    }
    let body = String::from_utf8(peer.octets(length)).expect("a form");
    let response = {
        let mut state = state.lock().expect("no server panics");
        state.requests.push((path.clone(), body.clone()));
        match state.scripted.pop() {
            Some(response) => response,
            None => state.answer(&path, &body),
        }
    };
    peer.say(&response);
}

impl State {
    fn answer(&mut self, path: &str, body: &str) -> String {
        let field = |name: &str| {
            let pair = body.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            pair.unwrap_or_default().to_owned()
        };
        match path {
            "device" => response(
                "200 OK",
                r#"{"device_code":"s3cret-device","user_code":"AB-CD","verification_uri":"https://x/","interval":1}"#,
            ),
            "revoke" => response("200 OK", ""),
            "token" if field("grant_type") == "refresh_token" && field("refresh_token") != self.refresh => {
                // Used twice: the whole family is withdrawn.
                self.refresh = "none".into();
                response("400 Bad Request", r#"{"error":"invalid_grant"}"#)
            }
            "token" => {
                self.issued += 1;
                let refreshes = field("grant_type") == "refresh_token";
                let access = format!("s3cret-access-{}", self.issued);
                self.accepted.push(access.clone());
                let mut refresh = String::new();
                if !refreshes || self.rotates {
                    self.refresh = format!("s3cret-refresh-{}", self.issued);
                    refresh = format!(r#","refresh_token":"{}""#, self.refresh);
                }
                let lifetime = self.lifetime;
                response(
                    "200 OK",
                    &format!(r#"{{"access_token":"{access}","expires_in":{lifetime}{refresh}}}"#),
                )
            }
            _ => response("404 Not Found", ""),
        }
    }
}

/// OAUTHBEARER with an initial response or without.
fn maildrop(mut peer: Peer, state: &Mutex<State>) {
    peer.say("+OK\r\n");
    loop {
        let line = peer.line();
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => return,
            ["CAPA"] => peer.say("+OK\r\nSASL OAUTHBEARER\r\n.\r\n"),
            ["AUTH", "OAUTHBEARER", rest @ ..] => {
                let initial = if let [initial] = rest {
                    (*initial).to_owned()
                } else {
                    peer.say("+ \r\n");
                    peer.line()
                };
                let message = STANDARD.decode(initial.trim()).expect("base64");
                let message = String::from_utf8(message).expect("ASCII");
                let accepted = |token: &String| message.contains(&format!("Bearer {token}\x01"));
                if state.lock().expect("no server panics").accepted.iter().any(accepted) {
                    peer.say("+OK\r\n");
                    return peer.maildrop();
                }
                peer.say(format!("+ {}\r\n", STANDARD.encode(r#"{"status":"invalid_token"}"#)));
                peer.line();
                peer.say("-ERR [AUTH] no\r\n");
            }
            _ => peer.say("-ERR\r\n"),
        }
    }
}

#[test]
fn a_device_login_and_what_follows_it() {
    let server = Server::start(3600, true);
    let pending = response("400 Bad Request", r#"{"error":"authorization_pending"}"#);
    let device = server.state.lock().expect("no server panics").answer("device", "");
    server.script(&[device, pending]);
    let login = server.run(&["login", "--device", "--json"]).expect(0);
    let rows = login.json();
    let device = &rows[0]["device"];
    assert_eq!((&device["url"], &device["code"]), (&"https://x/".into(), &"AB-CD".into()));
    assert!(device["expires"].as_str().is_some_and(|expires| expires.ends_with('Z')), "{device}");
    assert_eq!(server.requests("token"), 2);
    // The cached token costs no request.
    server.run(&["status"]).expect(0);
    server.run(&["status"]).expect(0);
    assert_eq!(server.requests("token"), 2);
}

#[test]
fn a_token_that_expires_is_refreshed_each_time() {
    for rotates in [true, false] {
        let server = Server::start(3, rotates);
        server.login();
        for _ in 0..10 {
            server.run(&["status"]).expect(0);
        }
        assert_eq!(server.requests("token"), 11);
    }
}

#[test]
fn runs_at_once_lose_no_grant() {
    let server = Server::start(3, true);
    server.login();
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..20).map(|_| scope.spawn(|| server.run(&["status"]))).collect();
        for run in runs {
            run.join().unwrap().expect(0);
        }
    });
    server.run(&["status"]).expect(0);
}

#[test]
fn a_refused_cached_token_is_refreshed_once() {
    let server = Server::start(3600, true);
    server.login();
    server.state.lock().expect("no server panics").accepted.clear();
    server.run(&["status"]).expect(0);
    assert_eq!(server.requests("token"), 2);
    // Refused again: no third one.
    server.state.lock().expect("no server panics").accepted.clear();
    let useless = response("200 OK", r#"{"access_token":"s3cret-useless","expires_in":3600}"#);
    server.script(&[useless]);
    server.run(&["status"]).expect(77);
    assert_eq!(server.requests("token"), 3);
}

#[test]
fn a_long_token_is_kept() {
    let server = Server::start(3600, true);
    let token = format!("s3cret-{}", "x".repeat(5000));
    server.state.lock().expect("no server panics").accepted.push(token.clone());
    let body = format!(r#"{{"access_token":"{token}","refresh_token":"{token}","expires_in":3600}}"#);
    let device = server.state.lock().expect("no server panics").answer("device", "");
    server.script(&[device, response("200 OK", &body)]);
    server.login();
    server.run(&["status"]).expect(0);
}

#[test]
fn every_answer_has_its_exit_code() {
    let server = Server::start(3, false);
    server.login();
    let error = |code: &str| {
        let echo = "s3cret-refresh-1 s3cret-access-1";
        response("400 Bad Request", &format!(r#"{{"error":"{code}","error_description":"{echo}"}}"#))
    };
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(70_000));
    let rows = [
        (error("invalid_grant"), 77, "run pop3 login -a work"),
        (error("access_denied"), 77, "run pop3 login -a work"),
        (error("expired_token"), 77, "run pop3 login -a work"),
        (error("invalid_client"), 78, "client"),
        (error("unauthorized_client"), 78, "client"),
        (error("invalid_scope"), 78, "scope"),
        (error("unsupported_grant_type"), 78, "grant"),
        (error("temporarily_unavailable"), 75, "temporarily"),
        (response("503 Busy", "<html>"), 75, "temporarily"),
        (
            response("429 Busy", "{}").replace("Connection", "Retry-After: 30\r\nConnection"),
            75,
            "try again after: 30",
        ),
        (String::new(), 69, "without an answer"),
        (response("200 OK", "<html>"), 76, "JSON"),
        (endless, 76, "64 KiB"),
        (
            response("302 Found", "").replace("Connection", "Location: https://x/\r\nConnection"),
            76,
            "redirect",
        ),
        (response("200 OK", "{}"), 76, "access_token"),
        (error("whatever"), 76, "unknown error"),
    ];
    for (answer, code, text) in rows {
        server.script(&[answer]);
        let outcome = server.run(&["status", "--trace"]).expect(code);
        assert!(outcome.stderr().contains(text), "{text}: {outcome:?}");
        assert!(!outcome.stderr().contains("s3cret"), "{outcome:?}");
        assert!(outcome.stderr().contains("*: POST http://127.0.0.1:"), "{outcome:?}");
    }
    // None of them did any harm.
    server.run(&["status"]).expect(0);
}

#[test]
fn a_rotated_token_that_cannot_be_stored_ends_the_run() {
    let server = Server::start(3, true);
    server.login();
    let folder = server.room.state().join("oauth");
    let names = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let grant = names.into_iter().find(|path| path.extension().is_some_and(|end| end == "json")).unwrap();
    std::fs::create_dir_all(grant.with_extension("new").join("in the way")).unwrap();
    let connections = server.pop3.connections();
    let outcome = server.run(&["status"]).expect(73);
    assert!(outcome.stderr().contains("run pop3 login -a work"), "{outcome:?}");
    assert_eq!(server.pop3.connections(), connections);
}

/// What the program prints of the address to open, and what it says once an answer is pasted.
fn paste(server: &Server, answer: impl FnOnce(&str) -> String) -> Outcome {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::process::Stdio;
    let mut command = server.command(&["login", "--no-browser"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it is there");
    let mut lines = BufReader::new(child.stdout.take().expect("it is there")).lines();
    let url = lines.by_ref().map(Result::unwrap).find(|line| line.starts_with("http")).expect("a URL");
    let state = url.split("state=").nth(1).expect("it is there").split('&').next().expect("it is there");
    let mut stdin = child.stdin.take().expect("it is there");
    writeln!(stdin, "{}", answer(state)).expect("it is there");
    drop(stdin);
    let stdout: Vec<String> = lines.map(Result::unwrap).collect();
    let mut stderr = Vec::new();
    child.stderr.take().expect("it is there").read_to_end(&mut stderr).expect("it is there");
    let code = child.wait().expect("it is there").code();
    Outcome { code, stdout: stdout.join("\n").into_bytes(), stderr, hung: false }
}

#[test]
fn a_pasted_address_logs_in_and_a_wrong_one_does_not() {
    let server = Server::start(3600, true);
    let cases = [
        ("http://localhost/?code=s3cret-code&state=STATEx", 76, "wrong state"),
        ("http://localhost/?code=s3cret-code", 76, "wrong state"),
        ("http://localhost/?error=access_denied&state=STATE", 77, "run pop3 login -a work"),
        ("s3cret-code", 78, "no address"),
    ];
    for (address, code, text) in cases {
        let outcome = paste(&server, |state| address.replace("STATE", state)).expect(code);
        assert!(outcome.stderr().contains(text), "{text}: {outcome:?}");
        assert!(!outcome.stderr().contains("s3cret"), "{outcome:?}");
        assert_eq!(server.requests("token"), 0, "no code is redeemed");
    }
    paste(&server, |state| format!("http://localhost/?code=s3cret-code&state={state}")).expect(0);
    server.run(&["status"]).expect(0);
    let requests = server.state.lock().expect("no server panics").requests.clone();
    let (_, body) = requests.iter().find(|(path, _)| path == "token").unwrap();
    assert!(body.contains("code=s3cret-code&") && body.contains("code_verifier="), "{body}");
}

#[test]
fn logout_revokes_and_removes() {
    let server = Server::start(3600, true);
    server.login();
    let outcome = server.run(&["logout"]).expect(0);
    assert!(outcome.stderr().is_empty(), "{outcome:?}");
    assert_eq!(server.requests("revoke"), 1);
    let outcome = server.run(&["status"]).expect(78);
    assert!(outcome.stderr().contains("run pop3 login -a work"), "{outcome:?}");
    // Revoking fails: removed all the same, and said so.
    server.login();
    server.script(&[response("503 Busy", "")]);
    let outcome = server.run(&["logout"]).expect(0);
    assert!(outcome.stderr().contains("not revoked"), "{outcome:?}");
    server.run(&["status"]).expect(78);
}

#[test]
fn a_grant_of_another_client_is_none() {
    let server = Server::start(3600, true);
    server.login();
    let config = std::fs::read_to_string(server.room.path("config.toml")).unwrap();
    for (from, to) in [
        ("client-id = \"pop3\"", "client-id = \"other\""),
        ("/token\"", "/tokens\""),
        ("user = \"alice\"", "user = \"bob\""),
        ("host = \"127.0.0.1\"", "host = \"localhost\""),
    ] {
        std::fs::write(server.room.path("config.toml"), config.replace(from, to)).unwrap();
        server.run(&["status"]).expect(78);
    }
    std::fs::write(server.room.path("config.toml"), config).unwrap();
    server.run(&["status"]).expect(0);
}

#[test]
fn logins_that_cannot_be() {
    let server = Server::start(3600, true);
    let refused = |words: &[&str], code: i32, text: &str| {
        let outcome = server.run(words).expect(code);
        assert!(outcome.stderr().contains(text), "{text}: {outcome:?}");
    };
    refused(&["login"], 78, "--device or --no-browser");
    refused(&["login", "--device", "--no-browser"], 2, "cannot be used with");
    refused(&["login", "--device", "--auth", "plain"], 78, "oauthbearer");
    let no_refresh = response("200 OK", r#"{"access_token":"s3cret-a","expires_in":3600}"#);
    let device = server.state.lock().expect("no server panics").answer("device", "");
    server.script(&[device, no_refresh]);
    refused(&["login", "--device"], 76, "offline access was not granted");
    server.write("client-secret-command = \"false\"");
    refused(&["login", "--device"], 78, "client-secret-command");
    server.write("issuer = \"http://example.org\"");
    refused(&["status"], 78, "issuer");
}

#[test]
fn a_client_secret_comes_from_its_command() {
    let server = Server::start(3600, true);
    let command = if cfg!(windows) { "cmd /c echo s3cret-client" } else { "echo s3cret-client" };
    server.write(&format!("client-secret-command = \"{command}\""));
    let outcome = server.run(&["login", "--device", "--trace"]).expect(0);
    assert!(!outcome.stderr().contains("s3cret"), "{outcome:?}");
    let heard = String::from_utf8_lossy(&server.http.heard()).into_owned();
    let basic = format!("authorization: Basic {}", STANDARD.encode("pop3:s3cret-client"));
    assert!(heard.contains(&basic), "{heard}");
}
