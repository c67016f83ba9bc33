//! The format `application/x-www-form-urlencoded`, used in request bodies and in the queries of redirects.

use crate::bytes;
use crate::secret::Secret;
use zeroize::Zeroizing;

/// Encodes pairs of name and value.
///
/// `[("a", "b c"), ("d", "é")]` → `a=b%20c&d=%C3%A9`
pub(super) fn encode<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Secret {
    let mut text = Zeroizing::new(Vec::with_capacity(ROOM));
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push(b'&');
        }
        percent_encode(name.as_bytes(), &mut text);
        text.push(b'=');
        percent_encode(value, &mut text);
    }
    Secret::from(text.to_vec())
}

/// Appends bytes, with everything but the unreserved characters of RFC 3986 §2.3 as `%XX`. The result is valid in forms, in
/// queries and, as RFC 6749 §2.3.1 requires, in the user name and password of HTTP Basic authentication.
pub(super) fn percent_encode(octets: &[u8], into: &mut Vec<u8>) {
    into.extend(bytes::percent_encode(octets, |octet| {
        octet.is_ascii_alphanumeric() || b"-._~".contains(&octet)
    }));
}

/// Returns the value of a parameter, if the query has it. `Err` if the parameter is repeated (RFC 6749 §3.1) or the query is
/// malformed.
///
/// `("state=a&code=b%2Bc+d", "code")` → `b"b+c d"`
pub(super) fn parameter(query: &str, name: &str) -> Result<Option<Vec<u8>>, ()> {
    let mut found = None;
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if percent_decode(key)? == name.as_bytes() && found.replace(percent_decode(value)?).is_some() {
            return Err(());
        }
    }
    Ok(found)
}

fn percent_decode(text: &str) -> Result<Vec<u8>, ()> {
    bytes::percent_decode(text.replace('+', " ").as_bytes()).ok_or(())
}

/// Initial capacity in bytes, more than any refresh token needs: a growing buffer would leave copies in freed memory.
const ROOM: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_encoded() {
        let form = encode([("a", &b"b c&d=e+f"[..]), ("\u{e9}", b""), ("u", b"http://[::1]:1/~x")]);
        let expected = "a=b%20c%26d%3De%2Bf&%C3%A9=&u=http%3A%2F%2F%5B%3A%3A1%5D%3A1%2F~x";
        assert_eq!(form.expose(), expected.as_bytes());
    }

    #[test]
    fn parameters_are_found_once() {
        let value = |query: &str, name: &str| {
            parameter(query, name).map(|found| found.map(|v| String::from_utf8(v).unwrap()))
        };
        assert_eq!(value("state=a&code=b%2Bc+d%c3%A9", "code"), Ok(Some("b+c d\u{e9}".into())));
        assert_eq!(value("state=a&%63ode=b", "code"), Ok(Some("b".into())));
        assert_eq!(value("state=a&code", "code"), Ok(Some(String::new())));
        assert_eq!(value("", "code"), Ok(None));
        for query in ["code=a&code=b", "code=%", "code=%4", "code=%zz", "%=1&code=a", "code=%+1"] {
            assert_eq!(value(query, "code"), Err(()), "{query}");
        }
    }
}
