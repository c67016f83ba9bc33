//! The destination of `fetch`.

use std::{path::PathBuf, time::Duration};

use super::{
    Destination,
    sources::{Source, Sourced, Sources},
    value,
};
use crate::{
    cli::{args, error::CliError},
    delivery::LmtpAddress,
};

/// Returns the destination from the command line or, if there is none, from the account.
pub(super) fn destination(sources: &Sources<'_>, command: &args::Command) -> Result<Destination, CliError> {
    let default = Destination::Dir(PathBuf::from("."));
    let args::Command::Fetch(fetch) = command else { return Ok(default) };
    let mbox = |file: PathBuf, written: &str| match written {
        "-" => Destination::MboxStdout,
        _ => Destination::Mbox(file),
    };
    if fetch.stdout {
        return Ok(Destination::Stdout);
    }
    if let Some(dir) = &fetch.dir {
        return Ok(Destination::Dir(dir.clone()));
    }
    if let Some(dir) = &fetch.maildir {
        return Ok(Destination::Maildir(dir.clone()));
    }
    if let Some(file) = &fetch.mbox {
        return Ok(mbox(file.clone(), &file.to_string_lossy()));
    }
    if let Some(command) = &fetch.pipe {
        let given = Sourced { value: command.clone(), source: Source::Option("pipe") };
        return given.parse(value::words).map(Destination::Pipe);
    }
    if let Some(address) = &fetch.lmtp {
        return lmtp(sources, fetch, &Sourced { value: address.clone(), source: Source::Option("lmtp") });
    }
    let destinations = sources.keys.destinations();
    if fetch.rcpt.is_some() && !matches!(destinations.first(), Some(("lmtp", _))) {
        return Err(CliError::usage("--rcpt: only valid with --lmtp"));
    }
    let Some((key, value)) = destinations.first().copied() else { return Ok(default) };
    let path = || sources.resolve(value.get_ref());
    Ok(match key {
        "dir" => Destination::Dir(path()),
        "maildir" => Destination::Maildir(path()),
        "mbox" => mbox(path(), value.get_ref()),
        "lmtp" => {
            let value = Sourced { value: sources.socket(value.get_ref()), source: sources.key(key, value) };
            return lmtp(sources, fetch, &value);
        }
        _ => Destination::Pipe(sources.command(key, Some(value))?.unwrap_or_default()),
    })
}

fn lmtp(
    sources: &Sources<'_>,
    fetch: &args::Fetch,
    address: &Sourced<String>,
) -> Result<Destination, CliError> {
    let recipient = match (&fetch.rcpt, &sources.keys.rcpt) {
        (Some(typed), _) => Sourced { value: typed.clone(), source: Source::Option("rcpt") },
        (None, Some(written)) => {
            Sourced { value: written.get_ref().clone(), source: sources.key("rcpt", written) }
        }
        (None, None) => return Err(address.refuse("no recipient; add --rcpt RECIPIENT")),
    };
    let parsed = LmtpAddress::parse(&address.value).map_err(|error| address.refuse(error.message()))?;
    Ok(Destination::Lmtp { address: parsed, recipient: recipient.parse(value::recipient)? })
}

/// Returns the time limit of a `--pipe` command.
pub(super) fn pipe_timeout(
    sources: &Sources<'_>,
    command: &args::Command,
    destination: &Destination,
) -> Result<Option<Duration>, CliError> {
    let typed = match command {
        args::Command::Fetch(fetch) => fetch.pipe_timeout.clone(),
        _ => None,
    };
    if typed.is_some() && !matches!(destination, Destination::Pipe(_)) {
        return Err(CliError::usage("--pipe-timeout: only valid with --pipe"));
    }
    let typed = typed.map(|value| Sourced { value, source: Source::Option("pipe-timeout") });
    let written = sources.keys.pipe_timeout.as_ref().map(|value| Sourced {
        value: value.get_ref().0.clone(),
        source: sources.key("pipe-timeout", value),
    });
    typed.or(written).map(|text| text.parse(value::positive_seconds)).transpose()
}
