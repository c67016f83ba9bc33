//! POP3 without I/O: encodes commands to bytes and decodes bytes to events.
//!
//! This module uses no socket, file, clock or log, so it works in blocking and asynchronous clients. [`Engine`]
//! tracks the commands in flight and finds their responses. The other types are values of the protocol that are valid
//! by construction.
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
