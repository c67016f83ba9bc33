//! Benchmarks of code that processes every byte or every message. Compare two versions on one machine with
//! `cargo bench --bench micro`.

use std::{fmt::Write as _, hint::black_box};

use divan::{Bencher, counter::BytesCount};
use pop3::{
    Secret,
    proto::{Command, Engine, Event, MessageNumber, listing},
    sasl::{ChannelBinding, Credential, Exchange, Mechanism, Parameters},
    trace::Escaped,
};

/// The size of one read.
const INPUT: usize = 64 * 1024;

const ONE: MessageNumber = MessageNumber::new(1).unwrap();

fn main() {
    divan::main();
}

/// Parses all events from bytes that arrive as from a socket, and returns the number of bytes in bodies and lines.
fn listen(engine: &mut Engine, wire: &[u8]) -> usize {
    let mut sum = 0;
    let mut from = 0;
    for end in (INPUT..wire.len()).step_by(INPUT).chain([wire.len()]) {
        loop {
            let (used, event) = engine.receive(&wire[from..end]).expect("a sound server");
            from += used;
            match event {
                None => break,
                Some(Event::Body(octets) | Event::Line(octets)) => sum += octets.len(),
                Some(_) => {}
            }
        }
    }
    sum
}

fn engine(commands: &[Command<'_>]) -> Engine {
    let mut engine = Engine::new();
    engine.receive(b"+OK\r\n").expect("a greeting");
    for command in commands {
        engine.send(command, &mut Vec::new());
    }
    engine
}

/// A message of 72-byte lines, of which every `lines_a_dot`th begins with a dot.
#[divan::bench(args = [2, 20, 1_000_000])]
fn framing_of_a_body(bencher: Bencher<'_, '_>, lines_a_dot: usize) {
    let mut wire = b"+OK\r\n".to_vec();
    for line in 1..100_000 {
        let line_start: &[u8] = if line % lines_a_dot == 0 { b".." } else { b"xx" };
        wire.extend_from_slice(line_start);
        wire.extend_from_slice(&[b'x'; 68]);
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b".\r\n");
    bencher
        .counter(BytesCount::of_slice(&wire))
        .with_inputs(|| engine(&[Command::Retr(ONE)]))
        .bench_values(|mut engine| listen(&mut engine, &wire));
}

/// The cost per message, with many small messages.
#[divan::bench(args = [5_000])]
fn framing_of_small_messages(bencher: Bencher<'_, '_>, messages: usize) {
    let wire = b"+OK 90 octets\r\nFrom: a@example.org\r\nSubject: x\r\n\r\nHello\r\n.\r\n".repeat(messages);
    bencher
        .counter(BytesCount::of_slice(&wire))
        .with_inputs(|| engine(&vec![Command::Retr(ONE); messages]))
        .bench_values(|mut engine| listen(&mut engine, &wire));
}

#[divan::bench]
fn unique_id_listing_of_100_000(bencher: Bencher<'_, '_>) {
    let mut text = "+OK\r\n".to_owned();
    for number in 1..=100_000 {
        let _ = write!(text, "{number} {number:08x}4a6bc1de\r\n");
    }
    text.push_str(".\r\n");
    let wire = text.into_bytes();
    bencher.counter(BytesCount::of_slice(&wire)).with_inputs(|| engine(&[Command::Uidl(None)])).bench_values(
        |mut engine| {
            let mut from = 0;
            let mut octets = 0;
            loop {
                let (used, event) = engine.receive(&wire[from..]).expect("a sound server");
                from += used;
                match event {
                    Some(Event::Line(line)) => {
                        let (_, unique_id) = listing::unique_id_line(line).expect("a sound line");
                        octets += unique_id.map_or(0, |unique_id| unique_id.as_bytes().len());
                    }
                    Some(Event::End) => return octets,
                    _ => {}
                }
            }
        },
    );
}

#[divan::bench]
fn scan_listing(bencher: Bencher<'_, '_>) {
    bencher.bench(|| listing::scan_listing(black_box(b"48213 1048576")));
}

#[divan::bench]
fn encoding_of_5_000_commands(bencher: Bencher<'_, '_>) {
    let numbers: Vec<_> = (1..=5_000).filter_map(MessageNumber::new).collect();
    bencher.with_inputs(|| (engine(&[]), Vec::new())).bench_values(|(mut engine, mut out)| {
        for &number in &numbers {
            engine.send(&Command::Retr(number), &mut out);
        }
        out.len()
    });
}

#[divan::bench]
fn trace_of_a_body_line(bencher: Bencher<'_, '_>) {
    let line = b"Subject: =?utf-8?q?caf=C3=A9?= \\ caf\xc3\xa9\t<alice@example.org>, 24.1 kB and more\r";
    let mut text = String::new();
    bencher.counter(BytesCount::of_slice(line)).bench_local(|| {
        text.clear();
        let _ = write!(text, "{}", Escaped(black_box(line)));
        text.len()
    });
}

/// The cost of an exchange with the iteration count of RFC 7677 §3, up to the client's proof.
#[divan::bench]
fn scram_sha_256_of_4_096_rounds(bencher: Bencher<'_, '_>) {
    let credential = Credential::Password(Secret::from("pencil"));
    let parameters = Parameters {
        user: "user",
        credential: &credential,
        nonce: "rOprNGfwEbeRWgbNEkqO",
        binding: ChannelBinding::Unavailable,
        host: "localhost",
        port: 995,
    };
    let challenge = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    bencher
        .with_inputs(|| {
            let mut exchange =
                Exchange::new(Mechanism::ScramSha256, &parameters).expect("a sound credential");
            exchange.initial(200);
            exchange
        })
        .bench_values(|mut exchange| exchange.respond(challenge).expect("a sound challenge"));
}
