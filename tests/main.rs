//! The tests of the program: one binary, so that it links once.

mod connect;
mod discover;
mod end_to_end;
mod generated;
mod keyring;
mod manual;
mod mechanisms;
mod oauth;
mod output_streams;
mod secrets;
mod support;
mod transcripts;

#[cfg(unix)]
mod disconnect;
#[cfg(unix)]
mod dovecot;
#[cfg(unix)]
mod examples;
#[cfg(unix)]
mod faults;
#[cfg(unix)]
mod hostile;
#[cfg(unix)]
mod import;
#[cfg(unix)]
mod kill;
#[cfg(unix)]
mod lmtp;
#[cfg(unix)]
mod pipelining;
#[cfg(unix)]
mod readme;
#[cfg(unix)]
mod record_kill;
#[cfg(unix)]
mod storage_faults;
#[cfg(unix)]
mod syscalls;
#[cfg(target_os = "linux")]
mod terminal;
#[cfg(windows)]
mod windows;
