//! Autoconfig files of untrusted servers result in usable candidates or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pop3::discover::{MailAddress, Source, autoconfig};
use pop3::net::Host;

fuzz_target!(|octets: &[u8]| {
    let address = MailAddress::parse("alice@example.org").expect("an address");
    let Ok(servers) = autoconfig::parse(octets, &address, Source::Autoconfig) else { return };
    for candidate in servers.candidates {
        assert!(Host::parse(&candidate.host.to_string()).is_ok_and(|host| host == candidate.host));
        assert!(candidate.port > 0 && !candidate.user.is_empty());
        assert!(!candidate.user.chars().any(|c| c.is_control() || c.is_whitespace()));
        assert!(candidate.password || candidate.oauth);
    }
});
