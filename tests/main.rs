//! The tests of the program: one binary, so that it links once.

mod discover;
mod generated;
mod keyring;
mod support;

#[cfg(unix)]
mod dovecot;
#[cfg(unix)]
mod faults;
#[cfg(unix)]
mod kill;
#[cfg(unix)]
mod lmtp;
mod mailbox;
mod mechanisms;
#[cfg(unix)]
mod movein;
mod oauth;
#[cfg(unix)]
mod readme;
#[cfg(unix)]
mod rewriting;
mod roads;
mod secrets;
#[cfg(unix)]
mod storing;
mod streams;
#[cfg(unix)]
mod sweep;
#[cfg(unix)]
mod syscalls;
#[cfg(target_os = "linux")]
mod terminal;
#[cfg(unix)]
mod threats;
mod transcripts;
#[cfg(unix)]
mod window;
#[cfg(windows)]
mod windows;
