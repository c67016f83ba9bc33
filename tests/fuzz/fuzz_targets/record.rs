//! Any record results in the fetched messages or an error. Checksums are corrected, as otherwise every input would be
//! refused.
#![no_main]

use std::{fs, time::Duration};

use libfuzzer_sys::fuzz_target;
use pop3::delivery::Record;

// A line that ends with `#` gets a checksum.
fuzz_target!(|octets: &[u8]| {
    let dir = tempfile::tempdir().expect("a folder");
    let open = || Record::lock(dir.path(), "alice", "pop.example.org", 995, Duration::ZERO)?.open(None);
    let path = open().expect("an empty record").path().to_path_buf();
    let mut input = fs::read(&path).expect("its header");
    // Each checksum covers the previous one.
    let sum = input.len() - 9..input.len() - 1;
    let mut chain = std::str::from_utf8(&input[sum]).ok().and_then(|sum| u32::from_str_radix(sum, 16).ok()).unwrap_or(0);
    for line in octets.split_inclusive(|&octet| octet == b'\n') {
        match line.strip_suffix(b"#\n") {
            Some(body) => {
                let mut hasher = crc32fast::Hasher::new();
                hasher.update(&chain.to_be_bytes());
                hasher.update(body);
                chain = hasher.finalize();
                input.extend([body, format!(" {chain:08x}\n").as_bytes()].concat());
            }
            None => input.extend_from_slice(line),
        }
    }
    fs::write(&path, &input).expect("written");
    let read = Record::read(dir.path(), "alice", "pop.example.org", 995);
    assert_eq!(fs::read(&path).expect("still there"), input, "reading changes nothing");
    drop(read);
});
