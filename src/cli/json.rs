//! The wire types of `--json`, and nothing else: a key here is a promise.

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
    io::{self, Write},
    path::Path,
};

use crate::header;
use serde::{Serialize, Serializer};
use serde_json::ser::{CharEscape, Formatter};

use super::error::{Abort, CliError, ErrorCode};

/// `status`. What is new is `null` on a server without unique-ids.
#[derive(Debug, Serialize)]
pub struct Status {
    pub messages: u32,
    pub octets: u64,
    pub new_messages: Option<u32>,
    pub new_octets: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<Server>,
}

/// `status --server`; what the server did not say is `null`.
#[derive(Debug, Default, Serialize)]
pub struct Server {
    pub greeting: String,
    /// The lines of `CAPA`; `null` where it was refused.
    pub capabilities: Option<Vec<String>>,
    pub tls_version: Option<String>,
    pub cipher: Option<String>,
    pub certificate: Option<Certificate>,
    pub mechanism: Option<String>,
    /// Seconds.
    pub login_delay: Option<u64>,
    pub expire: Option<Expire>,
}

#[derive(Debug, Serialize)]
pub struct Certificate {
    pub subject: String,
    pub issuer: String,
    /// RFC 3339, in UTC.
    pub not_before: String,
    pub not_after: String,
    /// Hexadecimal, lower case.
    pub sha256: String,
}

/// `EXPIRE` (RFC 2449 §6.7): a number of days, or `"NEVER"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expire {
    Days(u64),
    Never,
}

/// `uidl`, and the first keys of `headers`.
#[derive(Debug, Serialize)]
pub struct Uidl {
    pub number: u32,
    pub uid: Option<String>,
    /// `null` if the server listed no size.
    pub octets: Option<u64>,
    pub new: Option<bool>,
}

/// `headers`.
#[derive(Debug, Serialize)]
pub struct Headers<'m> {
    #[serde(flatten)]
    pub message: Uidl,
    pub date: Option<String>,
    pub from: Option<Vec<Mailbox>>,
    pub to: Option<Vec<Mailbox>>,
    pub cc: Option<Vec<Mailbox>>,
    pub subject: Option<String>,
    pub message_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<Vec<(String, String)>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview: Option<Preview<'m>>,
}

/// The first lines of a body, written one by one.
#[derive(Debug, Clone, Copy)]
pub struct Preview<'m> {
    /// The message from its beginning.
    pub message: &'m [u8],
    pub lines: u32,
}

impl<'m> Preview<'m> {
    pub fn lines(self) -> impl Iterator<Item = Cow<'m, str>> + Clone {
        header::preview(self.message, self.lines as usize)
    }
}

impl Serialize for Preview<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.lines())
    }
}

/// A sender or recipient (RFC 5322 §3.4 `mailbox`). The address is `null` where the field has only a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mailbox {
    pub name: Option<String>,
    pub address: Option<String>,
}

impl Mailbox {
    /// The wire form of a list of mailboxes.
    pub fn list(mailboxes: Vec<header::Mailbox>) -> Vec<Self> {
        mailboxes.into_iter().map(|header::Mailbox { name, address }| Self { name, address }).collect()
    }
}

/// `fetch`.
#[derive(Debug, Serialize)]
pub struct Fetch {
    pub number: u32,
    pub uid: Option<String>,
    pub octets: Option<u64>,
    pub path: Option<String>,
    /// The path is not UTF-8, so it is percent-encoded.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub path_encoded: bool,
    pub sha256: Option<String>,
    pub deleted: Deletion,
    /// The file was there already; for people only.
    #[serde(skip)]
    pub kept: bool,
}

/// `record`.
#[derive(Debug, Serialize)]
pub struct Record {
    pub uid: String,
    /// RFC 3339, in UTC.
    pub fetched: String,
    pub place: String,
    pub deleted: bool,
}

/// `delete`.
#[derive(Debug, Serialize)]
pub struct Delete {
    pub number: u32,
    pub uid: Option<String>,
    pub octets: Option<u64>,
    pub deleted: Deletion,
}

#[allow(clippy::struct_field_names)] // The names are the keys of the contract.
/// `accounts`. What neither the account nor the environment gives is `null`.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    pub account: String,
    pub host: Option<String>,
    pub port: u16,
    pub user: Option<String>,
    pub default: bool,
}

/// How far the deletion of a message came. JSON knows `true` (the server confirmed `QUIT`), `null` (its answer was
/// lost) and `false` (all others).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// Not asked for.
    No,
    /// Marked, and unmarked again for want of `--commit`.
    Marked,
    /// To be deleted, but the session did not come to `QUIT`.
    Failed,
    Done,
    Unknown,
}

impl Deletion {
    /// How far the marked messages of a session came that ended so.
    pub fn of(commit: bool, ended: &Result<(), Abort>) -> Self {
        match ended {
            Ok(()) if commit => Self::Done,
            Ok(()) => Self::Marked,
            Err(Abort::Error(failure)) if failure.code == ErrorCode::CommitUnknown => Self::Unknown,
            Err(_) => Self::Failed,
        }
    }
}

/// `login --device`: what the person has to confirm.
#[derive(Debug, Serialize)]
pub struct DeviceLine<'a> {
    pub device: &'a Device,
}

#[derive(Debug, Serialize)]
pub struct Device {
    pub url: String,
    pub code: String,
    /// RFC 3339, in UTC.
    pub expires: String,
}

/// A message that the server refused.
#[derive(Debug, Serialize)]
pub struct Refused {
    pub number: u32,
    pub uid: Option<String>,
    /// The server's line.
    pub error: String,
}

/// A failure, on standard error.
#[derive(Debug, Serialize)]
pub struct ErrorLine<'a> {
    error: ErrorObject<'a>,
}

#[derive(Debug, Serialize)]
struct ErrorObject<'a> {
    code: &'static str,
    exit: u8,
    message: String,
    response: Option<&'a str>,
    #[serde(flatten)]
    location: Option<LocationObject<'a>>,
}

/// The message that a failure is about.
#[derive(Debug, Serialize)]
struct LocationObject<'a> {
    number: u32,
    uid: Option<&'a str>,
}

/// A warning, on standard error.
#[derive(Debug, Serialize)]
pub struct WarningLine<'a> {
    warning: WarningObject<'a>,
}

#[derive(Debug, Serialize)]
struct WarningObject<'a> {
    message: &'a str,
}

impl<'a> ErrorLine<'a> {
    pub fn new(failure: &'a CliError) -> Self {
        let CliError { code, response, .. } = failure;
        let (message, response) = (failure.advice(), response.as_deref());
        let location = failure.location.as_ref();
        let location = location.map(|at| LocationObject { number: at.number, uid: at.uid.as_deref() });
        Self { error: ErrorObject { code: code.name(), exit: code.exit_code(), message, response, location } }
    }
}

impl<'a> WarningLine<'a> {
    pub fn new(message: &'a str) -> Self {
        Self { warning: WarningObject { message } }
    }
}

impl Serialize for Expire {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Days(days) => serializer.serialize_u64(*days),
            Self::Never => serializer.serialize_str("NEVER"),
        }
    }
}

impl fmt::Display for Expire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Days(1) => f.write_str("1 day"),
            Self::Days(days) => write!(f, "{days} days"),
            Self::Never => f.write_str("never"),
        }
    }
}

impl Serialize for Deletion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::No | Self::Marked | Self::Failed => serializer.serialize_bool(false),
            Self::Done => serializer.serialize_bool(true),
            Self::Unknown => serializer.serialize_none(),
        }
    }
}

/// A path as text, and true if it had to be percent-encoded since it is not UTF-8: decoded, its bytes are those of the
/// path.
pub fn path(path: &Path) -> (String, bool) {
    match path.to_str() {
        Some(text) => (text.to_owned(), false),
        None => (percent_encoded(path.as_os_str().as_encoded_bytes()), true),
    }
}

/// A path as text; percent-encoded if it is not UTF-8.
pub fn path_octets(path: Vec<u8>) -> String {
    String::from_utf8(path).unwrap_or_else(|error| percent_encoded(error.as_bytes()))
}

/// `b"/caf\xe9"` → `/caf%E9`
fn percent_encoded(octets: &[u8]) -> String {
    let mut encoded = String::with_capacity(octets.len() + 8);
    for &octet in octets {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                encoded.push(octet.into());
            }
            _ => {
                let _ = write!(encoded, "%{octet:02X}");
            }
        }
    }
    encoded
}

/// Writes one object and a line feed, in printable ASCII only.
pub fn write_line(out: &mut impl Write, object: &impl Serialize) -> io::Result<()> {
    object.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, Ascii))?;
    out.write_all(b"\n")
}

/// JSON as `serde_json` writes it, but with everything outside printable ASCII escaped.
struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.bytes().position(|octet| !matches!(octet, b' '..=b'~')) {
            let (plain, others) = rest.split_at(at);
            out.write_all(plain.as_bytes())?;
            let end = others.bytes().position(|octet| matches!(octet, b' '..=b'~')).unwrap_or(others.len());
            for unit in others[..end].encode_utf16() {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = &others[end..];
        }
        out.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: ?Sized + Write>(&mut self, out: &mut W, escape: CharEscape) -> io::Result<()> {
        serde_json::ser::CompactFormatter.write_char_escape(out, escape)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cli::error::ErrorCode;

    fn line(object: &impl Serialize) -> String {
        let mut out = Vec::new();
        write_line(&mut out, object).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn uidl() -> Uidl {
        Uidl { number: 3, uid: Some("a\"b".into()), octets: Some(24), new: Some(true) }
    }

    #[test]
    fn keys_are_those_of_the_contract() {
        assert_eq!(line(&uidl()), "{\"number\":3,\"uid\":\"a\\\"b\",\"octets\":24,\"new\":true}\n");
        let status = Status { messages: 2, octets: 320, new_messages: None, new_octets: None, server: None };
        assert_eq!(
            line(&status),
            "{\"messages\":2,\"octets\":320,\"new_messages\":null,\"new_octets\":null}\n"
        );
        let headers = Headers {
            message: uidl(),
            date: None,
            from: Some(vec![Mailbox { name: None, address: Some("a@b".into()) }]),
            to: Some(Vec::new()),
            cc: None,
            subject: Some("\u{1f600}\u{e9}".into()),
            message_id: None,
            fields: Some(vec![("X".into(), "y".into())]),
            preview: None,
        };
        assert_eq!(
            line(&headers),
            "{\"number\":3,\"uid\":\"a\\\"b\",\"octets\":24,\"new\":true,\"date\":null,\
             \"from\":[{\"name\":null,\"address\":\"a@b\"}],\"to\":[],\"cc\":null,\
             \"subject\":\"\\ud83d\\ude00\\u00e9\",\"message_id\":null,\"fields\":[[\"X\",\"y\"]]}\n"
        );
        let fetch = Fetch {
            number: 1,
            uid: None,
            octets: None,
            path: None,
            path_encoded: false,
            sha256: None,
            deleted: Deletion::Unknown,
            kept: false,
        };
        assert_eq!(
            line(&fetch),
            "{\"number\":1,\"uid\":null,\"octets\":null,\"path\":null,\"sha256\":null,\"deleted\":null}\n"
        );
        let delete = Delete { number: 1, uid: None, octets: None, deleted: Deletion::Marked };
        assert_eq!(line(&delete), "{\"number\":1,\"uid\":null,\"octets\":null,\"deleted\":false}\n");
        let refused = Refused { number: 1, uid: None, error: "-ERR no".into() };
        assert_eq!(line(&refused), "{\"number\":1,\"uid\":null,\"error\":\"-ERR no\"}\n");
        let account = Account {
            account: "work".into(),
            host: None,
            port: 995,
            user: Some("alice".into()),
            default: true,
        };
        assert_eq!(
            line(&account),
            "{\"account\":\"work\",\"host\":null,\"port\":995,\"user\":\"alice\",\"default\":true}\n"
        );
        let server = Server { expire: Some(Expire::Never), login_delay: Some(300), ..Server::default() };
        assert_eq!(
            line(&server),
            "{\"greeting\":\"\",\"capabilities\":null,\"tls_version\":null,\"cipher\":null,\"certificate\":null,\
             \"mechanism\":null,\"login_delay\":300,\"expire\":\"NEVER\"}\n"
        );
        let failure = CliError {
            response: Some("-ERR no".into()),
            ..CliError::new(ErrorCode::Authentication, "refused")
        };
        assert_eq!(
            line(&ErrorLine::new(&failure)),
            "{\"error\":{\"code\":\"authentication\",\"exit\":77,\"message\":\"refused\",\"response\":\"-ERR no\"}}\n"
        );
        let failure = CliError::new(ErrorCode::Unavailable, "lost").within(7, Some("u7".into()));
        assert_eq!(
            line(&ErrorLine::new(&failure)),
            "{\"error\":{\"code\":\"unavailable\",\"exit\":69,\"message\":\"lost\",\"response\":null,\"number\":7,\"uid\":\"u7\"}}\n"
        );
        assert_eq!(line(&WarningLine::new("careful")), "{\"warning\":{\"message\":\"careful\"}}\n");
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_not_utf8_loses_nothing() {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
        assert_eq!(path(Path::new("/caf\u{e9}/a%")), ("/caf\u{e9}/a%".into(), false));
        let latin = Path::new(OsStr::from_bytes(b"/caf\xe9 %/u1.eml"));
        assert_eq!(path(latin), ("/caf%E9%20%25/u1.eml".into(), true));
        let (path, path_encoded) = path(latin);
        let fetch = Fetch {
            number: 1,
            uid: None,
            octets: None,
            path: Some(path),
            path_encoded,
            sha256: None,
            deleted: Deletion::No,
            kept: false,
        };
        assert!(line(&fetch).contains("\"path\":\"/caf%E9%20%25/u1.eml\",\"path_encoded\":true,"));
    }

    #[test]
    fn controls_are_escaped_with_the_rest() {
        assert_eq!(line(&"\x1b\0\n\t\x7f\u{85}\u{202e}"), "\"\\u001b\\u0000\\n\\t\\u007f\\u0085\\u202e\"\n");
    }

    /// The keys of an object with a value for each optional one.
    fn keys(object: &impl Serialize) -> Vec<String> {
        let value = serde_json::to_value(object).unwrap();
        value.as_object().unwrap().keys().cloned().collect()
    }

    #[test]
    fn manual_describes_every_key_and_no_other() {
        const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/man/pop3-json.5"));
        let some = || Some(String::new());
        let server = Server { greeting: String::new(), ..Server::default() };
        let certificate = Certificate {
            subject: String::new(),
            issuer: String::new(),
            not_before: String::new(),
            not_after: String::new(),
            sha256: String::new(),
        };
        let status = Status {
            messages: 0,
            octets: 0,
            new_messages: None,
            new_octets: None,
            server: Some(Server::default()),
        };
        let headers = Headers {
            message: uidl(),
            date: None,
            from: None,
            to: None,
            cc: None,
            subject: None,
            message_id: None,
            fields: Some(Vec::new()),
            preview: Some(Preview { message: b"", lines: 0 }),
        };
        let fetch = Fetch {
            number: 1,
            uid: None,
            octets: None,
            path: None,
            path_encoded: true,
            sha256: None,
            deleted: Deletion::No,
            kept: false,
        };
        let delete = Delete { number: 1, uid: None, octets: None, deleted: Deletion::No };
        let account = Account { account: String::new(), host: None, port: 995, user: None, default: true };
        let record =
            Record { uid: String::new(), fetched: String::new(), place: String::new(), deleted: false };
        let device = Device { url: String::new(), code: String::new(), expires: String::new() };
        let failure = CliError::new(ErrorCode::Unavailable, "lost").within(7, some());
        let error = ErrorLine::new(&failure);
        let warning = WarningLine::new("careful");
        let objects = [
            ("status", keys(&status)),
            ("server", keys(&server)),
            ("certificate", keys(&certificate)),
            ("uidl", keys(&uidl())),
            ("headers", keys(&headers)),
            ("mailbox", keys(&Mailbox { name: None, address: None })),
            ("fetch", keys(&fetch)),
            ("delete", keys(&delete)),
            ("refused message", keys(&Refused { number: 1, uid: None, error: String::new() })),
            ("accounts", keys(&account)),
            ("record", keys(&record)),
            ("login \\-\\-device", keys(&DeviceLine { device: &device })),
            ("device", keys(&device)),
            ("failure", keys(&error)),
            ("error", keys(&error.error)),
            ("notice", keys(&warning)),
            ("warning", keys(&warning.warning)),
        ];
        for (name, mut keys) in objects {
            let (_, rest) = PAGE.split_once(&format!("\n.SS {name}\n")).expect(name);
            let section = rest.split("\n.S").next().unwrap();
            let tags = section.split(".TP\n\\fB").skip(1);
            let mut documented: Vec<&str> = tags.map(|tag| tag.split("\\fR").next().unwrap()).collect();
            documented.sort_unstable();
            keys.sort_unstable();
            assert_eq!(documented, keys, "{name}");
        }
        assert_eq!(PAGE.matches("\n.SS ").count(), 17, "each object is compared");
    }

    proptest! {
        #[test]
        fn any_text_is_printable_ascii_and_comes_back(text: String) {
            let written = line(&text);
            let printable = written.trim_end_matches('\n');
            prop_assert!(printable.bytes().all(|octet| matches!(octet, b' '..=b'~')));
            prop_assert_eq!(serde_json::from_str::<String>(printable).unwrap(), text);
        }
    }
}
