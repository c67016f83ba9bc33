//! `--lmtp`: delivers to an LMTP server (RFC 2033), over one connection per run.

mod address;
mod client;
mod spool;
#[cfg(test)]
mod tests;

pub use address::LmtpAddress;

use self::{
    client::{Client, Verdict},
    spool::Spool,
};
use super::{
    error::{Error, ErrorKind},
    process::host,
    storage::Incoming,
    store::{CommitContext, Staged, Store},
};
use crate::net::Limits;

/// Delivers each message as soon as it is complete. The connection is opened for the first message.
pub(crate) struct Lmtp {
    address: LmtpAddress,
    recipient: String,
    limits: Limits,
    client: Option<Client>,
    spool: Option<Spool>,
    staged: Vec<(Staged, Spool)>,
}

impl Lmtp {
    pub(crate) fn new(address: &LmtpAddress, recipient: &str, limits: Limits) -> Self {
        Self {
            address: address.clone(),
            recipient: recipient.to_owned(),
            limits,
            client: None,
            spool: None,
            staged: Vec::new(),
        }
    }

    fn deliver(&mut self, message: &mut Spool) -> Result<Verdict, crate::Error> {
        let mut client = match self.client.take() {
            Some(client) => client,
            None => Client::connect(&self.address, &lhlo_name(), self.limits)?,
        };
        let verdict = client.deliver(&self.recipient, message)?;
        self.client = Some(client);
        Ok(verdict)
    }
}

impl Store for Lmtp {
    fn group(&self) -> usize {
        1
    }

    fn begin(&mut self, _: &Incoming) -> Result<(), Error> {
        self.spool = Some(Spool::new());
        Ok(())
    }

    fn write(&mut self, octets: &[u8]) -> Result<(), Error> {
        self.spool.as_mut().map_or(Ok(()), |spool| spool.write(octets)).map_err(|error| spooling(&error))
    }

    fn end(&mut self, message: Staged) -> Result<(), Error> {
        let Some(mut spool) = self.spool.take() else { return Ok(()) };
        spool.end().map_err(|error| spooling(&error))?;
        self.staged.push((message, spool));
        Ok(())
    }

    fn abort(&mut self) -> Result<(), Error> {
        self.spool = None;
        Ok(())
    }

    fn keep(&mut self, count: usize) -> Result<(), Error> {
        self.staged.truncate(count);
        Ok(())
    }

    fn commit(&mut self, context: &mut CommitContext) -> Result<(), Error> {
        for (message, mut spool) in std::mem::take(&mut self.staged) {
            match self.deliver(&mut spool).map_err(failure)? {
                Verdict::Delivered => {
                    context.remember(&message, b"lmtp")?;
                    context.stored(message, None);
                }
                Verdict::Refused(line) => {
                    let error = Error::new(ErrorKind::Refused, String::from_utf8_lossy(&line));
                    context.failed(message, error);
                }
            }
        }
        Ok(())
    }
}

impl Drop for Lmtp {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            client.quit();
        }
    }
}

/// Converts an error of the session. A permanent refusal of the greeting, the sender or the recipient affects every message, so
/// it is an error of the destination.
fn failure(error: crate::Error) -> Error {
    match error.kind() {
        crate::ErrorKind::Refused | crate::ErrorKind::Argument => {
            Error::new(ErrorKind::Output, error.to_string())
        }
        _ => error.into(),
    }
}

/// Returns the name for `LHLO`: RFC 5321 §4.1.4 requires a domain name, if this machine has one.
fn lhlo_name() -> String {
    let name = host();
    if name.contains('_') { "localhost".to_owned() } else { name }
}

fn spooling(error: &std::io::Error) -> Error {
    Error::output("cannot spool a message for --lmtp", error)
}
