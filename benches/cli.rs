//! Benchmarks of the record, whose cost grows with the maildrop. Compare two versions on one machine with
//! `cargo bench --bench cli`.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up must fail")]

use std::{path::Path, time::Duration};

use divan::{Bencher, counter::ItemsCount};
use pop3::delivery::{Foreign, Record};

fn main() {
    divan::main();
}

/// Creates a record as `fetch --maildir` writes it.
fn record_of(dir: &Path, messages: u32) {
    let mut record =
        Record::lock(dir, "alice", "pop.example.org", 995, Duration::ZERO).unwrap().open(None).unwrap();
    let unique_ids: Vec<_> = (0..messages).map(|number| format!("{number:08x}4a6bc1de")).collect();
    let remembered = unique_ids.iter().map(|id| Foreign {
        unique_id: id.as_bytes(),
        occurrence: 0,
        time: 1_795_341_600,
        octets: Some(5000),
        place: "/home/alice/Maildir/new/1795341600.M1P123Q1R0123456789abcdef.host",
    });
    record.remember(remembered).unwrap();
}

/// The time should be linear in the number of messages.
#[divan::bench(args = [1_000, 10_000, 100_000])]
fn record(bencher: Bencher<'_, '_>, messages: u32) {
    let dir = tempfile::tempdir().unwrap();
    record_of(dir.path(), messages);
    bencher
        .counter(ItemsCount::new(messages))
        .bench(|| Record::read(dir.path(), "alice", "pop.example.org", 995));
}

#[divan::bench]
fn lookups_of_100_000(bencher: Bencher<'_, '_>) {
    let dir = tempfile::tempdir().unwrap();
    record_of(dir.path(), 100_000);
    let record = Record::read(dir.path(), "alice", "pop.example.org", 995).unwrap();
    let unique_ids: Vec<_> = (0..100_000).map(|number| format!("{number:08x}4a6bc1de")).collect();
    bencher.bench(|| {
        unique_ids.iter().filter(|id| record.fetched(id.as_bytes(), 0, Some(5000)).is_some()).count()
    });
}
