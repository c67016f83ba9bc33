//! The events do not depend on how the bytes are divided, and every byte is used exactly once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pop3::proto::{Command, Engine, Event, MessageNumber, ProtocolError};

#[derive(Debug, PartialEq)]
enum Said {
    Status(Vec<u8>),
    Challenge(Vec<u8>),
    Line(Vec<u8>),
    Body(Vec<u8>),
    End,
    Broken(ProtocolError),
}

// The first bytes select the commands in flight and the division; the rest comes from the server.
fuzz_target!(|input: &[u8]| {
    let [commands, cut, octets @ ..] = input else { return };
    let whole = listen(*commands, octets, usize::MAX);
    assert_eq!(whole, listen(*commands, octets, 1));
    assert_eq!(whole, listen(*commands, octets, 1 + usize::from(*cut)));
});

fn listen(commands: u8, octets: &[u8], piece: usize) -> Vec<Said> {
    let one = MessageNumber::new(1).expect("not 0");
    let mut engine = Engine::new();
    let mut said = Vec::new();
    let (mut held, mut greeted) = (Vec::new(), false);
    for piece in octets.chunks(piece.clamp(1, octets.len().max(1))) {
        held.extend_from_slice(piece);
        loop {
            let (used, event) = match engine.receive(&held) {
                Ok(answer) => answer,
                Err(error) => {
                    said.push(Said::Broken(error));
                    return said;
                }
            };
            assert!(used <= held.len());
            let Some(event) = event else { break };
            match event {
                Event::Status { line, .. } => said.push(Said::Status(line.to_vec())),
                Event::Challenge(octets) => said.push(Said::Challenge(octets.to_vec())),
                Event::Line(line) => said.push(Said::Line(line.to_vec())),
                Event::Body(run) => {
                    assert!(!run.is_empty());
                    match said.last_mut() {
                        Some(Said::Body(body)) => body.extend_from_slice(run),
                        _ => said.push(Said::Body(run.to_vec())),
                    }
                }
                Event::End => said.push(Said::End),
            }
            held.drain(..used);
            if !greeted {
                greeted = true;
                for nth in 0..4 {
                    let command = match commands >> (2 * nth) & 3 {
                        0 => Command::Stat,
                        1 => Command::Uidl(None),
                        2 => Command::Retr(one),
                        _ => Command::Auth { mechanism: "LOGIN", initial: None },
                    };
                    engine.send(&command, &mut Vec::new());
                }
            }
        }
    }
    said
}
