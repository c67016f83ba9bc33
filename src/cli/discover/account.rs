//! The account for a discovered server.

use crate::discover::{Candidate, Security, Source};
use crate::net::Host;
use crate::oauth::Provider;
use toml_edit::{InlineTable, Table, Value};

use super::person::Person;
use crate::cli::error::{CliError, ErrorCode};
use crate::cli::settings::lookup::Lookup;

/// An account that is not yet in the configuration file.
pub struct Account {
    candidate: Candidate,
    oauth: Option<OAuth>,
}

/// The key `oauth`: the provider, and the client that the user has registered with it.
struct OAuth {
    provider: &'static str,
    client_id: String,
    client_secret_command: String,
}

impl Account {
    /// Returns the account for a candidate. `--user` replaces the user name from the source. The account uses OAuth 2.0 if the
    /// source offers it and the provider is known.
    pub fn of(mut candidate: Candidate, lookup: &Lookup) -> Result<Self, CliError> {
        if let Some(user) = &lookup.user {
            user.clone_into(&mut candidate.user);
        }
        let provider = provider(&candidate.host);
        // SRV records do not name authentication methods.
        let offered = candidate.oauth || candidate.source == Source::Srv;
        let oauth = provider.filter(|_| offered).map(|provider| OAuth {
            provider,
            client_id: CLIENT_ID.to_owned(),
            client_secret_command: String::new(),
        });
        if oauth.is_none() && !candidate.password {
            return Err(CliError::new(
                ErrorCode::Configuration,
                format!(
                    "{} accepts OAuth 2.0 only, and its provider is unknown: write an account with oauth",
                    candidate.host
                ),
            ));
        }
        Ok(Self { candidate, oauth })
    }

    pub fn source(&self) -> Source {
        self.candidate.source
    }

    /// True if the user must supply a client id.
    pub fn lacks_client(&self) -> bool {
        self.oauth.as_ref().is_some_and(|oauth| oauth.client_id == CLIENT_ID)
    }

    /// Asks for the OAuth 2.0 client, if one is needed. Without a client id, the account uses a password. Returns false at the end
    /// of the input.
    pub fn complete(&mut self, person: &Person, name: &str) -> Result<bool, CliError> {
        let Some(oauth) = &mut self.oauth else { return Ok(true) };
        let provider = oauth.provider;
        let or_password = if self.candidate.password { "; empty to use a password" } else { "" };
        let question = format!(
            "{name} can log in by OAuth 2.0 at {provider}.\nThe id of the client that you registered there{or_password}: "
        );
        let Some(id) = person.answer(&question)? else { return Ok(false) };
        check(&id)?;
        if id.is_empty() {
            if self.candidate.password {
                self.oauth = None;
                return Ok(true);
            }
            let text = format!("{} accepts OAuth 2.0 only: register a client first", self.candidate.host);
            return Err(CliError::configuration(text));
        }
        let Some(command) =
            person.answer("The command that prints its client secret; empty if it has none: ")?
        else {
            return Ok(false);
        };
        check(&command)?;
        oauth.client_id = id;
        oauth.client_secret_command = command;
        Ok(true)
    }

    /// Returns the keys of the account.
    pub fn keys(&self) -> Table {
        let Candidate { host, port, security, user, .. } = &self.candidate;
        let mut keys = Table::new();
        let mut put = |key: &str, value: Value| drop(keys.insert(key, toml_edit::value(value)));
        put("host", host.to_string().into());
        let (tls, default_port) = match security {
            Security::Implicit => ("implicit", 995),
            Security::StartTls => ("starttls", 110),
        };
        if *port != default_port {
            put("port", i64::from(*port).into());
        }
        put("tls", tls.into());
        put("user", user.as_str().into());
        if let Some(oauth) = &self.oauth {
            let mut table = InlineTable::new();
            table.insert("provider", oauth.provider.into());
            table.insert("client-id", oauth.client_id.as_str().into());
            if !oauth.client_secret_command.is_empty() {
                table.insert("client-secret-command", oauth.client_secret_command.as_str().into());
            }
            put("oauth", table.into());
        }
        keys
    }
}

fn check(answer: &str) -> Result<(), CliError> {
    if answer.chars().any(char::is_control) {
        return Err(CliError::configuration("the answer holds a control character"));
    }
    Ok(())
}

/// Returns the name of the OAuth 2.0 provider with this POP3 server.
fn provider(host: &Host) -> Option<&'static str> {
    Provider::all().find(|provider| host.to_string() == provider.host).map(|provider| provider.name)
}

/// The placeholder for the user's own client id.
const CLIENT_ID: &str = "CLIENT-ID";

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(host: &str, security: Security, port: u16) -> Candidate {
        Candidate {
            host: Host::parse(host).unwrap(),
            port,
            security,
            user: "a\"b\\c@example.org".to_owned(),
            password: true,
            oauth: true,
            source: Source::Autoconfig,
        }
    }

    #[test]
    fn providers_are_known_by_their_servers() {
        let of = |host: &str| provider(&Host::parse(host).unwrap());
        assert_eq!(of("pop.gmail.com"), Some("google"));
        assert_eq!(of("outlook.office365.com"), Some("microsoft"));
        assert_eq!(of("pop.fastmail.com"), Some("fastmail"));
        assert_eq!(of("pop.mail.yahoo.com"), Some("yahoo"));
        assert_eq!(of("pop.gmail.com.example.org"), None);
    }

    #[test]
    fn keys_are_escaped_and_ports_left_out_where_they_are_the_default() {
        let account = |candidate| Account { candidate, oauth: None }.keys().to_string();
        assert_eq!(
            account(candidate("pop.example.org", Security::Implicit, 995)),
            "host = \"pop.example.org\"\ntls = \"implicit\"\nuser = 'a\"b\\c@example.org'\n"
        );
        assert!(account(candidate("h.example", Security::StartTls, 110)).contains("tls = \"starttls\"\n"));
        assert!(account(candidate("h.example", Security::StartTls, 995)).contains("\nport = 995\n"));
    }

    #[test]
    fn oauth_is_one_inline_table() {
        let oauth = OAuth {
            provider: "google",
            client_id: "x\" }, y = { z = \"".to_owned(),
            client_secret_command: "pass show 'it'".to_owned(),
        };
        let account =
            Account { candidate: candidate("pop.gmail.com", Security::Implicit, 995), oauth: Some(oauth) };
        let read: toml::Table = toml::from_str(&account.keys().to_string()).unwrap();
        let oauth = read["oauth"].as_table().unwrap();
        assert_eq!(oauth["client-id"].as_str(), Some("x\" }, y = { z = \""));
        assert_eq!((oauth.len(), read.len()), (3, 4));
    }
}
