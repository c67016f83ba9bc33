//! Hosts, proxies and fingerprints from users: there is no panic, no control character is accepted, and formatted
//! values can be parsed again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pop3::net::{Address, Host, Proxy, format_fingerprint, parse_fingerprint};

fuzz_target!(|text: &str| {
    if let Ok(host) = Host::parse(text) {
        let shown = host.to_string();
        assert!(shown.bytes().all(|octet| octet.is_ascii_graphic()), "{shown:?}");
        assert_eq!(Host::parse(&shown).expect("it was one"), host);
    }
    let _ = Address::parse(text, 110).map(|address| address.to_string());
    match text.parse::<Proxy>() {
        Ok(proxy) => {
            let shown = proxy.to_string();
            assert!(shown.bytes().all(|octet| octet.is_ascii_graphic()) && !shown.contains('@'));
            assert_eq!(shown.parse::<Proxy>().expect("it was one").address(), proxy.address());
        }
        Err(error) => assert!(error.to_string().len() < 200),
    }
    if let Ok(sha256) = parse_fingerprint(text) {
        assert_eq!(format_fingerprint(&sha256).replace(':', ""), text.replace(':', "").to_ascii_uppercase());
    }
});
