//! Queries the sources of candidates one by one.

use super::{Candidate, MailAddress, Security, Source, autoconfig};
use crate::net::{Host, HttpClient, HttpRequest, NameServers, Note, SrvAnswer, SrvRecord, Url};
use crate::{Error, ErrorKind};

/// The sources of candidates. In URLs, `{domain}` is replaced with the domain of the address.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Sources {
    /// The URLs of the domain's autoconfig files, in the order in which to try them.
    pub autoconfig: Vec<String>,
    /// The URL of Mozilla's ISPDB, or of a compatible database.
    pub ispdb: String,
    /// The name servers that are queried for SRV records.
    pub name_servers: Option<NameServers>,
}

/// Queries the sources one at a time; the caller chooses the next source.
#[derive(Debug)]
#[non_exhaustive]
pub struct Finder<'a> {
    /// The HTTP client for autoconfig and the ISPDB.
    pub http: HttpClient<'a>,
    /// The sources of candidates.
    pub sources: &'a Sources,
}

/// The result of an SRV lookup.
///
/// Exhaustive on purpose: RFC 6186 §3.4 distinguishes between no records and no service, and a caller must handle both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SrvServers {
    /// The servers, implicit TLS first; empty if there are no records.
    Candidates(Vec<Candidate>),
    /// The domain announces that it offers no POP3 service, neither with implicit TLS nor with `STLS`.
    NotOffered,
}

impl Sources {
    /// Returns the public sources, with these name servers.
    #[must_use]
    pub fn public(name_servers: Option<NameServers>) -> Self {
        Self {
            autoconfig: AUTOCONFIG.iter().map(ToString::to_string).collect(),
            ispdb: ISPDB.to_owned(),
            name_servers,
        }
    }
}

impl<'a> Finder<'a> {
    /// Creates a finder that sends its requests with this client.
    #[must_use]
    pub fn new(http: HttpClient<'a>, sources: &'a Sources) -> Self {
        Self { http, sources }
    }

    /// Requests the domain's autoconfig files until one contains servers with TLS, and returns the result of each request.
    ///
    /// # Errors
    ///
    /// Each result may be an error of [`HttpClient::send`], [`ErrorKind::Host`] if the file does not exist, or
    /// [`ErrorKind::Protocol`] if the file is malformed.
    pub fn autoconfig(
        &self,
        address: &MailAddress,
        note: &mut Note<'_>,
    ) -> Vec<Result<autoconfig::Servers, Error>> {
        let mut all = Vec::new();
        for url in &self.sources.autoconfig {
            let servers = self.file(url, address, Source::Autoconfig, note);
            let found = servers.as_ref().is_ok_and(|servers| !servers.candidates.is_empty());
            all.push(servers);
            if found {
                break;
            }
        }
        all
    }

    /// Looks up the SRV records of the domain.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`NameServers::srv`], and [`ErrorKind::Unsupported`] if no name servers are known.
    pub fn srv(&self, address: &MailAddress, note: &mut Note<'_>) -> Result<SrvServers, Error> {
        let Some(servers) = &self.sources.name_servers else {
            return Err(Error::new(ErrorKind::Unsupported, "the name servers are not known"));
        };
        let mut ask = |service: &str| {
            let name = format!("{service}.{}", address.domain());
            let answer = servers.srv(&name, self.http.limits);
            match &answer {
                Ok(SrvAnswer::Servers(records)) => note(&format!("{name} has {} SRV records", records.len())),
                Ok(SrvAnswer::NotOffered) => note(&format!("{name} is not offered")),
                Ok(SrvAnswer::None) => note(&format!("{name} has no SRV record")),
                Err(error) => note(error.message()),
            }
            answer
        };
        let (implicit, starttls) = match (ask("_pop3s._tcp"), ask("_pop3._tcp")) {
            (Ok(implicit), Ok(starttls)) => (implicit, starttls),
            // Servers in one of the two answers are enough.
            (Ok(servers @ SrvAnswer::Servers(_)), Err(_)) => (servers, SrvAnswer::None),
            (Err(_), Ok(servers @ SrvAnswer::Servers(_))) => (SrvAnswer::None, servers),
            (Err(error), _) | (_, Err(error)) => return Err(error),
        };
        if (&implicit, &starttls) == (&SrvAnswer::NotOffered, &SrvAnswer::NotOffered) {
            return Ok(SrvServers::NotOffered);
        }
        Ok(SrvServers::Candidates(srv_candidates(&implicit, &starttls, address)))
    }

    /// Requests the servers of the domain from the ISPDB. The request does not contain the local part of the address.
    ///
    /// # Errors
    ///
    /// Returns the errors that [`autoconfig`](Self::autoconfig) returns for a file.
    pub fn ispdb(&self, address: &MailAddress, note: &mut Note<'_>) -> Result<autoconfig::Servers, Error> {
        self.file(&self.sources.ispdb, address, Source::Ispdb, note)
    }

    fn file(
        &self,
        url: &str,
        address: &MailAddress,
        source: Source,
        note: &mut Note<'_>,
    ) -> Result<autoconfig::Servers, Error> {
        let url: Url = url.replace("{domain}", address.domain()).parse()?;
        let response = self.http.send(HttpRequest::get(&url).accept(XML), note)?;
        if response.status != 200 {
            return Err(Error::new(ErrorKind::Host, format!("{url}: HTTP status {}", response.status)));
        }
        autoconfig::parse(response.body.expose(), address, source)
            .map_err(|error| Error::new(error.kind(), format!("{url}: {}", error.message())))
    }
}

/// Returns the candidates in the records of `_pop3s._tcp` (RFC 8314) and `_pop3._tcp` (RFC 6186), implicit TLS first.
///
/// The user name is the whole address, as RFC 6186 §4 recommends.
#[must_use]
pub fn srv_candidates(implicit: &SrvAnswer, starttls: &SrvAnswer, address: &MailAddress) -> Vec<Candidate> {
    let records = |answer: &SrvAnswer| match answer {
        SrvAnswer::Servers(records) => records.clone(),
        SrvAnswer::NotOffered | SrvAnswer::None => Vec::new(),
    };
    let candidate = |record: SrvRecord, security| Candidate {
        host: record.target,
        port: record.port,
        security,
        user: address.to_string(),
        password: true,
        oauth: false,
        source: Source::Srv,
    };
    let implicit = records(implicit).into_iter().map(|record| candidate(record, Security::Implicit));
    let starttls = records(starttls).into_iter().map(|record| candidate(record, Security::StartTls));
    implicit.chain(starttls).collect()
}

/// Returns true if a host is the domain itself or a host within it. An SRV record with any other host is only as trustworthy as
/// the DNS answer, so a person must confirm it (RFC 6186 §6).
///
/// ```
/// use pop3::{discover::domain_holds, net::Host};
///
/// assert!(domain_holds("example.org", &Host::parse("pop.example.org").unwrap()));
/// assert!(!domain_holds("example.org", &Host::parse("badexample.org").unwrap()));
/// ```
#[must_use]
pub fn domain_holds(domain: &str, host: &Host) -> bool {
    let Host::Name(name) = host else { return false };
    name == domain || name.strip_suffix(domain).is_some_and(|front| front.ends_with('.'))
}

/// The URLs that Thunderbird requests, but over HTTPS only and without the address.
const AUTOCONFIG: [&str; 2] = [
    "https://autoconfig.{domain}/mail/config-v1.1.xml",
    "https://{domain}/.well-known/autoconfig/mail/config-v1.1.xml",
];

const ISPDB: &str = "https://autoconfig.thunderbird.net/v1.1/{domain}";

const XML: &str = "text/xml, application/xml";

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::time::Duration;

    use domain::base::iana::Rcode;
    use domain::base::{Message, MessageBuilder, Name, Ttl};
    use domain::rdata::Srv;

    use super::*;
    use crate::net::{Limits, Route, TlsConnector, TlsSettings};

    /// Returns the finder's result for two DNS answers: a target, a dot, no record (empty), or a failure (`!`).
    fn found(implicit: &'static str, starttls: &'static str) -> Result<SrvServers, Error> {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let servers = NameServers::new(vec![socket.local_addr().unwrap()]);
        std::thread::spawn(move || {
            let mut buffer = [0; 512];
            while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
                let query = Message::from_slice(&buffer[..length]).unwrap();
                let name = query.sole_question().unwrap().qname().to_string();
                let target = if name.starts_with("_pop3s.") { implicit } else { starttls };
                let code = match target {
                    "!" => Rcode::SERVFAIL,
                    "" => Rcode::NXDOMAIN,
                    _ => Rcode::NOERROR,
                };
                let mut answer = MessageBuilder::new_vec().start_answer(query, code).unwrap();
                if code == Rcode::NOERROR {
                    let record = Srv::new(0, 0, 1, target.parse::<Name<Vec<u8>>>().unwrap());
                    answer.push((name.parse::<Name<Vec<u8>>>().unwrap(), Ttl::from_secs(1), record)).unwrap();
                }
                let _ = socket.send_to(&answer.finish(), peer);
            }
        });
        let tls = TlsConnector::prepare(TlsSettings::default());
        let limits = Limits { timeout: Duration::from_secs(20), deadline: None };
        let http = HttpClient { route: &Route::default(), limits, tls: &tls };
        let sources = Sources::public(Some(servers));
        let address = MailAddress::parse("alice@example.org").unwrap();
        Finder { http, sources: &sources }.srv(&address, &mut |_| {})
    }

    #[test]
    fn records_with_implicit_tls_come_first() {
        let shown = |implicit, starttls| match found(implicit, starttls) {
            Ok(SrvServers::Candidates(candidates)) => candidates
                .iter()
                .map(|one| format!("{} {:?} {}", one.host, one.security, one.user))
                .collect::<Vec<_>>()
                .join(", "),
            Ok(SrvServers::NotOffered) => "not offered".to_owned(),
            Err(error) => format!("{:?}", error.kind()),
        };
        let (implicit, starttls) =
            ("a.example Implicit alice@example.org", "b.example StartTls alice@example.org");
        assert_eq!(shown("a.example", "b.example"), format!("{implicit}, {starttls}"));
        assert_eq!(shown("a.example", "."), implicit);
        assert_eq!(shown("a.example", "!"), implicit);
        assert_eq!(shown(".", "b.example"), starttls);
        assert_eq!(shown("!", "b.example"), starttls);
        assert_eq!(shown("", ""), "");
        assert_eq!(shown(".", "."), "not offered");
        // A service may be offered if its query has no answer.
        assert_eq!(shown(".", ""), "");
        assert_eq!(shown(".", "!"), "Unavailable");
        assert_eq!(shown("!", "!"), "Unavailable");
    }
}
