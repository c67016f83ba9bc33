//! POP3 without input or output: what goes out as octets, and what comes in as events.
//!
//! Nothing here touches a socket, a file, a clock or a log. [`engine::Engine`] knows which commands are unanswered and
//! what shape each answer has; the other modules turn octets into values that cannot be wrong, and back.

pub mod argument;
pub mod capability;
pub mod command;
pub mod engine;
pub mod error;
pub mod listing;
pub mod quirks;
pub mod status;
pub mod types;

pub use argument::Argument;
pub use capability::{Capabilities, Capability};
pub use command::Command;
pub use engine::{Engine, Event};
pub use error::ProtocolError;
pub use status::{ResponseCode, StatusIndicator, StatusLine};
pub use types::{DropListing, MessageNumber, ScanListing, UniqueId, UniqueIdListing};
