//! `record`: lists and forgets fetched messages, and imports another program's list, without opening a session.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufReader},
    ops::ControlFlow,
    path::Path,
};

use super::{Context, Outcome, now, parse_selectors, uid};
use crate::{
    cli::{
        args,
        config::shown,
        error::{Abort, CliError, ErrorCode},
        json,
        select::DefaultSelection,
        settings::Settings,
    },
    delivery::{
        self, Remembered,
        import::{self, Batch, ImportError, Tool},
    },
};

pub fn run(context: &mut Context<'_>, args: &args::Record) -> Result<Outcome, Abort> {
    if let Some(file) = &args.import {
        import(context, file, args.from)?;
    } else if args.forget {
        forget(context, args)?;
    } else {
        list(context)?;
    }
    context.printer.flush()?;
    Ok(Outcome::Done)
}

fn list(context: &mut Context<'_>) -> Result<(), Abort> {
    let Settings { state_dir, user, address, .. } = context.settings;
    let mut written = Ok(());
    delivery::Record::list(state_dir, user, &address.host().to_string(), address.port(), |remembered| {
        written = context.printer.record(&row(remembered));
        if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(written?)
}

fn row(remembered: Remembered) -> json::Record {
    let Remembered { unique_id, time, place, deleted, pending_deletion, .. } = remembered;
    json::Record {
        uid: uid(&unique_id),
        fetched: json::Time(time.try_into().unwrap_or(i64::MAX)),
        place: json::path_octets(place),
        deleted,
        pending_deletion,
    }
}

fn forget(context: &mut Context<'_>, args: &args::Record) -> Result<(), Abort> {
    let selectors = args::SelectorArgs {
        uids: args.uids.clone(),
        all: args.all,
        older_than: args.older_than.clone(),
        ..args::SelectorArgs::default()
    };
    let selector = parse_selectors(&selectors, DefaultSelection::All)?;
    let locked = lock(context.settings)?;
    if args.all {
        locked.clear()?;
        return Ok(context.printer.note("all messages were forgotten")?);
    }
    let mut record = locked.open(None)?;
    for warning in record.take_warnings() {
        context.stderr.warning(&warning);
    }
    let named: HashSet<&[u8]> = selector.unique_ids().collect();
    if let Some(unknown) = named.iter().find(|unique_id| !record.knows(unique_id, 0)) {
        let message = format!("not in the record: unique-id \"{}\"", uid(unknown));
        return Err(CliError::new(ErrorCode::NoSuchMessage, message).into());
    }
    let (now, by_unique_id) = (now(), !args.uids.is_empty());
    let forgotten = record.forget(|unique_id, time| {
        let age = now.saturating_sub(time.try_into().unwrap_or(i64::MAX));
        (!by_unique_id || named.contains(unique_id)) && selector.is_old(age)
    })?;
    Ok(context.printer.note(&format!("forgotten: {}", messages(forgotten)))?)
}

fn import(context: &mut Context<'_>, file: &Path, from: Option<args::Tool>) -> Result<(), Abort> {
    let settings = context.settings;
    let now = u64::try_from(now()).unwrap_or(0);
    let account = import::Account { user: &settings.user, address: &settings.address };
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let unreadable = |error: &io::Error| CliError::output(format_args!("cannot read {}", shown(file)), error);
    let opened = File::open(file).map_err(|error| unreadable(&error))?;
    let state = |file: &File| file.metadata().map(|data| (data.len(), data.modified().ok()));
    let before = state(&opened).map_err(|error| unreadable(&error))?;
    let mut batch = Batch::default();
    let summary = import::read(BufReader::new(&opened), &name, from.map(Tool::from), &account, |seen| {
        if batch.push(seen, now) { Ok(()) } else { Err(io::Error::other("more than 4 GiB of unique-ids")) }
    })
    .map_err(|error| match error {
        ImportError::Read(error) => unreadable(&error),
        error => CliError::new(ErrorCode::Data, format!("{}: {error}", shown(file))),
    })?;
    if state(&opened).map_err(|error| unreadable(&error))? != before {
        let message = format!("{}: changed while it was read; end the program that writes it", shown(file));
        return Err(CliError::new(ErrorCode::Data, message).into());
    }
    let mut record = lock(settings)?.open(None)?;
    for warning in record.take_warnings() {
        context.stderr.warning(&warning);
    }
    let imported = record.import(summary.tool, batch)?;
    if summary.malformed > 0 {
        context.stderr.warning(&format!(
            "{}: skipped lines that are not unique-ids ({}, the first is line {})",
            shown(file),
            summary.malformed,
            summary.first_malformed
        ));
    }
    let tool = summary.tool.name();
    let known = if imported.known > 0 { format!("; {} known before", imported.known) } else { String::new() };
    Ok(context.printer.note(&format!("imported from {tool}: {}{known}", messages(imported.new)))?)
}

impl From<args::Tool> for Tool {
    fn from(typed: args::Tool) -> Self {
        match typed {
            args::Tool::Mpop => Self::Mpop,
            args::Tool::Fetchmail => Self::Fetchmail,
            args::Tool::Getmail => Self::Getmail,
            args::Tool::Thunderbird => Self::Thunderbird,
        }
    }
}

fn lock(settings: &Settings) -> Result<delivery::Locked, CliError> {
    let Settings { state_dir, user, address, timeout, .. } = settings;
    Ok(delivery::Record::lock(state_dir, user, &address.host().to_string(), address.port(), *timeout)?)
}

fn messages(count: usize) -> String {
    if count == 1 { "1 message".to_owned() } else { format!("{count} messages") }
}
