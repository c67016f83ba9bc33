//! Grants in a real keyring: long ones are split, and a keyring that does not answer times out.

#![cfg(all(feature = "keyring", any(windows, target_os = "linux")))]

use super::server::Server;

/// Returns an account whose grant is stored in the keyring.
fn server() -> Server {
    let mut server = Server::start(3, true);
    // On Windows, the keyring belongs to the user who runs the tests.
    server.user = format!("pop3-test-oauth-{}", std::process::id());
    server.write_oauth(&server.endpoints());
    server
}

/// Stores short and long grants, each replacing the previous one. `entries` returns the number of entries in the
/// keyring.
fn saved_refreshed_and_removed(server: &Server, entries: impl Fn() -> Option<usize>) {
    let outcome = server.run(&["status"]).expect(78);
    assert!(outcome.stderr().contains("none is stored"), "{outcome:?}");
    // With access token and refresh token, a grant has over 6,000 bytes, and an entry of the keyring at most 2,560.
    for (nth, filler) in [2700, 10, 2700, 5000, 2700].into_iter().enumerate() {
        server.state().filler = "x".repeat(filler);
        if nth == 0 {
            server.login();
        } else {
            server.run(&["status"]).expect(0);
        }
        let octets = 2 * filler + 400;
        let expected = if octets > 2560 { 1 + octets.div_ceil(2560) } else { 1 };
        if let Some(entries) = entries() {
            assert!(entries.abs_diff(expected) <= 1 && (expected > 1 || entries == 1), "{filler}: {entries}");
        }
    }
    // No grant is stored in a file.
    assert!(server.file("json").is_none());
    let outcome = server.run(&["logout"]).expect(0);
    assert!(outcome.stderr().is_empty(), "{outcome:?}");
    assert_eq!(server.requests("revoke"), 1);
    assert_eq!(entries().unwrap_or_default(), 0, "parts are left");
    server.run(&["status"]).expect(78);
    server.run(&["logout"]).expect(0);
}

#[cfg(target_os = "linux")]
mod secret_service {
    use super::*;
    use crate::keyring::mute::{self, Mute};
    use crate::keyring::secret_service::Service;

    #[test]
    fn a_long_grant_is_split() {
        let mut server = server();
        let Some(service) = Service::start(&server.room) else { return };
        server.bus = Some(service.address.clone());
        saved_refreshed_and_removed(&server, || Some(service.count(&server.room, "pop3-oauth")));
    }

    #[test]
    fn runs_at_once_lose_no_grant_of_the_keyring() {
        let mut server = server();
        let Some(service) = Service::start(&server.room) else { return };
        server.bus = Some(service.address.clone());
        server.state().filler = "x".repeat(3000);
        server.login();
        std::thread::scope(|scope| {
            let runs: Vec<_> = (0..8).map(|_| scope.spawn(|| server.run(&["status"]))).collect();
            for run in runs {
                run.join().unwrap().expect(0);
            }
        });
        server.run(&["status"]).expect(0);
    }

    #[test]
    fn a_locked_keyring_is_reported() {
        let mut server = server();
        let Some(service) = Service::start(&server.room) else { return };
        server.bus = Some(service.address.clone());
        server.login();
        service.lock(&server.room);
        for words in [&["status"][..], &["logout"], &["login", "--device"]] {
            let connections = server.http.connections();
            let outcome = server.run(words).expect(78);
            assert!(outcome.stderr().contains("locked"), "{outcome:?}");
            assert_eq!(server.http.connections(), connections);
        }
    }

    #[test]
    fn a_silent_keyring_times_out() {
        let mut server = server();
        server.bus = Some(mute::bus(&server.room, Mute::Service));
        for words in [&["status"][..], &["logout"], &["login", "--device"]] {
            let late = server.run(&[words, &["--timeout", "0.3"]].concat()).expect(78);
            assert!(late.stderr().contains("the keyring did not answer within 0.3 s"), "{late:?}");
            assert_eq!(late.stderr().lines().count(), 1, "{late:?}");
            let over = server.run(&[words, &["--deadline", "0.3"]].concat()).expect(69);
            assert!(over.stderr().contains("deadline of 0.3 s"), "{over:?}");
        }
        assert_eq!(server.http.connections(), 0);
    }

    #[test]
    fn without_a_keyring_a_login_names_the_alternative() {
        let server = server();
        for words in [&["status"][..], &["login", "--device"]] {
            let outcome = server.run(words).expect(78);
            assert!(outcome.stderr().contains("this session has no keyring service"), "{outcome:?}");
        }
        let outcome = server.run(&["login", "--device"]).expect(78);
        assert!(outcome.stderr().contains("store = \"file\""), "{outcome:?}");
        assert_eq!(server.http.connections(), 0);
    }
}

#[cfg(windows)]
#[test]
fn a_long_grant_is_kept_in_the_credential_manager() {
    saved_refreshed_and_removed(&server(), || None);
}
