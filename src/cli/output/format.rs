//! Formats dates, sizes and senders as text.

use humansize::{DECIMAL, format_size};
use jiff::Timestamp;

use super::Printer;
use crate::cli::json::Mailbox;

impl Printer<'_> {
    /// Formats a date, in seconds since 1970, in local time: `today 14:03`, `Mon 14:03` or `2025-03-01` on a terminal, otherwise `2025-03-01 14:03`.
    pub(super) fn date(&self, date: Option<i64>) -> String {
        let date = date.and_then(|seconds| Timestamp::from_second(seconds).ok());
        let Some(date) = date else { return "-".to_owned() };
        let now = &*self.format.now;
        let date = date.to_zoned(now.time_zone().clone());
        if self.format.terminal.is_none() {
            return date.strftime("%Y-%m-%d %H:%M").to_string();
        }
        let days = date.date().until(now.date()).map_or(i32::MAX, |span| span.get_days());
        let form = match days {
            0 => "today %H:%M",
            1..=6 => "%a %H:%M",
            _ => "%Y-%m-%d",
        };
        date.strftime(form).to_string()
    }

    /// Returns the width of the date column.
    pub(super) fn date_width(&self) -> usize {
        if self.format.terminal.is_some() { "today 14:03".len() } else { "2025-03-01 14:03".len() }
    }
}

/// Formats a size: `24.1 kB`.
pub(super) fn size(octets: u64) -> String {
    format_size(octets, DECIMAL.decimal_places(1))
}

/// Formats the listed size of a message: `-` if the server listed none.
pub(super) fn listed_size(octets: Option<u64>) -> String {
    octets.map_or_else(|| "-".into(), size)
}

/// Formats senders: the name of the first (or, if it has none, the address) and the number of the others, as in `Alice +2`.
pub(super) fn senders(from: &[Mailbox]) -> String {
    let Some(first) = from.first() else { return "-".to_owned() };
    let first = first.name.as_deref().or(first.address.as_deref()).unwrap_or("-");
    match from.len() - 1 {
        0 => first.to_owned(),
        others => format!("{first} +{others}"),
    }
}
