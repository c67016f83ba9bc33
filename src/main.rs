//! `pop3`: a POP3 client for scripts.

// A binary has no outside; `pub` there tells what a module shows to its neighbours.
#![allow(unreachable_pub)]
// What a stranger says must not end it; tests may.
#![warn(clippy::expect_used, clippy::panic, clippy::unreachable, clippy::unimplemented, clippy::todo)]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(std::env::args_os())
}
