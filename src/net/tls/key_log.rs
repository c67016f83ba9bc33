//! A log of TLS secrets for programs that decrypt recorded connections.

use std::fmt::{self, Write as _};
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use crate::bytes::Hex;

/// A log of TLS secrets, one per line in the format of `SSLKEYLOGFILE`
/// ([draft-ietf-tls-keylogfile](https://datatracker.ietf.org/doc/draft-ietf-tls-keylogfile/)), which Wireshark can
/// read.
///
/// With these lines the whole connection can be decrypted, including passwords. After a failed write, which is logged
/// as a warning, nothing more is written.
#[derive(Clone)]
pub struct KeyLog(Arc<Sink>);

struct Sink(Mutex<Option<Box<dyn Write + Send>>>);

impl KeyLog {
    /// Returns a key log that writes to `output`, with one write per line.
    pub fn new(output: impl Write + Send + 'static) -> Self {
        Self(Arc::new(Sink(Mutex::new(Some(Box::new(output))))))
    }

    pub(super) fn for_rustls(&self) -> Arc<dyn rustls::KeyLog> {
        self.0.clone()
    }
}

impl rustls::KeyLog for Sink {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let mut output = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(writer) = output.as_mut() else { return };
        let length = label.len() + 2 * (client_random.len() + secret.len()) + 3;
        let mut line = Zeroizing::new(String::with_capacity(length));
        let _ = writeln!(line, "{label} {} {}", Hex(client_random), Hex(secret));
        if let Err(error) = writer.write_all(line.as_bytes()).and_then(|()| writer.flush()) {
            log::warn!("cannot write the TLS key log: {error}");
            *output = None;
        }
    }
}

impl fmt::Debug for KeyLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyLog")
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyLog")
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>, usize);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut written = self.0.lock().unwrap();
            if written.len() >= self.1 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            written.extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_have_the_nss_format_and_end_at_the_first_failure() {
        let shared = Shared(Arc::default(), 1);
        let log = KeyLog::new(shared.clone());
        log.for_rustls().log("CLIENT_RANDOM", b"\x01\xff", b"\xab");
        log.for_rustls().log("CLIENT_RANDOM", b"\x02", b"\xcd");
        shared.0.lock().unwrap().clear();
        log.for_rustls().log("CLIENT_RANDOM", b"\x03", b"\xef");
        assert!(shared.0.lock().unwrap().is_empty());

        let shared = Shared(Arc::default(), 1);
        KeyLog::new(shared.clone()).for_rustls().log("CLIENT_RANDOM", b"\x01\xff", b"\xab");
        assert_eq!(*shared.0.lock().unwrap(), b"CLIENT_RANDOM 01ff ab\n");
    }
}
