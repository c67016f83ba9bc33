//! One POP3 session as blocking verbs: [`Authorization`] until the login, [`Transaction`] behind it.
//!
//! Nothing is ever deleted by dropping a value: a dropped session is a closed socket, and a server that saw no `QUIT`
//! keeps every message (RFC 1939 §6).

mod authorization;
mod login;
mod maildrop;
mod retrieval;
#[cfg(test)]
mod tests;
mod transaction;
mod wire;

pub use authorization::{Authorization, Options};
pub use login::Login;
pub use maildrop::{Entry, Maildrop};
pub use retrieval::{Message, Reply, Retrieval};
pub use transaction::Transaction;
