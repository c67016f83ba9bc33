//! Checks that the window of unanswered commands cannot deadlock, and that the number of round trips is bounded.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pop3::proto::MessageNumber;
use pop3::sasl::Credential;
use pop3::session::{Connector, Reply, TlsMode, Transaction};
use socket2::{Domain, Socket, Type};

use crate::support::mailbox::{Mailbox, Message, Quirks, Tls};
use crate::support::sandbox::{Sandbox, run};

/// The smallest buffers that the system allows.
const SMALL_BUFFER: usize = 4 * 1024;

const COMMANDS: u32 = 400_000;

/// Longer than the test takes: a deadlock ends as a timeout.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Listens with small buffers, which its connections inherit.
fn listen() -> TcpListener {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(SMALL_BUFFER).expect("a small buffer");
    socket.set_send_buffer_size(SMALL_BUFFER).expect("a small buffer");
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("a free port");
    socket.listen(1).expect("a free port");
    socket.into()
}

/// A server that reads a few commands, and then nothing until the client has read all responses.
fn serve(listener: &TcpListener, answer: impl Fn(&str) -> &'static [u8]) {
    let (mut stream, _) = listener.accept().expect("a client");
    stream.set_nodelay(true).expect("a socket");
    stream.write_all(b"+OK ready\r\n").expect("a client that listens");
    let mut input = Vec::new();
    let mut piece = vec![0; SMALL_BUFFER];
    loop {
        let read = stream.read(&mut piece).unwrap_or(0);
        if read == 0 {
            return;
        }
        input.extend_from_slice(&piece[..read]);
        let whole = input.iter().rposition(|octet| *octet == b'\n').map_or(0, |at| at + 1);
        let mut answers = Vec::new();
        for line in input[..whole].split_inclusive(|octet| *octet == b'\n') {
            let line = std::str::from_utf8(line).expect("a command");
            let mut words = line.split_whitespace();
            // The number proves the order of the responses; without it, commands are sent one at a time.
            if let (Some("LIST"), Some(number)) = (words.next(), words.next()) {
                answers.extend_from_slice(format!("+OK {number} 4\r\n").as_bytes());
                continue;
            }
            answers.extend_from_slice(match line.split_whitespace().next() {
                Some("CAPA") => b"+OK\r\nPIPELINING\r\nUSER\r\n.\r\n",
                Some("USER" | "PASS" | "RSET") => b"+OK\r\n",
                Some("STAT") => b"+OK 3 30\r\n",
                _ => answer(line),
            });
        }
        input.drain(..whole);
        if stream.write_all(&answers).is_err() {
            return;
        }
    }
}

fn transaction(address: SocketAddr) -> Transaction {
    let connector = Connector::new().timeout(TIMEOUT);
    let session = connector.connect(&format!("127.0.0.1:{}", address.port()), TlsMode::None);
    let credential = Credential::Password("secret".into());
    session.expect("a greeting").login("alice", &credential).expect("a login")
}

fn numbers() -> impl Iterator<Item = MessageNumber> {
    (1..=COMMANDS).filter_map(MessageNumber::new)
}

#[test]
fn a_server_that_does_not_read_while_writing_causes_no_deadlock() {
    let listener = listen();
    let address = listener.local_addr().expect("bound");
    let serving = std::thread::spawn(move || serve(&listener, |_| b"+OK marked to be deleted\r\n"));
    let mut transaction = transaction(address);
    let mut refused = 0;
    transaction.dele_all(numbers(), |_, _| refused += 1).expect("every answer");
    assert_eq!(refused, 0);
    transaction.abandon().expect("an answer to RSET");
    serving.join().expect("a server that ends");
}

#[test]
fn messages_and_marks_in_one_window_cause_no_deadlock() {
    let listener = listen();
    let address = listener.local_addr().expect("bound");
    let serving = std::thread::spawn(move || {
        serve(&listener, |line| if line.starts_with("RETR") { b"+OK\r\n..a\r\n.\r\n" } else { b"+OK\r\n" });
    });
    let mut transaction = transaction(address);
    let mut retrieval = transaction.retr_all(numbers().take(COMMANDS as usize / 2));
    let (mut octets, mut marked) = (0, 0);
    while let Some(reply) = retrieval.next().expect("every answer") {
        let stored = match reply {
            Reply::Message(number, mut message) => {
                while let Some(chunk) = message.chunk().expect("a whole message") {
                    octets += chunk.len();
                }
                number
            }
            Reply::Marked(_) => {
                marked += 1;
                continue;
            }
            Reply::Refused { .. } => panic!("refused"),
            Reply::Vouched => continue,
        };
        retrieval.dele(stored);
    }
    assert_eq!((octets, marked), (4 * COMMANDS as usize / 2, COMMANDS / 2));
    transaction.abandon().expect("an answer to RSET");
    serving.join().expect("a server that ends");
}

/// Forwards one connection and counts its round trips: how often the client sends after the server did.
fn count_turns(port: u16) -> (u16, std::thread::JoinHandle<u32>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let own = listener.local_addr().expect("bound").port();
    let counting = std::thread::spawn(move || {
        let (client, _) = listener.accept().expect("a client");
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("a server");
        let turns = Arc::new(Mutex::new((0, false)));
        let answers = {
            let (server, client, turns) =
                (server.try_clone().expect("a socket"), client.try_clone().expect("a socket"), turns.clone());
            std::thread::spawn(move || pass_on(server, client, || turns.lock().expect("no panic").1 = false))
        };
        pass_on(client, server, || {
            let (count, client_spoke) = &mut *turns.lock().expect("no panic");
            *count += u32::from(!*client_spoke);
            *client_spoke = true;
        });
        answers.join().expect("no panic");
        let (count, _) = *turns.lock().expect("no panic");
        count
    });
    (own, counting)
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, mut seen: impl FnMut()) {
    let mut piece = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut piece) {
        seen();
        if to.write_all(&piece[..read]).is_err() {
            break;
        }
    }
    // Shutting down fails if the other end is already closed.
    let _ = to.shutdown(Shutdown::Write);
}

#[test]
fn status_over_tls_takes_six_round_trips() {
    let mail = (1..=500).map(|nth| Message::new(format!("u{nth}"), b"Subject: x\r\n\r\n".to_vec())).collect();
    let quirks = Quirks { utf8: None, ..Quirks::default() };
    let server = Mailbox::start(Tls::Implicit, quirks).with_user("alice", "secret", mail);
    let room = Sandbox::new();
    let ca_file = room.path("ca.pem");
    std::fs::write(&ca_file, &server.certificate().ca_pem).expect("a file");
    let (port, counting) = count_turns(server.port());
    let mut command = room.pop3(port);
    command.arg("status").env("POP3_CA_FILE", ca_file).env("POP3_TLS", "implicit");
    run(command).expect(0);
    // Two round trips for the TLS handshake (the greeting answers the second), then CAPA, AUTH, and STAT with UIDL
    // and LIST. The TCP handshake is the sixth. There is no wait for a response to close_notify.
    let turns = counting.join().expect("no panic");
    assert!(turns <= 6, "{turns}");
}
