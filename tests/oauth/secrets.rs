//! Access token, refresh token, code, verifier, device code and client secret are never shown, whatever a server
//! echoes and wherever its response ends.

use std::fmt::Write as _;
use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::server::{Server, field, response};
use crate::support::sandbox::{Outcome, run};

/// The long middle part shows if a part of a secret is printed.
const CLIENT: &str = "s3cret-client/0123456789+x";
const DEVICE: &str = "s3cret-device~9876543210/y";
const CODE: &str = "s3cret-code/5647382910+z";
const ACCESS: &str = "s3cret-access.1029384756~w";
const REFRESH: &str = "s3cret-refresh/5564738291=v";

/// The place where a response repeats the request.
#[derive(Clone, Copy, Debug)]
enum Echo {
    Description,
    Code,
    /// In addition to the tokens of a successful response.
    TokenType,
    Html,
    Location,
    RetryAfter,
    Reason,
    Junk,
    /// In JSON values of a wrong type.
    Types,
}

const ECHOES: [Echo; 9] = [
    Echo::Description,
    Echo::Code,
    Echo::TokenType,
    Echo::Html,
    Echo::Location,
    Echo::RetryAfter,
    Echo::Reason,
    Echo::Junk,
    Echo::Types,
];

impl Echo {
    fn response(self, told: &str) -> String {
        let json = |key: &str| serde_json::json!({ key: told });
        let with_field = |status: &str, name: &str| {
            response(status, "").replacen("\r\n", &format!("\r\n{name}: {told}\r\n"), 1)
        };
        match self {
            Self::Description => {
                let mut body = json("error_description");
                body["error"] = "invalid_grant".into();
                // The error response also contains the tokens that it quotes.
                body["access_token"] = ACCESS.into();
                response("400 Bad Request", &body.to_string())
            }
            Self::Code => response("400 Bad Request", &json("error").to_string()),
            Self::TokenType => {
                let mut body = json("token_type");
                body["access_token"] = ACCESS.into();
                response("200 OK", &body.to_string())
            }
            Self::Html => response("200 OK", &format!("<html>{told}")),
            Self::Location => with_field("302 Found", "Location"),
            Self::RetryAfter => with_field("429 Busy", "Retry-After"),
            Self::Reason => response(&format!("400 {told}"), ""),
            Self::Junk => format!("{told}\r\n\r\n"),
            Self::Types => {
                response("200 OK", &serde_json::json!({ "access_token": [told], told: 1 }).to_string())
            }
        }
    }
}

/// Returns the secrets in a request with this body, in every encoding, and the access token of the grant.
fn told(body: &str, echo: Echo) -> String {
    let mut all = body.to_owned();
    let verifier = field(body, "code_verifier");
    let is_refresh = body.contains(&percent(REFRESH));
    for secret in [CLIENT, DEVICE, CODE, ACCESS, REFRESH, verifier.as_str()] {
        let is_told = body.contains(&percent(secret)) || secret == CLIENT;
        let is_known = secret == ACCESS && (is_refresh || matches!(echo, Echo::Description));
        if is_told || is_known {
            let _ = write!(all, " {secret} {} {}", STANDARD.encode(secret), percent(secret));
        }
    }
    all + " Basic " + &STANDARD.encode(format!("pop3:{}", percent(CLIENT)))
}

fn percent(text: &str) -> String {
    let octet = |octet: u8| match octet {
        b'-' | b'.' | b'_' | b'~' => char::from(octet).to_string(),
        _ if octet.is_ascii_alphanumeric() => char::from(octet).to_string(),
        _ => format!("%{octet:02X}"),
    };
    text.bytes().map(octet).collect()
}

/// Checks that the text contains no part of a secret.
fn check(what: &str, text: &str, verifiers: &[String]) {
    let secrets = [CLIENT, DEVICE, CODE, ACCESS, REFRESH].into_iter();
    for secret in secrets.chain(verifiers.iter().map(String::as_str)) {
        let base64 = STANDARD.encode(secret);
        let end = &secret[secret.len() - 10..];
        for part in [secret, &secret[..10], end, &percent(end), &base64[..12], &base64[12..22]] {
            assert!(!text.contains(part), "{what}: {part:?} is seen:\n{text}");
        }
    }
}

struct Scene {
    server: Server,
    /// The file in which the grant is stored.
    file: PathBuf,
    /// The file of a grant with the tokens above.
    grant: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let server = Server::start(3, true);
        let command = if cfg!(windows) { "cmd /c echo" } else { "echo" };
        server.write(&format!("client-secret-command = \"{command} {CLIENT}\""));
        // The grant is replaced with one that has known tokens.
        server.login();
        let file = server.file("json").expect("a grant");
        let mut grant: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&file).expect("a file")).expect("JSON");
        grant["access_token"] = ACCESS.into();
        grant["refresh_token"] = REFRESH.into();
        let path = server.room.path("grant.json");
        std::fs::write(&path, grant.to_string()).expect("a file");
        Self { server, file, grant: path }
    }

    /// Runs `pop3` with `words` while an endpoint echoes the secrets. The response ends after `cut` bytes.
    fn play(&self, words: &[&str], echo: Echo, cut: Option<usize>) {
        let server = &self.server;
        std::fs::copy(&self.grant, &self.file).expect("a file");
        server.state().answer = Some(Box::new(move |path, body| {
            if path == "device" {
                let body = serde_json::json!({
                    "device_code": DEVICE, "user_code": "AB-CD", "verification_uri": "https://x/", "interval": 1
                });
                return Some(response("200 OK", &body.to_string()));
            }
            let mut response = echo.response(&told(body, echo));
            response.truncate(cut.unwrap_or(response.len()));
            Some(response)
        }));
        let trace = server.room.path("trace");
        let _ = std::fs::remove_file(&trace);
        let mut all = words.to_vec();
        let to_file = format!("--trace={}", trace.display());
        // Standard output contains the URL to open only without --json.
        let is_pasted = words.contains(&"--no-browser");
        all.extend(match cut {
            _ if is_pasted => ["-vvv", &to_file],
            Some(cut) if cut % 2 == 0 => ["--trace", "-vvv"],
            _ => ["--json", &to_file],
        });
        let outcome = if is_pasted {
            self.paste(&all)
        } else {
            let mut command = server.command(&all);
            command.env("RUST_LOG", "trace");
            run(command)
        };
        let what = format!("{words:?} {echo:?} {cut:?}");
        assert!(!outcome.hung && outcome.code.is_some(), "{what}: {outcome:?}");
        assert!(outcome.code != Some(0) || words == ["logout"], "{what}: {outcome:?}");
        let verifiers: Vec<String> = server
            .state()
            .requests
            .drain(..)
            .map(|(_, body)| field(&body, "code_verifier"))
            .filter(|verifier| !verifier.is_empty())
            .collect();
        let traced = std::fs::read_to_string(&trace).unwrap_or_default();
        for text in [outcome.stdout(), outcome.stderr(), traced] {
            check(&what, &text, &verifiers);
        }
    }

    #[cfg(target_os = "linux")]
    fn paste(&self, words: &[&str]) -> Outcome {
        use super::browser::{paste, state};
        paste(&self.server, &words[2..], |url| {
            format!("http://localhost/?code={}&state={}", percent(CODE), state(url))
        })
    }

    #[cfg(not(target_os = "linux"))]
    fn paste(&self, words: &[&str]) -> Outcome {
        self.server.run(words)
    }
}

#[test]
fn no_secret_of_a_grant_is_shown() {
    // Under Wine a process takes half a second to start.
    let cuts = if cfg!(windows) { 0 } else { 3 };
    std::thread::scope(|scope| {
        for words in [&["status"][..], &["logout"], &["login", "--device"], &["login", "--no-browser"]] {
            scope.spawn(move || {
                let scene = Scene::new();
                for (nth, echo) in ECHOES.into_iter().enumerate() {
                    scene.play(words, echo, None);
                    // Fewer cuts, as a poll follows the device code after a second.
                    let cuts = if words.contains(&"--device") { 0 } else { cuts };
                    for cut in 0..cuts {
                        scene.play(words, echo, Some(100 + 61 * cut + 17 * nth));
                    }
                }
            });
        }
    });
}

/// The POP3 server echoes the refused token.
#[test]
fn a_refused_token_is_not_shown() {
    let scene = Scene::new();
    let server = &scene.server;
    std::fs::copy(&scene.grant, &scene.file).expect("a file");
    let body =
        serde_json::json!({"access_token": ACCESS, "refresh_token": REFRESH, "expires_in": 3600}).to_string();
    server.state().refusal = "-ERR [AUTH] TOLD".into();
    for words in
        [&["status", "--trace"][..], &["status", "--json", "-vvv"], &["login", "--device", "--trace"]]
    {
        let tokens = response("200 OK", &body);
        server.state().answer = Some(Box::new(move |path, _| (path == "token").then(|| tokens.clone())));
        let mut command = server.command(words);
        command.env("RUST_LOG", "trace");
        let outcome = run(command).expect(77);
        check(&format!("{words:?}"), &format!("{}{}", outcome.stdout(), outcome.stderr()), &[]);
    }
}
