//! The log on standard error, without the targets that would show secrets.

use log::{LevelFilter, Log, Metadata, Record};

/// Starts the log at a level that `RUST_LOG` overrides.
pub fn start(level: LevelFilter) {
    let inner = env_logger::Builder::new().filter_level(level).parse_default_env().build();
    let level = inner.filter();
    if log::set_boxed_logger(Box::new(Logger(inner))).is_ok() {
        log::set_max_level(level);
    }
}

struct Logger(env_logger::Logger);

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        !shows_secrets(metadata.target()) && self.0.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.0.log(record);
        }
    }

    fn flush(&self) {
        self.0.flush();
    }
}

/// `ureq_proto` logs whole HTTP requests and responses at level `trace`, whatever `RUST_LOG` a user may have copied from
/// somewhere.
fn shows_secrets(target: &str) -> bool {
    target.split("::").next() == Some("ureq_proto")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_bodies_are_never_logged() {
        let inner = env_logger::Builder::new().parse_filters("trace,ureq_proto::util=trace").build();
        let logger = Logger(inner);
        let enabled =
            |target| logger.enabled(&Metadata::builder().target(target).level(log::Level::Trace).build());
        assert!(!enabled("ureq_proto::util") && !enabled("ureq_proto"));
        assert!(enabled("pop3::session") && enabled("ureq_protocol"));
    }
}
