//! Sends requests to an authorization server and notes them in the trace.

use crate::net::{HttpClient, HttpRequest, HttpResponse, TlsConnector, TlsSettings, Trust, Url};
use crate::oauth::{Client, Endpoints, Metadata, OAuthRequest, Response, metadata_urls};

use super::OAuth;
use crate::cli::credential;
use crate::cli::error::CliError;
use crate::cli::settings::Settings;
use crate::cli::trace_log::TraceLog;

/// Sends requests to the endpoints of an account.
pub struct Transport<'a> {
    settings: &'a Settings,
    oauth: &'a OAuth,
    trace_log: &'a TraceLog,
    tls: TlsConnector,
}

impl<'a> Transport<'a> {
    pub fn new(settings: &'a Settings, oauth: &'a OAuth, trace_log: &'a TraceLog) -> Self {
        let trust = oauth.ca_file.clone().map_or(Trust::System, Trust::File);
        let tls = TlsConnector::prepare(TlsSettings { trust, ..TlsSettings::default() });
        Self { settings, oauth, trace_log, tls }
    }

    /// Returns the client. Its secret is the output of the configured command, if there is one.
    pub fn client(&self) -> Result<Client, CliError> {
        if self.oauth.ca_file.is_some() {
            let refused = |error: crate::Error| {
                CliError::configuration(format!("ca-file of oauth: {}", error.message()))
            };
            self.tls.check().map_err(refused)?;
        }
        let secret = match &self.oauth.client_secret_command {
            Some(words) => Some(credential::run("client-secret-command", words, self.settings)?),
            None => None,
        };
        Ok(Client {
            id: self.oauth.client_id.clone(),
            secret,
            scope: self.oauth.scope.clone(),
            parameters: self.oauth.parameters.clone(),
        })
    }

    /// Returns the configured endpoints, completed with the metadata of the issuer.
    pub fn endpoints(&self) -> Result<Endpoints, CliError> {
        let Some(issuer) = &self.oauth.issuer else { return Ok(self.oauth.endpoints.clone()) };
        let urls = metadata_urls(issuer)?;
        let first = self.get(&urls[0])?;
        // A server that supports OpenID Connect only responds to the URL of RFC 8414 with status 404 or another error.
        let response = if first.status == 200 || first.status >= 500 || first.status == 429 {
            first
        } else {
            self.get(&urls[1])?
        };
        let metadata = Metadata::parse(issuer, Response::from(&response))
            .map_err(|error| CliError::from(error).while_doing(&format!("the metadata of {issuer}")))?;
        Ok(self.with_written(metadata.endpoints))
    }

    /// Returns the endpoints in the metadata at a URL that the POP3 server sent.
    pub fn endpoints_at(&self, url: &Url) -> Result<Endpoints, CliError> {
        let response = self.get(url)?;
        let metadata = Metadata::parse_at(url, Response::from(&response))
            .map_err(|error| CliError::from(error).while_doing(&format!("the metadata at {url}")))?;
        Ok(self.with_written(metadata.endpoints))
    }

    fn with_written(&self, found: Endpoints) -> Endpoints {
        let written = self.oauth.endpoints.clone();
        Endpoints {
            authorization: written.authorization.or(found.authorization),
            device: written.device.or(found.device),
            token: written.token.or(found.token),
            revocation: written.revocation.or(found.revocation),
            ..found
        }
    }

    /// Sends a request and returns the result of `judge` on its response.
    pub fn send<T>(
        &self,
        request: &OAuthRequest,
        judge: impl FnOnce(&OAuthRequest, Response<'_>) -> Result<T, crate::Error>,
    ) -> Result<T, crate::Error> {
        let response = self.http(request.http())?;
        judge(request, Response::from(&response))
    }

    fn get(&self, url: &Url) -> Result<HttpResponse, CliError> {
        Ok(self.http(HttpRequest::get(url))?)
    }

    fn http(&self, request: HttpRequest<'_>) -> Result<HttpResponse, crate::Error> {
        let client =
            HttpClient { route: &self.settings.route, limits: self.settings.limits(), tls: &self.tls };
        let mut trace = self.trace_log.trace();
        client.send(request, &mut |text| {
            log::info!("{text}");
            if let Some(trace) = &mut trace {
                trace.note(text);
            }
        })
    }
}

/// Returns the random bytes for a login.
pub fn random() -> Result<[u8; 64], CliError> {
    let mut octets = [0; 64];
    rustls::crypto::ring::default_provider().secure_random.fill(&mut octets).map_err(|_| {
        CliError::new(crate::cli::error::ErrorCode::Unavailable, "the system gives no random numbers")
    })?;
    Ok(octets)
}
