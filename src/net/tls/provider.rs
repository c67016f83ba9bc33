//! The cryptography of TLS connections.

use rustls::crypto::{CryptoProvider, ring};

/// Returns the cryptography of ring. With the feature `graviola`, and on a processor that graviola supports, the key
/// exchange X25519MLKEM768 is preferred, which is secure as long as X25519 or ML-KEM-768 (FIPS 203) is.
pub(super) fn provider() -> CryptoProvider {
    #[cfg_attr(not(feature = "graviola"), expect(unused_mut, reason = "nothing is added"))]
    let mut provider = ring::default_provider();
    #[cfg(feature = "graviola")]
    if is_supported_by_graviola() {
        provider.kx_groups.insert(0, rustls_graviola::kx::X25519MLKEM768);
    }
    provider
}

/// Returns true if graviola supports this processor; it panics if a required instruction is missing.
#[cfg(all(feature = "graviola", target_arch = "x86_64"))]
fn is_supported_by_graviola() -> bool {
    use std::arch::is_x86_feature_detected as has;
    has!("aes")
        && has!("pclmulqdq")
        && has!("bmi1")
        && has!("bmi2")
        && has!("adx")
        && has!("avx")
        && has!("avx2")
}

#[cfg(all(feature = "graviola", target_arch = "aarch64"))]
fn is_supported_by_graviola() -> bool {
    use std::arch::is_aarch64_feature_detected as has;
    has!("neon") && has!("aes") && has!("pmull") && has!("sha2")
}

#[cfg(test)]
#[cfg(feature = "graviola")]
mod tests {
    use std::io::{self, Write as _};
    use std::sync::Arc;

    use rcgen::{CertificateParams, KeyPair};
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    use rustls::{ClientConfig, ClientConnection, NamedGroup, RootCertStore, ServerConfig, ServerConnection};

    use super::*;

    /// Returns the group that a client with [`provider`] and a server with `groups` agree on.
    fn negotiated(groups: Vec<&'static dyn rustls::crypto::SupportedKxGroup>) -> NamedGroup {
        let key = KeyPair::generate().unwrap();
        let certificate: CertificateDer<'static> =
            CertificateParams::new(vec!["localhost".into()]).unwrap().self_signed(&key).unwrap().into();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let client = ClientConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let of_server = CryptoProvider { kx_groups: groups, ..ring::default_provider() };
        let server = ServerConfig::builder_with_provider(Arc::new(of_server))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
            .unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
        let mut server = ServerConnection::new(Arc::new(server)).unwrap();
        // Only a record shows that both sides derived the same key.
        client.writer().write_all(b"CAPA\r\n").unwrap();
        while client.is_handshaking() || server.is_handshaking() || client.wants_write() {
            transfer(&mut |to| client.write_tls(to), &mut |from| server.read_tls(from));
            server.process_new_packets().unwrap();
            transfer(&mut |to| server.write_tls(to), &mut |from| client.read_tls(from));
            client.process_new_packets().unwrap();
        }
        let mut line = [0; 6];
        io::Read::read_exact(&mut server.reader(), &mut line).unwrap();
        assert_eq!(&line, b"CAPA\r\n");
        client.negotiated_key_exchange_group().unwrap().name()
    }

    fn transfer(
        write: &mut dyn FnMut(&mut dyn io::Write) -> io::Result<usize>,
        read: &mut dyn FnMut(&mut dyn io::Read) -> io::Result<usize>,
    ) {
        let mut bytes = Vec::new();
        while write(&mut bytes).unwrap() > 0 {}
        let mut bytes = bytes.as_slice();
        while !bytes.is_empty() {
            read(&mut bytes).unwrap();
        }
    }

    #[test]
    fn post_quantum_key_exchange_is_used_if_the_server_supports_it() {
        if !is_supported_by_graviola() {
            eprintln!("skipped: graviola does not run on this processor");
            return;
        }
        assert_eq!(negotiated(vec![rustls_graviola::kx::X25519MLKEM768]), NamedGroup::X25519MLKEM768);
    }

    #[test]
    fn x25519_is_used_with_other_servers() {
        assert_eq!(negotiated(ring::default_provider().kx_groups), NamedGroup::X25519);
    }
}
