//! `accounts`: names the accounts of the configuration file, without opening a session.

use log::LevelFilter;

use super::Done;
use crate::cli::{
    args::Args,
    exit::Stop,
    output::{Printer, Stderr},
    settings::{self, Surroundings},
};

pub fn run(args: &Args, around: &Surroundings, stderr: Stderr) -> Result<Done, Stop> {
    let (accounts, warning) = settings::accounts::list(args, around)?;
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
    Ok(Done::All)
}
