//! The command line.
//!
//! [`args`] parses words, `settings` resolves them with the environment and the configuration file, `command` has one file per
//! subcommand, `output`, `json` and `progress` print, `error` defines the exit codes, and `signals` cleans up before a signal ends
//! the process.

// Not part of the library's API. `pub` makes an item visible to other modules, to the binary, to the tests that render the manual
// and the completions, and to the fuzz targets.
#![allow(missing_docs, unreachable_pub)]
#![allow(clippy::len_without_is_empty, clippy::must_use_candidate, clippy::return_self_not_must_use)]

pub mod args;
mod command;
pub mod config;
mod credential;
mod deadline;
mod discover;
mod error;
pub mod escape;
mod json;
mod keyring;
mod lock;
mod logger;
mod messages;
mod oauth;
mod output;
mod progress;
pub mod select;
mod session;
mod settings;
mod signals;
mod trace_log;

use std::{
    ffi::OsString,
    io::{self, Write as _},
    process::ExitCode,
};

use self::{
    args::{Args, Parsed},
    command::{Context, Outcome},
    error::{Abort, CliError, ErrorCode},
    output::{Printer, Stderr},
    settings::{Destination, Environment, Settings},
    trace_log::TraceLog,
};

/// Runs a command line and returns its exit code.
pub fn run(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    match args::parse(words) {
        Ok(Parsed::Run(args)) => run_command(&args),
        Ok(Parsed::Text(text)) => match anstream::stdout().write_all(text.as_bytes()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                let failure = CliError::output("cannot write standard output", &error);
                Stderr::new(false, 0).failure(&failure);
                ExitCode::from(failure.code.exit_code())
            }
            _ => ExitCode::SUCCESS,
        },
        // No arguments: print a short usage and ignore write errors.
        Err(error) if !error.json && error.message == args::text::NO_COMMAND => {
            drop(anstream::stderr().write_all(error.text.as_bytes()));
            ExitCode::from(ErrorCode::Usage.exit_code())
        }
        Err(error) => {
            let hint = error.hint.unwrap_or("pop3 --help lists commands and options");
            let failure = CliError::usage(error.message).or_hint(Some(hint));
            Stderr::new(error.json, 0).failure(&failure);
            ExitCode::from(failure.code.exit_code())
        }
    }
}

fn run_command(args: &Args) -> ExitCode {
    if let Some(color) = args.output.color {
        output::choose_color(color);
    }
    let stderr = Stderr::new(args.output.json, args.output.quiet);
    let (code, failure) = match prepared(args, stderr) {
        Ok(Outcome::Done) | Err(Abort::ClosedPipe { committing: false }) => (0, None),
        Ok(Outcome::NoNewMail) => (NO_NEW_MAIL, None),
        Err(Abort::ClosedPipe { committing: true }) => {
            let message = "standard output was closed before everything was written: nothing was committed";
            (ErrorCode::Output.exit_code(), Some(CliError::new(ErrorCode::Output, message)))
        }
        Err(Abort::Error(failure)) => (failure.code.exit_code(), Some(failure)),
    };
    if let Some(failure) = failure {
        stderr.failure(&failure);
    }
    ExitCode::from(code)
}

fn prepared(args: &Args, stderr: Stderr) -> Result<Outcome, Abort> {
    let environment = Environment::of_process();
    if let args::Command::Accounts(_) = args.command {
        return command::accounts::run(args, &environment, stderr);
    }
    logger::start(settings::level(&args.output), stderr);
    let found;
    let args = match &args.command {
        args::Command::Login(args::Login { address: Some(address), .. }) => {
            match discover::run(args, address, &environment, stderr)? {
                discover::Next::Login(args) => {
                    found = args;
                    &*found
                }
                discover::Next::Done => return Ok(Outcome::Done),
            }
        }
        _ => args,
    };
    let settings = Settings::resolve(args, &environment)?;
    if let Some(account) = &settings.account {
        log::info!("account {account}");
    }
    for warning in &settings.warnings {
        stderr.warning(warning);
    }
    deadline::watch(&settings);
    let trace_log = TraceLog::open(&settings.trace, settings.key_log.as_deref())?;
    let printer = Printer::stdout(settings.json, shows_no_text(args, &settings));
    let mut context =
        Context { settings: &settings, stderr, trace_log, printer, committed: false, trace_failure: None };
    command::run(&mut context, &args.command)
}

/// True if no text is written to standard output: either mail is written there, or `-q` suppresses the reports of the subcommand.
fn shows_no_text(args: &Args, settings: &Settings) -> bool {
    let reports = match &args.command {
        args::Command::Status(status) => status.check,
        args::Command::Fetch(_)
        | args::Command::Delete(_)
        | args::Command::Login(_)
        | args::Command::Logout(_) => true,
        _ => false,
    };
    let shows_mail = matches!(settings.destination, Destination::Stdout | Destination::MboxStdout);
    args.output.quiet > 0 && reports || shows_mail
}

/// The exit code of `status --check` without new mail.
const NO_NEW_MAIL: u8 = 1;
