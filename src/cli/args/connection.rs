//! The account and the connection to its server.

use std::path::PathBuf;

use clap::ValueHint;

use super::{Auth, Tls};

/// The account.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Account and connection")]
pub struct Account {
    /// Use this account of the config file [env: POP3_ACCOUNT]
    ///
    /// Default: the account named by the key `default` of the file.
    #[arg(short, long, global = true, value_name = "NAME", value_hint = ValueHint::Other)]
    pub account: Option<String>,

    /// Log in as USER, sent unchanged [env: POP3_USER]
    ///
    /// The password is never given on the command line. It is taken from POP3_PASSWORD (an OAuth 2.0 access token: from
    /// POP3_TOKEN), the account's password-command (token-command), the keyring, or a prompt, in this order.
    #[arg(long, global = true, value_name = "USER", value_hint = ValueHint::Username)]
    pub user: Option<String>,

    /// Authentication mechanism [env: POP3_AUTH] [default: auto]
    #[arg(long, global = true, value_name = "MECHANISM", hide_short_help = true)]
    pub auth: Option<Auth>,

    /// Read this configuration file [env: POP3_CONFIG]
    ///
    /// Default: pop3/config.toml in the platform's configuration directory: ~/.config on Linux and macOS
    /// (XDG_CONFIG_HOME), %APPDATA% on Windows.
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub config: Option<PathBuf>,

    /// Keep the record of fetched messages in DIR [env: POP3_STATE_DIR]
    ///
    /// Default: pop3 in the platform's state directory: ~/.local/state on Linux and macOS (XDG_STATE_HOME),
    /// %LOCALAPPDATA% on Windows.
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath, hide_short_help = true)]
    pub state_dir: Option<PathBuf>,
}

/// The connection to the server.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Account and connection")]
pub struct Connection {
    /// Name or address of the server, or a URL [env: POP3_HOST]
    ///
    /// HOST:PORT is accepted too. A URL (RFC 2384) may also give the user, the mechanism and the port:
    /// pops://alice;AUTH=PLAIN@pop.example.org:995, quoted for the shell. pops:// means --tls implicit. A URL overrides
    /// the environment. A part that contradicts --port, --user, --tls or --auth is an error, and so is a password.
    #[arg(long, global = true, value_name = "HOST", value_hint = ValueHint::Hostname)]
    pub host: Option<String>,

    /// Port of the server [env: POP3_PORT]
    ///
    /// Default: 110, or 995 with --tls implicit.
    #[arg(long, global = true, value_name = "PORT", allow_hyphen_values = true)]
    pub port: Option<String>,

    /// Encryption: starttls, implicit or none [env: POP3_TLS]
    ///
    /// starttls, the default: the connection begins in cleartext and is upgraded with STLS before any credential is
    /// sent; without STLS it fails. implicit, the default with port 995: TLS from the start. none: no encryption.
    #[arg(long, global = true, value_name = "MODE", hide_possible_values = true)]
    pub tls: Option<Tls>,

    /// Trust the certificate authorities in this PEM file instead of the system's [env: POP3_CA_FILE]
    ///
    /// SSL_CERT_FILE and SSL_CERT_DIR are supported too.
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub ca_file: Option<PathBuf>,

    /// Trust only the certificate with this SHA-256 fingerprint [env: POP3_TLS_FINGERPRINT]
    ///
    /// 64 hexadecimal digits, with or without colons. Nothing else is checked, so the certificate may be self-signed. The
    /// error for an untrusted certificate prints its fingerprint. Overrides --ca-file.
    #[arg(long, global = true, value_name = "SHA256", hide_short_help = true)]
    pub tls_fingerprint: Option<String>,

    /// Check the certificate for NAME instead of the host, and send NAME as SNI [env: POP3_TLS_NAME]
    ///
    /// For a server behind a tunnel: --host 127.0.0.1 --tls-name pop.example.org. With --tls-fingerprint, which checks
    /// no name, NAME is only sent.
    #[arg(long, global = true, value_name = "NAME", value_hint = ValueHint::Hostname, hide_short_help = true)]
    pub tls_name: Option<String>,

    /// Client certificate, in PEM [env: POP3_CLIENT_CERT]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub client_cert: Option<PathBuf>,

    /// Key of the client certificate, in PEM [env: POP3_CLIENT_KEY] [default: the file of --client-cert]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub client_key: Option<PathBuf>,

    /// Connect through a proxy: socks5://HOST:PORT or http://HOST:PORT [env: POP3_PROXY]
    ///
    /// A SOCKS5 proxy resolves the server's name; an HTTP proxy receives CONNECT. A user and a password may precede the
    /// host (socks5://USER:PASSWORD@HOST:PORT). Other users of this machine can see them on the command line, so prefer
    /// POP3_PROXY or the key in the configuration file. If none of these is set, ALL_PROXY and NO_PROXY apply, as in
    /// curl. An empty URL means no proxy.
    #[arg(long, global = true, value_name = "URL", value_hint = ValueHint::Url, hide_short_help = true)]
    pub proxy: Option<String>,

    /// Connect from this local IP address, over its family only [env: POP3_BIND]
    ///
    /// If this machine does not have the address, the run fails as for an unreachable server (exit code 69).
    #[arg(long, global = true, value_name = "ADDRESS", value_hint = ValueHint::Other, hide_short_help = true)]
    pub bind: Option<String>,

    /// Connect over IPv4 only
    #[arg(short = '4', global = true, conflicts_with = "ipv6", hide_short_help = true)]
    pub ipv4: bool,

    /// Connect over IPv6 only
    #[arg(short = '6', global = true, hide_short_help = true)]
    pub ipv6: bool,

    /// Give up after SECONDS of silence [env: POP3_TIMEOUT] [default: 60]
    ///
    /// Applies to resolving, connecting, the TLS handshake, each read and write, the keyring, and waiting for another
    /// fetch of the account or for the lock of an mbox.
    #[arg(long, global = true, value_name = "SECONDS", allow_hyphen_values = true, hide_short_help = true)]
    pub timeout: Option<String>,

    /// End the run after SECONDS [env: POP3_DEADLINE] [default: none]
    ///
    /// Limits everything: a server that keeps sending, the commands of password-command and --pipe, the keyring,
    /// prompts, and standard input.
    #[arg(long, global = true, value_name = "SECONDS", allow_hyphen_values = true, hide_short_help = true)]
    pub deadline: Option<String>,

    /// Retry for SECONDS while the server says that the maildrop is in use [env: POP3_WAIT] [default: 5]
    #[arg(long, global = true, value_name = "SECONDS", allow_hyphen_values = true, hide_short_help = true)]
    pub wait: Option<String>,

    /// Send one command at a time [env: POP3_NO_PIPELINING]
    ///
    /// Commands are pipelined only if the server announces PIPELINING. The variable takes 1, true or yes, and 0, false
    /// or no.
    #[arg(long, global = true, hide_short_help = true)]
    pub no_pipelining: bool,
}
