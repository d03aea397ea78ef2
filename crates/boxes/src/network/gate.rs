//! All that a connection of one box is held against, and the way out of it.

use super::address::not_public;
use super::authority::Identity;
use super::clock::{now_ms, within};
use super::decision::{Decision, Decisions, Verdict};
use super::limits::Limits;
use super::outside::Outside;
use super::policy::Policy;
use super::refusal::Refusal;
use super::secret::{Placeholders, Secrets};
use super::target::asked;
use crate::spec::HostPort;
use hyper::Request;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpStream;

/// Of a name's addresses, so many are tried.
const ADDRESSES_MAX: usize = 4;

pub(super) struct Gate {
    pub box_id: String,
    pub policy: Policy,
    pub placeholders: Placeholders,
    pub secrets: Arc<dyn Secrets>,
    pub decisions: Arc<dyn Decisions>,
    pub outside: Arc<dyn Outside>,
    pub limits: Limits,
    /// There if a secret is for an allowed host.
    pub identity: Option<Identity>,
}

/// What is logged of a request, filled in as it becomes known.
#[derive(Clone, Default)]
pub(super) struct Asked {
    pub method: String,
    pub host: String,
    pub port: Option<u16>,
    pub misplaced: Vec<String>,
}

impl Asked {
    /// Of a request, whose target is known if it could be read.
    pub fn new<B>(gate: &Gate, request: &Request<B>, target: Option<&HostPort>) -> Asked {
        let (host, port) = match target {
            Some(target) => (target.host().to_owned(), Some(target.port())),
            None => asked(request.uri()),
        };
        let mut misplaced = gate.placeholders.mentioned(request.uri(), request.headers());
        if let Some(target) = target {
            misplaced.retain(|name| !gate.policy.is_bound(name, target));
        }
        let method = request.method().as_str().chars().take(32).collect();
        Asked { method, host, port, misplaced: misplaced.into_iter().collect() }
    }
}

impl Gate {
    pub fn log_allowed(&self, asked: &Asked, address: IpAddr, why: &str, secrets: Vec<String>) {
        self.log(asked, Verdict::Allowed, Some(address), why, secrets);
    }

    pub fn log_refused(&self, asked: &Asked, refusal: &Refusal) {
        self.log(asked, refusal.verdict, refusal.address, &refusal.why, Vec::new());
    }

    fn log(
        &self,
        asked: &Asked,
        verdict: Verdict,
        address: Option<IpAddr>,
        why: &str,
        secrets: Vec<String>,
    ) {
        let Asked { method, host, port, misplaced } = asked.clone();
        let (at_ms, box_id, why) = (now_ms(), self.box_id.clone(), why.to_owned());
        self.decisions.decided(&Decision {
            at_ms,
            box_id,
            method,
            host,
            port,
            address,
            verdict,
            why,
            secrets,
            misplaced,
        });
    }

    /// Whether the allow-list has it.
    pub fn permit(&self, target: &HostPort) -> Result<(), Refusal> {
        if self.policy.allows(target) {
            return Ok(());
        }
        let advice =
            format!("To allow it, write in box.toml:\n\n[network]\nallow = [\"{target}\"]");
        Err(Refusal::forbidden(format!("{target} is not in the box's allow-list"), advice))
    }

    /// A connection to an address that was checked. The name is looked up once, after
    /// the allow-list was asked: a name that is not on it is never looked up.
    pub async fn dial(&self, target: &HostPort) -> Result<(TcpStream, IpAddr), Refusal> {
        self.permit(target)?;
        let mut last = None;
        for address in self.addresses(target).await?.into_iter().take(ADDRESSES_MAX) {
            let connected = self.outside.connect(SocketAddr::new(address, target.port()));
            let why = match within(self.limits.connect, connected).await {
                Some(Ok(stream)) => {
                    // Small requests wait for nothing; where it fails they are slower.
                    let _unset = stream.set_nodelay(true);
                    return Ok((stream, address));
                }
                Some(Err(error)) => error.to_string(),
                None => format!("no answer within {:?}", self.limits.connect),
            };
            last = Some((why, address));
        }
        let Some((why, address)) = last else { return Err(no_address(target)) };
        let why = format!("cannot connect to {target} at {address}: {why}");
        let advice = "It is allowed, but the server does not answer. Try again later.";
        Err(Refusal::failed(why, advice).at(address))
    }

    /// The addresses that the target may be reached at, at least one. An address that
    /// is itself in the allow-list is what somebody meant, and so is `localhost`; a
    /// name must lead out.
    async fn addresses(&self, target: &HostPort) -> Result<Vec<IpAddr>, Refusal> {
        if let Ok(address) = target.host().parse() {
            return Ok(vec![address]);
        }
        let host = target.host();
        let advice = "Check the name in box.toml, and this machine's DNS.";
        let found = match within(self.limits.connect, self.outside.resolve(host)).await {
            Some(Ok(found)) => found,
            Some(Err(error)) => {
                return Err(Refusal::failed(format!("cannot look up {host}: {error}"), advice));
            }
            None => return Err(Refusal::failed(format!("cannot look up {host} in time"), advice)),
        };
        let (mut good, mut bad) = (Vec::new(), None);
        for address in found {
            match not_public(address) {
                _ if host == "localhost" && address.is_loopback() => good.push(address),
                None if host != "localhost" => good.push(address),
                kind => bad = Some((address, kind.unwrap_or("not this machine"))),
            }
        }
        match bad {
            _ if !good.is_empty() => Ok(good),
            None => Err(no_address(target)),
            Some((address, kind)) => Err(inside(target, address, kind)),
        }
    }
}

fn no_address(target: &HostPort) -> Refusal {
    let advice = "Check the name in box.toml, and this machine's DNS.";
    Refusal::failed(format!("{} has no address", target.host()), advice)
}

fn inside(target: &HostPort, address: IpAddr, kind: &str) -> Refusal {
    let port = target.port();
    let named = match address {
        IpAddr::V4(address) => format!("{address}:{port}"),
        IpAddr::V6(address) => format!("[{address}]:{port}"),
    };
    Refusal::forbidden(
        format!("{} leads to {address}, which is {kind}", target.host()),
        format!(
            "A name may only lead to public addresses. If this address is meant, write it in \
             box.toml instead of the name, and ask for it by the address:\n\n\
             [network]\nallow = [\"{named}\"]"
        ),
    )
    .at(address)
}
