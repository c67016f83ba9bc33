//! The selectors of a command line, as typed.

use std::ffi::OsString;

/// Selectors: numbers and unique-ids name messages; the others filter the named messages, or all.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Choosing messages")]
pub struct SelectorArgs {
    /// Message numbers of this session: 3, 2-5, 7- or 1,4-6
    ///
    /// Numbers and unique-ids name messages and add up. The other selectors filter the named messages, or all messages
    /// if none is named; a message must pass each of them. Without numbers, --uid, --all, --new, --fetched, --first and
    /// --last, headers and fetch use --new, uidl lists all messages, and delete is an error.
    #[arg(value_name = "NUMBERS", display_order = 0)]
    pub numbers: Vec<String>,

    /// The message with this unique-id (repeatable); - reads unique-ids from standard input, one per line
    ///
    /// As printed by uidl: a byte that is not UTF-8 is \xNN. With -, empty lines are ignored, and empty input names no
    /// message.
    #[arg(long = "uid", value_name = "UID", allow_hyphen_values = true)]
    pub uids: Vec<OsString>,

    /// All messages
    #[arg(long)]
    pub all: bool,

    /// Only messages not fetched before
    #[arg(long, conflicts_with = "fetched")]
    pub new: bool,

    /// Only messages fetched before
    #[arg(long)]
    pub fetched: bool,

    /// Only messages larger than SIZE: octets, or with k, M, G, KiB, MiB, GiB
    ///
    /// Compares the sizes that the server lists. A message without a listed size is neither larger nor smaller.
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    pub larger: Option<String>,

    /// Only messages smaller than SIZE
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    pub smaller: Option<String>,

    /// Only messages fetched at least AGE ago: a number with m, h, d or w
    #[arg(long, value_name = "AGE", allow_hyphen_values = true)]
    pub older_than: Option<String>,

    /// Of the messages that the other selectors select, the N with the lowest numbers
    #[arg(long, value_name = "N", allow_hyphen_values = true, conflicts_with = "last")]
    pub first: Option<String>,

    /// Of the messages that the other selectors select, the N with the highest numbers
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub last: Option<String>,
}

impl SelectorArgs {
    /// True if no messages are selected. Sizes and ages do not count, because they only filter.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
            && self.uids.is_empty()
            && self.first.is_none()
            && self.last.is_none()
            && !(self.new || self.fetched || self.all)
    }
}
