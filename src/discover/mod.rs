//! Finds the POP3 server of a mail address with autoconfig, SRV records and Mozilla's ISPDB.
//!
//! [`autoconfig`] parses the XML file of a provider or of the ISPDB; [`srv_candidates`] evaluates the SRV records of RFC 6186 and
//! RFC 8314; [`Finder`] queries the sources. All results are servers with TLS, either implicit or with `STLS`.
//!
//! All data is validated before it becomes a [`Candidate`]: host names are valid, ports are not 0, user names are printable.

pub mod autoconfig;
mod finder;
mod mail_address;

pub use finder::{Finder, Sources, SrvServers, domain_holds, srv_candidates};
pub use mail_address::MailAddress;

use crate::net::Host;

/// A POP3 server that a source gives for a mail address.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Candidate {
    /// The server: a domain name, without a trailing dot.
    pub host: Host,
    /// The TCP port, never 0.
    pub port: u16,
    /// The encryption of the connection.
    pub security: Security,
    /// The user name: printable, not empty.
    pub user: String,
    /// True if the server accepts passwords, according to the source.
    pub password: bool,
    /// True if the server accepts OAuth 2.0, according to the source.
    pub oauth: bool,
    /// The source of the candidate.
    pub source: Source,
}

/// The encryption of a connection.
///
/// Exhaustive on purpose: a server without TLS is never a candidate, and a wildcard must not stand for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// `STLS` (RFC 2595).
    StartTls,
}

/// The source of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// A file on a server of the domain, over HTTPS.
    Autoconfig,
    /// SRV records, which are not authenticated.
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
