//! The authorization code grant, with the test as the browser, and with a pasted address.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;

use super::server::{Server, field};
use crate::support::sandbox::{Outcome, POP3};
use crate::terminal::Terminal;

/// Runs `login --no-browser` and pastes the result of `answer`, which is called with the printed URL.
pub(super) fn paste(server: &Server, words: &[&str], answer: impl FnOnce(&str) -> String) -> Outcome {
    let mut child = server
        .command(&[&["login", "--no-browser"], words].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("pop3 starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let url = lines.by_ref().map(Result::unwrap).find(|line| line.starts_with("http")).expect("a URL");
    let mut stdin = child.stdin.take().expect("piped");
    writeln!(stdin, "{}", answer(&url)).expect("pop3 reads");
    drop(stdin);
    let stdout: Vec<String> = lines.map(Result::unwrap).collect();
    let mut stderr = Vec::new();
    child.stderr.take().expect("piped").read_to_end(&mut stderr).expect("text");
    let code = child.wait().expect("a child").code();
    Outcome { code, stdout: stdout.join("\n").into_bytes(), stderr, hung: false }
}

/// With `--json` the URL is on standard error, whole and in every mode: without it nobody can go on.
#[test]
fn the_url_is_shown_however_quiet() {
    let server = Server::start(3600, true);
    let long = "x".repeat(3000);
    server.write(&format!("scope = \"{long}\""));
    for quiet in [&["--json"][..], &["--json", "-q"], &["--json", "-qq"]] {
        let outcome = server.run(&[&["login", "--no-browser"], quiet].concat()).expect(78);
        let stderr = outcome.stderr();
        let shown = stderr.lines().filter_map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
            Some(line["warning"]["message"].as_str()?.to_owned())
        });
        let url = shown.filter(|text| text.starts_with("http")).collect::<Vec<_>>();
        assert_eq!(url.len(), 1, "{quiet:?}: {stderr}");
        assert!(url[0].contains(&long) && url[0].contains("&state="), "{quiet:?}: {stderr}");
        assert!(outcome.stdout().is_empty(), "{outcome:?}");
    }
}

/// Returns the `state` in the URL of an authorization request.
pub(super) fn state(url: &str) -> String {
    field(url.split_once('?').expect("a query").1, "state")
}

#[test]
fn a_pasted_address_logs_in_and_a_wrong_one_does_not() {
    let server = Server::start(3600, true);
    let cases = [
        ("http://localhost/?code=s3cret-code&state=STATEx", 76, "wrong state"),
        ("http://localhost/?code=s3cret-code", 76, "wrong state"),
        ("http://localhost/?code=s3cret-code&code=s3cret-code&state=STATE", 76, "query"),
        ("http://localhost/?error=access_denied&state=STATE", 77, "run pop3 login -a work"),
        ("http://localhost/?error=invalid_scope&state=STATE", 78, "scope"),
        ("http://localhost/?error=temporarily_unavailable&state=STATE", 75, "temporarily"),
        ("http://localhost/?error=whatever&state=STATE", 76, "unknown error"),
        ("s3cret-code", 78, "no address"),
        ("", 78, "no address"),
    ];
    for (address, code, text) in cases {
        let outcome = paste(&server, &[], |url| address.replace("STATE", &state(url))).expect(code);
        assert!(outcome.stderr().contains(text), "{text}: {outcome:?}");
        assert!(!outcome.stderr().contains("s3cret"), "{outcome:?}");
        assert_eq!(server.requests("token"), 0, "no code is redeemed");
    }
    paste(&server, &["-q"], |url| format!("http://localhost/?code=s3cret-code&state={}", state(url)))
        .expect(0);
    server.run(&["status"]).expect(0);
    let requests = server.state().requests.clone();
    let (_, body) = requests.iter().find(|(path, _)| path == "token").expect("a request");
    assert_eq!(field(body, "code"), "s3cret-code");
    assert_eq!(field(body, "code_verifier").len(), 43, "{body}");
}

/// Starts a login in a terminal with a browser that does nothing; returns the URL shown and the port of the redirect.
fn begin(server: &Server) -> (Terminal, String, u16) {
    let mut script = server.program("script", &[]);
    script.env("BROWSER", "true");
    let terminal = Terminal::new(script, &format!("{POP3} -a work login"));
    terminal.wait_for("code_challenge_method=S256\r\n");
    let shown = terminal.text();
    let url = shown.lines().map(str::trim).find(|line| line.starts_with("http")).expect("a URL").to_owned();
    let redirect = field(&url, "redirect_uri");
    let port = redirect.rsplit("%3A").next().expect("a port").parse().expect("a number");
    (terminal, url, port)
}

/// Returns the response of the listener, or `None` if there is no listener.
fn get(port: u16, target: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(stream, "GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

#[test]
fn only_the_first_redirect_is_used() {
    let server = Server::start(3600, true);
    let (terminal, url, port) = begin(&server);
    for target in ["/", "/favicon.ico", "/other?code=a&state=b"] {
        assert!(get(port, target).is_some_and(|answer| answer.starts_with("HTTP/1.1 404 ")), "{target}");
    }
    let target = |code: &str| format!("/?code={code}&state={}", state(&url));
    let page = get(port, &target("s3cret-first")).expect("pop3 listens");
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("close this window"), "{page}");
    assert!(!page.contains("s3cret"), "{page}");
    // A second redirect has no effect, whether the listener still accepts it or not.
    let _ = get(port, &target("s3cret-second"));
    let (shown, code) = terminal.finish();
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains("s3cret"), "{shown}");
    let requests = server.state().requests.clone();
    let codes: Vec<String> =
        requests.iter().filter(|(path, _)| path == "token").map(|(_, body)| field(body, "code")).collect();
    assert_eq!(codes, ["s3cret-first"]);
    assert_eq!(get(port, &target("s3cret-third")), None);
    server.run(&["status"]).expect(0);
}

#[test]
fn a_wrong_redirect_ends_the_login() {
    let server = Server::start(3600, true);
    for (answer, expected, text) in [
        ("/?code=s3cret-code&state=STATEx", 76, "wrong state"),
        ("/?code=s3cret-code", 76, "wrong state"),
        ("/?error=access_denied&state=STATE", 77, "run pop3 login -a work"),
    ] {
        let (terminal, url, port) = begin(&server);
        let page = get(port, &answer.replace("STATE", &state(&url))).expect("pop3 listens");
        assert!(page.starts_with("HTTP/1.1 400 ") && !page.contains("s3cret"), "{page}");
        let (shown, code) = terminal.finish();
        assert_eq!(code, Some(expected), "{shown}");
        assert!(shown.contains(text) && !shown.contains("s3cret"), "{text}: {shown}");
        assert_eq!(server.requests("token"), 0, "no code is redeemed");
    }
}

#[test]
fn the_wait_for_the_browser_ends_at_the_deadline() {
    let server = Server::start(3600, true);
    let mut script = server.program("script", &[]);
    script.env("BROWSER", "true");
    let (shown, code) = Terminal::new(script, &format!("{POP3} -a work login --deadline 1")).finish();
    assert_eq!(code, Some(69), "{shown}");
    let outcome = server.run(&["login", "--device", "--deadline", "0.5"]).expect(69);
    assert!(outcome.stderr().contains("deadline"), "{outcome:?}");
}
