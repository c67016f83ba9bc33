//! Runs after the tests (cargo runs test targets in the order of their names) and lists the skipped tests with their
//! reasons.

use std::collections::{BTreeMap, BTreeSet};

/// Written by `tests/support/skip.rs`.
const LIST: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/skipped-tests");

fn main() {
    // `cargo test -- --list` and other tools request the tests of each program.
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    let list = std::fs::read_to_string(LIST).unwrap_or_default();
    // The next run starts with an empty list.
    let _ = std::fs::remove_file(LIST);
    let mut tests = BTreeSet::new();
    let mut reasons: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in list.lines() {
        let mut words = line.splitn(3, '\t');
        let (Some(run), Some(test), Some(why)) = (words.next(), words.next(), words.next()) else { continue };
        if run == run_id() {
            tests.insert(test);
            reasons.entry(why).or_default().insert(test);
        }
    }
    if tests.is_empty() {
        println!("\nskipped tests: none");
        return;
    }
    println!("\nskipped tests: {}; POP3_TEST_SERVERS=required makes each a failure", tests.len());
    for (why, tests) in reasons {
        println!("  {why}: {}", tests.into_iter().collect::<Vec<_>>().join(", "));
    }
}

/// Returns an identifier of the cargo process that runs this program and the tests before it. A list of another run
/// is stale.
fn run_id() -> String {
    #[cfg(unix)]
    return std::os::unix::process::parent_id().to_string();
    #[cfg(not(unix))]
    return "0".to_owned();
}
