//! `login ADDRESS`: finds the server of a mail address and writes an account for it.

mod account;
mod config_file;
mod person;
mod search;

use std::io::{self, Write as _};
use std::time::Instant;

use self::account::Account;
pub use self::person::Person;
use self::search::{Search, Searched};
use super::args::{self, Args};
use super::config::shown;
use super::error::{Abort, CliError, ErrorCode};
use super::escape::escape;
use super::output::Stderr;
use super::settings::{Environment, lookup::Lookup};
use crate::discover::MailAddress;

/// The next step of `login ADDRESS` once the account is known.
pub enum Next {
    /// Logs in with these arguments.
    Login(Box<Args>),
    /// Ends: the account was printed, or the person declined.
    Done,
}

/// Resolves the ADDRESS of `login`. ADDRESS is the name of an account in the file, a user name if `--host` gives the
/// server, or otherwise a mail address, whose server is searched for.
pub fn run(args: &Args, name: &str, environment: &Environment, stderr: Stderr) -> Result<Next, Abort> {
    if args.account.account.as_ref().is_some_and(|account| account != name) {
        return Err(
            CliError::usage("ADDRESS and --account cannot be used together: each names an account").into()
        );
    }
    let lookup = Lookup::resolve(args, environment)?;
    let login = |change: &dyn Fn(&mut args::Account)| {
        let mut args = args.clone();
        change(&mut args.account);
        // The search has used part of the time until the deadline.
        if let Some(deadline) = lookup.limits.deadline {
            let left = deadline.saturating_duration_since(Instant::now()).as_secs_f64().max(0.001);
            args.connection.deadline = Some(format!("{left:.3}"));
        }
        Next::Login(Box::new(args))
    };
    let with_account = |account: &mut args::Account| account.account = Some(name.to_owned());
    if lookup.config.account(name).is_some() {
        return Ok(login(&with_account));
    }
    let address = MailAddress::parse(name).map_err(|error| {
        let text = format!("{name:?} is not an account in {}, and {}", shown(&lookup.path), error.message());
        CliError::usage(text)
    })?;
    if lookup.has_host {
        return Ok(login(&|account| {
            account.user = Some(lookup.user.clone().unwrap_or_else(|| name.to_owned()));
        }));
    }

    let person = Person::at_terminal(lookup.limits.deadline);
    let search = Search { lookup: &lookup, address: &address, person: person.as_ref(), stderr };
    let candidate = match search.run()? {
        Searched::Found(candidate) => candidate,
        Searched::Declined => return Ok(Next::Done),
        Searched::Nothing(why) => return Err(nothing(&address, &why).into()),
    };
    let mut account = Account::of(candidate, &lookup)?;
    let Some(person) = person else {
        if account.lacks_client() {
            stderr.warning(
                "the account needs the id of an OAuth 2.0 client that you have registered: replace CLIENT-ID with it",
            );
        }
        io::stdout().lock().write_all(config_file::block(name, &account.keys()).as_bytes())?;
        return Ok(Next::Done);
    };
    if !account.complete(&person, name)? {
        return Ok(Next::Done);
    }
    let block = config_file::block(name, &account.keys());
    let shown_block = block.lines().map(|line| escape(line).into_owned() + "\n").collect::<String>();
    let question = format!(
        "Found by {}:\n\n{shown_block}\nWrite this account to {}? [y/N] ",
        account.source(),
        shown(&lookup.path)
    );
    if !person.agrees(&question)? {
        return Ok(Next::Done);
    }
    config_file::add(&lookup.path, name, &account.keys(), lookup.limits)?;
    stderr.note(&format!("the account {name} is in {}", shown(&lookup.path)));
    Ok(login(&with_account))
}

fn nothing(address: &MailAddress, why: &[String]) -> CliError {
    let mut text = format!("no POP3 server with TLS found for {}", address.domain());
    for reason in why {
        text.push_str("; ");
        text.push_str(reason);
    }
    CliError::new(ErrorCode::Host, text)
        .or_hint(Some("give the server with --host HOST; -v shows the queries"))
}
