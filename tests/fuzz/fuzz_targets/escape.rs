//! What a stranger wrote, on a screen and as the name of a file.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../src/cli"]
#[allow(dead_code, reason = "only a part of the binary is here")]
mod cli {
    pub mod escape;
    pub mod record {
        pub mod name;
    }
}

use cli::{
    escape::{escape, text},
    record::name,
};

fuzz_target!(|octets: &[u8]| {
    let text = text(octets);
    let shown = escape(&text);
    assert!(
        !shown
            .chars()
            .any(|c| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
    );
    assert_eq!(escape(&shown), shown);

    let name = name::portable(octets, 96);
    assert!(!name.is_empty() && name.len() <= 96 && !name.starts_with('.'));
    assert!(name.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-_.%".contains(&octet)));
});
