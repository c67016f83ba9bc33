use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use proptest::prelude::*;

use super::*;

fn header(text: &str) -> Header {
    parse(text.as_bytes(), true)
}

fn subject(value: &[u8]) -> String {
    let message = [b"Subject: ", value, b"\r\n\r\nbody\r\n"].concat();
    parse(&message, false).subject.unwrap()
}

fn mailbox(name: &str, address: &str) -> Mailbox {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Mailbox { name: some(name), address: some(address) }
}

fn from(value: &str) -> Vec<Mailbox> {
    header(&format!("From: {value}\r\n\r\n")).from.unwrap()
}

fn encoded(charset: &str, octets: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    format!("=?{charset}?B?{}?=", base64::engine::general_purpose::STANDARD.encode(octets)).into_bytes()
}

#[test]
fn a_header_is_read() {
    let read = header(
        "Received: from a\r\n\tby b; Sat, 1 Mar 2025 14:03:00 +0000\r\nDATE: Sat, 1 Mar 2025 14:03:00 +0530 (IST)\r\n\
         From: Alice <alice@example.org>\r\nTo: bob@example.org\r\ncc: Group: c@example.org, D <d@example.org>;\r\n\
         To: \"Last, First\" <e@example.org>\r\nSubject : Hello\r\n  world\r\nMessage-Id: <1@example.org>\r\n\
         Subject: second\r\nX-Empty:\r\n\r\nSubject: body\r\n",
    );
    assert_eq!(read.date.unwrap(), "2025-03-01T14:03:00+05:30");
    assert_eq!(read.from.unwrap(), [mailbox("Alice", "alice@example.org")]);
    assert_eq!(read.to.unwrap(), [mailbox("", "bob@example.org"), mailbox("Last, First", "e@example.org")]);
    assert_eq!(read.cc.unwrap(), [mailbox("", "c@example.org"), mailbox("D", "d@example.org")]);
    assert_eq!(read.subject.unwrap(), "Hello  world");
    assert_eq!(read.message_id.unwrap(), "1@example.org");
    let names: Vec<_> = read.fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["Received", "DATE", "From", "To", "cc", "To", "Subject", "Message-Id", "Subject", "X-Empty"]
    );
    assert_eq!(read.fields[0].1, "from a by b; Sat, 1 Mar 2025 14:03:00 +0000");
    assert_eq!(read.fields[9].1, "");
}

#[test]
fn missing_is_not_empty() {
    for message in [
        "",
        "\r\n",
        "\r\nSubject: body\r\n",
        "no field\r\n",
        "X: y",
        "From alice Sat Mar  1 14:03:00 2025\r\n more: x",
    ] {
        let read = header(message);
        assert_eq!(Header { fields: Vec::new(), ..read }, Header::default(), "{message:?}");
    }
    let empty = header("From:\r\nTo: \r\nCc:;\r\nSubject:\r\nMessage-ID: \r\nDate:\r\n\r\n");
    assert_eq!(empty.from, Some(Vec::new()));
    assert_eq!(empty.to, Some(Vec::new()));
    assert_eq!(empty.cc, Some(Vec::new()));
    assert_eq!(empty.subject.as_deref(), Some(""));
    assert_eq!(empty.message_id.as_deref(), Some(""));
    assert_eq!(empty.date, None);
    assert_eq!(header("Subject: no end of line").subject.as_deref(), Some("no end of line"));
    assert_eq!(header("Subject: a\n\tb\nTo: x@y\n\nbody").subject.as_deref(), Some("a b"));
}

#[test]
fn words_are_decoded() {
    let table: &[(&str, &str)] = &[
        ("=?utf-8?Q?caf=C3=A9?=", "café"),
        ("=?UTF-8?b?Y2Fmw6k=?=", "café"),
        ("=?UTF-8?B?Y2Fmw6k?=", "café"),
        ("=?iso-8859-1?q?a_b=5Fc?= tail", "a b_c tail"),
        ("=?utf-8*de?Q?gr=C3=BCn?=", "grün"),
        ("lead =?utf-8?Q?=C3=A9?=\r\n =?utf-8?Q?t=C3=A9?=", "lead été"),
        ("=?utf-8?Q?caf=C3?= =?UTF-8?B?qQ==?=", "café"),
        ("=?utf-8?B?5pel5pw=?=\r\n\t=?utf-8?B?rOiqng==?=", "日本語"),
        ("=?utf-8?Q?a?= =?iso-8859-1?Q?=E9?= b", "aé b"),
        ("=?utf-8?Q??=", ""),
        ("=?utf-8?Q?with space?= x", "with space x"),
        ("=?utf-8?Q?=41=4?= =?utf-8?Q?why??=", "A=4why?"),
        ("=?x-unknown?Q?=C3=A9?=", "é"),
        ("=?x-unknown?Q?=E9?=", "é"),
        ("=?utf-8?Q?=FF?=", "\u{fffd}"),
        // Not encoded words: they stay.
        ("=?utf-8?Q?no end", "=?utf-8?Q?no end"),
        ("=?utf-8?X?a?= b", "=?utf-8?X?a?= b"),
        ("=??Q?a?=", "=??Q?a?="),
        ("=?a b?Q?a?=", "=?a b?Q?a?="),
        ("=?utf-8?B?***?=", "=?utf-8?B?***?="),
        ("1 =? 2 ?= 3", "1 =? 2 ?= 3"),
        ("=?utf-8?Q", "=?utf-8?Q"),
        ("=?utf-8?\u{e9}?a?=", "=?utf-8?\u{e9}?a?="),
    ];
    for (raw, decoded) in table {
        assert_eq!(subject(raw.as_bytes()), *decoded, "{raw:?}");
    }
}

/// Every charset that mail-parser has a decoder for; the octets are Python's.
#[test]
fn charsets_are_known() {
    let table: &[(&str, &[u8], &str)] = &[
        ("ISO-2022-JP", b"\x1b$BF|K\\8l\x1b(B", "日本語"),
        ("Shift_JIS", b"\x93\xfa\x96{\x8c\xea", "日本語"),
        ("cp932", b"\x93\xfa\x96{\x8c\xea", "日本語"),
        ("EUC-JP", b"\xc6\xfc\xcb\xdc\xb8\xec", "日本語"),
        ("KOI8-R", b"\xf0\xd2\xc9\xd7\xc5\xd4", "Привет"),
        ("windows-1251", b"\xcf\xf0\xe8\xe2\xe5\xf2", "Привет"),
        ("GB18030", b"\xc4\xe3\xba\xc3", "你好"),
        ("gb2312", b"\xc4\xe3\xba\xc3", "你好"),
        ("Big5", b"\xa7A\xa6n", "你好"),
        ("EUC-KR", b"\xbe\xc8\xb3\xe7", "안녕"),
        ("ks_c_5601-1987", b"\xbe\xc8\xb3\xe7", "안녕"),
        ("iso-8859-15", b"\xa4", "€"),
        ("us-ascii", b"plain", "plain"),
        ("utf-7", b"+ZeVnLIqe", "日本語"),
        ("UTF-7", b"1 +- 1 = +AKM-2.", "1 + 1 = £2."),
        ("utf-16be", b"\x65\xe5", "日"),
        ("ibm850", b"Gr\x94\xe1e \xd1", "Größe Ð"),
        ("cp866", b"\x8f\xe0\xa8\xa2\xa5\xe2", "Привет"),
        ("iso-8859-1", b"na\xefve \x93\x80\x94", "naïve “€”"),
        ("iso-8859-6", b"\xd3\xe4\xc7\xe5", "سلام"),
        ("gbk", b"\xc4\xe3\xba\xc3", "你好"),
        ("windows-1250", b"\x8elu\x9dou\xe8k\xfd", "Žluťoučký"),
        ("windows-1253", b"\xc3\xe5\xe9\xdc", "Γειά"),
        ("windows-1254", b"\xdd\xfe\xf0", "İşğ"),
        ("windows-1255", b"\xf9\xec\xe5\xed", "שלום"),
        ("windows-1256", b"\xd3\xe1\xc7\xe3 \x81", "سلام پ"),
        ("windows-1257", b"\xc0\xfeuolas", "Ąžuolas"),
        ("windows-1258", b"\xd0\xf5 \xfe", "Đơ ₫"),
        ("iso-8859-2", b"\xa3\xf3d\xbc", "Łódź"),
        ("iso-8859-3", b"\xc6\xf8\xb1", "Ĉĝħ"),
        ("iso-8859-4", b"\xab\xf3\xf1", "Ģķņ"),
        ("iso-8859-5", b"\xbf\xe0\xd8\xd2\xd5\xe2 \xf0", "Привет №"),
        ("iso-8859-7", b"\xc3\xe5\xe9\xdc", "Γειά"),
        ("iso-8859-8", b"\xf9\xec\xe5\xed", "שלום"),
        ("iso-8859-9", b"\xdd\xfe\xf0", "İşğ"),
        ("iso-8859-10", b"\xaf\xbb\xb9", "Ŋŧđ"),
        ("tis-620", b"\xca\xc7\xd1\xca\xb4\xd5", "สวัสดี"),
        ("iso-8859-13", b"\xc0\xfeuolas", "Ąžuolas"),
        ("iso-8859-14", b"\xd0\xfe \xa4", "Ŵŷ Ċ"),
        ("iso-8859-16", b"\xaa\xfe \xa4", "Șț €"),
        ("koi8-u", b"\xeb\xc9\xa7\xd7", "Київ"),
        ("macintosh", b"Gr\x9a\xa7e \xa0", "Größe †"),
        ("x-mac-cyrillic", b"\x8f\xf0\xe8\xe2\xe5\xf2", "Привет"),
        ("windows-874", b"\xca\xc7\xd1\xca\xb4\xd5 \x80", "สวัสดี €"),
        ("utf-16le", b"\xe5e,g", "日本"),
    ];
    for (charset, octets, text) in table {
        assert_eq!(subject(&encoded(charset, octets)), *text, "{charset}");
        // Cut in two in every place, as a mailer that counts octets does.
        for at in 1..octets.len() {
            let (first, second) = octets.split_at(at);
            let words = [encoded(charset, first), b"\r\n ".to_vec(), encoded(charset, second)].concat();
            assert_eq!(subject(&words), *text, "{charset} cut at {at}");
        }
    }
    // Each word shifts back to ASCII, as RFC 1468 wants it.
    let words = [
        encoded("iso-2022-jp", b"\x1b$BF|\x1b(B"),
        b" ".to_vec(),
        encoded("iso-2022-jp", b"\x1b$BK\\\x1b(B"),
    ];
    assert_eq!(subject(&words.concat()), "日本");
}

#[test]
fn raw_octets_are_utf8_or_windows_1252() {
    assert_eq!(subject("日本語".as_bytes()), "日本語");
    assert_eq!(subject(b"caf\xe9 \x80 5"), "café € 5");
    assert_eq!(subject(b"caf\xe9 =?utf-8?Q?=C3=A9?="), "café é");
    let message = b"From: Ren\xe9 <r@example.org>\r\nX: \xff\r\n\r\n";
    let read = parse(message, true);
    assert_eq!(read.from.unwrap(), [mailbox("René", "r@example.org")]);
    assert_eq!(read.fields[1].1, "ÿ");
}

#[test]
fn addresses_are_read() {
    let table: &[(&str, &[(&str, &str)])] = &[
        ("a@b", &[("", "a@b")]),
        ("<a@b>", &[("", "a@b")]),
        ("A B <a@b>, c@d", &[("A B", "a@b"), ("", "c@d")]),
        ("\"B, A\" <a@b>", &[("B, A", "a@b")]),
        ("\"A \\\"x\\\" B\" <a@b>", &[("A \"x\" B", "a@b")]),
        ("a@b (A B)", &[("A B", "a@b")]),
        ("\"\" <a@b>", &[("", "a@b")]),
        ("undisclosed-recipients:;", &[]),
        ("G: a@b, C <c@d>;, e@f", &[("", "a@b"), ("C", "c@d"), ("", "e@f")]),
        ("=?utf-8?Q?Ren=C3=A9?= <a@b>", &[("René", "a@b")]),
        ("=?utf-8?Q?Ren=C3?=\r\n =?utf-8?Q?=A9?= X <a@b>", &[("René X", "a@b")]),
        ("\"=?utf-8?Q?Ren=C3=A9?=\" <a@b>", &[("René", "a@b")]),
        ("a@b (=?utf-8?Q?Ren=C3=A9?=)", &[("René", "a@b")]),
        // An encoded name is a name, whatever is in it.
        (
            "=?utf-8?Q?boss=40bank=2Ecom_=3Cboss=40bank=2Ecom=3E=2C?= <a@b>",
            &[("boss@bank.com <boss@bank.com>,", "a@b")],
        ),
        ("=?utf-8?Q?no end <a@b>", &[("=?utf-8?Q?no end", "a@b")]),
        ("用户 <用户@例子.广告>", &[("用户", "用户@例子.广告")]),
        ("Nobody At All", &[("Nobody At All", "")]),
    ];
    for (raw, list) in table {
        let list: Vec<_> = list.iter().map(|(name, address)| mailbox(name, address)).collect();
        assert_eq!(from(raw), list, "{raw:?}");
    }
}

#[test]
fn dates_are_possible_or_none() {
    let table = [
        ("Sat, 1 Mar 2025 14:03:00 +0530", Some("2025-03-01T14:03:00+05:30")),
        ("1 Mar 2025 14:03 -0800", Some("2025-03-01T14:03:00-08:00")),
        ("Mon, 1 Mar 2025 14:03:00 +0000", Some("2025-03-01T14:03:00+00:00")),
        ("Sat, 1 Mar 25 14:03:00 GMT", Some("2025-03-01T14:03:00+00:00")),
        ("1 Mar 1997 01:02:03 EST", Some("1997-03-01T01:02:03-05:00")),
        ("Sat, 01 Mar 2025 14:03:00 +0100 (CET (winter))", Some("2025-03-01T14:03:00+01:00")),
        ("Sat,  1  mar  2025  14:03:00  +0100", Some("2025-03-01T14:03:00+01:00")),
        ("Sat 1 Mar 2025 14:03:00 +0100", Some("2025-03-01T14:03:00+01:00")),
        ("29 Feb 2024 00:00:00 +0000", Some("2024-02-29T00:00:00+00:00")),
        ("29 Feb 2025 00:00:00 +0000", None),
        ("31 Feb 2025 00:00:00 +0000", None),
        ("32 Jan 2025 00:00:00 +0000", None),
        ("0 Jan 2025 00:00:00 +0000", None),
        ("1 Jan 2025 25:00:00 +0000", None),
        ("1 Jan 2025 00:61:00 +0000", None),
        ("1 Jan 2025 00:00:99 +0000", None),
        ("1 Jan 2025 00:00:00 +9999", None),
        ("1 Jan 2025 00:00:00 +2400", None),
        ("1 Jan 2025 00:00:00 +0060", None),
        ("1 Foo 2025 00:00:00 +0000", None),
        ("123 Jan 2025 00:00:00 +0000", None),
        ("1 Jan 99999 00:00:00 +0000", None),
        ("yesterday", None),
        ("", None),
        ("+", None),
    ];
    for (raw, date) in table {
        assert_eq!(header(&format!("Date: {raw}\r\n\r\n")).date.as_deref(), date, "{raw:?}");
    }
}

#[test]
fn previews_are_raw_lines() {
    let message = b"Subject: x\r\n\r\nfirst\r\n\r\n  caf\xe9\r\n=?utf-8?Q?x?=\nlast";
    assert_eq!(preview(message, 99).collect::<Vec<_>>(), ["first", "", "  café", "=?utf-8?Q?x?=", "last"]);
    assert_eq!(preview(message, 1).collect::<Vec<_>>(), ["first"]);
    assert_eq!(preview(message, 0).collect::<Vec<_>>(), [""; 0]);
    assert_eq!(preview(b"Subject: x\r\n", 9).collect::<Vec<_>>(), [""; 0]);
    assert_eq!(preview(b"Subject: x\r\n\r\n", 9).collect::<Vec<_>>(), [""; 0]);
    assert_eq!(preview(b"\r\nbody\r\n", 9).collect::<Vec<_>>(), ["body"]);
}

/// Ten megabytes in one line, and all that invites to begin again from every octet: a megabyte of it would take hours.
#[test]
fn bombs_take_linear_time() {
    let mut lines = String::new();
    for number in 0..100_000 {
        writeln!(lines, "X-{number}: y\r").unwrap();
    }
    let mut bombs = vec![
        lines,
        format!("Subject: {}\r\n", "x".repeat(10 << 20)),
        format!("Subject: x\r\n{}\r\n", " y\r\n".repeat(SIZE / 4)),
        "From: a@b\r\n".repeat(100_000),
        "x".repeat(SIZE),
        "\n".repeat(SIZE),
        ":\n".repeat(SIZE / 2),
    ];
    for name in ["Subject", "From", "Date", "Message-ID", "X"] {
        for unit in UNITS {
            bombs.push(format!("{name}: {}\r\n\r\n", unit.repeat(SIZE / unit.len())));
        }
    }
    for bomb in bombs {
        let began = Instant::now();
        drop(parse(bomb.as_bytes(), true));
        preview(bomb.as_bytes(), 10).for_each(drop);
        let took = began.elapsed();
        assert!(took < Duration::from_secs(20), "{took:?} for {:?}…", &bomb[..40]);
    }
}

#[test]
fn every_short_sequence_of_every_charset_decodes() {
    // mail-parser reserves four octets of text for each octet and asserts that they suffice.
    let charsets = [
        "shift_jis",
        "euc-jp",
        "iso-2022-jp",
        "big5",
        "gb18030",
        "gbk",
        "euc-kr",
        "iso-2022-kr",
        "hz-gb-2312",
        "utf-16",
        "ibm866",
        "x-user-defined",
    ];
    for charset in charsets {
        for first in 0..=u8::MAX {
            charset::decode(charset, &[first]);
            for second in 0..=u8::MAX {
                charset::decode(charset, &[first, second]);
                charset::decode(charset, &[first, 0x1b, second]);
            }
        }
    }
}

proptest! {
    #[test]
    fn any_octets_are_no_panic(octets: Vec<u8>) {
        drop(parse(&octets, true));
        preview(&octets, 3).for_each(drop);
    }

    #[test]
    fn anything_like_a_header_is_no_panic(
        name in "From|To|Cc|Subject|Date|Message-ID|X",
        value in "([ -~\t\u{e9}\u{65e5}]|\r\n |=\\?(utf-8|utf-7|iso-2022-jp|x)\\?[QBx]\\?[ -~]{0,8}\\?=|[0-9]{1,5}[ :]|[()<>\"\\\\,;:@]){0,40}",
    ) {
        let message = format!("{name}: {value}\r\n\r\n");
        let read = header(&message);
        prop_assert_eq!(read.fields.len(), 1);
    }

    #[test]
    fn encoded_text_comes_back(text: String, cut in 0_usize..64) {
        let cut = cut.min(text.len());
        let words = [encoded("utf-8", &text.as_bytes()[..cut]), b" ".to_vec(), encoded("utf-8", &text.as_bytes()[cut..])];
        prop_assert_eq!(subject(&words.concat()), text);
    }
}

const SIZE: usize = 1 << 20;

const UNITS: [&str; 22] = [
    "x",
    "(",
    ")",
    "<",
    "\"",
    "\\",
    ",",
    ";",
    ":",
    "a:",
    "=?",
    " =?",
    " =?ab?q?x",
    "=?ab?b?AAAA",
    "=?utf-8?q?x?= ",
    " =?=",
    "?=",
    "+",
    " 1",
    "@",
    "<(",
    "=?utf-7?q?+A?= ",
];
