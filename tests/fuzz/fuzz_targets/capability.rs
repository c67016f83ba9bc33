//! Lines of `CAPA`: unknown capabilities are kept.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pop3::proto::{Capabilities, Capability};

fuzz_target!(|octets: &[u8]| {
    let mut capabilities = Capabilities::default();
    for line in octets.split(|&octet| octet == b'\n') {
        capabilities.push(line);
        assert_eq!(Capability::parse(line), Capability::parse(line));
    }
    assert!(capabilities.lines().eq(octets.split(|&octet| octet == b'\n')));
    assert_eq!(capabilities.lines().len(), capabilities.iter().count());
    assert!(capabilities.sasl().all(|name| !name.contains(' ')));
    let _ = (capabilities.utf8(), capabilities.has(&Capability::Pipelining));
});
