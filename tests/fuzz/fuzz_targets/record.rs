//! A record of any octets: what was fetched, or an error, and no panic. Checksums are made right, or nothing would get past
//! them.
#![no_main]

use std::{fs, time::Duration};

use libfuzzer_sys::fuzz_target;
use pop3::delivery::Record;

// A line that ends in `#` gets its checksum.
fuzz_target!(|octets: &[u8]| {
    let dir = tempfile::tempdir().expect("a folder");
    let open = || Record::lock(dir.path(), "alice", "pop.example.org", Duration::ZERO)?.open();
    let path = open().expect("an empty record").path().to_path_buf();
    let mut input = fs::read(&path).expect("its header");
    for line in octets.split_inclusive(|&octet| octet == b'\n') {
        match line.strip_suffix(b"#\n") {
            Some(body) => {
                input.extend([body, format!(" {:08x}\n", crc32fast::hash(body)).as_bytes()].concat())
            }
            None => input.extend_from_slice(line),
        }
    }
    fs::write(&path, &input).expect("written");
    let read = Record::read(dir.path(), "alice", "pop.example.org");
    assert_eq!(fs::read(&path).expect("still there"), input, "reading changes nothing");
    drop(read);
});
