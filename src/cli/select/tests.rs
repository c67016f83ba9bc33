//! Tests selectors, from the command line to the selected messages.

use std::io;

use super::*;
use crate::{cli::escape::unique_id, proto::MessageNumber};

impl<'a> ListedMessages<'a> for Vec<ListedMessage<'a>> {
    fn len(&self) -> usize {
        self.len()
    }

    fn message(&self, index: usize) -> ListedMessage<'a> {
        self[index]
    }
}

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

fn numbers(list: &[&str]) -> SelectorArgs {
    SelectorArgs { numbers: strings(list), ..SelectorArgs::default() }
}

fn uids(list: &[&str]) -> SelectorArgs {
    SelectorArgs { uids: list.iter().map(Into::into).collect(), ..SelectorArgs::default() }
}

fn listed(ids: &'static [Option<&'static str>]) -> Vec<ListedMessage<'static>> {
    ids.iter()
        .zip(1..)
        .map(|(id, number)| ListedMessage {
            number: MessageNumber::new(number).unwrap(),
            unique_id: id.map(str::as_bytes),
            octets: (number != 5).then_some(u64::from(number) * 1000),
            fetched: (number % 2 == 0).then_some(i64::from(number) * 100),
        })
        .collect()
}

fn six() -> Vec<ListedMessage<'static>> {
    listed(&[Some("a"), Some("b"), Some("c"), Some("c"), None, Some("caf\u{e9}")])
}

fn take(selectors: &SelectorArgs) -> Result<Vec<usize>, (ErrorCode, String)> {
    Selector::parse(selectors, DefaultSelection::Refuse)
        .and_then(|selector| selector.resolve(&six(), 1_000))
        .map(|selected| indices(&selected))
        .map_err(|failure| (failure.code, failure.message))
}

fn indices(selected: &Selection) -> Vec<usize> {
    selected.iter().collect()
}

#[test]
fn numbers_and_ranges() {
    let table: &[(&[&str], &[usize])] = &[
        (&["3"], &[2]),
        (&["2-4"], &[1, 2, 3]),
        (&["5-"], &[4, 5]),
        (&["9-"], &[]),
        (&["5-99"], &[4, 5]),
        (&["1,4-5", "4", "006"], &[0, 3, 4, 5]),
        (&["3-3", "1-", "2-3"], &[0, 1, 2, 3, 4, 5]),
    ];
    for (typed, selected) in table {
        assert_eq!(take(&numbers(typed)).unwrap(), *selected, "{typed:?}");
    }
}

#[test]
fn invalid_values_are_usage_errors() {
    let pieces = [
        "0",
        "5-2",
        "0-3",
        "",
        ",",
        "1,,2",
        "a",
        "-",
        "-3",
        "+3",
        "1-+3",
        "1 2",
        "4294967296",
        "1-2-3",
        "\u{661}",
    ];
    for typed in pieces {
        assert_eq!(take(&numbers(&[typed])).unwrap_err().0, ErrorCode::Usage, "{typed:?}");
    }
    for typed in ["0", "", "x", "-1", "99999999999"] {
        for selectors in [
            SelectorArgs { last: Some(typed.into()), ..SelectorArgs::default() },
            SelectorArgs { first: Some(typed.into()), ..SelectorArgs::default() },
        ] {
            assert_eq!(take(&selectors).unwrap_err().0, ErrorCode::Usage, "{typed:?}");
        }
    }
    assert_eq!(take(&uids(&["a\r\nDELE 1"])).unwrap_err().0, ErrorCode::Usage);
}

#[test]
fn missing_messages_are_named() {
    let missing = |selectors: &SelectorArgs| {
        let (code, message) = take(selectors).unwrap_err();
        assert_eq!(code, ErrorCode::NoSuchMessage);
        message
    };
    assert_eq!(missing(&numbers(&["1,7"])), "not on the server: message 7");
    assert_eq!(missing(&numbers(&["8-9", "7"])), "not on the server: messages 8-9, message 7");
    assert_eq!(missing(&uids(&["a", "\u{202e}x"])), "not on the server: unique-id \"\\u{202e}x\"");
    let many: Vec<String> = (100..120).map(|number| number.to_string()).collect();
    let many = SelectorArgs { numbers: many, ..SelectorArgs::default() };
    assert!(missing(&many).ends_with("message 109 and 10 more"));
}

#[test]
fn unique_ids_select_every_message_that_has_them() {
    assert_eq!(take(&uids(&["c", "a", "a"])).unwrap(), [0, 2, 3]);
    assert_eq!(take(&uids(&["caf\u{e9}"])).unwrap(), [5]);
    let shown = |listed: &ListedMessage<'static>| unique_id(listed.unique_id.unwrap()).into_owned();
    let alike: [&[u8]; 8] = [
        b"caf\xe9",
        "caf\u{e9}".as_bytes(),
        br"caf\xe9",
        b"\x80",
        "\u{80}".as_bytes(),
        b"\x1b\x07 \x7f",
        b"a\rb",
        b"\0",
    ];
    let alike: Vec<ListedMessage<'_>> = (1..)
        .zip(alike)
        .map(|(number, id)| ListedMessage {
            number: MessageNumber::new(number).unwrap(),
            unique_id: Some(id),
            octets: None,
            fetched: None,
        })
        .collect();
    for (index, listed) in alike.iter().enumerate() {
        let selector = Selector::parse(&uids(&[&shown(listed)]), DefaultSelection::New).unwrap();
        assert_eq!(indices(&selector.resolve(&alike, 0).unwrap()), [index], "{:?}", shown(listed));
        let mut selector = Selector::parse(&uids(&["-"]), DefaultSelection::New).unwrap();
        selector.read(format!("{}\r\n", shown(listed)).as_bytes()).unwrap();
        assert_eq!(indices(&selector.resolve(&alike, 0).unwrap()), [index], "{:?}", shown(listed));
    }
}

#[test]
fn numbers_and_unique_ids_name_and_everything_else_filters() {
    let base = SelectorArgs::default;
    let new = || SelectorArgs { new: true, ..base() };
    let fetched = || SelectorArgs { fetched: true, ..base() };
    let table: &[(SelectorArgs, &[usize])] = &[
        (SelectorArgs { uids: vec!["a".into()], ..numbers(&["3"]) }, &[0, 2]),
        (SelectorArgs { all: true, ..numbers(&["3"]) }, &[0, 1, 2, 3, 4, 5]),
        (new(), &[0, 2, 4]),
        (fetched(), &[1, 3, 5]),
        (SelectorArgs { numbers: strings(&["1-4"]), ..new() }, &[0, 2]),
        (SelectorArgs { numbers: strings(&["1-4"]), ..fetched() }, &[1, 3]),
        (SelectorArgs { numbers: strings(&["2"]), ..new() }, &[]),
        (SelectorArgs { uids: vec!["b".into(), "c".into()], ..fetched() }, &[1, 3]),
        (SelectorArgs { all: true, ..fetched() }, &[1, 3, 5]),
        (SelectorArgs { last: Some("2".into()), ..base() }, &[4, 5]),
        (SelectorArgs { first: Some("2".into()), ..base() }, &[0, 1]),
        (SelectorArgs { last: Some("4294967295".into()), ..base() }, &[0, 1, 2, 3, 4, 5]),
        (SelectorArgs { first: Some("99".into()), ..fetched() }, &[1, 3, 5]),
        (SelectorArgs { last: Some("2".into()), ..new() }, &[2, 4]),
        (SelectorArgs { first: Some("2".into()), ..new() }, &[0, 2]),
        (SelectorArgs { last: Some("2".into()), ..fetched() }, &[3, 5]),
        (SelectorArgs { last: Some("1".into()), numbers: strings(&["2"]), ..new() }, &[]),
        (SelectorArgs { first: Some("1".into()), numbers: strings(&["2-"]), ..new() }, &[2]),
        (SelectorArgs { all: true, larger: Some("3k".into()), ..base() }, &[3, 5]),
        (SelectorArgs { all: true, smaller: Some("9k".into()), ..base() }, &[0, 1, 2, 3, 5]),
        (
            SelectorArgs {
                last: Some("1".into()),
                larger: Some("0".into()),
                smaller: Some("6k".into()),
                ..base()
            },
            &[3],
        ),
        (
            SelectorArgs { larger: Some("1KiB".into()), smaller: Some("4k".into()), ..numbers(&["1-"]) },
            &[1, 2],
        ),
        (SelectorArgs { all: true, older_than: Some("10m".into()), ..base() }, &[1, 3]),
        (SelectorArgs { older_than: Some("10m".into()), last: Some("1".into()), ..fetched() }, &[3]),
        (SelectorArgs { older_than: Some("0m".into()), ..new() }, &[]),
    ];
    for (selectors, selected) in table {
        assert_eq!(take(selectors).unwrap(), *selected, "{selectors:?}");
    }
}

#[test]
fn the_order_of_the_listing_does_not_matter() {
    let mut listed = six();
    listed.reverse();
    let first = SelectorArgs { first: Some("2".into()), ..numbers(&["2-"]) };
    let selected = Selector::parse(&first, DefaultSelection::Refuse).unwrap().resolve(&listed, 0).unwrap();
    assert_eq!(indices(&selected), [3, 4]);
}

#[test]
fn first_leaves_the_rest_of_the_selected_messages() {
    let left = |selectors: &SelectorArgs| {
        Selector::parse(selectors, DefaultSelection::New).unwrap().left_by_first(&six(), 0)
    };
    let first = |count: &str| SelectorArgs { first: Some(count.into()), ..SelectorArgs::default() };
    assert_eq!(left(&SelectorArgs { new: true, ..first("2") }), 1);
    assert_eq!(left(&SelectorArgs { new: true, ..first("3") }), 0);
    assert_eq!(left(&SelectorArgs { fetched: true, ..first("1") }), 2);
    assert_eq!(left(&SelectorArgs { last: Some("1".into()), new: true, ..SelectorArgs::default() }), 0);
}

#[test]
fn pending_deletions_are_filtered_as_new_messages() {
    let pending = |selectors: &SelectorArgs| {
        let selector = Selector::parse(selectors, DefaultSelection::New).unwrap();
        indices(&selector.resolve_pending(&six(), |index| index != 3))
    };
    let base = SelectorArgs::default;
    assert_eq!(pending(&base()), [0, 1, 2, 4, 5]);
    assert_eq!(pending(&SelectorArgs { first: Some("1".into()), new: true, ..base() }), [0, 1, 2, 4, 5]);
    assert_eq!(pending(&SelectorArgs { smaller: Some("3k".into()), ..base() }), [0, 1]);
    assert_eq!(pending(&SelectorArgs { new: true, ..numbers(&["2-3"]) }), [1, 2]);
    assert_eq!(pending(&numbers(&["2-3"])), [0; 0]);
    assert_eq!(pending(&SelectorArgs { last: Some("3".into()), ..base() }), [0; 0]);
}

#[test]
fn each_subcommand_has_its_own_default() {
    let filtering = SelectorArgs { larger: Some("1".into()), ..SelectorArgs::default() };
    for (selectors, kept) in [(SelectorArgs::default(), 6), (filtering, 5)] {
        assert_eq!(Selector::parse(&selectors, DefaultSelection::Refuse).unwrap_err().code, ErrorCode::Usage);
        let new = Selector::parse(&selectors, DefaultSelection::New).unwrap();
        assert_eq!(indices(&new.resolve(&six(), 0).unwrap()), [0, 2, 4][..kept / 2]);
        assert!(new.needs_unique_ids() && new.needs_record());
        let all = Selector::parse(&selectors, DefaultSelection::All).unwrap();
        assert_eq!(all.resolve(&six(), 0).unwrap().len(), kept);
        assert!(!all.needs_unique_ids() && !all.needs_record());
    }
}

#[test]
fn sizes_and_ages() {
    let sizes = [
        ("0", Some(0)),
        ("12", Some(12)),
        ("12k", Some(12_000)),
        ("3M", Some(3_000_000)),
        ("1G", Some(1_000_000_000)),
        ("2KiB", Some(2048)),
        ("2MiB", Some(2 << 20)),
        ("2GiB", Some(2 << 30)),
        ("18446744073709551615", Some(u64::MAX)),
    ];
    for (typed, octets) in sizes {
        assert_eq!(size("--larger", typed).ok(), octets, "{typed}");
    }
    for typed in
        ["", "k", "1K", "1kB", "1 k", "-1", "+1", "1.5M", "18446744073709551616", "18446744073709551615k"]
    {
        assert_eq!(size("--larger", typed).unwrap_err().code, ErrorCode::Usage, "{typed}");
    }
    assert_eq!(age("5m").unwrap(), 300);
    assert_eq!(age("2h").unwrap(), 7_200);
    assert_eq!(age("30d").unwrap(), 2_592_000);
    assert_eq!(age("1w").unwrap(), 604_800);
    for typed in ["", "5", "d", "5s", "5D", "-1d", "1d2h", "9223372036854775807w"] {
        assert_eq!(age(typed).unwrap_err().code, ErrorCode::Usage, "{typed}");
    }
}

fn read(input: &[u8]) -> Result<Selector, CliError> {
    let mut selector = Selector::parse(&uids(&["-"]), DefaultSelection::Refuse)?;
    assert!(selector.reads_stdin());
    selector.read(input).map(|()| selector)
}

#[test]
fn standard_input_gives_unique_ids() {
    let ids = |input: &[u8]| read(input).unwrap().unique_ids;
    assert_eq!(ids(b"a\nb\r\n\n\r\n \t\nc"), [b"a", b"b", b"c"]);
    assert_eq!(ids(b"\xef\xbb\xbfa\r\n"), [b"a"]);
    assert_eq!(ids(b"caf\xe9\n-\n a \n\\xE9"), [&b"caf\xe9"[..], b"-", b" a ", b"\xe9"]);
    let none = read(b"\n\n").unwrap();
    assert_eq!(indices(&none.resolve(&six(), 0).unwrap()), [0; 0]);
    assert!(none.needs_unique_ids());
    let failure = read(b"a\nb\0\n").unwrap_err();
    assert_eq!(failure.code, ErrorCode::Usage);
    assert!(failure.message.ends_with("line 2"), "{}", failure.message);
    assert_eq!(read(b"a\rb\n").unwrap_err().code, ErrorCode::Usage);
}

#[test]
fn endless_input_ends() {
    let mut selector = Selector::parse(&uids(&["-"]), DefaultSelection::Refuse).unwrap();
    let endless = io::BufReader::with_capacity(1 << 20, io::repeat(b'x'));
    assert_eq!(selector.read(endless).unwrap_err().code, ErrorCode::Usage);
}

#[test]
fn a_hundred_thousand_messages_are_selected_quickly() {
    let ids: Vec<String> = (1..=100_000).map(|number| format!("unique-{number}")).collect();
    let listed: Vec<ListedMessage<'_>> = ids
        .iter()
        .zip(1..)
        .map(|(id, number)| ListedMessage {
            number: MessageNumber::new(number).unwrap(),
            unique_id: Some(id.as_bytes()),
            octets: Some(1),
            fetched: None,
        })
        .collect();
    let selectors = SelectorArgs {
        uids: ids.iter().map(Into::into).collect(),
        numbers: vec!["1-,2-,3-".to_owned(); 30_000],
        ..SelectorArgs::default()
    };
    let selector = Selector::parse(&selectors, DefaultSelection::Refuse).unwrap();
    assert_eq!(selector.resolve(&listed, 0).unwrap().len(), 100_000);
}
