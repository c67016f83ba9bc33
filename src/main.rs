//! `pop3`: a POP3 client for scripts.

use std::process::ExitCode;

fn main() -> ExitCode {
    pop3::cli::run(std::env::args_os())
}
