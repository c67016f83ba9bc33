//! The subcommands, one per file.

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

use super::{
    args::{self, SelectorArgs},
    credential::{self, Found},
    deadline,
    error::{Abort, CliError, ErrorCode},
    escape::{text, unique_id},
    json,
    messages::{KnownMessages, MessageList},
    oauth,
    output::{Printer, Stderr},
    select::{DefaultSelection, ListedMessage, Selection, Selector, no_unique_ids_error},
    session::{self, Session},
    settings::{Destination, Settings},
    trace_log::TraceLog,
};
use crate::{
    Secret,
    delivery::Record,
    proto::MessageNumber,
    sasl::Credential,
    session::{MaildropEntry, Transaction},
};

/// The state that subcommands share.
pub struct Context<'a> {
    pub settings: &'a Settings,
    pub stderr: Stderr,
    pub trace_log: TraceLog,
    pub printer: Printer<'a>,
    /// True once the server has confirmed `QUIT`.
    pub committed: bool,
    /// An error that occurred while writing the trace after the commit.
    pub trace_failure: Option<CliError>,
}

/// The result of a run without errors.
pub enum Outcome {
    Done,
    /// `status --check` found no new mail.
    NoNewMail,
}

/// Runs a subcommand.
pub fn run(context: &mut Context<'_>, command: &args::Command) -> Result<Outcome, Abort> {
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
        // This arm is never reached: `cli::run` handles `accounts`, which needs no settings.
        args::Command::Accounts(_) => Ok(Outcome::Done),
    };
    let done = done.and_then(|done| match context.trace_failure.take() {
        Some(failure) => Err(failure.into()),
        None => Ok(done),
    });
    done.map_err(|stop| match stop {
        Abort::ClosedPipe { .. } => {
            Abort::ClosedPipe { committing: context.settings.commit && !context.committed }
        }
        failure @ Abort::Error(_) => failure,
    })
}

impl Context<'_> {
    /// Finds the credential, then opens a session.
    fn open(&self) -> Result<Session, CliError> {
        self.open_with(&self.credential()?)
    }

    /// Finds the credential of the settings.
    fn credential(&self) -> Result<Found, CliError> {
        let found = credential::find(self.settings, &|| self.access_token(None))?;
        log::info!("the credential is from {}", found.source);
        Ok(found)
    }

    /// Opens a session with a credential. A cached access token that the server refuses is refreshed once.
    fn open_with(&self, found: &Found) -> Result<Session, CliError> {
        let opened = session::open(self.settings, &found.credential, &self.trace_log, self.stderr);
        match (opened, &found.credential) {
            // The provider may have revoked the token.
            (Err(failure), Credential::Token(refused))
                if found.source == CACHED_TOKEN && failure.code == ErrorCode::Authentication =>
            {
                log::info!("the server refused the cached access token");
                let Ok(found) = self.access_token(Some(refused))? else {
                    return Err(self.explain(found, failure));
                };
                session::open(self.settings, &found.credential, &self.trace_log, self.stderr)
                    .map_err(|failure| self.explain(&found, failure))
            }
            (opened, _) => opened.map_err(|failure| self.explain(found, failure)),
        }
    }

    /// Explains the error of a login: a refused token of a grant needs another grant.
    fn explain(&self, found: &Found, failure: CliError) -> CliError {
        let is_granted = matches!(found.source, CACHED_TOKEN | REFRESHED_TOKEN);
        if is_granted && failure.code == ErrorCode::Authentication {
            return oauth::login_again(failure, self.settings);
        }
        found.explain(failure)
    }

    /// Returns the access token of the stored grant, refreshed if necessary, or the reason why there is none.
    fn access_token(&self, refused: Option<&Secret>) -> Result<Result<Found, String>, CliError> {
        let Some(oauth) = &self.settings.oauth else { return Ok(Err("the account has no oauth".into())) };
        oauth::check_tls(self.settings)?;
        let token = oauth::access_token(self.settings, oauth, &self.trace_log, self.stderr, refused)?;
        Ok(token.map_err(|none| none.to_string()).map(|access| Found {
            credential: Credential::Token(access.token),
            source: if access.cached { CACHED_TOKEN } else { REFRESHED_TOKEN },
        }))
    }

    /// Opens a session and, at the same time, reads the record of fetched messages.
    fn open_with_record(&self) -> Result<(Session, Record), CliError> {
        let Settings { state_dir, user, address, .. } = self.settings;
        let read = || Ok(Record::read(state_dir, user, &address.host().to_string(), address.port())?);
        let (record, session) = run_both(read, || self.open())?;
        Ok((session, record))
    }

    /// Ends a session without errors: sends `QUIT` with `--commit`, otherwise closes the connection. First flushes the output and
    /// checks the trace, because nothing may be committed if writing them failed.
    pub fn end(&mut self, transaction: Transaction) -> Result<(), Abort> {
        self.printer.flush()?;
        self.trace_log.check()?;
        if self.settings.commit {
            deadline::disarm();
            transaction.commit()?;
            self.committed = true;
        } else {
            transaction.abandon()?;
        }
        // The deletions are committed, so an error of the trace is reported later.
        self.trace_failure = self.trace_log.check().err();
        Ok(())
    }

    /// Selects the messages that `headers` and `uidl` list, and sets the column widths.
    fn choose_rows<'c, 'm>(
        &mut self,
        selector: &Selector,
        messages: &'c MessageList<'m>,
        record: &'c Record,
    ) -> Result<(Selection, KnownMessages<'c, 'm>), CliError> {
        self.warn_of_missing_unique_ids(messages);
        let (selected, listed) = choose(selector, messages, Some(record))?;
        if selected.is_empty() {
            self.note_nothing_selected(messages, selector);
        }
        let entries = selected.iter().map(|index| messages.entry(index));
        self.printer.fit(entries.map(|entry| (entry.number.get(), entry.unique_id)));
        Ok((selected, listed))
    }

    fn warn_of_missing_unique_ids(&self, messages: &MessageList<'_>) {
        match messages.without_unique_id() {
            0 => {}
            1 => self.stderr.warning("the server gave one message no unique-id: it counts as new each time"),
            many => self.stderr.warning(&format!(
                "the server gave {many} messages no unique-id: they count as new each time"
            )),
        }
    }

    /// Warns that without `--commit` nothing was deleted.
    fn warn_nothing_deleted(&self, marked: usize) {
        self.stderr.warning(if marked == 0 {
            "nothing was deleted on the server: no message was marked (and --commit is not given)"
        } else {
            "nothing was deleted on the server: add --commit to delete the marked messages"
        });
    }

    /// Notes that the first `fetch` of an account stores into the home directory, which is probably a mistake.
    fn note_destination(&self, is_first: bool) {
        let Some(home) = self.settings.home.as_deref().filter(|_| is_first) else { return };
        let here = std::env::current_dir().ok();
        if self.settings.destination == Destination::Dir(".".into()) && here.as_deref() == Some(home) {
            self.stderr.note(&format!(
                "messages go to the current directory, {}; --dir, --maildir or --mbox name another place",
                home.display()
            ));
        }
    }

    /// Explains an empty result.
    fn note_nothing_selected(&self, messages: &MessageList<'_>, selector: &Selector) {
        let others = match (messages.len(), selector.takes_new()) {
            (0, _) => "the maildrop is empty".to_owned(),
            (messages, true) => format!("no new messages; --all selects all {messages}"),
            (messages, false) => format!("none of the {messages} messages is selected"),
        };
        self.stderr.note(&others);
    }
}

/// The source of an access token that was refreshed in this run.
const REFRESHED_TOKEN: &str = "the refreshed grant";

/// Runs two functions at the same time: reading a large record takes as long as opening a session. If both fail, returns the error
/// of `first`.
fn run_both<T: Send, U>(
    first: impl FnOnce() -> Result<T, CliError> + Send,
    second: impl FnOnce() -> Result<U, CliError>,
) -> Result<(T, U), CliError> {
    thread::scope(|scope| {
        let first = thread::Builder::new()
            .name("record".into())
            .spawn_scoped(scope, first)
            .map_err(|error| CliError::output("cannot start a thread", &error))?;
        let second = second();
        let first = first.join().unwrap_or_else(|panic| panic::resume_unwind(panic))?;
        Ok((first, second?))
    })
}

/// Parses the selectors and, for `--uid -`, reads unique-ids from standard input. Called before connecting.
fn parse_selectors(selectors: &SelectorArgs, default: DefaultSelection) -> Result<Selector, CliError> {
    let mut selector = Selector::parse(selectors, default)?;
    if selector.reads_stdin() {
        let _waiting = deadline::waiting_for("standard input (--uid -)");
        selector.read(io::stdin().lock())?;
    }
    Ok(selector)
}

/// Returns the selected messages, and all messages with their entries in the record.
fn choose<'c, 'm>(
    selector: &Selector,
    messages: &'c MessageList<'m>,
    record: Option<&'c Record>,
) -> Result<(Selection, KnownMessages<'c, 'm>), CliError> {
    if selector.needs_unique_ids() && !messages.has_unique_ids() {
        return Err(no_unique_ids_error());
    }
    let listed = messages.known(record);
    let selection = selector.resolve(&listed, now())?;
    Ok((selection, listed))
}

/// Returns the current time, in seconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Returns the keys that all rows about a message begin with.
fn row(message: &ListedMessage<'_>, has_unique_ids: bool) -> json::Uidl {
    json::Uidl {
        number: message.number.get(),
        uid: message.unique_id.map(uid),
        octets: message.octets,
        new: has_unique_ids.then(|| message.fetched.is_none()),
    }
}

/// Returns the row of a message that the server refused.
fn refused(entry: MaildropEntry<'_>, error: &crate::Error) -> json::Refused {
    json::Refused {
        number: entry.number.get(),
        uid: entry.unique_id.map(uid),
        error: error.response().map(shown).unwrap_or_default(),
    }
}

/// Adds the message that was being transferred to an error of the session: the message may be the cause.
fn within(entry: MaildropEntry<'_>, error: crate::Error) -> Abort {
    CliError::from(error).within(entry.number.get(), entry.unique_id.map(uid)).into()
}

/// Returns the row of `fetch` for a message that this run did not download.
fn not_downloaded(entry: MaildropEntry<'_>, deleted: json::Deletion) -> json::Fetch {
    json::Fetch {
        number: entry.number.get(),
        uid: entry.unique_id.map(uid),
        octets: entry.octets,
        path: None,
        path_encoded: false,
        sha256: None,
        deleted,
        kept: false,
    }
}

/// Returns a unique-id as text, which `--uid` accepts.
fn uid<T: AsRef<[u8]> + ?Sized>(bytes: &T) -> String {
    unique_id(bytes.as_ref()).into_owned()
}

fn shown(octets: &[u8]) -> String {
    text(octets).into_owned()
}

/// Returns the index of a message number, if the message is selected.
fn index_of_selected(
    messages: &MessageList<'_>,
    selection: &Selection,
    number: MessageNumber,
) -> Option<usize> {
    messages.index_of(number).filter(|&index| selection.contains(index))
}

/// The source of an access token that was not refreshed in this run.
const CACHED_TOKEN: &str = "the stored grant";
