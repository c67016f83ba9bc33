//! Tests rows as text, in a pipe and on terminals of several widths.

use std::{cell::LazyCell, io};

use jiff::{Timestamp, civil::date, tz::TimeZone};
use proptest::prelude::*;

use super::*;
use crate::bytes::rfc3339;
use crate::cli::json::{
    self, Certificate, Delete, Deletion, Expire, Fetch, Headers, Mailbox, Preview, Refused, Server, Sha256,
    Status, Uidl,
};
use crate::header::Date;

fn format(terminal: Option<usize>) -> Format {
    let now = LazyCell::new(
        (|| date(2025, 3, 6).at(18, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap()) as fn() -> Zoned,
    );
    Format { json: false, color: false, terminal, now }
}

fn printed(format: Format, print: impl FnOnce(&mut Printer<'_>) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    let mut printer = Printer::new(format, &mut out);
    print(&mut printer).unwrap();
    printer.flush().unwrap();
    drop(printer);
    String::from_utf8(out).unwrap()
}

fn uidl(number: u32, uid: Option<&str>) -> Uidl {
    Uidl { number, uid: uid.map(str::to_owned), octets: Some(24_120), new: Some(number % 2 == 1) }
}

fn headers(from: &str, subject: &str) -> Headers<'static> {
    Headers {
        message: uidl(3, Some("u")),
        date: Date::parse("Thu, 6 Mar 2025 14:03:00 +0000").map(json::Date),
        from: Some(vec![Mailbox { name: None, address: Some(from.into()) }]),
        to: None,
        cc: None,
        subject: Some(subject.into()),
        message_id: None,
        fields: None,
        preview: None,
    }
}

#[test]
fn status_is_one_line() {
    let mut status =
        Status { messages: 3, octets: 24_100, new_messages: Some(2), new_octets: Some(12_000), server: None };
    assert_eq!(printed(format(None), |out| out.status(&status)), "3 messages, 24.1 kB; 2 new, 12 kB\n");
    status.new_messages = None;
    status.messages = 1;
    assert_eq!(printed(format(None), |out| out.status(&status)), "1 message, 24.1 kB\n");
}

#[test]
fn status_describes_the_server() {
    let server = Server {
        greeting: "+OK \x1b[31mready".into(),
        capabilities: Some(vec!["USER".into(), "SASL PLAIN".into()]),
        certificate: Some(Certificate {
            subject: "CN=a".into(),
            issuer: "CN=b".into(),
            not_before: rfc3339(0),
            not_after: rfc3339(1_700_000_000),
            sha256: "ab".into(),
        }),
        tls_version: Some("TLSv1.3".into()),
        expire: Some(Expire::Days(0)),
        ..Server::default()
    };
    let status =
        Status { messages: 0, octets: 0, new_messages: None, new_octets: None, server: Some(server) };
    assert_eq!(
        printed(format(None), |out| out.status(&status)),
        "0 messages, 0 B\ngreeting      +OK \\x1b[31mready\ncapabilities  USER, SASL PLAIN\ntls           TLSv1.3\n\
         certificate   CN=a\nissuer        CN=b\nvalid         1970-01-01T00:00:00Z to 2023-11-14T22:13:20Z\n\
         sha-256       ab\nexpire        0 days\n"
    );
}

#[test]
fn listings_line_up() {
    let shown = printed(format(None), |out| {
        let [a, b] = ["a", "b\x1bcd"].map(|id| UniqueId::try_from(id).unwrap());
        out.fit([(9, Some(&a)), (10_000, Some(&b)), (10_001, None)]);
        out.uidl(&uidl(9, Some("a")))?;
        out.uidl(&uidl(10_000, Some("b\x1bcd")))?;
        out.uidl(&uidl(10_001, None))
    });
    assert_eq!(
        shown,
        "    9  *  a         24.1 kB\n10000     b\\x1bcd   24.1 kB\n10001  *  -         24.1 kB\n"
    );
}

#[test]
fn headers_are_whole_in_a_pipe_and_cut_on_a_terminal() {
    let long = headers("alice-with-a-long-name@example.org", &"日本語".repeat(20));
    let piped = printed(format(None), |out| out.headers(&long));
    assert_eq!(
        piped,
        format!(
            "   3  *  2025-03-06 14:03  alice-with-a-long-name@example.org   24.1 kB  {}\n",
            "日本語".repeat(20)
        )
    );
    let shown = printed(format(Some(80)), |out| out.headers(&long));
    assert_eq!(shown, "   3  *  today 14:03  alice-with-a-long-n…   24.1 kB  日本語日本語日本語日本語…\n");
    assert!(width(shown.trim_end()) <= 80);
}

#[test]
fn a_leap_second_belongs_to_the_minute_before_it() {
    let mut message = headers("a@b", "s");
    message.date = Date::parse("Sat, 31 Dec 2016 23:59:60 +0000").map(json::Date);
    assert!(printed(format(None), |out| out.headers(&message)).contains("2016-12-31 23:59"));
}

#[test]
fn recent_dates_are_relative() {
    let table = [
        ("2025-03-06T00:00:00+00:00", "today 00:00"),
        ("2025-03-06T01:00:00+05:00", "Wed 20:00"),
        ("2025-02-28T12:00:00+00:00", "Fri 12:00"),
        ("2025-02-27T12:00:00+00:00", "2025-02-27"),
        ("2025-03-07T00:00:00+00:00", "2025-03-07"),
        ("0000-01-01T00:00:00+23:00", "-001-12-31"),
    ];
    let printer = Printer::new(format(Some(80)), io::sink());
    for (date, shown) in table {
        let seconds = date.parse::<Timestamp>().unwrap().as_second();
        assert_eq!(printer.date(Some(seconds)), shown, "{date}");
    }
    assert_eq!(printer.date(None), "-");
    assert_eq!(printer.date(Some(i64::MAX)), "-");
}

#[test]
fn fields_and_preview_follow_the_row() {
    let mut message = headers("a@b", "");
    message.fields = Some(vec![("Subject".into(), "\x1b]0;x\x07".into())]);
    message.preview = Some(Preview { message: "\n\tone\u{2028}\n\ntwo\n".as_bytes(), lines: 9 });
    let shown = printed(format(None), |out| out.headers(&message));
    let mut lines = shown.lines();
    assert!(lines.next().unwrap().ends_with("(no subject)"));
    let rest: Vec<_> = lines.collect();
    assert_eq!(rest, ["      Subject: \\x1b]0;x\\x07", "", "          one\\u{2028}", "", "      two"]);
}

#[test]
fn rows_end_with_what_became_of_a_message() {
    let sha256 = Some(Sha256([0; 32]));
    let fetch = |path: Option<&str>, sha256: Option<Sha256>, deleted| Fetch {
        number: 1,
        uid: None,
        octets: Some(345),
        path: path.map(str::to_owned),
        path_encoded: false,
        sha256,
        deleted,
        kept: false,
    };
    let shown = printed(format(Some(20)), |out| {
        out.fetch(&fetch(Some("C:\\mail\\a-name-longer-than-the-terminal.eml"), sha256, Deletion::Done))?;
        out.fetch(&fetch(None, sha256, Deletion::No))?;
        out.fetch(&fetch(None, None, Deletion::Unknown))?;
        out.refused(&Refused { number: 2, uid: None, error: "-ERR \x1bno".into() })
    });
    assert_eq!(
        shown,
        "   1     345 B  C:\\mail\\a-name-longer-than-the-terminal.eml  deleted\n   1     345 B  passed on\n   \
         1     345 B  stored before  perhaps deleted\n   2  refused: -ERR \\x1bno\n"
    );
    let delete = |deleted| Delete { number: 1, uid: Some("u".into()), octets: Some(1), deleted };
    let shown = printed(format(None), |out| {
        out.delete(&delete(Deletion::Marked))?;
        out.delete(&delete(Deletion::Failed))
    });
    assert_eq!(shown, "   1  u       1 B  marked\n   1  u       1 B  not deleted\n");
}

#[test]
fn json_rows_are_json() {
    let json = Format { json: true, ..format(None) };
    let shown = printed(json, |out| out.uidl(&uidl(1, Some("é"))));
    assert_eq!(shown, "{\"number\":1,\"uid\":\"\\u00e9\",\"octets\":24120,\"new\":true}\n");
}

#[test]
fn color_only_where_it_is_asked_for() {
    let colored = Format { color: true, ..format(Some(80)) };
    assert!(printed(colored, |out| out.headers(&headers("a@b", "x"))).contains("\x1b["));
    assert!(!printed(format(Some(80)), |out| out.headers(&headers("a@b", "x"))).contains('\x1b'));
}

#[test]
fn a_closed_pipe_is_an_error_of_the_caller() {
    struct Closed;
    impl io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut printer = Printer::new(format(None), Closed);
    printer.headers(&headers("a@b", "x")).unwrap();
    let error = printer.flush().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
}

proptest! {
    #[test]
    fn a_row_is_one_line_within_the_terminal(from: String, subject: String, columns in 70_usize..200) {
        let shown = printed(format(Some(columns)), |out| out.headers(&headers(&from, &subject)));
        let line = shown.strip_suffix('\n').unwrap();
        prop_assert!(!line.chars().any(char::is_control));
        let acts = line.contains(['\u{2028}', '\u{202e}']);
        prop_assert!(!acts);
    }
}
