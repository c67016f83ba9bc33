//! `accounts`: lists the accounts of the configuration file, without opening a session.

use log::LevelFilter;

use super::Outcome;
use crate::cli::{
    args::Args,
    error::Abort,
    output::{Printer, Stderr},
    settings::{self, Environment},
};

pub fn run(args: &Args, environment: &Environment, stderr: Stderr) -> Result<Outcome, Abort> {
    let (accounts, warning) = settings::accounts::list(args, environment)?;
    if let Some(warning) = warning
        && settings::level(&args.output) >= LevelFilter::Warn
    {
        stderr.warning(&warning);
    }
    let mut printer = Printer::stdout(args.output.json, false);
    for account in &accounts {
        printer.account(account)?;
    }
    printer.flush()?;
    Ok(Outcome::Done)
}
