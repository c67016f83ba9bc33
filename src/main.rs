//! `pop3`: a POP3 client for scripts.

// A binary has no outside; `pub` there tells what a module shows to its neighbours.
#![allow(unreachable_pub)]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(std::env::args_os())
}
