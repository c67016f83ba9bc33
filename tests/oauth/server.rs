//! A scripted authorization server, and a POP3 server that accepts its tokens.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::support::mailbox::Certificate;
use crate::support::sandbox::{Outcome, POP3, Sandbox, run};
use crate::support::service::{Peer, Service};

/// Returns the response to a request with this path and body, or `None` for the default response.
pub(super) type Answer = dyn Fn(&str, &str) -> Option<String> + Send;

/// The state of both servers.
#[derive(Default)]
pub(super) struct State {
    /// Scripted responses in reverse order, which replace the next default responses.
    pub(super) scripted: Vec<String>,
    pub(super) answer: Option<Box<Answer>>,
    /// The path and body of each request.
    pub(super) requests: Vec<(String, String)>,
    /// The access tokens that the POP3 server accepts.
    pub(super) accepted: Vec<String>,
    /// The valid refresh tokens, one per login.
    pub(super) refresh: Vec<String>,
    pub(super) issued: u32,
    /// The lifetime of an access token in seconds.
    lifetime: u32,
    rotates: bool,
    /// Text that is appended to each token.
    pub(super) filler: String,
    /// The metadata of the issuer.
    pub(super) metadata: Option<String>,
    /// The URL of the metadata that the POP3 server names.
    pub(super) openid_configuration: Option<String>,
    /// The response of the POP3 server to a refused token. `TOLD` stands for the message of the client.
    pub(super) refusal: String,
}

pub(super) struct Server {
    pub(super) room: Sandbox,
    state: Arc<Mutex<State>>,
    pub(super) http: Service,
    pub(super) pop3: Service,
    certificate: Option<Certificate>,
    pub(super) user: String,
    /// The address of the message bus of the keyring.
    pub(super) bus: Option<String>,
}

impl Server {
    /// Starts both servers without TLS, and configures an account `work` whose grant is stored in a file.
    pub(super) fn start(lifetime: u32, rotates: bool) -> Self {
        Self::start_with(lifetime, rotates, None)
    }

    /// Starts both servers with TLS from the first byte.
    pub(super) fn start_tls() -> Self {
        Self::start_with(3600, true, Some(Certificate::for_loopback()))
    }

    fn start_with(lifetime: u32, rotates: bool, certificate: Option<Certificate>) -> Self {
        let state = State { lifetime, rotates, refusal: "-ERR [AUTH] no".into(), ..State::default() };
        let state = Arc::new(Mutex::new(state));
        let tls = certificate.as_ref().map(Certificate::server_config);
        let serve = |answer: fn(Peer, &Mutex<State>)| {
            let (state, tls) = (state.clone(), tls.clone());
            Service::start(move |mut peer| {
                if let Some(tls) = &tls {
                    peer.encrypt(tls);
                }
                answer(peer, &state);
            })
        };
        let (http, pop3) = (serve(answer), serve(maildrop));
        let server =
            Self { room: Sandbox::new(), state, http, pop3, certificate, user: "alice".into(), bus: None };
        server.write("");
        server
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no server panics")
    }

    /// Returns the URL of an endpoint.
    pub(super) fn url(&self, name: &str) -> String {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}/{name}", self.http.port())
    }

    /// Writes the configuration with all endpoints, the grant in a file, and more keys of `oauth`.
    pub(super) fn write(&self, more: &str) {
        self.write_oauth(&format!("store = \"file\"\n{}{more}", self.endpoints()));
    }

    pub(super) fn endpoints(&self) -> String {
        let names = [
            ("authorization-url", "auth"),
            ("device-url", "device"),
            ("token-url", "token"),
            ("revocation-url", "revoke"),
        ];
        names.map(|(key, name)| format!("{key} = \"{}\"\n", self.url(name))).concat()
    }

    /// Writes the configuration with these keys of `oauth` in addition to `client-id` and `ca-file`.
    pub(super) fn write_oauth(&self, keys: &str) {
        let mut ca_file = String::new();
        let mut tls = "none";
        if let Some(certificate) = &self.certificate {
            std::fs::write(self.room.path("ca.pem"), &certificate.ca_pem).expect("a file");
            ca_file = "ca-file = \"ca.pem\"\n".into();
            tls = "implicit";
        }
        let config = format!(
            "[account.work]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"{tls}\"\nauth = \"oauthbearer\"\n\
             user = \"{}\"\n{ca_file}[account.work.oauth]\nclient-id = \"pop3\"\n{ca_file}{keys}\n",
            self.pop3.port(),
            self.user
        );
        std::fs::write(self.config(), config).expect("a file");
    }

    pub(super) fn config(&self) -> PathBuf {
        self.room.path("config.toml")
    }

    pub(super) fn command(&self, words: &[&str]) -> Command {
        self.program(POP3, &[&["-a", "work"], words].concat())
    }

    /// Returns a command for a program in the sandbox of the account.
    pub(super) fn program(&self, program: &str, words: &[&str]) -> Command {
        let mut command = self.room.program(program);
        command.env("POP3_CONFIG", self.config()).args(words);
        if let Some(bus) = &self.bus {
            command.env("DBUS_SESSION_BUS_ADDRESS", bus);
        }
        command
    }

    pub(super) fn run(&self, words: &[&str]) -> Outcome {
        run(self.command(words))
    }

    /// Scripts the next responses, in this order.
    pub(super) fn script(&self, responses: &[String]) {
        let mut responses = responses.to_vec();
        responses.reverse();
        self.state().scripted = responses;
    }

    /// Scripts the default response of the device endpoint, and then these responses.
    pub(super) fn script_device(&self, responses: &[String]) {
        let device = self.state().answer("device", "");
        self.script(&[&[device], responses].concat());
    }

    pub(super) fn requests(&self, path: &str) -> usize {
        self.state().requests.iter().filter(|(found, _)| found == path).count()
    }

    pub(super) fn login(&self) {
        self.run(&["login", "--device"]).expect(0);
    }

    /// Returns the folder in which grants are stored in files.
    pub(super) fn folder(&self) -> PathBuf {
        self.room.state().join("oauth")
    }

    /// Returns the file with this extension in the folder of grants.
    pub(super) fn file(&self, extension: &str) -> Option<PathBuf> {
        let mut paths = std::fs::read_dir(self.folder()).ok()?.map(|entry| entry.expect("an entry").path());
        paths.find(|path| path.extension().is_some_and(|found| found == extension))
    }

    /// Returns the refresh token of the grant in its file. Panics if the file is not a complete grant.
    #[cfg(target_os = "linux")]
    #[track_caller]
    pub(super) fn stored(&self) -> Option<String> {
        let bytes = std::fs::read(self.file("json")?).expect("a file");
        let grant: serde_json::Value = serde_json::from_slice(&bytes).expect("a whole grant");
        Some(grant["refresh_token"].as_str().expect("a refresh token").to_owned())
    }
}

pub(super) fn response(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

/// Returns the value of a field of a form.
pub(super) fn field(body: &str, name: &str) -> String {
    let pair = body.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    pair.unwrap_or_default().to_owned()
}

fn answer(mut peer: Peer, state: &Mutex<State>) {
    let line = peer.line();
    let target = line.split(' ').nth(1).unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default().trim_start_matches('/').to_owned();
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
        let own = state.scripted.pop();
        let own = own.or_else(|| state.answer.as_ref().and_then(|answer| answer(&path, &body)));
        own.unwrap_or_else(|| state.answer(&path, &body))
    };
    peer.say(response);
}

impl State {
    fn answer(&mut self, path: &str, body: &str) -> String {
        match path {
            "device" => response(
                "200 OK",
                r#"{"device_code":"s3cret-device","user_code":"AB-CD","verification_uri":"https://x/","interval":1}"#,
            ),
            "revoke" => {
                self.refresh.retain(|token| *token != field(body, "token"));
                response("200 OK", "")
            }
            "token" => self.tokens(body),
            ".well-known/openid-configuration" => match &self.metadata {
                Some(metadata) => response("200 OK", metadata),
                None => response("404 Not Found", ""),
            },
            _ => response("404 Not Found", ""),
        }
    }

    fn tokens(&mut self, body: &str) -> String {
        let refreshes = field(body, "grant_type") == "refresh_token";
        let used = field(body, "refresh_token");
        let known = self.refresh.iter().position(|token| *token == used);
        if refreshes && known.is_none() {
            // The second use of a token revokes the grant.
            self.refresh.clear();
            return response("400 Bad Request", r#"{"error":"invalid_grant"}"#);
        }
        self.issued += 1;
        let (issued, lifetime, filler) = (self.issued, self.lifetime, &self.filler);
        let access = format!("s3cret-access-{issued}{filler}");
        self.accepted.push(access.clone());
        let mut refresh = String::new();
        if !refreshes || self.rotates {
            let token = format!("s3cret-refresh-{issued}{filler}");
            refresh = format!(r#","refresh_token":"{token}""#);
            match known {
                Some(at) => self.refresh[at] = token,
                None => self.refresh.push(token),
            }
        }
        response("200 OK", &format!(r#"{{"access_token":"{access}","expires_in":{lifetime}{refresh}}}"#))
    }
}

/// Serves a maildrop with OAUTHBEARER, with or without an initial response, and with PLAIN and any password.
fn maildrop(mut peer: Peer, state: &Mutex<State>) {
    peer.say("+OK\r\n");
    loop {
        let line = peer.line();
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => return,
            ["CAPA"] => peer.say("+OK\r\nSASL OAUTHBEARER PLAIN\r\n.\r\n"),
            ["AUTH", "PLAIN", _] => {
                peer.say("+OK\r\n");
                return peer.maildrop();
            }
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
                let (accepted, reason, refusal) = {
                    let state = state.lock().expect("no server panics");
                    let mut reason = serde_json::json!({"status": "invalid_token"});
                    if let Some(url) = &state.openid_configuration {
                        reason["openid-configuration"] = url.as_str().into();
                    }
                    let accepted = state.accepted.iter().any(accepted);
                    (
                        accepted,
                        reason.to_string(),
                        state.refusal.replace("TOLD", &message.escape_debug().to_string()),
                    )
                };
                if accepted {
                    peer.say("+OK\r\n");
                    return peer.maildrop();
                }
                peer.say(format!("+ {}\r\n", STANDARD.encode(reason)));
                peer.line();
                peer.say(format!("{refusal}\r\n"));
            }
            _ => peer.say("-ERR\r\n"),
        }
    }
}
