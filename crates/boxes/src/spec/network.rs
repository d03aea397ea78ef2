//! A host and a port that a box may reach.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

#[cfg(test)]
mod tests;

/// `shop.example:443`. Names are small letters; there are no patterns, so each host that
/// a box reaches is one that somebody wrote down.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPort {
    host: String,
    port: u16,
}

/// Names of secrets, each with the hosts that it is given to.
pub type Granted = BTreeMap<String, BTreeSet<HostPort>>;

impl HostPort {
    /// The host: a name, or an address (IPv6 without brackets).
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            return write!(f, "[{}]:{}", self.host, self.port);
        }
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Serialize for HostPort {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HostPort {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<HostPort, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl FromStr for HostPort {
    type Err = String;

    fn from_str(text: &str) -> Result<HostPort, String> {
        let wrong =
            |why: &str| Err(format!("`{text}` {why}; write host:port, as in \"shop.example:443\""));
        if text.contains("://") {
            return wrong("is a URL");
        }
        let Some((host, port)) = text.rsplit_once(':') else {
            return wrong("has no port");
        };
        let Ok(port @ 1..) = port.parse::<u16>() else {
            return wrong("has no port from 1 to 65535");
        };
        if host.contains('*') {
            return wrong("has a pattern, but hosts are named one by one");
        }
        if let Some(inner) = host.strip_prefix('[') {
            let inner = inner.strip_suffix(']').and_then(|inner| inner.parse::<Ipv6Addr>().ok());
            let Some(address) = inner else { return wrong("has no IPv6 address in its brackets") };
            return Ok(HostPort { host: address.to_string(), port });
        }
        let host = host.to_ascii_lowercase();
        if host.parse::<Ipv4Addr>().is_err() && !is_name(&host) {
            return wrong("has no host's name before the port");
        }
        Ok(HostPort { host, port })
    }
}

/// Whether this is a name that DNS takes, and not an odd spelling of an address: `127.1`
/// and `0x7f000001` reach the machine itself with many resolvers.
fn is_name(host: &str) -> bool {
    let fits = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = host.rsplit('.').next().unwrap_or("");
    let numeric = last.starts_with(|first: char| first.is_ascii_digit());
    host.len() <= 253 && host.split('.').all(fits) && !numeric
}
