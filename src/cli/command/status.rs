//! `status`: prints the number and size of all messages and of new messages, and data about the server.

use super::{Context, Outcome, now, shown};
use crate::{
    ErrorKind,
    bytes::rfc3339,
    cli::{
        args,
        error::Abort,
        json::{self, Expire, Server},
        messages::MessageList,
        select::{ListedMessages as _, no_unique_ids_error},
        session::Session,
    },
    net::format_fingerprint,
    proto::{Capabilities, Capability},
};

pub fn run(context: &mut Context<'_>, args: &args::Status) -> Result<Outcome, Abort> {
    let (mut session, record) = context.open_with_record()?;
    let listing = session.transaction.listing()?;
    let messages = MessageList::new(&listing);
    if args.check && !messages.has_unique_ids() {
        return Err(no_unique_ids_error().into());
    }
    context.warn_of_missing_unique_ids(&messages);
    let server = args.server.then(|| server(context, &mut session)).transpose()?;

    let listed = messages.known(Some(&record));
    let new =
        || (0..listed.len()).map(|index| listed.message(index)).filter(|message| message.fetched.is_none());
    let new_messages = u32::try_from(new().count()).unwrap_or(u32::MAX);
    let new_octets = new().fold(0, |sum: u64, message| sum.saturating_add(message.octets.unwrap_or(0)));
    let known = messages.has_unique_ids();
    let drop_listing = listing.drop_listing();
    context.printer.status(&json::Status {
        messages: drop_listing.messages,
        octets: drop_listing.octets,
        new_messages: known.then_some(new_messages),
        new_octets: known.then_some(new_octets),
        server,
    })?;
    context.end(session.transaction)?;
    Ok(if args.check && new_messages == 0 { Outcome::NoNewMail } else { Outcome::Done })
}

fn server(context: &Context<'_>, session: &mut Session) -> Result<Server, crate::Error> {
    // Capabilities that differ between users are announced after login only (RFC 2449 §6.5, §6.7).
    if session.capabilities.as_ref().is_some_and(differs_per_user) {
        match session.transaction.capa() {
            Ok(capabilities) => session.capabilities = Some(capabilities),
            Err(error) if error.kind() == ErrorKind::Refused => {}
            Err(error) => return Err(error),
        }
    }
    let capabilities = session.capabilities.as_ref();
    let facts = session.transaction.stream().tls().map(crate::net::Tls::facts);
    let server = Server {
        greeting: shown(&session.greeting),
        capabilities: capabilities.map(|capabilities| capabilities.lines().map(shown).collect()),
        tls_version: facts.map(|facts| facts.version.to_owned()),
        cipher: facts.map(|facts| facts.cipher.clone()),
        certificate: facts.map(|facts| json::Certificate {
            subject: facts.certificate.details.subject.clone(),
            issuer: facts.certificate.details.issuer.clone(),
            not_before: rfc3339(facts.certificate.details.not_before),
            not_after: rfc3339(facts.certificate.details.not_after),
            sha256: format_fingerprint(&facts.certificate.sha256).replace(':', "").to_ascii_lowercase(),
        }),
        mechanism: Some(session.transaction.method().name().to_owned()),
        login_delay: capabilities.and_then(login_delay),
        expire: capabilities.and_then(expire),
    };
    if let Some(facts) = facts {
        let days = facts.certificate.details.not_after.saturating_sub(now()).div_euclid(24 * 60 * 60);
        if (0..CERTIFICATE_WARNING_DAYS).contains(&days) {
            context.stderr.warning(&format!("the server's certificate expires in {days} days"));
        }
    }
    if context.settings.commit && server.expire == Some(Expire::Days(0)) {
        context
            .stderr
            .warning("the server announces EXPIRE 0: with --commit it may delete or hide what was retrieved");
    }
    Ok(server)
}

fn differs_per_user(capabilities: &Capabilities) -> bool {
    capabilities.iter().any(|capability| {
        matches!(
            capability,
            Capability::LoginDelay { per_user: true, .. } | Capability::Expire { per_user: true, .. }
        )
    })
}

fn login_delay(capabilities: &Capabilities) -> Option<u64> {
    capabilities.iter().find_map(|capability| match capability {
        Capability::LoginDelay { seconds, .. } => Some(u64::from(*seconds)),
        _ => None,
    })
}

fn expire(capabilities: &Capabilities) -> Option<Expire> {
    capabilities.iter().find_map(|capability| match capability {
        Capability::Expire { days: Some(days), .. } => Some(Expire::Days(u64::from(*days))),
        Capability::Expire { days: None, .. } => Some(Expire::Never),
        _ => None,
    })
}

/// Number of days before the expiry of a certificate from which on a warning is printed.
const CERTIFICATE_WARNING_DAYS: i64 = 14;
