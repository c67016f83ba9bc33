//! Every way to prove who one is, each with the right credential and a wrong one.

#[cfg(unix)]
mod dovecot;
mod plus;
