//! `fetch`: downloads messages, and remembers each once it is safely stored.

use std::{collections::HashSet, time::Duration};

use log::LevelFilter;
use pop3::{
    delivery::{Delivered, Locked, Options, Record, Storage},
    proto::{MessageNumber, UniqueId},
    session::{Message, Reply, Retrieval, Transaction},
};

use super::{Context, Done, beside, choose, place, refused, uid, within};
use crate::cli::{
    args,
    catalogue::Catalogue,
    chosen::Chosen,
    exit::{Failure, Stop},
    json::{self, Deletion, Fetch, Refused},
    progress::Progress,
    selector::{Listing as _, Otherwise, Selection},
    session::Session,
    settings::{Destination, SECRET_VARIABLES, Settings},
    signals,
};

pub fn run(context: &mut Context<'_>, args: &args::Fetch) -> Result<Done, Stop> {
    let settings = context.settings;
    let selection = super::selection(&args.choice, Otherwise::New)?;
    let found = context.credential()?;
    signals::outlive_limits();
    signals::watch().map_err(|error| Failure::output("cannot watch for signals", &error))?;
    let locked = if args.no_state { None } else { Some(lock_record(settings)?) };

    let open = || context.open_with(&found);
    let (record, Session { mut transaction, .. }) = match locked {
        Some(locked) => beside(|| Ok(Some(locked.open()?)), open)?,
        None => (None, open()?),
    };
    let maildrop = transaction.maildrop()?;
    let catalogue = Catalogue::new(&maildrop);
    if record.is_some() {
        context.warn_of_nameless(&catalogue);
    }
    let (chosen, _) = choose(&selection, &catalogue, record.as_ref())?;
    if chosen.is_empty() {
        context.say_that_nothing_was_chosen(&catalogue, &selection);
    }
    if settings.destination == Destination::Stdout && chosen.len() > 1 {
        let message =
            format!("--stdout takes one message, and {} are chosen: choose one, or use --dir", chosen.len());
        return Err(Failure::usage(message).into());
    }
    let deleting = args.delete && settings.commit;
    let left_over =
        if deleting { left_over(&selection, &catalogue, &chosen, record.as_ref()) } else { Chosen::none() };
    context
        .printer
        .fit(chosen.iter().chain(left_over.iter()).map(|index| (catalogue.entry(index).number.get(), None)));

    let options = Options {
        sha256: settings.json || settings.destination.is_single(),
        delete: deleting,
        timeout: settings.timeout,
        deadline: settings.ends_at(),
        scrub: SECRET_VARIABLES.map(str::to_owned).to_vec(),
    };
    if !chosen.is_empty() {
        let known = catalogue.known(record.as_ref());
        let nothing_fetched = (0..known.len()).all(|index| known.message(index).fetched.is_none());
        context.say_where_messages_go(nothing_fetched);
    }
    let storage = Storage::start(&settings.destination, record, &options)?;
    let octets = chosen
        .iter()
        .fold(0, |sum: u64, index| sum.saturating_add(catalogue.entry(index).octets.unwrap_or(0)));
    let progress = Progress::new(!settings.json && settings.level >= LevelFilter::Warn, chosen.len(), octets);
    let mut run = Run {
        catalogue: &catalogue,
        chosen: &chosen,
        storage,
        progress,
        delete: args.delete,
        one_by_one: settings.destination.is_single(),
        rows: Rows { late: deleting.then(Vec::new), delete: args.delete, refusals: Vec::new() },
        marked: Vec::new(),
        unmarked: HashSet::new(),
        refusals: Vec::new(),
        answered: 0,
    };
    let transferred = run.transfer(context, &mut transaction, &left_over);
    let Run { mut storage, mut rows, progress, marked, unmarked, refusals, .. } = run;
    // What is whole is made durable and told of, whatever ended the transfer.
    let told = drain(&mut storage, &mut rows, context);
    let (delivered, stored) = storage.finish();
    let told = delivered.into_iter().try_fold((), |(), delivered| rows.add(context, delivered)).and(told);
    drop(progress);
    let mut refusals = [refusals, std::mem::take(&mut rows.refusals)].concat();
    refusals.sort_unstable();
    let ready = transferred.and(told).and_then(|()| stored.map_err(Stop::from));
    let (record, ended) = match ready {
        Ok(record) => (record, context.end(transaction)),
        Err(stop) => (None, Err(stop)),
    };
    let deleted = Deletion::of(settings.commit, &ended);
    let remembered = match record {
        Some(record) if ended.is_ok() => {
            let confirmed = marked
                .iter()
                .filter(|_| deleting)
                .filter_map(|&index| Some((catalogue.entry(index).unique_id?, catalogue.occurrence(index))));
            record.finish(confirmed, catalogue.unique_ids())
        }
        _ => Ok(None),
    };
    let told = rows.write_late(context, deleted, &unmarked).and_then(|()| Ok(context.printer.flush()?));
    ended?;
    if let Some(warning) = remembered? {
        context.stderr.warning(&warning);
    }
    told?;
    if args.delete && !settings.commit {
        context.say_that_nothing_was_deleted(marked.len());
    }
    if refusals.is_empty() { Ok(Done::All) } else { Err(Failure::partial(&refusals).into()) }
}

/// The record, held alone until the run ends: of two that fetch at once, one waits.
fn lock_record(settings: &Settings) -> Result<Locked, Failure> {
    let host = settings.address.host.to_string();
    Ok(Record::lock(&settings.state_dir, &settings.user, &host, settings.timeout)?)
}

/// What an earlier `fetch --delete --commit` stored and could not commit.
fn left_over(
    selection: &Selection,
    catalogue: &Catalogue<'_>,
    chosen: &Chosen,
    record: Option<&Record>,
) -> Chosen {
    let Some(record) = record else { return Chosen::none() };
    let pending = |index: usize| {
        let fetched =
            catalogue.entry(index).unique_id.and_then(|id| record.fetched(id, catalogue.occurrence(index)));
        fetched.is_some_and(|fetched| fetched.pending_deletion) && !chosen.contains(index)
    };
    selection.resolve_pending(&catalogue.known(Some(record)), pending)
}

/// One transfer: messages from the server into storage, marks back as they are stored.
struct Run<'a> {
    catalogue: &'a Catalogue<'a>,
    chosen: &'a Chosen,
    storage: Storage,
    progress: Progress,
    delete: bool,
    /// The next message is asked for when the last one is stored, so that `NOOP` can be said in between.
    one_by_one: bool,
    rows: Rows,
    /// Places in the catalogue whose mark the server confirmed.
    marked: Vec<usize>,
    /// Numbers whose mark it refused.
    unmarked: HashSet<u32>,
    refusals: Vec<u32>,
    /// Messages that came or were refused.
    answered: usize,
}

impl Run<'_> {
    fn transfer(
        &mut self,
        context: &mut Context<'_>,
        transaction: &mut Transaction,
        left_over: &Chosen,
    ) -> Result<(), Stop> {
        let catalogue = self.catalogue;
        let keep_alive = keep_alive(context.settings.timeout);
        let wanted = || self.chosen.iter().map(|index| catalogue.entry(index).number);
        let at_once = if self.one_by_one { 1 } else { usize::MAX };
        let mut later = wanted().skip(at_once);
        let mut retrieval = transaction.retrieve(wanted().take(at_once));
        for index in left_over.iter() {
            retrieval.mark(catalogue.entry(index).number);
        }
        loop {
            while let Some(delivered) = self.storage.delivered()? {
                self.stored(context, &mut retrieval, delivered)?;
            }
            context.printer.flush()?;
            if !retrieval.is_ready() {
                self.storage.flush()?;
            }
            if self.answered == self.chosen.len() && self.storage.outstanding() == 0 {
                retrieval.finish();
            }
            match retrieval.next()? {
                Some(Reply::Message(number, message)) => {
                    self.answered += 1;
                    self.store(number, message)?;
                }
                Some(Reply::Marked(number)) => self.confirm(context, left_over, number)?,
                Some(Reply::Refused { number, mark, error }) => {
                    self.answered += usize::from(!mark);
                    self.refuse(context, left_over, number, mark, &error)?;
                }
                Some(Reply::Vouched) => {}
                None if self.storage.outstanding() > 0 => match self.storage.wait(keep_alive)? {
                    Some(delivered) => self.stored(context, &mut retrieval, delivered)?,
                    None => retrieval.noop()?,
                },
                None => match later.next() {
                    Some(number) => retrieval.want(number),
                    None => return Ok(()),
                },
            }
        }
    }

    fn store(&mut self, number: MessageNumber, mut message: Message<'_>) -> Result<(), Stop> {
        let Some(index) = place(self.catalogue, self.chosen, number) else { return Ok(()) };
        let entry = self.catalogue.entry(index);
        self.progress.message(entry.octets.unwrap_or(0));
        self.storage.begin(number, entry.unique_id.map(UniqueId::from), self.catalogue.occurrence(index))?;
        loop {
            match message.chunk() {
                Ok(Some(octets)) => {
                    self.storage.write(octets)?;
                    self.progress.received(octets.len() as u64);
                }
                Ok(None) => return Ok(self.storage.end()?),
                Err(error) => {
                    // The connection is what failed; a store that fails as well is told of when it ends.
                    drop(self.storage.cut());
                    return Err(within(entry, error));
                }
            }
        }
    }

    /// A message is safe: it is told of, and may be marked.
    fn stored(
        &mut self,
        context: &mut Context<'_>,
        retrieval: &mut Retrieval<'_>,
        delivered: Delivered,
    ) -> Result<(), Stop> {
        if self.delete && delivered.refused.is_none() {
            retrieval.mark(delivered.number);
        }
        self.rows.add(context, delivered)
    }

    fn confirm(
        &mut self,
        context: &mut Context<'_>,
        left_over: &Chosen,
        number: MessageNumber,
    ) -> Result<(), Stop> {
        if let Some(index) = place(self.catalogue, self.chosen, number) {
            self.marked.push(index);
        } else if let Some(index) = place(self.catalogue, left_over, number) {
            self.marked.push(index);
            self.rows.add_left_over(context, self.catalogue, index)?;
        }
        Ok(())
    }

    fn refuse(
        &mut self,
        context: &mut Context<'_>,
        left_over: &Chosen,
        number: MessageNumber,
        mark: bool,
        error: &pop3::Error,
    ) -> Result<(), Stop> {
        self.refusals.push(number.get());
        let index =
            place(self.catalogue, self.chosen, number).or_else(|| place(self.catalogue, left_over, number));
        let Some(index) = index else { return Ok(()) };
        if mark {
            self.unmarked.insert(number.get());
        }
        let row: Refused = refused(self.catalogue.entry(index), error);
        Ok(context.printer.refused(&row)?)
    }
}

/// Rows about stored messages: written as they come, but at the end where only the server's answer to `QUIT` says
/// whether they are deleted.
struct Rows {
    late: Option<Vec<Fetch>>,
    delete: bool,
    /// Messages that the destination refused.
    refusals: Vec<u32>,
}

impl Rows {
    fn add(&mut self, context: &mut Context<'_>, delivered: Delivered) -> Result<(), Stop> {
        if let Some(error) = delivered.refused {
            self.refusals.push(delivered.number.get());
            let uid = delivered.unique_id.map(|unique_id| uid(unique_id.as_bytes()));
            let row = Refused { number: delivered.number.get(), uid, error };
            return Ok(context.printer.refused(&row)?);
        }
        let path = delivered.path.as_deref().map(json::path);
        let row = Fetch {
            number: delivered.number.get(),
            uid: delivered.unique_id.map(|unique_id| uid(unique_id.as_bytes())),
            octets: Some(delivered.octets),
            path_encoded: path.as_ref().is_some_and(|(_, encoded)| *encoded),
            path: path.map(|(path, _)| path),
            sha256: delivered
                .sha256
                .map(|digest| digest.iter().fold(String::new(), |hex, octet| hex + &format!("{octet:02x}"))),
            deleted: if self.delete { Deletion::Marked } else { Deletion::No },
        };
        self.put(context, row)
    }

    fn add_left_over(
        &mut self,
        context: &mut Context<'_>,
        catalogue: &Catalogue<'_>,
        index: usize,
    ) -> Result<(), Stop> {
        let entry = catalogue.entry(index);
        let row = Fetch {
            number: entry.number.get(),
            uid: entry.unique_id.map(uid),
            octets: entry.octets,
            path: None,
            path_encoded: false,
            sha256: None,
            deleted: Deletion::Marked,
        };
        self.put(context, row)
    }

    fn put(&mut self, context: &mut Context<'_>, row: Fetch) -> Result<(), Stop> {
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
    ) -> Result<(), Stop> {
        for mut row in self.late.into_iter().flatten() {
            row.deleted = if unmarked.contains(&row.number) { Deletion::Failed } else { deleted };
            context.printer.fetch(&row)?;
        }
        Ok(())
    }
}

fn drain(storage: &mut Storage, rows: &mut Rows, context: &mut Context<'_>) -> Result<(), Stop> {
    while let Ok(Some(delivered)) = storage.delivered() {
        rows.add(context, delivered)?;
    }
    Ok(())
}

/// A server that hears nothing for a minute may close the session (Outlook.com does), so while a slow command of
/// `--pipe` works it hears `NOOP` so often: thrice in a time-out and in a minute.
fn keep_alive(timeout: Duration) -> Duration {
    (timeout / 3).clamp(Duration::from_secs(1), Duration::from_secs(20))
}
