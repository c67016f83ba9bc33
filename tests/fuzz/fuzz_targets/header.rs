//! Headers of strangers' mail, and what is printed of them: no panic, no control, printable ASCII in JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../src/cli"]
#[allow(dead_code, reason = "only a part of the binary is here")]
mod cli {
    pub mod escape;
    pub mod exit;
    pub mod json;
}

use cli::{
    escape::escape,
    json::{Mailbox, write_line},
};
use pop3::header;

fuzz_target!(|message: &[u8]| {
    let read = header::parse(message, true);
    for (name, value) in &read.fields {
        assert!(!escape(name).chars().any(char::is_control));
        assert!(!escape(value).chars().any(char::is_control));
    }
    let mut out = Vec::new();
    let lists = [read.from, read.to, read.cc].map(|list| list.map(Mailbox::list));
    write_line(&mut out, &(lists, &read.subject, &read.message_id, &read.date))
        .expect("a Vec takes every octet");
    assert!(out.iter().all(|octet| matches!(octet, b' '..=b'~' | b'\n')));
    assert!(header::preview(message, 3).count() <= 3);
});
