//! The tokens of a date.

use super::super::{comment, steps};

/// A token of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// Digits.
    Number(&'a str),
    /// Letters.
    Word(&'a str),
    /// One of `, : + - .`
    Mark(u8),
}

/// Splits a date into tokens; `None` if it contains an invalid character, or has more tokens than any date.
///
/// Comments, which may be anywhere (RFC 5322 §4.3), and white space are dropped. An unclosed comment ends with the
/// text.
pub(super) fn tokens(text: &str) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(&byte) = rest.as_bytes().first() {
        let end_of = |is: fn(&u8) -> bool| rest.bytes().position(|byte| !is(&byte)).unwrap_or(rest.len());
        let used = match byte {
            b' ' | b'\t' | b'\r' | b'\n' => 1,
            b'(' => comment::length(rest.as_bytes()).unwrap_or(rest.len()),
            b'0'..=b'9' => {
                let end = end_of(u8::is_ascii_digit);
                tokens.push(Token::Number(&rest[..end]));
                end
            }
            b'A'..=b'Z' | b'a'..=b'z' => {
                let end = end_of(u8::is_ascii_alphabetic);
                tokens.push(Token::Word(&rest[..end]));
                end
            }
            b',' | b':' | b'+' | b'-' | b'.' => {
                tokens.push(Token::Mark(byte));
                1
            }
            _ => return None,
        };
        if tokens.len() > MAX_TOKENS {
            return None;
        }
        steps::add(used);
        rest = &rest[used..];
    }
    Some(tokens)
}

/// The maximum number of tokens; `Fri, 28 Feb 2025 11:30:00.000 PM GMT+01:00 CET` has 20.
const MAX_TOKENS: usize = 24;
