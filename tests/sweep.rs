//! A connection that is cut, reset or falls silent behind every octet that the server says: the run ends in time and
//! with the right code, says no `QUIT` after an error, leaves whole messages only, and remembers none that is not there.
//! Every seventh octet is tried; `POP3_TEST_SWEEP=long` tries them all.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::support::sandbox::{Sandbox, run};

/// Stuffed, as they go over the wire; the middle one looks like the end of an answer, and like the next one.
const MESSAGES: [&str; 3] =
    ["Subject: one\r\n\r\n..dot\r\n", "a: b\r\n\r\n\n.\n+OK\r\n", "..\r\n...\r\nwithout header\r\n"];

/// Most of a run is waiting.
const THREADS: usize = 8;

/// A run takes milliseconds and one time-out of 0.3 s, but the machine may be busy.
const IN_TIME: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Cut,
    Reset,
    Stall,
}

#[derive(Clone, Copy, Debug)]
enum Job {
    Status,
    Fetch,
    Delete,
}

impl Job {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Status => &["status", "--json"],
            Self::Fetch => &["fetch", "--json"],
            Self::Delete => &["delete", "--all", "--commit", "--json"],
        }
    }
}

/// What the server was told in one session, and how many octets it said.
#[derive(Default)]
struct Told {
    commands: Vec<String>,
    said: usize,
    /// Octets said before the answer to `QUIT`.
    before_quit: Option<usize>,
}

struct Server {
    port: u16,
    serving: JoinHandle<Told>,
}

impl Server {
    /// Serves one connection, `octets` of it.
    fn start(octets: usize, end: End) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let serving = std::thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a connection");
            serve(&stream, octets, end)
        });
        Self { port, serving }
    }

    /// To be asked when the client is gone.
    fn told(self) -> Told {
        self.serving.join().expect("the server does not panic")
    }
}

fn answer(command: &str) -> String {
    let (verb, argument) = command.split_once(' ').unwrap_or((command, ""));
    let octets = |message: &str| message.len();
    match verb {
        "CAPA" => "+OK\r\nPIPELINING\r\nUIDL\r\nSASL PLAIN\r\n.\r\n".to_owned(),
        "STAT" => format!("+OK 3 {}\r\n", MESSAGES.map(octets).iter().sum::<usize>()),
        "UIDL" => "+OK\r\n1 u1\r\n2 u2\r\n3 u3\r\n.\r\n".to_owned(),
        "LIST" => {
            let [one, two, three] = MESSAGES.map(octets);
            format!("+OK\r\n1 {one}\r\n2 {two}\r\n3 {three}\r\n.\r\n")
        }
        "RETR" => {
            let number: usize = argument.parse().expect("a message-number");
            format!("+OK\r\n{}.\r\n", MESSAGES[number - 1])
        }
        _ => "+OK\r\n".to_owned(),
    }
}

fn serve(stream: &TcpStream, octets: usize, end: End) -> Told {
    let mut told = Told::default();
    let _ = stream.set_nodelay(true);
    let _ = stream.set_read_timeout(Some(IN_TIME));
    let mut left = octets;
    let mut out = stream;
    let mut say = |told: &mut Told, text: &str| {
        let now = text.len().min(left);
        let _ = out.write_all(&text.as_bytes()[..now]);
        left -= now;
        told.said += now;
        if left == 0 && now > 0 {
            match end {
                End::Cut => drop(stream.shutdown(Shutdown::Write)),
                End::Reset => drop(socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO))),
                End::Stall => {}
            }
        }
        left > 0 || end != End::Reset
    };
    if !say(&mut told, "+OK ready\r\n") {
        return told;
    }
    let (mut heard, mut input) = (Vec::new(), stream);
    loop {
        let mut chunk = [0; 1024];
        match input.read(&mut chunk) {
            Ok(0) | Err(_) => return told,
            Ok(count) => heard.extend_from_slice(&chunk[..count]),
        }
        while let Some(line) = heard.iter().position(|&octet| octet == b'\n') {
            let line: Vec<u8> = heard.drain(..=line).collect();
            let command = String::from_utf8_lossy(&line).trim_end().to_owned();
            if command == "QUIT" {
                told.before_quit = Some(told.said);
            }
            let answer = answer(&command);
            told.commands.push(command);
            if !say(&mut told, &answer) {
                return told;
            }
        }
    }
}

fn unstuffed(message: &str) -> Vec<u8> {
    let lines = message.split_inclusive("\r\n").map(|line| line.strip_prefix('.').unwrap_or(line));
    lines.collect::<String>().into_bytes()
}

/// What is wrong after a connection that ended behind so many octets, of `all`.
fn try_one(job: Job, end: End, octets: usize, all: usize) -> Result<(), String> {
    let room = Sandbox::new();
    let server = Server::start(octets, end);
    let pop3 = |port: u16, arguments: &[&str]| {
        let mut command = room.pop3(port);
        command.args(arguments).env("POP3_TLS", "none").env("POP3_TIMEOUT", "0.3");
        command
    };
    let begun = Instant::now();
    let outcome = run(pop3(server.port, job.arguments()));
    let took = begun.elapsed();
    let told = server.told();
    let wrong = |what: &str| Err(format!("{what}; heard {:?}\n{outcome:?}", told.commands));

    if outcome.hung || took > IN_TIME {
        return wrong("it hung");
    }
    // A server that resets does not read what is on its way to it.
    let quit = told.commands.iter().any(|command| command == "QUIT");
    let perhaps = matches!(job, Job::Delete) && end == End::Reset && octets + "+OK\r\n".len() == all;
    let code = match (octets >= all, quit || (perhaps && outcome.code == Some(75))) {
        (true, _) => 0,
        (false, true) => 75,
        (false, false) => 69,
    };
    if outcome.code != Some(code) {
        return wrong(&format!("not exit code {code}"));
    }
    // Said only when everything before it was answered; and without --commit never.
    let quit_is_due = told.before_quit.is_none_or(|before| before + "+OK\r\n".len() == all);
    if !quit_is_due || (quit && !matches!(job, Job::Delete)) {
        return wrong("QUIT out of turn");
    }
    let deleted = outcome.stdout().contains("\"deleted\":true");
    if deleted && code != 0 {
        return wrong("it says that something was deleted");
    }
    let errors = outcome.stderr().lines().filter(|line| line.starts_with("{\"error\":")).count();
    if errors != usize::from(code != 0) {
        return wrong("not one error");
    }

    let all_files: Vec<_> =
        (1..).zip(MESSAGES).map(|(n, text)| (format!("u{n}.eml"), unstuffed(text))).collect();
    let files = room.files();
    if !files.iter().all(|file| all_files.contains(file)) {
        return wrong(&format!("there are other files: {files:?}"));
    }
    if matches!(job, Job::Fetch) {
        // None lost, none twice: what is remembered is there, what is not comes now.
        let second = Server::start(usize::MAX, End::Cut);
        let rest = run(pop3(second.port, &["fetch", "--json"]));
        if rest.code != Some(0) || room.files() != all_files {
            return wrong(&format!("afterwards: {rest:?}{:?}", room.files()));
        }
        let retrieved = second.told().commands;
        let retrieved = retrieved.iter().filter(|command| command.starts_with("RETR")).count();
        if retrieved + files.len() != MESSAGES.len() {
            return wrong(&format!("{} stored, and {retrieved} fetched afterwards", files.len()));
        }
    }
    Ok(())
}

/// How many octets the server says in a session that is not disturbed.
fn whole(job: Job) -> usize {
    let room = Sandbox::new();
    let server = Server::start(usize::MAX, End::Cut);
    let mut command = room.pop3(server.port);
    command.args(job.arguments()).env("POP3_TLS", "none");
    run(command).expect(0);
    server.told().said
}

fn sweep(job: Job) {
    let long = std::env::var("POP3_TEST_SWEEP").is_ok_and(|value| value == "long");
    let all = whole(job);
    let step = if long { 1 } else { 7 };
    let positions: Vec<_> = (1..all).step_by(step).chain([all - 1, all]).collect();
    let ends: &[End] = if long { &[End::Cut, End::Stall, End::Reset] } else { &[End::Cut, End::Stall] };
    let jobs: Vec<_> = ends.iter().flat_map(|&end| positions.iter().map(move |&at| (end, at))).collect();
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(&(end, at)) = jobs.get(next.fetch_add(1, SeqCst)) {
                    if let Err(what) = try_one(job, end, at, all) {
                        let failure = format!("{job:?}, {end:?} behind octet {at} of {all}: {what}");
                        failures.lock().expect("nobody panics with it").push(failure);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("nobody panicked");
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), jobs.len(), failures.join("\n"));
    eprintln!("{job:?}: {} positions in a session of {all} octets", jobs.len());
}

#[test]
fn status() {
    sweep(Job::Status);
}

#[test]
fn fetch() {
    sweep(Job::Fetch);
}

#[test]
fn delete_commit() {
    sweep(Job::Delete);
}
