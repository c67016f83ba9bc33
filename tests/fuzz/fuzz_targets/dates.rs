//! Dates: every parsed date exists, and its RFC 3339 form is parsed to the same date.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pop3::header::Date;

fuzz_target!(|text: &str| {
    let Some(date) = Date::parse(text) else { return };
    let printed = date.to_string();
    assert_eq!(printed.len(), "2025-03-01T14:03:00+05:30".len());
    assert_eq!(Date::parse(&printed), Some(date), "{printed}");
    let instant: jiff::Timestamp = printed.parse().expect("a date of RFC 3339");
    // Jiff treats a leap second as the previous second.
    assert!((0..=1).contains(&(date.unix_seconds() - instant.as_second())));
    assert!(text.contains(|c: char| c.is_ascii_digit()));
});
