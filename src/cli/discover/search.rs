//! Queries the sources in order: autoconfig, SRV records, Mozilla's ISPDB.

use crate::discover::autoconfig::Servers;
use crate::discover::{Candidate, Finder, MailAddress, Sources, SrvServers, domain_holds};
use crate::net::{HttpClient, NameServers, TlsConnector, TlsSettings};
use crate::{Error, ErrorKind};

use super::person::Person;
use crate::cli::error::{CliError, ErrorCode};
use crate::cli::output::Stderr;
use crate::cli::settings::lookup::Lookup;
use crate::cli::trace_log::TraceLog;

/// A search for the server of an address.
pub struct Search<'a> {
    pub lookup: &'a Lookup,
    pub address: &'a MailAddress,
    /// Confirms servers outside the domain; `None` skips such servers.
    pub person: Option<&'a Person>,
    pub stderr: Stderr,
}

/// The result of a search.
pub enum Searched {
    Found(Candidate),
    /// The input ended at a question.
    Declined,
    /// No server was found, for these reasons.
    Nothing(Vec<String>),
}

impl Search<'_> {
    /// Queries the sources until one of them gives a usable server.
    pub fn run(&self) -> Result<Searched, CliError> {
        let Lookup { route, limits, .. } = self.lookup;
        let trace_log = TraceLog::open(&self.lookup.trace, None)?;
        let mut trace = trace_log.trace();
        let mut note = |text: &str| {
            log::info!("{text}");
            if let Some(trace) = &mut trace {
                trace.note(text);
            }
        };
        let connector = TlsConnector::prepare(TlsSettings::default());
        let http = HttpClient { route, limits: *limits, tls: &connector };
        let sources = Sources::public(self.name_servers());
        let finder = Finder::new(http, &sources);
        let mut why = Vec::new();

        for servers in finder.autoconfig(self.address, &mut note) {
            if let Some(candidate) = first(servers, &mut why) {
                return Ok(Searched::Found(candidate));
            }
        }
        self.check_deadline()?;

        if sources.name_servers.is_some() {
            match finder.srv(self.address, &mut note) {
                Ok(SrvServers::Candidates(candidates)) => match self.choose(candidates)? {
                    Choice::Candidate(candidate) => return Ok(Searched::Found(candidate)),
                    Choice::None => {}
                    Choice::EndOfInput => return Ok(Searched::Declined),
                },
                Ok(SrvServers::NotOffered) => {
                    why.push("its SRV records say that it offers no POP3".to_owned());
                    return Ok(Searched::Nothing(why));
                }
                Err(error) => why.push(error.message().to_owned()),
            }
            self.check_deadline()?;
        }

        let domain = self.address.domain();
        self.stderr.warning(&format!("querying Mozilla's ISPDB, which receives the domain {domain}"));
        let servers = finder.ispdb(self.address, &mut note);
        if let Some(candidate) = first(servers, &mut why) {
            return Ok(Searched::Found(candidate));
        }
        self.check_deadline()?;
        trace_log.check()?;
        Ok(Searched::Nothing(why))
    }

    /// Returns the name servers, or `None` if queries would bypass the proxy.
    fn name_servers(&self) -> Option<NameServers> {
        if self.lookup.route.proxy.is_some() {
            log::info!("skipping SRV records: name servers cannot be queried through the proxy");
            return None;
        }
        match NameServers::of_system() {
            Ok(servers) => Some(servers),
            Err(error) => {
                self.stderr.warning(&format!("skipping SRV records: {}", error.message()));
                None
            }
        }
    }

    /// Returns the first candidate within the domain or, if the person agrees, the first candidate outside the domain.
    fn choose(&self, candidates: Vec<Candidate>) -> Result<Choice, CliError> {
        let mut asked = false;
        for candidate in candidates {
            if domain_holds(self.address.domain(), &candidate.host) {
                return Ok(Choice::Candidate(candidate));
            }
            let host = &candidate.host;
            let domain = self.address.domain();
            let Some(person) = self.person else {
                self.stderr.warning(&format!(
                    "skipping {host}: it is outside of {domain}, and SRV records are not authenticated"
                ));
                continue;
            };
            if asked {
                continue;
            }
            asked = true;
            let question = format!(
                "An SRV record of {domain} names {host}, which is outside of the domain. SRV records are not \
                 authenticated: use {host}? [y/N] "
            );
            match person.answer(&question)? {
                None => return Ok(Choice::EndOfInput),
                Some(answer) if Person::is_yes(&answer) => return Ok(Choice::Candidate(candidate)),
                Some(_) => {}
            }
        }
        Ok(Choice::None)
    }

    fn check_deadline(&self) -> Result<(), CliError> {
        let limits = self.lookup.limits;
        if limits.deadline.is_some() && limits.remaining().is_zero() {
            let domain = self.address.domain();
            let text = format!("no POP3 server found for {domain} before the deadline");
            return Err(CliError::new(ErrorCode::Unavailable, text));
        }
        Ok(())
    }
}

/// Returns the first server in an autoconfig file. A missing file is not reported, because most domains have none.
fn first(servers: Result<Servers, Error>, why: &mut Vec<String>) -> Option<Candidate> {
    match servers {
        Ok(servers) => {
            for host in &servers.cleartext {
                why.push(format!("{host} is offered in cleartext only"));
            }
            servers.candidates.into_iter().next()
        }
        Err(error) => {
            if error.kind() != ErrorKind::Host {
                why.push(error.message().to_owned());
            }
            None
        }
    }
}

enum Choice {
    Candidate(Candidate),
    None,
    EndOfInput,
}
