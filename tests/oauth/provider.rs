//! A real authorization server (npm's oidc-provider) and a Dovecot that asks it about tokens.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::support::dovecot::Dovecot;
use crate::support::sandbox::{Outcome, POP3, Sandbox, run};

/// The folder of the authorization server; `npm ci --prefix tests/oidc` installs it.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oidc")
}

struct Provider {
    node: Child,
    /// The server ends with it.
    stdin: Option<ChildStdin>,
    dovecot: Dovecot,
    room: Sandbox,
}

impl Provider {
    /// `None`, said loudly, where it is not installed; a failure where `POP3_TEST_SERVERS=required`.
    fn start(seconds: u32) -> Option<Self> {
        if !folder().join("node_modules/oidc-provider").exists() {
            let required = std::env::var("POP3_TEST_SERVERS").is_ok_and(|value| value == "required");
            assert!(!required, "oidc-provider is not installed (npm ci --prefix tests/oidc)");
            eprintln!("SKIPPED (oidc-provider is not installed: npm ci --prefix tests/oidc)");
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
        let mut issuer = String::new();
        let mut stdout = BufReader::new(node.stdout.take().expect("piped"));
        stdout.read_line(&mut issuer).expect("the issuer");
        // It says more, and ends where nobody listens.
        std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        let issuer = issuer.trim().to_owned();
        let stdin = node.stdin.take();
        let port = issuer.rsplit(':').next().expect("a port").to_owned();
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
        Some(Self { node, stdin, dovecot, room })
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

    /// Logs in; `person` gets the lines of standard output until it has what it needs, and gives what is typed.
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

/// The person follows a URL through every form, and says where it ended.
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

#[test]
fn a_pasted_address_from_nothing_to_status() {
    let Some(provider) = Provider::start(3600) else { return };
    provider.expect(&["status"], 78);
    provider.login(&["login", "--no-browser"], |line| line.starts_with("http").then(|| person(line, "")));
    for auth in ["auto", "xoauth2", "oauthbearer"] {
        provider.expect(&["status", "--auth", auth], 0);
    }
    let outcome = provider.expect(&["logout"], 0);
    assert!(outcome.stderr().is_empty(), "{outcome:?}");
    provider.expect(&["status"], 78);
}

#[test]
fn a_device_code_and_refreshes_that_rotate() {
    // Under the margin of a minute, so that every run refreshes, and long enough for a slow machine.
    let Some(provider) = Provider::start(30) else { return };
    provider.login(&["login", "--device", "--json"], |line| {
        let row: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let device = &row["device"];
        let text = |key: &str| device[key].as_str().expect("text").to_owned();
        person(&text("url"), &text("code"));
        None
    });
    for _ in 0..10 {
        provider.expect(&["status"], 0);
    }
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| provider.expect(&["status"], 0));
        }
    });
}
