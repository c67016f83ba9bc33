//! Lists the accounts of the configuration file, each with the server that `--account` would use.

use super::{CliError, Environment, Sources, provider_host, read_config, server::Server};
use crate::cli::{args::Args, json::Account};

/// Returns all accounts, sorted by name, and a warning about the file, if there is one. A missing file has no accounts, but it is
/// an error if the command line or the environment names it, or names an account that the file lacks.
pub fn list(args: &Args, environment: &Environment) -> Result<(Vec<Account>, Option<String>), CliError> {
    let config = read_config(args, environment)?;
    if config.accounts().next().is_some() {
        Sources::choose(args, environment, &config)?;
    }
    let account = |(name, keys)| {
        let sources = Sources::of_account(environment, &config, name, keys);
        let host = sources.text("host", args.connection.host.as_ref(), keys.host.as_ref())?;
        // An account without a host also has a port.
        let (host, port, user) = if host.is_some() || provider_host(&sources).is_some() {
            let Server { address, user, .. } = Server::resolve(&sources, args)?;
            (Some(address.host().to_string()), address.port(), user)
        } else {
            let user = sources.text("user", args.account.user.as_ref(), keys.user.as_ref())?;
            (None, Server::port_without_host(&sources, args)?, user)
        };
        Ok(Account {
            account: name.to_owned(),
            host,
            port,
            user: user.map(|user| user.value),
            default: config.default_account() == Some(name),
        })
    };
    Ok((config.accounts().map(account).collect::<Result<_, CliError>>()?, config.warning()))
}
