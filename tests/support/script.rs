//! The format of the transcripts in `tests/transcripts/TOPIC/*.txt`.
//!
//! ```text
//! # What is shown. Lines with # are comments, blank lines nothing.
//! env POP3_WAIT=0              for all runs below; `unset NAME` too
//! make list.txt:               a file in the working directory, with the lines that follow (LF)
//! | text
//! $ pop3 status --json         a run; what follows, up to the next one, belongs to it
//! stdin:                       as `make`
//! deaf                         standard output is a pipe that nobody reads
//! S: +OK ready                 the server says it, with CRLF
//! S+ +OK rea                   … without
//! C: CAPA                      the client must say exactly this, with CRLF
//! close                        the server says no more (FIN) but listens on; reset: RST; stall: silence
//! login                        greeting, CAPA with PIPELINING and SASL PLAIN, AUTH PLAIN; `login slow`: without PIPELINING
//! maildrop 120 80              STAT, UIDL, LIST, LIST 1 for messages of these octets, named u1, u2…; `maildrop slow …`
//!                              without LIST 1, one by one
//! connection                   what follows is said on the next connection
//! only unix                    the whole file is skipped elsewhere
//! only whole                   it is not cut: what it shows needs octets that come together
//! exit 0                       must be there
//! error protocol: -ERR no      the one JSON error on standard error, with the server's line, none, or `*` for any
//! stdout:                      exactly these lines (LF); also stderr, `file NAME`; `file NAME crlf` with CRLF
//! stdout has: text             also lacks; also for stderr, `file NAME`
//! json:                        standard output: these objects, a line each; "*" fits any value, "*end" any with that end
//! ```
//!
//! The working directory must contain exactly the files named so far; `*` at the end of a path matches any name. In
//! every text, `\r \n \t \0 \\ \xNN` are bytes, `{port}`, `{work}` and `{tmp}` are the port and the folders of the
//! run, and `{ab*3}` is `ababab`.

use std::path::Path;

/// A step of the scripted server on one connection.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Say(Vec<u8>),
    /// The client must send this line.
    Hear(Vec<u8>),
    Close,
    Reset,
    Stall,
}

#[derive(Debug, Clone)]
pub(crate) enum Source {
    Stdout,
    Stderr,
    File(String),
}

#[derive(Debug, Clone)]
pub(crate) enum Expectation {
    Is(Source, Vec<u8>),
    Has(Source, Vec<u8>),
    Lacks(Source, Vec<u8>),
    Json(Vec<String>),
    Error { code: String, response: Option<String> },
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Run {
    /// The values of variables; `None` removes a variable.
    pub(crate) environment: Vec<(String, Option<String>)>,
    pub(crate) arguments: Vec<String>,
    pub(crate) stdin: Vec<u8>,
    pub(crate) deaf: bool,
    pub(crate) connections: Vec<Vec<Step>>,
    pub(crate) exit: Option<i32>,
    pub(crate) expectations: Vec<Expectation>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    environment: Vec<(String, Option<String>)>,
    pub(crate) files: Vec<(String, Vec<u8>)>,
    pub(crate) runs: Vec<Run>,
    pub(crate) only_unix: bool,
    pub(crate) only_whole: bool,
}

/// The values of the placeholders.
pub(crate) struct Places {
    pub(crate) port: u16,
    pub(crate) work: String,
    pub(crate) tmp: String,
}

impl Script {
    /// Parses a transcript. Panics at the first line that does not match the format.
    pub(crate) fn parse(name: &str, text: &str, places: &Places) -> Self {
        let mut script = Self::default();
        let mut lines = text.lines().enumerate().peekable();
        while let Some((index, line)) = lines.next() {
            let wrong = || -> ! { panic!("{name}:{}: invalid line {line:?}", index + 1) };
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut block = Vec::new();
            while let Some((_, line)) = lines.next_if(|(_, line)| line.starts_with('|')) {
                block.push(line.strip_prefix("| ").unwrap_or(&line[1..]));
            }
            if !(script.parse_head(line, &block, places)
                || script.runs.last_mut().is_some_and(|run| run.parse_line(line, &block, places)))
            {
                wrong();
            }
        }
        assert!(!script.runs.is_empty(), "{name}: nothing is run");
        for run in &script.runs {
            assert!(run.exit.is_some(), "{name}: {:?} has no exit code", run.arguments);
        }
        script
    }

    fn parse_head(&mut self, line: &str, block: &[&str], places: &Places) -> bool {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "env" => {
                let Some((name, value)) = rest.split_once('=') else { return false };
                self.environment.push((name.to_owned(), Some(text(value, places))));
            }
            "unset" => self.environment.push((rest.to_owned(), None)),
            "make" => {
                let name = rest.strip_suffix(':').unwrap_or(rest);
                self.files.push((name.to_owned(), joined(block, "\n", places)));
            }
            "only" if rest == "unix" => self.only_unix = true,
            "only" if rest == "whole" => self.only_whole = true,
            "$" => {
                let words = shlex::split(&text(rest, places)).expect("words as for a shell");
                assert_eq!(words.first().map(String::as_str), Some("pop3"), "{line}");
                let environment = self.environment.clone();
                self.runs.push(Run { environment, arguments: words[1..].to_vec(), ..Run::default() });
            }
            _ => return false,
        }
        true
    }
}

impl Run {
    fn parse_line(&mut self, line: &str, block: &[&str], places: &Places) -> bool {
        if let Some(said) = line.strip_prefix("S:") {
            let octets = octets(&format!("{}\\r\\n", said.strip_prefix(' ').unwrap_or(said)), places);
            self.step(Step::Say(octets));
        } else if let Some(said) = line.strip_prefix("S+ ") {
            self.step(Step::Say(octets(said, places)));
        } else if let Some(heard) = line.strip_prefix("C: ") {
            self.step(Step::Hear(octets(&format!("{heard}\\r\\n"), places)));
        } else if let Some(how) = line.strip_prefix("login") {
            self.login(how == " slow", places);
        } else if let Some(sizes) = line.strip_prefix("maildrop") {
            self.maildrop(sizes, places);
        } else if let Some(code) = line.strip_prefix("exit ") {
            self.exit = Some(code.parse().expect("a number"));
        } else if let Some(rest) = line.strip_prefix("error ") {
            let (code, response) = match rest.split_once(": ") {
                Some((code, response)) => (code, Some(text(response, places))),
                None => (rest, None),
            };
            self.expectations.push(Expectation::Error { code: code.to_owned(), response });
        } else {
            match line {
                "close" => self.step(Step::Close),
                "reset" => self.step(Step::Reset),
                "stall" => self.step(Step::Stall),
                "connection" => self.connections.push(Vec::new()),
                "deaf" => self.deaf = true,
                "stdin:" => self.stdin = joined(block, "\n", places),
                "json:" => {
                    // Placeholders are resolved when strings are compared, because a path in JSON has its own
                    // escapes.
                    let objects = block.iter().map(ToString::to_string).collect();
                    self.expectations.push(Expectation::Json(objects));
                }
                _ => return self.parse_expectation(line, block, places),
            }
        }
        true
    }

    fn parse_expectation(&mut self, line: &str, block: &[&str], places: &Places) -> bool {
        let (source, rest) = if let Some(rest) = line.strip_prefix("stdout") {
            (Source::Stdout, rest)
        } else if let Some(rest) = line.strip_prefix("stderr") {
            (Source::Stderr, rest)
        } else if let Some(rest) = line.strip_prefix("file ") {
            let end = rest.find([' ', ':']).unwrap_or(rest.len());
            (Source::File(rest[..end].to_owned()), &rest[end..])
        } else {
            return false;
        };
        let expectation = if let Some(has) = rest.strip_prefix(" has: ") {
            Expectation::Has(source, octets(has, places))
        } else if let Some(lacks) = rest.strip_prefix(" lacks: ") {
            Expectation::Lacks(source, octets(lacks, places))
        } else {
            match rest {
                ":" => Expectation::Is(source, joined(block, "\n", places)),
                " crlf:" => Expectation::Is(source, joined(block, "\r\n", places)),
                _ => return false,
            }
        };
        self.expectations.push(expectation);
        true
    }

    fn login(&mut self, slow: bool, places: &Places) {
        let offered = if slow { "S: USER" } else { "S: PIPELINING" };
        for line in
            ["S: +OK ready", "C: CAPA", "S: +OK", offered, "S: TOP", "S: UIDL", "S: SASL PLAIN", "S: ."]
        {
            self.parse_line(line, &[], places);
        }
        self.parse_line("C: AUTH PLAIN AGFsaWNlAHNlc2FtZS0xNw==", &[], places);
        self.parse_line("S: +OK", &[], places);
    }

    fn maildrop(&mut self, sizes: &str, places: &Places) {
        let slow = sizes.starts_with(" slow");
        let sizes: Vec<u64> =
            sizes.split(' ').skip(1 + usize::from(slow)).map(|size| size.parse().expect("octets")).collect();
        let first =
            sizes.first().map_or("S: -ERR no such message".to_owned(), |size| format!("S: +OK 1 {size}"));
        let mut answers = [
            format!("S: +OK {} {}", sizes.len(), sizes.iter().sum::<u64>()),
            "S: +OK".to_owned(),
            "S: +OK".to_owned(),
            first,
        ];
        for (number, octets) in (1..).zip(sizes) {
            answers[1].extend(["\\r\\n", &number.to_string(), " u", &number.to_string()]);
            answers[2].extend(["\\r\\n", &number.to_string(), " ", &octets.to_string()]);
        }
        answers[1].push_str("\\r\\n.");
        answers[2].push_str("\\r\\n.");
        let mut commands = vec!["C: STAT", "C: UIDL", "C: LIST"];
        if slow {
            for (command, answer) in commands.iter().zip(&answers) {
                self.parse_line(command, &[], places);
                self.parse_line(answer, &[], places);
            }
        } else {
            commands.push("C: LIST 1");
            for line in commands.into_iter().chain(answers.iter().map(String::as_str)) {
                self.parse_line(line, &[], places);
            }
        }
    }

    fn step(&mut self, step: Step) {
        if self.connections.is_empty() {
            self.connections.push(Vec::new());
        }
        self.connections.last_mut().expect("just made").push(step);
    }
}

fn joined(block: &[&str], end: &str, places: &Places) -> Vec<u8> {
    let mut all = Vec::new();
    for line in block {
        all.extend(octets(line, places));
        all.extend_from_slice(end.as_bytes());
    }
    all
}

fn text(line: &str, places: &Places) -> String {
    String::from_utf8(octets(line, places)).expect("text")
}

/// Returns a line with its escapes and placeholders resolved.
pub(crate) fn octets(line: &str, places: &Places) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = line;
    while let Some(at) = rest.find(['\\', '{']) {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at..];
        let used =
            if rest.starts_with('\\') { escape(rest, &mut out) } else { place(rest, places, &mut out) };
        rest = &rest[used..];
    }
    out.extend_from_slice(rest.as_bytes());
    out
}

fn escape(rest: &str, out: &mut Vec<u8>) -> usize {
    let octet = match rest.as_bytes().get(1) {
        Some(b'r') => b'\r',
        Some(b'n') => b'\n',
        Some(b't') => b'\t',
        Some(b'0') => 0,
        Some(b'\\') => b'\\',
        Some(b'x') => {
            out.push(u8::from_str_radix(&rest[2..4], 16).expect("two hex digits"));
            return 4;
        }
        _ => panic!("no such escape: {rest}"),
    };
    out.push(octet);
    2
}

fn place(rest: &str, places: &Places, out: &mut Vec<u8>) -> usize {
    let inner = rest[1..].split('}').next().unwrap_or_default();
    match (inner, inner.rsplit_once('*').map(|(what, times)| (what, times.parse()))) {
        ("port", _) => out.extend_from_slice(places.port.to_string().as_bytes()),
        ("work", _) => out.extend_from_slice(places.work.as_bytes()),
        ("tmp", _) => out.extend_from_slice(places.tmp.as_bytes()),
        (_, Some((what, Ok(times)))) => out.extend(octets(what, places).repeat(times)),
        _ => {
            out.push(b'{');
            return 1;
        }
    }
    inner.len() + 2
}

impl Places {
    pub(crate) fn new(port: u16, root: &Path) -> Self {
        let name = |path: &Path| path.to_str().expect("a temporary folder of plain letters").to_owned();
        Self { port, work: name(&root.join("work")), tmp: name(root) }
    }
}
