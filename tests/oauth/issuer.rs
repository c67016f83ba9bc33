//! Metadata of an issuer that the configuration or the POP3 server names.

use super::server::{Server, response};

/// Returns the metadata of this server with `from` replaced with `to`.
fn metadata(server: &Server, from: &str, to: &str) -> String {
    let text = serde_json::json!({
        "issuer": server.url("").trim_end_matches('/'),
        "authorization_endpoint": server.url("auth"),
        "device_authorization_endpoint": server.url("device"),
        "token_endpoint": server.url("token"),
        "revocation_endpoint": server.url("revoke"),
        "authorization_response_iss_parameter_supported": true,
    })
    .to_string();
    assert!(text.contains(from), "{text}");
    text.replacen(from, to, 1)
}

fn with_issuer(server: &Server, issuer: &str) {
    server.write_oauth(&format!("store = \"file\"\nissuer = \"{issuer}\"\n"));
}

#[test]
fn every_metadata_has_its_exit_code() {
    let server = Server::start(3600, true);
    let issuer = server.url("").trim_end_matches('/').to_owned();
    with_issuer(&server, &issuer);
    let good = |from: &str, to: &str| response("200 OK", &metadata(&server, from, to));
    let not_found = response("404 Not Found", "");
    let busy = response("429 Busy", "").replace("Connection", "Retry-After: 30\r\nConnection");
    let rows = [
        (vec![not_found.clone(), not_found.clone()], 76, "JSON"),
        (vec![response("200 OK", "<html>")], 76, "JSON"),
        (vec![response("302 Found", ""), response("302 Found", "")], 76, "redirect"),
        (vec![response("503 Busy", "")], 75, "temporarily"),
        (vec![not_found.clone(), busy], 75, "try again after: 30"),
        (vec![good("\"issuer\":\"http", "\"issuer\":\"https")], 76, "another issuer"),
        (vec![good("\"issuer\"", "\"other\"")], 76, "another issuer"),
        (vec![good(&server.url("token"), "http://example.org/token")], 76, "token_endpoint"),
        (vec![good(&server.url("device"), "http://example.org/device")], 76, "device_authorization_endpoint"),
        (vec![good("\"token_endpoint\"", "\"other\"")], 76, "token_endpoint"),
        (vec![String::new()], 69, "without a response"),
    ];
    for (responses, code, text) in rows {
        server.script(&responses);
        let outcome = server.run(&["login", "--device"]).expect(code);
        assert!(outcome.stderr().contains(text), "{text}: {outcome:?}");
        assert_eq!(server.requests("device"), 0, "{text}");
    }
    // The URL of RFC 8414 is requested first, and then that of OpenID Connect.
    server.state().metadata = Some(metadata(&server, "", ""));
    server.login();
    let requests = server.state().requests.clone();
    let asked: Vec<&str> = requests.iter().rev().take(4).rev().map(|(path, _)| path.as_str()).collect();
    assert_eq!(
        asked,
        [".well-known/oauth-authorization-server", ".well-known/openid-configuration", "device", "token"]
    );
    // The grant of another issuer is not used.
    with_issuer(&server, &issuer.replace("127.0.0.1", "localhost"));
    server.run(&["status"]).expect(78);
    with_issuer(&server, "https://nowhere.invalid");
    server.run(&["login", "--device"]).expect(68);
    with_issuer(&server, &issuer.replace("http:", "https:"));
    let outcome = server.run(&["login", "--device", "--json"]).expect(78);
    assert!(outcome.stderr().contains("{\"code\":\"tls\""), "{outcome:?}");
}

#[cfg(target_os = "linux")]
mod in_a_terminal {
    use super::super::browser::{paste, state};
    use super::*;
    use crate::support::sandbox::POP3;
    use crate::terminal::Terminal;

    #[test]
    fn the_announced_iss_must_be_right() {
        let server = Server::start(3600, true);
        let issuer = server.url("").trim_end_matches('/').to_owned();
        server.state().metadata = Some(metadata(&server, "", ""));
        with_issuer(&server, &issuer);
        let address =
            |url: &str, iss: &str| format!("http://localhost/?code=s3cret&state={}{iss}", state(url));
        for iss in ["", "&iss=https%3A%2F%2Fevil.example.org", "&iss="] {
            let outcome = paste(&server, &[], |url| address(url, iss)).expect(76);
            assert!(outcome.stderr().contains("iss"), "{outcome:?}");
            assert_eq!(server.requests("token"), 0, "no code is redeemed");
        }
        paste(&server, &[], |url| address(url, &format!("&iss={}", issuer.replace(':', "%3A")))).expect(0);
        server.run(&["status"]).expect(0);
    }

    const QUESTION: &str = "Log in there? [y/N] ";

    /// Starts a server that is configured without issuer, provider and endpoints. The POP3 server names its issuer
    /// when it refuses a token.
    fn self_hosted() -> Server {
        let server = Server::start_tls();
        server.write_oauth("store = \"file\"\n");
        let metadata = metadata(&server, "", "");
        let mut state = server.state();
        state.metadata = Some(metadata);
        state.openid_configuration = Some(server.url(".well-known/openid-configuration"));
        drop(state);
        server
    }

    fn login(server: &Server, words: &str) -> Terminal {
        Terminal::new(server.program("script", &[]), &format!("{POP3} -a work login --device {words}"))
    }

    #[test]
    fn the_user_confirms_the_issuer_of_the_pop3_server() {
        let server = self_hosted();
        let mut terminal = login(&server, "");
        terminal.wait_for(QUESTION);
        let issuer = server.url("").trim_end_matches('/').to_owned();
        assert!(terminal.text().contains(&format!("names the issuer {issuer}. ")), "{}", terminal.text());
        assert_eq!(server.http.connections(), 0, "nobody is asked before the person agrees");
        terminal.type_in(b"y\n");
        let (shown, code) = terminal.finish();
        assert_eq!(code, Some(0), "{shown}");
        server.run(&["status"]).expect(0);
        server.run(&["logout"]).expect(0);
        assert_eq!(server.requests("revoke"), 1);

        for answer in [&b"n\n"[..], b"\n", b"\x04"] {
            let requests = server.http.connections();
            let mut terminal = login(&server, "");
            terminal.wait_for(QUESTION);
            terminal.type_in(answer);
            let (shown, code) = terminal.finish();
            assert_eq!(code, Some(77), "{shown}");
            assert_eq!(server.http.connections(), requests);
        }
    }

    #[test]
    fn without_a_terminal_the_issuer_is_printed() {
        let server = self_hosted();
        let outcome = server.run(&["login", "--device"]).expect(78);
        let issuer = server.url("").trim_end_matches('/').to_owned();
        assert!(outcome.stderr().contains(&format!("write issuer = \"{issuer}\"")), "{outcome:?}");
        assert_eq!(server.http.connections(), 0);
    }

    #[test]
    fn the_issuer_needs_verified_tls_and_an_https_url() {
        let server = self_hosted();
        let https = server.url(".well-known/openid-configuration");
        for (named, code, text) in [
            (None, 78, "names no issuer"),
            (Some(""), 78, "names no issuer"),
            (Some("http://127.0.0.1:1/.well-known/openid-configuration"), 76, "not an https URL"),
            (Some("http://example.org/.well-known/openid-configuration"), 76, "not an https URL"),
            (Some("javascript:alert(1)"), 76, "not an https URL"),
        ] {
            server.state().openid_configuration = named.map(str::to_owned);
            let (shown, exit) = login(&server, "").finish();
            assert_eq!(exit, Some(code), "{named:?}: {shown}");
            assert!(shown.contains(text) && !shown.contains(QUESTION), "{named:?}: {shown}");
        }
        server.state().openid_configuration = Some(https.clone());
        let (shown, exit) = login(&server, "--tls none").finish();
        assert_eq!(exit, Some(78), "{shown}");
        assert!(shown.contains("without TLS"), "{shown}");
        let other = Server::start_tls();
        std::fs::copy(other.room.path("ca.pem"), server.room.path("ca.pem")).expect("a file");
        let (shown, exit) = login(&server, "").finish();
        assert_eq!(exit, Some(78), "{shown}");
        assert!(shown.contains("certificate") && !shown.contains(QUESTION), "{shown}");
        server.write_oauth("store = \"file\"\n");

        // The metadata is for another issuer than the URL.
        server.state().metadata = Some(metadata(&server, "\"issuer\":\"https", "\"issuer\":\"https://x#"));
        let mut terminal = login(&server, "");
        terminal.wait_for(QUESTION);
        terminal.type_in(b"y\n");
        let (shown, exit) = terminal.finish();
        assert_eq!(exit, Some(76), "{shown}");
        assert!(shown.contains("another issuer"), "{shown}");
        assert_eq!(server.requests("device"), 0);
    }
}
