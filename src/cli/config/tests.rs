//! Tests valid configuration files, and the line numbers in errors.

use super::*;

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(PathBuf::from("/c/config.toml"), text.into()).map_err(|failure| {
        assert_eq!(failure.code, crate::cli::error::ErrorCode::Configuration);
        assert!(!failure.message.contains('\n'), "{}", failure.message);
        failure.message
    })
}

#[test]
fn the_example_of_the_manual_is_valid() {
    let text = "# config.toml\ndefault = \"work\"\n\n[account.work]\nhost = \"pop.example.org\"\nuser = \"alice\"\n\
                tls = \"implicit\"\npassword-command = \"pass show mail/work\"   # words\nmaildir = \"~/Mail/work\"\n";
    let config = parse(text).unwrap();
    assert_eq!(config.default_account(), Some("work"));
    let account = config.account("work").unwrap();
    assert_eq!(account.host.as_ref().unwrap().get_ref(), "pop.example.org");
    assert_eq!(config.place(account.user.as_ref().unwrap().span()), "/c/config.toml:6");
    assert_eq!(account.destinations().len(), 1);
}

#[test]
fn errors_name_the_line() {
    let cases = [
        ("[account.a]\nhots = \"x\"\n", "/c/config.toml:2: unknown key \"hots\"; did you mean \"host\"?"),
        (
            "[account.a]\n[account.b]\nCA-file = \"x\"\n",
            ":3: unknown key \"CA-file\"; did you mean \"ca-file\"?",
        ),
        ("[accounts.a]\n", ":1: unknown key \"accounts\"; did you mean \"account\"?"),
        ("[account.a]\npassword_command = \"x\"\n", "did you mean \"password-command\"?"),
        ("[account.a]\nusername = \"x\"\n", "did you mean \"user\"?"),
        ("[account.a]\nprot = 1\n", "did you mean \"port\"?"),
        ("[account.a]\nmail = \"x\"\n", "did you mean \"maildir\"?"),
        ("[account.a]\nzebra = 1\n", "unknown key \"zebra\"; the keys here are host, port, "),
        ("\ndefault = \"b\"\n[account.a]\n", ":2: default names the account \"b\""),
        ("default = \"b\"\n", ":1: default names the account \"b\""),
        ("[account.a]\ndir = \"x\"\npipe = \"y\"\n", ":3: account.a has two destinations, dir and pipe"),
        ("[account.a]\n[account.b]\nmaildir = \"x\"\nmbox = \"y\"\n", ":4: account.b has two destinations"),
        ("[account.a]\nport = \"110\"\n", ":2: expected a number"),
        ("[account.a]\nhost = 1\n", ":2: invalid type"),
        ("[account.a]\nhost = \"x\"\nhost = \"y\"\n", ":3: duplicate key"),
        ("[account.a\n", ":1: "),
        (
            "[account.a]\npassword = \"hush\"\n",
            ":2: unknown key \"password\"; secrets do not belong in this file",
        ),
    ];
    for (text, expected) in cases {
        let message = parse(text).unwrap_err();
        assert!(message.contains(expected), "{message:?} lacks {expected:?}");
        assert!(!message.contains("hush"), "{message}");
    }
    assert!(parse("[account.a]\npassword = \"hush\"\n").unwrap_err().contains("pop3 login"));
}

#[test]
fn files_of_windows_editors_are_read() {
    assert_eq!(parse("\u{feff}default = \"a\"\r\n[account.a]\r\n").unwrap().default_account(), Some("a"));
    let utf16 = "default = \"a\"".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let utf16 = [&[0xff, 0xfe], &utf16[..]].concat();
    let failure = Config::parse(PathBuf::from("c"), utf16).unwrap_err();
    assert!(failure.message.contains("UTF-8"), "{}", failure.message);
}

#[test]
fn a_missing_file_is_an_error_only_if_it_was_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    assert_eq!(Config::read(path.clone(), false).unwrap().names(), "");
    let failure = Config::read(path.clone(), true).unwrap_err();
    assert!(failure.message.contains("config.toml: cannot be read: "), "{}", failure.message);
    std::fs::write(&path, vec![b'#'; 1 << 21]).unwrap();
    assert!(Config::read(path, false).unwrap_err().message.contains("larger than"));
    assert!(Config::read(folder.path().to_owned(), false).is_err());
}

#[cfg(unix)]
#[test]
fn a_readable_file_with_commands_gets_a_warning() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let warning = |text: &str, mode: u32| {
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        Config::read(path.clone(), true).unwrap().warning()
    };
    let command = "[account.a]\npassword-command = \"x\"\n";
    assert!(warning(command, 0o644).is_some_and(|warning| warning.contains("chmod 600")));
    assert!(warning(command, 0o660).is_some());
    assert_eq!(warning(command, 0o600), None);
    assert_eq!(warning("[account.a]\nhost = \"x\"\n", 0o644), None);
}
