//! The POP3 server of a mail address: autoconfig, SRV records, Mozilla's ISPDB.
//!
//! [`autoconfig`] reads the XML of a provider or of the ISPDB; [`srv_candidates`] reads the records of RFC 6186 and
//! RFC 8314; [`Finder`] asks for both in order. Only servers with TLS are found, implicit or by `STLS`.
//!
//! Server data is validated before it becomes a [`Candidate`]: host names are valid, ports not 0, user names
//! printable.

pub mod autoconfig;
mod finder;
mod mail_address;

pub use finder::{Finder, Sources, SrvServers, domain_holds, srv_candidates};
pub use mail_address::MailAddress;

use crate::net::Host;

/// A POP3 server that a source names for a mail address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The server: a domain name, without a trailing dot.
    pub host: Host,
    /// The TCP port, never 0.
    pub port: u16,
    /// How the connection is encrypted.
    pub security: Security,
    /// The user name: printable, not empty.
    pub user: String,
    /// The source offers a password.
    pub password: bool,
    /// The source offers OAuth 2.0.
    pub oauth: bool,
    /// The source of the candidate.
    pub source: Source,
}

/// How a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// From the first byte (RFC 8314).
    Implicit,
    /// By `STLS` (RFC 2595).
    StartTls,
}

/// The source that named a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A file of the domain itself, over HTTPS.
    Autoconfig,
    /// SRV records, whose answer is not authenticated.
    Srv,
    /// Mozilla's database, over HTTPS.
    Ispdb,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Autoconfig => "autoconfig",
            Self::Srv => "SRV records",
            Self::Ispdb => "Mozilla's ISPDB",
        })
    }
}
