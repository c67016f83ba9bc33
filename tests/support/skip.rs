//! Tests that cannot run on this machine: reported at once, and counted by the `zz_skipped` target after all others.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::Command;

/// The list that `zz_skipped` reads, one line a test: process id of cargo, name of the test, reason.
const LIST: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/skipped-tests");

/// Reports that the calling test, or a part of it, is skipped; panics where `POP3_TEST_SERVERS=required`.
///
/// The line is written to standard error directly: libtest captures what `eprintln!` prints, and drops it where the
/// test passes.
#[track_caller]
pub(crate) fn skipped(why: &str) {
    let required = std::env::var("POP3_TEST_SERVERS").is_ok_and(|value| value == "required");
    assert!(!required, "{why}, and POP3_TEST_SERVERS=required");
    let thread = std::thread::current();
    // With `--test-threads=1` every test runs on the main thread.
    let place = std::panic::Location::caller().to_string();
    let test = thread.name().filter(|name| *name != "main").unwrap_or(&place);
    let _ = writeln!(io::stderr(), "SKIPPED {test}: {why}");
    let line = format!("{}\t{test}\t{why}\n", run_id());
    let list = OpenOptions::new().append(true).create(true).open(LIST);
    let written = list.and_then(|mut list| list.write_all(line.as_bytes()));
    assert!(written.is_ok(), "{LIST}: {written:?}");
}

/// Identifies this run of `cargo test`: all test programs of a run are children of one cargo.
fn run_id() -> u32 {
    #[cfg(unix)]
    return std::os::unix::process::parent_id();
    #[cfg(not(unix))]
    return 0;
}

/// The path of `tool`, or `None` after reporting the test as skipped.
#[track_caller]
pub(crate) fn need(tool: &str) -> Option<PathBuf> {
    let found = installed(tool);
    if found.is_none() {
        skipped(&format!("{tool} is not installed"));
    }
    found
}

/// The path of `tool` if `PATH` has it.
pub(crate) fn installed(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let name = format!("{tool}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&path).map(|folder| folder.join(&name)).find(|file| file.is_file())
}

/// Started by [`is_reported_though_it_passes`]; in any other run nothing is missing here.
#[test]
fn one_that_lacks_a_tool() {
    if let Some(tool) = std::env::var_os("POP3_TEST_LACKS") {
        assert!(need(&tool.to_string_lossy()).is_none());
    }
}

#[test]
fn is_reported_though_it_passes() {
    let test = "support::skip::one_that_lacks_a_tool";
    let rerun = |required: &str| {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command
            .args(["--exact", test])
            .env("POP3_TEST_LACKS", "no-such-tool")
            .env("POP3_TEST_SERVERS", required);
        command.output().expect("the same program again")
    };
    let output = rerun("");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(stderr, format!("SKIPPED {test}: no-such-tool is not installed\n"));
    let mut expected = String::new();
    let parent = if cfg!(unix) { std::process::id() } else { 0 };
    writeln!(expected, "{parent}\t{test}\tno-such-tool is not installed").expect("a String takes all");
    let list = std::fs::read_to_string(LIST).expect("the list");
    assert!(list.contains(&expected), "{list}");
    assert!(!rerun("required").status.success(), "a missing tool that is required fails the test");
}
