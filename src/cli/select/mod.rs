//! Which messages: parsed from what was typed, then resolved against the listing of the server.
//!
//! Numbers and unique-ids name messages and add up; everything else filters what they named, or all messages where
//! they named none. Filters combine: each must hold.

use std::{
    collections::{HashMap, HashSet},
    io::{self, BufRead},
};

use crate::proto::MessageNumber;

mod selection;

pub use self::selection::Selection;

use super::{
    args::SelectorArgs,
    error::{CliError, ErrorCode},
    escape::{escape, parse_unique_id, shorten, unique_id},
};

/// What a subcommand takes where no selector was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultSelection {
    New,
    All,
    /// Nothing: a selector is required (`delete`).
    Refuse,
}

/// The messages to choose, before the server has listed any.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each selector is independent of the others")]
pub struct Selector {
    ranges: Vec<Range>,
    unique_ids: Vec<Vec<u8>>,
    /// `--uid` was given; `--uid -` with no lines names no message rather than all.
    by_unique_id: bool,
    from_stdin: bool,
    all: bool,
    new: bool,
    fetched: bool,
    larger: Option<u64>,
    smaller: Option<u64>,
    /// Seconds.
    older_than: Option<i64>,
    limit: Option<Limit>,
}

/// `--first` and `--last`, applied after every other filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    First(u32),
    Last(u32),
}

/// A message of the server's listing, with what the record knows of it.
#[derive(Debug, Clone, Copy)]
pub struct ListedMessage<'a> {
    pub number: MessageNumber,
    pub unique_id: Option<&'a [u8]>,
    /// `None` if the server listed no size.
    pub octets: Option<u64>,
    /// The time it was fetched, in Unix seconds; `None` if it is new.
    pub fetched: Option<i64>,
}

/// Messages to choose from, computed on access: a maildrop may have 100,000.
pub trait ListedMessages<'a> {
    fn len(&self) -> usize;

    fn message(&self, index: usize) -> ListedMessage<'a>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Range {
    Single(u32),
    Closed(u32, u32),
    From(u32),
}

impl Selector {
    /// Parses the selectors of a command line; every invalid value is reported here.
    pub fn parse(selectors: &SelectorArgs, otherwise: DefaultSelection) -> Result<Self, CliError> {
        let mut ranges = Vec::new();
        for piece in selectors.numbers.iter().flat_map(|argument| argument.split(',')) {
            ranges.push(range(piece)?);
        }
        let mut unique_ids = Vec::new();
        for typed in selectors.uids.iter().filter(|typed| *typed != "-") {
            let typed = typed.as_encoded_bytes();
            if typed.iter().copied().any(is_forbidden) {
                let shown = String::from_utf8_lossy(typed);
                let shown = shorten(&shown);
                return Err(CliError::usage(format!(
                    "--uid: CR or LF in the unique-id \"{}\"",
                    escape(&shown)
                )));
            }
            unique_ids.push(parse_unique_id(typed));
        }
        let none = selectors.is_empty();
        if none && otherwise == DefaultSelection::Refuse {
            return Err(CliError::usage(
                "no messages chosen: give numbers, --uid, --new, --fetched, --first N, --last N or --all",
            ));
        }
        let first = selectors.first.as_deref().map(|typed| count("--first", typed)).transpose()?;
        let last = selectors.last.as_deref().map(|typed| count("--last", typed)).transpose()?;

        Ok(Self {
            ranges,
            unique_ids,
            by_unique_id: !selectors.uids.is_empty(),
            from_stdin: selectors.uids.iter().any(|typed| typed == "-"),
            all: selectors.all,
            new: selectors.new || none && otherwise == DefaultSelection::New,
            fetched: selectors.fetched,
            larger: selectors.larger.as_deref().map(|typed| size("--larger", typed)).transpose()?,
            smaller: selectors.smaller.as_deref().map(|typed| size("--smaller", typed)).transpose()?,
            older_than: selectors.older_than.as_deref().map(age).transpose()?,
            limit: first.map(Limit::First).or(last.map(Limit::Last)),
        })
    }

    /// The unique-ids that `--uid` names.
    pub fn unique_ids(&self) -> impl Iterator<Item = &[u8]> {
        self.unique_ids.iter().map(Vec::as_slice)
    }

    /// True if `--older-than` takes a message that was fetched so many seconds ago.
    pub fn is_old(&self, age: i64) -> bool {
        self.older_than.is_none_or(|than| age >= than)
    }

    /// True if `--uid -` was given: standard input holds unique-ids.
    pub fn reads_stdin(&self) -> bool {
        self.from_stdin
    }

    /// Reads the unique-ids of `--uid -`, one per line, to the end of the input. Call it before connecting.
    pub fn read(&mut self, mut input: impl BufRead) -> Result<(), CliError> {
        let mut taken = 0;
        let mut line = Vec::new();
        for number in 1_u64.. {
            line.clear();
            let room = MAX_INPUT - taken + 1;
            let read = io::Read::take(&mut input, room)
                .read_until(b'\n', &mut line)
                .map_err(|error| CliError::usage(format!("--uid -: cannot read standard input: {error}")))?;
            if read == 0 {
                break;
            }
            taken += read as u64;
            if taken > MAX_INPUT {
                return Err(CliError::usage("--uid -: more than 64 MiB of unique-ids on standard input"));
            }
            let mut typed = line.as_slice();
            if number == 1 {
                typed = typed.strip_prefix(BYTE_ORDER_MARK).unwrap_or(typed);
            }
            typed = typed.strip_suffix(b"\n").unwrap_or(typed);
            typed = typed.strip_suffix(b"\r").unwrap_or(typed);
            if typed.iter().all(|byte| matches!(byte, b' ' | b'\t')) {
                continue;
            }
            if typed.iter().copied().any(is_forbidden) {
                return Err(CliError::usage(format!("--uid -: CR or NUL in the unique-id of line {number}")));
            }
            self.unique_ids.push(parse_unique_id(typed));
        }
        Ok(())
    }

    /// True if the choice cannot be made without unique-ids. On a server without `UIDL` it then fails with
    /// [`no_unique_ids_error`].
    pub fn needs_unique_ids(&self) -> bool {
        self.new || self.fetched || self.by_unique_id
    }

    /// True if new messages are chosen as such: by `--new`, `--all` or the default.
    pub fn takes_new(&self) -> bool {
        self.new || self.all
    }

    /// True if only new messages are chosen.
    pub fn takes_only_new(&self) -> bool {
        self.new
    }

    /// True if the choice rests on messages having been fetched: their deletion needs proof that they are the same.
    pub fn rests_on_fetched(&self) -> bool {
        self.fetched || self.older_than.is_some()
    }

    /// True if the choice depends on the record of fetched messages.
    pub fn needs_record(&self) -> bool {
        self.new || self.fetched || self.older_than.is_some()
    }

    /// Returns the chosen messages of `listed`. `now` is in Unix seconds.
    pub fn resolve<'a>(&self, listed: &impl ListedMessages<'a>, now: i64) -> Result<Selection, CliError> {
        let mut chosen = self.named(listed)?;
        for (index, chosen) in chosen.iter_mut().enumerate() {
            *chosen = *chosen && (!self.filters() || self.keeps(&listed.message(index), now));
        }
        self.limit(listed, &mut chosen);
        Ok(chosen.into_iter().collect())
    }

    /// Returns the messages that would be chosen if those of `pending`, which were fetched, were still new; `--first` and
    /// `--last` do not count. Empty unless new messages are chosen as such.
    pub fn resolve_pending<'a>(
        &self,
        listed: &impl ListedMessages<'a>,
        pending: impl Fn(usize) -> bool,
    ) -> Selection {
        let named = if self.takes_new() { self.named(listed).ok() } else { None };
        let Some(named) = named else { return Selection::none() };
        let as_new = |index| ListedMessage { fetched: None, ..listed.message(index) };
        named
            .into_iter()
            .enumerate()
            .map(|(index, named)| named && pending(index) && self.keeps(&as_new(index), 0))
            .collect()
    }

    /// The messages that numbers and unique-ids name, or all where there are none of them.
    fn named<'a>(&self, listed: &impl ListedMessages<'a>) -> Result<Vec<bool>, CliError> {
        let names_all = self.all || self.ranges.is_empty() && !self.by_unique_id;
        let mut missing = Missing::default();
        let mut named = vec![names_all; listed.len()];
        self.name_numbers(listed, &mut named, &mut missing);
        self.name_unique_ids(listed, &mut named, &mut missing);
        missing.into_result()?;
        Ok(named)
    }

    fn filters(&self) -> bool {
        let Self { new, fetched, larger, smaller, older_than, .. } = self;
        *new || *fetched || larger.is_some() || smaller.is_some() || older_than.is_some()
    }

    /// True if every filter holds. A message without a listed size is neither larger nor smaller than any.
    fn keeps(&self, message: &ListedMessage<'_>, now: i64) -> bool {
        let ListedMessage { octets, fetched, .. } = *message;
        let age = fetched.and_then(|fetched| now.checked_sub(fetched));
        !(self.new && fetched.is_some() || self.fetched && fetched.is_none())
            && self.larger.is_none_or(|than| octets.is_some_and(|octets| octets > than))
            && self.smaller.is_none_or(|than| octets.is_some_and(|octets| octets < than))
            && self.older_than.is_none_or(|than| age.is_some_and(|age| age >= than))
    }

    fn limit<'a>(&self, listed: &impl ListedMessages<'a>, chosen: &mut [bool]) {
        let Some(limit) = self.limit else { return };
        let mut order: Vec<usize> = (0..chosen.len()).filter(|&index| chosen[index]).collect();
        order.sort_by_key(|&index| listed.message(index).number);
        let dropped = match limit {
            Limit::First(count) => order.get(count as usize..).unwrap_or_default(),
            Limit::Last(count) => &order[..order.len().saturating_sub(count as usize)],
        };
        for &index in dropped {
            chosen[index] = false;
        }
    }

    /// However many ranges overlap, each message is looked at once: the edges of the ranges are summed up.
    fn name_numbers<'a>(&self, listed: &impl ListedMessages<'a>, named: &mut [bool], missing: &mut Missing) {
        if self.ranges.is_empty() {
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
        let mut depth = 0;
        for (&index, edge) in order.iter().zip(edges) {
            depth += edge;
            named[index] |= depth > 0;
        }
    }

    fn name_unique_ids<'a>(
        &self,
        listed: &impl ListedMessages<'a>,
        named: &mut [bool],
        missing: &mut Missing,
    ) {
        if self.unique_ids.is_empty() {
            return;
        }
        let mut wanted: HashMap<&[u8], bool> =
            self.unique_ids.iter().map(|unique_id| (unique_id.as_slice(), false)).collect();
        for (index, named) in named.iter_mut().enumerate() {
            let found = listed.message(index).unique_id.and_then(|unique_id| wanted.get_mut(unique_id));
            if let Some(found) = found {
                *found = true;
                *named = true;
            }
        }
        for unique_id in &self.unique_ids {
            if !wanted[unique_id.as_slice()] {
                missing.unique_id(unique_id);
            }
        }
    }
}

/// CR, LF and NUL are refused wherever a value could end up on the wire.
fn is_forbidden(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n' | b'\0')
}

/// The failure of `--new`, `--fetched`, `--uid` and `status --check` on a server without `UIDL`.
pub fn no_unique_ids_error() -> CliError {
    CliError::new(
        ErrorCode::Protocol,
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

    fn unique_id(&mut self, octets: &[u8]) {
        self.add(format!("unique-id \"{}\"", escape(&shorten(&unique_id(octets)))));
    }

    fn add(&mut self, name: String) {
        if self.seen.insert(name.clone()) && self.names.len() < NAMED {
            self.names.push(name);
        }
    }

    fn into_result(self) -> Result<(), CliError> {
        if self.names.is_empty() {
            return Ok(());
        }
        let others = match self.seen.len() - self.names.len() {
            0 => String::new(),
            others => format!(" and {others} more"),
        };
        let names = self.names.join(", ");
        Err(CliError::new(ErrorCode::NoSuchMessage, format!("not on the server: {names}{others}")))
    }
}

fn range(piece: &str) -> Result<Range, CliError> {
    let short = shorten(piece);
    let shown = escape(&short);
    let invalid = |why: &str| CliError::usage(format!("invalid message number \"{shown}\": {why}"));
    let number = |digits: &str| match decimal::<u32>(digits) {
        Some(0) => Err(invalid("numbers begin at 1")),
        Some(number) => Ok(number),
        None if is_decimal(digits) => Err(invalid("the largest is 4294967295")),
        None => Err(invalid("expected 3, 2-5, 7- or 1,4-6")),
    };
    let Some((first, last)) = piece.split_once('-') else { return Ok(Range::Single(number(piece)?)) };
    let first = number(first)?;
    if last.is_empty() {
        return Ok(Range::From(first));
    }
    let last = number(last)?;
    if last < first {
        return Err(CliError::usage(format!("invalid range \"{shown}\": the end is before the start")));
    }
    Ok(Range::Closed(first, last))
}

fn count(option: &str, typed: &str) -> Result<u32, CliError> {
    match decimal(typed) {
        Some(0) | None => Err(CliError::usage(format!(
            "invalid value \"{}\" for {option}: expected a number from 1 to 4294967295",
            escape(&shorten(typed))
        ))),
        Some(number) => Ok(number),
    }
}

pub fn size(option: &str, typed: &str) -> Result<u64, CliError> {
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
    let invalid = |why: &str| {
        CliError::usage(format!("invalid value \"{}\" for {option}: {why}", escape(&shorten(typed))))
    };
    let (true, Some(octets)) = (is_decimal(digits), octets) else {
        return Err(invalid("expected octets, or a number with k, M, G, KiB, MiB or GiB"));
    };
    decimal::<u64>(digits).and_then(|number| number.checked_mul(octets)).ok_or_else(|| invalid("too large"))
}

fn age(typed: &str) -> Result<i64, CliError> {
    let (digits, unit) = digits_and_unit(typed);
    let seconds = match unit {
        "m" => Some(60),
        "h" => Some(60 * 60),
        "d" => Some(24 * 60 * 60),
        "w" => Some(7 * 24 * 60 * 60),
        _ => None,
    };
    let invalid = |why: &str| {
        CliError::usage(format!("invalid value \"{}\" for --older-than: {why}", escape(&shorten(typed))))
    };
    let (true, Some(seconds)) = (is_decimal(digits), seconds) else {
        return Err(invalid("expected a number with m, h, d or w, such as 30d"));
    };
    decimal::<i64>(digits).and_then(|number| number.checked_mul(seconds)).ok_or_else(|| invalid("too large"))
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
const MAX_INPUT: u64 = 64 << 20;

/// How many missing messages an error names: it is one line for a person.
const NAMED: usize = 10;

/// Windows PowerShell puts one before what it pipes.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests {
    use super::*;

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
            .and_then(|selection| selection.resolve(&six(), 1_000))
            .map(|chosen| indices(&chosen))
            .map_err(|failure| (failure.code, failure.message))
    }

    fn indices(chosen: &Selection) -> Vec<usize> {
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
    fn what_is_not_there_is_named() {
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
    fn unique_ids_choose_every_message_that_has_them() {
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
            let selection = Selector::parse(&uids(&[&shown(listed)]), DefaultSelection::New).unwrap();
            assert_eq!(indices(&selection.resolve(&alike, 0).unwrap()), [index], "{:?}", shown(listed));
            let mut selection = Selector::parse(&uids(&["-"]), DefaultSelection::New).unwrap();
            selection.read(format!("{}\r\n", shown(listed)).as_bytes()).unwrap();
            assert_eq!(indices(&selection.resolve(&alike, 0).unwrap()), [index], "{:?}", shown(listed));
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
        for (selectors, chosen) in table {
            assert_eq!(take(selectors).unwrap(), *chosen, "{selectors:?}");
        }
    }

    #[test]
    fn the_order_of_the_listing_does_not_matter() {
        let mut listed = six();
        listed.reverse();
        let first = SelectorArgs { first: Some("2".into()), ..numbers(&["2-"]) };
        let chosen = Selector::parse(&first, DefaultSelection::Refuse).unwrap().resolve(&listed, 0).unwrap();
        assert_eq!(indices(&chosen), [3, 4]);
    }

    #[test]
    fn pending_deletions_are_filtered_as_new_messages() {
        let pending = |selectors: &SelectorArgs| {
            let selection = Selector::parse(selectors, DefaultSelection::New).unwrap();
            indices(&selection.resolve_pending(&six(), |index| index != 3))
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
    fn each_subcommand_has_its_own_otherwise() {
        let filtering = SelectorArgs { larger: Some("1".into()), ..SelectorArgs::default() };
        for (selectors, kept) in [(SelectorArgs::default(), 6), (filtering, 5)] {
            assert_eq!(
                Selector::parse(&selectors, DefaultSelection::Refuse).unwrap_err().code,
                ErrorCode::Usage
            );
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
        let mut selection = Selector::parse(&uids(&["-"]), DefaultSelection::Refuse)?;
        assert!(selection.reads_stdin());
        selection.read(input).map(|()| selection)
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
        let mut selection = Selector::parse(&uids(&["-"]), DefaultSelection::Refuse).unwrap();
        let endless = io::BufReader::with_capacity(1 << 20, io::repeat(b'x'));
        assert_eq!(selection.read(endless).unwrap_err().code, ErrorCode::Usage);
    }

    #[test]
    fn a_hundred_thousand_of_each_are_no_matter() {
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
        let selection = Selector::parse(&selectors, DefaultSelection::Refuse).unwrap();
        assert_eq!(selection.resolve(&listed, 0).unwrap().len(), 100_000);
    }
}
