//! Encoded words: text without them is unchanged, and every charset accepts any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pop3::header::decode_words;

fuzz_target!(|text: &str| {
    let decoded = decode_words(text);
    if !text.contains("=?") {
        assert_eq!(decoded, text);
    }
    // Text in the charset of a label, also split in the middle.
    if let Some((label, bytes)) = text.split_once('|') {
        let hex: Vec<String> = bytes.bytes().map(|byte| format!("={byte:02X}")).collect();
        let (first, second) = hex.split_at(hex.len() / 2);
        let words = format!("=?{label}?Q?{}?=\r\n =?{label}?Q?{}?=", first.concat(), second.concat());
        drop(decode_words(&words));
        drop(decode_words(&words.replace("\r\n", "")));
    }
});
