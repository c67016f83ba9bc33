//! A table of mail providers with their endpoints, scopes and servers.

use super::endpoints::{ClientAuthentication, Endpoints};

/// A mail provider. It does not include a client id, because users register their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provider {
    /// The name in the configuration file.
    pub name: &'static str,
    /// The POP3 server, with implicit TLS on port 995.
    pub host: &'static str,
    /// The scope that grants POP3 access and a refresh token.
    pub scope: &'static str,
    /// Further parameters that the provider requires.
    pub parameters: &'static [(&'static str, &'static str)],
    issuer: Option<&'static str>,
    authorization: &'static str,
    device: Option<&'static str>,
    token: &'static str,
    revocation: Option<&'static str>,
    authentication: ClientAuthentication,
    sends_iss: bool,
}

impl Provider {
    /// Returns the provider with this name: `google`, `microsoft`, `fastmail` or `yahoo`.
    ///
    /// ```
    /// use pop3::oauth::Provider;
    ///
    /// assert_eq!(Provider::by_name("google").unwrap().host, "pop.gmail.com");
    /// assert!(Provider::by_name("Google").is_none());
    /// ```
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        PROVIDERS.iter().find(|provider| provider.name == name)
    }

    /// Returns all providers.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        PROVIDERS.iter()
    }

    /// Returns true if the endpoints depend on a tenant.
    #[must_use]
    pub fn has_tenants(&self) -> bool {
        self.token.contains(TENANT)
    }

    /// Returns the endpoints. The default tenant is `common`: accounts of any tenant.
    #[must_use]
    pub fn endpoints(&self, tenant: Option<&str>) -> Endpoints {
        let url = |text: &str| text.replace(TENANT, tenant.unwrap_or("common")).parse().ok();
        Endpoints {
            issuer: self.issuer.map(str::to_owned),
            authorization: url(self.authorization),
            device: self.device.and_then(url),
            token: url(self.token),
            revocation: self.revocation.and_then(url),
            authentication: self.authentication,
            sends_iss: self.sends_iss,
        }
    }
}

/// The built-in providers. In URLs, `{tenant}` is replaced with a tenant of Microsoft Entra ID.
const PROVIDERS: [Provider; 4] = [
    // accounts.google.com/.well-known/openid-configuration (issuer, endpoints);
    // developers.google.com/identity/protocols/oauth2/native-app (`access_type` is for web servers, and harmless here; with
    // `prompt=consent` a repeated login also returns a refresh token);
    // developers.google.com/workspace/gmail/imap/xoauth2-protocol (scope);
    // developers.google.com/identity/protocols/oauth2/limited-input-device (the device grant has no mail scope, so its
    // endpoint is omitted); support.google.com/mail/answer/7104828 (server).
    Provider {
        name: "google",
        host: "pop.gmail.com",
        scope: "https://mail.google.com/",
        parameters: &[("access_type", "offline"), ("prompt", "consent")],
        issuer: Some("https://accounts.google.com"),
        authorization: "https://accounts.google.com/o/oauth2/v2/auth",
        device: None,
        token: "https://oauth2.googleapis.com/token",
        revocation: Some("https://oauth2.googleapis.com/revoke"),
        authentication: ClientAuthentication::Post,
        sends_iss: false,
    },
    // learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow and v2-oauth2-device-code (endpoints);
    // learn.microsoft.com/exchange/client-developer/legacy-protocols/
    // how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth (scope, server, both grants). The platform has no
    // revocation endpoint.
    Provider {
        name: "microsoft",
        host: "outlook.office365.com",
        scope: "https://outlook.office.com/POP.AccessAsUser.All offline_access",
        parameters: &[],
        issuer: None,
        authorization: "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize",
        device: Some("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/devicecode"),
        token: "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
        revocation: None,
        authentication: ClientAuthentication::Post,
        sends_iss: false,
    },
    // api.fastmail.com/.well-known/oauth-authorization-server (endpoints, scope, `iss`); without `resource` the server
    // responds with `invalid_target` (RFC 8707), and the JMAP session is the resource for all protocols;
    // datatracker.ietf.org/doc/draft-ietf-mailmaint-oauth-public (the scope covers POP); fastmail.com/dev (POP3);
    // fastmail.help/hc/en-us/articles/1500000279921 (server).
    Provider {
        name: "fastmail",
        host: "pop.fastmail.com",
        scope: "urn:ietf:params:oauth:scope:mail offline_access",
        parameters: &[("resource", "https://api.fastmail.com/jmap/session")],
        issuer: Some("https://api.fastmail.com"),
        authorization: "https://api.fastmail.com/oauth/authorize",
        device: None,
        token: "https://api.fastmail.com/oauth/refresh",
        revocation: Some("https://api.fastmail.com/oauth/revoke"),
        authentication: ClientAuthentication::Post,
        sends_iss: true,
    },
    // api.login.yahoo.com/.well-known/openid-configuration (issuer, endpoints, `client_secret_basic`);
    // developer.yahoo.com/oauth2/guide (redirects must be https, so only --no-browser works);
    // senders.yahooinc.com/developer/documentation (OAUTHBEARER; Yahoo grants the mail scope on request).
    Provider {
        name: "yahoo",
        host: "pop.mail.yahoo.com",
        scope: "mail-w",
        parameters: &[],
        issuer: Some("https://api.login.yahoo.com"),
        authorization: "https://api.login.yahoo.com/oauth2/request_auth",
        device: None,
        token: "https://api.login.yahoo.com/oauth2/get_token",
        revocation: Some("https://api.login.yahoo.com/oauth2/revoke"),
        authentication: ClientAuthentication::Basic,
        sends_iss: false,
    },
];

const TENANT: &str = "{tenant}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_url_of_the_table_is_one() {
        for provider in Provider::all() {
            let endpoints = provider.endpoints(Some("example.org"));
            assert!(endpoints.authorization.is_some() && endpoints.token.is_some(), "{}", provider.name);
            assert_eq!(endpoints.device.is_some(), provider.device.is_some(), "{}", provider.name);
            assert_eq!(endpoints.revocation.is_some(), provider.revocation.is_some(), "{}", provider.name);
            assert!(crate::net::Host::parse(provider.host).is_ok());
        }
        let microsoft = Provider::by_name("microsoft").unwrap();
        let token = |tenant| microsoft.endpoints(tenant).token.unwrap().as_str().to_owned();
        assert_eq!(token(None), "https://login.microsoftonline.com/common/oauth2/v2.0/token");
        assert_eq!(
            token(Some("example.org")),
            "https://login.microsoftonline.com/example.org/oauth2/v2.0/token"
        );
    }
}
