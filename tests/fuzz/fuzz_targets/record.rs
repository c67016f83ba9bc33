//! A journal of any octets: entries, or an error, and no panic. Sums are made right, or nothing would get past them.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../src/cli"]
#[allow(dead_code, reason = "only a part of the binary is here")]
mod cli {
    pub mod record {
        pub mod disk;
        pub mod index;
        pub mod journal;
    }
}

use cli::record::{
    index::Index,
    journal::{self, Entry},
};

// A line that ends in `#` gets its checksum.
fuzz_target!(|octets: &[u8]| {
    let header = journal::header(b"alice", "pop.example.org");
    let mut input = header.clone();
    for line in octets.split_inclusive(|&octet| octet == b'\n') {
        match line.strip_suffix(b"#\n") {
            Some(body) => {
                input.extend([body, format!(" {:08x}\n", crc32fast::hash(body)).as_bytes()].concat())
            }
            None => input.extend_from_slice(line),
        }
    }
    let mut index = Index::default();
    let mut entries = 0;
    let scanned = journal::scan(input.as_slice(), &header, |batch, entry| {
        entries += 1;
        match &entry {
            Entry::Done { message, .. } => index.insert(message),
            Entry::Deleted { unique_id, occurrence, of } => index.delete(unique_id, *occurrence, *of),
            _ => {}
        }
        // What is read is written again as it was.
        let mut line = Vec::new();
        entry.write(batch, &mut line);
        let mut again = header.clone();
        again.extend_from_slice(&line);
        let extent = journal::scan(again.as_slice(), &header, |_, _| {}).expect("its own form");
        assert_eq!((extent.entries, extent.batch), (1, batch));
    });
    if let Ok(extent) = scanned {
        assert_eq!(extent.entries, entries);
        assert!(extent.sound <= input.len() as u64 && input[..extent.sound as usize].ends_with(b"\n"));
    }
});
