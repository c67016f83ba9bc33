//! Status lines, their response codes, and errors with them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pop3::{
    Error, ErrorKind,
    proto::{StatusIndicator, StatusLine},
    trace::Escaped,
};

fuzz_target!(|line: &[u8]| {
    let error = Error::new(ErrorKind::Refused, "no").with_response(line);
    let shown = error.to_string();
    assert!(shown.bytes().all(|octet| matches!(octet, b' '..=b'~')));
    assert!(Escaped(line).to_string().len() >= line.len());
    let code = error.response_code().is_some();
    let Ok(status) = StatusLine::parse(line) else {
        assert!(!code);
        return;
    };
    assert!(line.starts_with(if status.indicator() == StatusIndicator::Ok { b"+OK" } else { b"-ERR" }));
    assert!(status.text().len() < line.len());
    let _ = status.response_code();
});
