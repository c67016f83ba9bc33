//! Exactly-once fetching: stores messages and records them as fetched.
//!
//! - [`Fetcher`]: retrieves messages, stores them, and marks them for deletion once they are safe
//! - [`Storage`]: the handle of a thread that writes messages, makes them durable and records them as fetched, while the
//!   calling thread continues to read from the network
//! - [`Record`]: the messages that were fetched, per user, host and port
//! - [`verify`]: compares a message on the server with the one that was stored
//! - [`cleanup`]: the files and processes that a front end cleans up before a signal ends the process
//!
//! # The life of a message
//!
//! 1. The server answers `RETR`. The message is written to a temporary file or a spool; its size in octets, its SHA-256 hash and
//!    the hash of its header are computed on the way.
//! 2. The session vouches for the message ([`session::Reply::Vouched`](crate::session::Reply)): the response belongs to this
//!    command. *A message without this proof is never given its final name, recorded or marked for deletion*; it is discarded.
//! 3. The message is made durable together with its group: the files are synced, then an intent is added to the record and
//!    synced. The intent describes the content: size and SHA-256 hash of the file (of the message, if only CRLF was converted to
//!    LF), or of the bytes to append to an mbox and of the bytes before them.
//! 4. The file is renamed to its final name, never replacing another file, and the folder is synced; or the group is appended to
//!    the mbox under both locks, and the mbox is synced.
//! 5. `done` is added to the record and synced. *Only then is the message reported*, and may be marked for deletion.
//! 6. `DELE` marks the message, `QUIT` deletes it. `deleted` is recorded once the server has confirmed `QUIT`.
//!
//! A run may end at any point. The next run resolves each intent without `done` by the content of the files. If the message is
//! stored, `done` is recorded; if it is not, the message is fetched again; if the outcome cannot be determined (the folder is
//! missing, the mbox is locked), the intent stays, with a warning. A failed operation is voided at once, so that recovery never
//! looks for its files. *An unfinished message does not count as fetched.* In case of doubt a message is fetched again rather
//! than forgotten or deleted.
//!
//! A message that an earlier run stored is marked for deletion only if it has not changed: [`verify`] compares its listed size
//! and its header with the record. *A unique-id alone proves nothing.*
//!
//! This module never prints, handles signals or ends the process. A front end on Unix should ignore SIGXFSZ: then exceeding a
//! file size limit is an error like a full disk.

pub mod cleanup;
mod destination;
mod error;
mod fetch;
mod file_name;
mod files;
mod folder;
mod fs;
mod identity;
mod line_ends;
mod lmtp;
mod mbox;
mod pipe;
mod process;
mod record;
mod stdout;
mod storage;
mod store;
mod sync;
#[cfg(test)]
mod tests;
mod unique_id;
mod writer;

pub use destination::{Destination, Options};
pub use error::{Error, ErrorKind};
pub use fetch::{Event, FetchOptions, Fetcher, Progress, Wanted};
pub use identity::{Candidate, Verified, verify};
pub use lmtp::LmtpAddress;
pub use record::import;
pub use record::{Fetched, Foreign, Imported, Locked, MAX_OCCURRENCES, Record, Remembered};
pub use storage::{Delivered, Failed, Incoming, Report, Shown, Storage};
pub use unique_id::{parse_unique_id, unique_id_text};
