//! Kills `record --import` and `record --forget` at every system call that changes anything: the record must be in
//! the old or in the new state.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::support::sandbox::{POP3, Sandbox, run};
use crate::syscalls::{CHANGES, log, name, strace_works};

/// Nothing listens on this port, since `record` opens no session.
const PORT: u16 = 1;

/// A user with a record of the messages of `old`, and two lists to import.
fn room(old: bool) -> Sandbox {
    let room = Sandbox::new();
    for (file, unique_ids) in [("old", 0..700), ("more", 600..1300)] {
        let lines: Vec<_> =
            unique_ids.map(|number| format!("alice@127.0.0.1 unique-{number:04}\n")).collect();
        fs::write(room.work().join(file), lines.concat()).expect("a file");
    }
    if old {
        record(&room, &["--import", "old"]);
    }
    room
}

fn record(room: &Sandbox, arguments: &[&str]) {
    let mut command = room.pop3(PORT);
    command.arg("record").args(arguments);
    run(command).expect(0);
}

fn remembered(room: &Sandbox) -> BTreeSet<String> {
    let mut command = room.pop3(PORT);
    command.args(["record", "--json"]);
    let rows = run(command).expect(0).json();
    let unique_ids: BTreeSet<String> =
        rows.iter().map(|row| row["uid"].as_str().expect("a unique-id").to_owned()).collect();
    assert_eq!(unique_ids.len(), rows.len(), "a message twice");
    unique_ids
}

/// Runs `record` with these arguments under strace with these options.
fn traced(room: &Sandbox, options: &[&str], arguments: &[&str]) -> Option<i32> {
    let mut command = room.with_account("strace", PORT);
    command.args(["-f", "-o"]).arg(room.path("strace")).args(options).args([POP3, "record"]).args(arguments);
    run(command).code
}

/// Kills `record` with these arguments at the Nth call of each kind, for every N, and then runs it to the end.
fn before_or_after(old: bool, arguments: &[&str]) {
    if !strace_works() {
        return;
    }
    let trace = format!("trace={}", CHANGES.join(","));
    let whole = room(old);
    let before = remembered(&whole);
    assert_eq!(traced(&whole, &["-e", &trace], arguments), Some(0));
    let after = remembered(&whole);
    assert_ne!(before, after);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for line in log(&whole).lines() {
        if let Some(name) = name(line) {
            *counts.entry(name.to_owned()).or_default() += 1;
        }
    }
    let (mut kept, mut changed) = (0, 0);
    let long = std::env::var("POP3_TEST_KILL").is_ok_and(|value| value == "long");
    for (call, &count) in &counts {
        // Opening and closing files are frequent and change little, so they are only tried in the long form.
        if matches!(call.as_str(), "openat" | "close") && !long {
            continue;
        }
        for nth in 1..=count {
            let room = room(old);
            let inject = format!("inject={call}:signal=KILL:when={nth}");
            if traced(&room, &["-e", &trace, "-e", &inject], arguments).is_some() {
                continue;
            }
            let found = remembered(&room);
            if found == before {
                kept += 1;
                record(&room, arguments);
                assert_eq!(remembered(&room), after, "killed at {call} {nth}, then completed");
            } else {
                changed += 1;
                let (old, new) = (before.len(), found.len());
                assert!(found == after, "killed at {call} {nth}: {new} messages, of {old} before");
            }
            // Leftover files cause no errors.
            record(&room, &["--import", "more"]);
            assert!(remembered(&room).contains("unique-1299"), "killed at {call} {nth}");
        }
    }
    eprintln!("{arguments:?}: nothing changed {kept} times, everything {changed} times, at {counts:?}");
    assert!(kept > 2 && changed > 0, "strace hardly ever kills: {kept} and {changed} at {counts:?}");
}

#[test]
fn first_import() {
    before_or_after(false, &["--import", "more"]);
}

#[test]
fn import() {
    before_or_after(true, &["--import", "more"]);
}

#[test]
fn forget_some() {
    let arguments = ["--forget", "--uid", "unique-0003", "--uid", "unique-0500", "--uid", "unique-0699"];
    before_or_after(true, &arguments);
}

#[test]
fn forget_by_age() {
    before_or_after(true, &["--forget", "--older-than", "0m"]);
}

#[test]
fn forget_all() {
    before_or_after(true, &["--forget", "--all"]);
}
