//! `fetch`: downloads messages, and remembers each once it is safely stored.

use crate::bytes::Hex;
use std::collections::HashSet;

use crate::{
    delivery::{
        Candidate, Delivered, ErrorKind, Event, Failed, FetchOptions, Fetcher, Locked, Options,
        Progress as Transferred, Record, Storage, Verified, Wanted, verify,
    },
    proto::MessageNumber,
    session::Transaction,
};
use log::LevelFilter;

use super::{Context, Outcome, choose, now, place, refused, run_both, uid};
use crate::cli::{
    args,
    error::{Abort, CliError, ErrorCode},
    json::{self, Deletion, Fetch, Refused},
    messages::MessageList,
    progress::Progress,
    select::Selection,
    select::{DefaultSelection, ListedMessages as _, Selector},
    session::Session,
    settings::{Destination, SECRET_VARIABLES, Settings},
    signals,
};

pub fn run(context: &mut Context<'_>, args: &args::Fetch) -> Result<Outcome, Abort> {
    let settings = context.settings;
    let limit = super::skip::limit(args)?;
    let selection = super::selection(&args.selectors, DefaultSelection::New)?;
    let found = context.credential()?;
    signals::ignore_sigxfsz();
    signals::watch().map_err(|error| CliError::output("cannot watch for signals", &error))?;
    settings.destination.probe()?;
    let source = RecordAccess::of(settings, args)?;

    let open = || context.open_with(&found);
    let (mut record, Session { mut transaction, .. }) = run_both(|| source.open(settings), open)?;
    warn(context, record.as_mut());
    let listing = transaction.listing()?;
    let messages = MessageList::new(&listing);
    if record.is_some() {
        context.warn_of_missing_unique_ids(&messages);
    }
    let deleting = args.delete && settings.commit;
    let mut plan = Plan::make(&selection, &messages, record.as_ref(), &mut transaction, deleting)?;
    plan.limit(&selection, &messages, record.as_ref(), limit);
    let Plan { chosen, left_over, verified, .. } = &plan;
    if chosen.is_empty() {
        context.note_nothing_selected(&messages, &selection);
    }
    if deleting && !verified.unproven.is_empty() {
        context.stderr.warning(&unproven(&verified.unproven));
    }
    if settings.destination == Destination::Stdout && chosen.len() > 1 {
        let message =
            format!("--stdout takes one message, and {} are chosen: choose one, or use --dir", chosen.len());
        return Err(CliError::usage(message).into());
    }
    context
        .printer
        .fit(chosen.iter().chain(left_over.iter()).map(|index| (messages.entry(index).number.get(), None)));

    let wanted = wanted(&plan, &selection, &messages, record.as_ref());
    let options = Options {
        delete: deleting,
        timeout: settings.timeout,
        deadline: settings.deadline_instant(),
        pipe_timeout: settings.pipe_timeout,
        scrub: SECRET_VARIABLES.map(str::to_owned).to_vec(),
    };
    if !chosen.is_empty() {
        let known = messages.known(record.as_ref());
        let nothing_fetched = (0..known.len()).all(|index| known.message(index).fetched.is_none());
        context.note_destination(nothing_fetched);
    }
    // A look is not remembered.
    let record = record.filter(|_| !settings.destination.is_look());
    let storage = Storage::start(&settings.destination, record, &options)?;
    let octets = chosen
        .iter()
        .fold(0, |sum: u64, index| sum.saturating_add(messages.entry(index).octets.unwrap_or(0)));
    let mut progress =
        Progress::new(!settings.json && settings.level >= LevelFilter::Warn, chosen.len(), octets);
    let fetch = FetchOptions {
        one_by_one: settings.destination.is_single(),
        mark: args.delete,
        timeout: settings.timeout,
    };
    let left_over_numbers = left_over.iter().map(|index| messages.entry(index).number);
    let mut fetcher = Fetcher::new(&mut transaction, storage, wanted, left_over_numbers, fetch)
        .with_progress(|transferred| match transferred {
            Transferred::Message(number) => {
                let index = messages.index_of(number);
                progress.message(index.and_then(|index| messages.entry(index).octets).unwrap_or(0));
            }
            Transferred::Octets(octets) => progress.received(octets),
        });
    let mut run = Run::new(&messages, &plan, args.delete, deleting);
    let transferred = run.transfer(context, &mut fetcher);
    // What is vouched for is made durable and reported, whatever ended the transfer.
    let (events, stored) = fetcher.finish();
    drop(progress);
    let told = events.into_iter().try_for_each(|event| run.take(context, event));
    let ready = transferred.and(told).and_then(|()| stored.map_err(Abort::from));
    let (record, ended) = match ready {
        Ok(record) => (record, context.end(transaction)),
        Err(stop) => (None, Err(stop)),
    };
    let Run { rows, marked, unmarked, refusals, failures, .. } = run;
    let deleted = Deletion::of(settings.commit, &ended);
    let remembered = match record {
        Some(record) if ended.is_ok() => {
            remember(context, record, &messages, &verified.same, marked.iter().filter(|_| deleting))
        }
        _ => Ok(()),
    };
    let told = rows.write_late(context, deleted, &unmarked).and_then(|()| Ok(context.printer.flush()?));
    ended?;
    remembered?;
    told?;
    if args.delete && !settings.commit {
        context.warn_nothing_deleted(marked.len());
    }
    if let Some(failure) = failed(&failures) {
        return Err(failure.into());
    }
    if !settings.destination.is_look() {
        super::skip::note_remaining(context, &selection, plan.remaining);
    }
    if refusals.is_empty() { Ok(Outcome::Done) } else { Err(CliError::partial(&refusals).into()) }
}

/// Where it is known from what was fetched before.
enum RecordAccess {
    Nowhere,
    /// A look reads the record, and waits for nobody.
    Read,
    /// Held alone until the run ends: of two that fetch at once, one waits.
    Locked(Box<Locked>),
}

impl RecordAccess {
    fn of(settings: &Settings, args: &args::Fetch) -> Result<Self, CliError> {
        if args.no_state {
            return Ok(Self::Nowhere);
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
            Self::Nowhere => None,
            Self::Read => Some(Record::read(state_dir, user, &address.host().to_string(), address.port())?),
            Self::Locked(locked) => Some(locked.open(destination.path().as_deref())?),
        })
    }
}

/// Which messages are fetched, and which are only marked.
struct Plan {
    chosen: Selection,
    /// What an earlier `fetch --delete --commit` stored and could not commit.
    left_over: Selection,
    verified: Verified,
    /// How many messages `--first` and `--limit-size` left out.
    remaining: usize,
}

impl Plan {
    /// Messages that an earlier run stored to be deleted are marked if they are still the same. Under a unique-id that was
    /// used before, another message is new: so those whose deletion was confirmed, and those that were not listed for a
    /// time, are looked at as well.
    fn make(
        selection: &Selector,
        messages: &MessageList<'_>,
        record: Option<&Record>,
        transaction: &mut Transaction,
        deleting: bool,
    ) -> Result<Self, Abort> {
        let (chosen, _) = choose(selection, messages, record)?;
        let Some(record) = record else {
            let (left_over, verified) = (Selection::none(), Verified::default());
            return Ok(Self { chosen, left_over, verified, remaining: 0 });
        };
        let fetched = |index: usize| {
            let entry = messages.entry(index);
            record.fetched(entry.unique_id?.as_bytes(), messages.occurrence(index), entry.octets)
        };
        let is_left_over = |index| deleting && fetched(index).is_some_and(|fetched| fetched.pending_deletion);
        let is_doubtful = |index: usize| {
            let was_gone = fetched(index).is_some_and(|fetched| fetched.gone);
            !chosen.contains(index) && (was_gone || is_left_over(index))
        };
        let doubtful = selection.resolve_pending(&messages.known(Some(record)), is_doubtful);
        let candidates = doubtful.iter().filter_map(|index| candidate(messages, index));
        let verified = verify(transaction, record, candidates)?;
        let all = || (0..messages.len()).map(|index| (index, messages.entry(index).number));
        let left_over = all().map(|(index, number)| {
            doubtful.contains(index) && verified.same.contains(&number) && is_left_over(index)
        });
        let left_over = left_over.collect();
        let chosen = all().map(|(index, number)| chosen.contains(index) || verified.other.contains(&number));
        let chosen = chosen.collect();
        Ok(Self { chosen, left_over, verified, remaining: 0 })
    }

    /// Applies `--limit-size`, and counts what it and `--first` leave out.
    fn limit(
        &mut self,
        selector: &Selector,
        messages: &MessageList<'_>,
        record: Option<&Record>,
        octets: Option<u64>,
    ) {
        let chosen = std::mem::replace(&mut self.chosen, Selection::none());
        let (chosen, by_size) = super::skip::within(chosen, messages, octets);
        self.chosen = chosen;
        self.remaining = selector.left_by_first(&messages.known(record), now()) + by_size;
    }
}

/// The message at an index, to be compared with what the record says of it.
pub(super) fn candidate<'m>(messages: &MessageList<'m>, index: usize) -> Option<Candidate<'m>> {
    let entry = messages.entry(index);
    let unique_id = entry.unique_id?;
    let occurrence = messages.occurrence(index);
    Some(Candidate { number: entry.number, unique_id, occurrence, octets: entry.octets })
}

pub(super) fn unproven(numbers: &HashSet<MessageNumber>) -> String {
    let named = named(numbers);
    if numbers.len() == 1 {
        return format!(
            "{named} is left on the server: nothing proves that it was stored here; choose it by number or unique-id to \
             delete it"
        );
    }
    format!(
        "{named} are left on the server: nothing proves that they were stored here; choose them by number or unique-id to \
         delete them"
    )
}

/// `message 3`, `messages 3, 4 and 9 more`
pub(super) fn named(numbers: &HashSet<MessageNumber>) -> String {
    let mut sorted: Vec<u32> = numbers.iter().map(|number| number.get()).collect();
    sorted.sort_unstable();
    let listed: Vec<String> = sorted.iter().take(MAX_NAMED).map(u32::to_string).collect();
    let more = match sorted.len() - listed.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let plural = if sorted.len() == 1 { "" } else { "s" };
    format!("message{plural} {}{more}", listed.join(", "))
}

fn wanted<'m>(
    plan: &Plan,
    selection: &Selector,
    messages: &MessageList<'m>,
    record: Option<&Record>,
) -> Vec<Wanted<'m>> {
    let wanted = plan.chosen.iter().map(|index| {
        let entry = messages.entry(index);
        let occurrence = messages.occurrence(index);
        let known =
            record.zip(entry.unique_id).is_some_and(|(record, id)| record.knows(id.as_bytes(), occurrence));
        Wanted {
            number: entry.number,
            unique_id: entry.unique_id,
            occurrence,
            octets: entry.octets,
            unless_stored: known && selection.takes_only_new(),
        }
    });
    wanted.collect()
}

/// Records the end of a session in which all went well.
fn remember<'r>(
    context: &Context<'_>,
    mut record: Record,
    messages: &MessageList<'_>,
    verified: &HashSet<MessageNumber>,
    deleted: impl Iterator<Item = &'r usize>,
) -> Result<(), Abort> {
    let key = |index| Some((messages.entry(index).unique_id?.as_bytes(), messages.occurrence(index)));
    let verified = verified.iter().filter_map(|&number| key(messages.index_of(number)?));
    let deleted = deleted.filter_map(|&index| key(index));
    record.finish(deleted, verified, messages.unique_ids(), now().try_into().unwrap_or(0))?;
    warn(context, Some(&mut record));
    Ok(())
}

fn warn(context: &Context<'_>, record: Option<&mut Record>) {
    for warning in record.map(Record::take_warnings).unwrap_or_default() {
        context.stderr.warning(&warning);
    }
}

/// What the events of a transfer come to.
struct Run<'a> {
    messages: &'a MessageList<'a>,
    plan: &'a Plan,
    rows: Rows,
    /// Indices of messages whose mark the server confirmed.
    marked: Vec<usize>,
    /// Numbers whose mark it refused, and those that were stored and not marked.
    unmarked: HashSet<u32>,
    refusals: Vec<u32>,
    failures: Vec<Failed>,
}

impl<'a> Run<'a> {
    fn new(messages: &'a MessageList<'a>, plan: &'a Plan, delete: bool, deleting: bool) -> Self {
        Self {
            messages,
            plan,
            rows: Rows { late: deleting.then(Vec::new), delete },
            marked: Vec::new(),
            unmarked: HashSet::new(),
            refusals: Vec::new(),
            failures: Vec::new(),
        }
    }

    fn transfer(&mut self, context: &mut Context<'_>, fetcher: &mut Fetcher<'_, '_>) -> Result<(), Abort> {
        loop {
            match fetcher.next() {
                Ok(Some(event)) => self.take(context, event)?,
                Ok(None) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Session => {
                    return Err(error.into_session().map_or_else(
                        || CliError::new(ErrorCode::Protocol, "the session failed").into(),
                        |error| self.located(error),
                    ));
                }
                Err(error) => return Err(error.into()),
            }
            if !fetcher.has_event() {
                context.printer.flush()?;
            }
        }
    }

    fn located(&self, error: crate::Error) -> Abort {
        match error.number().and_then(|number| self.messages.index_of(number)) {
            Some(index) => {
                let entry = self.messages.entry(index);
                CliError::from(error).within(entry.number.get(), entry.unique_id.map(uid)).into()
            }
            None => error.into(),
        }
    }

    fn take(&mut self, context: &mut Context<'_>, event: Event) -> Result<(), Abort> {
        match event {
            Event::Stored(delivered) => {
                if self.rows.delete && !delivered.deletable {
                    self.unmarked.insert(delivered.number.get());
                    context.stderr.warning(&format!(
                        "message {} came empty, though the server lists it as larger: it is not deleted",
                        delivered.number
                    ));
                }
                self.rows.add(context, delivered)
            }
            Event::Failed(failed) => {
                let row = Refused {
                    number: failed.number.get(),
                    uid: failed.unique_id.as_ref().map(|unique_id| uid(unique_id.as_bytes())),
                    error: failed.error.message().to_owned(),
                };
                match failed.error.kind() {
                    ErrorKind::Refused => self.refusals.push(failed.number.get()),
                    _ => self.failures.push(failed),
                }
                Ok(context.printer.refused(&row)?)
            }
            Event::Marked(number) => {
                if let Some(index) = place(self.messages, &self.plan.chosen, number) {
                    self.marked.push(index);
                } else if let Some(index) = place(self.messages, &self.plan.left_over, number) {
                    self.marked.push(index);
                    self.rows.add_left_over(context, self.messages, index)?;
                }
                Ok(())
            }
            Event::Refused { number, mark, error } => {
                self.refusals.push(number.get());
                let Plan { chosen, left_over, .. } = self.plan;
                let index =
                    place(self.messages, chosen, number).or_else(|| place(self.messages, left_over, number));
                let Some(index) = index else { return Ok(()) };
                if mark {
                    self.unmarked.insert(number.get());
                }
                let row: Refused = refused(self.messages.entry(index), &error);
                Ok(context.printer.refused(&row)?)
            }
        }
    }
}

/// Messages that the destination did not take; the others were processed.
fn failed(failures: &[Failed]) -> Option<CliError> {
    let first = failures.first()?;
    let mut message = first.error.message().to_owned();
    if failures.len() > 1 {
        let others: Vec<_> = failures[1..].iter().take(20).map(|failed| failed.number.to_string()).collect();
        message = format!("{message}, and messages {} failed too", others.join(", "));
    }
    message.push_str("; the others were processed, and what failed is tried again next time");
    Some(CliError::new(ErrorCode::Output, message))
}

/// Rows about stored messages: written as they come, but at the end where only the server's answer to `QUIT` says
/// whether they are deleted.
struct Rows {
    late: Option<Vec<Fetch>>,
    delete: bool,
}

impl Rows {
    fn add(&mut self, context: &mut Context<'_>, delivered: Delivered) -> Result<(), Abort> {
        let path = delivered.path.as_deref().map(json::path);
        let row = Fetch {
            number: delivered.number.get(),
            uid: delivered.unique_id.map(|unique_id| uid(unique_id.as_bytes())),
            octets: Some(delivered.octets),
            path_encoded: path.as_ref().is_some_and(|(_, encoded)| *encoded),
            path: path.map(|(path, _)| path),
            sha256: Some(Hex(&delivered.sha256).to_string()),
            deleted: if self.delete { Deletion::Marked } else { Deletion::No },
            kept: delivered.kept,
        };
        self.put(context, row)
    }

    fn add_left_over(
        &mut self,
        context: &mut Context<'_>,
        messages: &MessageList<'_>,
        index: usize,
    ) -> Result<(), Abort> {
        let entry = messages.entry(index);
        let row = Fetch {
            number: entry.number.get(),
            uid: entry.unique_id.map(uid),
            octets: entry.octets,
            path: None,
            path_encoded: false,
            sha256: None,
            deleted: Deletion::Marked,
            kept: false,
        };
        self.put(context, row)
    }

    fn put(&mut self, context: &mut Context<'_>, row: Fetch) -> Result<(), Abort> {
        // Standard output is the message itself, or an mbox.
        if matches!(context.settings.destination, Destination::Stdout | Destination::MboxStdout) {
            return Ok(());
        }
        match &mut self.late {
            Some(late) => late.push(row),
            None => context.printer.fetch(&row)?,
        }
        Ok(())
    }

    fn write_late(
        self,
        context: &mut Context<'_>,
        deleted: Deletion,
        unmarked: &HashSet<u32>,
    ) -> Result<(), Abort> {
        for mut row in self.late.into_iter().flatten() {
            row.deleted = if unmarked.contains(&row.number) { Deletion::Failed } else { deleted };
            context.printer.fetch(&row)?;
        }
        Ok(())
    }
}

/// The most numbers that a warning lists.
const MAX_NAMED: usize = 20;
