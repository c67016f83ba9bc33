//! An interactive POP3 client over TLS, with the commands of RFC 1939: `console HOST[:PORT]`.
//!
//! ```text
//! $ cargo run --example console -- pop.example.org
//! +OK POP3 ready
//! user alice
//! pass wrong
//! the server refused PASS: -ERR [AUTH] no
//! pass right
//! stat
//! 2 messages, 320 octets
//! dele 1
//! quit
//! ```
//!
//! `quit` deletes the marked messages. The end of the input deletes nothing.

use std::io::{self, BufRead, Write};

use pop3::{
    Error, ErrorKind, Secret,
    proto::MessageNumber,
    session::{Authorization, Message, TlsMode, Transaction},
    trace::Escaped,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = std::env::args().nth(1).ok_or("usage: console HOST[:PORT]")?;
    let session = pop3::connect(&host, TlsMode::Implicit)?;
    let mut out = io::stdout().lock();
    // Text from the server may contain control characters; `Escaped` shows them as `\x1b`.
    writeln!(out, "{}", Escaped(session.greeting()))?;
    let mut state = State::Authorization(session);
    for line in io::stdin().lock().lines() {
        state = match state {
            State::Authorization(session) => before_login(session, &line?, &mut out)?,
            State::Transaction(session) => after_login(session, &line?, &mut out)?,
            State::Ended => return Ok(()),
        };
        out.flush()?;
    }
    if let State::Transaction(session) = state {
        session.abandon()?;
    }
    Ok(())
}

enum State {
    Authorization(Authorization),
    Transaction(Transaction),
    Ended,
}

fn before_login(mut session: Authorization, line: &str, out: &mut impl Write) -> Result<State, Error> {
    let (command, argument) = line.split_once(' ').unwrap_or((line, ""));
    match command {
        "user" => show_refusal(session.user(argument), out)?,
        "pass" => match session.pass(&Secret::from(argument)) {
            Ok(transaction) => return Ok(State::Transaction(transaction)),
            Err(refused) => {
                writeln!(out, "{refused}")?;
                session = refused.into_session()?;
            }
        },
        "quit" => return session.quit().map(|()| State::Ended),
        _ => writeln!(out, "before the login: user NAME, pass PASSWORD, quit")?,
    }
    Ok(State::Authorization(session))
}

fn after_login(mut session: Transaction, line: &str, out: &mut impl Write) -> Result<State, Error> {
    if line == "quit" {
        return session.commit().map(|()| State::Ended);
    }
    let result = run(&mut session, line, out);
    show_refusal(result, out)?;
    Ok(State::Transaction(session))
}

fn run(session: &mut Transaction, line: &str, out: &mut impl Write) -> Result<(), Error> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = words.get(1).and_then(|word| word.parse().ok()).and_then(MessageNumber::new);
    match (words.as_slice(), number) {
        (["stat"], _) => {
            let listing = session.stat()?;
            writeln!(out, "{} messages, {} octets", listing.messages, listing.octets)?;
        }
        (["list"], _) => {
            for message in session.list()? {
                writeln!(out, "{} {}", message.number, message.octets)?;
            }
        }
        (["uidl"], _) => {
            for message in session.uidl()? {
                writeln!(out, "{} {}", message.number, Escaped(message.unique_id.as_bytes()))?;
            }
        }
        (["retr", _], Some(number)) => show(session.retr(number)?, out)?,
        (["top", _, lines], Some(number)) => show(session.top(number, lines.parse().unwrap_or(0))?, out)?,
        (["dele", _], Some(number)) => session.dele(number)?,
        (["noop"], _) => session.noop()?,
        (["rset"], _) => session.rset()?,
        _ => writeln!(out, "stat, list, uidl, retr N, top N LINES, dele N, noop, rset, quit")?,
    }
    Ok(())
}

fn show(message: Message<'_>, out: &mut impl Write) -> Result<(), Error> {
    for line in io::BufReader::new(message).split(b'\n') {
        let line = line?;
        writeln!(out, "{}", Escaped(line.strip_suffix(b"\r").unwrap_or(&line)))?;
    }
    Ok(())
}

/// A refused command leaves the session usable; any other error ends the program.
fn show_refusal(result: Result<(), Error>, out: &mut impl Write) -> Result<(), Error> {
    match result {
        Err(error) if matches!(error.kind(), ErrorKind::Refused | ErrorKind::Argument) => {
            Ok(writeln!(out, "{error}")?)
        }
        result => result,
    }
}
