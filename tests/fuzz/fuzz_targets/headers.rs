//! Whole headers do not cause a panic, and a preview has at most the requested number of lines.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pop3::header;

fuzz_target!(|message: &[u8]| {
    let header = header::parse(message);
    for list in [header.from, header.to, header.cc].into_iter().flatten() {
        assert!(list.iter().all(|mailbox| mailbox.name.is_some() || mailbox.address.is_some()));
    }
    for field in header::fields(message) {
        assert!(!field.name().is_empty());
        drop((field.text(), field.mailboxes(), field.date()));
    }
    assert!(header::preview(message, 3).count() <= 3);
});
