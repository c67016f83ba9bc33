//! The lines of `STAT`, `LIST` and `UIDL` as values.

use super::{
    error::ProtocolError,
    quirks,
    types::{DropListing, MessageNumber, ScanListing, UniqueId, UniqueIdListing},
};

/// Reads a drop listing, the text of the answer to `STAT`.
///
/// ```
/// use pop3::proto::{DropListing, listing};
/// assert_eq!(listing::drop_listing(b"2 320"), Ok(DropListing { messages: 2, octets: 320 }));
/// ```
///
/// # Errors
/// [`ProtocolError::MalformedListing`] where it does not begin with two numbers.
pub fn drop_listing(text: &[u8]) -> Result<DropListing, ProtocolError> {
    let mut words = quirks::words(text);
    let messages = words.next().and_then(number).and_then(|number| u32::try_from(number).ok());
    let octets = words.next().and_then(number);
    match (messages, octets) {
        (Some(messages), Some(octets)) => Ok(DropListing { messages, octets }),
        _ => Err(ProtocolError::MalformedListing),
    }
}

/// Reads a scan listing, a line of the answer to `LIST`: `b"1 120"`. Words behind the two are allowed (RFC 1939 §5).
///
/// # Errors
/// [`ProtocolError::MalformedListing`].
pub fn scan_listing(line: &[u8]) -> Result<ScanListing, ProtocolError> {
    let mut words = quirks::words(line);
    let number_word = words.next().ok_or(ProtocolError::MalformedListing)?;
    let octets = words.next().and_then(number).ok_or(ProtocolError::MalformedListing)?;
    Ok(ScanListing { number: message_number(number_word)?, octets })
}

/// Reads a unique-id listing, a line of the answer to `UIDL`: `b"1 whqtswO00WBw418f9t5JxYwZ"`.
///
/// # Errors
/// [`ProtocolError::MalformedListing`] where there is no number; a missing unique-id is `Ok` with `None`, since
/// one message without a unique-id is no reason to give up the others.
pub fn unique_id_line(line: &[u8]) -> Result<(MessageNumber, Option<&[u8]>), ProtocolError> {
    let number_word = quirks::words(line).next().ok_or(ProtocolError::MalformedListing)?;
    let unique_id = quirks::behind_first_word(line);
    Ok((message_number(number_word)?, (!unique_id.is_empty()).then_some(unique_id)))
}

/// Reads the text of the answer to `UIDL n`.
///
/// # Errors
/// [`ProtocolError::MalformedListing`] where it has no unique-id, [`ProtocolError::BadMessageNumber`] where it is that
/// of another message.
pub fn unique_id_listing(text: &[u8], asked: MessageNumber) -> Result<UniqueIdListing, ProtocolError> {
    if quirks::number_left_out(text) {
        return Ok(UniqueIdListing { number: asked, unique_id: UniqueId::from(text.trim_ascii()) });
    }
    let (number, unique_id) = unique_id_line(text)?;
    if number != asked {
        return Err(ProtocolError::BadMessageNumber);
    }
    let unique_id = UniqueId::from(unique_id.ok_or(ProtocolError::MalformedListing)?);
    Ok(UniqueIdListing { number, unique_id })
}

fn message_number(word: &[u8]) -> Result<MessageNumber, ProtocolError> {
    let number = number(word).ok_or(ProtocolError::MalformedListing)?;
    u32::try_from(number).ok().and_then(MessageNumber::new).ok_or(ProtocolError::BadMessageNumber)
}

/// Digits only: no sign, no overflow that wraps.
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
    fn numbers_are_digits_that_fit() {
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
    fn unique_ids_are_taken_as_they_come() {
        let long = [b"1 ", &[b'u'; 500][..]].concat();
        assert_eq!(unique_id_line(&long).map(|(_, uid)| uid.map(<[u8]>::len)), Ok(Some(500)));
        assert_eq!(unique_id_line(b"1\t\t<a b@c>").map(|(_, uid)| uid), Ok(Some(&b"<a b@c>"[..])));
        assert_eq!(unique_id_line(b"1 ").map(|(_, uid)| uid), Ok(None));
        assert_eq!(unique_id_line(b""), Err(ProtocolError::MalformedListing));
        let three = MessageNumber::new(3).unwrap();
        assert_eq!(unique_id_listing(b"uid", three).unwrap().unique_id.as_bytes(), b"uid");
        assert_eq!(unique_id_listing(b"4 uid", three), Err(ProtocolError::BadMessageNumber));
        assert_eq!(unique_id_listing(b"", three), Err(ProtocolError::MalformedListing));
    }
}
