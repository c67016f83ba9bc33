//! `login ADDRESS` in a terminal.

use super::*;
use crate::terminal::Terminal;

const QUESTION: &str = "config.toml? [y/N] ";

/// Starts `pop3 login` in a terminal with these pages. Returns the terminal, its sandbox, and the servers, which must
/// live as long.
fn terminal(pages: Vec<(&'static str, String)>, words: &str) -> (Terminal, Sandbox, Service) {
    terminal_of(POP3, pages, words)
}

/// Like [`terminal`], with another program before `pop3`.
fn terminal_of(
    program: &str,
    pages: Vec<(&'static str, String)>,
    words: &str,
) -> (Terminal, Sandbox, Service) {
    let certificate = Certificate::for_names(&NAMES);
    let web = web(&certificate, pages);
    let room = Sandbox::new();
    let ca = room.path("ca.pem");
    std::fs::write(&ca, &certificate.ca_pem).expect("a file");
    let mut script = room.program("script");
    script.env("SSL_CERT_FILE", ca).env_remove("NO_COLOR");
    let words = format!("{program} login --proxy http://127.0.0.1:{} {ADDRESS} {words}", web.port());
    (Terminal::new(script, &words), room, web)
}

#[test]
fn the_account_is_written_after_confirmation() {
    let (mut terminal, room, _web) = terminal(vec![(AUTOCONFIG, ok(&good()))], "");
    terminal.wait_for(QUESTION);
    let shown = terminal.text().replace("\r\n", "\n");
    assert!(shown.contains(BLOCK), "{shown}");
    assert!(!config(&room).exists(), "nothing is written before the answer");
    terminal.type_in(b"y\n");
    // The login continues with the written account, and fails because there is no keyring.
    let (shown, code) = terminal.finish();
    assert_eq!(code, Some(78), "{shown}");
    assert!(shown.contains("alice@example.test@pop.example.test"), "{shown}");
    let written = std::fs::read_to_string(config(&room)).expect("it was written");
    assert_eq!(written, format!("default = \"alice@example.test\"\n\n{BLOCK}"));
}

#[test]
fn no_and_the_end_of_input_write_nothing() {
    // The last input is Ctrl-C, which ends the program by a signal.
    for (answer, expected) in [(&b"no\n"[..], 0), (b"\n", 0), (b"\x04", 0), (b"\x03", 130)] {
        let (mut terminal, room, _web) = terminal(vec![(AUTOCONFIG, ok(&good()))], "");
        terminal.wait_for(QUESTION);
        terminal.type_in(answer);
        let (shown, code) = terminal.finish();
        assert_eq!(code, Some(expected), "{shown}");
        assert!(!config(&room).exists(), "{shown}");
    }
}

#[test]
fn the_question_ends_at_the_deadline() {
    let (terminal, room, _web) = terminal(vec![(AUTOCONFIG, ok(&good()))], "--deadline 2");
    terminal.wait_for("before the deadline");
    let (shown, code) = terminal.finish();
    assert_eq!(code, Some(69), "{shown}");
    assert!(!config(&room).exists());
}

#[test]
fn an_oauth_provider_needs_a_client_id() {
    let pages = || {
        let gmail = file("pop.gmail.com", 995, "SSL", "%EMAILADDRESS%", "OAuth2");
        let gmail =
            gmail.replace("</username>", "</username><authentication>password-cleartext</authentication>");
        vec![(AUTOCONFIG, ok(&gmail))]
    };
    let (mut with_client, room, _web) = terminal(pages(), "");
    with_client.wait_for("empty to use a password: ");
    with_client.type_in(b"an\"id\n");
    with_client.wait_for("client secret");
    with_client.type_in(b"\n");
    with_client.wait_for(QUESTION);
    let shown = with_client.text();
    assert!(shown.contains("oauth = { provider = \"google\", client-id = 'an\"id' }"), "{shown}");
    with_client.type_in(b"y\n");
    // The following OAuth 2.0 login fails because there is no keyring for its grant.
    let (shown, code) = with_client.finish();
    assert_eq!(code, Some(78), "{shown}");
    assert!(shown.contains("keyring"), "{shown}");
    let written = std::fs::read_to_string(config(&room)).expect("it was written");
    assert!(written.contains("oauth = { provider = \"google\", client-id = 'an\"id' }"), "{written}");

    let (mut with_password, _room, _web) = terminal(pages(), "");
    with_password.wait_for("empty to use a password: ");
    with_password.type_in(b"\n");
    with_password.wait_for(QUESTION);
    assert!(!with_password.text().contains("oauth ="));
    with_password.type_in(b"\x04");
    assert_eq!(with_password.finish().1, Some(0));
}

/// Each login waits before it renames the new file, so that without a lock both would start from the old file.
#[test]
fn two_logins_at_once_keep_both_accounts() {
    if !crate::syscalls::strace_works() {
        return;
    }
    let certificate = Certificate::for_names(&NAMES);
    let web = web(&certificate, vec![(AUTOCONFIG, ok(&good()))]);
    let room = Sandbox::new();
    let ca = room.path("ca.pem");
    std::fs::write(&ca, &certificate.ca_pem).expect("a file");
    let start = |address: &str| {
        let mut script = room.program("script");
        script.env("SSL_CERT_FILE", &ca);
        let renames = "rename,renameat,renameat2";
        let words = format!(
            "strace -f -o /dev/null -e trace={renames} -e inject={renames}:delay_enter=500000 \
             {POP3} login --proxy http://127.0.0.1:{} {address}",
            web.port()
        );
        Terminal::new(script, &words)
    };
    let mut terminals = [ADDRESS, "bob@example.test"].map(start);
    for terminal in &terminals {
        terminal.wait_for(QUESTION);
    }
    for terminal in &mut terminals {
        terminal.type_in(b"y\n");
    }
    for terminal in terminals {
        // The following login fails because there is no keyring.
        let (shown, code) = terminal.finish();
        assert_eq!(code, Some(78), "{shown}");
    }
    let written = std::fs::read_to_string(config(&room)).expect("it was written");
    for account in [ADDRESS, "bob@example.test"] {
        assert!(written.contains(&format!("[account.\"{account}\"]")), "{account} is lost:\n{written}");
    }
}

/// The new file is synced before it replaces the old one, and the folder is synced afterwards.
#[test]
fn the_file_survives_a_power_cut() {
    if !crate::syscalls::strace_works() {
        return;
    }
    let program = format!("strace -f -y -e trace=fsync,rename,renameat,renameat2 -o calls.txt {POP3}");
    let (mut terminal, room, _web) = terminal_of(&program, vec![(AUTOCONFIG, ok(&good()))], "");
    terminal.wait_for(QUESTION);
    terminal.type_in(b"y\n");
    let (shown, _) = terminal.finish();
    let calls = std::fs::read_to_string(room.work().join("calls.txt")).expect("strace wrote it");
    let calls: Vec<&str> = calls.lines().filter(|line| line.contains("/pop3")).collect();
    let at = |parts: [&str; 2]| {
        calls
            .iter()
            .position(|call| parts.iter().all(|part| call.contains(part)))
            .unwrap_or_else(|| panic!("{parts:?} in {calls:#?} {shown}"))
    };
    let file = at(["fsync(", "/pop3/.config-"]);
    let renamed = at(["rename", "/pop3/config.toml\""]);
    let folder = at(["fsync(", "/pop3>"]);
    assert!(file < renamed && renamed < folder, "{calls:#?}");
}
