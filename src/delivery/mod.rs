//! Exactly-once fetching: stores messages and remembers which were fetched.
//!
//! - [`Fetcher`]: retrieves messages, stores them, marks those that are safe
//! - [`Storage`]: the handle of a thread that writes messages, makes them durable and remembers them, while the calling
//!   thread reads on from the network
//! - [`Record`]: what was fetched, per user, host and port
//! - [`verify`]: compares a message on the server with the one that was stored
//! - [`cleanup`]: what a front end removes before a signal ends the process
//!
//! # The life of a message
//!
//! 1. `RETR` is answered. The message goes to a temporary file of its own, or a spool; its octets, SHA-256 and the hash of
//!    its header are computed on the way.
//! 2. The session vouches for it ([`session::Reply::Vouched`](crate::session::Reply)): the answer belongs to this command. *A
//!    message without that proof never gets its name, is never remembered, never marked*, and is discarded.
//! 3. With its group it is made durable: the files are synced, then an intent is added to the record and synced. The intent
//!    names the content: octets and SHA-256 of the file, or of the bytes to append to an mbox and of those before them.
//! 4. The file gets its name, without ever replacing another, and the folder is synced; or the group is appended to the mbox
//!    under both locks, and the mbox is synced.
//! 5. `done` is added to the record and synced. *Only then is the message reported*, and may be marked.
//! 6. `DELE` marks it, `QUIT` deletes it. `deleted` is recorded once the server confirmed `QUIT`.
//!
//! A run may end at any point. The next run recovers intents without `done` by the content of the files. Either the message is
//! stored, and `done` is recorded; or it is not, and is fetched again; or the outcome is unknown for now (the folder is missing,
//! the mbox is locked), and the intent stays, with a warning. A failed operation is voided at once, so that recovery never looks
//! for it. *An unfinished message does not count as fetched.* When in doubt a message is fetched again, never forgotten, never
//! deleted.
//!
//! A message that was stored by an earlier run is marked only if it is still the same: [`verify`] compares its octets in the
//! listing and its header with what was remembered. *A unique-id alone proves nothing.*
//!
//! Nothing here prints, handles signals or ends the process. A front end on Unix should ignore SIGXFSZ: then a file size limit
//! is an error like a full disk.

pub mod cleanup;
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

pub use error::{Error, ErrorKind};
pub use fetch::{Event, FetchOptions, Fetcher, Progress, Wanted};
pub use identity::{Candidate, Verified, verify};
pub use lmtp::LmtpAddress;
pub use record::import;
pub use record::{Fetched, Foreign, Imported, Locked, MAX_OCCURRENCES, Record, Remembered};
pub use storage::{Delivered, Destination, Failed, Incoming, Options, Report, Storage};
pub use unique_id::{parse_unique_id, unique_id_text};
