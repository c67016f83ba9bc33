//! The binary's own costs that grow with a maildrop: its record and the headers that it shows. Figures are for comparing
//! two versions on one machine: `cargo bench --bench cli`.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot begin ends")]

use std::{path::Path, time::Duration};

use divan::{
    Bencher,
    counter::{BytesCount, ItemsCount},
};

#[path = "../src/cli"]
#[allow(warnings, reason = "a part of the binary, linted there")]
mod cli {
    pub mod escape;
    pub mod exit;
    pub mod header;
    pub mod json;
}

use cli::header;
use pop3::delivery::Record;

fn main() {
    divan::main();
}

/// A record of messages as `fetch --maildir` writes it.
fn record_of(dir: &Path, messages: u32) {
    let mut record = Record::lock(dir, "alice", "pop.example.org", Duration::ZERO).unwrap().open().unwrap();
    let unique_ids: Vec<_> = (0..messages).map(|number| format!("{number:08x}4a6bc1de")).collect();
    let place = Path::new("/home/alice/Maildir/new/1795341600.M1P123Q1R0123456789abcdef.host");
    let remembered = unique_ids.iter().map(|id| (id.as_bytes(), 1_795_341_600, place));
    record.remember(remembered).unwrap();
}

/// Time should grow with the messages, and no faster.
#[divan::bench(args = [1_000, 10_000, 100_000])]
fn record(bencher: Bencher<'_, '_>, messages: u32) {
    let dir = tempfile::tempdir().unwrap();
    record_of(dir.path(), messages);
    bencher.counter(ItemsCount::new(messages)).bench(|| Record::read(dir.path(), "alice", "pop.example.org"));
}

#[divan::bench]
fn lookups_of_100_000(bencher: Bencher<'_, '_>) {
    let dir = tempfile::tempdir().unwrap();
    record_of(dir.path(), 100_000);
    let record = Record::read(dir.path(), "alice", "pop.example.org").unwrap();
    let unique_ids: Vec<_> = (0..100_000).map(|number| format!("{number:08x}4a6bc1de")).collect();
    bencher.bench(|| unique_ids.iter().filter(|id| record.fetched(id.as_bytes(), 0).is_some()).count());
}

const PLAIN: &[u8] = b"Received: from mx.example.org by pop.example.org; Sun, 22 Nov 2026 10:00:00 +0000\r\n\
    From: Alice Example <alice@example.org>\r\nTo: bob@example.org\r\nSubject: minutes of the meeting\r\n\
    Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\n";

const ENCODED: &[u8] = b"From: =?utf-8?B?0JDQvdC90LAg0J/QtdGC0YDQvtCy0LA=?= <anna@example.org>\r\n\
    To: =?iso-2022-jp?B?GyRCOzNFRBsoQg==?= <yamada@example.org>\r\n\
    Subject: =?utf-8?B?0J/RgNC+0YLQvtC60L7QuyDRgdC+0LHRgNCw0L3QuNGP?=\r\n =?utf-8?Q?_=E2=84=96_42?=\r\n\
    Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\n";

#[divan::bench]
fn headers_in_ascii(bencher: Bencher<'_, '_>) {
    bencher.counter(BytesCount::of_slice(PLAIN)).bench(|| header::parse(PLAIN, false));
}

#[divan::bench]
fn headers_in_encoded_words(bencher: Bencher<'_, '_>) {
    bencher.counter(BytesCount::of_slice(ENCODED)).bench(|| header::parse(ENCODED, false));
}

/// Headers of many lines: time should grow with them, and no faster.
#[divan::bench(args = [1_000, 10_000])]
fn header_lines(bencher: Bencher<'_, '_>, lines: usize) {
    let mut message = b"X-Long: word\r\n".repeat(lines);
    message.extend_from_slice(PLAIN);
    bencher.counter(BytesCount::of_slice(&message)).bench(|| header::parse(&message, false));
}
