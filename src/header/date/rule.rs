//! The formats of dates. Each rule matches a whole date, or nothing.

use super::token::Token::{self, Mark, Number, Word};

/// A time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Time {
    pub(super) hour: u8,
    pub(super) minute: u8,
    pub(super) second: u8,
}

/// Year, month, day.
type Day = (u16, u8, u8);
type Rest<'t, 'a> = &'t [Token<'a>];
type DayRule = for<'t, 'a> fn(Rest<'t, 'a>) -> Option<(Day, Rest<'t, 'a>)>;

/// Parses a whole date to year, month, day, time and offset in minutes.
pub(super) fn date_time(tokens: &[Token<'_>]) -> Option<(u16, u8, u8, Time, i16)> {
    let tokens = without_day_name(tokens);
    if let Some(date) = asctime(tokens) {
        return Some(date);
    }
    let rules: [DayRule; 4] = [day_month_year, hyphens, month_first, iso_8601];
    let ((year, month, day), rest) = rules.iter().find_map(|rule| rule(tokens))?;
    let rest = match without_comma(rest) {
        [Word(letter), rest @ ..] if letter.eq_ignore_ascii_case("T") => rest,
        rest => rest,
    };
    let (time, rest) = time(rest)?;
    Some((year, month, day, time, zone(rest)?))
}

/// `Sat,` (RFC 5322 §3.3 `day-of-week`). Some mailers write the full name, or omit the comma.
fn without_day_name<'t, 'a>(tokens: Rest<'t, 'a>) -> Rest<'t, 'a> {
    match tokens {
        [Word(name), rest @ ..] if index(name, &DAYS).is_some() => without_comma(rest),
        tokens => tokens,
    }
}

fn without_comma<'t, 'a>(tokens: Rest<'t, 'a>) -> Rest<'t, 'a> {
    tokens.strip_prefix(&[Mark(b',')]).unwrap_or(tokens)
}

/// `1 Mar 2025`, `1 Mar 25` (RFC 5322 §3.3, §4.3).
fn day_month_year<'t, 'a>(tokens: Rest<'t, 'a>) -> Option<(Day, Rest<'t, 'a>)> {
    match tokens {
        [Number(day), Word(name), Number(number), rest @ ..] => {
            Some(((year(number)?, month(name)?, one_or_two(day)?), rest))
        }
        _ => None,
    }
}

/// `1-Mar-2025`, the format of IMAP (RFC 3501 §9 `date-day`).
fn hyphens<'t, 'a>(tokens: Rest<'t, 'a>) -> Option<(Day, Rest<'t, 'a>)> {
    match tokens {
        [Number(day), Mark(b'-'), Word(name), Mark(b'-'), Number(number), rest @ ..] => {
            Some(((year(number)?, month(name)?, one_or_two(day)?), rest))
        }
        _ => None,
    }
}

/// `Mar 1 2025`, `March 1, 2025`.
fn month_first<'t, 'a>(tokens: Rest<'t, 'a>) -> Option<(Day, Rest<'t, 'a>)> {
    let [Word(name), Number(day), rest @ ..] = tokens else { return None };
    let [Number(number), rest @ ..] = without_comma(rest) else { return None };
    Some(((four(number)?, month(name)?, one_or_two(day)?), rest))
}

/// `2025-03-01` (RFC 3339 §5.6).
fn iso_8601<'t, 'a>(tokens: Rest<'t, 'a>) -> Option<(Day, Rest<'t, 'a>)> {
    match tokens {
        [Number(year), Mark(b'-'), Number(month), Mark(b'-'), Number(day), rest @ ..] => {
            Some(((four(year)?, two(month)?, two(day)?), rest))
        }
        _ => None,
    }
}

/// `Mar 1 14:03:00 2025 +0100`, `Mar 1 14:03:00 CET 2025`: the formats of asctime(3) and date(1), with a zone.
fn asctime(tokens: &[Token<'_>]) -> Option<(u16, u8, u8, Time, i16)> {
    let [Word(name), Number(day), rest @ ..] = tokens else { return None };
    let (time, rest) = time(rest)?;
    let (number, zone_tokens) = match rest {
        [Number(number), zone @ ..] | [zone @ .., Number(number)] if !zone.is_empty() => (number, zone),
        _ => return None,
    };
    Some((four(number)?, month(name)?, one_or_two(day)?, time, zone(zone_tokens)?))
}

/// `14:03:00`, `14:03` (RFC 5322 §3.3 `time-of-day`). Some mailers write `9:03`, `14.03.00`, `14:03:00.000`, or
/// `02:03 PM`.
fn time<'t, 'a>(tokens: Rest<'t, 'a>) -> Option<(Time, Rest<'t, 'a>)> {
    let (hour, minute, second, rest) = match tokens {
        [
            Number(hour),
            Mark(b':'),
            Number(minute),
            Mark(b':'),
            Number(second),
            Mark(b'.'),
            Number(_),
            rest @ ..,
        ]
        | [Number(hour), Mark(b':'), Number(minute), Mark(b':'), Number(second), rest @ ..]
        | [Number(hour), Mark(b'.'), Number(minute), Mark(b'.'), Number(second), rest @ ..] => {
            (hour, minute, two(second)?, rest)
        }
        [Number(hour), Mark(b':' | b'.'), Number(minute), rest @ ..] => (hour, minute, 0, rest),
        _ => return None,
    };
    // Mixed separators or a fourth number match none of the formats.
    if matches!(rest, [Mark(b':' | b'.'), ..]) {
        return None;
    }
    let hour = one_or_two(hour)?;
    let (hour, rest) = match rest {
        [Word(half), rest @ ..] if half.eq_ignore_ascii_case("AM") || half.eq_ignore_ascii_case("PM") => {
            let afternoon = if half.eq_ignore_ascii_case("PM") { 12 } else { 0 };
            ((1..=12).contains(&hour).then_some(hour % 12 + afternoon)?, rest)
        }
        rest => (hour, rest),
    };
    Some((Time { hour, minute: two(minute)?, second }, rest))
}

/// Parses a zone to minutes east of UTC. Some mailers write `+1:00`, `+01:00`, `+01`, `GMT+0100`, or `+0100 CET`.
fn zone(tokens: &[Token<'_>]) -> Option<i16> {
    match tokens {
        [Word(name)] => named_zone(name),
        [Word(name), rest @ ..] if named_zone(name)? == 0 && name.len() > 1 => numeric_zone(rest),
        [rest @ .., Word(name)] => numeric_zone(rest).filter(|&offset| named_zone(name) == Some(offset)),
        rest => numeric_zone(rest),
    }
}

fn numeric_zone(tokens: &[Token<'_>]) -> Option<i16> {
    let (sign, hours, minutes) = match tokens {
        [Mark(sign), Number(hours), Mark(b':'), Number(minutes)] => (sign, one_or_two(hours)?, two(minutes)?),
        [Mark(sign), Number(digits)] if digits.len() == 4 => (sign, two(&digits[..2])?, two(&digits[2..])?),
        [Mark(sign), Number(hours)] => (sign, two(hours)?, 0),
        _ => return None,
    };
    let offset = i16::from(hours) * 60 + i16::from(minutes);
    match sign {
        _ if minutes >= 60 => None,
        b'+' => Some(offset),
        b'-' => Some(-offset),
        _ => None,
    }
}

/// Returns the offset of a zone of RFC 5322 §4.3, or of another zone whose name has only one meaning.
fn named_zone(name: &str) -> Option<i16> {
    let hours = match name.to_ascii_uppercase().as_str() {
        "UT" | "GMT" | "UTC" | "Z" | "WET" => 0,
        "EDT" => -4,
        "EST" | "CDT" => -5,
        "CST" | "MDT" => -6,
        "MST" | "PDT" => -7,
        "PST" => -8,
        "CET" | "MET" | "WEST" => 1,
        "CEST" | "MEST" | "EET" => 2,
        "EEST" => 3,
        "JST" | "KST" => 9,
        // §4.3: RFC 822 defined military zones with wrong signs, so they are equivalent to "-0000".
        letter if letter.len() == 1 && letter != "J" => 0,
        _ => return None,
    };
    Some(hours * 60)
}

/// §4.3: two digits up to 49 are added to 2000, other two digits and three digits to 1900.
fn year(number: &str) -> Option<u16> {
    let year: u16 = number.parse().ok()?;
    match number.len() {
        2 if year < 50 => Some(2000 + year),
        2 | 3 => Some(1900 + year),
        4 => Some(year),
        _ => None,
    }
}

fn month(name: &str) -> Option<u8> {
    index(name, &MONTHS).and_then(|index| u8::try_from(index + 1).ok())
}

/// Returns the index of a name that is given by its first three or more letters: `Mar`, `Sept`, `Thurs`, `Saturday`.
fn index(name: &str, names: &[&str]) -> Option<usize> {
    if name.len() < 3 {
        return None;
    }
    names.iter().position(|full| full.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)))
}

fn one_or_two(digits: &str) -> Option<u8> {
    digits.parse().ok().filter(|_| digits.len() <= 2)
}

fn two(digits: &str) -> Option<u8> {
    digits.parse().ok().filter(|_| digits.len() == 2)
}

fn four(digits: &str) -> Option<u16> {
    digits.parse().ok().filter(|_| digits.len() == 4)
}

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
