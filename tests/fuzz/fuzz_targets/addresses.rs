//! Address lists: every address occurs in the list, and consists of a local part and a domain.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pop3::header::{decode_words, mailboxes};

fuzz_target!(|text: &str| {
    for mailbox in mailboxes(text) {
        assert!(mailbox.name.is_some() || mailbox.address.is_some());
        let Some(address) = mailbox.address else { continue };
        let (local, domain) = match address.rfind("@[") {
            Some(at) if address.ends_with(']') => address.split_at(at),
            _ => address.split_at(address.rfind('@').expect("an @")),
        };
        let domain = &domain[1..];
        let atom = |text: &str| !text.is_empty() && !text.contains(|c: char| " \t\r\n()<>@,;:\\\"[]".contains(c) || c.is_control());
        assert!(domain.starts_with('[') || domain.split('.').all(atom), "{address:?}");
        assert!(local.contains('"') || local.split('.').all(atom), "{address:?}");
        assert_eq!(decode_words(&address), address, "an encoded word");
        // The parts of the address are in the text in order, possibly with comments and white space between them.
        let mut rest = text;
        for part in [local, domain] {
            if part.contains(['"', '[']) {
                continue;
            }
            for word in part.split('.') {
                let at = rest.find(word).expect("a word of the text");
                rest = &rest[at + word.len()..];
            }
        }
        // Without comments and white space, the whole address is in the text.
        if !text.contains('(') && !local.contains('"') && !domain.starts_with('[') {
            let squeezed: String = text.split_ascii_whitespace().collect();
            assert!(squeezed.contains(&address), "{address:?} of {text:?}");
        }
    }
});
