//! `Date` (RFC 5322 §3.3).

use jiff::{
    civil,
    fmt::rfc2822::DateTimeParser,
    tz::{Offset, TimeZone},
};
use mail_parser::DateTime;

/// A date with the sender's offset as RFC 3339 has it; `None` where it is none, or one that no calendar knows.
///
/// Strictly first; then as mail-parser reads what mailers get wrong, checked, since it lets 31 February and +9999 pass.
///
/// ```text
/// "Sat, 1 Mar 2025 14:03:00 +0530 (IST)" → "2025-03-01T14:03:00+05:30"
/// ```
pub(super) fn parse(text: &str) -> Option<String> {
    static STRICT: DateTimeParser = DateTimeParser::new().relaxed_weekday(true);
    if text.len() > LONGEST {
        return None;
    }
    if let Ok(date) = STRICT.parse_zoned(text) {
        return rfc3339(date.datetime(), date.offset());
    }
    let date = DateTime::parse_rfc822(&format!("{text}\n")).filter(DateTime::is_valid)?;
    if !is_plausible(text) {
        return None;
    }
    let small = |number: u8| i8::try_from(number).ok();
    let datetime = civil::DateTime::new(
        i16::try_from(date.year).ok()?,
        small(date.month)?,
        small(date.day)?,
        small(date.hour)?,
        small(date.minute)?,
        small(date.second)?,
        0,
    )
    .ok()?;
    let seconds = i32::from(date.tz_hour) * 3600 + i32::from(date.tz_minute) * 60;
    rfc3339(datetime, Offset::from_seconds(if date.tz_before_gmt { -seconds } else { seconds }).ok()?)
}

fn rfc3339(datetime: civil::DateTime, offset: Offset) -> Option<String> {
    let seconds = offset.seconds();
    if seconds.abs() >= 24 * 3600 || !(0..=9999).contains(&datetime.year()) {
        return None;
    }
    Some(datetime.to_zoned(TimeZone::fixed(offset)).ok()?.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
}

/// mail-parser knows a month by a hash of its letters, so that "Foo" is November; it takes the offset modulo 24 hours, and of a number only the digits that it has room for.
fn is_plausible(text: &str) -> bool {
    let plain = text.split('(').next().unwrap_or(text);
    let too_long =
        plain.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() == 3 || digits.len() > 4);
    let offset = plain.rsplit(['+', '-']).next().filter(|_| plain.contains(['+', '-'])).unwrap_or("0");
    let offset: u32 =
        offset.trim().chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0);
    let has_month = plain
        .split(|c: char| !c.is_ascii_alphabetic())
        .any(|word| MONTHS.iter().any(|month| month.eq_ignore_ascii_case(word)));
    has_month && !too_long && offset / 100 < 24 && offset % 100 < 60
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A date has some 40 characters; comments may make it longer, but no thousands of parentheses.
const LONGEST: usize = 1000;
