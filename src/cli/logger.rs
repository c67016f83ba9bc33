//! Writes the log to standard error. Messages of dependencies appear only with `-v` or `RUST_LOG`, control characters are escaped,
//! and targets that log secrets are dropped.

use std::io::Write as _;

use log::{Level, LevelFilter, Log, Metadata, Record};

use super::{
    escape::{MAX_MESSAGE, escape, shorten_to},
    output::Stderr,
    progress,
};

/// Starts the log at `level`, unless `RUST_LOG` is set.
pub fn start(level: LevelFilter, stderr: Stderr) {
    // Warnings of dependencies are for debugging only: relevant errors are returned.
    let wanted = if level > LevelFilter::Warn { level } else { LevelFilter::Off };
    let mut builder = env_logger::Builder::new();
    builder.filter_level(wanted).parse_default_env().format(|out, record| writeln!(out, "{}", line(record)));
    let inner = builder.build();
    let level = inner.filter().max(LevelFilter::Warn);
    if log::set_boxed_logger(Box::new(Logger { inner, stderr })).is_ok() {
        log::set_max_level(level);
    }
}

struct Logger {
    inner: env_logger::Logger,
    stderr: Stderr,
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_own_warning(metadata) || !shows_secrets(metadata.target()) && self.inner.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if is_own_warning(record.metadata()) {
            self.stderr.warning(&record.args().to_string());
        } else if self.enabled(record.metadata()) {
            progress::suspended(|| self.inner.log(record));
        }
    }

    fn flush(&self) {
        self.inner.flush();
    }
}

/// `[INFO pop3::net] connected`
fn line(record: &Record<'_>) -> String {
    let message = record.args().to_string();
    format!("[{} {}] {}", record.level(), record.target(), escape(&shorten_to(MAX_MESSAGE, &message)))
}

/// True for warnings of this crate. They are printed like warnings of the command line: as text or JSON, and not with `-q`.
fn is_own_warning(metadata: &Metadata<'_>) -> bool {
    metadata.level() <= Level::Warn && metadata.target().split("::").next() == Some("pop3")
}

/// True for `ureq_proto`: at level `trace` it logs complete HTTP requests and responses, including tokens.
fn shows_secrets(target: &str) -> bool {
    target.split("::").next() == Some("ureq_proto")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_log_is_one_line_without_controls() {
        let record =
            |message| line(&Record::builder().level(Level::Info).target("pop3").args(message).build());
        assert_eq!(record(format_args!("CN=a\x1b]0;owned\x07\n")), "[INFO pop3] CN=a\\x1b]0;owned\\x07\\n");
    }

    #[test]
    fn dependencies_are_silent_and_own_warnings_are_not() {
        let logger = |filters: &str| Logger {
            inner: env_logger::Builder::new().parse_filters(filters).build(),
            stderr: Stderr::new(false, 2),
        };
        let enabled = |logger: &Logger, target: &'static str, level| {
            logger.enabled(&Metadata::builder().target(target).level(level).build())
        };
        let quiet = logger("off");
        assert!(!enabled(&quiet, "rustls::common_state", Level::Warn));
        assert!(enabled(&quiet, "pop3::delivery::record", Level::Warn));
        assert!(!enabled(&quiet, "pop3::net", Level::Info));
        assert!(enabled(&logger("info"), "rustls::common_state", Level::Warn));
    }

    #[test]
    fn http_bodies_are_never_logged() {
        let inner = env_logger::Builder::new().parse_filters("trace,ureq_proto::util=trace").build();
        let logger = Logger { inner, stderr: Stderr::new(false, 0) };
        let enabled =
            |target| logger.enabled(&Metadata::builder().target(target).level(log::Level::Trace).build());
        assert!(!enabled("ureq_proto::util") && !enabled("ureq_proto"));
        assert!(enabled("pop3::session") && enabled("ureq_protocol"));
    }
}
