//! Runs the examples of `README.md` and `man/pop3-recipes.7` unchanged against a mailbox server with five messages.
//! In the README, `<!-- test: NAME -->` marks an example and `<!-- output: NAME -->` its output; in the manual page,
//! the comment `.\" test: NAME` marks an example.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::mailbox::sample::{self, mail, unique_id};
use crate::support::mailbox::{Mailbox, Quirks, Tls};
use crate::support::roff;
use crate::support::sandbox::{Outcome, POP3, Sandbox, files, run};
use crate::support::skip::need;

const README: &str = include_str!("../README.md");
const RECIPES: &str = include_str!("../man/pop3-recipes.7");
const CONFIG: &str = include_str!("../man/pop3-config.5");
const JSON: &str = include_str!("../man/pop3-json.5");

/// Runs the session at the top, command by command, and compares all output.
#[test]
fn session() {
    let Some(desk) = Desk::new() else { return };
    let work = desk.room.work().display().to_string();
    let text = block("test: session");
    for step in text.split("$ ").skip(1) {
        let (command, output) = step.split_once('\n').expect("a command line");
        let outcome = desk.bash(&format!("exec 2>&1; {command}")).expect(0);
        assert_eq!(outcome.stdout().replace(&work, "/home/alice"), output, "{command}");
    }
    let stored = files(&desk.room.work().join("mail"));
    assert_eq!(stored.iter().map(|(_, octets)| octets.clone()).collect::<Vec<_>>(), mail());
    assert_eq!(desk.left(), [1, 2, 3, 4, 5]);
    assert!(desk.never_quit());
}

#[test]
fn json() {
    let Some(desk) = Desk::with_jq() else { return };
    let outcome = desk.bash(&block("test: json")).expect(0);
    assert_eq!(outcome.stdout(), block("output: json"));
    assert_eq!(outcome.stderr(), "");
    assert!(desk.never_quit());
}

#[test]
fn spam() {
    let Some(desk) = Desk::with_jq() else { return };
    let tried = desk.bash(&block("test: spam").replace(" --commit", "")).expect(0);
    assert!(tried.stderr().contains("nothing was deleted"), "{tried:?}");
    assert_eq!(desk.left(), [1, 2, 3, 4, 5]);
    let outcome = desk.bash(&block("test: spam")).expect(0);
    assert_eq!(outcome.stderr(), "");
    assert_eq!(desk.left(), [1, 2, 4]);
}

#[test]
fn leave() {
    let Some(desk) = Desk::new() else { return };
    let recipe = block("test: leave");
    let outcome = desk.bash(&recipe).expect(0);
    assert_eq!(outcome.stderr(), "");
    assert_eq!(desk.maildir("Mail/work").len(), 5);
    assert_eq!(desk.left(), [1, 2, 3, 4, 5]);
    // Shortens the 30 days of the recipe.
    assert!(recipe.contains(" 30d "));
    desk.bash(&recipe.replace(" 30d ", " 0d ")).expect(0);
    assert_eq!(desk.maildir("Mail/work").len(), 5);
    assert!(desk.left().is_empty());
}

#[test]
fn archive() {
    let Some(desk) = Desk::new() else { return };
    let outcome = desk.bash(&block("test: archive")).expect(0);
    assert_eq!(outcome.stderr(), "");
    let mut stored = desk.maildir("Mail/archive");
    let mut sent: Vec<Vec<u8>> = mail().iter().map(|octets| lf(octets)).collect();
    stored.sort();
    sent.sort();
    assert!(stored == sent, "what was stored is not what was sent");
    assert!(desk.left().is_empty());
}

#[test]
fn mda() {
    let Some(desk) = Desk::new() else { return };
    let recipe = block("test: mda");
    desk.program("maildrop", "[ \"$POP3_NUMBER\" != 3 ] && cat >\"$HOME/$POP3_UID\"");
    desk.bash(&recipe).expect(73);
    assert_eq!(desk.left(), [3], "the message that failed stays, the others are committed");
    desk.program("maildrop", "cat >\"$HOME/$POP3_UID\"");
    let outcome = desk.bash(&recipe).expect(0);
    assert_eq!(outcome.stderr(), "");
    for (nth, octets) in (1..).zip(mail()) {
        let taken = fs::read(desk.home().join(unique_id(nth))).expect("the agent wrote it");
        assert!(taken == lf(&octets), "message {nth} is not what was sent");
    }
    assert!(desk.left().is_empty());
}

#[test]
fn check() {
    let Some(desk) = Desk::new() else { return };
    let outcome = desk.bash(&block("test: check")).expect(0);
    assert!(outcome.stdout().ends_with("You have mail.\n"), "{outcome:?}");
    desk.bash("pop3 fetch").expect(0);
    let outcome = desk.bash(&block("test: check")).expect(1);
    assert!(!outcome.stdout().contains("You have mail."), "{outcome:?}");
}

#[test]
fn cron() {
    let Some(desk) = Desk::new() else { return };
    let line = block("test: cron");
    let line = line.trim_end();
    assert!(!line.contains(['%', '\n']), "cron treats % as a line end");
    let (when, command) = line.split_at(line.match_indices(' ').nth(4).expect("five fields and a command").0);
    assert_eq!(when, "*/10 * * * *");
    fs::create_dir_all(desk.home().join(".cargo/bin")).expect("a folder");
    symlink(POP3, desk.home().join(".cargo/bin/pop3")).expect("a link");
    let mut cron = desk.command("/bin/sh");
    cron.args(["-c", command.trim_start()]).env("PATH", "/usr/bin:/bin");
    let outcome = run(cron).expect(0);
    assert_eq!((outcome.stdout(), outcome.stderr()), Default::default());
    assert_eq!(desk.maildir("Mail/work").len(), 5);
    assert!(desk.never_quit());
}

#[test]
fn accounts() {
    let Some(desk) = Desk::new() else { return };
    need("xargs");
    let outcome =
        desk.bash(&format!("export POP3_USER=alice POP3_PASSWORD=secret; {}", block("test: accounts")));
    assert_eq!(outcome.stderr(), "", "{outcome:?}");
    // Both accounts belong to alice here, so they share a record and run one after the other.
    let stored = desk.maildir("Mail/work").len() + files(&desk.home().join("Mail/home")).len();
    assert_eq!(stored, 5, "{outcome:?}");
    outcome.expect(0);
}

#[test]
fn service() {
    let Some(desk) = Desk::new() else { return };
    desk.program("pass", "exit 1"); // The credential of systemd is used instead.
    let unit = block("test: service");
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("a command");
    assert!(start.contains("/usr/local/bin/pop3"));
    let credentials = desk.room.path("credentials");
    fs::create_dir(&credentials).expect("a folder");
    fs::write(credentials.join("pop3"), "secret\n").expect("a file");
    let mut service = desk.command("bash");
    service
        .args(["-c", &start.replace("/usr/local/bin/pop3", POP3)])
        .env("CREDENTIALS_DIRECTORY", credentials);
    run(service).expect(0);
    assert_eq!(desk.maildir("Mail/work").len(), 5);

    let Some(analyze) = need("systemd-analyze") else { return };
    let with_grant = block("test: oauth-service");
    assert!(with_grant.contains("ExecStart=/usr/local/bin/pop3 fetch --account work\n"));
    let units = [
        ("pop3-fetch.service", unit),
        ("pop3-fetch.timer", block("test: timer")),
        ("pop3-fetch-oauth.service", with_grant.replace("/usr/local/bin/pop3", POP3)),
    ];
    let mut verify = desk.room.program(analyze);
    verify.args(["verify", "--man=no"]);
    for (name, text) in units {
        fs::write(desk.room.path(name), text).expect("a file");
        verify.arg(desk.room.path(name));
    }
    let outcome = run(verify).expect(0);
    assert!(!outcome.stderr().contains("pop3-fetch"), "{outcome:?}");
}

#[test]
fn import() {
    let Some(desk) = Desk::new() else { return };
    let list = desk.home().join(".mpop_uidls");
    fs::create_dir(&list).expect("a folder");
    let unique_ids = (1..=3).map(unique_id).collect::<Vec<_>>().join("\n") + "\n";
    fs::write(list.join("alice_at_pop.example.org"), format!("# mpop\n 3 localhost alice\n{unique_ids}"))
        .expect("a file");
    let outcome = desk.bash(&block("test: import")).expect(0);
    assert!(outcome.stdout().starts_with("imported from mpop: 3 messages\n"), "{outcome:?}");
    assert_eq!(outcome.stdout().matches("imported:mpop").count(), 3, "{outcome:?}");
    desk.bash("pop3 fetch").expect(0);
    assert_eq!(desk.maildir("Mail/work").len(), 2);
}

#[test]
fn lmtp() {
    let Some(desk) = Desk::new() else { return };
    let socket = desk.room.path("lmtp");
    let listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    let server = std::thread::spawn(move || lmtp_messages(&listener.accept().expect("a connection").0));
    let recipe = block("test: lmtp").replace("/run/dovecot/lmtp", &socket.display().to_string());
    desk.bash(&recipe).expect(0);
    assert_eq!(server.join().expect("it ends"), mail());
    assert!(desk.left().is_empty());
}

/// Receives every message of one connection.
fn lmtp_messages(stream: &std::os::unix::net::UnixStream) -> Vec<Vec<u8>> {
    use std::io::{BufRead as _, BufReader, Write as _};
    let mut output = stream;
    let mut say =
        |line: &str| output.write_all(format!("{line}\r\n").as_bytes()).expect("a client that reads");
    let mut lines = BufReader::new(stream).split(b'\n').map(|line| line.expect("a line"));
    let mut messages = Vec::new();
    say("220 ready");
    while let Some(line) = lines.next().filter(|line| line != b"QUIT\r") {
        if line != b"DATA\r" {
            say("250 OK");
            continue;
        }
        say("354 go on");
        let body = lines.by_ref().take_while(|line| line != b".\r");
        let unstuffed = body.map(|line| line.strip_prefix(b".").map_or(line.clone(), <[u8]>::to_vec));
        messages.push(unstuffed.flat_map(|line| [line, b"\n".to_vec()].concat()).collect());
        say("250 saved");
    }
    messages
}

#[test]
fn gmail() {
    let Some(desk) = Desk::new() else { return };
    let Some(_) = need("python3") else { return };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let server = std::thread::spawn(move || {
        (0..5).map(|_| imap_message(&listener.accept().expect("a connection").0)).collect::<Vec<_>>()
    });
    fs::create_dir_all(desk.home().join(".config/pop3")).expect("a folder");
    fs::write(desk.home().join(".config/pop3/gmail"), "app-password\n").expect("a file");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/import/append-to-imap.py");
    let recipe = block("test: gmail")
        .replace("imap.gmail.com", &format!("127.0.0.1 IMAP_PORT={port} IMAP_TLS=none"))
        .replace("examples/import/append-to-imap.py", script);
    desk.bash(&recipe).expect(0);
    let taken = server.join().expect("it ends");
    let sent: Vec<Vec<u8>> = mail();
    // imaplib converts every line end to CRLF, as IMAP requires.
    assert_eq!(taken, sent);
    assert_eq!(desk.left().len(), 5, "nothing is deleted");
}

/// Receives the message of one IMAP session.
fn imap_message(stream: &std::net::TcpStream) -> Vec<u8> {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    let mut output = stream;
    let mut say =
        |line: &str| output.write_all(format!("{line}\r\n").as_bytes()).expect("a client that reads");
    let mut input = BufReader::new(stream);
    let mut message = Vec::new();
    say("* OK ready");
    loop {
        let mut line = String::new();
        if input.read_line(&mut line).expect("text") == 0 {
            return message;
        }
        let (tag, command) = line.trim_end().split_once(' ').expect("a tag");
        if command == "CAPABILITY" {
            say("* CAPABILITY IMAP4rev1");
        } else if command.starts_with("LOGIN") {
            assert_eq!(command, "LOGIN alice@gmail.com \"app-password\"");
        } else if let Some((_, size)) = command.trim_end_matches('}').rsplit_once('{') {
            assert!(command.starts_with("APPEND INBOX \"22-Nov-2026 "), "{command}");
            message.resize(size.parse().expect("a literal"), 0);
            say("+ go on");
            input.read_exact(&mut message).expect("the message");
            input.read_line(&mut String::new()).expect("its end");
        } else if command == "LOGOUT" {
            say("* BYE bye");
        }
        say(&format!("{tag} OK done"));
    }
}

#[test]
fn netrc() {
    let Some(desk) = Desk::new() else { return };
    let netrc = desk.home().join(".netrc");
    fs::write(&netrc, "machine imap.example.org login alice password other\nmachine pop.example.org login alice password secret\n")
        .expect("a file");
    let config = block("test: netrc").replace("/home/alice/.netrc", &netrc.display().to_string());
    let path = desk.home().join(".config/pop3/config.toml");
    fs::write(&path, config).expect("a file");
    let outcome = desk.bash("pop3 status -a work").expect(0);
    assert!(outcome.stdout().starts_with("5 messages"), "{outcome:?}");
}

#[test]
fn monitoring() {
    let Some(desk) = Desk::with_jq() else { return };
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/");
    let recipe = block("test: monitoring").replace("examples/", examples);
    let outcome = desk.bash(&format!("export POP3_USER=alice POP3_PASSWORD=secret; {recipe} cat pop3.prom"));
    let text = outcome.stdout();
    assert!(text.starts_with("POP3 OK - 5 messages, certificate expires in "), "{outcome:?}");
    assert!(text.contains("| messages=5 octets=144852B days="), "{outcome:?}");
    for account in ["home", "work"] {
        for line in
            ["pop3_up{account=\"A\"} 1", "pop3_exit_code{account=\"A\"} 0", "pop3_messages{account=\"A\"} 5"]
        {
            assert!(text.contains(&line.replace('A', account)), "{line} {account}: {outcome:?}");
        }
        assert!(
            text.contains(&format!("pop3_certificate_expiry_seconds{{account=\"{account}\"}} ")),
            "{outcome:?}"
        );
    }
    let check = format!("{examples}monitoring/check_pop3 work");
    let state = |environment: &str, arguments: &str| {
        let outcome = desk.bash(&format!("export {environment}; {check} {arguments}"));
        (outcome.code, outcome.stdout().split(" - ").next().unwrap_or_default().to_owned())
    };
    let of = |code, text: &str| (Some(code), text.to_owned());
    let login = "POP3_USER=alice POP3_PASSWORD=secret";
    assert_eq!(state(login, "1000000"), of(1, "POP3 WARNING"));
    assert_eq!(state(login, "1000000 1000000"), of(2, "POP3 CRITICAL"));
    assert_eq!(state("POP3_USER=alice POP3_PASSWORD=wrong", ""), of(2, "POP3 CRITICAL"));
    assert_eq!(state("POP3_CONFIG=/nonexistent", ""), of(3, "POP3 UNKNOWN"));
}

/// Checks the files of `examples/` for which tools are installed.
#[test]
fn units_and_manifests() {
    let Some(desk) = Desk::new() else { return };
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    if let Some(analyze) = need("systemd-analyze") {
        let mut verify = desk.room.program(analyze);
        verify.args(["verify", "--man=no"]);
        for kind in ["service", "timer"] {
            let text =
                fs::read_to_string(examples.join(format!("systemd/pop3-fetch@.{kind}"))).expect("a unit");
            let path = desk.room.path(&format!("pop3-fetch@.{kind}"));
            fs::write(&path, text.replace("/usr/local/bin/pop3", POP3)).expect("a file");
            verify.arg(path);
        }
        let outcome = run(verify).expect(0);
        assert!(!outcome.stderr().contains("pop3-fetch"), "{outcome:?}");
    }
    if let Some(validate) = need("kubernetes-validate") {
        let mut check = desk.room.program(validate);
        check.arg("--strict");
        for name in ["cronjob", "indexed-job"] {
            check.arg(examples.join(format!("kubernetes/{name}.yaml")));
        }
        let outcome = run(check).expect(0);
        assert_eq!(
            outcome.stdout().matches("passed for resource").count()
                + outcome.stderr().matches("passed for resource").count(),
            7,
            "{outcome:?}"
        );
    }
    let container = fs::read_to_string(examples.join("container/Containerfile")).expect("a file");
    assert!(container.contains("ENTRYPOINT [\"/usr/local/bin/pop3\"]"));
}

/// Checks that the XML is well-formed; the file contains no comments and no declarations.
#[test]
fn task() {
    let mut open = Vec::new();
    let text = block("test: task");
    for piece in text.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').expect("a closed tag");
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None => open.push(tag.split(' ').next().expect("a name")),
        }
        assert!(!text.contains(['>', '&']), "{text}");
    }
    assert!(open.is_empty(), "{open:?} not closed");
}

/// Checks that `pop3` accepts the accounts in the steps for Gmail and Outlook.
#[test]
fn oauth_accounts() {
    let Some(desk) = Desk::new() else { return };
    let path = desk.home().join(".config/pop3/config.toml");
    fs::write(&path, block("test: oauth")).expect("a file");
    let outcome = desk.bash("unset POP3_HOST POP3_PORT; pop3 accounts --json").expect(0);
    assert!(outcome.stdout().contains("\"host\":\"pop.gmail.com\""), "{outcome:?}");
    assert!(outcome.stdout().contains("\"host\":\"outlook.office365.com\""), "{outcome:?}");
}

/// Checks that every mentioned option exists.
#[test]
fn options() {
    let room = Sandbox::new();
    let help: String =
        ["--help", "status", "headers", "fetch", "delete", "uidl", "login", "logout", "accounts", "record"]
            .iter()
            .map(|command| {
                let mut help = room.program(POP3);
                help.args(if *command == "--help" { vec!["--help"] } else { vec![command, "--help"] });
                run(help).expect(0).stdout()
            })
            .collect();
    let names = |text: &str| -> Vec<String> {
        let pieces = text.split("--").skip(1);
        pieces
            .map(|piece| {
                piece.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect::<String>()
            })
            .filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase()))
            .collect()
    };
    let known = names(&help);
    let pages = [RECIPES, CONFIG, JSON].map(roff::plain);
    for page in pages.iter().map(String::as_str).chain([README]) {
        let own = page.lines().filter(|line| !line.contains("cargo ") && !line.contains("systemctl "));
        for name in own.flat_map(names) {
            assert!(known.contains(&name), "there is no --{name}");
        }
    }
}

/// Checks that a test runs every marked example.
#[test]
fn every_mark_has_a_test() {
    let tests = include_str!("readme.rs");
    let marks = README.lines().filter_map(|line| line.strip_prefix("<!-- ")?.strip_suffix(" -->"));
    let recipes = roff::examples(RECIPES).into_iter().filter_map(|example| example.mark);
    for mark in marks.map(str::to_owned).chain(recipes) {
        assert!(tests.contains(&format!("block(\"{mark}\")")), "nothing runs {mark:?}");
    }
}

/// Checks that the README stays short.
#[test]
fn readme_is_short() {
    assert!(README.lines().count() <= 250, "{} lines: move details to a manual page", README.lines().count());
}

/// Checks that the files and headings of links within the repository exist.
#[test]
fn links() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let link = |piece: &'static str| piece.split_once(')').map(|(link, _)| link);
    for link in README.split("](").skip(1).filter_map(link).filter(|link| !link.starts_with("https:")) {
        match link.strip_prefix('#') {
            Some(heading) => {
                let anchor =
                    |line: &str| line.trim_start_matches(['#', ' ']).to_lowercase().replace(' ', "-");
                assert!(
                    README.lines().any(|line| line.starts_with("## ") && anchor(line) == heading),
                    "{link}"
                );
            }
            // The published crate does not contain this folder.
            None if link.starts_with(".github/") && !root.join(".github").exists() => {}
            None => assert!(root.join(link).exists(), "no file {link}"),
        }
    }
}

/// Checks that the files and folders in the contributor guide exist.
#[test]
fn contributing_names_files_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // The published crate does not contain this folder.
    let Ok(guide) = fs::read_to_string(root.join(".github/CONTRIBUTING.md")) else { return };
    let folders = ["src/", "tests/", "man/", "benches/", "completions/", ".ci/", ".github/"];
    for path in guide.split('`').filter(|path| folders.iter().any(|folder| path.starts_with(folder))) {
        // For a pattern or a placeholder, its folder must exist.
        let end = ["*", " ", "NAME", "TOPIC"].iter().filter_map(|end| path.find(end)).min();
        let path = end.map_or(path, |end| &path[..end]);
        assert!(root.join(path).exists(), "no {path}");
    }
}

/// A server with mail for alice, and a sandbox set up as in the text, with its configuration file and password store.
struct Desk {
    room: Sandbox,
    server: Mailbox,
}

impl Desk {
    /// Returns `None` if bash is not installed.
    fn new() -> Option<Self> {
        need("bash")?;
        let server =
            Mailbox::start(Tls::Implicit, Quirks::default()).with_user("alice", "secret", sample::messages());
        let desk = Self { room: Sandbox::new(), server };
        fs::write(desk.room.path("ca.pem"), &desk.server.certificate().ca_pem).expect("a file");
        fs::create_dir(desk.programs()).expect("a folder");
        symlink(POP3, desk.programs().join("pop3")).expect("a link");
        desk.program("pass", "[ \"$*\" = 'show mail/work' ] && echo secret && echo 'user: alice'");
        let pass = desk.programs().join("pass");
        let config = block("test: config").replace("\"pass ", &format!("\"{} ", pass.display()));
        let folder = desk.home().join(".config/pop3");
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("config.toml"), config).expect("a file");
        fs::set_permissions(folder.join("config.toml"), fs::Permissions::from_mode(0o600)).expect("own file");
        Some(desk)
    }

    fn with_jq() -> Option<Self> {
        need("jq")?;
        Self::new()
    }

    fn home(&self) -> PathBuf {
        self.room.path("home")
    }

    fn programs(&self) -> PathBuf {
        self.room.path("programs")
    }

    /// Puts a shell script first in `PATH`.
    fn program(&self, name: &str, script: &str) {
        let path = self.programs().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("own file");
    }

    /// Returns a command that uses the usual folders below the home directory, and connects to this server whatever
    /// the host.
    fn command(&self, program: &str) -> Command {
        let mut command = self.room.program(program);
        for name in ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "POP3_STATE_DIR"] {
            command.env_remove(name);
        }
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .env("PATH", format!("{}:{path}", self.programs().display()))
            .env("POP3_HOST", "localhost")
            .env("POP3_PORT", self.server.port().to_string())
            .env("POP3_TLS", "implicit")
            .env("POP3_CA_FILE", self.room.path("ca.pem"));
        command
    }

    fn bash(&self, script: &str) -> Outcome {
        let mut bash = self.command("bash");
        bash.args(["-eu", "-o", "pipefail", "-c", script]);
        run(bash)
    }

    /// Returns the messages that are still on the server.
    fn left(&self) -> Vec<u32> {
        let left = self.server.unique_ids("alice");
        (1..=5).filter(|&nth| left.contains(&unique_id(nth))).collect()
    }

    fn never_quit(&self) -> bool {
        !self.server.log().concat().iter().any(|line| line == "QUIT")
    }

    /// Returns the messages delivered to a Maildir in the home folder.
    fn maildir(&self, name: &str) -> Vec<Vec<u8>> {
        files(&self.home().join(name).join("new")).into_iter().map(|(_, octets)| octets).collect()
    }
}

/// Returns the example with this mark, from the README or the recipes.
fn block(mark: &str) -> String {
    if let Some(example) =
        roff::examples(RECIPES).into_iter().find(|example| example.mark.as_deref() == Some(mark))
    {
        return example.text;
    }
    let (_, rest) =
        README.split_once(&format!("<!-- {mark} -->\n```")).unwrap_or_else(|| panic!("no {mark}"));
    let (_, rest) = rest.split_once('\n').expect("a fence");
    rest.split_once("```").expect("a fence that ends").0.to_owned()
}

fn lf(octets: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(octets.to_vec()).expect("all is ASCII");
    text.replace("\r\n", "\n").into_bytes()
}
