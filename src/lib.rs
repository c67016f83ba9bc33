//! A POP3 client library (RFC 1939 and extensions): blocking, or without I/O for asynchronous programs.
//!
//! The command `pop3` is built on this library, which is meant for other front ends too.
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
//! There are complete programs in `examples/`: `console.rs` is an interactive client, `tokio.rs` is an asynchronous
//! client on [`proto::Engine`], and `archive.rs` stores each message exactly once.
//!
//! # Scope
//!
//! In scope: every command of RFC 1939, `CAPA` (RFC 2449), `STLS` (RFC 2595), `AUTH` (RFC 5034), `UTF8` (RFC 6856),
//! response codes (RFC 2449, RFC 3206), pipelining (RFC 2449 §6.6), TLS 1.2 and 1.3, SOCKS 5 and HTTP proxies, and
//! storing messages exactly once.
//!
//! Out of scope: message content beyond header fields (use a MIME library), and scheduling.
//!
//! # Architecture
//!
//! | layer | module | responsibility |
//! | --- | --- | --- |
//! | 0 | [`proto`] | commands, responses, framing; no I/O, no clock |
//! | 0 | [`sasl`] | mechanisms as pure steps from challenge to response |
//! | 0 | `oauth` | OAuth 2.0 grants, metadata and errors (feature `oauth`) |
//! | 0 | `header` | header fields: dates, addresses, encoded words (feature `header`) |
//! | 1 | [`net`] | addresses, connections, proxies, TLS; nothing of POP3 |
//! | 1 | `discover` | the POP3 server of a mail address: autoconfig, SRV records, ISPDB (feature `discover`) |
//! | 2 | [`session`] | the commands as blocking methods; the only place where `proto` and `net` meet |
//! | 3 | `delivery` | storing messages exactly once, and the record of what was fetched (feature `delivery`) |
//!
//! A module imports only from lower layers. All layers use [`Error`], [`Secret`] and [`trace`]. The command line
//! (`src/cli`, feature `cli`) is on top, and is not part of the public API.
//!
//! ## The walk of a byte
//!
//! 1. [`net::Tls`] decrypts the byte into the only input buffer of the session.
//! 2. [`Engine::locate`](proto::Engine::locate) finds the [`Event`](proto::Event) that contains the byte: a status
//!    line, a line of a listing, or the longest unstuffed run of a message. Nothing is copied.
//! 3. [`Message::chunk`](session::Message::chunk) returns the run, borrowed, to the caller.
//! 4. `delivery` copies the run once, into a block for its writer thread, which hashes it and writes it to the file.
//!
//! ## The walk of a flag
//!
//! `pop3 headers --lines 5 --last 10`:
//!
//! 1. `cli::args` parses the command line. An invalid value ends the program with exit code 2.
//! 2. `cli::settings` combines the options with the environment and the configuration file.
//! 3. `cli::select` applies `--last 10` to the [`MaildropListing`](session::MaildropListing).
//! 4. [`Transaction::top_all`](session::Transaction::top_all) requests `TOP n 5` for each selected message.
//! 5. [`Command::encode`](proto::Command::encode) encodes each command. The session traces the bytes, and writes one
//!    window of them at a time.
//!
//! ## The life of a message from RETR to DELE
//!
//! 1. The response to `RETR` is hashed and written to a temporary file.
//! 2. The response to the next command, the checkpoint `LIST n`, proves that the message belongs to its `RETR`:
//!    [`Reply::Vouched`](session::Reply::Vouched). Until then nothing is remembered. Without pipelining, one checkpoint,
//!    `STAT`, follows several messages.
//! 3. The file is synced. The intent (octets, SHA-256, names) is written to the record, which is synced.
//! 4. The file is renamed to its final name, and its folder is synced.
//! 5. The completion is written to the record, which is synced. Only now is the message reported, and may be marked.
//! 6. `DELE` marks the message. A checkpoint proves that each `DELE` was answered.
//! 7. [`commit`](session::Transaction::commit) sends `QUIT`, and the server deletes the message. The deletion is
//!    written to the record after the server confirmed it.
//!
//! If a run ends between two steps, the next run compares the contents, and completes or undoes the step.
//!
//! ## Invariants
//!
//! | invariant | test |
//! | --- | --- |
//! | without `commit`, no `QUIT` is sent | `session::tests::commit::without_commit_marks_are_removed_and_quit_is_not_sent` |
//! | after a protocol or I/O error, nothing is sent | `session::tests::commit::nothing_is_sent_after_a_timeout` |
//! | a message ends at CRLF `.` CRLF only | `proto::engine::tests::a_body_ends_only_at_crlf_dot_crlf` |
//! | the division of the bytes by TCP changes nothing | `proto::engine::tests::splitting_the_input_does_not_change_the_events` |
//! | responses out of order prove nothing | `session::tests::retrieval::responses_out_of_step_prove_nothing` |
//! | … nor do they without pipelining | `session::tests::retrieval::without_pipelining_responses_out_of_step_prove_nothing` |
//! | marks are proven before they are committed | `session::tests::commit::marks_are_counted_before_they_are_committed` |
//! | only an unambiguous `+OK` to `QUIT` counts as deletion | `session::tests::commit::data_after_the_response_to_quit_is_an_error` |
//! | nothing received before TLS is used after it | `session::tests::cleartext_after_stls_is_never_a_response` |
//! | an argument cannot contain a second command | `proto::argument::tests::an_argument_cannot_contain_a_second_command` |
//! | secrets appear in no trace and no error | `session::tests::an_echoed_secret_is_redacted_everywhere` |
//! | a run that is killed loses and doubles no message | `tests/kill.rs`, `tests/storage_faults.rs` |
//!
//! # Stability
//!
//! Enums that the protocol or a later version can extend are `#[non_exhaustive]`, and so are options and results with public
//! fields. [`ErrorKind`], [`proto::Event`], [`session::Reply`] and other types that say so are exhaustive on purpose, each for
//! the reason in its documentation.

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
