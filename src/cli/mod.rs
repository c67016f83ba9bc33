//! The command line: everything that is not the protocol.
//!
//! `args` is what was typed, `settings` what it means; `command` has one file a subcommand; `signals` tidies up before one ends the
//! process; `output`, `json` and `progress` show; `exit` knows the codes.

// No part of the library's API: `pub` there shows an item to the neighbouring modules, the binary, the tests that render
// manual and completions, and the fuzz targets.
#![allow(missing_docs, unreachable_pub)]
#![allow(clippy::len_without_is_empty, clippy::must_use_candidate, clippy::return_self_not_must_use)]

pub mod args;
mod catalogue;
mod chosen;
mod command;
pub mod config;
mod credential;
mod deadline;
mod discover;
pub mod escape;
mod exit;
mod json;
mod keyring;
mod logger;
mod oauth;
mod output;
mod progress;
pub mod selector;
mod session;
mod settings;
mod signals;
mod wirelog;

use std::{
    ffi::OsString,
    io::{self, Write as _},
    process::ExitCode,
};

use self::{
    args::{Args, Parsed},
    command::{Context, Done},
    exit::{Code, Failure, Stop},
    output::{Printer, Stderr},
    settings::{Destination, Settings, Surroundings},
    wirelog::WireLog,
};

/// Runs the command line to its exit code.
pub fn run(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    match args::parse(words) {
        Ok(Parsed::Run(args)) => run_command(&args),
        Ok(Parsed::Text(text)) => match anstream::stdout().write_all(text.as_bytes()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                let failure = Failure::output("cannot write standard output", &error);
                Stderr::new(false, 0).failure(&failure);
                ExitCode::from(failure.code.exit())
            }
            _ => ExitCode::SUCCESS,
        },
        // Where nothing was asked, the answer is how to ask; whether anybody reads it does not matter.
        Err(error) if !error.json && error.message == args::text::NO_COMMAND => {
            drop(anstream::stderr().write_all(error.text.as_bytes()));
            ExitCode::from(Code::Usage.exit())
        }
        Err(error) => {
            let hint = error.hint.unwrap_or("pop3 --help lists commands and options");
            let failure = Failure::usage(error.message).or_hint(Some(hint));
            Stderr::new(error.json, 0).failure(&failure);
            ExitCode::from(failure.code.exit())
        }
    }
}

fn run_command(args: &Args) -> ExitCode {
    if let Some(color) = args.output.color {
        output::choose_color(color);
    }
    let stderr = Stderr::new(args.output.json, args.output.quiet);
    let (code, failure) = match prepared(args, stderr) {
        Ok(Done::All) | Err(Stop::ClosedPipe { committing: false }) => (0, None),
        Ok(Done::NothingNew) => (NOTHING_NEW, None),
        Err(Stop::ClosedPipe { committing: true }) => {
            let message = "standard output was closed before everything was written: nothing was committed";
            (Code::Output.exit(), Some(Failure::new(Code::Output, message)))
        }
        Err(Stop::Failure(failure)) => (failure.code.exit(), Some(failure)),
    };
    if let Some(failure) = failure {
        stderr.failure(&failure);
    }
    ExitCode::from(code)
}

fn prepared(args: &Args, stderr: Stderr) -> Result<Done, Stop> {
    let surroundings = Surroundings::of_process();
    if let args::Command::Accounts(_) = args.command {
        return command::accounts::run(args, &surroundings, stderr);
    }
    logger::start(settings::level(&args.output), stderr);
    let found;
    let args = match &args.command {
        args::Command::Login(args::Login { address: Some(address), .. }) => {
            match discover::run(args, address, &surroundings, stderr)? {
                discover::Next::Login(args) => {
                    found = args;
                    &*found
                }
                discover::Next::Done => return Ok(Done::All),
            }
        }
        _ => args,
    };
    let settings = Settings::resolve(args, &surroundings)?;
    if let Some(account) = &settings.account {
        log::info!("account {account}");
    }
    for warning in &settings.warnings {
        stderr.warning(warning);
    }
    deadline::watch(&settings);
    let wire_log = WireLog::open(&settings.trace)?;
    let printer = Printer::stdout(settings.json, shows_no_text(args, &settings));
    let mut context =
        Context { settings: &settings, stderr, wire_log, printer, committed: false, trace_failure: None };
    command::run(&mut context, &args.command)
}

/// True if no line of text goes to standard output: `-q` leaves out what only reports that something was done, and
/// standard output that holds mail holds nothing else.
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

/// `status --check`: there is no new mail.
const NOTHING_NEW: u8 = 1;
