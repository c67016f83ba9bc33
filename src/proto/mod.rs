//! POP3 without input or output: commands to bytes, bytes to events.
//!
//! Nothing here uses a socket, a file, a clock or a log, so it works in blocking and in asynchronous clients alike.
//! [`Engine`] keeps the commands in flight and finds the response to each; the other types are the words of the protocol
//! as values that cannot be invalid.
//!
//! ```
//! use pop3::proto::{Argument, Capability, MessageNumber, ResponseCode, StatusLine, UniqueId, listing};
//!
//! assert!(Argument::try_from("mrose\r\nDELE 1").is_err());
//! assert_eq!(MessageNumber::new(0), None);
//! assert!(UniqueId::try_from("whqtswO00WBw418f9t5JxYwZ").is_ok());
//! assert_eq!(Capability::parse(b"LOGIN-DELAY 900"), Capability::LoginDelay { seconds: 900, per_user: false });
//! assert_eq!(StatusLine::parse(b"-ERR [IN-USE] busy")?.response_code(), Some(ResponseCode::InUse));
//! assert_eq!(listing::drop_listing(b"2 320")?.messages, 2);
//! # Ok::<(), pop3::proto::ProtocolError>(())
//! ```

pub mod argument;
pub mod capability;
pub mod command;
pub mod engine;
pub mod error;
pub mod listing;
mod quirks;
pub mod status;
pub mod types;

pub use argument::Argument;
pub use capability::{Capabilities, Capability};
pub use command::{Command, Keyword, ResponseKind};
pub use engine::{Engine, Event};
pub use error::ProtocolError;
pub use status::{ResponseCode, StatusIndicator, StatusLine};
pub use types::{DropListing, InvalidUniqueId, MessageNumber, ScanListing, UniqueId, UniqueIdListing};
