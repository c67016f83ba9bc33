//! A server that plays a transcript, and the checks of everything that `pop3` did.

use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use serde_json::Value;
use socket2::{Domain, Socket, Type};

use super::messages::Random;
use super::sandbox::{self, Outcome, Sandbox};
use super::script::{Expectation, Places, Run, Script, Source, Step};

pub(crate) const PASSWORD: &str = "sesame-17";
/// The password as PLAIN and LOGIN send it.
const ENCODED: [&str; 2] = ["AGFsaWNlAHNlc2FtZS0xNw==", "c2VzYW1lLTE3"];
/// The time limit of reads and writes: longer than any `--timeout` in a transcript, but shorter than a run may last.
const LONGEST_SILENCE: Duration = Duration::from_secs(20);

/// How the server's bytes are split into writes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    Whole,
    Octets,
    Random(u64),
}

/// Plays the transcript. An error describes the deviation and contains the whole conversation.
pub(crate) fn play(name: &str, text: &str, cut: Cut) -> Result<(), String> {
    let room = Sandbox::new();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let places = Places::new(listener.local_addr().expect("bound").port(), &room.path("")).trimmed();
    let script = Script::parse(name, text, &places);
    if (script.only_unix && !cfg!(unix)) || (script.only_whole && !matches!(cut, Cut::Whole)) {
        return Ok(());
    }
    for (file, octets) in &script.files {
        std::fs::write(room.work().join(file), octets).expect("a file");
    }
    let mut known: Vec<String> = script.files.iter().map(|(file, _)| file.clone()).collect();
    for run in &script.runs {
        let mut command = room.pop3(places.port);
        command.env("POP3_PASSWORD", PASSWORD).env("POP3_TLS", "none").env("POP3_TIMEOUT", "10");
        for (variable, value) in &run.environment {
            match value {
                Some(value) => command.env(variable, value),
                None => command.env_remove(variable),
            };
        }
        command.args(&run.arguments);
        // This test connects last, to end the thread of the server.
        let own = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        own.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("a free port");
        let own_address = own.local_addr().expect("bound").as_socket().expect("IPv4");
        let (player, conversation) = player(&listener, run, cut, own_address);
        let running = sandbox::start(command, &run.stdin, run.deaf);
        player.send(()).expect("the player waits");
        let outcome = running.finish();
        own.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, places.port)).into()).expect("it listens");
        let conversation = conversation.recv().expect("the player tells");
        let mut wrong = conversation.wrong;
        check(run, &outcome, &room, &places, &mut known, &mut wrong);
        if !wrong.is_empty() {
            let arguments = run.arguments.join(" ");
            return Err(format!(
                "{name} ({cut:?})\n$ pop3 {arguments}\n{}{outcome:?}{}",
                conversation.text,
                wrong.iter().fold(String::new(), |all, line| all + "\nWRONG: " + line)
            ));
        }
    }
    Ok(())
}

impl Places {
    fn trimmed(mut self) -> Self {
        self.tmp.truncate(self.tmp.trim_end_matches(['/', '\\']).len());
        self
    }
}

#[derive(Default)]
struct Conversation {
    text: String,
    wrong: Vec<String>,
}

/// Starts a thread that plays all connections of a run. It begins when a message says that the program runs, and ends
/// when `last` connects.
fn player(
    listener: &TcpListener,
    run: &Run,
    cut: Cut,
    last: SocketAddr,
) -> (Sender<()>, Receiver<Conversation>) {
    let (go, started) = mpsc::channel();
    let (tell, conversation) = mpsc::channel();
    let listener = listener.try_clone().expect("a second handle");
    let connections = run.connections.clone();
    std::thread::spawn(move || {
        let mut conversation = Conversation::default();
        let mut connections = connections.iter();
        let _ = started.recv();
        loop {
            let (stream, peer) = listener.accept().expect("a connection");
            if peer == last {
                break;
            }
            match connections.next() {
                Some(steps) => play_connection(&stream, steps, cut, &mut conversation),
                None => conversation.wrong.push("one connection too many".to_owned()),
            }
        }
        if connections.len() > 0 {
            conversation.wrong.push("it did not connect".to_owned());
        }
        let _ = tell.send(conversation);
    });
    (go, conversation)
}

fn play_connection(stream: &TcpStream, steps: &[Step], cut: Cut, conversation: &mut Conversation) {
    let _ = stream.set_nodelay(true);
    let _ = stream.set_read_timeout(Some(LONGEST_SILENCE));
    let _ = stream.set_write_timeout(Some(LONGEST_SILENCE));
    let mut heard = Vec::new();
    let mut random = Random::new(match cut {
        Cut::Random(seed) => seed,
        _ => 0,
    });
    let mut pending = Vec::new();
    for step in steps {
        if let Step::Say(octets) = step {
            pending.extend_from_slice(octets);
            log(&mut conversation.text, 'S', octets);
            continue;
        }
        say(stream, &std::mem::take(&mut pending), cut, &mut random);
        match step {
            Step::Say(_) => unreachable!("said above"),
            Step::Hear(expected) => {
                let line = hear(stream, &mut heard);
                log(&mut conversation.text, 'C', &line);
                if line != *expected {
                    let expected = expected.escape_ascii();
                    conversation.wrong.push(format!("the client must have said {expected}"));
                    return;
                }
                if must_wait(&line) && (!heard.is_empty() || speaks(stream)) {
                    conversation.wrong.push(format!("it did not wait after {}", line.escape_ascii()));
                }
            }
            Step::Close => {
                conversation.text.push_str("-- the server closes\n");
                let _ = stream.shutdown(Shutdown::Write);
            }
            Step::Reset => {
                conversation.text.push_str("-- the server resets\n");
                let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
                return;
            }
            Step::Stall => conversation.text.push_str("-- the server is silent\n"),
        }
    }
    say(stream, &pending, cut, &mut random);
    if steps
        .iter()
        .rev()
        .find_map(|step| if let Step::Hear(line) = step { Some(line == b"QUIT\r\n") } else { None })
        == Some(true)
    {
        let _ = stream.shutdown(Shutdown::Write);
    }
    loop {
        let line = hear(stream, &mut heard);
        if line.is_empty() {
            return;
        }
        log(&mut conversation.text, 'C', &line);
        conversation.wrong.push(format!("the client must not have said {}", line.escape_ascii()));
    }
}

/// Returns true for commands after which nothing may be pipelined: STLS, the login (RFC 2595, RFC 2449) and `QUIT`.
fn must_wait(line: &[u8]) -> bool {
    ["CAPA", "STLS", "USER", "PASS", "AUTH", "APOP", "QUIT"]
        .iter()
        .any(|verb| line.starts_with(verb.as_bytes()))
}

/// Returns true if more bytes from the client have arrived.
fn speaks(stream: &TcpStream) -> bool {
    let _ = stream.set_nonblocking(true);
    let more = stream.peek(&mut [0]).is_ok_and(|octets| octets > 0);
    let _ = stream.set_nonblocking(false);
    more
}

fn say(mut stream: &TcpStream, octets: &[u8], cut: Cut, random: &mut Random) {
    let mut rest = octets;
    while !rest.is_empty() {
        let octets = match cut {
            Cut::Whole => rest.len(),
            Cut::Octets => 1,
            Cut::Random(_) => usize::try_from(1 + random.below(24)).expect("small").min(rest.len()),
        };
        // The client may have closed the connection.
        if stream.write_all(&rest[..octets]).is_err() {
            return;
        }
        rest = &rest[octets..];
    }
}

/// Returns the next line with its end; a shorter text at the end of the stream.
fn hear(mut stream: &TcpStream, heard: &mut Vec<u8>) -> Vec<u8> {
    loop {
        if let Some(end) = heard.iter().position(|&octet| octet == b'\n') {
            return heard.drain(..=end).collect();
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk) {
            Ok(0) => return std::mem::take(heard),
            Ok(octets) => heard.extend_from_slice(&chunk[..octets]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                heard.extend_from_slice(b"(nothing, and does not close)");
                return std::mem::take(heard);
            }
            Err(_) => return std::mem::take(heard),
        }
    }
}

fn log(text: &mut String, who: char, octets: &[u8]) {
    let mut shown = octets.escape_ascii().to_string();
    if shown.len() > 400 {
        shown.replace_range(200..shown.len() - 100, " … ");
    }
    let _ = writeln!(text, "{who}: {}", if octets.is_empty() { "(closed)" } else { shown.as_str() });
}

fn check(
    run: &Run,
    outcome: &Outcome,
    room: &Sandbox,
    places: &Places,
    known: &mut Vec<String>,
    wrong: &mut Vec<String>,
) {
    if outcome.hung {
        wrong.push("it hung".to_owned());
    }
    if outcome.code != run.exit {
        wrong.push(format!("exit code {:?}, not {:?}", outcome.code, run.exit));
    }
    let files = room.files();
    let json = run.arguments.iter().any(|argument| argument == "--json");
    check_always(run, outcome, &files, json, wrong);
    for expectation in &run.expectations {
        match expectation {
            Expectation::Json(objects) => check_json(objects, outcome, places, wrong),
            Expectation::Error { code, response } => {
                check_error(code, response.as_deref(), run.exit, outcome, wrong);
            }
            Expectation::Is(source, octets)
            | Expectation::Has(source, octets)
            | Expectation::Lacks(source, octets) => {
                let got = match source {
                    Source::Stdout => Some(outcome.stdout.as_slice()),
                    Source::Stderr => Some(outcome.stderr.as_slice()),
                    Source::File(name) => {
                        known.push(name.clone());
                        found(&files, name, octets)
                    }
                };
                let Some(got) = got else {
                    wrong.push(format!("{source:?} is not there"));
                    continue;
                };
                let right = match expectation {
                    Expectation::Is(..) => got == octets.as_slice(),
                    Expectation::Lacks(..) => !contains(got, octets),
                    _ => contains(got, octets),
                };
                if !right {
                    wrong.push(format!("{source:?}:\n{}", difference(expectation, octets, got)));
                }
            }
        }
    }
    for (file, _) in &files {
        if !known.iter().any(|name| fits(name, file)) {
            wrong.push(format!("it made a file: {file}"));
        }
    }
}

/// Checks that hold for every run: the output contains no secret and no control character, and JSON is valid and
/// ASCII.
fn check_always(
    run: &Run,
    outcome: &Outcome,
    files: &[(String, Vec<u8>)],
    json: bool,
    wrong: &mut Vec<String>,
) {
    let has = |option: &str| run.arguments.iter().any(|argument| argument.starts_with(option));
    let raw = has("--stdout") || run.arguments.windows(2).any(|pair| pair == ["--mbox", "-"]);
    let printed = [("stdout", &outcome.stdout, !raw), ("stderr", &outcome.stderr, true)];
    for (name, octets, clean) in printed {
        if clean && String::from_utf8_lossy(octets).chars().any(|c| c.is_control() && c != '\n') {
            wrong.push(format!("control characters on {name}: {}", octets.escape_ascii()));
        }
        for secret in [PASSWORD, ENCODED[0], ENCODED[1]] {
            if contains(octets, secret.as_bytes()) {
                wrong.push(format!("the password is on {name}"));
            }
        }
    }
    for (name, octets) in files {
        if [PASSWORD, ENCODED[0], ENCODED[1]].iter().any(|secret| contains(octets, secret.as_bytes())) {
            wrong.push(format!("the password is in {name}"));
        }
    }
    if !json {
        return;
    }
    let traced = has("--trace") || has("-v");
    for (name, octets, lines) in [("stdout", &outcome.stdout, true), ("stderr", &outcome.stderr, !traced)] {
        for line in String::from_utf8_lossy(octets).lines().filter(|_| lines) {
            if !line.is_ascii() || !serde_json::from_str::<Value>(line).is_ok_and(|value| value.is_object()) {
                wrong.push(format!("no JSON in ASCII on {name}: {line}"));
            }
        }
    }
}

fn check_json(objects: &[String], outcome: &Outcome, places: &Places, wrong: &mut Vec<String>) {
    let got: Vec<&[u8]> = outcome.stdout.split_inclusive(|&octet| octet == b'\n').collect();
    if got.len() != objects.len() {
        wrong.push(format!("{} lines of JSON, not {}", got.len(), objects.len()));
    }
    for (expected, got) in objects.iter().zip(got) {
        let expected: Value =
            serde_json::from_str(expected).unwrap_or_else(|error| panic!("{error}: {expected}"));
        let Ok(got) = serde_json::from_slice::<Value>(got) else { continue };
        if !same(&expected, &got, places) {
            wrong.push(format!("JSON:\n- {expected}\n+ {got}"));
        }
    }
}

fn same(expected: &Value, got: &Value, places: &Places) -> bool {
    match (expected, got) {
        (Value::String(any), _) if any == "*" => true,
        (Value::String(end), Value::String(got)) if end.starts_with('*') => got.ends_with(&end[1..]),
        (Value::String(expected), Value::String(got)) if expected.contains("{work}") => {
            expected.replace("{work}", &places.work).replace('\\', "/") == got.replace('\\', "/")
        }
        (Value::Array(expected), Value::Array(got)) => {
            expected.len() == got.len()
                && expected.iter().zip(got).all(|(expected, got)| same(expected, got, places))
        }
        (Value::Object(expected), Value::Object(got)) => {
            expected.len() == got.len()
                && expected
                    .iter()
                    .all(|(key, value)| got.get(key).is_some_and(|got| same(value, got, places)))
        }
        _ => expected == got,
    }
}

fn check_error(
    code: &str,
    response: Option<&str>,
    exit: Option<i32>,
    outcome: &Outcome,
    wrong: &mut Vec<String>,
) {
    let stderr = outcome.stderr();
    let errors: Vec<Value> = stderr
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok()?.get_mut("error").map(Value::take))
        .collect();
    let [error] = errors.as_slice() else {
        wrong.push(format!("{} errors on stderr, not one", errors.len()));
        return;
    };
    let message = error["message"].as_str().unwrap_or_default();
    if error["code"] != code
        || error["exit"].as_i64() != exit.map(i64::from)
        || (response != Some("*") && error["response"].as_str() != response)
        || message.is_empty()
        || message.contains('\n')
        || error
            .as_object()
            .is_none_or(|object| object.len() != if object.contains_key("number") { 6 } else { 4 })
    {
        wrong.push(format!("error:\n- {code} {exit:?} {response:?}\n+ {error}"));
    }
}

/// Returns the file with that name. If several match, the one with this content is preferred.
fn found<'a>(files: &'a [(String, Vec<u8>)], name: &str, octets: &[u8]) -> Option<&'a [u8]> {
    let fitting: Vec<&[u8]> =
        files.iter().filter(|(file, _)| fits(name, file)).map(|(_, octets)| octets.as_slice()).collect();
    fitting.iter().copied().find(|&file| file == octets).or_else(|| fitting.first().copied())
}

fn fits(name: &str, file: &str) -> bool {
    name == file
        || name
            .strip_suffix('*')
            .is_some_and(|start| file.strip_prefix(start).is_some_and(|end| !end.contains('/')))
}

fn contains(octets: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(octets, part).is_some()
}

/// Returns the differing lines, without the common beginning and end.
fn difference(expectation: &Expectation, expected: &[u8], got: &[u8]) -> String {
    let verb = match expectation {
        Expectation::Has(..) => return format!("must have {}", expected.escape_ascii()),
        Expectation::Lacks(..) => return format!("must not have {}", expected.escape_ascii()),
        _ => "differs:\n",
    };
    let lines = |octets: &[u8]| -> Vec<String> {
        octets.split_inclusive(|&octet| octet == b'\n').map(|line| line.escape_ascii().to_string()).collect()
    };
    let (expected, got) = (lines(expected), lines(got));
    let first = expected.iter().zip(&got).take_while(|(a, b)| a == b).count();
    let last =
        expected[first..].iter().rev().zip(got[first..].iter().rev()).take_while(|(a, b)| a == b).count();
    let mut text = format!("{verb}(from line {})\n", first + 1);
    for (sign, lines) in [('-', &expected), ('+', &got)] {
        for line in &lines[first..lines.len() - last] {
            let _ = writeln!(text, "{sign} {line}");
        }
    }
    text
}
