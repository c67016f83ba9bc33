//! OAuth 2.0 against a scripted authorization server and a POP3 server that accepts its tokens. The module `provider`
//! uses real servers.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use self::server::{Server, response};

#[cfg(target_os = "linux")]
mod browser;
mod exit_codes;
mod issuer;
mod keyring;
#[cfg(target_os = "linux")]
mod kill;
#[cfg(unix)]
mod provider;
mod secrets;
mod server;

#[test]
fn a_device_login_is_used_by_later_runs() {
    let server = Server::start(3600, true);
    let pending = response("400 Bad Request", r#"{"error":"authorization_pending"}"#);
    server.script_device(&[pending]);
    let login = server.run(&["login", "--device", "--json"]).expect(0);
    let rows = login.json();
    let device = &rows[0]["device"];
    assert_eq!((&device["url"], &device["code"]), (&"https://x/".into(), &"AB-CD".into()));
    assert!(device["expires"].as_str().is_some_and(|expires| expires.ends_with('Z')), "{device}");
    assert_eq!(server.requests("token"), 2);
    // The cached token costs no request.
    server.run(&["status"]).expect(0);
    server.run(&["status"]).expect(0);
    assert_eq!(server.requests("token"), 2);
}

#[test]
fn a_token_that_expires_is_refreshed_each_time() {
    for rotates in [true, false] {
        let server = Server::start(3, rotates);
        server.login();
        for _ in 0..10 {
            server.run(&["status"]).expect(0);
        }
        assert_eq!(server.requests("token"), 11);
    }
}

#[test]
fn runs_at_once_lose_no_grant() {
    let server = Server::start(3, true);
    server.login();
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..20).map(|_| scope.spawn(|| server.run(&["status"]))).collect();
        for run in runs {
            run.join().unwrap().expect(0);
        }
    });
    server.run(&["status"]).expect(0);
}

#[test]
fn a_refused_cached_token_is_refreshed_once() {
    let server = Server::start(3600, true);
    server.login();
    server.state().accepted.clear();
    server.run(&["status"]).expect(0);
    assert_eq!(server.requests("token"), 2);
    // A second refusal is final.
    server.state().accepted.clear();
    let useless = response("200 OK", r#"{"access_token":"s3cret-useless","expires_in":3600}"#);
    server.script(&[useless]);
    let outcome = server.run(&["status"]).expect(77);
    assert_eq!(server.requests("token"), 3);
    assert!(outcome.stderr().ends_with("; run pop3 login -a work\n"), "{outcome:?}");
}

/// The hints for passwords and for tokens of other programs do not help with a token that was issued just now.
#[test]
fn a_refused_new_token_has_its_own_hint() {
    let server = Server::start(3, true);
    server.login();
    let useless = || response("200 OK", r#"{"access_token":"s3cret-useless","refresh_token":"s3cret-r"}"#);
    server.script(&[useless()]);
    let outcome = server.run(&["status"]).expect(77);
    assert!(outcome.stderr().ends_with("; run pop3 login -a work\n"), "{outcome:?}");
    server.script(&[useless()]);
    let outcome = server.run(&["status", "--json"]).expect(77);
    assert!(outcome.stderr().contains("; run pop3 login -a work\",\"response\":\"-ERR"), "{outcome:?}");
    server.script_device(&[useless()]);
    let outcome = server.run(&["login", "--device"]).expect(77);
    assert!(outcome.stderr().contains("the token is new"), "{outcome:?}");
    assert!(!outcome.stderr().contains("password"), "{outcome:?}");
}

#[test]
fn a_long_token_is_kept() {
    let server = Server::start(3600, true);
    let token = format!("s3cret-{}", "x".repeat(5000));
    server.state().accepted.push(token.clone());
    let body = format!(r#"{{"access_token":"{token}","refresh_token":"{token}","expires_in":3600}}"#);
    server.script_device(&[response("200 OK", &body)]);
    server.login();
    server.run(&["status"]).expect(0);
}

#[test]
fn a_rotated_token_that_cannot_be_stored_ends_the_run() {
    let server = Server::start(3, true);
    server.login();
    let grant = server.file("json").expect("a grant");
    std::fs::create_dir_all(grant.with_extension("new").join("in the way")).unwrap();
    let connections = server.pop3.connections();
    let outcome = server.run(&["status"]).expect(73);
    assert!(outcome.stderr().contains("run pop3 login -a work"), "{outcome:?}");
    assert_eq!(server.pop3.connections(), connections);
}

#[test]
fn logout_revokes_and_removes() {
    let server = Server::start(3600, true);
    server.login();
    let outcome = server.run(&["logout"]).expect(0);
    assert!(outcome.stderr().is_empty(), "{outcome:?}");
    assert_eq!(server.requests("revoke"), 1);
    let outcome = server.run(&["status"]).expect(78);
    assert!(outcome.stderr().contains("run pop3 login -a work"), "{outcome:?}");
    // If revoking fails, the grant is removed all the same, with a warning.
    server.login();
    server.script(&[response("503 Busy", "")]);
    let outcome = server.run(&["logout"]).expect(0);
    assert!(outcome.stderr().contains("not revoked"), "{outcome:?}");
    server.run(&["status"]).expect(78);
}

#[cfg(unix)]
#[test]
fn a_grant_that_others_can_read_is_warned_of_once() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = Server::start(3, true);
    server.login();
    let grant = server.file("json").expect("a grant");
    let share = || std::fs::set_permissions(&grant, std::fs::Permissions::from_mode(0o644)).expect("its own");
    share();
    let outcome = server.run(&["status"]).expect(0);
    assert_eq!(outcome.stderr().matches("other users can read this file").count(), 1, "{outcome:?}");
    // The refreshed grant is a new file.
    assert!(server.run(&["status"]).expect(0).stderr().is_empty());
    share();
    assert!(server.run(&["status", "-q"]).expect(0).stderr().is_empty());
}

#[test]
fn a_grant_of_another_client_is_not_used() {
    let server = Server::start(3600, true);
    server.login();
    let config = std::fs::read_to_string(server.config()).unwrap();
    for (from, to) in [
        ("client-id = \"pop3\"", "client-id = \"other\""),
        ("/token\"", "/tokens\""),
        ("user = \"alice\"", "user = \"bob\""),
        ("host = \"127.0.0.1\"", "host = \"localhost\""),
    ] {
        std::fs::write(server.config(), config.replace(from, to)).unwrap();
        server.run(&["status"]).expect(78);
    }
    std::fs::write(server.config(), config).unwrap();
    server.run(&["status"]).expect(0);
}

#[test]
fn impossible_logins() {
    let server = Server::start(3600, true);
    let refused = |words: &[&str], code: i32, text: &str| {
        let outcome = server.run(words).expect(code);
        assert!(outcome.stderr().contains(text), "{text}: {outcome:?}");
    };
    refused(&["login"], 78, "--device or --no-browser");
    refused(&["login", "--device", "--no-browser"], 2, "cannot be used with");
    refused(&["login", "--device", "--auth", "plain"], 78, "oauthbearer");
    let no_refresh = response("200 OK", r#"{"access_token":"s3cret-a","expires_in":3600}"#);
    server.script_device(&[no_refresh]);
    refused(&["login", "--device"], 76, "offline access was not granted");
    server.write("client-secret-command = \"false\"");
    refused(&["login", "--device"], 78, "client-secret-command");
    server.write("issuer = \"http://example.org\"");
    refused(&["status"], 78, "issuer");
}

/// `auto` sends no token in cleartext, so none is requested and no one is asked.
#[test]
fn a_session_without_tls_requests_no_token() {
    let server = Server::start(3, true);
    server.login();
    let connections = (server.http.connections(), server.pop3.connections());
    for words in [&["status"][..], &["login", "--device"], &["login", "--no-browser"]] {
        let outcome = server.run(&[words, &["--auth", "auto", "--tls", "none"]].concat()).expect(78);
        let stderr = outcome.stderr();
        assert!(stderr.contains("needs TLS") && stderr.lines().count() == 1, "{words:?}: {outcome:?}");
        assert!(outcome.stdout().is_empty(), "{outcome:?}");
    }
    assert_eq!((server.http.connections(), server.pop3.connections()), connections);
    // A mechanism that is asked for is used without TLS too.
    server.run(&["status"]).expect(0);
}

#[test]
fn a_client_secret_comes_from_its_command() {
    let server = Server::start(3600, true);
    let command = if cfg!(windows) { "cmd /c echo s3cret-client" } else { "echo s3cret-client" };
    server.write(&format!("client-secret-command = \"{command}\""));
    let outcome = server.run(&["login", "--device", "--trace"]).expect(0);
    assert!(!outcome.stderr().contains("s3cret"), "{outcome:?}");
    let heard = String::from_utf8_lossy(&server.http.heard()).into_owned();
    let basic = format!("authorization: Basic {}", STANDARD.encode("pop3:s3cret-client"));
    assert!(heard.contains(&basic), "{heard}");
}

/// `-q` omits reports, but not the code that the user must enter.
#[test]
fn a_quiet_login_still_shows_its_code() {
    let server = Server::start(3600, true);
    let outcome = server.run(&["login", "--device", "-q"]).expect(0);
    assert!(outcome.stdout().contains("AB-CD"), "{outcome:?}");
    assert!(!outcome.stdout().contains("stored"), "{outcome:?}");
}

/// A login with a cached token needs as many commands as with a password, and no request to the provider.
#[test]
fn a_cached_token_costs_no_round_trip() {
    let server = Server::start(3600, true);
    server.login();
    let commands = |words: &[&str], password: Option<&str>| {
        let before = server.pop3.heard().len();
        let mut command = server.command(words);
        if let Some(password) = password {
            command.env("POP3_PASSWORD", password);
        }
        crate::support::sandbox::run(command).expect(0);
        let heard = String::from_utf8(server.pop3.heard().split_off(before)).expect("ASCII");
        heard.lines().map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let requests = server.http.connections();
    let with_token = commands(&["status"], None);
    let with_password = commands(&["status", "--auth", "plain"], Some("secret"));
    assert!(with_token.contains(&"STAT".to_owned()), "{with_token:?}");
    assert_eq!(with_token, with_password);
    assert_eq!(server.http.connections(), requests);
}
