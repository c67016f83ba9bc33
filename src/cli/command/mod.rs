//! One file a subcommand; each opens one session, does one job and ends it.

pub mod accounts;
mod delete;
mod fetch;
mod headers;
mod login;
mod record;
mod skip;
mod status;
mod uidl;

use std::{
    io, panic, thread,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{
    Secret,
    delivery::Record,
    proto::MessageNumber,
    sasl::Credential,
    session::{Entry, Transaction},
};

use super::{
    args::{self, Choice},
    catalogue::{Catalogue, Known},
    chosen::Chosen,
    credential::{self, Found},
    deadline,
    escape::{text, unique_id},
    exit::{Code, Failure, Stop},
    json, oauth,
    output::{Printer, Stderr},
    selector::{Listed, Otherwise, Selection, without_unique_ids},
    session::{self, Session},
    settings::{Destination, Settings},
    wirelog::WireLog,
};

/// What every subcommand works with.
pub struct Context<'a> {
    pub settings: &'a Settings,
    pub stderr: Stderr,
    pub wire_log: WireLog,
    pub printer: Printer<'a>,
    /// The server confirmed `QUIT`.
    pub committed: bool,
    /// The trace could not be written to its end.
    pub trace_failure: Option<Failure>,
}

/// How a run ends well.
pub enum Done {
    All,
    /// `status --check`, and there is no new mail.
    NothingNew,
}

/// Runs one subcommand.
pub fn run(context: &mut Context<'_>, command: &args::Command) -> Result<Done, Stop> {
    let done = match command {
        args::Command::Status(args) => status::run(context, args),
        args::Command::Headers(args) => headers::run(context, args),
        args::Command::Fetch(args) if args.skip => skip::run(context, args),
        args::Command::Fetch(args) => fetch::run(context, args),
        args::Command::Delete(args) => delete::run(context, args),
        args::Command::Uidl(args) => uidl::run(context, args),
        args::Command::Login(args) => login::login(context, args),
        args::Command::Logout(_) => login::logout(context),
        args::Command::Record(args) => record::run(context, args),
        // It has no account of its own, hence no settings: `cli::run` does it.
        args::Command::Accounts(_) => Ok(Done::All),
    };
    let done = done.and_then(|done| match context.trace_failure.take() {
        Some(failure) => Err(failure.into()),
        None => Ok(done),
    });
    done.map_err(|stop| match stop {
        Stop::ClosedPipe { .. } => {
            Stop::ClosedPipe { committing: context.settings.commit && !context.committed }
        }
        failure @ Stop::Failure(_) => failure,
    })
}

impl Context<'_> {
    /// Opens a session with the credential that the settings lead to; it is looked up before anything is sent.
    fn open(&self) -> Result<Session, Failure> {
        self.open_with(&self.credential()?)
    }

    /// The credential that the settings lead to.
    fn credential(&self) -> Result<Found, Failure> {
        let found = credential::find(self.settings, &|| self.access_token(None))?;
        log::info!("the credential is from {}", found.source);
        Ok(found)
    }

    /// Opens a session with a credential; a cached access token that the server refuses is refreshed once.
    fn open_with(&self, found: &Found) -> Result<Session, Failure> {
        let opened = session::open(self.settings, &found.credential, &self.wire_log, self.stderr);
        match (opened, &found.credential) {
            // The provider may have withdrawn it; the next one is another secret.
            (Err(failure), Credential::Token(refused))
                if found.source == CACHED_TOKEN && failure.code == Code::Authentication =>
            {
                log::info!("the server refused the cached access token");
                let Ok(found) = self.access_token(Some(refused))? else { return Err(failure) };
                session::open(self.settings, &found.credential, &self.wire_log, self.stderr)
            }
            (opened, _) => opened.map_err(|failure| found.explain(failure)),
        }
    }

    /// The access token of the stored grant, refreshed where it must be, or why there is none.
    fn access_token(&self, refused: Option<&Secret>) -> Result<Result<Found, String>, Failure> {
        let Some(oauth) = &self.settings.oauth else { return Ok(Err("the account has no oauth".into())) };
        let token = oauth::access_token(self.settings, oauth, &self.wire_log, self.stderr, refused)?;
        Ok(token.map_err(|none| none.to_string()).map(|access| Found {
            credential: Credential::Token(access.token),
            source: if access.cached { CACHED_TOKEN } else { "the refreshed grant" },
        }))
    }

    /// The same, and what was fetched before, to be read only.
    fn open_with_record(&self) -> Result<(Session, Record), Failure> {
        let Settings { state_dir, user, address, .. } = self.settings;
        let read = || Ok(Record::read(state_dir, user, &address.host.to_string(), address.port)?);
        let (record, session) = beside(read, || self.open())?;
        Ok((session, record))
    }

    /// Ends a session in which all went well: `QUIT` with `--commit`, else the connection is closed. What was printed
    /// must be out, and the wire log whole, before anything is committed.
    pub fn end(&mut self, transaction: Transaction) -> Result<(), Stop> {
        self.printer.flush()?;
        self.wire_log.check()?;
        if self.settings.commit {
            deadline::disarm();
            transaction.commit()?;
            self.committed = true;
        } else {
            transaction.abandon()?;
        }
        // What is deleted is deleted: a trace that cannot be written any more is reported beside it.
        self.trace_failure = self.wire_log.check().err();
        Ok(())
    }

    fn warn_of_nameless(&self, catalogue: &Catalogue<'_>) {
        match catalogue.nameless() {
            0 => {}
            1 => self.stderr.warning("the server gave one message no unique-id: it counts as new each time"),
            many => self.stderr.warning(&format!(
                "the server gave {many} messages no unique-id: they count as new each time"
            )),
        }
    }

    /// Without `--commit`, where it was wanted that messages are deleted.
    fn say_that_nothing_was_deleted(&self, marked: usize) {
        self.stderr.warning(if marked == 0 {
            "nothing was deleted on the server: no message was marked (and --commit is not given)"
        } else {
            "nothing was deleted on the server: add --commit to delete what was marked"
        });
    }

    /// A first `fetch` in the home directory most likely was to go elsewhere: nobody keeps mail between other files.
    fn say_where_messages_go(&self, is_first: bool) {
        let Some(home) = self.settings.home.as_deref().filter(|_| is_first) else { return };
        let here = std::env::current_dir().ok();
        if self.settings.destination == Destination::Dir(".".into()) && here.as_deref() == Some(home) {
            self.stderr.note(&format!(
                "messages go to the current directory, {}; --dir, --maildir or --mbox name another place",
                home.display()
            ));
        }
    }

    /// An empty answer looks as if something were missing.
    fn say_that_nothing_was_chosen(&self, catalogue: &Catalogue<'_>, selection: &Selection) {
        let others = match (catalogue.len(), selection.takes_new()) {
            (0, _) => "the maildrop is empty".to_owned(),
            (messages, true) => format!("no new messages; --all takes all {messages}"),
            (messages, false) => format!("none of the {messages} messages is chosen"),
        };
        self.stderr.note(&others);
    }
}

/// The source of an access token that was not made just now.
const CACHED_TOKEN: &str = "the stored grant";

/// Both at once: a large record takes as long to read as a session to begin. Of two failures the first one's is told.
fn beside<T: Send, U>(
    first: impl FnOnce() -> Result<T, Failure> + Send,
    second: impl FnOnce() -> Result<U, Failure>,
) -> Result<(T, U), Failure> {
    thread::scope(|scope| {
        let first = thread::Builder::new()
            .name("record".into())
            .spawn_scoped(scope, first)
            .map_err(|error| Failure::output("cannot start a thread", &error))?;
        let second = second();
        let first = first.join().unwrap_or_else(|panic| panic::resume_unwind(panic))?;
        Ok((first, second?))
    })
}

/// The selector, with the unique-ids of standard input: complete before anything connects.
fn selection(choice: &Choice, otherwise: Otherwise) -> Result<Selection, Failure> {
    let mut selection = Selection::parse(choice, otherwise)?;
    if selection.reads_stdin() {
        selection.read(io::stdin().lock())?;
    }
    Ok(selection)
}

/// The chosen messages of the catalogue, and all of them as a selector sees them.
fn choose<'c, 'm>(
    selection: &Selection,
    catalogue: &'c Catalogue<'m>,
    record: Option<&'c Record>,
) -> Result<(Chosen, Known<'c, 'm>), Failure> {
    if selection.needs_unique_ids() && !catalogue.has_unique_ids() {
        return Err(without_unique_ids());
    }
    let listed = catalogue.known(record);
    let chosen = selection.resolve(&listed, now())?;
    Ok((chosen, listed))
}

pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// The first keys of every row about a message of the maildrop.
fn row(message: &Listed<'_>, has_unique_ids: bool) -> json::Uidl {
    json::Uidl {
        number: message.number.get(),
        uid: message.unique_id.map(uid),
        octets: message.octets,
        new: has_unique_ids.then(|| message.fetched.is_none()),
    }
}

/// A message that the server refused; the others go on.
fn refused(entry: Entry<'_>, error: &crate::Error) -> json::Refused {
    json::Refused {
        number: entry.number.get(),
        uid: entry.unique_id.map(uid),
        error: error.response().map(shown).unwrap_or_default(),
    }
}

/// An error of the session in the middle of a message, which may be why it cannot be fetched: the failure names it.
fn within(entry: Entry<'_>, error: crate::Error) -> Stop {
    Failure::from(error).within(entry.number.get(), entry.unique_id.map(uid)).into()
}

/// A unique-id as rows show it, and as `--uid` takes it.
fn uid(octets: &[u8]) -> String {
    unique_id(octets).into_owned()
}

fn shown(octets: &[u8]) -> String {
    text(octets).into_owned()
}

/// The place of a number in the catalogue; answers come for numbers that were asked for, so it is there.
fn place(catalogue: &Catalogue<'_>, chosen: &Chosen, number: MessageNumber) -> Option<usize> {
    catalogue.index_of(number).filter(|&index| chosen.contains(index))
}
