//! Plays every file of `tests/transcripts/TOPIC/`: in one piece, with one byte per write, and split at random
//! positions. `support/script.rs` describes the format of the files. `POP3_TRANSCRIPT=text` plays only those with
//! this text in `TOPIC/NAME`.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::support::scripted::{Cut, play};

const CUTS: &[Cut] = &[Cut::Whole, Cut::Octets, Cut::Random(1), Cut::Random(2)];

/// More threads than processors, since they mostly wait for the program.
const THREADS: usize = 8;

#[test]
fn transcripts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let wanted = std::env::var("POP3_TRANSCRIPT").unwrap_or_default();
    let mut jobs = VecDeque::new();
    for path in entries(&folder).iter().flat_map(|topic| entries(topic)) {
        let name = path.strip_prefix(&folder).expect("in the folder").with_extension("");
        let name = name.to_string_lossy().replace('\\', "/");
        if !name.contains(&wanted) {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("text");
        // Under Wine a process takes half a second to start, and the split positions test nothing that depends on the
        // platform.
        let cuts = if cfg!(windows) { &CUTS[..1] } else { CUTS };
        for &cut in cuts {
            jobs.push_back((name.clone(), text.clone(), cut));
        }
    }
    assert!(!jobs.is_empty(), "no transcript has {wanted:?} in its name");
    let total = jobs.len();
    let jobs = Mutex::new(jobs);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let job = jobs.lock().expect("no player panics").pop_front();
                    let Some((name, text, cut)) = job else { return };
                    let played = std::panic::catch_unwind(|| play(&name, &text, cut));
                    let failure = match played {
                        Ok(Ok(())) => continue,
                        Ok(Err(failure)) => failure,
                        Err(_) => format!("{name} ({cut:?}): panicked, see above"),
                    };
                    failures.lock().expect("no player panics").push(failure);
                }
            });
        }
    });
    let mut failures = failures.into_inner().expect("no player panics");
    failures.sort();
    for failure in &failures {
        eprintln!("---- {failure}\n");
    }
    assert!(failures.is_empty(), "{} of {total} plays failed", failures.len());
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}
