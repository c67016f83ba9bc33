//! The binary's own costs that grow with a maildrop: its record and the headers that it shows. Figures are for comparing
//! two versions on one machine: `cargo bench --bench cli`.

use std::path::Path;

use divan::{Bencher, counter::BytesCount};

#[path = "../src/cli"]
#[allow(warnings, reason = "a part of the binary, linted there")]
mod cli {
    pub mod escape;
    pub mod exit;
    pub mod header;
    pub mod json;
    pub mod record {
        pub mod disk;
        pub mod index;
        pub mod journal;
    }
}

use cli::{
    header,
    record::{
        disk,
        index::Index,
        journal::{self, Entry, Message},
    },
};

fn main() {
    divan::main();
}

fn message(unique_id: &str) -> Message<'_> {
    Message { unique_id: unique_id.as_bytes(), occurrence: 0, time: 1_795_341_600, delete: false }
}

/// As `fetch --maildir` writes it: a message is announced, then done.
fn journal_of(messages: u32) -> (Vec<u8>, Vec<u8>) {
    let header = journal::header(b"alice", "pop.example.org");
    let mut lines = header.clone();
    for number in 0..messages {
        let unique_id = format!("{number:08x}4a6bc1de");
        let name = format!("1795341600.M{number}P123Q{number}R0123456789abcdef.host");
        let [temporary, path] =
            ["tmp", "new"].map(|sub| Path::new("/home/alice/Maildir").join(sub).join(&name));
        let place = disk::path_octets(&path);
        let message = message(&unique_id);
        Entry::File { message, temporary: temporary.into(), name: path.into() }.write(1, &mut lines);
        Entry::Done { message, place: &place }.write(1, &mut lines);
    }
    (header, lines)
}

/// Time should grow with the messages, and no faster.
#[divan::bench(args = [1_000, 10_000, 100_000])]
fn record(bencher: Bencher<'_, '_>, messages: u32) {
    let (header, lines) = journal_of(messages);
    bencher.counter(BytesCount::of_slice(&lines)).bench(|| {
        let mut index = Index::default();
        let scanned = journal::scan(lines.as_slice(), &header, |_, entry| {
            if let Entry::Done { message, .. } = entry {
                index.insert(&message);
            }
        });
        (index, scanned.is_ok())
    });
}

#[divan::bench]
fn lookups_of_100_000(bencher: Bencher<'_, '_>) {
    let unique_ids: Vec<_> = (0..100_000).map(|number| format!("{number:08x}4a6bc1de")).collect();
    let mut index = Index::default();
    for unique_id in &unique_ids {
        index.insert(&message(unique_id));
    }
    bencher.bench(|| unique_ids.iter().filter(|id| index.get(id.as_bytes(), 0).is_some()).count());
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
