//! The tests of the program: one binary, so that it links once.

mod generated;
mod keyring;
mod support;

#[cfg(unix)]
mod dovecot;
#[cfg(unix)]
mod kill;
mod mailbox;
#[cfg(unix)]
mod readme;
#[cfg(unix)]
mod storing;
#[cfg(unix)]
mod syscalls;
mod transcripts;
