//! `CAPA` (RFC 2449 §5), before and after the login.

use crate::{
    error::Error,
    proto::{Capabilities, Command, ProtocolError},
    session::connection::Connection,
};

/// The maximum number of capabilities; RFC 2449 and its successors define about twenty.
const MAX_CAPABILITIES: usize = 500;

/// The maximum size of all capabilities in bytes; the longest lines, `SASL` and `IMPLEMENTATION`, have some hundred.
const MAX_CAPABILITY_BYTES: usize = 64 * 1024;

/// Sends `CAPA` and returns the capabilities.
pub(super) fn request(connection: &mut Connection) -> Result<Capabilities, Error> {
    connection.call(&Command::Capa)?;
    let mut capabilities = Capabilities::default();
    let mut bytes = 0;
    while let Some(at) = connection.line()? {
        bytes += at.len();
        if capabilities.lines().len() == MAX_CAPABILITIES || bytes > MAX_CAPABILITY_BYTES {
            return Err(connection.protocol_error(ProtocolError::ListingTooLong));
        }
        capabilities.push(connection.bytes(&at));
    }
    Ok(capabilities)
}
