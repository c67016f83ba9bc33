//! `pop3.exe` from end to end where Windows differs: names, paths and command lines, locks, terminated processes,
//! Credential Manager, certificates, user folders.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::mailbox::{Mailbox, Message, Progress, Quirks, Tls};
use crate::support::sandbox::{LONGEST_RUN, POP3, Sandbox, run, start};

/// A message with a line that begins with a dot, one that an mbox quotes, and bytes that are invalid in any code
/// page.
const ODD: &[u8] =
    b"From: \"\xd0\x91\xd0\xbe\xd0\xb1\" <bob@example.org>\r\nSubject: =?UTF-8?B?0J/RgNC40LLQtdGC?=\r\n\
    Date: Mon, 2 Nov 2026 10:00:00 +0300\r\n\r\n.dot\r\nFrom me\r\n\x00\x1a\x80\xff\r\nthe end\r\n";

fn message(unique_id: &str) -> Message {
    let text = format!("From: bob@example.org\r\nSubject: {unique_id}\r\n\r\nmessage {unique_id}\r\n");
    Message::new(unique_id, text)
}

fn serve(mail: Vec<Message>) -> Mailbox {
    Mailbox::start(Tls::Implicit, Quirks::default()).with_user("alice", "secret", mail)
}

/// Returns a `pop3` command for this server, whose certificate it trusts.
fn pop3(room: &Sandbox, server: &Mailbox, arguments: &[&str]) -> Command {
    let ca_file = room.path("ca.pem");
    fs::write(&ca_file, &server.certificate().ca_pem).expect("a file");
    let mut command = room.pop3(server.port());
    command.args(arguments).env("POP3_TLS", "implicit").env("POP3_CA_FILE", ca_file);
    command
}

fn lf(octets: &[u8]) -> Vec<u8> {
    octets.iter().copied().filter(|&octet| octet != b'\r').collect()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the tests make no other names")
}

/// Every subcommand in the order in which a new user needs them, with the password in Credential Manager.
#[cfg(feature = "keyring")]
#[test]
fn from_login_to_logout() {
    let user = format!("pop3-windows-{}", std::process::id());
    let server = Mailbox::start(Tls::Stls, Quirks::default());
    let server = server.with_user(&user, "пароль", vec![Message::new("odd", ODD), message("second")]);
    let room = Sandbox::new();
    let pop3 = |arguments: &[&str]| {
        let mut command = pop3(&room, &server, arguments);
        command.env("POP3_TLS", "starttls").env("POP3_USER", &user).env_remove("POP3_PASSWORD");
        command
    };
    run(pop3(&["status"])).expect(78);
    // Windows PowerShell pipes text in this form: with a byte order mark.
    start(pop3(&["login", "--password-stdin"]), "\u{feff}пароль\r\n".as_bytes(), false).finish().expect(0);

    let status = run(pop3(&["status", "--server", "--json"])).expect(0).json();
    assert_eq!((&status[0]["messages"], &status[0]["new_messages"]), (&2.into(), &2.into()));
    assert_eq!(status[0]["server"]["tls_version"], "TLSv1.3");
    let text = run(pop3(&["headers"])).expect(0).stdout();
    assert!(text.contains("Привет") && text.contains("Боб"), "UTF-8, whatever the code page: {text}");
    let headers = run(pop3(&["headers", "--json"])).expect(0);
    assert!(headers.stdout.is_ascii() && !headers.stdout.contains(&b'\r'), "{headers:?}");
    assert_eq!(headers.json()[0]["subject"], "Привет");
    assert_eq!(run(pop3(&["uidl", "--json"])).expect(0).json()[1]["uid"], "second");

    let fetched = run(pop3(&["fetch", "--json"])).expect(0).json();
    let path = PathBuf::from(fetched[0]["path"].as_str().expect("a path"));
    assert!(path.is_absolute() && fs::read(&path).expect("the message") == ODD, "{}", path.display());
    assert!(run(pop3(&["fetch", "--json"])).expect(0).json().is_empty());
    run(pop3(&["status", "--check"])).expect(1);

    let tried = run(pop3(&["delete", "--fetched", "--json"])).expect(0);
    assert!(tried.stderr().contains("--commit") && tried.json().iter().all(|row| row["deleted"] == false));
    assert_eq!(server.unique_ids(&user).len(), 2);
    let deleted = run(pop3(&["delete", "--uid", "odd", "--commit", "--json"])).expect(0).json();
    assert_eq!(deleted[0]["deleted"], true);
    assert_eq!(server.unique_ids(&user), ["second"]);

    run(pop3(&["logout"])).expect(0);
    run(pop3(&["status"])).expect(78);
}

#[test]
fn every_destination() {
    let mail = vec![Message::new("odd", ODD), message("a:b"), message("third")];
    let server = serve(mail.clone());
    let room = Sandbox::new();
    let fetch = |words: &[&str]| {
        let mut command = pop3(&room, &server, &["fetch", "--all", "--no-state"]);
        command.args(words);
        run(command).expect(0)
    };
    fetch(&["--dir", "dir/deeper"]);
    fetch(&["--maildir", "Почта"]);
    fetch(&["--mbox", "box"]);
    let files = room.files();
    let of = |folder: &str| files.iter().filter(|(name, _)| name.starts_with(folder)).collect::<Vec<_>>();
    assert_eq!(of("dir/deeper/").len(), 3);
    assert!(files.contains(&("dir/deeper/a%3Ab.eml".to_owned(), mail[1].received())), "{files:?}");
    assert!(files.contains(&("dir/deeper/odd.eml".to_owned(), ODD.to_vec())));
    let maildir = of("Почта/new/");
    assert_eq!((maildir.len(), of("Почта/").len()), (3, 3), "{maildir:?}");
    assert!(maildir.iter().all(|(name, octets)| !name.contains(':') && !octets.contains(&b'\r')));
    assert!(maildir.iter().any(|(_, octets)| *octets == lf(ODD)));
    assert_eq!(of("box").len(), 1, "no lock is left");
    let (_, mbox) = of("box")[0];
    assert!(mbox.windows(9).any(|octets| octets == b"\n>From me") && !mbox.contains(&b'\r'));

    // Line ends and Ctrl-Z reach the reader of standard output unchanged.
    let mut last = lf(&mail[2].received());
    last.push(b'\n');
    assert!(fetch(&["--mbox", "-"]).stdout.ends_with(&last));
    let one = run(pop3(&room, &server, &["fetch", "1", "--stdout", "--no-state"])).expect(0);
    assert!(one.stdout == ODD, "{one:?}");
}

/// Reads standard input when [`pipes`] runs it as the command of `--pipe`; does nothing otherwise.
#[test]
fn reader() {
    let Some(folder) = std::env::var_os("POP3_TEST_READER") else { return };
    let name = std::env::var("POP3_UID").expect("it is set");
    assert!(std::env::var_os("POP3_PASSWORD").is_none(), "the password is not for this program");
    let mut file = File::create_new(Path::new(&folder).join(name)).expect("once a message");
    std::io::copy(&mut std::io::stdin().lock(), &mut file).expect("a message");
}

/// `--pipe` with the full path of a program, and with a built-in command of `cmd`.
#[test]
fn pipes() {
    let server = serve(vec![Message::new("odd", ODD), message("second")]);
    let room = Sandbox::new();
    let program = room.path("a folder").join("reader.exe");
    fs::create_dir(room.path("a folder")).expect("a folder");
    fs::create_dir(room.path("read")).expect("a folder");
    fs::copy(std::env::current_exe().expect("this program"), &program).expect("a copy");
    let mut quoted = pop3(&room, &server, &["fetch", "--pipe"]);
    quoted.arg(format!("\"{}\" windows::reader --exact", program.display()));
    quoted.env_remove("POP3_TEST_READER");
    run(quoted).expect(0);
    assert!(room.files().is_empty());

    let plain = room.path("reader.exe");
    fs::rename(&program, &plain).expect("another name");
    let config = format!("[account.a]\npipe = '{} windows::reader --exact'\n", plain.display());
    fs::write(room.path("config.toml"), config).expect("a file");
    let mut fetch = pop3(&room, &server, &["fetch", "--all", "--account", "a"]);
    fetch.env("POP3_CONFIG", room.path("config.toml")).env("POP3_TEST_READER", room.path("read"));
    run(fetch).expect(0);
    assert!(fs::read(room.path("read").join("odd")).expect("the message") == lf(ODD));
    assert!(room.path("read").join("second").exists());

    server.deliver("alice", message("third"));
    let refused = run(pop3(&room, &server, &["fetch", "--pipe", "cmd /C exit 3"])).expect(73);
    assert!(refused.stderr().contains("cmd"), "{refused:?}");
    let echo = ["fetch", "--pipe", "cmd /C echo %POP3_NUMBER% %POP3_UID%>>seen.txt"];
    run(pop3(&room, &server, &echo)).expect(0);
    run(pop3(&room, &server, &echo)).expect(0);
    let seen = fs::read_to_string(room.work().join("seen.txt")).expect("the command wrote it");
    assert_eq!(seen.trim_end(), "3 third", "what the command refused is still new, and then no longer");
}

#[test]
fn names_that_windows_keeps_for_itself() {
    let unique_ids = [
        "con",
        "NUL",
        "aux.mail",
        "Com1",
        "lpt9.x",
        "conin$",
        "a:b",
        "a*b?",
        "back\\slash",
        "a.",
        "a..",
        "Upper",
        "upper",
        "UPPER",
        "..",
    ];
    let mail: Vec<Message> = unique_ids.iter().map(|unique_id| message(unique_id)).collect();
    let server = serve(mail.clone());
    let room = Sandbox::new();
    let rows = run(pop3(&room, &server, &["fetch", "--json"])).expect(0).json();
    for (row, message) in rows.iter().zip(&mail) {
        let path = Path::new(row["path"].as_str().expect("a path"));
        assert!(fs::read(path).expect("a file") == message.received(), "{}", path.display());
    }
    assert_eq!(room.files().len(), mail.len(), "{:?}", room.files());
    assert!(run(pop3(&room, &server, &["fetch", "--json"])).expect(0).json().is_empty());
}

/// Paths beyond `MAX_PATH` (260 characters), all made by the program.
#[test]
fn long_paths() {
    let mail = vec![message("first"), message("second")];
    let server = serve(mail.clone());
    let room = Sandbox::new();
    let deep = "a folder with a name of some length ".trim_end().repeat(2) + "\\";
    let deep = deep.repeat(5);
    for (store, path) in [
        ("--dir", room.path("work").join(&deep).join("dir")),
        ("--dir", PathBuf::from(&deep).join("relative")),
        ("--maildir", room.path("work").join(&deep).join("maildir")),
        ("--mbox", room.path("work").join(&deep).join("mbox")),
    ] {
        assert!(text(&path).len() > 300);
        let state = room.path("state").join(&deep).join(store.trim_start_matches('-'));
        let mut fetch = pop3(&room, &server, &["fetch", "--all", store, text(&path)]);
        fetch.env("POP3_STATE_DIR", &state);
        run(fetch).expect(0);
        let mut status = pop3(&room, &server, &["status", "--check"]);
        status.env("POP3_STATE_DIR", &state);
        run(status).expect(1);
    }
    let files = room.files();
    for end in ["/dir/first.eml", "/relative/second.eml", "/mbox"] {
        assert!(files.iter().any(|(name, _)| name.ends_with(end)), "{end}: {files:?}");
    }
    assert_eq!(files.iter().filter(|(name, _)| name.contains("/maildir/new/")).count(), 2);
    let trace = room.path("work").join(&deep).join("trace.txt");
    run(pop3(&room, &server, &["status", &format!("--trace={}", text(&trace))])).expect(0);
    assert!(fs::read_to_string(&trace).expect("the trace").contains("S: +OK"));
}

/// Calls `then` once, when the server's sessions have reached `so_far`.
fn once(so_far: fn(Progress) -> bool, then: impl Fn() + Send + 'static) -> Quirks {
    let then = Mutex::new(Some(then));
    Quirks {
        watch: Some(Arc::new(move |progress| {
            if so_far(progress)
                && let Some(then) = then.lock().expect("no session panics").take()
            {
                then();
            }
        })),
        ..Quirks::default()
    }
}

/// Returns true in the middle of the large message of these tests.
fn middle_of_a_message(progress: Progress) -> bool {
    progress.octets > 100_000
}

/// Returns true while the small messages, or the marks of all messages, are in progress.
fn many_commands(progress: Progress) -> bool {
    progress.commands > 11
}

#[test]
fn two_at_once() {
    let (reached, middle) = mpsc::channel();
    let (resume, resumed) = mpsc::channel::<()>();
    let quirks = once(middle_of_a_message, move || {
        let _ = reached.send(());
        let _ = resumed.recv_timeout(LONGEST_RUN);
    });
    let large = Message::repeated("large", "a line of text\r\n".repeat(64), 400);
    let server = Mailbox::start(Tls::Implicit, quirks).with_user("alice", "secret", vec![large]);
    let room = Sandbox::new();
    let first = start(pop3(&room, &server, &["fetch"]), b"", false);
    middle.recv_timeout(LONGEST_RUN).expect("the first run is in the middle of its message");
    let second = run(pop3(&room, &server, &["fetch", "--timeout", "1"])).expect(75);
    assert!(second.stderr().contains("another pop3"), "{second:?}");
    resume.send(()).expect("the server waits");
    first.finish().expect(0);
    assert!(run(pop3(&room, &server, &["fetch", "--json"])).expect(0).json().is_empty());
}

/// `TerminateProcess` leaves no time to clean up. The next run cleans up, and fetches the missing messages.
#[test]
fn a_terminated_run_is_completed_by_the_next() {
    let stores = ["--dir", "--maildir", "--mbox"];
    for (store, so_far) in stores
        .into_iter()
        .flat_map(|store| [(store, middle_of_a_message as fn(_) -> _), (store, many_commands)])
    {
        let (reached, middle) = mpsc::channel();
        let (resume, resumed) = mpsc::channel::<()>();
        let quirks = once(so_far, move || {
            let _ = reached.send(());
            let _ = resumed.recv_timeout(LONGEST_RUN);
        });
        let large = Message::repeated("large", "a line of text\r\n".repeat(64), 400);
        let mail = vec![message("small"), large, message("third"), message("fourth"), message("last")];
        let server = Mailbox::start(Tls::Implicit, quirks).with_user("alice", "secret", mail.clone());
        let room = Sandbox::new();
        let fetch = ["fetch", store, "mail", "--delete", "--commit"];
        let mut first = start(pop3(&room, &server, &fetch), b"", false);
        middle.recv_timeout(LONGEST_RUN).expect("the run is in the middle of a message");
        first.child.kill().expect("a child");
        first.finish();
        drop(resume);
        server.hang_up();
        assert_eq!(server.unique_ids("alice").len(), 5, "nothing is deleted without QUIT");
        run(pop3(&room, &server, &fetch)).expect(0);
        assert!(server.unique_ids("alice").is_empty());
        let files = room.files();
        assert_eq!(files.len(), if store == "--mbox" { 1 } else { 5 }, "{store}: something else is left");
        let octets: Vec<u8> = files.iter().flat_map(|(_, octets)| lf(octets)).collect();
        for message in &mail {
            let message = lf(&message.received());
            let times = octets.windows(message.len()).filter(|octets| *octets == message).count();
            assert_eq!(times, 1, "{store}");
        }
    }
}

/// A run that is terminated while it holds an mbox leaves no lock.
#[test]
fn a_terminated_run_leaves_no_lock() {
    let server = serve(vec![message("first")]);
    let room = Sandbox::new();
    let (mbox, dot_lock) = (room.work().join("box"), room.work().join("box.lock"));
    let held = File::create_new(&mbox).expect("a file");
    held.lock().expect("it is not locked");
    // The run waits for the file lock while it has the dot-lock.
    let mut first = start(pop3(&room, &server, &["fetch", "--mbox", "box"]), b"", false);
    wait_until(|| dot_lock.exists());
    first.child.kill().expect("a child");
    first.finish();
    server.hang_up();
    wait_until(|| !dot_lock.exists());
    drop(held);
    let second = pop3(&room, &server, &["fetch", "--mbox", "box", "--timeout", "5"]);
    run(second).expect(0);
    assert_eq!(room.files().len(), 1, "{:?}", room.files());
    assert!(fs::metadata(&mbox).expect("the mbox").len() > 50);
}

#[track_caller]
fn wait_until(done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < LONGEST_RUN, "the condition is never true");
        thread::sleep(Duration::from_millis(20));
    }
}

/// By default, Windows verifies the certificate.
#[test]
fn certificates() {
    let server = serve(Vec::new());
    let room = Sandbox::new();
    let status = |name: &str, value: &str| {
        let mut command = pop3(&room, &server, &["status"]);
        command.env_remove("POP3_CA_FILE").env(name, value);
        run(command)
    };
    let unknown = status("POP3_CA_FILE", "").expect(78);
    let fingerprint = &server.certificate().fingerprint;
    let plain = |text: String| text.replace(':', "").to_ascii_lowercase();
    assert!(plain(unknown.stderr()).contains(fingerprint), "{unknown:?}");
    assert!(server.log().concat().is_empty(), "nothing was sent to the server");
    status("POP3_TLS_FINGERPRINT", fingerprint).expect(0);
    status("SSL_CERT_FILE", text(&room.path("ca.pem"))).expect(0);
}

/// `%APPDATA%`, `%LOCALAPPDATA%` and `~` in the config file.
#[test]
fn folders_of_the_user() {
    let server = serve(vec![message("first")]);
    let room = Sandbox::new();
    let home = room.path("home");
    fs::create_dir_all(home.join("roaming/pop3")).expect("a folder");
    // With a BOM, as `Set-Content -Encoding utf8` of Windows PowerShell writes it.
    let config = "\u{feff}default = \"a\"\r\n[account.a]\r\ndir = '~\\Mail\\in'\r\n\
        password-command = 'cmd /C type %USERPROFILE%\\pass.txt'\r\n";
    fs::write(home.join("roaming/pop3/config.toml"), config).expect("a file");
    fs::write(home.join("pass.txt"), "secret\r\nanother line\r\n").expect("a file");
    let mut fetch = pop3(&room, &server, &["fetch"]);
    fetch.env("APPDATA", home.join("roaming")).env("LOCALAPPDATA", home.join("local"));
    fetch.env_remove("POP3_STATE_DIR").env_remove("POP3_PASSWORD");
    run(fetch).expect(0);
    assert!(home.join("Mail/in/first.eml").exists());
    assert!(home.join("local/pop3").is_dir());
}

/// An unpaired surrogate is possible in the environment of Windows but cannot be sent to a server.
#[test]
fn a_password_that_is_not_unicode() {
    use std::os::windows::ffi::OsStringExt as _;
    let server = serve(Vec::new());
    let room = Sandbox::new();
    let mut status = pop3(&room, &server, &["status"]);
    status.env("POP3_PASSWORD", std::ffi::OsString::from_wide(&[0x70, 0xd800]));
    let refused = run(status).expect(78);
    assert!(refused.stderr().contains("POP3_PASSWORD: not valid Unicode"), "{refused:?}");
    assert!(server.log().concat().is_empty(), "nothing was sent to the server");
}

/// Like `pop3 … | more` that is ended with Q.
#[test]
fn a_reader_that_closes_the_pipe() {
    let mail: Vec<Message> = (0..3000).map(|nth| message(&format!("unique-id-{nth:060}"))).collect();
    let server = serve(mail);
    let room = Sandbox::new();
    start(pop3(&room, &server, &["uidl"]), b"", true).finish().expect(0);
    start(pop3(&room, &server, &["uidl", "--commit"]), b"", true).finish().expect(73);
    assert!(!server.log().concat().contains(&"QUIT".to_owned()));
}

/// Help and version need no home directory, no configuration file and no server.
#[test]
fn help_needs_nothing() {
    for (words, code) in [(&["--version"][..], 0), (&["--help"], 0), (&["fetch", "-h"], 0), (&[], 2)] {
        let mut command = Command::new(POP3);
        command.args(words).env_clear();
        if let Some(root) = std::env::var_os("SYSTEMROOT") {
            command.env("SYSTEMROOT", root);
        }
        run(command).expect(code);
    }
}
