//! Lists of hosts for which the proxy is not used.

use std::net::IpAddr;

use super::super::address::Host;

/// A list of hosts in the format of the environment variable `NO_PROXY`, as curl interprets it.
///
/// Entries are separated by commas. A domain name, with or without a leading dot, matches itself and its subdomains.
/// An IP address matches itself; an address with a slash and a number matches the network with that prefix length.
/// Names are not resolved, so an address only matches a host that is given by its address. The list `*` matches every
/// host.
///
/// ```
/// use pop3::net::{Host, NoProxy};
///
/// let list = NoProxy::parse("localhost, .example.org,192.0.2.0/24");
/// assert!(list.contains(&Host::parse("pop.example.org").unwrap()));
/// assert!(list.contains(&Host::parse("192.0.2.7").unwrap()));
/// assert!(!list.contains(&Host::parse("badexample.org").unwrap()));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NoProxy(Vec<Entry>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    All,
    /// A domain name in lower case, without a dot at either end.
    Domain(String),
    Network(IpAddr, u32),
}

impl NoProxy {
    /// Parses a list. As in curl, malformed entries match no host.
    #[must_use]
    pub fn parse(list: &str) -> Self {
        if list.trim_matches([' ', '\t']) == "*" {
            return Self(vec![Entry::All]);
        }
        let entries = list.split(',').map(|entry| entry.trim_matches([' ', '\t']));
        Self(entries.filter(|entry| !entry.is_empty()).filter_map(Entry::parse).collect())
    }

    /// Returns true if the list matches every host.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.0 == [Entry::All]
    }

    /// Returns true if the list matches the host.
    #[must_use]
    pub fn contains(&self, host: &Host) -> bool {
        self.0.iter().any(|entry| entry.matches(host))
    }
}

impl Entry {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        if let Ok(address) = address.parse::<IpAddr>() {
            let length = if address.is_ipv4() { 32 } else { 128 };
            let bits = match bits {
                None => length,
                Some(bits) => bits.parse().ok().filter(|bits| *bits <= length)?,
            };
            return Some(Self::Network(address, bits));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let name = name.strip_prefix('.').unwrap_or(name);
        match Host::parse(name).ok()? {
            Host::Name(name) => Some(Self::Domain(name)),
            Host::Ip(_) => None,
        }
    }

    fn matches(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::All, _) => true,
            (Self::Domain(domain), Host::Name(name)) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                name.strip_suffix(domain.as_str())
                    .is_some_and(|front| front.is_empty() || front.ends_with('.'))
            }
            (Self::Network(network, bits), Host::Ip(address)) => in_network(*address, *network, *bits),
            _ => false,
        }
    }
}

fn in_network(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let difference = address.to_bits() ^ network.to_bits();
            difference.checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let difference = address.to_bits() ^ network.to_bits();
            difference.checked_shr(128 - bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_matched_as_in_curl() {
        for (list, host, expected) in [
            ("", "example.org", false),
            ("*", "example.org", true),
            (" * ", "192.0.2.1", true),
            // An asterisk must be the whole list: curl treats it as a name among other entries.
            ("*,x", "example.org", false),
            ("*.example.org", "a.example.org", false),
            ("example.org", "example.org", true),
            ("EXAMPLE.org", "example.ORG", true),
            ("example.org", "pop.example.org", true),
            (".example.org", "pop.example.org", true),
            (".example.org", "example.org", true),
            ("example.org.", "pop.example.org", true),
            ("example.org", "pop.example.org.", true),
            ("example.org", "badexample.org", false),
            ("pop.example.org", "example.org", false),
            ("a.test,\tb.test , example.org", "example.org", true),
            (",,example.org,", "example.org", true),
            ("bücher.example", "xn--bcher-kva.example", true),
            ("localhost", "localhost", true),
            ("localhost", "127.0.0.1", false),
            ("127.0.0.1", "localhost", false),
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.10", false),
            ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("192.0.2.77/24", "192.0.2.1", true),
            ("192.0.2.1/32", "192.0.2.1", true),
            ("192.0.2.1/33", "192.0.2.1", false),
            ("192.0.2.1/x", "192.0.2.1", false),
            ("192.0.2.1/", "192.0.2.1", false),
            ("0.0.0.0/0", "192.0.2.1", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/33", "2001:db8:8000::1", false),
            ("2001:DB8::1", "2001:db8::1", true),
        ] {
            let host = Host::parse(host).unwrap();
            assert_eq!(NoProxy::parse(list).contains(&host), expected, "{list:?} {host}");
        }
    }
}
