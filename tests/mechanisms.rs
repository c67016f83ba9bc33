//! Every way to prove who one is, each with the right credential and a wrong one.

mod channel_binding;
#[cfg(unix)]
mod dovecot;
