//! Message numbers, unique-ids, sizes and ages from the command line are resolved against a listing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pop3::{
    cli::{
        args::SelectorArgs,
        select::{ListedMessage, ListedMessages, DefaultSelection, Selector},
    },
    proto::MessageNumber,
};

struct Three;

impl ListedMessages<'static> for Three {
    fn len(&self) -> usize {
        3
    }

    fn message(&self, index: usize) -> ListedMessage<'static> {
        let numbers = [1, 7, u32::MAX];
        ListedMessage {
            number: MessageNumber::new(numbers[index]).expect("not 0"),
            unique_id: [Some(&b"u1"[..]), None, Some(b"u1")][index],
            octets: [None, Some(999), Some(u64::MAX)][index],
            fetched: [None, Some(i64::MIN), Some(i64::MAX)][index],
        }
    }
}

// The lines are: numbers, unique-id, first, last, larger, smaller, older-than, and standard input.
fuzz_target!(|text: &str| {
    let mut lines = text.splitn(8, '\n');
    let mut line = || lines.next().filter(|line| !line.is_empty()).map(str::to_owned);
    let selectors = SelectorArgs {
        numbers: line().into_iter().collect(),
        uids: line().into_iter().map(Into::into).collect(),
        new: text.len() % 2 == 0,
        fetched: text.len() % 3 == 0,
        all: text.len() % 5 == 0,
        first: line(),
        last: line(),
        larger: line(),
        smaller: line(),
        older_than: line(),
    };
    let stdin = line().unwrap_or_default();
    let Ok(mut selection) = Selector::parse(&selectors, DefaultSelection::All) else { return };
    if selection.reads_stdin() && selection.read(stdin.as_bytes()).is_err() {
        return;
    }
    for time in [i64::MIN, 0, i64::MAX] {
        if let Ok(chosen) = selection.resolve(&Three, time) {
            let indices: Vec<_> = chosen.iter().collect();
            assert!(indices.is_sorted() && indices.iter().all(|&index| index < 3 && chosen.contains(index)));
            assert_eq!((indices.len(), chosen.is_empty()), (chosen.len(), indices.is_empty()));
        }
    }
});
