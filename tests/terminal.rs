//! `pop3` on a pseudo-terminal of `script` (bsdutils).

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::mailbox::{Mailbox, Message, Progress, Quirks, Tls};
use crate::support::sandbox::{LONGEST_RUN, POP3, Sandbox};
use crate::support::service::Service;

/// A running shell command on a terminal.
pub(crate) struct Terminal {
    script: Child,
    shown: Arc<Mutex<Vec<u8>>>,
    reader: thread::JoinHandle<()>,
}

impl Terminal {
    pub(crate) fn new(command: Command, words: &str) -> Self {
        Self::of_columns(80, command, words)
    }

    fn of_columns(columns: u16, mut command: Command, words: &str) -> Self {
        command.args(["-qec", &format!("stty rows 24 cols {columns}; {words}"), "/dev/null"]);
        command.env("TERM", "xterm").env("SHELL", "/bin/sh").env("LC_ALL", "C.UTF-8");
        let mut script =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script is installed");
        let mut stdout = script.stdout.take().expect("it is piped");
        let shown = Arc::<Mutex<Vec<u8>>>::default();
        let collected = shown.clone();
        let reader = thread::spawn(move || {
            let mut octets = [0; 4096];
            while let Ok(count @ 1..) = stdout.read(&mut octets) {
                collected.lock().expect("nobody panics").extend(&octets[..count]);
            }
        });
        Self { script, shown, reader }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().expect("nobody panics")).into_owned()
    }

    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) {
        let started = Instant::now();
        while !self.text().contains(text) {
            assert!(started.elapsed() < LONGEST_RUN, "{text:?} was not printed: {:?}", self.text());
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn type_in(&mut self, keys: &[u8]) {
        let stdin = self.script.stdin.as_mut().expect("it is piped");
        stdin.write_all(keys).and_then(|()| stdin.flush()).expect("script reads");
    }

    /// Returns the output and the exit code of the last command.
    pub(crate) fn finish(mut self) -> (String, Option<i32>) {
        // `wait` would close the input, and a prompt would end before its deadline.
        let stdin = self.script.stdin.take();
        let status = self.script.wait().expect("a child");
        drop(stdin);
        self.reader.join().expect("it does not panic");
        let shown = self.shown.lock().expect("nobody panics");
        (String::from_utf8_lossy(&shown).replace("\r\n", "\n"), status.code())
    }
}

fn serve(quirks: Quirks, mail: Vec<Message>) -> Mailbox {
    Mailbox::start(Tls::None, quirks).with_user("alice", "secret", mail)
}

fn program(room: &Sandbox, server: &Mailbox) -> Command {
    let mut script = room.with_account("script", server.port());
    script.env("POP3_TLS", "none").env_remove("NO_COLOR");
    script
}

/// The terminal echoes `^C` at the cursor. After a progress bar of the full width, the echo would wrap and the bar
/// would remain.
#[test]
fn ctrl_c_clears_the_progress() {
    for columns in [80, 40] {
        let (reached, middle) = mpsc::channel();
        let watch = move |progress: Progress| {
            if progress.octets > 100_000 && progress.octets < 300_000 {
                // The pause lets the progress bar appear with the next bytes.
                thread::sleep(Duration::from_millis(20));
            }
            if progress.octets > 300_000 {
                let _ = reached.send(());
                thread::sleep(Duration::from_secs(1));
            }
        };
        let quirks = Quirks { watch: Some(Arc::new(watch)), ..Quirks::default() };
        let server = serve(quirks, vec![Message::repeated("large", "a line of text\r\n".repeat(64), 2000)]);
        let room = Sandbox::new();
        let words = format!("exec {POP3} fetch --dir mail");
        let mut terminal = Terminal::of_columns(columns, program(&room, &server), &words);
        middle.recv_timeout(LONGEST_RUN).expect("the run is in the middle of its message");
        terminal.wait_for(" left");
        terminal.type_in(b"\x03");
        let (shown, code) = terminal.finish();
        assert_eq!(code, Some(130), "{shown:?}");
        assert!(shown.contains("1 of 1 "), "{shown:?}");
        assert_eq!(shown.contains("1 of 1 [") && shown.contains(" MB "), columns == 80, "{shown:?}");
        let (_, after) = shown.rsplit_once(" left").expect("it was shown");
        assert!(after.contains("\r\x1b[2K"), "{after:?}");
        for line in without_colors(&shown).split(['\r', '\n']) {
            let line = line.trim_start_matches(|c: char| c.is_ascii_uppercase() && c != '1');
            assert!(line.chars().count() + 3 <= usize::from(columns), "{line:?} leaves no room for ^C");
        }
        assert!(room.files().iter().all(|(name, _)| name.contains("/.pop3-")));
    }
}

#[test]
fn ctrl_c_at_the_prompt_restores_the_terminal() {
    let server = serve(Quirks::default(), Vec::new());
    let room = Sandbox::new();
    let mut script = program(&room, &server);
    script.env_remove("POP3_PASSWORD");
    let words = format!("trap : INT; {POP3} status; echo code $?; stty -a");
    let mut terminal = Terminal::new(script, &words);
    terminal.wait_for("assword");
    terminal.type_in(b"hus\x03");
    let (shown, _) = terminal.finish();
    assert!(shown.contains("code 130"), "{shown:?}");
    assert!(shown.contains(" echo ") && !shown.contains("-echo ") && !shown.contains("hus"), "{shown:?}");
    assert!(server.log().is_empty(), "credentials are looked up before connecting");
}

/// Rows fit the width of the terminal, whatever they contain, in colors that are readable on white and on black.
#[test]
fn rows_fit() {
    for columns in [80, 40] {
        rows_fit_into(columns);
    }
}

fn rows_fit_into(wide: u16) {
    let subjects = [
        "日本語".repeat(30),
        "👩\u{200d}👩\u{200d}👧\u{200d}👦 ".repeat(20),
        "e\u{301}".repeat(90),
        "long ".repeat(30),
    ];
    let mail = subjects.iter().enumerate().map(|(nth, subject)| {
        let text =
            format!("From: \"👩\u{200d}👩\u{200d}👧 日本\" <a@example.org>\r\nSubject: {subject}\r\n\r\n");
        Message::new(format!("unique-id-{nth}"), text)
    });
    let server = serve(Quirks::default(), mail.collect());
    let room = Sandbox::new();
    let words = format!("{POP3} headers; {POP3} uidl; {POP3} status --server; {POP3} delete --all");
    let (shown, code) = Terminal::of_columns(wide, program(&room, &server), &words).finish();
    assert_eq!(code, Some(0), "{shown:?}");
    let plain = without_colors(&shown);
    assert!(plain.contains('…') && plain.contains("capabilities") && plain.contains("marked"), "{plain}");
    for line in plain.lines().filter(|line| !line.starts_with("pop3: ")) {
        let columns: usize = line
            .chars()
            .map(|c| match c {
                '\u{200d}' | '\u{301}' => 0,
                c if c >= '\u{2e80}' => 2,
                _ => 1,
            })
            .sum();
        assert!(columns <= usize::from(wide), "{columns}: {line}");
    }
    assert!(shown.contains("\x1b[1m"), "{shown:?}");
    for faint in ["\x1b[33m", "\x1b[34m", "\x1b[36m"] {
        assert!(!shown.contains(faint), "{shown:?}");
    }

    let mut script = program(&room, &server);
    script.env("NO_COLOR", "1");
    let (shown, _) = Terminal::of_columns(wide, script, &words).finish();
    assert!(!shown.contains('\x1b') && without_colors(&shown) == plain, "{shown:?}");
}

fn without_colors(text: &str) -> String {
    let mut pieces = text.split("\x1b[");
    let first = pieces.next().unwrap_or_default().to_owned();
    first + &pieces.map(|piece| piece.split_once('m').map_or("", |(_, rest)| rest)).collect::<String>()
}

/// The first `fetch` in the home directory reports where the messages are stored.
#[test]
fn a_first_fetch_in_the_home_directory_says_where_messages_go() {
    let server = serve(Quirks::default(), vec![Message::new("a", *b"Subject: a\r\n\r\na\r\n")]);
    let room = Sandbox::new();
    let mut script = program(&room, &server);
    script.env("HOME", room.work());
    let words = format!("{POP3} fetch; {POP3} fetch --all; {POP3} fetch --all --dir mail");
    let (shown, code) = Terminal::new(script, &words).finish();
    assert_eq!(code, Some(0), "{shown:?}");
    assert_eq!(shown.matches("messages go to the current directory").count(), 1, "{shown:?}");
}

/// A prompt ends at the deadline, and the terminal is restored.
#[test]
fn a_deadline_ends_a_prompt() {
    let server = serve(Quirks::default(), Vec::new());
    let room = Sandbox::new();
    let mut script = program(&room, &server);
    script.env_remove("POP3_PASSWORD");
    let words = format!("{POP3} status --deadline 0.2; echo code $?; stty -a");
    let (shown, _) = Terminal::new(script, &words).finish();
    assert!(shown.contains("code 69") && shown.contains("deadline of 0.2 s"), "{shown:?}");
    assert!(shown.contains(" echo ") && !shown.contains("-echo "), "{shown:?}");
}

fn with_password_command(room: &Sandbox, server: &Mailbox, script: &str) -> Command {
    let config = room.path("config.toml");
    let text = format!("[account.a]\npassword-command = \"sh -c '{script}'\"\n");
    std::fs::write(&config, text).expect("a file");
    let mut script = program(room, server);
    script.env_remove("POP3_PASSWORD").env("POP3_CONFIG", config);
    script
}

/// A background process group that reads the terminal would be stopped.
#[test]
fn a_password_command_may_ask_on_the_terminal() {
    let server = serve(Quirks::default(), Vec::new());
    let room = Sandbox::new();
    let ask = "printf PIN: >/dev/tty; read pin </dev/tty; echo $pin";
    let script = with_password_command(&room, &server, ask);
    let mut terminal = Terminal::new(script, &format!("{POP3} status -q -a a --deadline 30 </dev/null"));
    terminal.wait_for("PIN:");
    terminal.type_in(b"secret\n");
    let (shown, code) = terminal.finish();
    assert_eq!(code, Some(0), "{shown:?}");
}

/// What a command asks on its standard error is not shown, so a note says how to see it.
#[test]
fn a_password_command_that_takes_long_is_noted() {
    let server = serve(Quirks::default(), Vec::new());
    let room = Sandbox::new();
    let script = with_password_command(&room, &server, "echo Your PIN, please >&2; read pin; echo $pin");
    let mut terminal = Terminal::new(script, &format!("{POP3} status -a a; {POP3} status -a a -v"));
    terminal.wait_for("waiting for password-command; -v shows what it prints");
    assert!(!terminal.text().contains("Your PIN"), "{:?}", terminal.text());
    terminal.type_in(b"secret\n");
    terminal.wait_for("Your PIN, please");
    terminal.type_in(b"secret\n");
    let (shown, code) = terminal.finish();
    assert_eq!(code, Some(0), "{shown:?}");
    assert_eq!(shown.matches("waiting for password-command").count(), 1, "{shown:?}");
}

/// A command that switched the echo off and is killed at the deadline cannot switch it on again.
#[test]
fn the_terminal_is_restored_after_a_password_command() {
    let server = serve(Quirks::default(), Vec::new());
    let room = Sandbox::new();
    let script = with_password_command(&room, &server, "stty -echo </dev/tty; exec sleep 61");
    let words = format!("{POP3} status -a a --deadline 0.5; echo code $?; stty -a");
    let (shown, _) = Terminal::new(script, &words).finish();
    assert!(shown.contains("code 69") && shown.contains("deadline of 0.5 s"), "{shown:?}");
    assert!(shown.contains(" echo ") && !shown.contains("-echo "), "{shown:?}");
}

/// A server that expects implicit TLS sends no greeting; a hint appears long before the timeout.
#[test]
fn a_missing_greeting_causes_a_hint() {
    let server = Service::start(|mut peer| drop(peer.line()));
    let room = Sandbox::new();
    let mut script = room.with_account("script", server.port());
    script.env("POP3_TLS", "starttls");
    let mut terminal = Terminal::new(script, &format!("{POP3} status --timeout 600"));
    terminal.wait_for("no greeting yet; if the server uses implicit TLS, add --tls implicit");
    terminal.type_in(b"\x03");
    terminal.finish();
}
