//! `--lmtp`: an LMTP server (RFC 2033) takes the messages, over one connection a run.

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
    files::host_name,
    storage::Incoming,
    writer::{Ledger, Staged, Store},
};
use crate::net::Limits;

/// Hands each message over as it is complete. The connection is made for the first one.
pub(crate) struct Lmtp {
    address: LmtpAddress,
    recipient: String,
    limits: Limits,
    client: Option<Client>,
    spool: Spool,
    staged: Option<Staged>,
}

impl Lmtp {
    pub(crate) fn new(address: &LmtpAddress, recipient: &str, limits: Limits) -> Self {
        Self {
            address: address.clone(),
            recipient: recipient.to_owned(),
            limits,
            client: None,
            spool: Spool::new(),
            staged: None,
        }
    }

    fn deliver(&mut self) -> Result<Verdict, crate::Error> {
        let mut client = match self.client.take() {
            Some(client) => client,
            None => Client::connect(&self.address, &lhlo_name(), self.limits)?,
        };
        let verdict = client.deliver(&self.recipient, &mut self.spool)?;
        self.client = Some(client);
        Ok(verdict)
    }
}

impl Store for Lmtp {
    fn group(&self) -> usize {
        1
    }

    fn begin(&mut self, _: &Incoming) -> Result<(), Error> {
        self.spool.clear().map_err(|error| spooling(&error))
    }

    fn write(&mut self, octets: &[u8]) -> Result<(), Error> {
        self.spool.write(octets).map_err(|error| spooling(&error))
    }

    fn end(&mut self, message: Staged) -> Result<(), Error> {
        self.spool.end().map_err(|error| spooling(&error))?;
        self.staged = Some(message);
        Ok(())
    }

    fn cut(&mut self) {}

    fn commit(&mut self, ledger: &mut Ledger) -> Result<(), Error> {
        let Some(message) = self.staged.take() else { return Ok(()) };
        match self.deliver().map_err(failure)? {
            Verdict::Delivered => {
                ledger.remember(&message, b"lmtp")?;
                ledger.report(message, None);
            }
            Verdict::Refused(line) => ledger.refuse(message, String::from_utf8_lossy(&line).into_owned()),
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

/// A refusal for good of the greeting, the sender or the recipient concerns every message: the destination is wrong.
fn failure(error: crate::Error) -> Error {
    match error.kind() {
        crate::ErrorKind::Refused | crate::ErrorKind::Argument => {
            Error::new(ErrorKind::Output, error.to_string())
        }
        _ => error.into(),
    }
}

/// RFC 5321 §4.1.4: a domain name, if this machine has one.
fn lhlo_name() -> String {
    let name = host_name();
    if name.contains('_') { "localhost".to_owned() } else { name }
}

fn spooling(error: &std::io::Error) -> Error {
    Error::output("cannot spool a message for --lmtp", error)
}
