use std::net::TcpListener;
use std::thread;

use domain::base::Ttl;
use domain::rdata::Cname;
use proptest::prelude::*;

use super::*;

type Record = (u16, u16, u16, &'static str);

const NAME: &str = "_pop3s._tcp.example.org";

fn limits(milliseconds: u64) -> Limits {
    Limits { timeout: Duration::from_millis(milliseconds), deadline: None }
}

fn name(text: &str) -> Name<Vec<u8>> {
    text.parse().unwrap()
}

/// Returns an answer to a query with these records of `owner`.
fn answer(query: &[u8], owner: &str, records: &[Record]) -> Vec<u8> {
    let query = Message::from_slice(query).unwrap();
    let mut builder = MessageBuilder::new_vec().start_answer(query, Rcode::NOERROR).unwrap();
    for (priority, weight, port, target) in records {
        let data = Srv::new(*priority, *weight, *port, name(target));
        builder.push((name(owner), Ttl::from_secs(60), data)).unwrap();
    }
    builder.finish()
}

fn with_code(query: &[u8], code: Rcode) -> Vec<u8> {
    let query = Message::from_slice(query).unwrap();
    MessageBuilder::new_vec().start_answer(query, code).unwrap().finish()
}

/// A name server that answers every query with the messages that `reply` returns.
fn server(reply: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
            for message in reply(&buffer[..length]) {
                let _ = socket.send_to(&message, peer);
            }
        }
    });
    address
}

fn ask(address: SocketAddr) -> Result<SrvAnswer, Error> {
    NameServers::new(vec![address]).srv(NAME, limits(20_000))
}

fn targets(answer: &SrvAnswer) -> Vec<String> {
    match answer {
        SrvAnswer::Servers(servers) => {
            servers.iter().map(|server| format!("{}:{}", server.target, server.port)).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn servers_are_ordered_by_priority_and_weight() {
    let address = server(|query| {
        let records = [
            (20, 0, 995, "c.example.org"),
            (10, 1, 995, "b.example.org"),
            (10, 9, 1995, "A.Example.org"),
            (5, 0, 0, "no-port.example.org"),
            (5, 0, 995, "192.0.2.1"),
            (5, 0, 995, "a\\032b.example.org"),
            (5, 0, 995, "\\027[31m.example.org"),
        ];
        vec![answer(query, NAME, &records)]
    });
    let answer = ask(address).unwrap();
    assert_eq!(targets(&answer), ["a.example.org:1995", "b.example.org:995", "c.example.org:995"]);
}

#[test]
fn a_dot_as_target_means_not_offered() {
    let dot = server(|query| vec![answer(query, NAME, &[(0, 0, 0, ".")])]);
    assert_eq!(ask(dot).unwrap(), SrvAnswer::NotOffered);
    let empty = server(|query| vec![answer(query, NAME, &[])]);
    assert_eq!(ask(empty).unwrap(), SrvAnswer::None);
    let missing = server(|query| vec![with_code(query, Rcode::NXDOMAIN)]);
    assert_eq!(ask(missing).unwrap(), SrvAnswer::None);
}

#[test]
fn records_of_other_names_are_ignored_and_aliases_followed() {
    let other =
        server(|query| vec![answer(query, "_pop3s._tcp.evil.example", &[(0, 0, 995, "evil.example")])]);
    assert_eq!(ask(other).unwrap(), SrvAnswer::None);
    let alias = server(|query| {
        let query = Message::from_slice(query).unwrap();
        let mut builder = MessageBuilder::new_vec().start_answer(query, Rcode::NOERROR).unwrap();
        let ttl = Ttl::from_secs(60);
        builder.push((name(NAME), ttl, Cname::new(name("srv.example.net")))).unwrap();
        builder.push((name("srv.example.net"), ttl, Srv::new(0, 0, 995, name("pop.example.net")))).unwrap();
        vec![builder.finish()]
    });
    assert_eq!(targets(&ask(alias).unwrap()), ["pop.example.net:995"]);
    let circle = server(|query| {
        let query = Message::from_slice(query).unwrap();
        let mut builder = MessageBuilder::new_vec().start_answer(query, Rcode::NOERROR).unwrap();
        builder.push((name(NAME), Ttl::from_secs(60), Cname::new(name(NAME)))).unwrap();
        vec![builder.finish()]
    });
    let error = ask(circle).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains("malformed answer"), "{error}");
}

/// The identifier and the question must match the query, and the message must be an answer.
#[test]
fn answers_to_other_queries_are_ignored() {
    let address = server(|query| {
        let forged = |change: fn(&mut [u8])| {
            let mut message = answer(query, NAME, &[(0, 0, 995, "evil.example")]);
            change(&mut message);
            message
        };
        vec![
            forged(|message| message[0] ^= 1),
            forged(|message| message[2] &= 0x7f),
            forged(|message| message[13] = b'X'),
            vec![],
            vec![0; 3],
            answer(query, NAME, &[(0, 0, 995, "good.example.org")]),
        ]
    });
    assert_eq!(targets(&ask(address).unwrap()), ["good.example.org:995"]);
}

#[test]
fn the_next_server_is_queried_if_one_fails() {
    let failing = server(|query| vec![with_code(query, Rcode::SERVFAIL)]);
    let good = server(|query| vec![answer(query, NAME, &[(0, 0, 995, "pop.example.org")])]);
    let closed = {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.local_addr().unwrap()
    };
    let servers = NameServers::new(vec![failing, closed, good]);
    assert_eq!(targets(&servers.srv(NAME, limits(20_000)).unwrap()), ["pop.example.org:995"]);
    let error = NameServers::new(vec![failing]).srv(NAME, limits(20_000)).unwrap_err();
    assert!(error.message().contains("SERVFAIL"), "{error}");
    let error = NameServers::new(vec![]).srv(NAME, limits(20_000)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[test]
fn a_silent_server_times_out_at_the_limit_and_the_deadline() {
    let silent = server(|_| vec![]);
    let begun = Instant::now();
    let error = NameServers::new(vec![silent]).srv(NAME, limits(200)).unwrap_err();
    assert_eq!(error.message(), format!("{NAME} was not resolved after 0.2 s"));
    let until = Limits {
        timeout: Duration::from_secs(60),
        deadline: Some(Instant::now() + Duration::from_millis(200)),
    };
    let error = NameServers::new(vec![silent]).srv(NAME, until).unwrap_err();
    assert_eq!(error.message(), format!("{NAME} was not resolved before the deadline"));
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_truncated_answer_is_requested_over_tcp() {
    for silent in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let socket = UdpSocket::bind(address).unwrap();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
                let mut message = with_code(&buffer[..length], Rcode::NOERROR);
                message[2] |= 2;
                let _ = socket.send_to(&message, peer);
            }
        });
        thread::spawn(move || {
            let mut held = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut length = [0; 2];
                stream.read_exact(&mut length).unwrap();
                let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
                stream.read_exact(&mut query).unwrap();
                let records: Vec<Record> =
                    (0..100).map(|weight| (0, weight, 995, "pop.example.org")).collect();
                let message = answer(&query, NAME, &records);
                let length = u16::try_from(message.len()).unwrap();
                stream.write_all(&length.to_be_bytes()).unwrap();
                if !silent {
                    stream.write_all(&message).unwrap();
                }
                held.push(stream);
            }
        });
        let answer = NameServers::new(vec![address]).srv(NAME, limits(if silent { 300 } else { 20_000 }));
        match answer {
            Ok(answer) => assert_eq!((targets(&answer).len(), silent), (100, false)),
            Err(error) => assert!(silent && error.kind() == ErrorKind::Unavailable, "{error}"),
        }
    }
}

#[test]
fn invalid_names_are_refused() {
    let long = format!("_pop3s._tcp.{}example.org", "abcdefgh.".repeat(27));
    for name in [long.as_str(), &format!("_pop3s._tcp.{}", "a".repeat(64))] {
        let error = NameServers::new(vec![]).srv(name, limits(1000)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument, "{name}");
    }
}

#[cfg(unix)]
#[test]
fn resolv_conf_is_parsed() {
    let read = |text: &str| NameServers::parse(text.as_bytes());
    let servers = read(
        "# comment\nnameserver 192.0.2.1\nnonsense\nnameserver 2001:db8::1\noptions timeout:2 attempts:1\n",
    );
    let addresses: Vec<String> = servers.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["192.0.2.1:53", "[2001:db8::1]:53"]);
    assert_eq!((servers.timeout, servers.attempts), (Duration::from_secs(2), 1));
    assert!(read("").addresses.contains(&"127.0.0.1:53".parse().unwrap()));
    let extreme = read("options timeout:0 attempts:4000000000\nnameserver \u{1}\n");
    assert_eq!((extreme.timeout, extreme.attempts), (Duration::from_secs(1), 5));
}

proptest! {
    /// A damaged answer never causes a panic, and never a target that is not a host name.
    #[test]
    fn damaged_answers_are_handled(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..12),
        cut in any::<proptest::sample::Index>(),
        noise in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let query = Query::new(NAME).unwrap().bytes;
        let mut message = answer(&query, NAME, &[(0, 0, 995, "pop.example.org"), (1, 1, 110, "x.example.org")]);
        for (place, byte) in changes {
            let place = place.index(message.len());
            message[place] = byte;
        }
        let whole = message.len() + 1;
        message.truncate(cut.index(whole));
        for bytes in [&message, &noise] {
            if let Ok(SrvAnswer::Servers(servers)) = read(bytes) {
                for server in servers {
                    prop_assert_eq!(Host::parse(&server.target.to_string()).unwrap(), server.target);
                    prop_assert_ne!(server.port, 0);
                }
            }
        }
    }
}
