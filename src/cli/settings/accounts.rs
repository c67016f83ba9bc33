//! The accounts of the configuration file, each with what `--account` would make of it.

use super::{Failure, Sources, Surroundings, provider_host, read_config, tls_and_port};
use crate::cli::{args::Args, json::Account};

/// Every account, sorted by name, and the warning about the file, if there is one. No file means no accounts, unless the
/// file was asked for by name.
pub fn list(args: &Args, around: &Surroundings) -> Result<(Vec<Account>, Option<String>), Failure> {
    let config = read_config(args, around)?;
    let account = |(name, keys)| {
        let sources = Sources::of_account(around, &config, name, keys);
        let host = sources.text("host", args.connection.host.as_ref(), keys.host.as_ref())?;
        let host = host.or_else(|| provider_host(&sources));
        let user = sources.text("user", args.account.user.as_ref(), keys.user.as_ref())?;
        let (_, port) = tls_and_port(&sources, &args.connection)?;
        Ok(Account {
            account: name.to_owned(),
            host: host.map(|host| host.value),
            port,
            user: user.map(|user| user.value),
            default: config.default_account() == Some(name),
        })
    };
    Ok((config.accounts().map(account).collect::<Result<_, Failure>>()?, config.warning()))
}
