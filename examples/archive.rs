//! Archives a maildrop: each message is stored in a Maildir exactly once, however often the program runs or is interrupted.
//!
//! Usage: `archive HOST[:PORT] USER FOLDER [--delete]`, with the password in `POP3_PASSWORD`. The mail is stored in
//! `FOLDER/mail`, and the record of fetched messages in `FOLDER/state`. With `--delete`, the messages that this run
//! stored are deleted from the server.

use std::{
    collections::{HashMap, HashSet},
    env,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use pop3::{
    Secret,
    delivery::{Destination, Event, FetchOptions, Fetcher, Options, Record, Storage, Wanted},
    net::Address,
    sasl::Credential,
    session::{MaildropListing, TlsMode},
};

const TIMEOUT: Duration = Duration::from_secs(60);

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut arguments: Vec<String> = env::args().skip(1).collect();
    let delete = arguments.pop_if(|last| last == "--delete").is_some();
    let [host, user, folder] = arguments.as_slice() else {
        return Err("usage: archive HOST[:PORT] USER FOLDER [--delete]".into());
    };
    let folder = PathBuf::from(folder);
    let address = Address::parse_with_default_port(host, TlsMode::Implicit.default_port())?;
    let destination = Destination::Maildir(folder.join("mail"));
    destination.probe()?;

    // Locks the record, and completes or undoes the unfinished work of an interrupted run.
    let server = address.host().to_string();
    let locked = Record::lock(&folder.join("state"), user, &server, address.port(), TIMEOUT)?;
    let mut record = locked.open(destination.path().as_deref())?;
    record.take_warnings().iter().for_each(|warning| eprintln!("warning: {warning}"));

    let password = Credential::Password(Secret::from(env::var("POP3_PASSWORD")?));
    let mut maildrop = pop3::connect(host, TlsMode::Implicit)?.login(user, &password)?;
    let listing = maildrop.listing()?;
    if !listing.has_unique_ids() {
        return Err("the server has no unique-ids: what is new cannot be known".into());
    }
    let wanted = new_messages(&listing, &record);

    let mut options = Options::default();
    options.delete = delete;
    options.timeout = TIMEOUT;
    let storage = Storage::start(&destination, Some(record), &options)?;
    let mut fetch = FetchOptions::default();
    fetch.mark = delete;
    fetch.timeout = TIMEOUT;
    let mut fetcher = Fetcher::new(&mut maildrop, storage, wanted, [], fetch);
    let mut events = Vec::new();
    let transferred = loop {
        match fetcher.next() {
            Ok(Some(event)) => events.push(event),
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    // Messages that were stored before the connection was lost are recorded too.
    let (late, record) = fetcher.finish();
    events.extend(late);
    let marked = report(&events);
    transferred?;

    // Only `commit` deletes. An error here may mean that the server deleted the messages; they are stored in any case.
    let ended = if delete { maildrop.commit() } else { maildrop.abandon() };
    ended?;
    if let Some(mut record) = record? {
        let ids = occurrences(&listing);
        let deleted = ids.iter().filter(|(number, ..)| delete && marked.contains(number));
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
        let name = |&(_, unique_id, occurrence): &(u32, _, _)| (unique_id, occurrence);
        record.finish(deleted.map(name), [], ids.iter().map(name), now)?;
    }
    Ok(())
}

/// Returns the messages that are not in the record.
fn new_messages<'l>(listing: &'l MaildropListing, record: &Record) -> Vec<Wanted<'l>> {
    let occurrences: HashMap<u32, u32> =
        occurrences(listing).into_iter().map(|(number, _, occurrence)| (number, occurrence)).collect();
    let wanted = listing.iter().filter_map(|message| {
        let unique_id = message.unique_id?;
        let occurrence = occurrences[&message.number.get()];
        let known = record.knows(unique_id.as_bytes(), occurrence);
        let is_new = record.fetched(unique_id.as_bytes(), occurrence, message.octets).is_none();
        is_new.then_some(Wanted {
            number: message.number,
            unique_id: Some(unique_id),
            occurrence,
            octets: message.octets,
            unless_stored: known,
        })
    });
    wanted.collect()
}

/// Returns the number, unique-id and occurrence of each message, since identical messages may share a unique-id (RFC
/// 1939 §7).
fn occurrences(listing: &MaildropListing) -> Vec<(u32, &[u8], u32)> {
    let mut seen: HashMap<&[u8], u32> = HashMap::new();
    let ids =
        listing.iter().filter_map(|message| Some((message.number.get(), message.unique_id?.as_bytes())));
    ids.map(|(number, unique_id)| {
        let count = seen.entry(unique_id).or_default();
        *count += 1;
        (number, unique_id, *count - 1)
    })
    .collect()
}

/// Prints the results; returns the numbers of the marked messages.
fn report(events: &[Event]) -> HashSet<u32> {
    let mut marked = HashSet::new();
    for event in events {
        match event {
            Event::Stored(message) => {
                let path = message.path.as_deref().map(|path| path.display().to_string());
                println!("{} {} octets {}", message.number, message.octets, path.unwrap_or_default());
            }
            Event::Shown(_) => {} // only `Destination::Stdout` and `MboxStdout` show messages
            Event::Failed(failed) => eprintln!("{}: {}", failed.number, failed.error),
            Event::Refused { number, error, .. } => eprintln!("{number}: {error}"),
            Event::Marked(number) => drop(marked.insert(number.get())),
        }
    }
    marked
}
