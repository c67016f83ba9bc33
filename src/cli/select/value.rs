//! Parses message numbers, sizes and ages.

use std::str::FromStr;

use crate::cli::{
    error::CliError,
    escape::{escape, shorten},
};

/// A message number or a range of message numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Range {
    Single(u32),
    Closed(u32, u32),
    From(u32),
}

/// Parses one piece of a list of message numbers: `3`, `2-5` or `7-`.
pub(super) fn range(piece: &str) -> Result<Range, CliError> {
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

/// Parses the N of `--first` and `--last`.
pub(super) fn count(option: &str, typed: &str) -> Result<u32, CliError> {
    match decimal(typed) {
        Some(0) | None => Err(invalid_value(option, typed, "expected a number from 1 to 4294967295")),
        Some(number) => Ok(number),
    }
}

/// Parses a SIZE: a number of octets, or a number with `k`, `M`, `G` (powers of 1000) or `KiB`, `MiB`, `GiB` (powers of
/// 1024).
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
    let invalid = |why: &str| invalid_value(option, typed, why);
    let (true, Some(octets)) = (is_decimal(digits), octets) else {
        return Err(invalid("expected octets, or a number with k, M, G, KiB, MiB or GiB"));
    };
    decimal::<u64>(digits).and_then(|number| number.checked_mul(octets)).ok_or_else(|| invalid("too large"))
}

/// Parses the AGE of `--older-than` into seconds.
pub(super) fn age(typed: &str) -> Result<i64, CliError> {
    let (digits, unit) = digits_and_unit(typed);
    let seconds = match unit {
        "m" => Some(60),
        "h" => Some(60 * 60),
        "d" => Some(24 * 60 * 60),
        "w" => Some(7 * 24 * 60 * 60),
        _ => None,
    };
    let invalid = |why: &str| invalid_value("--older-than", typed, why);
    let (true, Some(seconds)) = (is_decimal(digits), seconds) else {
        return Err(invalid("expected a number with m, h, d or w, such as 30d"));
    };
    decimal::<i64>(digits).and_then(|number| number.checked_mul(seconds)).ok_or_else(|| invalid("too large"))
}

fn invalid_value(option: &str, typed: &str, why: &str) -> CliError {
    CliError::usage(format!("invalid value \"{}\" for {option}: {why}", escape(&shorten(typed))))
}

fn digits_and_unit(typed: &str) -> (&str, &str) {
    typed.split_at(typed.find(|c: char| !c.is_ascii_digit()).unwrap_or(typed.len()))
}

/// Parses decimal digits. Unlike `str::parse`, accepts no sign.
fn decimal<N: FromStr>(digits: &str) -> Option<N> {
    is_decimal(digits).then(|| digits.parse().ok()).flatten()
}

fn is_decimal(digits: &str) -> bool {
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}
