//! The accounts in a file of another program: which of its lines belong to the requested account.

use std::collections::BTreeSet;

use super::{Account, ImportError, Tool, getmail};
use crate::net::Host;

/// The account to which a line belongs, as written in the file.
#[derive(Clone, Copy)]
pub(super) struct Owner<'a> {
    pub(super) host: &'a [u8],
    pub(super) user: &'a [u8],
}

/// The accounts to which the lines of a file belong.
pub(super) struct Owners<'a> {
    account: &'a Account<'a>,
    /// True if the current lines belong to the account.
    pub(super) ours: bool,
    /// True if any lines belong to the account.
    pub(super) found: bool,
    /// The last owner as written. fetchmail repeats the owner on every line; this saves parsing it each time.
    last: (Vec<u8>, Vec<u8>),
    others: BTreeSet<String>,
    /// True if there are more accounts than `others` names.
    more: bool,
}

impl<'a> Owners<'a> {
    pub(super) fn new(account: &'a Account<'a>, ours: bool) -> Self {
        Self { account, ours, found: ours, last: Default::default(), others: BTreeSet::new(), more: false }
    }

    pub(super) fn enter(&mut self, owner: Owner<'_>) {
        if self.last.0 == owner.host && self.last.1 == owner.user {
            return;
        }
        self.last = (owner.host.to_vec(), owner.user.to_vec());
        let Account { user, address } = self.account;
        let is_host = |text: &str| Host::parse(text).is_ok_and(|host| host == *address.host());
        let ours = owner.user == user.as_bytes() && std::str::from_utf8(owner.host).is_ok_and(is_host);
        let name = format!("{}@{}", String::from_utf8_lossy(owner.user), String::from_utf8_lossy(owner.host));
        self.set(ours, name);
    }

    /// Begins a list whose account is given by the file name.
    pub(super) fn enter_file(&mut self, name: &str) {
        self.set(getmail::is_file_of(name, self.account), name.to_owned());
    }

    fn set(&mut self, ours: bool, name: String) {
        self.ours = ours;
        self.found |= ours;
        if !ours && self.others.len() < MAX_NAMED {
            self.others.insert(name);
        } else if !ours && !self.others.contains(&name) {
            self.more = true;
        }
    }

    pub(super) fn error(self, from: Option<Tool>) -> ImportError {
        if self.others.is_empty() {
            return ImportError::UnknownForm(from);
        }
        let Account { user, address } = self.account;
        let mut others = self.others.into_iter().collect::<Vec<_>>().join(", ");
        if self.more {
            others.push_str(", …");
        }
        ImportError::OtherAccounts { account: format!("{user}@{}", address.host()), others }
    }
}

/// Maximum number of accounts that are named in an error.
const MAX_NAMED: usize = 16;
