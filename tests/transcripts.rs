//! Plays every file of `tests/transcripts`: whole, one octet a write, and cut at random. The form of the files is
//! described in `support/script.rs`. `POP3_TRANSCRIPT=words` plays only those with these words in their name.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Mutex;

use crate::support::scripted::{Cut, play};

const CUTS: &[Cut] = &[Cut::Whole, Cut::Octets, Cut::Random(1), Cut::Random(2)];

/// Most of a run is waiting for the other side.
const THREADS: usize = 8;

#[test]
fn transcripts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let wanted = std::env::var("POP3_TRANSCRIPT").unwrap_or_default();
    let mut jobs = VecDeque::new();
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .expect("the transcripts")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    names.sort();
    for path in names {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        if !name.contains(&wanted) {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("text");
        // Under Wine a process takes half a second to start, and cutting is no matter of platforms.
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
