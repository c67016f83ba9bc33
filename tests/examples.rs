//! The programs in `examples/`, run against the mailbox server.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crate::support::mailbox::{Mailbox, Quirks, Tls, sample};

const PASSWORD: &str = "correct horse";

/// A server with the five messages of the README, and a folder with its certificate.
struct Fixture {
    server: Mailbox,
    folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let server =
            Mailbox::start(Tls::Implicit, Quirks::default()).with_user("alice", PASSWORD, sample::messages());
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("ca.pem"), &server.certificate().ca_pem).expect("a file");
        Self { server, folder }
    }

    /// Builds an example if it is not up to date, and runs it.
    fn run(&self, example: &str, arguments: &[&str], input: &str) -> Output {
        let mut child = Command::new(built(example))
            .args(arguments)
            .env("SSL_CERT_FILE", self.folder.path().join("ca.pem"))
            .env("POP3_PASSWORD", PASSWORD)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a process");
        child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("a reader");
        let output = child.wait_with_output().expect("an end");
        assert!(output.status.success(), "{example}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    fn host(&self) -> String {
        format!("127.0.0.1:{}", self.server.port())
    }
}

/// Builds an example and returns its path: cargo builds the examples for `cargo test`, but not for
/// `cargo test --test pop3`.
fn built(example: &str) -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--offline", "--locked", "--message-format=json", "--example", example])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let messages = String::from_utf8_lossy(&output.stdout);
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut executables = messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    executables.next().expect("an executable")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn console_asks_again_after_a_refusal_and_deletes_at_quit() {
    let fixture = Fixture::new();
    let input = format!(
        "stat\nuser alice\npass wrong\nuser alice\npass {PASSWORD}\nstat\nlist\nuidl\ntop 1 0\nretr 3\nretr 9\ndele 2\n\
         rset\ndele 3\nnoop\nquit\n"
    );
    let output = fixture.run("console", &[&fixture.host()], &input);
    let shown = text(&output.stdout);
    for expected in [
        "before the login: user NAME",
        "the server refused PASS: -ERR",
        "5 messages, ",
        "\n3 ",
        &sample::unique_id(5),
        "Subject: Lunch?\n",
        "X-Spam-Flag: YES\n\nClick.\n",
        "the server refused RETR: -ERR",
    ] {
        assert!(shown.contains(expected), "{expected:?} in {shown}");
    }
    assert_eq!(fixture.server.log().len(), 1, "one connection");
    assert_eq!(fixture.server.unique_ids("alice"), [1, 2, 4, 5].map(sample::unique_id));
}

#[test]
fn tokio_lists_subjects_and_never_quits() {
    let fixture = Fixture::new();
    let port = fixture.server.port().to_string();
    let output = fixture.run("tokio", &["127.0.0.1", &port, "alice"], "");
    let shown = text(&output.stdout);
    assert_eq!(shown.lines().count(), 5, "{shown}");
    assert!(shown.ends_with("Cheap watches\n") && shown.contains("Lunch?"), "{shown}");
    let log = fixture.server.log();
    assert!(!log[0].iter().any(|command| command == "QUIT"), "{log:?}");
}

#[test]
fn archive_stores_each_message_once_and_deletes_on_demand() {
    let fixture = Fixture::new();
    let folder = fixture.folder.path().join("archive");
    let (host, path) = (fixture.host(), folder.to_str().expect("UTF-8"));
    let stored = || std::fs::read_dir(folder.join("mail/new")).expect("a Maildir").count();
    let first = fixture.run("archive", &[&host, "alice", path], "");
    assert_eq!((text(&first.stdout).lines().count(), stored()), (5, 5));
    let second = fixture.run("archive", &[&host, "alice", path], "");
    assert_eq!((text(&second.stdout), stored()), ("", 5));
    assert_eq!(fixture.server.unique_ids("alice").len(), 5);
    fixture.server.deliver("alice", crate::support::mailbox::Message::new("new", b"a\r\n".to_vec()));
    let third = fixture.run("archive", &[&host, "alice", path, "--delete"], "");
    assert_eq!((text(&third.stdout).lines().count(), stored()), (1, 6));
    assert_eq!(fixture.server.unique_ids("alice").len(), 5, "only what this run stored is deleted");
}
