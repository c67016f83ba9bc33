//! Dates of RFC 5322 §3.3 and §4.3, and other formats that mailers write.

mod rule;
mod token;

use std::fmt;

/// The value of a `Date` field: a civil time and its offset from UTC.
///
/// [`Display`](fmt::Display) writes RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    /// The second, which is 60 in a leap second.
    second: u8,
    offset_minutes: i16,
}

impl Date {
    /// Parses the body of a `Date` field, unfolded or not.
    ///
    /// Returns `None` unless the whole text has a known format: that of RFC 5322 §3.3 and §4.3, or one that mailers
    /// use (12-hour clocks, dots or hyphens as separators, `GMT+1`, ISO 8601, month before day). Dates without a
    /// zone, which may be hours off, and impossible dates are also `None`. The name of the day is not compared with
    /// the date.
    ///
    /// ```
    /// use pop3::header::Date;
    /// let date = Date::parse("Sat, 1 Mar 2025 14:03:00 +0530 (IST)").unwrap();
    /// assert_eq!(date.to_string(), "2025-03-01T14:03:00+05:30");
    /// assert_eq!(Date::parse("31 Feb 2025 14:03:00 +0530"), None);
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let tokens = token::tokens(text)?;
        let (year, month, day, time, offset_minutes) = rule::date_time(&tokens)?;
        let rule::Time { hour, minute, second } = time;
        let date = Self { year, month, day, hour, minute, second, offset_minutes };
        date.is_possible().then_some(date)
    }

    /// Returns the seconds since 1970-01-01T00:00:00Z. A leap second has the value of the following second.
    #[must_use]
    pub fn unix_seconds(self) -> i64 {
        let minutes = i64::from(self.hour) * 60 + i64::from(self.minute) - i64::from(self.offset_minutes);
        days_since_epoch(self.year, self.month, self.day) * DAY + minutes * 60 + i64::from(self.second)
    }

    /// Returns the offset from UTC in minutes, which is positive east of Greenwich.
    #[must_use]
    pub fn offset_minutes(self) -> i16 {
        self.offset_minutes
    }

    /// Returns true for a leap second, as in `23:59:60`.
    #[must_use]
    pub fn is_leap_second(self) -> bool {
        self.second == 60
    }

    fn is_possible(self) -> bool {
        (1900..=9999).contains(&self.year)
            && (1..=12).contains(&self.month)
            && (1..=days_in(self.year, self.month)).contains(&self.day)
            && self.hour < 24
            && self.minute < 60
            && self.offset_minutes.abs() < 24 * 60
            && (self.second < 60 || self.second == 60 && self.is_before_half_year())
    }

    /// Leap seconds are inserted at the end of June or December, in UTC.
    fn is_before_half_year(self) -> bool {
        let next = self.unix_seconds();
        let half_years = [(self.year, 7), (self.year, 1), (self.year + 1, 1)];
        half_years.iter().any(|&(year, month)| next == days_since_epoch(year, month, 1) * DAY)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, minute, second, offset_minutes } = *self;
        let sign = if offset_minutes < 0 { '-' } else { '+' };
        let offset = offset_minutes.abs();
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        write!(f, "{sign}{:02}:{:02}", offset / 60, offset % 60)
    }
}

fn is_leap_year(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in(year: u16, month: u8) -> u8 {
    match month {
        2 => 28 + u8::from(is_leap_year(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Returns the days since 1970-01-01 in the Gregorian calendar.
fn days_since_epoch(year: u16, month: u8, day: u8) -> i64 {
    let before = i64::from(year) - 1;
    let leap_days = before / 4 - before / 100 + before / 400;
    let months: i64 = (1..month).map(|month| i64::from(days_in(year, month))).sum();
    before * 365 + leap_days + months + i64::from(day) - 1 - DAYS_BEFORE_1970
}

const DAY: i64 = 24 * 60 * 60;

/// Days from 0001-01-01 to 1970-01-01.
const DAYS_BEFORE_1970: i64 = 719_162;
