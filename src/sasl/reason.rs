//! The reason for refusing a token, from the JSON object of the server's error challenge (RFC 7628 §3.2.2).
//!
//! The reason is only shown to people, so malformed JSON is ignored.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use crate::Secret;

/// The maximum length of a value in characters. A list of scopes has some hundred, and the whole error is one line.
const MAX_WORD: usize = 200;

/// The maximum length of a URL in bytes. People are asked to confirm it.
const MAX_URL: usize = 2048;

/// `{"status":"401","scope":"mail"}` → `status 401, scope mail`. The token and its base64 are replaced with `***`.
pub(super) fn read(challenge: &[u8], token: &Secret) -> Option<String> {
    let text = String::from_utf8_lossy(challenge);
    let token = std::str::from_utf8(token.expose()).unwrap_or_default();
    let base64 = Zeroizing::new(STANDARD.encode(token));
    let base64 = base64.trim_end_matches('=');
    let words = ["status", "error", "error_description", "scope"].into_iter().filter_map(|key| {
        let word = member(&text, key)?;
        let word = if token.is_empty() { word } else { word.replace(token, "***").replace(base64, "***") };
        let word: String = word.chars().take(MAX_WORD).collect();
        (!word.is_empty()).then(|| format!("{} {word}", key.replace('_', " ")))
    });
    let words: Vec<String> = words.collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// Returns the URL of `openid-configuration` in the server's error (RFC 7628 §3.2.2), if there is one.
pub(super) fn openid_configuration(challenge: &[u8]) -> Option<String> {
    let url = member(&String::from_utf8_lossy(challenge), "openid-configuration")?;
    (!url.is_empty() && url.len() <= MAX_URL).then_some(url)
}

/// Returns the first value of `key` at any depth, if the value is a string or a number.
fn member(text: &str, key: &str) -> Option<String> {
    let mut rest = text;
    loop {
        let (string, after) = string(&rest[rest.find('"')?..])?;
        rest = after;
        let Some(value) = after.trim_start().strip_prefix(':') else { continue };
        if string != key {
            rest = value;
            continue;
        }
        let value = value.trim_start();
        if value.starts_with('"') {
            return self::string(value).map(|(word, _)| word);
        }
        let end = value.find(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c));
        return Some(value[..end.unwrap_or(value.len())].to_owned());
    }
}

/// Returns the JSON string at the start of `text`, and the text after it; `None` if the string is not terminated.
fn string(text: &str) -> Option<(String, &str)> {
    let mut characters = text.strip_prefix('"')?.chars();
    let mut string = String::new();
    loop {
        match characters.next()? {
            '"' => return Some((string, characters.as_str())),
            '\\' => string.push(match characters.next()? {
                'b' => '\x08',
                'f' => '\x0c',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => {
                    let digits = characters.as_str().get(..4)?;
                    characters = characters.as_str()[4..].chars();
                    // Half of a surrogate pair is replaced with U+FFFD.
                    u32::from_str_radix(digits, 16).ok().and_then(char::from_u32).unwrap_or('\u{fffd}')
                }
                other => other,
            }),
            other => string.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{MAX_WORD, read};
    use crate::Secret;

    fn reason(challenge: &str) -> Option<String> {
        read(challenge.as_bytes(), &Secret::from("t0ken"))
    }

    #[test]
    fn known_members_are_found() {
        for (challenge, expected) in [
            (
                r#"{"status":"invalid_token","scope":"example_scope","openid-configuration":"https://x/"}"#,
                "status invalid_token, scope example_scope",
            ),
            (r#" { "scope" : "mail" , "status" : 401 } "#, "status 401, scope mail"),
            (
                r#"{"error":"invalid_grant","error_description":"expired"}"#,
                "error invalid_grant, error description expired",
            ),
            (r#"{"a":{"status":"400"},"status":"500"}"#, "status 400"),
            (r#"{"note":"\"status\":\"no\"","status":"y\u0065s\n"}"#, "status yes\n"),
            (r#"{"x":"status","status":"1"}"#, "status 1"),
            (r#"{"status":"bad t0ken t0k\u0065n"}"#, "status bad *** ***"),
            (r#"{"status":"\ud83e\udd14"}"#, "status \u{fffd}\u{fffd}"),
            (r#"{"status":"401""#, "status 401"),
        ] {
            assert_eq!(reason(challenge).as_deref(), Some(expected), "{challenge}");
        }
    }

    #[test]
    fn malformed_json_has_no_reason() {
        for challenge in [
            "",
            "{}",
            "no json",
            "\"",
            "{\"",
            "{\"status\"",
            "{\"status\":",
            "{\"status\":\"",
            "{\"status\":\"4",
            "{\"status\":{}}",
            "{\"status\":\"\"}",
            "{\"status\":\"\\u12",
            "{\"status\":\"\\",
            "[\"status\",\"x\"]",
        ] {
            assert_eq!(reason(challenge), None, "{challenge}");
        }
        assert_eq!(read(b"\xff\x00\x9f", &Secret::from("t")), None);
    }

    #[test]
    fn the_token_is_redacted_before_a_value_is_truncated() {
        let filler = "x".repeat(MAX_WORD - 2);
        let challenge = format!(r#"{{"status":"{filler}t0ken and more"}}"#);
        assert_eq!(reason(&challenge), Some(format!("status {filler}**")));
    }

    proptest! {
        #[test]
        fn no_text_panics_or_shows_the_token(
            text in r#"([ -~\n\u{e9}]|"|\\|\\u|\{"status":"|"scope":"|t0ken){0,60}"#,
            bytes in any::<Vec<u8>>(),
        ) {
            let token = Secret::from("t0ken");
            for challenge in [text.as_bytes(), &bytes] {
                if let Some(reason) = read(challenge, &token) {
                    assert!(!reason.contains("t0ken"));
                }
            }
        }
    }
}
