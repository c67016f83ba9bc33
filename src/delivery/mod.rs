//! Exactly-once fetching: where messages are stored, and what is remembered of them.
//!
//! - [`Storage`]: the handle of a thread that writes messages, makes them durable and remembers them, while the calling
//!   thread reads on from the network
//! - [`Record`]: what was fetched, per account
//! - [`cleanup`]: what a front end tidies before a signal ends the process
//!
//! Nothing here prints, handles signals or ends the process. A front end on Unix should ignore SIGXFSZ, so that a limit of a
//! file's size is an error like a full disk.

pub mod cleanup;
mod error;
mod file_name;
mod files;
mod fs;
mod lmtp;
mod mbox;
mod pipe;
mod record;
mod stdout;
mod storage;
mod sync;
#[cfg(test)]
mod tests;
mod text;
mod writer;

pub use error::{Error, ErrorKind};
pub use lmtp::LmtpAddress;
pub use record::import;
pub use record::{Fetched, Locked, MAX_OCCURRENCES, Record};
pub use storage::{Delivered, Destination, Options, Storage};
