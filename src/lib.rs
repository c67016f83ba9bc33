//! POP3 (RFC 1939 and its extensions) as a library: one method a command, blocking, with nothing hidden.
//!
//! It is what the command `pop3` is built on, and made for other front ends as well.
//!
//! # A session
//!
//! ```no_run
//! use pop3::{Secret, sasl::Credential, session::{Reply, TlsMode}};
//!
//! let session = pop3::connect("pop.example.org", TlsMode::Implicit)?;
//! let mut maildrop = session.login("mrose", &Credential::Password(Secret::from("tanstaaf")))?;
//! let numbers: Vec<_> = maildrop.listing()?.iter().map(|message| message.number).collect();
//! let mut retrieval = maildrop.retr_all(numbers);
//! while let Some(reply) = retrieval.next()? {
//!     if let Reply::Message(number, mut message) = reply {
//!         std::io::copy(&mut message, &mut std::fs::File::create(format!("{number}.eml"))?)?;
//!     }
//! }
//! maildrop.abandon()?; // or commit(): QUIT, which deletes the marked messages
//! # Ok::<(), pop3::Error>(())
//! ```
//!
//! # In scope, out of scope
//!
//! In scope: every command of RFC 1939, `CAPA` (RFC 2449), `STLS` (RFC 2595), `AUTH` (RFC 5034), `UTF8` (RFC 6856),
//! response codes (RFC 2449, RFC 3206), pipelining (RFC 2449 §6.6), TLS 1.2 and 1.3, SOCKS5 and HTTP proxies.
//!
//! Out of scope: what is in a message (a MIME library), when to look again, and asynchronous input
//! and output: one session is one thread.
//!
//! # Architecture
//!
//! | layer | module | what it knows |
//! | --- | --- | --- |
//! | 0 | [`proto`] | commands, answers, framing; no input or output, no clock |
//! | 0 | [`sasl`] | mechanisms as pure steps from challenge to response |
//! | 0 | `oauth` | OAuth 2.0 grants, metadata and errors (feature `oauth`) |
//! | 0 | [`header`] | header fields: dates, addresses, encoded words (feature `header`) |
//! | 1 | [`net`] | addresses, connections, proxies, TLS; nothing of POP3 |
//! | 1 | `discover` | the POP3 server of a mail address: autoconfig, SRV records, ISPDB (feature `discover`) |
//! | 2 | [`session`] | the verbs, blocking; the only place where `proto` and `net` meet |
//! | 3 | `delivery` | fetching exactly once: where messages are stored, what is remembered (feature `delivery`) |
//!
//! [`Error`], [`Secret`] and [`trace`] serve them all. An octet is decrypted into the one input buffer of a session,
//! given out from there as a slice of a message ([`session::Message::chunk`]), and copied once more by whoever keeps it.
//! The command line (`src/cli`, feature `cli`) sits on top: its module is compiled with the library, so that tests and
//! fuzz targets reach it, but is no part of its API and follows no version.

#![warn(clippy::expect_used, clippy::panic, clippy::unreachable, clippy::unimplemented, clippy::todo)]

pub mod bytes;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "delivery")]
pub mod delivery;
#[cfg(feature = "discover")]
pub mod discover;
pub mod error;
#[cfg(feature = "header")]
pub mod header;
pub mod net;
#[cfg(feature = "oauth")]
pub mod oauth;
pub mod proto;
pub mod sasl;
pub mod secret;
pub mod session;
pub mod trace;

pub use error::{Error, ErrorKind};
pub use secret::Secret;
pub use session::connect;
