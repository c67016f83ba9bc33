use super::*;
use crate::{Error, ErrorKind, Secret};

fn endpoints() -> Endpoints {
    Endpoints {
        issuer: Some("https://login.example.org".into()),
        authorization: "https://login.example.org/auth".parse().ok(),
        device: "https://login.example.org/device".parse().ok(),
        token: "https://login.example.org/token".parse().ok(),
        revocation: "https://login.example.org/revoke".parse().ok(),
        authentication: ClientAuthentication::Basic,
        sends_iss: true,
    }
}

fn client(secret: Option<&str>) -> Client {
    let parameters = vec![("resource".into(), "a b".into())];
    Client {
        id: "pop3".into(),
        secret: secret.map(Secret::from),
        scope: "pop offline_access".into(),
        parameters,
    }
}

fn response(status: u16, body: &str) -> Response<'_> {
    Response::new(status, body.as_bytes())
}

fn refresh() -> OAuthRequest {
    client(None).refresh(&endpoints(), &Secret::from("r/token")).unwrap()
}

/// Returns the body and the `Authorization` field.
fn sent(request: &OAuthRequest) -> (String, Option<String>) {
    let text = |secret: &Secret| String::from_utf8(secret.expose().to_vec()).unwrap();
    let (body, authorization) = request.secret_parts();
    (text(body), authorization.map(text))
}

#[test]
fn the_authorization_request() {
    let mut random = [7; 64];
    random[40] = 8;
    let request =
        AuthorizationRequest::new(&client(None), &endpoints(), "http://localhost:1", &random).unwrap();
    let (_, query) = request.url().split_once('?').unwrap();
    let expected = [
        "response_type=code",
        "client_id=pop3",
        "redirect_uri=http%3A%2F%2Flocalhost%3A1",
        "code_challenge_method=S256",
        "scope=pop%20offline_access",
        "resource=a%20b",
    ];
    for pair in expected {
        assert!(query.split('&').any(|found| found == pair), "{query} lacks {pair}");
    }
    let verifier = String::from_utf8(request.verifier().expose().to_vec()).unwrap();
    assert_eq!(verifier.len(), 43);
    assert!(!query.contains(&verifier) && !format!("{request:?}").contains(&verifier));
}

/// RFC 7636, appendix B.
#[test]
fn the_challenge_is_that_of_the_rfc() {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let mut random = [0; 64];
    let verifier = URL_SAFE_NO_PAD.decode("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
    random[32..].copy_from_slice(&verifier);
    let request =
        AuthorizationRequest::new(&client(None), &endpoints(), "http://localhost", &random).unwrap();
    assert!(request.url().contains("code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
}

#[test]
fn the_redirect_is_checked_before_its_code_counts() {
    let request =
        AuthorizationRequest::new(&client(None), &endpoints(), "http://localhost", &[7; 64]).unwrap();
    let state = request.url().split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let iss = "iss=https%3A%2F%2Flogin.example.org";
    let code = request.code(&format!("code=c%2Fode&state={state}&{iss}")).unwrap();
    let redeem = client(None).redeem(&endpoints(), &request, &code).unwrap();
    let (body, _) = sent(&redeem);
    assert!(
        body.starts_with("grant_type=authorization_code&code=c%2Fode&redirect_uri=http%3A%2F%2Flocalhost&")
    );

    let cases = [
        (format!("code=c&{iss}"), ErrorKind::Protocol, "wrong state"),
        (format!("code=c&state={state}x&{iss}"), ErrorKind::Protocol, "wrong state"),
        (format!("code=c&state={state}&state={state}&{iss}"), ErrorKind::Protocol, "query"),
        (format!("code=c&state={state}"), ErrorKind::Protocol, "iss"),
        (format!("code=c&state={state}&iss=https%3A%2F%2Fevil"), ErrorKind::Protocol, "iss"),
        (format!("error=access_denied&state={state}&iss=https%3A%2F%2Fevil"), ErrorKind::Protocol, "iss"),
        (format!("state={state}&{iss}"), ErrorKind::Protocol, "code"),
        (format!("error=access_denied&state={state}&{iss}"), ErrorKind::Authentication, "refused"),
        (format!("error=x&error_description=no%0Away&state={state}&{iss}"), ErrorKind::Protocol, "unknown"),
        (format!("error=server_error&state={state}&{iss}"), ErrorKind::Temporary, "temporarily"),
        ("error=access_denied".to_owned(), ErrorKind::Protocol, "wrong state"),
    ];
    for (query, kind, text) in cases {
        let error = request.code(&query).unwrap_err();
        assert_eq!(error.kind(), kind, "{query}: {error}");
        assert!(error.message().contains(text), "{query}: {error}");
    }
    // A server that does not announce `iss` may omit it.
    let quiet = Endpoints { sends_iss: false, ..endpoints() };
    let request = AuthorizationRequest::new(&client(None), &quiet, "http://localhost", &[7; 64]).unwrap();
    assert!(request.code(&format!("code=c&state={state}")).is_ok());
    assert!(request.code(&format!("code=c&state={state}&iss=https%3A%2F%2Fevil")).is_err());
}

#[test]
fn a_client_secret_goes_where_the_server_wants_it() {
    let (body, none) = sent(&refresh());
    assert_eq!(body, "grant_type=refresh_token&refresh_token=r%2Ftoken&resource=a%20b&client_id=pop3");
    assert_eq!(none, None);
    let token = Secret::from("r");
    let (body, basic) = sent(&client(Some("s:ecret")).refresh(&endpoints(), &token).unwrap());
    assert_eq!(body, "grant_type=refresh_token&refresh_token=r&resource=a%20b");
    assert_eq!(basic.as_deref(), Some("Basic cG9wMzpzJTNBZWNyZXQ="));
    let post = Endpoints { authentication: ClientAuthentication::Post, ..endpoints() };
    let (body, none) = sent(&client(Some("s:ecret")).refresh(&post, &token).unwrap());
    assert!(body.ends_with("&client_id=pop3&client_secret=s%3Aecret"));
    assert_eq!(none, None);
}

#[test]
fn tokens_are_read() {
    let tokens = |body: &str| refresh().tokens(response(200, body));
    let full =
        tokens(r#"{"access_token":"a","refresh_token":"b","expires_in":3600,"token_type":"bearer","x":[1]}"#);
    let expected = Tokens {
        access_token: Secret::from("a"),
        refresh_token: Some(Secret::from("b")),
        expires_in: Some(3600),
    };
    assert_eq!(full.unwrap(), expected);
    let seconds =
        |value: &str| tokens(&format!(r#"{{"access_token":"a","expires_in":{value}}}"#)).unwrap().expires_in;
    assert_eq!(
        [seconds("\"60\""), seconds("-1"), seconds("1.5"), seconds("null")],
        [Some(60), Some(0), Some(1), None]
    );
    assert_eq!(tokens(r#"{"access_token":"a","refresh_token":""}"#).unwrap().refresh_token, None);
    for body in [
        "{}",
        r#"{"access_token":""}"#,
        r#"{"access_token":"a\r\nDELE 1"}"#,
        r#"{"access_token":"a\u00e4"}"#,
        r#"{"access_token":"a b"}"#,
        r#"{"access_token":null}"#,
        r#"{"access_token":"a","token_type":"mac"}"#,
        r#"{"access_token":["hush"]}"#,
        "[]",
        "<html>hush</html>",
        "",
    ] {
        let error = tokens(body).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{body}");
        assert!(!error.to_string().contains("hush"), "{error}");
    }
}

#[test]
fn errors_have_their_kinds() {
    let error = |status: u16, body: &str| refresh().tokens(response(status, body)).unwrap_err().kind();
    let json = |code: &str| format!("{{\"error\":\"{code}\"}}");
    for (code, kind) in [
        ("access_denied", ErrorKind::Authentication),
        ("invalid_grant", ErrorKind::Authentication),
        ("expired_token", ErrorKind::Authentication),
        ("interaction_required", ErrorKind::Authentication),
        ("invalid_client", ErrorKind::Argument),
        ("unauthorized_client", ErrorKind::Argument),
        ("invalid_scope", ErrorKind::Argument),
        ("unsupported_grant_type", ErrorKind::Argument),
        ("temporarily_unavailable", ErrorKind::Temporary),
        ("invalid_request", ErrorKind::Protocol),
        ("authorization_pending", ErrorKind::Protocol),
        ("whatever", ErrorKind::Protocol),
    ] {
        assert_eq!(error(400, &json(code)), kind, "{code}");
        assert_eq!(error(200, &json(code)), kind, "{code}");
        assert_eq!(error(503, &json(code)), ErrorKind::Temporary, "{code}");
    }
    assert_eq!(error(429, "<html>"), ErrorKind::Temporary);
    assert_eq!(error(404, "<html>"), ErrorKind::Protocol);
    assert_eq!(error(404, "{}"), ErrorKind::Protocol);
    assert_eq!(error(302, "{\"access_token\":\"a\"}"), ErrorKind::Protocol);
    let busy = |after| {
        let busy = Response { status: 429, retry_after: Some(after), body: b"" };
        refresh().tokens(busy).unwrap_err().message().to_owned()
    };
    for after in ["30", "Sun, 06 Nov 1994 08:49:37 GMT"] {
        assert!(busy(after).ends_with(&format!("(try again after: {after})")));
    }
    for after in ["", "r/token", "123456789", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994"] {
        assert!(busy(after).ends_with("unavailable"), "{after}");
    }
}

#[test]
fn an_echoed_secret_is_masked() {
    let request = client(Some("s ecret")).refresh(&endpoints(), &Secret::from("r/token")).unwrap();
    for echo in ["r/token", "r%2Ftoken", "s ecret", "s%20ecret", "ci90b2tlbg==", "cG9wMzpzJTIwZWNyZXQ="] {
        let body = format!(r#"{{"error":"invalid_grant","error_description":"not {echo}!"}}"#);
        let error = request.tokens(response(400, &body)).unwrap_err();
        let shown = format!("{error} {error:?} {request:?}");
        assert!(!shown.contains(echo.trim_end_matches('=')) && shown.contains("***"), "{shown}");
    }
}

/// Errors contain no secret, wherever a response is truncated; neither does any `Debug` output.
#[test]
fn nothing_of_a_secret_is_shown() {
    let secrets = ["s3cret-client/1", "s3cret-refresh/2", "s3cret-code/3", "s3cret-device/4", "s3cret-new/5"];
    let [client_secret, refresh_token, code, device_code, new] = secrets;
    let client = client(Some(client_secret));
    let mut random = [7; 64];
    random[32..].fill(9);
    let authorization =
        AuthorizationRequest::new(&client, &endpoints(), "http://localhost", &random).unwrap();
    let verifier = String::from_utf8(authorization.verifier().expose().to_vec()).unwrap();
    let check = |shown: &str| {
        for secret in secrets.into_iter().chain([verifier.as_str()]) {
            for part in [&secret[..10], &secret[secret.len() - 8..]] {
                assert!(!shown.contains(part), "{part}: {shown}");
            }
        }
    };
    let code = Code(Secret::from(code));
    let granted = format!(
        r#"{{"device_code":"{device_code}","user_code":"A","verification_uri":"https://x/","access_token":"{new}",
        "refresh_token":"{new}"}}"#
    );
    let device = client.device(&endpoints()).unwrap().device(response(200, &granted)).unwrap();
    let requests = [
        client.redeem(&endpoints(), &authorization, &code).unwrap(),
        client.poll(&endpoints(), &device).unwrap(),
        client.refresh(&endpoints(), &Secret::from(refresh_token)).unwrap(),
        client.revoke(&endpoints(), &Secret::from(refresh_token)).unwrap(),
    ];
    let redeemed = format!("{} {verifier}", secrets[2]);
    for (request, told) in requests.iter().zip([&*redeemed, device_code, refresh_token, refresh_token]) {
        let tokens = request.tokens(response(200, &granted)).unwrap();
        check(&format!("{request:?} {tokens:?} {device:?} {client:?} {authorization:?} {code:?}"));
        let told = format!("{told} {client_secret}");
        for body in [
            format!(r#"{{"error":"x","error_description":"{told} {new}","access_token":"{new}"}}"#),
            format!(r#"{{"error":"{told}"}}"#),
            format!(r#"{{"token_type":"{told}","access_token":"{new}","{told}":["{told}"]}}"#),
            granted.clone(),
        ] {
            for end in 0..=body.len() {
                for status in [200, 400, 503] {
                    let response = response(status, &body[..end]);
                    let judged = format!(
                        "{:?} {:?} {:?} {:?} {response:?}",
                        request.tokens(response),
                        request.device(response),
                        request.poll(response),
                        request.done(response)
                    );
                    check(&judged);
                    if let Err(error) = request.tokens(response) {
                        check(&error.to_string());
                    }
                }
            }
        }
    }
}

#[test]
fn the_device_grant() {
    let request = client(None).device(&endpoints()).unwrap();
    assert_eq!(sent(&request).0, "scope=pop%20offline_access&resource=a%20b&client_id=pop3");
    let body = r#"{"device_code":"d","user_code":"ABCD","verification_uri":"https://x/","expires_in":60}"#;
    let device = request.device(response(200, body)).unwrap();
    assert_eq!((device.interval.as_secs(), device.expires_in.as_secs()), (5, 60));
    assert!(!format!("{device:?}").contains("\"d\""));
    let google = r#"{"device_code":"d","user_code":"ABCD","verification_url":"https://x/","interval":1}"#;
    assert_eq!(request.device(response(200, google)).unwrap().verification_uri, "https://x/");
    for body in ["{}", r#"{"device_code":"d","user_code":"A","verification_uri":"javascript:1"}"#] {
        assert_eq!(request.device(response(200, body)).unwrap_err().kind(), ErrorKind::Protocol);
    }

    let poll = client(None).poll(&endpoints(), &device).unwrap();
    assert!(
        sent(&poll).0.ends_with("device_code&device_code=d&resource=a%20b&client_id=pop3"),
        "{:?}",
        sent(&poll)
    );
    let answer = |body: &str| poll.poll(response(400, body));
    assert!(matches!(answer(r#"{"error":"authorization_pending"}"#), Ok(Poll::Pending)));
    assert!(matches!(answer(r#"{"error":"slow_down"}"#), Ok(Poll::SlowDown)));
    assert_eq!(answer(r#"{"error":"expired_token"}"#).unwrap_err().kind(), ErrorKind::Authentication);
    assert!(matches!(poll.poll(response(200, r#"{"access_token":"a"}"#)), Ok(Poll::Done(_))));
}

#[test]
fn revocation_takes_any_success() {
    let request = client(None).revoke(&endpoints(), &Secret::from("r")).unwrap();
    assert_eq!(sent(&request).0, "token=r&token_type_hint=refresh_token&client_id=pop3");
    assert!(request.done(response(200, "")).is_ok());
    assert!(request.done(response(204, "<html>")).is_ok());
    assert!(request.done(response(400, r#"{"error":"invalid_client"}"#)).is_err());
    assert!(request.done(response(500, "")).is_err());
    assert!(request.done(response(302, "")).is_err());
    let none = Endpoints { revocation: None, ..endpoints() };
    assert!(client(None).revoke(&none, &Secret::from("r")).is_none());
}

#[test]
fn metadata_belongs_to_its_issuer() {
    let issuer = "https://login.example.org/t".parse().unwrap();
    let parse = |body: &str| Metadata::parse(&issuer, response(200, body)).map(|metadata| metadata.endpoints);
    let good = r#"{"issuer":"https://login.example.org/t","token_endpoint":"https://x/token",
        "authorization_endpoint":"https://x/auth","token_endpoint_auth_methods_supported":["client_secret_post"],
        "authorization_response_iss_parameter_supported":true}"#;
    let endpoints = parse(good).unwrap();
    assert_eq!(endpoints.token.unwrap().as_str(), "https://x/token");
    assert_eq!((endpoints.authentication, endpoints.sends_iss), (ClientAuthentication::Post, true));
    assert!(parse(&good.replace("org/t\"", "org/t/\"")).is_ok());
    for (from, to) in [
        ("https://login.example.org/t", "https://login.example.org/other"),
        ("https://x/token", "http://x/token"),
        ("https://x/auth", "http://x/auth"),
        ("token_endpoint", "other"),
        ("\"issuer\"", "\"x\""),
        ("{", "["),
    ] {
        let error = parse(&good.replacen(from, to, 1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    }
    let status = |status| Metadata::parse(&issuer, response(status, good)).unwrap_err().kind();
    assert_eq!(
        [status(302), status(404), status(503)],
        [ErrorKind::Protocol, ErrorKind::Protocol, ErrorKind::Temporary]
    );

    let at = |url: &str| {
        Metadata::parse_at(&url.parse().unwrap(), response(200, good)).map_err(|e: Error| e.kind())
    };
    assert!(at("https://login.example.org/t/.well-known/openid-configuration").is_ok());
    assert_eq!(at("https://evil.example.org/t/.well-known/openid-configuration"), Err(ErrorKind::Protocol));
}
