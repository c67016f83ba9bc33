//! `login ADDRESS` finds the server of a mail address: through an HTTP proxy that plays every web server, in a
//! terminal, and in a network namespace with its own name server.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use crate::support::mailbox::Certificate;
use crate::support::sandbox::{Outcome, POP3, Sandbox, run};
use crate::support::service::{Peer, Service};

#[cfg(target_os = "linux")]
mod namespace;
#[cfg(target_os = "linux")]
mod person;

const ADDRESS: &str = "alice@example.test";

const AUTOCONFIG: &str = "autoconfig.example.test/mail/config-v1.1.xml";
const WELL_KNOWN: &str = "example.test/.well-known/autoconfig/mail/config-v1.1.xml";
const ISPDB: &str = "autoconfig.thunderbird.net/v1.1/example.test";

/// The names of the web servers.
const NAMES: [&str; 4] =
    ["autoconfig.example.test", "example.test", "autoconfig.thunderbird.net", "pop.example.test"];

const BLOCK: &str = "[account.\"alice@example.test\"]\nhost = \"pop.example.test\"\ntls = \"implicit\"\n\
                     user = \"alice@example.test\"\n";

/// Returns an autoconfig file with one POP3 server.
fn file(host: &str, port: u16, socket: &str, user: &str, authentication: &str) -> String {
    format!(
        "<clientConfig version=\"1.1\"><emailProvider id=\"example.test\">\
         <incomingServer type=\"imap\"><hostname>imap.example.test</hostname><port>993</port>\
         <socketType>SSL</socketType><username>x</username></incomingServer>\
         <incomingServer type=\"pop3\"><hostname>{host}</hostname><port>{port}</port><socketType>{socket}</socketType>\
         <username>{user}</username><authentication>{authentication}</authentication></incomingServer>\
         </emailProvider></clientConfig>"
    )
}

fn good() -> String {
    file("pop.example.test", 995, "SSL", "%EMAILADDRESS%", "password-cleartext")
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// Answers one request over TLS with the first page that has its URL, or with 404.
fn answer(peer: &mut Peer, host: &str, pages: &[(&'static str, String)]) {
    let request = peer.line();
    while peer.line().len() > 2 {}
    let path = request.strip_prefix("GET ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    let url = format!("{host}{path}");
    let page = pages.iter().find(|(page, _)| *page == url).map(|(_, response)| response.as_str());
    peer.say(page.unwrap_or("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"));
}

/// Starts a proxy that plays every host on port 443.
fn web(certificate: &Certificate, pages: Vec<(&'static str, String)>) -> Service {
    let config = certificate.server_config();
    let pages = Arc::new(pages);
    Service::start(move |mut peer: Peer| {
        let request = peer.line();
        while peer.line().len() > 2 {}
        let Some(host) = request.strip_prefix("CONNECT ").and_then(|rest| rest.split(":443 ").next()) else {
            return;
        };
        let host = host.to_owned();
        peer.say("HTTP/1.1 200 OK\r\n\r\n");
        peer.encrypt(&config);
        answer(&mut peer, &host, &pages);
    })
}

/// Returns a `pop3 login` command with these words in a sandbox that trusts the CA of the certificate.
fn login(room: &Sandbox, certificate: &Certificate, proxy: &Service, words: &[&str]) -> Command {
    let ca = room.path("ca.pem");
    std::fs::write(&ca, &certificate.ca_pem).expect("a file");
    let mut command = room.program(POP3);
    command.env("SSL_CERT_FILE", ca).args(["login", "--proxy"]);
    command.arg(format!("http://127.0.0.1:{}", proxy.port())).args(words);
    command
}

fn config(room: &Sandbox) -> PathBuf {
    room.path("home").join("pop3").join("config.toml")
}

/// Runs `pop3 login` in a script with these pages, and returns its outcome.
fn found(pages: Vec<(&'static str, String)>) -> (Outcome, String) {
    let certificate = Certificate::for_names(&NAMES);
    let web = web(&certificate, pages);
    let room = Sandbox::new();
    let outcome = run(login(&room, &certificate, &web, &[ADDRESS]));
    assert!(!config(&room).exists(), "a script writes nothing");
    (outcome, String::from_utf8_lossy(&web.heard()).into_owned())
}

#[test]
fn a_script_gets_the_account_as_text() {
    let (outcome, heard) = found(vec![(AUTOCONFIG, ok(&good()))]);
    let outcome = outcome.expect(0);
    assert_eq!(outcome.stdout(), BLOCK);
    assert_eq!(outcome.stderr(), "");
    assert!(!heard.contains("thunderbird") && !heard.contains("alice"), "{heard}");

    let (outcome, _) = found(vec![(WELL_KNOWN, ok(&good()))]);
    assert_eq!(outcome.expect(0).stdout(), BLOCK);
}

#[test]
fn the_database_is_queried_last_and_only_for_the_domain() {
    let (outcome, heard) = found(vec![(ISPDB, ok(&good()))]);
    let outcome = outcome.expect(0);
    assert_eq!(outcome.stdout(), BLOCK);
    assert!(
        outcome.stderr().contains("Mozilla's ISPDB, which receives the domain example.test"),
        "{outcome:?}"
    );
    let asked: Vec<&str> = heard.lines().filter(|line| line.starts_with("CONNECT ")).collect();
    assert_eq!(
        asked,
        [
            "CONNECT autoconfig.example.test:443 HTTP/1.1",
            "CONNECT example.test:443 HTTP/1.1",
            "CONNECT autoconfig.thunderbird.net:443 HTTP/1.1"
        ]
    );
    assert!(!heard.contains("alice"), "{heard}");
}

#[test]
fn other_servers_have_other_keys() {
    let starttls = file("pop.%EMAILDOMAIN%", 1110, "STARTTLS", "%EMAILLOCALPART%", "password-encrypted");
    let (outcome, _) = found(vec![(AUTOCONFIG, ok(&starttls))]);
    assert_eq!(
        outcome.expect(0).stdout(),
        "[account.\"alice@example.test\"]\nhost = \"pop.example.test\"\nport = 1110\ntls = \"starttls\"\nuser = \"alice\"\n"
    );
    let gmail = file("pop.gmail.com", 995, "SSL", "%EMAILADDRESS%", "OAuth2");
    let (outcome, _) = found(vec![(AUTOCONFIG, ok(&gmail))]);
    let outcome = outcome.expect(0);
    assert!(
        outcome.stdout().ends_with("oauth = { provider = \"google\", client-id = \"CLIENT-ID\" }\n"),
        "{outcome:?}"
    );
    assert!(outcome.stderr().contains("CLIENT-ID"), "{outcome:?}");
}

#[test]
fn without_a_usable_server_the_exit_code_is_68() {
    let (outcome, _) = found(vec![]);
    let outcome = outcome.expect(68);
    assert_eq!(outcome.stdout(), "");
    assert!(outcome.stderr().contains("no POP3 server with TLS found for example.test;"), "{outcome:?}");

    let plain = file("pop.example.test", 110, "plain", "%EMAILADDRESS%", "password-cleartext");
    let (outcome, _) = found(vec![(AUTOCONFIG, ok(&plain))]);
    let outcome = outcome.expect(68);
    assert!(outcome.stderr().contains("pop.example.test is offered in cleartext only"), "{outcome:?}");
    // The next source may have a usable server.
    let (outcome, _) = found(vec![(AUTOCONFIG, ok(&plain)), (ISPDB, ok(&good()))]);
    assert_eq!(outcome.expect(0).stdout(), BLOCK);

    let unknown = file("pop.example.test", 995, "SSL", "%EMAILADDRESS%", "OAuth2");
    let (outcome, _) = found(vec![(AUTOCONFIG, ok(&unknown))]);
    assert!(outcome.expect(78).stderr().contains("OAuth 2.0 only"));
}

/// Responses that a web server may send instead of a file: the next source is queried, and the text of the response
/// is escaped.
#[test]
fn unusable_files_are_ignored() {
    let long = format!("<clientConfig>{}", "<a>".repeat(4 << 20));
    let hostile = file("pop.example.test\u{1b}[31m", 995, "SSL", "a&#x1b;b", "plain");
    let entities = good()
        .replace("<clientConfig", "<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><clientConfig");
    let entities = entities.replace("pop.example.test", "&a;");
    for response in [
        ok("<html>Parked</html>"),
        ok(""),
        ok(&long),
        ok(&hostile),
        ok(&entities),
        "HTTP/1.1 302 Found\r\nLocation: https://autoconfig.example.test/evil\r\nContent-Length: 0\r\n\r\n"
            .into(),
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort".into(),
        "+OK POP3 ready\r\n".into(),
        String::new(),
    ] {
        let shown = response.chars().take(60).collect::<String>();
        let (outcome, _) = found(vec![(AUTOCONFIG, response), (WELL_KNOWN, ok(&good()))]);
        assert_eq!(outcome.expect(0).stdout(), BLOCK, "{shown}");
    }
    let (outcome, _) = found(vec![(AUTOCONFIG, ok(&hostile))]);
    assert!(!outcome.expect(68).stderr().contains('\u{1b}'));
}

/// A file is ignored if the certificate is from another CA or for another name.
#[test]
fn files_need_a_trusted_certificate() {
    let pages = || vec![(AUTOCONFIG, ok(&good())), (WELL_KNOWN, ok(&good())), (ISPDB, ok(&good()))];
    let room = Sandbox::new();
    let trusted = Certificate::for_names(&NAMES);
    for certificate in [Certificate::for_names(&NAMES), Certificate::for_names(&["other.test"])] {
        let web = web(&certificate, pages());
        let outcome = run(login(&room, &trusted, &web, &[ADDRESS])).expect(68);
        assert!(outcome.stderr().contains("certificate"), "{outcome:?}");
    }
}

#[test]
fn a_silent_server_times_out_at_the_limit_and_the_deadline() {
    let certificate = Certificate::for_names(&NAMES);
    let silent = Service::start(|mut peer: Peer| while !peer.line().is_empty() {});
    let room = Sandbox::new();
    let begun = Instant::now();
    let outcome = run(login(&room, &certificate, &silent, &[ADDRESS, "--timeout", "0.3"])).expect(68);
    assert!(outcome.stderr().contains("after 0.3 s"), "{outcome:?}");
    let outcome = run(login(&room, &certificate, &silent, &[ADDRESS, "--deadline", "0.5"])).expect(69);
    assert!(outcome.stderr().contains("before the deadline"), "{outcome:?}");
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

/// With `--host`, or an account with that name, no server is searched for. On Linux without D-Bus there is no
/// keyring, and the error names the account whose secret cannot be saved.
#[cfg(target_os = "linux")]
#[test]
fn a_host_or_an_account_needs_no_search() {
    let certificate = Certificate::for_names(&NAMES);
    let web = web(&certificate, vec![]);
    let room = Sandbox::new();
    let outcome = run(login(&room, &certificate, &web, &[ADDRESS, "--host", "pop.example.test"])).expect(78);
    assert!(outcome.stderr().contains("alice@example.test@pop.example.test"), "{outcome:?}");
    let mut command = login(&room, &certificate, &web, &[ADDRESS, "--user", "bob"]);
    let outcome = run({
        command.env("POP3_HOST", "pop.example.test");
        command
    });
    assert!(outcome.expect(78).stderr().contains("bob@pop.example.test"));

    let path = config(&room);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    let account =
        "default = \"b\"\n[account.b]\n[account.work]\nhost = \"mail.example.test\"\nuser = \"carol\"\n";
    std::fs::write(&path, account).expect("a file");
    let mut command = login(&room, &certificate, &web, &["work"]);
    command.env("POP3_ACCOUNT", "b");
    let outcome = run(command).expect(78);
    assert!(outcome.stderr().contains("carol@mail.example.test"), "{outcome:?}");
    assert_eq!(std::fs::read_to_string(&path).expect("it is there"), account);

    for words in [&["nobody"][..], &["a b@example.test"], &["x@192.0.2.1"], &["work", "-a", "b"]] {
        run(login(&room, &certificate, &web, words)).expect(2);
    }
    assert_eq!(web.heard(), b"");
}
