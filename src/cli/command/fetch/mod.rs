//! `fetch`: downloads messages and records each one once it is stored.

mod plan;
mod rows;
mod transfer;

use log::LevelFilter;

pub(super) use self::plan::{candidate, named, unproven};
use self::{plan::Plan, transfer::Transfer};
use super::{Context, Outcome, run_both, skip};
use crate::{
    cli::{
        args,
        error::{Abort, CliError},
        json::Deletion,
        messages::MessageList,
        progress::Progress,
        select::DefaultSelection,
        session::Session,
        settings::{Destination, SECRET_VARIABLES, Settings},
        signals,
    },
    delivery::{Event, FetchOptions, Fetcher, Locked, Options, Progress as Progressed, Record, Storage},
    session::Transaction,
};

pub fn run(context: &mut Context<'_>, args: &args::Fetch) -> Result<Outcome, Abort> {
    let settings = context.settings;
    let limit = skip::limit(args)?;
    let selector = super::parse_selectors(&args.selectors, DefaultSelection::New)?;
    let found = context.credential()?;
    signals::ignore_sigxfsz();
    signals::watch().map_err(|error| CliError::output("cannot watch for signals", &error))?;
    settings.destination.probe()?;
    let access = RecordAccess::of(settings, args)?;

    let open = || context.open_with(&found);
    let (mut record, Session { mut transaction, .. }) = run_both(|| access.open(settings), open)?;
    print_warnings(context, record.as_mut());
    let listing = transaction.listing()?;
    let messages = MessageList::new(&listing);
    if record.is_some() {
        context.warn_of_missing_unique_ids(&messages);
    }
    let deleting = args.delete && settings.commit;
    let mut plan = Plan::make(&selector, &messages, record.as_ref(), &mut transaction, deleting)?;
    plan.limit(&selector, &messages, record.as_ref(), limit);
    plan.announce(context, &selector, &messages, record.as_ref(), deleting)?;

    let storage = start_storage(settings, record, deleting)?;
    let refused = std::mem::take(&mut plan.verified.refused);
    let mut transfer = Transfer::new(&messages, &plan, args.delete, deleting);
    for (number, error) in refused {
        transfer.take(context, Event::Refused { number, mark: false, error })?;
    }
    let stored = retrieve(context, args, &mut transfer, &mut transaction, storage);
    let (record, ended) = match stored {
        Ok(record) => (record, context.end(transaction)),
        Err(abort) => (None, Err(abort)),
    };
    let deleted = Deletion::of(settings.commit, &ended);
    let record = record.filter(|_| ended.is_ok());
    let recorded = record.map_or(Ok(()), |record| transfer.update_record(context, record, deleting));
    let written = transfer.write_rows(context, deleted);
    ended.and(recorded).and(written)?;
    transfer.finish(context, args, &selector)
}

/// Retrieves the planned messages and stores them. Returns the record once all messages with proof are durable.
fn retrieve(
    context: &mut Context<'_>,
    args: &args::Fetch,
    transfer: &mut Transfer<'_>,
    transaction: &mut Transaction,
    storage: Storage,
) -> Result<Option<Record>, Abort> {
    let settings = context.settings;
    let Transfer { messages, plan, .. } = *transfer;
    let octets = |index| messages.entry(index).octets.unwrap_or(0);
    let total = plan.selected.iter().fold(0, |sum: u64, index| sum.saturating_add(octets(index)));
    let shows_progress = !settings.json && settings.level >= LevelFilter::Warn;
    let mut progress = Progress::new(shows_progress, plan.selected.len(), total);
    let options = FetchOptions {
        one_by_one: settings.destination.is_single(),
        mark: args.delete,
        timeout: settings.timeout,
    };
    let left_over = plan.left_over.iter().map(|index| messages.entry(index).number);
    let mut fetcher = Fetcher::new(transaction, storage, plan.wanted(messages), left_over, options)
        .with_progress(|progressed| match progressed {
            Progressed::Message(number) => progress.message(messages.index_of(number).map_or(0, octets)),
            Progressed::Octets(octets) => progress.received(octets),
        });
    let transferred = transfer.run(context, &mut fetcher);
    // Messages with proof are stored and reported, even if the transfer failed.
    let (events, stored) = fetcher.finish();
    drop(progress);
    let reported = events.into_iter().try_for_each(|event| transfer.take(context, event));
    transferred.and(reported).and_then(|()| stored.map_err(Abort::from))
}

/// Starts the storage. The record is updated only if the destination stores messages.
fn start_storage(settings: &Settings, record: Option<Record>, deleting: bool) -> Result<Storage, CliError> {
    let options = Options {
        delete: deleting,
        timeout: settings.timeout,
        deadline: settings.deadline_instant(),
        pipe_timeout: settings.pipe_timeout,
        scrub: SECRET_VARIABLES.map(str::to_owned).to_vec(),
    };
    let record = record.filter(|_| !settings.destination.is_look());
    Ok(Storage::start(&settings.destination, record, &options)?)
}

/// The use of the record of fetched messages by a run.
enum RecordAccess {
    /// `--no-state`: the record is not used.
    None,
    /// The record is read without locking it: the destination is standard output, which stores nothing.
    Read,
    /// The record is locked until the end of the run, so that a second `fetch` waits.
    Locked(Box<Locked>),
}

impl RecordAccess {
    fn of(settings: &Settings, args: &args::Fetch) -> Result<Self, CliError> {
        if args.no_state {
            return Ok(Self::None);
        }
        if settings.destination.is_look() {
            return Ok(Self::Read);
        }
        let Settings { state_dir, user, address, timeout, .. } = settings;
        let locked = Record::lock(state_dir, user, &address.host().to_string(), address.port(), *timeout)?;
        Ok(Self::Locked(Box::new(locked)))
    }

    fn open(self, settings: &Settings) -> Result<Option<Record>, CliError> {
        let Settings { state_dir, user, address, destination, .. } = settings;
        Ok(match self {
            Self::None => None,
            Self::Read => Some(Record::read(state_dir, user, &address.host().to_string(), address.port())?),
            Self::Locked(locked) => Some(locked.open(destination.path().as_deref())?),
        })
    }
}

fn print_warnings(context: &Context<'_>, record: Option<&mut Record>) {
    for warning in record.map(Record::take_warnings).unwrap_or_default() {
        context.stderr.warning(&warning);
    }
}
