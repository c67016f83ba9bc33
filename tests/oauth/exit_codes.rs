//! The exit code of every response of an authorization server, and of every problem with a stored grant.

use std::fs;

use super::server::{Server, response};

const AGAIN: &str = "run pop3 login -a work";

/// Returns an error response whose description repeats `told`.
fn error(code: &str, told: &str) -> String {
    response("400 Bad Request", &format!(r#"{{"error":"{code}","error_description":"{told}"}}"#))
}

fn with_field(response: &str, field: &str) -> String {
    response.replace("Connection", &format!("{field}\r\nConnection"))
}

/// Returns responses of any endpoint, each with the exit code and a part of the message.
fn responses(told: &str) -> Vec<(String, i32, &'static str)> {
    let error = |code: &str| error(code, told);
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(70_000));
    let large = response("200 OK", &format!("{{\"x\":\"{}\"}}", "x".repeat(65_536)));
    vec![
        (error("invalid_grant"), 77, AGAIN),
        (error("access_denied"), 77, AGAIN),
        (error("expired_token"), 77, AGAIN),
        (error("invalid_client"), 78, "client"),
        (error("unauthorized_client"), 78, "client"),
        (error("invalid_scope"), 78, "scope"),
        (error("unsupported_grant_type"), 78, "grant"),
        (error("temporarily_unavailable"), 75, "temporarily"),
        (response("500 Oh", ""), 75, "temporarily"),
        (response("503 Busy", "<html>"), 75, "temporarily"),
        (with_field(&response("429 Busy", "{}"), "Retry-After: 30"), 75, "try again after: 30"),
        (with_field(&response("429 Busy", "{}"), "Retry-After: s3cret-refresh-1"), 75, "temporarily"),
        (String::new(), 69, "without a response"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".into(), 69, "connection lost"),
        (response("200 OK", "<html>"), 76, "JSON"),
        (response("404 Not Found", "{}"), 76, "JSON"),
        (endless, 76, "64 KiB"),
        (large, 76, "64 KiB"),
        ("s3cret\r\n\r\n".into(), 76, "no HTTP response"),
        (with_field(&response("302 Found", ""), "Location: https://x/?s3cret"), 76, "redirect"),
        (error("whatever"), 76, "unknown error"),
        (error(told), 76, "unknown error"),
    ]
}

#[test]
fn of_a_refresh() {
    let server = Server::start(3, false);
    server.login();
    let mut rows = responses("s3cret-refresh-1 s3cret-access-1");
    rows.push((response("200 OK", "{}"), 76, "access_token"));
    for (answer, code, text) in rows {
        server.script(&[answer]);
        let connections = server.pop3.connections();
        let outcome = server.run(&["status", "--trace"]).expect(code);
        assert!(outcome.stderr().contains(text), "{text}: {outcome:?}");
        assert!(!outcome.stderr().contains("s3cret"), "{outcome:?}");
        assert!(outcome.stderr().contains("*: POST http://127.0.0.1:"), "{outcome:?}");
        assert_eq!(server.pop3.connections(), connections, "{text}: POP3 is not asked");
    }
    // None of the responses damaged the grant.
    server.run(&["status"]).expect(0);
}

#[test]
fn of_a_device_login() {
    let server = Server::start(3, false);
    for (answer, code, text) in responses("") {
        server.script(&[answer]);
        let outcome = server.run(&["login", "--device"]).expect(code);
        assert!(outcome.stderr().contains(text), "{text}: {outcome:?}");
        assert!(!outcome.stderr().contains("s3cret"), "{outcome:?}");
    }
    server.script(&[response("200 OK", r#"{"device_code":"s3cret-device"}"#)]);
    let outcome = server.run(&["login", "--device"]).expect(76);
    assert!(outcome.stderr().contains("user_code"), "{outcome:?}");
    let error = |code: &str| error(code, "s3cret-device");
    for (answer, code, text) in [
        (error("expired_token"), 77, AGAIN),
        (error("access_denied"), 77, AGAIN),
        (error("invalid_client"), 78, "client"),
        (response("200 OK", "{}"), 76, "access_token"),
    ] {
        server.script_device(&[answer]);
        let outcome = server.run(&["login", "--device"]).expect(code);
        assert!(outcome.stderr().contains(text), "{text}: {outcome:?}");
        assert!(!format!("{outcome:?}").contains("s3cret"), "{outcome:?}");
    }
    assert!(server.file("json").is_none());
    server.run(&["status"]).expect(78);
}

/// A token endpoint whose name does not resolve, one on a closed port, and one with an untrusted certificate.
#[test]
fn of_an_unreachable_endpoint() {
    let server = Server::start(3, false);
    server.login();
    let (config, file) = (server.config(), server.file("json").expect("a grant"));
    let texts = [&config, &file].map(|path| fs::read_to_string(path).expect("text"));
    let other = Server::start_tls();
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("bound").port()
    };
    for (url, code, name) in [
        ("https://nowhere.invalid/token".to_owned(), 68, "host"),
        (format!("http://127.0.0.1:{closed}/token"), 69, "unavailable"),
        (other.url("token"), 78, "tls"),
        (other.url("token").replace("127.0.0.1", "localhost"), 78, "tls"),
        (server.url("token").replace("http:", "https:"), 78, "tls"),
    ] {
        for (path, text) in [&config, &file].into_iter().zip(&texts) {
            fs::write(path, text.replace(&server.url("token"), &url)).expect("a file");
        }
        let outcome = server.run(&["status", "--json"]).expect(code);
        assert!(outcome.stderr().contains(&format!("{{\"code\":\"{name}\"")), "{url}: {outcome:?}");
    }
    for (path, text) in [&config, &file].into_iter().zip(&texts) {
        fs::write(path, text).expect("a file");
    }
    server.run(&["status"]).expect(0);
}

#[test]
fn of_a_lock_that_another_run_holds() {
    let server = Server::start(3, true);
    server.login();
    let lock = fs::File::options().write(true).open(server.file("lock").expect("a lock")).expect("a file");
    lock.lock().expect("it is not locked");
    let requests = server.http.connections();
    for (limit, code, text) in [("--timeout", 75, "another pop3"), ("--deadline", 69, "deadline of 0.3 s")] {
        let outcome = server.run(&["status", limit, "0.3"]).expect(code);
        assert!(outcome.stderr().contains(text), "{outcome:?}");
        server.run(&["logout", limit, "0.3"]).expect(code);
    }
    assert_eq!(server.http.connections(), requests);
    drop(lock);
    server.run(&["status"]).expect(0);
}

#[test]
fn of_a_damaged_grant() {
    let server = Server::start(3600, true);
    server.login();
    let file = server.file("json").expect("a grant");
    let whole = fs::read(&file).expect("a file");
    fs::write(&file, &whole[..whole.len() / 2]).expect("a file");
    let outcome = server.run(&["status"]).expect(78);
    assert!(outcome.stderr().contains("damaged") && outcome.stderr().contains(AGAIN), "{outcome:?}");
    assert!(!outcome.stderr().contains("s3cret"), "{outcome:?}");
    // A damaged grant can be removed, and a login replaces it.
    let outcome = server.run(&["logout"]).expect(0);
    assert!(outcome.stderr().contains("not revoked"), "{outcome:?}");
    assert!(!file.exists());
    fs::create_dir(&file).expect("nothing is there");
    for words in [&["status"][..], &["logout"], &["login", "--device"]] {
        server.run(words).expect(73);
    }
    fs::remove_dir(&file).expect("an empty folder");
    server.login();
    server.run(&["status"]).expect(0);
}
