//! Full and closed streams, full disks, and inherited file descriptors.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use crate::support::sandbox::{Sandbox, run};
use crate::support::service::Service;

/// Serves two messages of 200,000 bytes and accepts `QUIT`.
fn two_messages() -> Service {
    Service::start(|mut peer| {
        peer.log_in();
        peer.list(2);
        loop {
            let command = peer.hear();
            match command.split(' ').next() {
                Some("RETR" | "TOP") => {
                    peer.say(format!("+OK\r\nSubject: a\r\n\r\n{}.\r\n", "line of text\r\n".repeat(14_000)));
                }
                Some("") | None => return,
                _ => peer.answer(&command),
            }
        }
    })
}

/// Runs `before` and then `pop3` in a shell.
fn shell(room: &Sandbox, server: &Service, before: &str, arguments: &str) -> Command {
    let mut command = room.with_account("sh", server.port());
    let pop3 = crate::support::sandbox::POP3;
    command.env("POP3_TLS", "none").args(["-c", &format!("{before}\nexec '{pop3}' {arguments}")]);
    command
}

/// Write errors are reported or ignored, but never cause a panic (101, or SIGABRT where panics abort).
#[test]
fn full_and_closed() {
    if !std::path::Path::new("/dev/full").exists() {
        return;
    }
    for (arguments, code) in [
        ("status > /dev/full", 73),
        ("status --json > /dev/full", 73),
        ("headers --all > /dev/full", 73),
        ("fetch --mbox - --commit > /dev/full", 73),
        ("status --commit > /dev/full", 73),
        ("status --commit --trace=/dev/full", 73),
        ("delete 1 --commit --json > /dev/full", 73),
        ("status --trace 2> /dev/full", 0),
        ("delete 1 2> /dev/full", 0),
        ("status >&- 2>&-", 73),
        ("status 2>&-", 0),
        ("fetch <&- 2>&-", 0),
        ("--help > /dev/full", 73),
        ("--no-such-option 2> /dev/full", 2),
    ] {
        let server = two_messages();
        let room = Sandbox::new();
        let mut command = shell(&room, &server, "", arguments);
        let status = command.output().expect("a shell").status;
        // Writing to a closed descriptor may succeed: its number may belong to another file.
        let closed = arguments.contains(">&-") && status.code() == Some(0);
        assert!(status.code() == Some(code) || closed, "{arguments}: {status} {:?}", status.signal());
        if arguments.starts_with("--") {
            continue;
        }
        let heard = server.finish();
        // The rows of `delete` follow the answer to `QUIT`; all other output precedes `QUIT`.
        let may_quit = code == 0 || arguments.starts_with("delete");
        assert!(may_quit || !heard.iter().any(|line| line == "QUIT"), "{arguments}: {heard:?}");
    }
}

/// A full disk: exit 73, no partial message under a final name, an unchanged mbox, no `QUIT`.
#[test]
fn a_full_disk() {
    for (destination, room_for) in
        [("--dir .", 0), ("--maildir m", 0), ("--mbox box", 0), ("--dir .", 300), ("--mbox box", 300)]
    {
        let server = two_messages();
        let room = Sandbox::new();
        let old = b"From x Sun Nov 22 10:00:00 2026\n\nold\n\n".as_slice();
        std::fs::write(room.work().join("box"), old).expect("a file");
        // The limit is in blocks of 512 bytes.
        let before = format!("trap '' XFSZ; ulimit -f {}", 8 + room_for);
        let outcome =
            run(shell(&room, &server, &before, &format!("fetch {destination} --delete --commit"))).expect(73);
        let heard = server.finish();
        assert!(!heard.iter().any(|line| line == "QUIT"), "{outcome:?}{heard:?}");
        for (name, octets) in room.files() {
            assert!(
                name == "box" && octets == old,
                "{destination}, {room_for}: {name} has {} octets",
                octets.len()
            );
        }
    }
}

/// A `--pipe` command inherits standard input, output and error, but not the connection.
#[test]
#[cfg(target_os = "linux")]
fn a_child_inherits_no_socket() {
    let server = two_messages();
    let room = Sandbox::new();
    let mut command = room.pop3(server.port());
    command.env("POP3_TLS", "none").args(["fetch", "--trace=t", "--pipe", "sh -c 'ls -l /proc/$$/fd > fds'"]);
    run(command).expect(0);
    let descriptors = std::fs::read_to_string(room.work().join("fds")).expect("a list");
    assert!(!descriptors.contains("socket:"), "{descriptors}");
    assert!(
        !descriptors.contains(".record")
            && !descriptors.contains(room.work().join("t").to_str().expect("a temporary folder")),
        "{descriptors}"
    );
}

/// A trace file that others can read becomes private before anything is appended; its content stays.
#[test]
fn a_trace_file_becomes_private() {
    use std::os::unix::fs::PermissionsExt as _;
    for before in [None, Some(0o644), Some(0o666)] {
        let server = two_messages();
        let room = Sandbox::new();
        let trace = room.work().join("t");
        if let Some(mode) = before {
            std::fs::write(&trace, "old\n").expect("a file");
            std::fs::set_permissions(&trace, std::fs::Permissions::from_mode(mode)).expect("own file");
        }
        run(shell(&room, &server, "umask 0", "status --trace=t")).expect(0);
        let mode = std::fs::metadata(&trace).expect("the trace").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{before:?}: {mode:o}");
        let text = std::fs::read_to_string(&trace).expect("the trace");
        assert!(text.contains("C: STAT") && text.starts_with("old\n") == before.is_some(), "{text}");
    }
}

/// Some servers drop idle sessions: `NOOP` is sent while a `--pipe` command runs.
#[test]
fn a_slow_command_does_not_lose_the_session() {
    let server = Service::start(|mut peer| {
        peer.log_in();
        peer.list(2);
        loop {
            let command = peer.hear();
            match command.split(' ').next() {
                Some("RETR") => peer.say("+OK\r\na: b\r\n\r\n.\r\n"),
                Some("") | None => return,
                _ => peer.answer(&command),
            }
        }
    });
    let room = Sandbox::new();
    let mut command = room.pop3(server.port());
    command
        .env("POP3_TLS", "none")
        .args(["fetch", "--delete", "--commit", "--timeout", "3"])
        .args(["--pipe", "sh -c 'test $POP3_NUMBER = 2 || sleep 2.5'"]);
    run(command).expect(0);
    let heard = server.finish();
    let at = heard.iter().position(|line| line == "RETR 1").expect("the message is fetched");
    // Nothing else is sent before the command has ended.
    assert_eq!(heard[at + 1..at + 4], ["LIST 1", "NOOP", "NOOP"], "{heard:?}");
    let others: Vec<_> = heard[at..].iter().filter(|line| *line != "NOOP").collect();
    assert_eq!(
        others,
        ["RETR 1", "LIST 1", "DELE 1", "RETR 2", "LIST 2", "DELE 2", "STAT", "QUIT"],
        "{heard:?}"
    );
}
