//! Sources of secrets; their errors are reported before connecting.

use std::process::Command;

use crate::support::mailbox::{Mailbox, Quirks, Tls};
use crate::support::sandbox::{Outcome, Sandbox, run, start};
use crate::support::service::{Peer, Service};

struct Desk {
    room: Sandbox,
    server: Mailbox,
}

impl Desk {
    fn new() -> Self {
        Self {
            room: Sandbox::new(),
            server: Mailbox::start(Tls::None, Quirks::default()).with_user("alice", "secret", Vec::new()),
        }
    }

    /// Returns a `pop3` command with these keys of account `a` and no secret in its environment.
    fn with(&self, lines: &str, arguments: &[&str]) -> Command {
        let config = self.room.path("config.toml");
        std::fs::write(&config, format!("[account.a]\n{lines}\n")).expect("a file");
        private(&config, true);
        let mut command = self.room.pop3(self.server.port());
        command.args(arguments).args(["-a", "a"]).env_remove("POP3_PASSWORD").env("POP3_TLS", "none");
        command.env("POP3_CONFIG", config);
        command
    }

    fn connections(&self) -> usize {
        self.server.log().len()
    }
}

#[cfg(unix)]
fn private(path: &std::path::Path, private: bool) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = if private { 0o600 } else { 0o644 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("its own file");
}

#[cfg(not(unix))]
fn private(_: &std::path::Path, _: bool) {}

/// Checks that standard error has one line, which contains `what`.
#[track_caller]
fn says(outcome: &Outcome, what: &str) {
    let stderr = outcome.stderr();
    assert!(stderr.lines().count() == 1 && stderr.contains(what), "{what:?}: {outcome:?}");
}

#[cfg(unix)]
#[test]
fn commands() {
    let desk = Desk::new();
    let rows = [
        // Only the first line is used, with any line end.
        (r#"password-command = "printf 'secret\\r\\nnot-this\\n'""#, 0, ""),
        (r#"password-command = "printf secret""#, 0, ""),
        (r#"password-command = "sh -c 'yes secret | head -n 100000'""#, 0, ""),
        (r#"password-command = "printf '\\nsecret\\n'""#, 78, "is empty"),
        (r#"password-command = "true""#, 78, "is empty"),
        (r#"password-command = "sh -c 'echo secret; exit 3'""#, 78, "failed"),
        (r#"password-command = "/nowhere/pass""#, 78, "cannot be run"),
        (r#"password-command = "pass 'show""#, 78, ":2: account.a.password-command"),
        (r#"password-command = "printf wrong""#, 77, "refused"),
        // The environment has precedence, no shell is used, and no secret is passed to the command.
        (r#"password-command = "sh -c 'test -z \"$POP3_TOKEN$POP3_PASSWORD\" && echo secret'""#, 0, ""),
        (r#"password-command = "echo secret; echo no""#, 77, "refused"),
    ];
    for (lines, code, what) in rows {
        let outcome = run(desk.with(lines, &["status"])).expect(code);
        if code == 0 {
            assert!(outcome.stderr().is_empty(), "{lines}: {outcome:?}");
        } else {
            says(&outcome, what);
        }
        assert!(!outcome.stderr().contains("not-this"), "{lines}: {outcome:?}");
    }
    let mut both = desk.with(r#"password-command = "printf wrong""#, &["status"]);
    both.env("POP3_PASSWORD", "secret");
    run(both).expect(0);
    // A token is only sent over TLS, unless `--auth` requests it.
    let token = r#"token-command = "printf t0ken""#;
    let outcome = run(desk.with(token, &["status"])).expect(76);
    says(&outcome, "TLS");
    assert!(!outcome.stderr().contains("t0ken"), "{outcome:?}");
}

/// A process that a command leaves behind must not keep a reader of our standard error waiting.
#[cfg(unix)]
#[test]
fn a_remaining_child_of_a_command_holds_no_output() {
    let desk = Desk::new();
    for arguments in [&["status"][..], &["status", "-v"]] {
        let command = desk.with(r#"password-command = "sh -c 'sleep 61 & echo secret'""#, arguments);
        run(command).expect(0);
    }
}

/// Without a terminal, as in cron: the deadline and a signal also end what the command has started.
#[cfg(target_os = "linux")]
#[test]
fn the_children_of_a_command_end_with_it() {
    let desk = Desk::new();
    let config = desk.room.path("config.toml");
    let script = "sleep 61 & echo $! > sleep.pid; wait; echo secret";
    std::fs::write(&config, format!("[account.a]\npassword-command = \"sh -c '{script}'\"\n"))
        .expect("a file");
    private(&config, true);
    let pid_file = desk.room.work().join("sleep.pid");
    for deadline in [true, false] {
        // A session of its own has no terminal.
        let mut command = desk.room.with_account("setsid", desk.server.port());
        command.args([crate::support::sandbox::POP3, "status", "-a", "a", "-v"]);
        command.env_remove("POP3_PASSWORD").env("POP3_CONFIG", &config);
        if deadline {
            command.args(["--deadline", "1"]);
        }
        let running = start(command, b"", false);
        let pid = eventually(|| std::fs::read_to_string(&pid_file).ok().filter(|pid| pid.ends_with('\n')));
        if !deadline {
            let id = i32::try_from(running.child.id()).ok().and_then(rustix::process::Pid::from_raw);
            rustix::process::kill_process(id.expect("an id"), rustix::process::Signal::TERM)
                .expect("it runs");
        }
        let outcome = running.finish();
        assert_eq!(outcome.code, deadline.then_some(69), "{outcome:?}");
        assert!(!outcome.hung, "{outcome:?}");
        // The process is gone, or a zombie, which has no command line.
        let command_line = format!("/proc/{}/cmdline", pid.trim_end());
        eventually(|| std::fs::read(&command_line).unwrap_or_default().is_empty().then_some(()));
        std::fs::remove_file(&pid_file).expect("it was written");
    }
}

#[cfg(target_os = "linux")]
#[track_caller]
fn eventually<T>(mut what: impl FnMut() -> Option<T>) -> T {
    let started = std::time::Instant::now();
    loop {
        if let Some(found) = what() {
            return found;
        }
        assert!(started.elapsed() < crate::support::sandbox::LONGEST_RUN / 2, "it never came");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// The standard error of a command is shown if `-v` or `RUST_LOG` asks for it; otherwise its exit status is.
#[cfg(unix)]
#[test]
fn the_standard_error_of_a_command() {
    let desk = Desk::new();
    let lines = r#"password-command = "sh -c 'printf \"a\\033[1mb\\n\" >&2; exit 3'""#;
    for (arguments, variable, shown) in [
        (&["status"][..], "", false),
        (&["status", "--json"], "", false),
        (&["status", "-v"], "", true),
        (&["status", "-v", "--json"], "", true),
        (&["status"], "info", true),
    ] {
        let mut command = desk.with(lines, arguments);
        command.env("RUST_LOG", variable);
        let stderr = run(command).expect(78).stderr();
        assert_eq!(stderr.contains("password-command: a\\x1b[1mb\n"), shown, "{stderr}");
        assert!(stderr.contains("failed (exit status: 3)"), "{stderr}");
        assert_eq!(stderr.contains("-v shows what it prints on standard error"), !shown, "{stderr}");
        assert_eq!(stderr.lines().count() == 1, !shown, "{stderr}");
    }
    let working = r#"password-command = "sh -c 'echo note >&2; echo secret'""#;
    assert!(run(desk.with(working, &["status"])).expect(0).stderr().is_empty());
    let stderr = run(desk.with(working, &["status", "-v"])).expect(0).stderr();
    assert!(stderr.contains("password-command: note\n"), "{stderr}");
}

#[cfg(unix)]
#[test]
fn a_world_readable_configuration_file_causes_a_warning() {
    let desk = Desk::new();
    for (lines, warned) in [(r#"password-command = "printf secret""#, true), ("wait = 1", false)] {
        let mut command = desk.with(lines, &["status"]);
        private(&desk.room.path("config.toml"), false);
        if !warned {
            command.env("POP3_PASSWORD", "secret");
        }
        let outcome = run(command).expect(0);
        if warned {
            says(&outcome, "config.toml");
        } else {
            assert!(outcome.stderr().is_empty(), "{outcome:?}");
        }
    }
}

#[test]
fn configuration() {
    let desk = Desk::new();
    let rows: [(&str, &[&str], i32, &str); 8] = [
        ("user = \"alice\"\npasword-command = \"x\"", &["status"], 78, "pasword-command"),
        ("user = \"alice\"\npasword-command = \"x\"", &["status"], 78, ":3"),
        ("[account.b]\nsubject = 1", &["status"], 78, "subject"),
        ("dir = \"a\"\nmaildir = \"b\"", &["fetch"], 78, "maildir"),
        ("tls = \"ssl\"", &["status"], 78, "account.a.tls"),
        ("timeout = 0", &["status"], 78, "account.a.timeout"),
        ("host = \"a\nb\"", &["status"], 78, "config.toml"),
        (
            "ca-file = \"nowhere.pem\"\ntls = \"starttls\"",
            &["status"],
            78,
            "config.toml:2: account.a.ca-file: ",
        ),
    ];
    for (lines, arguments, code, what) in rows {
        let mut command = desk.with(lines, arguments);
        command.env("POP3_PASSWORD", "secret").env_remove("POP3_TLS");
        says(&run(command).expect(code), what);
    }
    for (variable, value) in [
        ("POP3_PORT", "0"),
        ("POP3_PORT", "65536"),
        ("POP3_TLS", "ssl"),
        ("POP3_AUTH", "ntlm"),
        ("POP3_TIMEOUT", "-1"),
        ("POP3_DEADLINE", "soon"),
        ("POP3_WAIT", "1s"),
        ("POP3_NO_PIPELINING", "maybe"),
        ("POP3_PROXY", "socks4://127.0.0.1:1"),
        ("POP3_TLS_FINGERPRINT", "zz"),
        ("POP3_HOST", "a b"),
        ("POP3_CONFIG", "/nowhere/config.toml"),
    ] {
        let mut command = desk.with("", &["status"]);
        command.env("POP3_PASSWORD", "secret").env(variable, value);
        says(&run(command).expect(78), variable);
    }
    assert_eq!(desk.connections(), 0);
}

#[test]
fn a_missing_account() {
    let desk = Desk::new();
    let mut command = desk.room.pop3(desk.server.port());
    let config = desk.room.path("config.toml");
    std::fs::write(&config, "default = \"gone\"\n[account.a]\n").expect("a file");
    command.arg("status").env("POP3_CONFIG", &config);
    says(&run(command).expect(78), "gone");
    std::fs::write(&config, "[account.a]\n").expect("a file");
    for named in [&["-a", "b"][..], &[]] {
        let mut command = desk.room.pop3(desk.server.port());
        command.arg("status").args(named).env("POP3_CONFIG", &config);
        if named.is_empty() {
            command.env("POP3_ACCOUNT", "b");
        }
        says(&run(command).expect(78), "no account \"b\"");
    }
}

/// In the environment of cron or a system service, without keyring and terminal, an error occurs only if there is no
/// other source.
#[test]
fn no_source_of_a_password() {
    let desk = Desk::new();
    let mut command = desk.with("", &["status"]);
    command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus");
    let outcome = run(command).expect(78);
    // Windows always has its Credential Manager.
    let keyring = if cfg!(windows) { "the keyring has none" } else { "no keyring service" };
    for place in ["POP3_PASSWORD", "password-command", keyring, "terminal"] {
        says(&outcome, place);
    }
    assert_eq!(
        outcome.stderr().contains("pop3 login"),
        cfg!(windows),
        "only a keyring can be saved to: {outcome:?}"
    );
    assert_eq!(desk.connections(), 0);
    let mut command = desk.with("", &["status"]);
    command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus").env("POP3_PASSWORD", "secret");
    assert!(run(command).expect(0).stderr().is_empty());
}

/// Every mechanism refuses CR, LF and NUL before anything is sent.
#[test]
fn control_characters() {
    let server = Service::start(|mut peer: Peer| {
        peer.say("+OK <1.2@example.org>\r\n");
        peer.maildrop();
    });
    let room = Sandbox::new();
    let pop3 = |auth: &str| {
        let mut command = room.pop3(server.port());
        command.args(["status", "--tls", "none", "--auth", auth]);
        command
    };
    for auth in super::MECHANISMS {
        for bad in ["a\rb", "a\nb", "alice\r\nDELE 1"] {
            let mut command = pop3(auth);
            command.args(["--user", bad]).env("POP3_TOKEN", "t0ken");
            says(&run(command).expect(2), "--user");
            let mut command = pop3(auth);
            command.env("POP3_USER", bad).env("POP3_TOKEN", "t0ken");
            says(&run(command).expect(78), "POP3_USER");
            let mut command = pop3(auth);
            command.env("POP3_PASSWORD", bad).env("POP3_TOKEN", bad);
            says(&run(command).expect(78), "CR, LF or NUL");
        }
    }
    for bad in ["\r\n", "a\0b\n", "", "a\rb\n"] {
        let mut login = room.pop3(server.port());
        login.args(["login", "--password-stdin", "--tls", "none"]);
        says(&start(login, bad.as_bytes(), false).finish().expect(78), "standard input");
    }
    assert_eq!((server.connections(), server.heard().len()), (0, 0));
}

/// The empty string is an empty password; an empty token is an error.
#[test]
fn empty() {
    let server = Mailbox::start(Tls::None, Quirks::default()).with_user("alice", "", Vec::new());
    let room = Sandbox::new();
    let mut command = room.pop3(server.port());
    command.args(["status", "--tls", "none", "--auth", "plain"]).env("POP3_PASSWORD", "");
    run(command).expect(0);
    let mut command = room.pop3(server.port());
    command.args(["status", "--tls", "none", "--auth", "oauthbearer"]).env("POP3_TOKEN", "");
    says(&run(command).expect(78), "empty");
    assert_eq!(server.log().len(), 1);
}
