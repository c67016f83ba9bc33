//! What a text means as a port, a time, a fingerprint …, or what is allowed there.

use std::time::Duration;

pub fn user_name(text: &str) -> Result<String, &'static str> {
    if text.is_empty() || text.contains(['\r', '\n', '\0']) {
        return Err("a user name, without CR, LF and NUL");
    }
    Ok(text.to_owned())
}

pub fn port_number(text: &str) -> Result<u16, &'static str> {
    let digits = text.bytes().all(|octet| octet.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port > 0).ok_or("a number from 1 to 65535")
}

pub fn positive_seconds(text: &str) -> Result<Duration, &'static str> {
    seconds(text)
        .ok()
        .filter(|duration| *duration >= SHORTEST)
        .ok_or("seconds, such as 30 or 2.5, from 0.001 to 31536000")
}

pub fn seconds(text: &str) -> Result<Duration, &'static str> {
    const ALLOWED: &str = "seconds, such as 30 or 2.5, from 0 to 31536000";
    let decimal = text.bytes().all(|octet| octet.is_ascii_digit() || octet == b'.');
    let seconds =
        text.parse().ok().filter(|seconds| decimal && *seconds <= LONGEST_SECONDS).ok_or(ALLOWED)?;
    Duration::try_from_secs_f64(seconds).map_err(|_| ALLOWED)
}

pub fn truth(text: &str) -> Result<bool, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" => Ok(true),
        "0" | "false" | "no" => Ok(false),
        _ => Err("1, true or yes, or 0, false or no"),
    }
}

/// Words as a shell would split them.
pub fn words(text: &str) -> Result<Vec<String>, &'static str> {
    shlex::split(text)
        .filter(|words| words.first().is_some_and(|program| !program.is_empty()) && !text.contains('\0'))
        .ok_or("a program and its arguments, with every quote closed")
}

/// Shorter than the clocks of sockets tell apart; next to nothing would mean "for ever" to some.
const SHORTEST: Duration = Duration::from_millis(1);
/// A year: what is longer is a mistake, and far from what clocks can add.
const LONGEST_SECONDS: f64 = 31_536_000.0;
