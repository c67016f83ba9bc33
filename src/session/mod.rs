//! POP3 sessions with blocking methods: [`Authorization`] before the login, [`Transaction`] after the login.
//!
//! Dropping a session closes the socket and deletes nothing: a server that received no `QUIT` keeps every message
//! (RFC 1939 §6).
//!
//! ```no_run
//! use pop3::{Secret, sasl::Credential, session::{Connector, Reply, TlsMode}};
//!
//! let password = Credential::Password(Secret::from("tanstaaf"));
//! let session = Connector::new().connect("pop.example.org", TlsMode::Implicit)?;
//! let mut maildrop = session.login("mrose", &password)?;
//! let numbers: Vec<_> = maildrop.listing()?.iter().map(|message| message.number).collect();
//! let mut retrieval = maildrop.retr_all(numbers);
//! let (mut unproven, mut proven) = (Vec::new(), Vec::new());
//! while let Some(reply) = retrieval.next()? {
//!     match reply {
//!         Reply::Message(number, mut message) => {
//!             let mut text = Vec::new();
//!             std::io::copy(&mut message, &mut text)?;
//!             unproven.push((number, text));
//!         }
//!         Reply::Vouched => proven.append(&mut unproven),
//!         Reply::Refused { number, error, .. } => eprintln!("{number}: {error}"),
//!         Reply::Marked(_) => {}
//!     }
//! }
//! maildrop.abandon()?;
//! # Ok::<(), pop3::Error>(())
//! ```

mod authorization;
mod capabilities;
mod checkpoint;
mod connect;
mod connection;
mod listing;
mod login;
mod message;
mod options;
mod requests;
mod retrieval;
#[cfg(test)]
mod tests;
mod transaction;
mod window;

pub use authorization::{Authorization, LoginError};
pub use connect::{Connector, TlsMode, connect};
pub use listing::{MaildropEntry, MaildropListing};
pub use message::Message;
pub use options::SessionOptions;
pub use retrieval::{Reply, Retrieval};
pub use transaction::Transaction;
