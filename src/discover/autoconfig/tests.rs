use proptest::prelude::*;

use super::*;

fn alice() -> MailAddress {
    MailAddress::parse("alice@example.org").unwrap()
}

fn read(xml: &str) -> Result<Servers, Error> {
    parse(xml.as_bytes(), &alice(), Source::Autoconfig)
}

/// Returns an autoconfig file with these servers.
fn file(servers: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<clientConfig version=\"1.1\">\n<emailProvider id=\"example.org\">\
         <domain>example.org</domain><displayName>Example</displayName>{servers}\
         <outgoingServer type=\"smtp\"><hostname>smtp.example.org</hostname></outgoingServer>\
         </emailProvider></clientConfig>"
    )
}

fn server(host: &str, port: &str, socket: &str, user: &str, authentication: &[&str]) -> String {
    let authentication = authentication.join("</authentication><authentication>");
    let authentication = match authentication.as_str() {
        "" => String::new(),
        names => format!("<authentication>{names}</authentication>\n"),
    };
    format!(
        "<incomingServer type=\"pop3\"><hostname>{host}</hostname><port>{port}</port>\
         <socketType>{socket}</socketType><username>{user}</username>{authentication}\
         <pop3><leaveMessagesOnServer>true</leaveMessagesOnServer></pop3></incomingServer>"
    )
}

/// Formats a server: `host:port user`, `S` or `I`, and the methods offered.
fn shown(servers: &Servers) -> Vec<String> {
    let security = |candidate: &Candidate| match candidate.security {
        Security::Implicit => 'I',
        Security::StartTls => 'S',
    };
    servers
        .candidates
        .iter()
        .map(|one| {
            let offers = [(one.password, " password"), (one.oauth, " oauth")];
            let offers: String =
                offers.iter().filter(|(offered, _)| *offered).map(|(_, name)| *name).collect();
            format!("{}:{} {} {}{offers}", one.host, one.port, one.user, security(one))
        })
        .collect()
}

#[test]
fn pop3_servers_with_tls_are_read() {
    let imap = server("imap.example.org", "993", "SSL", "%EMAILADDRESS%", &["password-cleartext"])
        .replace("\"pop3\"", "\"imap\"");
    let servers = [
        imap,
        server("pop.example.org", "995", "SSL", "%EMAILADDRESS%", &["OAuth2", "password-cleartext"]),
        server(" pop.%EMAILDOMAIN% ", "110", "STARTTLS", "%EMAILLOCALPART%", &["password-encrypted"]),
        server("plain.example.org", "110", "plain", "%EMAILADDRESS%", &["password-cleartext"]),
    ];
    let servers = read(&file(&servers.concat())).unwrap();
    assert_eq!(
        shown(&servers),
        ["pop.example.org:995 alice@example.org I password oauth", "pop.example.org:110 alice S password"]
    );
    assert_eq!(servers.cleartext, [Host::parse("plain.example.org").unwrap()]);
    assert!(servers.candidates.iter().all(|candidate| candidate.source == Source::Autoconfig));
}

#[test]
fn placeholders_are_filled_in_once() {
    let address = MailAddress::parse("%EMAILDOMAIN%x@example.org").unwrap();
    assert_eq!(filled("%EMAILLOCALPART%", &address).unwrap(), "%EMAILDOMAIN%x");
    assert_eq!(filled("a%EMAILLOCALPART%.%EMAILDOMAIN%b", &alice()).unwrap(), "aalice.example.orgb");
    for unknown in ["%REALNAME%", "%", "100%", "%EMAILADDRESS", "%EMAILADDRESS%%", "%%", ""] {
        assert_eq!(filled(unknown, &alice()), None, "{unknown}");
    }
}

#[test]
fn servers_that_cannot_be_used_are_left_out() {
    let good = ["pop.example.org", "995", "SSL", "alice"];
    let with = |index: usize, value: &'static str| {
        let mut fields = good;
        fields[index] = value;
        shown(&read(&file(&server(fields[0], fields[1], fields[2], fields[3], &[]))).unwrap())
    };
    assert_eq!(with(0, good[0]), ["pop.example.org:995 alice I password"]);
    for host in [
        "",
        "192.0.2.1",
        "a b",
        "pop.example.org/x",
        "%USERNAME%.example.org",
        "&#x1b;[31m",
        "a..b",
        "x&#10;y",
    ] {
        assert_eq!(with(0, host), Vec::<String>::new(), "{host}");
    }
    for port in ["", "0", "-1", "65536", "995x", "9 95"] {
        assert_eq!(with(1, port), Vec::<String>::new(), "{port}");
    }
    for socket in ["", "plain", "none", "starttls,ssl"] {
        assert_eq!(with(2, socket), Vec::<String>::new(), "{socket}");
    }
    for user in ["%USERNAME%", "a b", "a&#x202e;b", "a&#13;&#10;DELE 1", "a&#x9b;b", "a&#7;"] {
        assert_eq!(with(3, user), Vec::<String>::new(), "{user}");
    }
    assert_eq!(with(3, ""), ["pop.example.org:995 alice@example.org I password"]);
    let by = |authentication: &[&str]| {
        shown(&read(&file(&server("pop.example.org", "995", "SSL", "a", authentication))).unwrap()).len()
    };
    assert_eq!((by(&["GSSAPI", "NTLM"]), by(&["none"]), by(&["plain"]), by(&["oauth2"])), (0, 0, 1, 1));
}

#[test]
fn text_comes_in_pieces_and_escaped() {
    let xml = file(&server("pop<!-- x -->.exa<![CDATA[mple]]>.org", "995", "SSL", "a&amp;&#98;&#x63;", &[]));
    assert_eq!(shown(&read(&xml).unwrap()), ["pop.example.org:995 a&bc I password"]);
    let spaced = xml
        .replace("<hostname>", "<hostname\n attribute='x'>\r\n  ")
        .replace("</hostname>", "\t</hostname >");
    assert_eq!(shown(&read(&spaced).unwrap()).len(), 1);
    assert_eq!(shown(&read(&format!("\u{feff}{xml}")).unwrap()).len(), 1);
    let namespace =
        xml.replace("clientConfig", "a:clientConfig").replace("incomingServer", "b:incomingServer");
    assert_eq!(shown(&read(&namespace).unwrap()).len(), 1);
}

#[test]
fn other_files_are_refused() {
    let good = file(&server("pop.example.org", "995", "SSL", "a", &[]));
    let cases = [
        String::new(),
        "<!DOCTYPE html><html><body><p>Not found</body></html>".to_owned(),
        "<html><body>Parked</body></html>".to_owned(),
        good.replace("</emailProvider>", ""),
        good[..good.len() - 4].to_owned(),
        good.replace("<port>", "<port>&nbsp;"),
        good.replace("<port>", "<port>&#0;"),
        good.replace("<port>", "<port>&#x110000;"),
        good.replace("995", &"9".repeat(2000)),
        "<a>".repeat(100_000),
    ];
    for xml in cases {
        let error = read(&xml).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert!(error.message().starts_with("malformed autoconfig file: "), "{error}");
    }
    let utf16: Vec<u8> = good.encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert!(parse(&utf16, &alice(), Source::Ispdb).is_err());
    let latin1 = parse(b"<clientConfig>\xe9</clientConfig>", &alice(), Source::Ispdb).unwrap_err();
    assert!(latin1.message().contains("UTF-8"), "{latin1}");
}

/// The "billion laughs" attack, an external entity and a parameter entity.
#[test]
fn entities_are_not_expanded() {
    let doctype = "<!DOCTYPE clientConfig [<!ENTITY a \"pop.evil.example\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">\
                   <!ENTITY c SYSTEM \"file:///etc/passwd\"><!ENTITY % d SYSTEM \"http://127.0.0.1/\"> %d;]>";
    for entity in ["&a;", "&b;", "&c;"] {
        let xml = file(&server(entity, "995", "SSL", "a", &[]))
            .replace("<clientConfig", &format!("{doctype}<clientConfig"));
        let error = read(&xml).unwrap_err();
        assert!(error.message().contains("entity"), "{error}");
    }
    let unused = file(&server("pop.example.org", "995", "SSL", "a", &[]))
        .replace("<clientConfig", &format!("{doctype}<clientConfig"));
    assert_eq!(shown(&read(&unused).unwrap()).len(), 1);
}

/// Four megabytes of each kind of junk must be parsed in a single pass, with bounded memory.
#[test]
fn large_files_do_no_harm() {
    const LARGE: usize = 4 << 20;
    let one = server("pop.example.org", "995", "SSL", "a", &["plain"]);
    let begun = std::time::Instant::now();
    let many = read(&file(&one.repeat(LARGE / one.len()))).unwrap();
    assert_eq!(many.candidates.len(), MAX_SERVERS);
    let comment = format!("<!--{}-->", "x".repeat(LARGE));
    assert_eq!(read(&file(&format!("{comment}{one}"))).unwrap().candidates.len(), 1);
    let text = "y".repeat(LARGE);
    assert_eq!(read(&file(&format!("{text}{one}"))).unwrap().candidates.len(), 1);
    let methods = "<authentication>plain</authentication>".repeat(LARGE / 40);
    assert_eq!(
        read(&file(&one.replace("</username>", &format!("</username>{methods}")))).unwrap().candidates.len(),
        1
    );
    let attributes = " a=\"b\"".repeat(LARGE / 6);
    assert_eq!(
        read(&file(&one.replace(" type", &format!("{attributes} type")))).unwrap().candidates.len(),
        1
    );
    assert!(read(&"<clientConfig>".repeat(LARGE / 14)).is_err());
    assert!(read(&format!("<{}>", "n".repeat(LARGE))).is_err());
    assert!(read(&"&amp;".repeat(LARGE / 5)).is_err());
    // A parser with quadratic time would take hours.
    assert!(begun.elapsed() < std::time::Duration::from_secs(120));
}

proptest! {
    /// A damaged file yields usable candidates or an error.
    #[test]
    fn hostile_files_do_no_harm(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..20),
        cut in any::<proptest::sample::Index>(),
        noise in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let mut octets = file(&server("pop.example.org", "995", "SSL", "%EMAILADDRESS%", &["OAuth2"])).into_bytes();
        for (place, octet) in changes {
            let place = place.index(octets.len());
            octets[place] = octet;
        }
        octets.truncate(cut.index(octets.len() + 1).max(octets.len() / 2));
        for octets in [octets, noise] {
            for candidate in parse(&octets, &alice(), Source::Ispdb).unwrap_or_default().candidates {
                prop_assert_eq!(Host::parse(&candidate.host.to_string()).unwrap(), candidate.host);
                prop_assert!(candidate.port > 0 && !candidate.user.is_empty());
                prop_assert!(candidate.user.chars().all(is_printable));
                prop_assert!(candidate.password || candidate.oauth);
            }
        }
    }
}
