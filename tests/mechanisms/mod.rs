//! Every authentication mechanism, with the right and a wrong credential.

mod channel_binding;
#[cfg(unix)]
mod dovecot;
