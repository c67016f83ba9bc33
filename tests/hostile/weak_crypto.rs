//! Certificates that rcgen and rustls cannot make or serve: SHA-1 signatures and 1,024-bit RSA keys.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::sandbox::{Outcome, Sandbox, run};
use crate::support::skip::need;

/// A process that is killed on drop.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn openssl(room: &Path, arguments: &str) -> Command {
    let mut command = Command::new("openssl");
    command.current_dir(room).args(arguments.split(' ')).stdin(Stdio::null()).stderr(Stdio::null());
    command
}

fn make(room: &Path, arguments: &str) {
    let made = openssl(room, arguments).stdout(Stdio::null()).status().expect("openssl starts");
    assert!(made.success(), "{arguments}");
}

/// Runs `status` against a server with a certificate for localhost; the key sizes are those of the server and the CA.
fn status(bits: u32, authority_bits: u32, digest: &str, pinned: bool) -> Outcome {
    let room = Sandbox::new();
    let files = room.work();
    make(
        &files,
        &format!("req -x509 -newkey rsa:{authority_bits} -nodes -subj /CN=ca -keyout ca.key -out ca.pem"),
    );
    make(&files, &format!("req -newkey rsa:{bits} -nodes -subj /CN=localhost -keyout key -out request"));
    std::fs::write(files.join("names"), "subjectAltName=DNS:localhost\n").expect("a file");
    make(
        &files,
        &format!(
            "x509 -req -in request -CA ca.pem -CAkey ca.key -CAcreateserial -{digest} -extfile names -out pem"
        ),
    );
    let server =
        openssl(&files, "s_server -accept 127.0.0.1:0 -cert pem -key key -cipher DEFAULT:@SECLEVEL=0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
    let mut server = Serving(server.expect("openssl starts"));
    let port = BufReader::new(server.0.stdout.take().expect("piped"))
        .lines()
        .find_map(|line| line.ok()?.strip_prefix("ACCEPT 127.0.0.1:")?.parse().ok());
    let mut command = room.pop3(port.expect("it says its port"));
    command
        .args(["status", "-4", "--timeout", "1"])
        .env("POP3_TLS", "implicit")
        .env("POP3_HOST", "localhost");
    if pinned {
        let shown =
            openssl(&files, "x509 -in pem -noout -fingerprint -sha256").output().expect("openssl starts");
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        command.env("POP3_TLS_FINGERPRINT", shown.trim().split_once('=').expect("a fingerprint").1);
    } else {
        command.env("POP3_CA_FILE", files.join("ca.pem"));
    }
    run(command)
}

/// The exit code is 78 if a relevant signature or key is weak. Otherwise the handshake succeeds, and the silent
/// server causes 69.
#[test]
fn weak_keys_and_digests() {
    if need("openssl").is_none() {
        return;
    }
    for (bits, authority_bits, digest, pinned, code) in [
        (2048, 2048, "sha256", false, 69),
        (2048, 2048, "sha1", false, 78),
        (1024, 2048, "sha256", false, 78),
        (2048, 1024, "sha256", false, 78),
        // Even with a pinned certificate, the server must prove in the handshake that it has the key.
        (2048, 2048, "sha1", true, 69),
        (1024, 2048, "sha256", true, 78),
    ] {
        let outcome = status(bits, authority_bits, digest, pinned);
        assert_eq!(outcome.code, Some(code), "{bits} {authority_bits} {digest} {pinned}: {outcome:?}");
        let shown = outcome.stderr().contains("fingerprint");
        assert_eq!(shown, code == 78, "{outcome:?}");
    }
}
