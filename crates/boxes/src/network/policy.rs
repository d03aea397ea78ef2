//! What a box may reach, and which secrets are for which host. Pure.

use crate::spec::{BoxSpec, HostPort};
use std::collections::{BTreeMap, BTreeSet};

/// Hosts by name and port, exactly; nothing else is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    allow: BTreeSet<HostPort>,
    secrets: BTreeMap<String, BTreeSet<HostPort>>,
}

impl Policy {
    /// Of these hosts, and these secrets with the hosts they are for. That a secret is
    /// for a host does not allow the host.
    #[must_use]
    pub fn new(allow: BTreeSet<HostPort>, secrets: BTreeMap<String, BTreeSet<HostPort>>) -> Policy {
        Policy { allow, secrets }
    }

    /// What a spec says. What it does not say it does not get.
    #[must_use]
    pub fn of(spec: &BoxSpec) -> Policy {
        let (allow, secrets) = (spec.network.clone(), spec.secrets.clone());
        Policy::new(allow.unwrap_or_default(), secrets.unwrap_or_default())
    }

    pub(super) fn allows(&self, target: &HostPort) -> bool {
        self.allow.contains(target)
    }

    /// Whether a host of this name, or address, is allowed at some port.
    pub(super) fn names(&self, host: &str) -> bool {
        self.allow.iter().any(|allowed| allowed.host() == host)
    }

    pub(super) fn is_bound(&self, secret: &str, target: &HostPort) -> bool {
        self.secrets.get(secret).is_some_and(|hosts| hosts.contains(target))
    }

    pub(super) fn secret_names(&self) -> impl Iterator<Item = &String> {
        self.secrets.keys()
    }

    /// The allowed hosts that some secret is for.
    /// Whether TLS to some host is opened, so that the box must trust its own authority.
    #[must_use]
    pub fn opens_tls(&self) -> bool {
        !self.bound_hosts().is_empty()
    }

    pub(super) fn bound_hosts(&self) -> BTreeSet<&HostPort> {
        self.secrets.values().flatten().filter(|host| self.allows(host)).collect()
    }
}
