//! Settings of the connection: server, route, TLS.

use super::*;

#[test]
fn a_provider_brings_its_server() {
    let table = |more: &str| {
        format!("[account.a]\nuser = \"u\"\n{more}\noauth = {{ provider = \"google\", client-id = \"x\" }}\n")
    };
    let settled = |words: &[&str], more: &str| {
        let words = [&["status", "-a", "a"], words].concat();
        let settings = resolve(&words, &[], &table(more)).unwrap();
        (settings.address.to_string(), settings.tls)
    };
    assert_eq!(settled(&[], ""), ("pop.gmail.com:995".into(), TlsMode::Implicit));
    assert_eq!(settled(&[], "host = \"h\""), ("h:995".into(), TlsMode::Implicit));
    assert_eq!(settled(&["--port", "110"], ""), ("pop.gmail.com:110".into(), TlsMode::StartTls));
    assert_eq!(settled(&["--tls", "starttls"], ""), ("pop.gmail.com:110".into(), TlsMode::StartTls));
}

#[test]
fn proxies_of_the_environment_come_last() {
    let proxy = |words: &[&str], variables: &[(&str, &str)], lines: &str| {
        let settings = resolve(&[&["status"], words].concat(), variables, &file("", lines)).unwrap();
        let host = crate::net::Host::parse("pop.example.org").unwrap();
        let proxy = settings.route.proxy.filter(|proxy| proxy.serves(&host));
        proxy.map_or("none".to_owned(), |proxy| proxy.to_string())
    };
    let all = ("ALL_PROXY", "socks5h://all");
    assert_eq!(proxy(&[], &[all], ""), "socks5://all:1080");
    assert_eq!(proxy(&[], &[all, ("all_proxy", "lower:1")], ""), "http://lower:1");
    assert_eq!(proxy(&[], &[all, ("all_proxy", "")], ""), "socks5://all:1080");
    let written = "proxy = \"socks5://written\"";
    assert_eq!(proxy(&[], &[all], written), "socks5://written:1080");
    assert_eq!(proxy(&["--proxy", "http://typed"], &[all], written), "http://typed:8080");
    // An empty value means no proxy, and overrides sources with a higher rank.
    assert_eq!(proxy(&[], &[all], "proxy = \"\""), "none");
    assert_eq!(proxy(&[], &[all, ("POP3_PROXY", "")], written), "none");
    assert_eq!(proxy(&["--proxy", ""], &[all, ("POP3_PROXY", "socks5://variable")], written), "none");
    assert_eq!(proxy(&["--proxy", "socks5://typed"], &[("POP3_PROXY", "")], ""), "socks5://typed:1080");

    assert_eq!(proxy(&[], &[all, ("NO_PROXY", ".example.org")], ""), "none");
    assert_eq!(proxy(&[], &[all, ("NO_PROXY", "x"), ("no_proxy", "example.org")], ""), "none");
    assert_eq!(proxy(&[], &[all, ("NO_PROXY", "example.net")], ""), "socks5://all:1080");
    assert_eq!(proxy(&[], &[("ALL_PROXY", "socks4://no"), ("NO_PROXY", "*")], ""), "none");
    // `NO_PROXY` does not apply to a proxy that is set for this program.
    assert_eq!(proxy(&[], &[("POP3_PROXY", "socks5://p"), ("NO_PROXY", "*")], ""), "socks5://p:1080");

    let failure = resolve(&["status"], &[("ALL_PROXY", "socks4://u:hush@x")], &file("", "")).unwrap_err();
    assert_eq!(failure.code, ErrorCode::Configuration);
    assert!(failure.message.starts_with("ALL_PROXY: "), "{}", failure.message);
    assert!(!failure.message.contains("hush"), "{}", failure.message);
}

#[test]
fn the_local_address_fits_family_and_host() {
    let refused = |words: &[&str], variables: &[(&str, &str)]| {
        resolve(&[&["status"], words].concat(), variables, &file("", "")).unwrap_err().code
    };
    assert_eq!(refused(&["--bind", "192.0.2.1", "-6"], &[]), ErrorCode::Usage);
    assert_eq!(refused(&["--bind", "192.0.2.1", "--host", "::1"], &[]), ErrorCode::Usage);
    assert_eq!(refused(&["-4"], &[("POP3_BIND", "::1")]), ErrorCode::Configuration);
    assert_eq!(refused(&["--host", "127.0.0.1"], &[("POP3_BIND", "::1")]), ErrorCode::Configuration);
    assert!(resolve(&["status", "--bind", "::1", "-6", "--host", "::2"], &[], &file("", "")).is_ok());
}

#[test]
fn tls_keys_are_written_only_beside_a_trace() {
    let key_log = |words: &[&str]| {
        let variables = [("SSLKEYLOGFILE", "keys")];
        resolve(&[&["status"], words].concat(), &variables, &file("", "")).unwrap().key_log
    };
    assert_eq!(key_log(&[]), None);
    assert_eq!(key_log(&["-vvv"]), None);
    assert_eq!(key_log(&["--trace"]), Some("keys".into()));
    assert_eq!(key_log(&["--trace=log"]), Some("keys".into()));
}

#[test]
fn no_pipelining_is_a_flag_a_variable_and_a_key() {
    let pipelining = |words: &[&str], variables: &[(&str, &str)], lines: &str| {
        resolve(words, variables, &file("", lines)).unwrap().pipelining
    };
    assert!(pipelining(&["status"], &[], ""));
    assert!(!pipelining(&["status"], &[], "no-pipelining = true"));
    assert!(!pipelining(&["status", "--no-pipelining"], &[("POP3_NO_PIPELINING", "0")], ""));
    for yes in ["1", "true", "yes"] {
        assert!(!pipelining(&["status"], &[("POP3_NO_PIPELINING", yes)], "no-pipelining = false"));
    }
    for no in ["0", "false", "no"] {
        assert!(pipelining(&["status"], &[("POP3_NO_PIPELINING", no)], "no-pipelining = true"));
    }
    let failure = resolve(&["status"], &[("POP3_NO_PIPELINING", "2")], &file("", "")).unwrap_err();
    assert_eq!(failure.code, ErrorCode::Configuration);
    assert!(resolve(&["status"], &[], &file("", "no-pipelining = 1")).is_err());
}

#[test]
fn port_and_tls_determine_each_other() {
    let settled = |words: &[&str], lines: &str| {
        let settings = resolve(words, &[], &file("", lines)).unwrap();
        (settings.address.port(), settings.tls)
    };
    assert_eq!(settled(&["status"], ""), (110, TlsMode::StartTls));
    assert_eq!(settled(&["status", "--port", "995"], ""), (995, TlsMode::Implicit));
    assert_eq!(settled(&["status", "--tls", "implicit"], ""), (995, TlsMode::Implicit));
    assert_eq!(settled(&["status", "--tls", "starttls"], "port = 995"), (995, TlsMode::StartTls));
    assert_eq!(settled(&["status"], "tls = \"none\""), (110, TlsMode::None));
    assert_eq!(settled(&["status", "--port", "1995", "--tls", "implicit"], ""), (1995, TlsMode::Implicit));
}

#[test]
fn a_literal_of_the_other_family_is_a_usage_error() {
    let code = |words: &[&str]| {
        resolve(words, &[], "").map_err(|failure| failure.code).map(|settings| settings.route.family)
    };
    assert_eq!(code(&["status", "-4", "--user", "u", "--host", "[::1]"]), Err(ErrorCode::Usage));
    assert_eq!(code(&["status", "-6", "--user", "u", "--host", "127.0.0.1"]), Err(ErrorCode::Usage));
    assert_eq!(code(&["status", "-6", "--user", "u", "--host", "::1"]), Ok(Family::V6));
    assert_eq!(code(&["status", "--user", "u", "--host", "::1"]), Ok(Family::Any));
}

#[test]
fn identity_and_trust_of_several_keys() {
    let settings =
        resolve(&["status", "--client-cert", "c", "--client-key", "k"], &[], &file("", "")).unwrap();
    assert_eq!(identity(&settings), "c k");
    let failure = resolve(&["status"], &[("POP3_CLIENT_KEY", "k")], &file("", "")).unwrap_err();
    assert!(failure.message.starts_with("POP3_CLIENT_KEY: "), "{}", failure.message);
    let settings =
        resolve(&["status", "--ca-file", "x", "--tls-fingerprint", BB], &[], &file("", "")).unwrap();
    assert_eq!(trust(&settings), "bb");
}

#[test]
fn a_url_gives_server_user_and_mechanism() {
    let shown = |words: &[&str], variables: &[(&str, &str)], lines: &str| {
        let words = [&["status", "-a", "a"], words].concat();
        let text = format!("[account.a]\n{lines}\n");
        resolve(&words, variables, &text)
            .map(|settings| {
                let Settings { address, tls, user, auth, .. } = settings;
                format!("{address} {tls:?} {user} {}", auth.map_or("auto", AuthMethod::name))
            })
            .map_err(|failure| failure.code)
    };
    let url = "pops://alice;AUTH=PLAIN@h:9995";
    let all = || Ok("h:9995 Implicit alice PLAIN".to_owned());
    assert_eq!(shown(&["--host", url], &[], ""), all());
    assert_eq!(shown(&[], &[("POP3_HOST", url)], ""), all());
    assert_eq!(shown(&[], &[], &format!("host = \"{url}\"")), all());
    // The URL overrides sources with a higher rank, and sources with a lower rank override the URL.
    let others = [("POP3_PORT", "1"), ("POP3_USER", "u"), ("POP3_TLS", "none"), ("POP3_AUTH", "login")];
    assert_eq!(shown(&["--host", url], &others, ""), all());
    let typed = ["--port", "1", "--user", "u", "--tls", "none", "--auth", "login"];
    assert_eq!(shown(&typed, &[("POP3_HOST", url)], ""), Ok("h:1 None u LOGIN".to_owned()));
    // From the same source, an equal value is allowed, and a different value is a contradiction.
    assert_eq!(
        shown(&["--host", url, "--port", "9995", "--user", "alice", "--auth", "plain"], &[], ""),
        all()
    );
    for pair in typed.chunks(2) {
        assert_eq!(shown(&[&["--host", url], pair].concat(), &[], ""), Err(ErrorCode::Usage), "{pair:?}");
    }
    for variable in others {
        assert_eq!(
            shown(&[], &[("POP3_HOST", url), variable], ""),
            Err(ErrorCode::Configuration),
            "{variable:?}"
        );
    }
    for wrong in ["pop://u:hush@h", "pop://u;AUTH=AUTO@h", "pop://u;AUTH=NTLM@h", "http://h", "h:0"] {
        assert_eq!(shown(&["--host", wrong, "--user", "u"], &[], ""), Err(ErrorCode::Usage), "{wrong}");
        assert_eq!(
            shown(&["--user", "u"], &[("POP3_HOST", wrong)], ""),
            Err(ErrorCode::Configuration),
            "{wrong}"
        );
    }
    assert_eq!(shown(&["--host", "h:1", "--user", "u"], &[], ""), Ok("h:1 StartTls u auto".to_owned()));
    assert_eq!(
        shown(&["--host", "pop://u@h", "--tls", "implicit"], &[], ""),
        Ok("h:995 Implicit u auto".to_owned())
    );
}
