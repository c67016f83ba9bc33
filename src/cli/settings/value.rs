//! Parses values. The errors describe valid values: "a number from 1 to 65535".

use std::time::Duration;

use crate::bytes::has_line_break_or_nul;

/// Parses a user name.
pub fn user_name(text: &str) -> Result<String, &'static str> {
    if text.is_empty() || has_line_break_or_nul(text.as_bytes()) {
        return Err("a user name without CR, LF and NUL");
    }
    Ok(text.to_owned())
}

/// Parses a recipient. It may not contain angle brackets, because it is sent within them (RFC 5321 §4.1.1.3).
pub fn recipient(text: &str) -> Result<String, &'static str> {
    let breaks =
        |character: char| character.is_control() || character.is_whitespace() || "<>".contains(character);
    if text.is_empty() || text.contains(breaks) {
        return Err("an address or a user name without spaces, angle brackets and control characters");
    }
    Ok(text.to_owned())
}

/// Parses a port.
pub fn port_number(text: &str) -> Result<u16, &'static str> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port > 0).ok_or("a number from 1 to 65535")
}

/// Parses a time limit.
pub fn positive_seconds(text: &str) -> Result<Duration, &'static str> {
    seconds(text)
        .ok()
        .filter(|duration| *duration >= MIN_DURATION)
        .ok_or("seconds, such as 30 or 2.5, from 0.001 to 31536000")
}

/// Parses a time, which may be 0.
pub fn seconds(text: &str) -> Result<Duration, &'static str> {
    const EXPECTED: &str = "seconds, such as 30 or 2.5, from 0 to 31536000";
    let decimal = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds = text.parse().ok().filter(|seconds| decimal && *seconds <= MAX_SECONDS).ok_or(EXPECTED)?;
    Duration::try_from_secs_f64(seconds).map_err(|_| EXPECTED)
}

/// Parses a boolean variable.
pub fn parse_bool(text: &str) -> Result<bool, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" => Ok(true),
        "0" | "false" | "no" => Ok(false),
        _ => Err("1, true or yes, or 0, false or no"),
    }
}

/// Splits a command into words like a POSIX shell. On Windows a backslash is a path separator, so it is not an escape character.
pub fn words(text: &str) -> Result<Vec<String>, &'static str> {
    let escaped = if cfg!(windows) { &escape_backslashes(text) } else { text };
    shlex::split(escaped)
        .filter(|words| words.first().is_some_and(|program| !program.is_empty()) && !text.contains('\0'))
        .ok_or("a program and its arguments, with every quote closed")
}

/// Escapes every backslash for a shell, except before a double quote:
/// `C:\a.exe "\\b\c d" '\e'` → `C:\\a.exe "\\\\b\\c d" '\e'`
fn escape_backslashes(text: &str) -> String {
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

/// Minimum time limit, the resolution of socket timeouts: some systems treat a smaller value as no timeout.
const MIN_DURATION: Duration = Duration::from_millis(1);

/// Maximum time, in seconds: a year. A longer time is probably a mistake.
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
            assert_eq!(shlex::split(&escape_backslashes(text)).unwrap(), words);
        }
    }
}
