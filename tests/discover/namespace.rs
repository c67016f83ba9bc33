//! SRV records from the name server in `/etc/resolv.conf`. The tests run in a namespace in which that file is
//! replaced and 127.0.0.1:53 is free, which needs root and `unshare` of util-linux.

use std::net::UdpSocket;
use std::str::FromStr as _;

use domain::base::iana::Rcode;
use domain::base::{Message, MessageBuilder, Name, Rtype, Ttl};
use domain::rdata::Srv;

use super::*;
use crate::support::skip::skipped;
use crate::terminal::Terminal;

/// Set in the part of a test that runs inside the namespace.
const INSIDE: &str = "POP3_TEST_NAMESPACE";

/// The question that is asked about a server outside the domain.
const OUTSIDE: &str = "use pop.outside.test.evil.example? [y/N] ";

/// The records: name, priority, port, target.
const RECORDS: &[(&str, u16, u16, &str)] = &[
    ("_pop3s._tcp.inside.test", 10, 995, "late.inside.test."),
    ("_pop3s._tcp.inside.test", 0, 1995, "pop.inside.test."),
    ("_pop3._tcp.inside.test", 0, 110, "plain.inside.test."),
    ("_pop3s._tcp.half.test", 0, 0, "."),
    ("_pop3._tcp.half.test", 0, 110, "half.test."),
    ("_pop3s._tcp.none.test", 0, 0, "."),
    ("_pop3._tcp.none.test", 0, 0, "."),
    ("_pop3s._tcp.outside.test", 0, 995, "pop.outside.test.evil.example."),
    ("_pop3s._tcp.both.test", 0, 995, "badboth.test."),
    ("_pop3s._tcp.both.test", 10, 995, "pop.both.test."),
    ("_pop3s._tcp.google.test", 0, 995, "pop.gmail.com."),
];

/// Starts a name server with these records and without addresses. For names in `broken.test` it sends malformed
/// answers.
fn name_server() {
    let socket = UdpSocket::bind("127.0.0.1:53").expect("a namespace of its own");
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
            let query = Message::from_slice(&buffer[..length]).expect("a query");
            let question = query.sole_question().expect("a question");
            let name = question.qname().to_string();
            let records: Vec<_> = RECORDS.iter().filter(|(owner, ..)| *owner == name).collect();
            let code = if records.is_empty() { Rcode::NXDOMAIN } else { Rcode::NOERROR };
            let mut answer = MessageBuilder::new_vec().start_answer(query, code).expect("room");
            let name = Name::<Vec<u8>>::from_str(&name).expect("a name");
            for (_, priority, port, target) in records {
                let target = Name::<Vec<u8>>::from_str(target).expect("a name");
                if question.qtype() == Rtype::SRV {
                    answer
                        .push((&name, Ttl::from_secs(1), Srv::new(*priority, 0, *port, target)))
                        .expect("room");
                }
            }
            let mut octets = answer.finish();
            if name.to_string().ends_with("broken.test") {
                octets[3] = 0;
                octets[7] = 9;
            }
            let _ = socket.send_to(&octets, peer);
        }
    });
}

/// Runs the calling test again inside the namespace. Returns false if it did so, or cannot.
fn enter(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        name_server();
        return true;
    }
    let room = Sandbox::new();
    let resolv_conf = room.path("resolv.conf");
    std::fs::write(&resolv_conf, "nameserver 127.0.0.1\noptions timeout:5 attempts:1\n").expect("a file");
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        let script = format!("ip link set lo up && mount --bind \"$0\" /etc/resolv.conf && {script}");
        command.args(["--net", "--mount", "sh", "-c", &script]).arg(&resolv_conf);
        command
    };
    if !unshare("true").output().is_ok_and(|output| output.status.success()) {
        skipped("no network and mount namespaces: needs root, unshare and ip");
        return false;
    }
    let this = std::env::current_exe().expect("a running test");
    let mut command = unshare("exec \"$@\"");
    command.arg(this).args(["--exact", test, "--nocapture"]).env(INSIDE, "1");
    let outcome = run(command).expect(0);
    assert!(outcome.stdout().contains("1 passed"), "{outcome:?}");
    false
}

fn discover(address: &str) -> Outcome {
    let room = Sandbox::new();
    let mut command = room.program(POP3);
    command.args(["login", address]);
    run(command)
}

fn block(address: &str, keys: &str) -> String {
    format!("[account.\"{address}\"]\n{keys}user = \"{address}\"\n")
}

#[test]
fn a_script_gets_only_servers_in_the_domain() {
    if !enter("discover::namespace::a_script_gets_only_servers_in_the_domain") {
        return;
    }
    let outcome = discover("a@inside.test").expect(0);
    let keys = "host = \"pop.inside.test\"\nport = 1995\ntls = \"implicit\"\n";
    assert_eq!((outcome.stdout(), outcome.stderr()), (block("a@inside.test", keys), String::new()));

    let outcome = discover("a@half.test").expect(0);
    assert_eq!(outcome.stdout(), block("a@half.test", "host = \"half.test\"\ntls = \"starttls\"\n"));

    let outcome = discover("a@both.test").expect(0);
    assert_eq!(outcome.stdout(), block("a@both.test", "host = \"pop.both.test\"\ntls = \"implicit\"\n"));
    assert!(outcome.stderr().contains("skipping badboth.test:"), "{outcome:?}");

    let outcome = discover("a@outside.test").expect(68);
    assert_eq!(outcome.stdout(), "");
    assert!(outcome.stderr().contains("skipping pop.outside.test.evil.example:"), "{outcome:?}");
    assert!(outcome.stderr().contains("ISPDB"), "{outcome:?}");

    let outcome = discover("a@none.test").expect(68);
    assert!(outcome.stderr().contains("offers no POP3"), "{outcome:?}");
    assert!(!outcome.stderr().contains("ISPDB"), "the domain has said it: {outcome:?}");

    let outcome = discover("a@broken.test").expect(68);
    assert!(outcome.stderr().contains("malformed answer"), "{outcome:?}");
    assert!(outcome.stderr().contains("ISPDB"), "{outcome:?}");

    discover("a@unknown.test").expect(68);
}

#[test]
fn the_user_is_asked_about_servers_outside_the_domain() {
    if !enter("discover::namespace::the_user_is_asked_about_servers_outside_the_domain") {
        return;
    }
    let room = Sandbox::new();
    let start = |address: &str| Terminal::new(room.program("script"), &format!("{POP3} login {address}"));
    let mut no = start("a@outside.test");
    no.wait_for(OUTSIDE);
    no.type_in(b"n\n");
    let (shown, code) = no.finish();
    assert_eq!(code, Some(68), "{shown}");
    assert!(!shown.contains("[account"), "{shown}");

    let mut end = start("a@outside.test");
    end.wait_for(OUTSIDE);
    end.type_in(b"\x04");
    assert_eq!(end.finish().1, Some(0));

    let mut yes = start("a@outside.test");
    yes.wait_for(OUTSIDE);
    yes.type_in(b"yes\n");
    yes.wait_for("config.toml? [y/N] ");
    assert!(yes.text().contains("host = \"pop.outside.test.evil.example\""), "{}", yes.text());
    yes.type_in(b"no\n");
    assert_eq!(yes.finish().1, Some(0));

    // The server of a known provider is also outside the domain, and may require OAuth 2.0.
    let mut google = start("a@google.test");
    google.wait_for("use pop.gmail.com? [y/N] ");
    google.type_in(b"y\n");
    google.wait_for("client that you registered");
    google.type_in(b"\x04");
    assert_eq!(google.finish().1, Some(0));
    assert!(!config(&room).exists());
}
