mod address;
mod charset;
mod corpus;
mod date;
mod encoded_word;
mod linear_time;

use proptest::prelude::*;

use super::*;

fn header(text: &str) -> Header {
    parse(text.as_bytes())
}

fn subject(value: &[u8]) -> String {
    let message = [b"Subject: ", value, b"\r\n\r\nbody\r\n"].concat();
    parse(&message).subject.unwrap()
}

fn mailbox(name: &str, address: &str) -> Mailbox {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Mailbox { name: some(name), address: some(address) }
}

fn b_word(charset: &str, bytes: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    format!("=?{charset}?B?{}?=", base64::engine::general_purpose::STANDARD.encode(bytes)).into_bytes()
}

fn q_word(charset: &str, bytes: &[u8]) -> Vec<u8> {
    let hex: Vec<_> = bytes.iter().map(|byte| format!("={byte:02X}")).collect();
    format!("=?{charset}?Q?{}?=", hex.concat()).into_bytes()
}

#[test]
fn a_header_is_parsed() {
    let message = "Received: from a\r\n\tby b; Sat, 1 Mar 2025 14:03:00 +0000\r\nDATE: Sat, 1 Mar 2025 14:03:00 +0530 (IST)\r\n\
         From: Alice <alice@example.org>\r\nTo: bob@example.org\r\ncc: Group: c@example.org, D <d@example.org>;\r\n\
         To: \"Last, First\" <e@example.org>\r\nSubject : Hello\r\n  world\r\nMessage-Id: <1@example.org>\r\n\
         Subject: second\r\nX-Empty:\r\n\r\nSubject: body\r\n";
    let read = header(message);
    assert_eq!(read.date.unwrap().to_string(), "2025-03-01T14:03:00+05:30");
    assert_eq!(read.from.unwrap(), [mailbox("Alice", "alice@example.org")]);
    assert_eq!(read.to.unwrap(), [mailbox("", "bob@example.org"), mailbox("Last, First", "e@example.org")]);
    assert_eq!(read.cc.unwrap(), [mailbox("", "c@example.org"), mailbox("D", "d@example.org")]);
    assert_eq!(read.subject.unwrap(), "Hello  world");
    assert_eq!(read.message_id.unwrap(), "1@example.org");
    let names: Vec<_> = fields(message.as_bytes()).map(|field| field.name()).collect();
    assert_eq!(
        names,
        ["Received", "DATE", "From", "To", "cc", "To", "Subject", "Message-Id", "Subject", "X-Empty"]
    );
    let texts: Vec<_> = fields(message.as_bytes()).map(|field| field.text()).collect();
    assert_eq!(texts[0], "from a by b; Sat, 1 Mar 2025 14:03:00 +0000");
    assert_eq!(texts[9], "");
}

#[test]
fn missing_and_empty_fields_differ() {
    for message in [
        "",
        "\r\n",
        "\r\nSubject: body\r\n",
        "no field\r\n",
        "X: y",
        "From alice Sat Mar  1 14:03:00 2025\r\n more: x",
    ] {
        assert_eq!(header(message), Header::default(), "{message:?}");
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
fn the_first_of_repeated_fields_is_used() {
    let read = header(
        "Date: never\r\nDate: Sat, 1 Mar 2025 14:03:00 +0000\r\nMessage-ID: <1@a>\r\nMessage-ID: <2@a>\r\n\r\n",
    );
    assert_eq!(read.date, None);
    assert_eq!(read.message_id.unwrap(), "1@a");
}

#[test]
fn a_byte_order_mark_before_the_first_field_is_ignored() {
    assert_eq!(header("\u{feff}Subject: x\r\n\r\n").subject.as_deref(), Some("x"));
    assert_eq!(header("X: y\r\n\u{feff}Subject: x\r\n\r\n").subject, None);
}

#[test]
fn message_ids_have_no_white_space() {
    let table = [
        ("<abc\r\n def@example.org>", "abcdef@example.org"),
        ("<abc@\r\n\texample.org>", "abc@example.org"),
        ("\r\n <1@example.org>", "1@example.org"),
        ("(a <comment>) <1@example.org> (another)", "1@example.org"),
        ("1@example.org", "1@example.org"),
        ("<1@example.org> <2@example.org>", "1@example.org"),
        ("<1@example.org", "1@example.org"),
        ("<>", ""),
    ];
    for (raw, id) in table {
        assert_eq!(header(&format!("Message-ID: {raw}\r\n\r\n")).message_id.as_deref(), Some(id), "{raw:?}");
    }
}

#[test]
fn a_fold_within_a_character_is_removed() {
    assert_eq!(subject(b"\xe4\xbd\r\n \xa0\xe5\r\n\t\xa5\xbd"), "你好");
    assert_eq!(subject("a\r\n \u{e9}\r\n b".as_bytes()), "a \u{e9} b");
    assert_eq!(subject(b"\xe4\xbd\r\n x"), "ä½ x");
}

#[test]
fn raw_text_is_utf8_or_windows_1252() {
    assert_eq!(subject("日本語".as_bytes()), "日本語");
    assert_eq!(subject(b"caf\xe9 \x80 5"), "café € 5");
    assert_eq!(subject(b"caf\xe9 =?utf-8?Q?=C3=A9?="), "café é");
    let message = b"From: Ren\xe9 <r@example.org>\r\nX: \xff\r\n\r\n";
    assert_eq!(parse(message).from.unwrap(), [mailbox("René", "r@example.org")]);
    assert_eq!(fields(message).nth(1).unwrap().text(), "ÿ");
}

#[test]
fn mostly_valid_utf8_is_utf8() {
    assert_eq!(subject(b"Gr\xc3\xbc\xc3\x9fe aus K\xc3\xb6l\xc3"), "Grüße aus Köl\u{fffd}");
    assert_eq!(subject("你好".as_bytes()), "你好");
    assert_eq!(subject(&"你好".as_bytes()[..5]), "你\u{fffd}");
    assert_eq!(subject(&"你好".as_bytes()[..4]), "你\u{fffd}");
    // Windows-1252 text in which two bytes happen to be valid UTF-8.
    assert_eq!(subject(b"\xe9t\xe9 \xc3\xa9 \xe0"), "été Ã© à");
}

#[test]
fn raw_iso_2022_jp_is_decoded() {
    assert_eq!(subject(b"\x1b$B%F%9%H\x1b(B x"), "テスト x");
    // Text without a return to ASCII, or with other escape sequences, is unchanged.
    assert_eq!(subject(b"\x1b$B%F%9%H x"), "\u{1b}$B%F%9%H x");
    assert_eq!(subject(b"\x1b]0;title\x07\x1b(B"), "\u{1b}]0;title\u{7}\u{1b}(B");
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

proptest! {
    #[test]
    fn any_bytes_are_no_panic(bytes: Vec<u8>) {
        drop(parse(&bytes));
        fields(&bytes).for_each(|field| drop((field.text(), field.date(), field.mailboxes())));
        preview(&bytes, 3).for_each(drop);
    }

    #[test]
    fn anything_like_a_header_is_no_panic(
        name in "From|To|Cc|Subject|Date|Message-ID|X",
        value in "([ -~\t\u{e9}\u{65e5}]|\r\n |=\\?(utf-8|utf-7|iso-2022-jp|x)\\?[QBx]\\?[ -~]{0,8}\\?=|[0-9]{1,5}[ :]|[()<>\"\\\\,;:@]){0,40}",
    ) {
        let message = format!("{name}: {value}\r\n\r\n");
        drop(header(&message));
        let texts: Vec<_> = fields(message.as_bytes()).map(|field| field.text()).collect();
        prop_assert_eq!(texts.len(), 1);
    }
}
