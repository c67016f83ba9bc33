//! Parsers for the responses to `STAT`, `LIST` and `UIDL`.

use super::{
    error::ProtocolError,
    quirks,
    types::{DropListing, MessageNumber, ScanListing, UniqueId, UniqueIdListing},
};

/// Parses a drop listing, the text of the response to `STAT` (RFC 1939 §5).
///
/// ```
/// use pop3::proto::{DropListing, listing};
/// assert_eq!(listing::drop_listing(b"2 320"), Ok(DropListing { messages: 2, octets: 320 }));
/// ```
///
/// # Errors
///
/// Returns [`ProtocolError::MalformedListing`] if the text does not begin with two numbers.
pub fn drop_listing(text: &[u8]) -> Result<DropListing, ProtocolError> {
    let mut words = quirks::words(text);
    let messages = words.next().and_then(number).and_then(|number| u32::try_from(number).ok());
    let octets = words.next().and_then(number);
    match (messages, octets) {
        (Some(messages), Some(octets)) => Ok(DropListing { messages, octets }),
        _ => Err(ProtocolError::MalformedListing),
    }
}

/// Parses a scan listing, a line of the response to `LIST`: `b"1 120"`. Further words are ignored (RFC 1939 §5).
///
/// # Errors
///
/// Returns [`ProtocolError::MalformedListing`] if the line does not begin with two numbers, and
/// [`ProtocolError::BadMessageNumber`] if the first number is not a valid message-number.
pub fn scan_listing(line: &[u8]) -> Result<ScanListing, ProtocolError> {
    let mut words = quirks::words(line);
    let number_word = words.next().ok_or(ProtocolError::MalformedListing)?;
    let octets = words.next().and_then(number).ok_or(ProtocolError::MalformedListing)?;
    Ok(ScanListing { number: message_number(number_word)?, octets })
}

/// Parses a unique-id listing, a line of the response to `UIDL` (RFC 1939 §7): `b"1 whqtswO00WBw418f9t5JxYwZ"`.
///
/// A missing unique-id is `None` rather than an error, so that one bad line does not lose the unique-ids of the other
/// messages.
///
/// ```
/// use pop3::proto::listing;
/// let (number, unique_id) = listing::unique_id_line(b"1 whqtswO00WBw418f9t5JxYwZ")?;
/// assert_eq!((number.get(), unique_id.unwrap().as_bytes()), (1, &b"whqtswO00WBw418f9t5JxYwZ"[..]));
/// # Ok::<(), pop3::proto::ProtocolError>(())
/// ```
///
/// # Errors
///
/// Returns [`ProtocolError::MalformedListing`] if the line does not begin with a number, and
/// [`ProtocolError::BadMessageNumber`] if the number is not a valid message-number.
pub fn unique_id_line(line: &[u8]) -> Result<(MessageNumber, Option<UniqueId>), ProtocolError> {
    let number_word = quirks::words(line).next().ok_or(ProtocolError::MalformedListing)?;
    let unique_id = UniqueId::try_from(quirks::after_first_word(line)).ok();
    Ok((message_number(number_word)?, unique_id))
}

/// Parses the text of the response to `UIDL n` (RFC 1939 §7).
///
/// # Errors
///
/// Returns [`ProtocolError::MalformedListing`] if the text has no unique-id, and [`ProtocolError::BadMessageNumber`]
/// if the unique-id is that of another message.
pub fn unique_id_listing(text: &[u8], asked: MessageNumber) -> Result<UniqueIdListing, ProtocolError> {
    let (number, unique_id) = if quirks::number_left_out(text) {
        (asked, UniqueId::try_from(text.trim_ascii()).ok())
    } else {
        unique_id_line(text)?
    };
    if number != asked {
        return Err(ProtocolError::BadMessageNumber);
    }
    Ok(UniqueIdListing { number, unique_id: unique_id.ok_or(ProtocolError::MalformedListing)? })
}

fn message_number(word: &[u8]) -> Result<MessageNumber, ProtocolError> {
    let number = number(word).ok_or(ProtocolError::MalformedListing)?;
    u32::try_from(number).ok().and_then(MessageNumber::new).ok_or(ProtocolError::BadMessageNumber)
}

/// Parses a number without a sign; `None` if it does not fit.
fn number(word: &[u8]) -> Option<u64> {
    if word.is_empty() || !word.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(word).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_numbers_are_refused() {
        for text in [&b""[..], b"2", b"-1 320", b"+2 320", b"2 x", b"4294967296 1", b"1 18446744073709551616"]
        {
            assert_eq!(drop_listing(text), Err(ProtocolError::MalformedListing), "{}", text.escape_ascii());
        }
        assert_eq!(drop_listing(b"  2\t320 octets"), Ok(DropListing { messages: 2, octets: 320 }));
        assert_eq!(scan_listing(b"0 5"), Err(ProtocolError::BadMessageNumber));
        assert_eq!(scan_listing(b"4294967297 5"), Err(ProtocolError::BadMessageNumber));
        assert_eq!(scan_listing(b"1"), Err(ProtocolError::MalformedListing));
        assert_eq!(scan_listing(b"2 5 extra").map(|line| (line.number.get(), line.octets)), Ok((2, 5)));
    }

    #[test]
    fn nonstandard_unique_ids_are_accepted() {
        let parse = |line: &[u8]| unique_id_line(line).map(|(_, id)| id.map(|id| id.as_bytes().to_vec()));
        let long = vec![b'u'; 500];
        assert_eq!(parse(&[b"1 ", &long[..]].concat()), Ok(Some(long)));
        assert_eq!(parse(b"1\t\t<a b@c>"), Ok(Some(b"<a b@c>".to_vec())));
        assert_eq!(parse(b"1 "), Ok(None));
        assert_eq!(parse(b""), Err(ProtocolError::MalformedListing));
        let three = MessageNumber::new(3).unwrap();
        assert_eq!(unique_id_listing(b"uid", three).unwrap().unique_id.as_bytes(), b"uid");
        assert_eq!(unique_id_listing(b"4 uid", three), Err(ProtocolError::BadMessageNumber));
        assert_eq!(unique_id_listing(b"", three), Err(ProtocolError::MalformedListing));
    }
}
