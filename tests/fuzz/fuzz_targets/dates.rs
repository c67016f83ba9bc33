//! Dates: what is read exists, and is the same when it is read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pop3::header::Date;

fuzz_target!(|text: &str| {
    let Some(date) = Date::parse(text) else { return };
    let printed = date.to_string();
    assert_eq!(printed.len(), "2025-03-01T14:03:00+05:30".len());
    assert_eq!(Date::parse(&printed), Some(date), "{printed}");
    let instant: jiff::Timestamp = printed.parse().expect("a date of RFC 3339");
    // Jiff takes a leap second for the second before.
    assert!((0..=1).contains(&(date.unix_seconds() - instant.as_second())));
    assert!(text.contains(|c: char| c.is_ascii_digit()));
});
