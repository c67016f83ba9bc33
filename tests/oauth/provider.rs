//! A real authorization server (npm's oidc-provider), and a Dovecot server that verifies its tokens by introspection.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};

use crate::support::dovecot::Dovecot;
use crate::support::sandbox::{LONGEST_RUN, Outcome, POP3, Sandbox, run};
use crate::support::skip::skipped;

/// Returns the folder of the authorization server, which `npm ci --prefix tests/oidc` installs.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oidc")
}

struct Provider {
    node: Child,
    /// The server ends when its standard input is closed.
    stdin: Option<ChildStdin>,
    /// The lines that the server prints.
    lines: Receiver<String>,
    port: u16,
    dovecot: Dovecot,
    room: Sandbox,
}

impl Provider {
    /// Starts the servers. Returns `None`, and reports the test as skipped, if one is not installed.
    fn start(seconds: u32) -> Option<Self> {
        if !folder().join("node_modules/oidc-provider").exists() {
            skipped("oidc-provider is not installed (npm ci --prefix tests/oidc)");
            return None;
        }
        let mut node = Command::new("node")
            .arg(folder().join("server.mjs"))
            .arg(seconds.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node is installed");
        let (sender, lines) = mpsc::channel();
        let stdout = BufReader::new(node.stdout.take().expect("piped"));
        // All output is read, because the server ends if its standard output is closed.
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let issuer = lines.recv_timeout(LONGEST_RUN).expect("the issuer");
        let stdin = node.stdin.take();
        let port: u16 = issuer.rsplit(':').next().expect("a port").parse().expect("a number");
        let dovecot = Dovecot::start_with(&[], |root| {
            let introspection = format!(
                "introspection_url = http://dovecot:secret@127.0.0.1:{port}/token/introspection\n\
                 introspection_mode = post\nforce_introspection = yes\nusername_attribute = username\n\
                 active_attribute = active\nactive_value = true\nscope = pop\n"
            );
            std::fs::write(root.join("oauth2"), introspection).expect("a file");
            format!(
                "auth_mechanisms = xoauth2 oauthbearer\npassdb {{\n  driver = oauth2\n  \
                 mechanisms = xoauth2 oauthbearer\n  args = {}/oauth2\n}}\n",
                root.display()
            )
        });
        let Some(dovecot) = dovecot else {
            drop(stdin);
            let _ = node.wait();
            return None;
        };
        dovecot.deliver("alice", &[]);
        let room = Sandbox::new();
        let config = format!(
            "[account.work]\nhost = \"localhost\"\nport = {}\ntls = \"implicit\"\nca-file = \"{}\"\nuser = \"alice\"\n\
             [account.work.oauth]\nissuer = \"{issuer}\"\nclient-id = \"pop3\"\nstore = \"file\"\n\
             scope = \"openid offline_access pop\"\nparameters = {{ prompt = \"consent\" }}\n",
            dovecot.tls_port,
            dovecot.ca_file().display()
        );
        std::fs::write(room.path("config.toml"), config).expect("a file");
        Some(Self { node, stdin, lines, port, dovecot, room })
    }

    /// Advances the clock of the authorization server.
    fn pass(&mut self, seconds: u32) {
        writeln!(self.stdin.as_mut().expect("it runs"), "{seconds}").expect("it reads");
        while self.lines.recv_timeout(LONGEST_RUN).expect("it answers") != "passed" {}
    }

    /// Returns the stored grant.
    fn grant(&self) -> serde_json::Value {
        let folder = self.room.state().join("oauth");
        let mut paths =
            std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        let path = paths.find(|path| path.extension().is_some_and(|end| end == "json")).expect("a grant");
        serde_json::from_slice(&std::fs::read(path).expect("a file")).expect("JSON")
    }

    /// Posts a form and returns the response.
    fn post(&self, path: &str, form: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the server");
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nContent-Length: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}",
            self.port,
            form.len()
        )
        .expect("it reads");
        let mut response = String::new();
        stream.read_to_string(&mut response).expect("a response");
        response
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.room.program(POP3);
        command.env("POP3_CONFIG", self.room.path("config.toml")).args(["-a", "work"]).args(words);
        command
    }

    #[track_caller]
    fn expect(&self, words: &[&str], code: i32) -> Outcome {
        let outcome = run(self.command(words));
        assert!(outcome.code == Some(code), "{words:?}: {outcome:?}\n{}", self.dovecot.log());
        outcome
    }

    /// Logs in. `person` is called with the lines of standard output until it returns the text to type.
    fn login(&self, words: &[&str], mut person: impl FnMut(&str) -> Option<String>) {
        let mut command = self.command(words);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("pop3");
        let mut stdin = child.stdin.take().expect("piped");
        for line in BufReader::new(child.stdout.take().expect("piped")).lines() {
            if let Some(typed) = person(&line.expect("text")) {
                writeln!(stdin, "{typed}").expect("pop3 reads");
            }
        }
        drop(stdin);
        let outcome = child.wait_with_output().expect("a child");
        assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stderr));
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.node.wait();
    }
}

/// Follows a URL through every form, and returns the last URL.
fn person(url: &str, code: &str) -> String {
    let output = Command::new("node")
        .arg(folder().join("person.mjs"))
        .args([url, code])
        .env("PASTE", "1")
        .output()
        .expect("node is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("a URL").trim().to_owned()
}

fn log_in_by_device(provider: &Provider) {
    provider.login(&["login", "--device", "--json"], |line| {
        let row: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let device = &row["device"];
        let text = |key: &str| device[key].as_str().expect("text").to_owned();
        person(&text("url"), &text("code"));
        None
    });
}

#[test]
fn a_pasted_address_logs_in() {
    let Some(provider) = Provider::start(3600) else { return };
    provider.expect(&["status"], 78);
    provider.login(&["login", "--no-browser"], |line| line.starts_with("http").then(|| person(line, "")));
    for auth in ["auto", "xoauth2", "oauthbearer"] {
        provider.expect(&["status", "--auth", auth], 0);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_browser_logs_in() {
    let Some(provider) = Provider::start(3600) else { return };
    provider.expect(&["status"], 78);
    let mut script = provider.room.program("script");
    script.env("POP3_CONFIG", provider.room.path("config.toml"));
    script.env("BROWSER", format!("node '{}'", folder().join("person.mjs").display()));
    let (shown, code) = crate::terminal::Terminal::new(script, &format!("{POP3} -a work login")).finish();
    assert_eq!(code, Some(0), "{shown}{}", provider.dovecot.log());
    provider.expect(&["status"], 0);
}

#[test]
fn a_device_code_logs_in_and_the_token_is_refreshed() {
    let Some(mut provider) = Provider::start(3) else { return };
    provider.expect(&["status"], 78);
    log_in_by_device(&provider);
    for _ in 0..10 {
        let expired = provider.grant()["access_token"].as_str().expect("text").to_owned();
        provider.pass(4);
        let mut command = provider.command(&["status"]);
        command.env("POP3_TOKEN", expired);
        run(command).expect(77);
        provider.expect(&["status"], 0);
    }
}

/// `pop3` does not know the clock of the server, so the cached token seems valid for an hour.
#[test]
fn a_cached_token_that_expired_at_the_server_is_refreshed() {
    let Some(mut provider) = Provider::start(3600) else { return };
    log_in_by_device(&provider);
    let before = provider.grant();
    provider.expect(&["status"], 0);
    assert_eq!(provider.grant(), before, "the cached token is used");
    provider.pass(3601);
    provider.expect(&["status"], 0);
    assert_ne!(provider.grant()["refresh_token"], before["refresh_token"], "the server rotates");
}

/// The server revokes a grant whose refresh token is used twice.
#[test]
fn runs_at_once_lose_no_grant_that_rotates() {
    let Some(provider) = Provider::start(3) else { return };
    log_in_by_device(&provider);
    std::thread::scope(|scope| {
        for _ in 0..20 {
            let command = provider.command(&["status"]);
            scope.spawn(|| run(command).expect(0));
        }
    });
    provider.expect(&["status"], 0);
}

#[test]
fn a_logout_revokes() {
    let Some(provider) = Provider::start(3600) else { return };
    log_in_by_device(&provider);
    let refresh_token = provider.grant()["refresh_token"].as_str().expect("text").to_owned();
    let introspect = || {
        let form = format!("client_id=dovecot&client_secret=secret&token={refresh_token}");
        provider.post("/token/introspection", &form)
    };
    assert!(introspect().contains("\"active\":true"), "{}", introspect());
    let outcome = provider.expect(&["logout"], 0);
    assert!(outcome.stderr().is_empty(), "{outcome:?}");
    assert!(introspect().contains("\"active\":false"), "{}", introspect());
    let form = format!("grant_type=refresh_token&client_id=pop3&refresh_token={refresh_token}");
    let refused = provider.post("/token", &form);
    assert!(refused.contains("invalid_grant"), "{refused}");
    provider.expect(&["status"], 78);
}
