//! `STAT`, `LIST` and `UIDL` lines: numbers fit and begin at 1, and unique-ids are part of the line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pop3::proto::{MessageNumber, listing};

fuzz_target!(|line: &[u8]| {
    let _ = listing::drop_listing(line);
    if let Ok(listing) = listing::scan_listing(line) {
        let word = line.split(|byte| b" \t".contains(byte)).find(|word| !word.is_empty()).expect("a number");
        let digits = std::str::from_utf8(word).expect("digits").trim_start_matches('0');
        assert_eq!(listing.number.to_string(), digits);
    }
    if let Ok((number, Some(unique_id))) = listing::unique_id_line(line) {
        assert!(number.get() > 0 && !unique_id.as_bytes().is_empty() && unique_id.as_bytes().trim_ascii() == unique_id.as_bytes());
        assert!(line.windows(unique_id.as_bytes().len()).any(|window| window == unique_id.as_bytes()));
    }
    let three = MessageNumber::new(3).expect("not 0");
    if let Ok(listing) = listing::unique_id_listing(line, three) {
        assert_eq!(listing.number, three);
    }
});
