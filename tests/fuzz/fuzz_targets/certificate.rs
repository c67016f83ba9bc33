//! Untrusted certificates do not cause a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pop3::net::{Certificate, format_fingerprint, parse_fingerprint};

fuzz_target!(|der: &[u8]| {
    let certificate = Certificate::from_der(der);
    let shown = format_fingerprint(&certificate.sha256);
    assert_eq!(parse_fingerprint(&shown).expect("its own form"), certificate.sha256);
});
