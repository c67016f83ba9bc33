//! A Dovecot server in a temporary folder, with its own configuration, certificate, users and ports.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::mailbox::Certificate;
use super::skip::skipped;

const PROGRAM: &str = "/usr/sbin/dovecot";
/// The maximum time from the start to the first connection, even on a slow machine.
const LONGEST_START: Duration = Duration::from_secs(30);
/// The owner of the mail if the tests run as root: Dovecot serves no mail owned by root.
const NOBODY: u32 = 65534;

pub(crate) struct Dovecot {
    root: TempDir,
    master: Child,
    /// The port for cleartext and `STLS`.
    pub(crate) port: u16,
    /// The port for implicit TLS.
    pub(crate) tls_port: u16,
    certificate: Certificate,
}

impl Dovecot {
    /// Starts a server. Returns `None`, and reports the test as skipped, if Dovecot is not installed.
    pub(crate) fn start(users: &[(&str, &str)]) -> Option<Self> {
        Self::start_with(users, |_| String::new())
    }

    /// Starts a server with additional settings, which `more` returns for the folder of the server.
    pub(crate) fn start_with(users: &[(&str, &str)], more: impl FnOnce(&Path) -> String) -> Option<Self> {
        if !Path::new(PROGRAM).exists() {
            skipped("Dovecot is not installed (package dovecot-pop3d)");
            return None;
        }
        let root = tempfile::Builder::new().prefix("pop3-dovecot-").tempdir().expect("a temporary folder");
        // Dovecot's own users must be able to read the folder.
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).expect("its own folder");
        let certificate = Certificate::for_loopback();
        let passwords: Vec<String> =
            users.iter().map(|(user, password)| format!("{user}:{{PLAIN}}{password}")).collect();
        let write = |name: &str, text: &str| fs::write(root.path().join(name), text).expect("a file");
        write("users", &(passwords.join("\n") + "\n"));
        write("certificate.pem", &certificate.pem);
        write("key.pem", &certificate.key_pem);
        write("ca.pem", &certificate.ca_pem);
        let (port, tls_port) = free_ports();
        write("dovecot.conf", &(configuration(root.path(), port, tls_port) + &more(root.path())));
        let master = Command::new(PROGRAM)
            .args(["-F", "-c"])
            .arg(root.path().join("dovecot.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(root.path().join("stderr")).expect("a file"))
            .spawn()
            .expect("dovecot starts");
        let mut dovecot = Self { root, master, port, tls_port, certificate };
        dovecot.wait();
        Some(dovecot)
    }

    fn wait(&mut self) {
        let started = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.tls_port)).is_err() {
            let ended = self.master.try_wait().expect("a child");
            assert!(
                ended.is_none() && started.elapsed() < LONGEST_START,
                "dovecot does not listen ({ended:?}):\n{}{}",
                fs::read_to_string(self.root.path().join("stderr")).unwrap_or_default(),
                self.log()
            );
            // Dovecot does not report that it listens, so the port is polled.
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Delivers messages (with LF line ends) to the maildrop, in this order.
    pub(crate) fn deliver(&self, user: &str, messages: &[Vec<u8>]) {
        self.deliver_from(0, user, messages);
    }

    /// Delivers more messages after the first `first` ones.
    pub(crate) fn deliver_from(&self, first: usize, user: &str, messages: &[Vec<u8>]) {
        let maildir = self.root.path().join("mail").join(user);
        let (uid, gid) = owner();
        let own = |path: &Path| chown(path, Some(uid), Some(gid)).expect("one's own file, or by root");
        for folder in ["", "new", "cur", "tmp"] {
            fs::create_dir_all(maildir.join(folder)).expect("a folder");
            own(&maildir.join(folder));
        }
        for (nth, message) in (first..).zip(messages) {
            let path = maildir.join("new").join(format!("{}.M1P1.test", 1_000_000_000 + nth));
            fs::write(&path, message).expect("a message");
            own(&path);
        }
    }

    /// Returns the number of messages in the maildrop.
    pub(crate) fn count(&self, user: &str) -> usize {
        let maildir = self.root.path().join("mail").join(user);
        ["new", "cur"]
            .iter()
            .map(|folder| fs::read_dir(maildir.join(folder)).map_or(0, Iterator::count))
            .sum()
    }

    pub(crate) fn ca_file(&self) -> PathBuf {
        self.root.path().join("ca.pem")
    }

    pub(crate) fn fingerprint(&self) -> &str {
        &self.certificate.fingerprint
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.root.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("dovecot's log:\n{}", self.log());
        }
        // The master process ends the others.
        let _ = kill_process(Pid::from_child(&self.master), Signal::TERM);
        let _ = self.master.wait();
    }
}

/// Returns the user and group of this process.
fn owner() -> (u32, u32) {
    let own = fs::metadata("/proc/self").expect("/proc is there");
    if own.uid() == 0 { (NOBODY, NOBODY) } else { (own.uid(), own.gid()) }
}

fn free_ports() -> (u16, u16) {
    let free = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let (first, second) = (free(), free());
    let port = |listener: &TcpListener| listener.local_addr().expect("bound").port();
    (port(&first), port(&second))
}

fn configuration(root: &Path, port: u16, tls_port: u16) -> String {
    let (uid, gid) = owner();
    let root = root.display();
    let users = if fs::metadata("/proc/self").expect("/proc is there").uid() == 0 {
        String::new()
    } else {
        let name = |flag| {
            let output = Command::new("id").arg(flag).output().expect("id is there");
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        let (user, group) = (name("-un"), name("-gn"));
        format!(
            "default_login_user = {user}\ndefault_internal_user = {user}\ndefault_internal_group = {group}\n\
             service anvil {{\n  chroot =\n}}\nservice stats {{\n  chroot =\n}}\n"
        )
    };
    format!(
        "protocols = pop3
listen = 127.0.0.1
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/log
ssl = yes
ssl_cert = <{root}/certificate.pem
ssl_key = <{root}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256 apop
auth_failure_delay = 0
mail_location = maildir:{root}/mail/%u
mail_max_userip_connections = 100
first_valid_uid = 1
passdb {{
  driver = passwd-file
  args = username_format=%u {root}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={root}/mail/%u
}}
# Every wrong password of an address makes the next one wait longer.
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {port}
  }}
  inet_listener pop3s {{
    port = {tls_port}
    ssl = yes
  }}
}}
{users}"
    )
}
