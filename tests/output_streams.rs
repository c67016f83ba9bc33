//! Output on standard error and standard output.

use crate::support::sandbox::{Sandbox, start};
use crate::support::service::Service;

/// rustls logs a warning, which most loggers show by default.
#[test]
fn library_warnings_are_not_printed() {
    let server = Service::start(|mut peer| {
        peer.octets(5);
        // A TLS alert of level warning, "unrecognized name".
        peer.say(b"\x15\x03\x03\x00\x02\x01\x70");
        peer.hang_up();
    });
    let sandbox = Sandbox::new();
    for json in [true, false] {
        let mut command = sandbox.pop3(server.port());
        command.args(["status", "--tls", "implicit"]).env_remove("RUST_LOG");
        if json {
            command.arg("--json");
        }
        let outcome = start(command, b"", false).finish();
        let stderr = outcome.stderr();
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.starts_with(if json { "{\"error\":" } else { "pop3: " }), "{stderr}");
    }
}

/// The reader of the trace closes it between `QUIT` and its response.
#[cfg(unix)]
#[test]
fn a_failed_trace_does_not_hide_confirmed_deletions() {
    use std::io::{BufRead as _, BufReader};
    use std::sync::{Mutex, mpsc};

    let (closed, reader_is_gone) = mpsc::channel::<()>();
    let reader_is_gone = Mutex::new(reader_is_gone);
    let server = Service::start(move |mut peer| {
        peer.say("+OK\r\n");
        loop {
            let line = peer.line();
            let answer = match line.trim_end() {
                "" => return,
                "STAT" => "+OK 1 7\r\n",
                "LIST" => "+OK\r\n1 7\r\n.\r\n",
                "UIDL" => "+OK\r\n1 u1\r\n.\r\n",
                "QUIT" => {
                    let _ = reader_is_gone.lock().expect("nobody panics").recv();
                    "+OK\r\n"
                }
                "CAPA" => "-ERR\r\n",
                _ => "+OK\r\n",
            };
            peer.say(answer);
            if line.trim_end() == "QUIT" {
                return;
            }
        }
    });
    let sandbox = Sandbox::new();
    let trace = sandbox.path("trace");
    let made = sandbox.program("mkfifo").arg(&trace).status().expect("mkfifo runs");
    assert!(made.success());
    let reader = std::thread::spawn({
        let reading = trace.clone();
        move || {
            let mut lines = BufReader::new(std::fs::File::open(&reading).expect("the fifo"));
            let mut line = String::new();
            while !line.contains("C: QUIT") {
                line.clear();
                if lines.read_line(&mut line).expect("text") == 0 {
                    break;
                }
            }
            drop(lines);
            // A process that another test is starting may have a copy of the descriptor until it calls exec.
            let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::NONBLOCK;
            while rustix::fs::open(&reading, flags, rustix::fs::Mode::empty()).is_ok() {
                std::thread::yield_now();
            }
            let _ = closed.send(());
        }
    });
    let mut command = sandbox.pop3(server.port());
    command.args(["delete", "1", "--commit", "--json", "--tls", "none"]);
    command.arg(format!("--trace={}", trace.display()));
    let outcome = start(command, b"", false).finish().expect(73);
    reader.join().expect("it does not panic");
    assert!(outcome.stdout().contains("\"deleted\":true"), "{outcome:?}");
    assert!(outcome.stderr().contains("cannot write the trace"), "{outcome:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn help_reports_a_full_standard_output() {
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
    let sandbox = Sandbox::new();
    for arguments in [&["-h"][..], &["--version"], &["fetch", "--help"]] {
        let mut command = sandbox.pop3(1);
        let output = command
            .args(arguments)
            .stdout(full())
            .stderr(std::process::Stdio::piped())
            .output()
            .expect("pop3");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(73), "{arguments:?}: {stderr}");
        assert!(stderr.starts_with("pop3: cannot write standard output: "), "{arguments:?}: {stderr}");
    }
}
