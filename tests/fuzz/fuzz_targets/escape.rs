//! Untrusted text is escaped for a terminal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pop3::cli::escape::{escape, text};

fuzz_target!(|octets: &[u8]| {
    let text = text(octets);
    let shown = escape(&text);
    assert!(
        !shown
            .chars()
            .any(|c| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
    );
    assert_eq!(escape(&shown), shown);
});
