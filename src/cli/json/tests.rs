//! Tests the keys and the format of every object.

use proptest::prelude::*;

use super::*;

fn line(object: &impl Serialize) -> String {
    let mut out = Vec::new();
    write_line(&mut out, object).unwrap();
    String::from_utf8(out).unwrap()
}

fn uidl() -> Uidl {
    Uidl { number: 3, uid: Some("a\"b".into()), octets: Some(24), new: Some(true) }
}

#[test]
fn dates_and_hashes_are_text() {
    let date = header::Date::parse("Sat, 1 Mar 2025 14:03:00 +0530").map(Date);
    assert_eq!(line(&date), "\"2025-03-01T14:03:00+05:30\"\n");
    assert_eq!(line(&Time(951_782_400)), "\"2000-02-29T00:00:00Z\"\n");
    assert_eq!(line(&Sha256([0x0a; 32])), format!("\"{}\"\n", "0a".repeat(32)));
}

#[test]
fn keys_do_not_change() {
    assert_eq!(line(&uidl()), "{\"number\":3,\"uid\":\"a\\\"b\",\"octets\":24,\"new\":true}\n");
    let status = Status { messages: 2, octets: 320, new_messages: None, new_octets: None, server: None };
    assert_eq!(line(&status), "{\"messages\":2,\"octets\":320,\"new_messages\":null,\"new_octets\":null}\n");
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
    let account =
        Account { account: "work".into(), host: None, port: 995, user: Some("alice".into()), default: true };
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
    let failure =
        CliError { response: Some("-ERR no".into()), ..CliError::new(ErrorCode::Authentication, "refused") };
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
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _, path::Path};
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

/// Returns the keys of an object. Its optional keys must have a value.
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
    let record = Record {
        uid: String::new(),
        fetched: Time(0),
        place: String::new(),
        deleted: false,
        pending_deletion: true,
    };
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
