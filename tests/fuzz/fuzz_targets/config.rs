//! Any configuration file results in accounts or in an error of one line.
#![no_main]

use std::{cell::LazyCell, io::Write as _};

use libfuzzer_sys::fuzz_target;
use pop3::cli::{config::Config, escape::escape};
use tempfile::NamedTempFile;

thread_local! {
    static FILE: LazyCell<NamedTempFile> = LazyCell::new(|| NamedTempFile::new().expect("a file"));
}

fuzz_target!(|octets: &[u8]| {
    FILE.with(|file| {
        let mut writer = file.as_file();
        std::io::Seek::rewind(&mut writer).expect("a file");
        file.as_file().set_len(0).expect("a file");
        writer.write_all(octets).expect("a file");
        match Config::read(file.path().to_owned(), true) {
            Ok(config) => {
                assert!(!escape(&config.names()).chars().any(char::is_control));
                let _ = config.default_account().and_then(|name| config.account(name));
            }
            Err(failure) => assert!(escape(&failure.message).lines().count() <= 1),
        }
    });
});
