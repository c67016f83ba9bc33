//! Which messages: parsed from what was typed, then resolved against what the server lists.

use std::{
    collections::{HashMap, HashSet},
    io::{self, BufRead},
};

use pop3::proto::MessageNumber;

use super::{
    args::Choice,
    chosen::Chosen,
    escape::{escape, text},
    exit::{Code, Failure},
};

/// What a subcommand takes where no selector was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otherwise {
    New,
    All,
    /// Nothing: it must be said (`delete`).
    Refuse,
}

/// The messages to choose, before the server has listed any.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "selectors add up, each by itself")]
pub struct Selection {
    ranges: Vec<Range>,
    /// Unique-ids as [`text`] shows them, so that what `--json` printed chooses its message again.
    unique_ids: Vec<String>,
    by_unique_id: bool,
    from_stdin: bool,
    new: bool,
    fetched: bool,
    all: bool,
    last: Option<u32>,
    larger: Option<u64>,
    smaller: Option<u64>,
    /// Seconds.
    older_than: Option<i64>,
}

/// A message as the server lists it, with what the record knows of it.
#[derive(Debug, Clone, Copy)]
pub struct Listed<'a> {
    pub number: MessageNumber,
    pub unique_id: Option<&'a [u8]>,
    pub octets: u64,
    /// When it was fetched, in Unix seconds; `None` where it is new.
    pub fetched: Option<i64>,
}

/// Messages to choose from, made when they are looked at: a maildrop may have 100,000.
pub trait Listing<'a> {
    fn len(&self) -> usize;

    fn message(&self, index: usize) -> Listed<'a>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Range {
    Single(u32),
    Closed(u32, u32),
    From(u32),
}

impl Selection {
    /// Takes what was typed; every wrong value ends here.
    pub fn parse(choice: &Choice, otherwise: Otherwise) -> Result<Self, Failure> {
        let mut ranges = Vec::new();
        for piece in choice.numbers.iter().flat_map(|argument| argument.split(',')) {
            ranges.push(range(piece)?);
        }
        let mut unique_ids = Vec::new();
        for unique_id in choice.uids.iter().filter(|unique_id| *unique_id != "-") {
            let unique_id = text(unique_id.as_encoded_bytes()).into_owned();
            if unique_id.chars().any(char::is_control) {
                let shown = escape(&unique_id);
                return Err(Failure::usage(format!(
                    "--uid: a control character in the unique-id \"{shown}\""
                )));
            }
            unique_ids.push(unique_id);
        }
        let by_unique_id = !choice.uids.is_empty();
        let last = choice.last.as_deref().map(last).transpose()?;
        let none = choice.is_empty();
        if none && otherwise == Otherwise::Refuse {
            return Err(Failure::usage(
                "no messages chosen: give numbers, --uid, --new, --fetched, --all or --last",
            ));
        }

        Ok(Self {
            ranges,
            unique_ids,
            by_unique_id,
            from_stdin: choice.uids.iter().any(|unique_id| unique_id == "-"),
            new: choice.new || none && otherwise == Otherwise::New,
            fetched: choice.fetched,
            all: choice.all || none && otherwise == Otherwise::All,
            last,
            larger: choice.larger.as_deref().map(|typed| size("--larger", typed)).transpose()?,
            smaller: choice.smaller.as_deref().map(|typed| size("--smaller", typed)).transpose()?,
            older_than: choice.older_than.as_deref().map(age).transpose()?,
        })
    }

    /// Whether `--uid -` was given, so that standard input holds unique-ids.
    pub fn reads_stdin(&self) -> bool {
        self.from_stdin
    }

    /// Takes the unique-ids of `--uid -`, one a line, to the end of the input. To be called before connecting.
    pub fn read(&mut self, mut input: impl BufRead) -> Result<(), Failure> {
        let mut taken = 0;
        let mut line = Vec::new();
        for number in 1_u64.. {
            line.clear();
            let room = LONGEST_INPUT - taken + 1;
            let read = io::Read::take(&mut input, room)
                .read_until(b'\n', &mut line)
                .map_err(|error| Failure::usage(format!("--uid -: cannot read standard input: {error}")))?;
            if read == 0 {
                break;
            }
            taken += read as u64;
            if taken > LONGEST_INPUT {
                return Err(Failure::usage("--uid -: more than 64 MiB of unique-ids on standard input"));
            }
            let mut unique_id = line.as_slice();
            if number == 1 {
                unique_id = unique_id.strip_prefix(BYTE_ORDER_MARK).unwrap_or(unique_id);
            }
            unique_id = unique_id.strip_suffix(b"\n").unwrap_or(unique_id);
            unique_id = unique_id.strip_suffix(b"\r").unwrap_or(unique_id);
            if unique_id.iter().all(|octet| matches!(octet, b' ' | b'\t')) {
                continue;
            }
            let unique_id = text(unique_id);
            if unique_id.chars().any(char::is_control) {
                let message = format!("--uid -: a control character in the unique-id of line {number}");
                return Err(Failure::usage(message));
            }
            self.unique_ids.push(unique_id.into_owned());
        }
        Ok(())
    }

    /// Whether only unique-ids can say what is chosen. A server without `UIDL` makes that the failure
    /// [`without_unique_ids`].
    pub fn needs_unique_ids(&self) -> bool {
        self.new || self.fetched || self.by_unique_id
    }

    /// Whether new messages are among the chosen.
    pub fn takes_new(&self) -> bool {
        self.new || self.all
    }

    /// Whether the record must be read to say what is chosen.
    pub fn needs_record(&self) -> bool {
        self.new || self.fetched || self.older_than.is_some()
    }

    /// Which messages of `listed` are chosen. `now` is in Unix seconds.
    pub fn resolve<'a>(&self, listed: &impl Listing<'a>, now: i64) -> Result<Chosen, Failure> {
        let mut missing = Missing::default();
        let mut chosen = vec![self.all; listed.len()];
        if self.new || self.fetched {
            for (index, chosen) in chosen.iter_mut().enumerate() {
                let fetched = listed.message(index).fetched.is_some();
                *chosen |= if fetched { self.fetched } else { self.new };
            }
        }
        self.choose_numbers(listed, &mut chosen, &mut missing);
        self.choose_unique_ids(listed, &mut chosen, &mut missing);
        missing.into_result()?;

        Ok(chosen
            .into_iter()
            .enumerate()
            .map(|(index, chosen)| chosen && (!self.narrows() || self.keeps(&listed.message(index), now)))
            .collect())
    }

    fn narrows(&self) -> bool {
        self.larger.is_some() || self.smaller.is_some() || self.older_than.is_some()
    }

    fn keeps(&self, message: &Listed<'_>, now: i64) -> bool {
        self.larger.is_none_or(|octets| message.octets > octets)
            && self.smaller.is_none_or(|octets| message.octets < octets)
            && self.older_than.is_none_or(|age| {
                message
                    .fetched
                    .is_some_and(|fetched| now.checked_sub(fetched).is_some_and(|past| past >= age))
            })
    }

    /// However many ranges overlap, each message is looked at once: ranges are summed up by where they begin and end.
    fn choose_numbers<'a>(&self, listed: &impl Listing<'a>, chosen: &mut [bool], missing: &mut Missing) {
        if self.ranges.is_empty() && self.last.is_none() {
            return;
        }
        let mut order: Vec<usize> = (0..listed.len()).collect();
        order.sort_by_key(|&index| listed.message(index).number);
        let mut edges = vec![0_i64; listed.len() + 1];
        let below = |number: u32| order.partition_point(|&index| listed.message(index).number.get() < number);
        let up_to =
            |number: u32| order.partition_point(|&index| listed.message(index).number.get() <= number);
        for &range in &self.ranges {
            let (from, to) = match range {
                Range::Single(number) => (below(number), up_to(number)),
                Range::Closed(first, last) => (below(first), up_to(last)),
                Range::From(first) => (below(first), order.len()),
            };
            if from == to {
                missing.range(range);
            }
            edges[from] += 1;
            edges[to] -= 1;
        }
        if let Some(last) = self.last {
            edges[order.len().saturating_sub(last as usize)] += 1;
            edges[order.len()] -= 1;
        }
        let mut depth = 0;
        for (&index, edge) in order.iter().zip(edges) {
            depth += edge;
            chosen[index] |= depth > 0;
        }
    }

    fn choose_unique_ids<'a>(&self, listed: &impl Listing<'a>, chosen: &mut [bool], missing: &mut Missing) {
        if self.unique_ids.is_empty() {
            return;
        }
        let mut wanted: HashMap<&str, bool> = self.unique_ids.iter().map(|id| (id.as_str(), false)).collect();
        for (index, chosen) in chosen.iter_mut().enumerate() {
            let found =
                listed.message(index).unique_id.and_then(|unique_id| wanted.get_mut(&*text(unique_id)));
            if let Some(found) = found {
                *found = true;
                *chosen = true;
            }
        }
        for unique_id in &self.unique_ids {
            if !wanted[unique_id.as_str()] {
                missing.unique_id(unique_id);
            }
        }
    }
}

/// The failure of `--new`, `--fetched`, `--uid` and `status --check` on a server without `UIDL`.
pub fn without_unique_ids() -> Failure {
    Failure::new(
        Code::Protocol,
        "the server has no unique-ids (UIDL), so new messages cannot be told from others: \
         choose by number or --all",
    )
}

/// What was chosen and is not there; names some and counts the rest.
#[derive(Default)]
struct Missing {
    names: Vec<String>,
    seen: HashSet<String>,
}

impl Missing {
    fn range(&mut self, range: Range) {
        match range {
            Range::Single(number) => self.add(format!("message {number}")),
            Range::Closed(first, last) => self.add(format!("messages {first}-{last}")),
            // Takes what is there, be it nothing.
            Range::From(_) => {}
        }
    }

    fn unique_id(&mut self, unique_id: &str) {
        self.add(format!("unique-id \"{}\"", escape(unique_id)));
    }

    fn add(&mut self, name: String) {
        if self.seen.insert(name.clone()) && self.names.len() < NAMED {
            self.names.push(name);
        }
    }

    fn into_result(self) -> Result<(), Failure> {
        if self.names.is_empty() {
            return Ok(());
        }
        let others = match self.seen.len() - self.names.len() {
            0 => String::new(),
            others => format!(" and {others} more"),
        };
        let names = self.names.join(", ");
        Err(Failure::new(Code::NoSuchMessage, format!("not on the server: {names}{others}")))
    }
}

fn range(piece: &str) -> Result<Range, Failure> {
    let wrong = |why: &str| Failure::usage(format!("\"{}\" is no choice of messages: {why}", escape(piece)));
    let number = |digits: &str| match decimal::<u32>(digits) {
        Some(0) => Err(wrong("numbers begin at 1")),
        Some(number) => Ok(number),
        None if is_decimal(digits) => Err(wrong("the number is too large")),
        None => Err(wrong("write 3, 2-5, 7- or 1,4-6")),
    };
    let Some((first, last)) = piece.split_once('-') else { return Ok(Range::Single(number(piece)?)) };
    let first = number(first)?;
    if last.is_empty() {
        return Ok(Range::From(first));
    }
    let last = number(last)?;
    if last < first {
        return Err(wrong("it ends before it begins"));
    }
    Ok(Range::Closed(first, last))
}

fn last(typed: &str) -> Result<u32, Failure> {
    match decimal(typed) {
        Some(0) | None => Err(Failure::usage(format!("--last \"{}\": write a number from 1", escape(typed)))),
        Some(number) => Ok(number),
    }
}

fn size(option: &str, typed: &str) -> Result<u64, Failure> {
    let (digits, unit) = digits_and_unit(typed);
    let octets = match unit {
        "" => Some(1),
        "k" => Some(1_000),
        "M" => Some(1_000_000),
        "G" => Some(1_000_000_000),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        "GiB" => Some(1 << 30),
        _ => None,
    };
    let wrong = |why: &str| Failure::usage(format!("{option} \"{}\": {why}", escape(typed)));
    let (true, Some(octets)) = (is_decimal(digits), octets) else {
        return Err(wrong("write octets, or a number with k, M, G, KiB, MiB or GiB"));
    };
    decimal::<u64>(digits).and_then(|number| number.checked_mul(octets)).ok_or_else(|| wrong("too large"))
}

fn age(typed: &str) -> Result<i64, Failure> {
    let (digits, unit) = digits_and_unit(typed);
    let seconds = match unit {
        "m" => Some(60),
        "h" => Some(60 * 60),
        "d" => Some(24 * 60 * 60),
        "w" => Some(7 * 24 * 60 * 60),
        _ => None,
    };
    let wrong = |why: &str| Failure::usage(format!("--older-than \"{}\": {why}", escape(typed)));
    let (true, Some(seconds)) = (is_decimal(digits), seconds) else {
        return Err(wrong("write a number with m, h, d or w: 30d"));
    };
    decimal::<i64>(digits).and_then(|number| number.checked_mul(seconds)).ok_or_else(|| wrong("too long"))
}

fn digits_and_unit(typed: &str) -> (&str, &str) {
    typed.split_at(typed.find(|c: char| !c.is_ascii_digit()).unwrap_or(typed.len()))
}

/// `str::parse` takes a sign as well.
fn decimal<N: std::str::FromStr>(digits: &str) -> Option<N> {
    is_decimal(digits).then(|| digits.parse().ok()).flatten()
}

fn is_decimal(digits: &str) -> bool {
    !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit())
}

/// Unique-ids for millions of messages; a wrong file on standard input ends soon enough.
const LONGEST_INPUT: u64 = 64 << 20;

/// How many missing messages an error names: it is one line for a person.
const NAMED: usize = 10;

/// Windows PowerShell puts one before what it pipes.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests {
    use super::*;

    impl<'a> Listing<'a> for Vec<Listed<'a>> {
        fn len(&self) -> usize {
            self.len()
        }

        fn message(&self, index: usize) -> Listed<'a> {
            self[index]
        }
    }

    fn strings(list: &[&str]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }

    fn numbers(list: &[&str]) -> Choice {
        Choice { numbers: strings(list), ..Choice::default() }
    }

    fn uids(list: &[&str]) -> Choice {
        Choice { uids: list.iter().map(Into::into).collect(), ..Choice::default() }
    }

    fn listed(ids: &'static [Option<&'static str>]) -> Vec<Listed<'static>> {
        ids.iter()
            .zip(1..)
            .map(|(id, number)| Listed {
                number: MessageNumber::new(number).unwrap(),
                unique_id: id.map(str::as_bytes),
                octets: u64::from(number) * 1000,
                fetched: (number % 2 == 0).then_some(i64::from(number) * 100),
            })
            .collect()
    }

    fn six() -> Vec<Listed<'static>> {
        listed(&[Some("a"), Some("b"), Some("c"), Some("c"), None, Some("caf\u{e9}")])
    }

    fn take(choice: &Choice) -> Result<Vec<usize>, (Code, String)> {
        Selection::parse(choice, Otherwise::Refuse)
            .and_then(|selection| selection.resolve(&six(), 1_000))
            .map(|chosen| indices(&chosen))
            .map_err(|failure| (failure.code, failure.message))
    }

    fn indices(chosen: &Chosen) -> Vec<usize> {
        chosen.iter().collect()
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
        for (typed, chosen) in table {
            assert_eq!(take(&numbers(typed)).unwrap(), *chosen, "{typed:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_a_usage_error() {
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
            assert_eq!(take(&numbers(&[typed])).unwrap_err().0, Code::Usage, "{typed:?}");
        }
        for typed in ["0", "", "x", "-1", "99999999999"] {
            let choice = Choice { last: Some(typed.into()), ..Choice::default() };
            assert_eq!(take(&choice).unwrap_err().0, Code::Usage, "{typed:?}");
        }
        assert_eq!(take(&uids(&["a\r\nDELE 1"])).unwrap_err().0, Code::Usage);
        assert_eq!(take(&uids(&["a\u{85}"])).unwrap_err().0, Code::Usage);
    }

    #[test]
    fn what_is_not_there_is_named() {
        let missing = |choice: &Choice| {
            let (code, message) = take(choice).unwrap_err();
            assert_eq!(code, Code::NoSuchMessage);
            message
        };
        assert_eq!(missing(&numbers(&["1,7"])), "not on the server: message 7");
        assert_eq!(missing(&numbers(&["8-9", "7"])), "not on the server: messages 8-9, message 7");
        assert_eq!(missing(&uids(&["a", "\u{202e}x"])), "not on the server: unique-id \"\\u{202e}x\"");
        let many: Vec<String> = (100..120).map(|number| number.to_string()).collect();
        let many = Choice { numbers: many, ..Choice::default() };
        assert!(missing(&many).ends_with("message 109 and 10 more"));
    }

    #[test]
    fn unique_ids_choose_every_message_that_has_them() {
        assert_eq!(take(&uids(&["c", "a", "a"])).unwrap(), [0, 2, 3]);
        assert_eq!(take(&uids(&["caf\u{e9}"])).unwrap(), [5]);
        let latin = vec![Listed {
            number: MessageNumber::new(1).unwrap(),
            unique_id: Some(b"caf\xe9"),
            octets: 1,
            fetched: None,
        }];
        let selection = Selection::parse(&uids(&["caf\u{e9}"]), Otherwise::New).unwrap();
        assert_eq!(indices(&selection.resolve(&latin, 0).unwrap()), [0], "as --json shows it");
    }

    #[test]
    fn selectors_add_up_and_narrowing_narrows() {
        let base = Choice::default;
        let table = [
            (Choice { new: true, ..base() }, vec![0, 2, 4]),
            (Choice { fetched: true, ..base() }, vec![1, 3, 5]),
            (Choice { all: true, ..base() }, vec![0, 1, 2, 3, 4, 5]),
            (Choice { last: Some("2".into()), ..base() }, vec![4, 5]),
            (Choice { last: Some("99".into()), ..base() }, vec![0, 1, 2, 3, 4, 5]),
            (
                Choice { new: true, last: Some("1".into()), numbers: strings(&["2"]), ..base() },
                vec![0, 1, 2, 4, 5],
            ),
            (Choice { all: true, larger: Some("3k".into()), ..base() }, vec![3, 4, 5]),
            (Choice { all: true, smaller: Some("3000".into()), ..base() }, vec![0, 1]),
            (
                Choice { all: true, larger: Some("1KiB".into()), smaller: Some("4k".into()), ..base() },
                vec![1, 2],
            ),
            (Choice { all: true, older_than: Some("10m".into()), ..base() }, vec![1, 3]),
            (Choice { new: true, older_than: Some("0m".into()), ..base() }, vec![]),
        ];
        for (choice, chosen) in table {
            assert_eq!(take(&choice).unwrap(), chosen, "{choice:?}");
        }
    }

    #[test]
    fn each_subcommand_has_its_own_otherwise() {
        let narrowing = Choice { larger: Some("1".into()), ..Choice::default() };
        for choice in [Choice::default(), narrowing] {
            assert_eq!(Selection::parse(&choice, Otherwise::Refuse).unwrap_err().code, Code::Usage);
            let new = Selection::parse(&choice, Otherwise::New).unwrap();
            assert_eq!(indices(&new.resolve(&six(), 0).unwrap()), [0, 2, 4]);
            assert!(new.needs_unique_ids() && new.needs_record());
            let all = Selection::parse(&choice, Otherwise::All).unwrap();
            assert_eq!(all.resolve(&six(), 0).unwrap().len(), 6);
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
            assert_eq!(size("--larger", typed).unwrap_err().code, Code::Usage, "{typed}");
        }
        assert_eq!(age("5m").unwrap(), 300);
        assert_eq!(age("2h").unwrap(), 7_200);
        assert_eq!(age("30d").unwrap(), 2_592_000);
        assert_eq!(age("1w").unwrap(), 604_800);
        for typed in ["", "5", "d", "5s", "5D", "-1d", "1d2h", "9223372036854775807w"] {
            assert_eq!(age(typed).unwrap_err().code, Code::Usage, "{typed}");
        }
    }

    fn read(input: &[u8]) -> Result<Selection, Failure> {
        let mut selection = Selection::parse(&uids(&["-"]), Otherwise::Refuse)?;
        assert!(selection.reads_stdin());
        selection.read(input).map(|()| selection)
    }

    #[test]
    fn standard_input_gives_unique_ids() {
        let ids = |input: &[u8]| read(input).unwrap().unique_ids;
        assert_eq!(ids(b"a\nb\r\n\n\r\n \t\nc"), ["a", "b", "c"]);
        assert_eq!(ids(b"\xef\xbb\xbfa\r\n"), ["a"]);
        assert_eq!(ids(b"caf\xe9\n-\n"), ["caf\u{e9}", "-"]);
        let none = read(b"\n\n").unwrap();
        assert_eq!(indices(&none.resolve(&six(), 0).unwrap()), [0; 0]);
        assert!(none.needs_unique_ids());
        let failure = read(b"a\nb\0\n").unwrap_err();
        assert_eq!(failure.code, Code::Usage);
        assert!(failure.message.ends_with("line 2"), "{}", failure.message);
        for wrong in [b"a\rb\n".as_slice(), b"a\tb", b"a\x7f", b"a\xc2\x85", b"a\x85"] {
            assert_eq!(read(wrong).unwrap_err().code, Code::Usage, "{wrong:?}");
        }
    }

    #[test]
    fn endless_input_ends() {
        let mut selection = Selection::parse(&uids(&["-"]), Otherwise::Refuse).unwrap();
        let endless = io::BufReader::with_capacity(1 << 20, io::repeat(b'x'));
        assert_eq!(selection.read(endless).unwrap_err().code, Code::Usage);
    }

    #[test]
    fn a_hundred_thousand_of_each_are_no_matter() {
        let ids: Vec<String> = (1..=100_000).map(|number| format!("unique-{number}")).collect();
        let listed: Vec<Listed<'_>> = ids
            .iter()
            .zip(1..)
            .map(|(id, number)| Listed {
                number: MessageNumber::new(number).unwrap(),
                unique_id: Some(id.as_bytes()),
                octets: 1,
                fetched: None,
            })
            .collect();
        let choice = Choice {
            uids: ids.iter().map(Into::into).collect(),
            numbers: vec!["1-,2-,3-".to_owned(); 30_000],
            ..Choice::default()
        };
        let selection = Selection::parse(&choice, Otherwise::Refuse).unwrap();
        assert_eq!(selection.resolve(&listed, 0).unwrap().len(), 100_000);
    }
}
