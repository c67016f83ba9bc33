//! What a text means as a port, a time, a fingerprint …, or what is allowed there.

use std::time::Duration;

use crate::bytes::has_line_break_or_nul;

pub fn user_name(text: &str) -> Result<String, &'static str> {
    if text.is_empty() || has_line_break_or_nul(text.as_bytes()) {
        return Err("a user name, without CR, LF and NUL");
    }
    Ok(text.to_owned())
}

/// An address or a user name, as it goes between angle brackets (RFC 5321 §4.1.1.3).
pub fn recipient(text: &str) -> Result<String, &'static str> {
    let breaks =
        |character: char| character.is_control() || character.is_whitespace() || "<>".contains(character);
    if text.is_empty() || text.contains(breaks) {
        return Err("an address or a user name, without blanks, angle brackets and control characters");
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
        .filter(|duration| *duration >= MIN_DURATION)
        .ok_or("seconds, such as 30 or 2.5, from 0.001 to 31536000")
}

pub fn seconds(text: &str) -> Result<Duration, &'static str> {
    const ALLOWED: &str = "seconds, such as 30 or 2.5, from 0 to 31536000";
    let decimal = text.bytes().all(|octet| octet.is_ascii_digit() || octet == b'.');
    let seconds = text.parse().ok().filter(|seconds| decimal && *seconds <= MAX_SECONDS).ok_or(ALLOWED)?;
    Duration::try_from_secs_f64(seconds).map_err(|_| ALLOWED)
}

pub fn parse_bool(text: &str) -> Result<bool, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" => Ok(true),
        "0" | "false" | "no" => Ok(false),
        _ => Err("1, true or yes, or 0, false or no"),
    }
}

/// Words as a shell would split them; on Windows, whose shells escape nothing by it, a backslash stays one.
pub fn words(text: &str) -> Result<Vec<String>, &'static str> {
    let escaped = if cfg!(windows) { &backslashes_kept(text) } else { text };
    shlex::split(escaped)
        .filter(|words| words.first().is_some_and(|program| !program.is_empty()) && !text.contains('\0'))
        .ok_or("a program and its arguments, with every quote closed")
}

/// Text in which a backslash is a backslash also for a shell, but where it stands before a quotation mark.
///
/// `C:\a.exe "\\b\c d" '\e'` → `C:\\a.exe "\\\\b\\c d" '\e'`
fn backslashes_kept(text: &str) -> String {
    let mut kept = String::with_capacity(text.len() + 16);
    let (mut single, mut double) = (false, false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        kept.push(character);
        match character {
            '\\' if single => {}
            '\\' if characters.peek() == Some(&'"') => kept.extend(characters.next()),
            '\\' => kept.push('\\'),
            '\'' if !double => single = !single,
            '"' if !single => double = !double,
            _ => {}
        }
    }
    kept
}

/// Shorter than the clocks of sockets tell apart; next to nothing would mean "for ever" to some.
const MIN_DURATION: Duration = Duration::from_millis(1);
/// A year: what is longer is a mistake, and far from what clocks can add.
const MAX_SECONDS: f64 = 31_536_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_windows_stay_whole() {
        for (text, words) in [
            (r"C:\Tools\mda.exe -d \\server\share", &[r"C:\Tools\mda.exe", "-d", r"\\server\share"][..]),
            (r#""C:\Program Files\mda.exe" "\\s\a b""#, &[r"C:\Program Files\mda.exe", r"\\s\a b"]),
            (r#"'C:\it"s' "it's" C:\d"#, &[r#"C:\it"s"#, "it's", r"C:\d"]),
            (r#"say "a \"b\" c""#, &["say", r#"a "b" c"#]),
        ] {
            assert_eq!(shlex::split(&backslashes_kept(text)).unwrap(), words);
        }
    }
}
