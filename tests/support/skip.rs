//! Reports tests that cannot run on this machine at once, and to the `zz_skipped` target, which lists them after all
//! tests.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::Command;

/// The list that `zz_skipped` reads, with one line per test: process id of cargo, name of the test, reason.
const LIST: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/skipped-tests");

/// Reports that the calling test, or a part of it, is skipped. Panics if `POP3_TEST_SERVERS=required`.
///
/// The line is written to standard error directly, because libtest captures the output of `eprintln!` and drops it if
/// the test passes.
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

/// Returns an identifier of this run of `cargo test`: all test programs of a run are children of one cargo.
fn run_id() -> u32 {
    #[cfg(unix)]
    return std::os::unix::process::parent_id();
    #[cfg(not(unix))]
    return 0;
}

/// Returns the path of `tool`. Returns `None`, and reports the test as skipped, if it is missing.
#[track_caller]
pub(crate) fn need(tool: &str) -> Option<PathBuf> {
    let found = installed(tool);
    if found.is_none() {
        skipped(&format!("{tool} is not installed"));
    }
    found
}

/// Returns the path of `tool` if it is in `PATH`.
pub(crate) fn installed(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let name = format!("{tool}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&path).map(|folder| folder.join(&name)).find(|file| file.is_file())
}

/// Started by [`a_skipped_test_is_reported`]; no tool is missing in any other run.
#[test]
fn a_test_with_a_missing_tool() {
    if let Some(tool) = std::env::var_os("POP3_TEST_LACKS") {
        assert!(need(&tool.to_string_lossy()).is_none());
    }
}

#[test]
fn a_skipped_test_is_reported() {
    let test = "support::skip::a_test_with_a_missing_tool";
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
