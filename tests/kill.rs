//! Kills `fetch` at random positions and runs it again: every message must be stored exactly once, byte for byte, and
//! only messages on disk may be deleted. `POP3_TEST_KILL=long` kills far more often.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::mailbox::{Mailbox, Message, Progress, Quirks, Tls, Watch};
use crate::support::messages::{Random, crlf, messages};
use crate::support::sandbox::{self, Sandbox, run};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Store {
    Dir,
    Maildir,
    Mbox,
    Pipe,
}

/// A command for `--pipe` that renames a message when it is complete.
const TAKE: &str = "sh -c 'mkdir -p mail && cat >\"mail/.$$\" && mv \"mail/.$$\" \"mail/$$.eml\"'";

impl Store {
    pub(crate) fn arguments(self, delete: bool) -> Vec<&'static str> {
        let mut arguments = match self {
            Self::Dir => vec!["fetch", "--dir", "mail"],
            Self::Maildir => vec!["fetch", "--maildir", "mail"],
            Self::Mbox => vec!["fetch", "--mbox", "mail"],
            Self::Pipe => vec!["fetch", "--pipe", TAKE],
        };
        if delete {
            arguments.extend(["--delete", "--commit"]);
        }
        arguments
    }

    /// Returns the messages with a final name, with LF, sorted.
    pub(crate) fn stored(self, work: &Path) -> Vec<Vec<u8>> {
        let mail = work.join("mail");
        let mut stored: Vec<Vec<u8>> = match self {
            Self::Dir | Self::Pipe => sandbox::files(&mail)
                .into_iter()
                .filter(|(name, _)| Path::new(name).extension().is_some_and(|extension| extension == "eml"))
                .map(|(_, octets)| octets)
                .map(|octets| without_cr(&octets))
                .collect(),
            Self::Maildir => ["new", "cur"]
                .iter()
                .flat_map(|folder| sandbox::files(&mail.join(folder)))
                .map(|(_, octets)| octets)
                .collect(),
            Self::Mbox => split_mbox(&std::fs::read(&mail).unwrap_or_default()),
        };
        stored.sort();
        stored
    }
}

fn without_cr(octets: &[u8]) -> Vec<u8> {
    octets.iter().copied().filter(|&octet| octet != b'\r').collect()
}

/// Splits an mboxrd file into its messages.
fn split_mbox(octets: &[u8]) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    for line in octets.split_inclusive(|&octet| octet == b'\n') {
        if line.starts_with(b"From ") {
            found.push(Vec::new());
            continue;
        }
        let quotes = line.iter().take_while(|&&octet| octet == b'>').count();
        let line = if quotes > 0 && line[quotes..].starts_with(b"From ") { &line[1..] } else { line };
        found.last_mut().expect("an mbox begins with From").extend_from_slice(line);
    }
    for message in &mut found {
        // The empty line between messages does not belong to them.
        assert_eq!(message.pop(), Some(b'\n'), "an mbox message ends in a blank line");
    }
    found
}

pub(crate) fn maildrop(count: u64, seed: u64) -> Vec<Message> {
    let mail = messages(count, seed).into_iter().enumerate();
    mail.map(|(nth, octets)| Message::new(format!("unique-{nth:04}"), crlf(&octets))).collect()
}

pub(crate) fn expected(mail: &[Message]) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = mail.iter().map(|message| without_cr(&message.received())).collect();
    all.sort();
    all
}

/// Checks that every message that is no longer on the server is on disk.
fn nothing_lost(store: Store, room: &Sandbox, server: &Mailbox, mail: &[Message], when: &str) {
    let left: BTreeSet<String> = server.unique_ids("alice").into_iter().collect();
    let stored = store.stored(&room.work());
    for message in mail.iter().filter(|message| !left.contains(&message.unique_id)) {
        let octets = without_cr(&message.received());
        assert!(
            stored.contains(&octets),
            "{store:?}, {when}: {} is deleted and not on disk",
            message.unique_id
        );
    }
}

/// Runs `fetch` to the end, and then checks everything.
pub(crate) fn complete(
    store: Store,
    delete: bool,
    room: &Sandbox,
    server: &Mailbox,
    mail: &[Message],
    when: &str,
) {
    nothing_lost(store, room, server, mail, when);
    let mut command = room.pop3(server.port());
    command.args(store.arguments(delete)).env("POP3_TLS", "none");
    let outcome = run(command);
    assert!(outcome.code == Some(0) && !outcome.hung, "{store:?}, {when}; the next run: {outcome:?}");
    let (mut stored, expected) = (store.stored(&room.work()), expected(mail));
    if store == Store::Pipe {
        // The command may receive the last message of each interrupted run again.
        assert!(stored.len() <= expected.len() + ATTEMPTS, "{store:?}, {when}: {} taken", stored.len());
        stored.dedup();
    }
    if stored != expected {
        let missing = expected.iter().filter(|octets| !stored.contains(octets)).count();
        panic!("{store:?}, {when}: {} stored of {}, {missing} of them missing", stored.len(), expected.len());
    }
    let left = server.unique_ids("alice").len();
    assert_eq!(left, if delete { 0 } else { mail.len() }, "{store:?}, {when}: messages on the server");
    if store == Store::Pipe {
        return;
    }
    // The next run that locks the mbox removes the dot-lock of a killed run. A run without new messages does not lock
    // the mbox.
    let remains: Vec<String> = room
        .files()
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| !name.starts_with("mail.lock"))
        .collect();
    let files = if store == Store::Mbox { 1 } else { mail.len() };
    assert_eq!(remains.len(), files, "{store:?}, {when}: something else is left: {remains:?}");
}

// Killed at a position in the session.

/// The maximum number of kills before `fetch` may complete.
const ATTEMPTS: usize = 4;

/// Signals that a session has reached a position.
#[derive(Default)]
pub(crate) struct Trap {
    state: Mutex<(Option<Progress>, Option<Armed>)>,
}

struct Armed {
    commands: u64,
    octets: u64,
    reached: Sender<()>,
    /// The server waits on this channel until the client is killed.
    resume: Option<Receiver<()>>,
}

impl Trap {
    pub(crate) fn watch(&self, progress: Progress) {
        let armed =
            {
                let mut state = self.state.lock().expect("no session panics");
                state.0 = Some(progress);
                if state.1.as_ref().is_some_and(|armed| {
                    progress.commands >= armed.commands || progress.octets >= armed.octets
                }) {
                    state.1.take()
                } else {
                    None
                }
            };
        let Some(armed) = armed else { return };
        let _ = armed.reached.send(());
        if let Some(resume) = armed.resume {
            let _ = resume.recv();
        }
    }

    /// Sends a signal after this many more commands or bytes; with `halts` the server stops there.
    pub(crate) fn arm(&self, commands: u64, octets: u64, halts: bool) -> (Receiver<()>, Option<Sender<()>>) {
        let (reached, wait) = mpsc::channel();
        let (resume, resumed) = mpsc::channel();
        let mut state = self.state.lock().expect("no session panics");
        let (said, sent) = state.0.map_or((0, 0), |progress| (progress.commands, progress.octets));
        state.1 = Some(Armed {
            commands: said.saturating_add(commands),
            octets: sent.saturating_add(octets),
            reached,
            resume: halts.then_some(resumed),
        });
        (wait, halts.then_some(resume))
    }
}

/// Runs `command` and returns true if it was killed, as it may end before the position is reached.
fn run_into(trap: &Trap, commands: u64, octets: u64, halts: bool, command: Command) -> bool {
    let (reached, resume) = trap.arm(commands, octets, halts);
    let mut running = sandbox::start(command, b"", false);
    let killed = loop {
        match reached.recv_timeout(Duration::from_millis(20)) {
            Ok(()) => {
                running.child.kill().expect("a child");
                break true;
            }
            Err(RecvTimeoutError::Timeout) if running.child.try_wait().expect("a child").is_none() => {}
            Err(_) => break false,
        }
    };
    drop(resume);
    running.finish();
    trap.state.lock().expect("no session panics").1 = None;
    killed
}

fn campaign(store: Store, delete: bool) {
    let long = std::env::var("POP3_TEST_KILL").is_ok_and(|value| value == "long");
    let (rounds, count) = if long { (60, 120) } else { (6, 60) };
    let seed = 1 + store as u64 * 2 + u64::from(delete);
    let mut random = Random::new(seed);
    let mail = maildrop(count, seed);
    let total: u64 = mail.iter().map(Message::octets).sum();
    let mut kills = 0;
    for round in 0..rounds {
        let trap = Arc::new(Trap::default());
        let quirks = Quirks {
            watch: Some({
                let trap = Arc::clone(&trap);
                Arc::new(move |progress| trap.watch(progress))
            }),
            ..Quirks::default()
        };
        let server = Mailbox::start(Tls::None, quirks).with_user("alice", "secret", mail.clone());
        let room = Sandbox::new();
        for attempt in 0..ATTEMPTS {
            // Half of the positions are commands (including DELE and QUIT), the others are bytes in the middle of a
            // message.
            let (commands, octets) = if random.below(2) == 0 {
                (1 + random.below(count * if delete { 2 } else { 1 } + 6), u64::MAX)
            } else {
                (u64::MAX, 1 + random.below(total))
            };
            let halts = random.below(2) == 0;
            let mut command = room.pop3(server.port());
            command.args(store.arguments(delete)).env("POP3_TLS", "none");
            kills += u64::from(run_into(&trap, commands, octets, halts, command));
            server.hang_up();
            nothing_lost(store, &room, &server, &mail, &format!("round {round}, attempt {attempt}"));
        }
        complete(store, delete, &room, &server, &mail, &format!("round {round}"));
    }
    eprintln!("{store:?}, delete {delete}: {kills} kills in {rounds} rounds");
    assert!(kills >= rounds, "the client was hardly ever killed: {kills}");
}

/// A server that pauses in the middle of messages: each message is stored once, and completely.
#[test]
fn pauses() {
    let mail: Vec<Message> = (0..3)
        .map(|nth| {
            Message::new(
                format!("slow-{nth}"),
                format!("Subject: {nth}\r\n\r\n{}", "text\r\n".repeat(40_000)),
            )
        })
        .collect();
    for store in [Store::Dir, Store::Maildir, Store::Mbox] {
        let pause: Watch = Arc::new(|_| std::thread::sleep(Duration::from_millis(8)));
        let quirks = Quirks { watch: Some(pause), ..Quirks::default() };
        let server = Mailbox::start(Tls::None, quirks).with_user("alice", "secret", mail.clone());
        complete(store, true, &Sandbox::new(), &server, &mail, "not killed");
    }
}

/// One test per destination, with and without deletion.
macro_rules! for_each_store {
    ($campaign:ident) => {
        for_each_store!($campaign: dir Dir false, dir_delete Dir true, maildir Maildir false, maildir_delete Maildir true,
            mbox Mbox false, mbox_delete Mbox true, pipe Pipe false, pipe_delete Pipe true);
    };
    ($campaign:ident: $($name:ident $store:ident $delete:literal),*) => {
        $(
            #[test]
            fn $name() {
                $campaign(Store::$store, $delete);
            }
        )*
    };
}
pub(crate) use for_each_store;

for_each_store!(campaign);
