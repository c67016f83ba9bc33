//! The tokens of a date.

use super::super::{comment, steps};

/// A token of a date. Comments and white space are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// Digits.
    Number(&'a str),
    /// Letters.
    Word(&'a str),
    /// One of `, : + - .`
    Mark(u8),
}

/// Splits a date; `None` if it has a character that is invalid in a date, or more tokens than any date.
///
/// Comments may be anywhere (RFC 5322 §4.3); an unclosed comment ends with the text.
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

/// `Fri, 28 Feb 2025 11:30:00.000 PM GMT+01:00 CET` has 20.
const MAX_TOKENS: usize = 24;
