//! Helpers of the tests: servers on 127.0.0.1, and a sandbox in which `pop3` runs.

#[cfg(unix)]
pub(crate) mod dovecot;
#[cfg(unix)]
pub(crate) mod dovecot_auth;
pub(crate) mod mailbox;
pub(crate) mod messages;
pub(crate) mod pki;
pub(crate) mod roff;
pub(crate) mod sandbox;
pub(crate) mod script;
pub(crate) mod scripted;
pub(crate) mod service;
pub(crate) mod skip;
