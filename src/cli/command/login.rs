//! `login` and `logout`: save and remove the password in the keyring.

use super::{Context, Outcome};
use crate::cli::{
    args, credential,
    error::{Abort, CliError},
    oauth, session,
};

/// Asks for the password, verifies it with the server, then saves it.
pub fn login(context: &mut Context<'_>, args: &args::Login) -> Result<Outcome, Abort> {
    if let Some(oauth) = &context.settings.oauth
        && !args.password_stdin
    {
        return oauth::login::login(context, oauth, args);
    }
    if args.device || args.no_browser {
        let text = "--device and --no-browser are for an account with oauth";
        return Err(CliError::usage(text).into());
    }
    let found = credential::ask(context.settings, args.password_stdin)?;
    let session = session::open(context.settings, &found.credential, &context.trace_log, context.stderr)
        .map_err(|failure| found.explain(failure))?;
    context.end(session.transaction)?;
    credential::save(context.settings, &found.credential)?;
    context.printer.note(&format!("the password of {} is in the keyring", context.settings.mailbox()))?;
    Ok(Outcome::Done)
}

/// Removes the password. A missing password is not an error.
pub fn logout(context: &mut Context<'_>) -> Result<Outcome, Abort> {
    if let Some(oauth) = &context.settings.oauth {
        return oauth::login::logout(context, oauth);
    }
    let mailbox = context.settings.mailbox();
    let message = if credential::remove(context.settings)? {
        format!("the password of {mailbox} was removed from the keyring")
    } else {
        format!("the keyring holds no password of {mailbox}")
    };
    context.printer.note(&message)?;
    Ok(Outcome::Done)
}
