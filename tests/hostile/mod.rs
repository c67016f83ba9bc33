//! Hostile servers, networks and disks, as far as transcripts cannot show them: TLS, memory, file descriptors, full
//! disks. Hostile responses are in `transcripts/hostile/`.

mod certificates;
#[cfg(unix)]
mod file_descriptors;
#[cfg(target_os = "linux")]
mod memory;
mod stls;
#[cfg(unix)]
mod weak_crypto;

use std::sync::Arc;

use rustls::ServerConfig;

use crate::support::service::{Peer, Service};

/// Serves TLS from the first byte.
fn over_tls(config: Arc<ServerConfig>, serve: impl Fn(&mut Peer) + Send + Sync + 'static) -> Service {
    Service::start(move |mut peer| {
        peer.encrypt(&config);
        serve(&mut peer);
    })
}
