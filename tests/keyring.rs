//! `login`, `status` and `logout` with a real keyring: gnome-keyring on a private message bus, or Credential Manager
//! on Windows. The keyring of the user who runs the tests is not touched, except for an entry with a unique name on
//! Windows.

#![cfg(feature = "keyring")]

use std::process::Command;

use crate::support::mailbox::{Mailbox, Message, Quirks, Tls};
use crate::support::sandbox::{Outcome, Sandbox, start};

/// A user, a server that knows the user's password, and a sandbox without `POP3_PASSWORD`.
struct Desk {
    sandbox: Sandbox,
    server: Mailbox,
    user: String,
    /// The address of the message bus, if there is one.
    bus: Option<String>,
}

impl Desk {
    fn new() -> Self {
        let user = format!("pop3-test-{}", std::process::id());
        let server = Mailbox::start(Tls::None, Quirks::default());
        let server =
            server.with_user(&user, "gehe\u{ef}m", vec![Message::new("a", *b"Subject: a\r\n\r\na\r\n")]);
        Self { sandbox: Sandbox::new(), server, user, bus: None }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.sandbox.pop3(self.server.port());
        command.args(words).args(["--tls", "none", "--user", &self.user]).env_remove("POP3_PASSWORD");
        if let Some(bus) = &self.bus {
            command.env("DBUS_SESSION_BUS_ADDRESS", bus);
        }
        command
    }

    fn run(&self, words: &[&str], input: &str) -> Outcome {
        start(self.command(words), input.as_bytes(), false).finish()
    }

    #[cfg(any(windows, target_os = "linux"))]
    fn login(&self, password: &str) -> Outcome {
        self.run(&["login", "--password-stdin"], &format!("{password}\r\nthis line is not read\r\n"))
    }

    fn sessions(&self) -> usize {
        self.server.log().len()
    }
}

/// Checks the behavior that all keyrings share.
#[cfg(any(windows, target_os = "linux"))]
fn saved_used_and_removed(desk: &Desk) {
    let missing = desk.run(&["status"], "").expect(78);
    assert!(missing.stderr().contains("the keyring has none"), "{missing:?}");
    assert_eq!(desk.sessions(), 0, "credentials are looked up before connecting");

    let refused = desk.login("wrong").expect(77);
    assert!(!refused.stderr().contains("wrong"), "{refused:?}");
    desk.run(&["status"], "").expect(78);

    let saved = desk.login("gehe\u{ef}m").expect(0);
    assert!(!format!("{saved:?}").contains("gehe"), "{saved:?}");
    let mut command = desk.command(&["status", "--trace", "-vvv"]);
    command.env("RUST_LOG", "trace");
    let used = start(command, b"", false).finish().expect(0);
    assert!(used.stderr().contains("the credential is from the keyring"), "{used:?}");
    assert!(!format!("{used:?}").contains("gehe"), "{used:?}");
    let mut command = desk.command(&["status"]);
    command.env("POP3_PASSWORD", "wrong");
    start(command, b"", false).finish().expect(77);
    let other = desk.run(&["status", "--host", "localhost"], "").expect(78);
    assert!(other.stderr().contains("the keyring has none"), "another host is another entry: {other:?}");

    desk.run(&["logout"], "").expect(0);
    desk.run(&["status"], "").expect(78);
    desk.run(&["logout"], "").expect(0);
}

#[test]
fn an_empty_password_is_not_saved() {
    let desk = Desk::new();
    for input in ["", "\n", "\r\nsecret\r\n"] {
        desk.run(&["login", "--password-stdin"], input).expect(78);
    }
    desk.run(&["login", "--password-stdin"], "a\rb\n").expect(78);
    desk.run(&["login"], "secret\n").expect(78);
    assert_eq!(desk.sessions(), 0);
}

#[cfg(target_os = "linux")]
pub(crate) mod secret_service {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::process::{Child, Stdio};

    use super::*;
    use crate::support::skip::skipped;

    /// A private message bus and keyring daemon, which end with the test.
    pub(crate) struct Service {
        /// The address of the bus.
        pub(crate) address: String,
        bus: Child,
        keyring: Child,
    }

    impl Service {
        /// Returns `None`, and reports the test as skipped, if a program is missing.
        pub(crate) fn start(room: &Sandbox) -> Option<Self> {
            for program in ["dbus-daemon", "dbus-send", "gnome-keyring-daemon"] {
                let there = room.program(program).arg("--version").output();
                if let Err(error) = there {
                    skipped(&format!("{program} cannot be run: {error}"));
                    return None;
                }
            }
            let mut bus = room
                .program("dbus-daemon")
                .args(["--session", "--nofork", "--nopidfile", "--print-address=1"])
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .expect("dbus-daemon starts");
            let mut address = String::new();
            BufReader::new(bus.stdout.take().expect("piped")).read_line(&mut address).expect("an address");
            let address = address.trim().to_owned();
            let keyring = Self::keyring(room, &address, "pw");
            Some(Self { address, bus, keyring })
        }

        /// Starts the daemon with its login keyring unlocked, and waits until it owns its name on the bus.
        fn keyring(room: &Sandbox, address: &str, password: &str) -> Child {
            let mut keyring = Self::on_bus(room, address, "gnome-keyring-daemon")
                .args(["--foreground", "--unlock", "--components=secrets"])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("gnome-keyring-daemon starts");
            keyring
                .stdin
                .take()
                .expect("piped")
                .write_all(password.as_bytes())
                .expect("it reads its password");
            for _ in 0..600 {
                let named = Self::on_bus(room, address, "dbus-send")
                    .args([
                        "--session",
                        "--print-reply",
                        "--dest=org.freedesktop.DBus",
                        "/org/freedesktop/DBus",
                    ])
                    .args(["org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets"])
                    .output()
                    .expect("dbus-send runs");
                if String::from_utf8_lossy(&named.stdout).contains("boolean true") {
                    return keyring;
                }
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            end(&mut keyring);
            panic!("gnome-keyring-daemon did not start");
        }

        pub(crate) fn lock(&self, room: &Sandbox) {
            self.call(room, "Lock", "array:objpath:/org/freedesktop/secrets/collection/login");
        }

        /// Returns the number of entries of a service.
        pub(crate) fn count(&self, room: &Sandbox, service: &str) -> usize {
            let reply = self.call(room, "SearchItems", &format!("dict:string:string:service,{service}"));
            reply.matches("object path").count()
        }

        fn call(&self, room: &Sandbox, method: &str, argument: &str) -> String {
            let output = Self::on_bus(room, &self.address, "dbus-send")
                .args([
                    "--session",
                    "--print-reply",
                    "--dest=org.freedesktop.secrets",
                    "/org/freedesktop/secrets",
                ])
                .arg(format!("org.freedesktop.Secret.Service.{method}"))
                .arg(argument)
                .output()
                .expect("dbus-send runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8_lossy(&output.stdout).into_owned()
        }

        fn on_bus(room: &Sandbox, address: &str, program: &str) -> Command {
            let mut command = room.program(program);
            command.env("XDG_DATA_HOME", room.path("home")).env("DBUS_SESSION_BUS_ADDRESS", address);
            command
        }
    }

    impl Drop for Service {
        fn drop(&mut self) {
            end(&mut self.keyring);
            end(&mut self.bus);
        }
    }

    fn end(child: &mut Child) {
        let _ = child.kill();
        let _ = child.wait();
    }

    #[test]
    fn a_password_is_saved_used_and_removed() {
        let mut desk = Desk::new();
        let Some(service) = Service::start(&desk.sandbox) else { return };
        desk.bus = Some(service.address.clone());
        saved_used_and_removed(&desk);
    }

    #[test]
    fn a_locked_keyring_is_reported_only_if_it_is_needed() {
        let mut desk = Desk::new();
        let Some(service) = Service::start(&desk.sandbox) else { return };
        desk.bus = Some(service.address.clone());
        desk.login("gehe\u{ef}m").expect(0);
        service.lock(&desk.sandbox);
        let sessions = desk.sessions();
        for words in [&["status"][..], &["logout"]] {
            let locked = desk.run(words, "").expect(78);
            assert!(locked.stderr().contains("locked"), "{locked:?}");
        }
        assert_eq!(desk.sessions(), sessions);
        let unsaved = desk.login("gehe\u{ef}m").expect(78);
        assert!(unsaved.stderr().contains("locked"), "{unsaved:?}");
        let mut command = desk.command(&["status"]);
        command.env("POP3_PASSWORD", "gehe\u{ef}m");
        let other = start(command, b"", false).finish().expect(0);
        assert!(!other.stderr().contains("keyring"), "{other:?}");
    }

    #[test]
    fn without_a_message_bus_there_is_no_keyring() {
        let desk = Desk::new();
        for words in [&["status"][..], &["logout"]] {
            let failure = desk.run(words, "").expect(78);
            assert!(failure.stderr().contains("this session has no keyring service"), "{failure:?}");
        }
        let unsaved = desk.login("gehe\u{ef}m").expect(78);
        assert!(unsaved.stderr().contains("this session has no keyring service"), "{unsaved:?}");
    }
}

/// Keyrings that never answer, on a minimal message bus.
#[cfg(target_os = "linux")]
pub(crate) mod mute {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::thread;

    use super::*;

    #[derive(Clone, Copy, PartialEq)]
    pub(crate) enum Mute {
        /// The bus accepts connections and never answers.
        Bus,
        /// The bus answers `Hello` but no other call, like a service that hangs or a hidden prompt.
        Service,
    }

    fn desk(mute: Mute) -> Desk {
        let mut desk = Desk::new();
        desk.bus = Some(bus(&desk.sandbox, mute));
        desk
    }

    /// Starts such a bus and returns its address.
    pub(crate) fn bus(room: &Sandbox, mute: Mute) -> String {
        let path = room.path("bus");
        let listener = UnixListener::bind(&path).expect("a socket");
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || serve(stream, mute));
            }
        });
        format!("unix:path={}", path.display())
    }

    /// Authenticates the client and answers `Hello` with a unique name (D-Bus specification). All other calls are
    /// read and ignored.
    fn serve(mut stream: UnixStream, mute: Mute) {
        if mute == Mute::Service {
            let mut line = Vec::new();
            let mut octet = [0];
            while stream.read_exact(&mut octet).is_ok() {
                line.push(octet[0]);
                if !line.ends_with(b"\r\n") {
                    continue;
                }
                let begins = line.starts_with(b"BEGIN");
                let answer: &[u8] = match () {
                    () if line.starts_with(b"\0AUTH") || line.starts_with(b"AUTH") => {
                        b"OK 0123456789abcdef0123456789abcdef\r\n"
                    }
                    () if line.starts_with(b"NEGOTIATE") => b"AGREE_UNIX_FD\r\n",
                    () => b"",
                };
                let _ = stream.write_all(answer);
                line.clear();
                if begins {
                    break;
                }
            }
            let mut header = [0; 16];
            if stream.read_exact(&mut header).is_err() {
                return;
            }
            let hello_serial = &header[8..12];
            // A little-endian method return with a body of 9 bytes and 15 bytes of header fields: reply serial and
            // signature.
            let mut reply = b"l\x02\x01\x01\x09\0\0\0\x01\0\0\0\x0f\0\0\0\x05\x01u\0".to_vec();
            reply.extend_from_slice(hello_serial);
            reply.extend_from_slice(b"\x08\x01g\0\x01s\0\0\x04\0\0\0:1.1\0");
            let _ = stream.write_all(&reply);
        }
        let mut ignored = [0; 4096];
        while matches!(stream.read(&mut ignored), Ok(1..)) {}
    }

    #[test]
    fn a_keyring_that_does_not_answer_times_out() {
        for mute in [Mute::Bus, Mute::Service] {
            let desk = desk(mute);
            for (words, input) in
                [(&["status"][..], ""), (&["login", "--password-stdin"], "secret\n"), (&["logout"], "")]
            {
                let late = desk.run(&[words, &["--timeout", "0.3"]].concat(), input).expect(78);
                assert!(late.stderr().contains("the keyring did not answer within 0.3 s"), "{late:?}");
                assert_eq!(late.stderr().lines().count(), 1, "{late:?}");
                let over = desk.run(&[words, &["--deadline", "0.3"]].concat(), input).expect(69);
                assert!(over.stderr().contains("deadline of 0.3 s"), "{over:?}");
            }
            let mut command = desk.command(&["status"]);
            command.env("POP3_PASSWORD", "gehe\u{ef}m");
            start(command, b"", false).finish().expect(0);
        }
    }

    #[test]
    fn login_without_a_keyring_names_the_alternatives() {
        let refused = Desk::new().login("secret").expect(78);
        assert!(refused.stderr().contains("password-command = \"pass show mail/pop3-test-"), "{refused:?}");
    }
}

#[cfg(windows)]
mod credential_manager {
    use super::*;

    #[test]
    fn a_password_is_saved_used_and_removed() {
        saved_used_and_removed(&Desk::new());
    }

    #[test]
    fn a_secret_above_the_limit_is_refused() {
        let user = format!("pop3-test-long-{}", std::process::id());
        let password = "x".repeat(1281);
        let server = Mailbox::start(Tls::None, Quirks::default()).with_user(&user, &password, Vec::new());
        let desk = Desk { sandbox: Sandbox::new(), server, user, bus: None };
        let refused = desk.login(&password).expect(78);
        assert!(refused.stderr().contains("1280"), "{refused:?}");
        let status = desk.run(&["status"], "").expect(78);
        assert!(status.stderr().contains("the keyring has none"), "{status:?}");
    }
}
