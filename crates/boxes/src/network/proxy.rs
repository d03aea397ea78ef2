//! The face: a proxy that is started, tells what programs in the box need to know of
//! it, and ends when it is dropped.

use super::authority::{CERTIFICATE_PATH, Identity};
use super::clock::{pause, start, start_in};
use super::connection::serve;
use super::decision::Decisions;
use super::error::Error;
use super::gate::Gate;
use super::kept::Kept;
use super::limits::Limits;
use super::outside::{Machine, Outside};
use super::policy::Policy;
use super::secret::{Placeholders, Secrets};
use crate::spec::CERTIFICATE_VARIABLES;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

/// When the machine has no more descriptors, so long is waited before the next attempt.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Names of this machine that a program in the box means as the box itself.
const OWN: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// What a box's proxy is to be.
pub struct Egress {
    /// The box, for the log.
    pub box_id: String,
    /// What it may reach.
    pub policy: Policy,
    /// Where values come from.
    pub secrets: Arc<dyn Secrets>,
    /// Who hears of each decision.
    pub decisions: Arc<dyn Decisions>,
    /// The way out: this machine's.
    pub outside: Arc<dyn Outside>,
    /// Certificates, in DER, that are trusted beside the machine's own roots.
    pub roots: Vec<Vec<u8>>,
    /// How much of the host it may take.
    pub limits: Limits,
    /// What it had when another process served it; nothing: it is new.
    pub kept: Option<Kept>,
}

impl Egress {
    /// The variables that programs in the box need, whoever serves it at this address: those of
    /// [`Proxy::environment`].
    ///
    /// # Errors
    /// Nothing kept, and the machine gives no random bytes.
    pub fn environment(&self, address: SocketAddr) -> Result<BTreeMap<String, String>, Error> {
        let kept = self.kept.clone().map_or_else(Kept::new, Ok)?;
        let placeholders = Placeholders::new(&kept, self.policy.secret_names());
        Ok(environment(address, &self.policy, &placeholders))
    }

    /// For this box, with the machine's own network and roots.
    #[must_use]
    pub fn new(
        box_id: impl Into<String>,
        policy: Policy,
        secrets: Arc<dyn Secrets>,
        decisions: Arc<dyn Decisions>,
    ) -> Egress {
        Egress {
            box_id: box_id.into(),
            policy,
            secrets,
            decisions,
            outside: Arc::new(Machine),
            roots: Vec::new(),
            limits: Limits::default(),
            kept: None,
        }
    }

    /// Begins to accept connections from the listener, which may be in another network
    /// namespace than this process.
    ///
    /// # Errors
    /// The listener cannot be used, or what secrets need is missing on this machine.
    pub fn start(self, listener: std::net::TcpListener, runtime: &Handle) -> Result<Proxy, Error> {
        let address = listener.local_addr().map_err(Error::Listener)?;
        listener.set_nonblocking(true).map_err(Error::Listener)?;
        let listener = {
            let _entered = runtime.enter();
            TcpListener::from_std(listener).map_err(Error::Listener)?
        };
        let kept = self.kept.map_or_else(Kept::new, Ok)?;
        let hosts = self.policy.bound_hosts();
        let identity = match hosts.is_empty() {
            true => None,
            false => Some(Identity::new(&hosts, kept.key()?, &self.roots)?),
        };
        let placeholders = Placeholders::new(&kept, self.policy.secret_names());
        let gate = Arc::new(Gate {
            box_id: self.box_id,
            policy: self.policy,
            placeholders,
            secrets: self.secrets,
            decisions: self.decisions,
            outside: self.outside,
            limits: self.limits,
            identity,
        });
        let task = start(runtime, accept(Arc::clone(&gate), listener));
        Ok(Proxy { gate, address, task })
    }
}

/// A running proxy. Dropped, it ends with all its connections.
pub struct Proxy {
    gate: Arc<Gate>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Proxy {
    /// The variables that programs in the box need. There is no DNS in it: a program
    /// that does not use the proxy reaches nothing.
    #[must_use]
    pub fn environment(&self) -> BTreeMap<String, String> {
        environment(self.address, &self.gate.policy, &self.gate.placeholders)
    }

    /// Certificates in PEM, to be placed at [`CERTIFICATE_PATH`] in the box: its own
    /// authority's and the roots that this machine trusts. None if no secret is for an
    /// allowed host.
    #[must_use]
    pub fn certificate(&self) -> Option<&str> {
        self.gate.identity.as_ref().map(Identity::pem)
    }
}

fn environment(
    address: SocketAddr,
    policy: &Policy,
    placeholders: &Placeholders,
) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    let url = format!("http://{address}");
    // What the policy names is the host's, anything else of these is the box's own.
    let own: Vec<&str> = OWN.into_iter().filter(|own| !policy.names(own)).collect();
    let own = own.join(",");
    for (name, value) in
        [("HTTP_PROXY", &url), ("HTTPS_PROXY", &url), ("ALL_PROXY", &url), ("NO_PROXY", &own)]
    {
        variables.insert(name.to_owned(), value.clone());
        variables.insert(name.to_ascii_lowercase(), value.clone());
    }
    if policy.opens_tls() {
        let path = CERTIFICATE_PATH.to_owned();
        variables.extend(CERTIFICATE_VARIABLES.map(|name| (name.to_owned(), path.clone())));
    }
    let secrets = placeholders.iter();
    variables.extend(secrets.map(|(name, value)| (name.clone(), value.clone())));
    variables
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Takes connections, as many at once as may be. They are tasks of a set that goes with
/// this future.
async fn accept(gate: Arc<Gate>, listener: TcpListener) {
    let slots = Arc::new(Semaphore::new(gate.limits.connections_max));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        let Ok((stream, _from)) = listener.accept().await else {
            pause(ACCEPT_PAUSE).await;
            continue;
        };
        let gate = Arc::clone(&gate);
        start_in(&mut connections, async move {
            serve(gate, stream).await;
            drop(slot);
        });
    }
}
