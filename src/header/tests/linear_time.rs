//! Checks that the number of examined bytes is proportional to the length of the text. `benches/header.rs` measures
//! time.

use proptest::prelude::*;

use super::super::{fields, parse, preview, steps};

/// Returns the number of bytes that are examined to parse a field.
fn work(name: &str, body: &str) -> usize {
    let message = [name, ": ", body, "\r\n\r\n"].concat();
    steps::take();
    drop(parse(message.as_bytes()));
    steps::take()
}

fn assert_linear(name: &str, unit: &str, end: &str) {
    let body = |length: usize| [&unit.repeat(length / unit.len()), end].concat();
    let (short, long) = (work(name, &body(SHORT)), work(name, &body(LONG)));
    let bound = short * (LONG / SHORT) * 5 / 4 + SHORT;
    assert!(long <= bound, "{name}: {unit:?} … {end:?}: {short} bytes examined, then {long}");
    assert!(short <= SHORT * MAX_PASSES, "{name}: {unit:?} … {end:?}: {short} bytes examined");
}

/// Text for which a naive parser restarts at every byte.
#[test]
fn hostile_fields() {
    for name in NAMES {
        for unit in UNITS {
            for end in ["", "@a.example", "\"", ")"] {
                assert_linear(name, unit, end);
            }
        }
    }
}

#[test]
fn hostile_headers() {
    for unit in
        ["X: y\r\n", "X", "\n", ":\n", "From: a@b\r\n", "Subject: \u{80}\r\n", " \u{80}\r\n", "Date: (\r\n"]
    {
        for begin in ["", "Subject: x\r\n", "From: x\r\n", "Date: 1\r\n"] {
            let message = |length: usize| [begin, &unit.repeat(length / unit.len())].concat().into_bytes();
            let work = |message: &[u8]| {
                steps::take();
                drop(parse(message));
                fields(message).take(10).for_each(|field| drop((field.text(), field.mailboxes())));
                preview(message, 10).for_each(drop);
                steps::take()
            };
            let (short, long) = (work(&message(SHORT)), work(&message(LONG)));
            assert!(
                long <= short * (LONG / SHORT) * 5 / 4 + SHORT,
                "{begin:?} {unit:?}: {short}, then {long}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_pattern(
        name in prop::sample::select(&NAMES[..]),
        unit in prop::collection::vec(prop::sample::select(&PIECES[..]), 1..8),
        end in prop::sample::select(&PIECES[..]),
    ) {
        assert_linear(name, &unit.concat(), end);
    }
}

const NAMES: [&str; 4] = ["Subject", "From", "Date", "Message-ID"];

const SHORT: usize = 1 << 12;
const LONG: usize = 1 << 14;

/// The maximum number of times that a byte may be examined: as part of an address, a gap, an encoded word, a name,
/// and so on.
const MAX_PASSES: usize = 16;

const PIECES: [&str; 36] = [
    "a",
    ".",
    "@",
    " ",
    "\t",
    ",",
    ";",
    ":",
    "<",
    ">",
    "(",
    ")",
    "[",
    "]",
    "\"",
    "\\",
    "=?",
    "?=",
    "=?x?q?",
    "=?x?b?",
    "?",
    "=",
    "\u{e9}",
    "\u{3000}",
    "a@b",
    "a@[",
    "<a.",
    "\"a\"",
    "(a)",
    "<@a:",
    "=?utf-8?q?x?=",
    "\"<\".",
    "1",
    "1:",
    "Mon",
    "\u{fffd}",
];

const UNITS: [&str; 60] = [
    "x",
    "(",
    ")",
    "<",
    ">",
    "\"",
    "\\",
    ",",
    ";",
    ":",
    "@",
    ".",
    "[",
    "]",
    "a:",
    "a;",
    "=?",
    " =?",
    "=?a?q?x",
    " =?ab?q?x",
    "=?ab?b?AAAA",
    "=?utf-8?q?x?= ",
    "=?utf-8?b?QQ?= ",
    " =?=",
    "?=",
    "+",
    " 1",
    "<(",
    "<\"",
    "a@[<",
    "<@a,",
    "a.\"a\".",
    "\"a\".",
    "a@b ",
    "a@b c@d ",
    "(a)<",
    "[(",
    "\\\"",
    "<a@b",
    "=?utf-7?q?+A?= ",
    "=?=?=",
    "=?utf-8?Q?",
    "=?x?q?",
    " a",
    "\"a\"@",
    "a@b,",
    "<@a:",
    "(a)",
    "()",
    "\"\"",
    "a.",
    "=a.",
    "=",
    "\u{3000}",
    "\u{e9}",
    "\"<\".",
    "<a.",
    "\t",
    "=?cp437?q?=80?= ",
    "a@[b]",
];
