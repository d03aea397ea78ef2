//! Serves the sockets of boxes from this process.

use super::open::{Engine, locked};
use super::outside::{NoSecrets, Served};
use super::records::Records;
use crate::build::{Attached, Image, Network};
use crate::error::Error;
use crate::network::{CERTIFICATE_PATH, Decision, Decisions, Egress, Kept, Policy, Proxy, Secrets};
use crate::sandbox::{Bind, Listen, Sandbox, SandboxSpec};
use crate::spec::HostPort;
use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::runtime::Handle;

/// Where a box finds its proxy, on its own 127.0.0.1. The usual port of proxies.
const PROXY_PORT: u16 = 3128;

impl Engine {
    /// The sockets that a box of this image is born with, and the certificates that it trusts.
    pub(super) fn prepare_sockets(
        &self,
        name: &str,
        image: &Image,
        spec: &mut SandboxSpec,
    ) -> Result<(), Error> {
        if image.network.is_empty() {
            return Ok(());
        }
        self.runtime(name)?;
        spec.listen.push(Listen::Tcp { port: PROXY_PORT });
        if policy(image).opens_tls() {
            let source = self.box_dir(name).join("ca.pem");
            let certificates = self.kept(name)?.certificates(&self.setup.roots)?;
            std::fs::write(&source, certificates)
                .map_err(|error| Error::io("write", &source, error))?;
            let target = PathBuf::from(CERTIFICATE_PATH);
            spec.binds.push(Bind { source, target, writable: false });
        }
        Ok(())
    }

    /// Serves them from this process, unless it does so already. Several processes may: who
    /// takes a connection goes by the same image and the same secrets.
    pub(super) fn serve(&self, name: &str, sandbox: &dyn Sandbox) -> Result<(), Error> {
        let row = self.row(name)?;
        if locked(&self.served).get(name).is_some_and(|served| served.sandbox == row.sandbox) {
            return Ok(());
        }
        let image = self.image(&row.image.to_string())?;
        let proxy = match image.network.is_empty() {
            true => None,
            false => Some(self.proxy(name, policy(&image), Some(self.kept(name)?), sandbox)?),
        };
        let env = proxy.as_ref().map(Proxy::environment).unwrap_or_default();
        let served = Served { sandbox: row.sandbox, env, _proxy: proxy };
        locked(&self.served).insert(name.to_owned(), served);
        Ok(())
    }

    fn proxy(
        &self,
        name: &str,
        policy: Policy,
        kept: Option<Kept>,
        sandbox: &dyn Sandbox,
    ) -> Result<Proxy, Error> {
        let listener = sandbox.listeners()?.into_iter().next();
        let why = "has no socket for its network: it was started by an older program; stop it";
        let listener = listener
            .ok_or_else(|| Error::NotNow { branch: name.to_owned(), why: why.to_owned() })?;
        let secrets: Arc<dyn Secrets> = match &self.setup.secrets {
            Some(secrets) => secrets.clone(),
            None => Arc::new(NoSecrets),
        };
        let runtime = self.runtime(name)?;
        let log = Arc::new(Log { records: self.records.clone(), runtime: runtime.clone() });
        let roots = self.setup.roots.clone();
        let egress = Egress { kept, roots, ..Egress::new(name, policy, secrets, log) };
        Ok(egress.start(TcpListener::from(listener), runtime)?)
    }

    fn runtime(&self, name: &str) -> Result<&Handle, Error> {
        let why = "may reach hosts, but this program serves no network";
        let none = || Error::NotNow { branch: name.to_owned(), why: why.to_owned() };
        self.setup.runtime.as_ref().ok_or_else(none)
    }

    fn kept(&self, name: &str) -> Result<Kept, Error> {
        let dir = self.box_dir(name);
        std::fs::create_dir_all(&dir).map_err(|error| Error::io("make", &dir, error))?;
        Ok(Kept::open(&dir.join("proxy.json"))?)
    }

    pub(super) fn served_env(&self, name: &str) -> BTreeMap<String, String> {
        locked(&self.served).get(name).map(|served| served.env.clone()).unwrap_or_default()
    }

    /// What a box asked of its network and what came of it, the oldest first.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn decisions(&self, name: &str) -> Result<Vec<Decision>, Error> {
        self.records.decisions(name)
    }

    /// Finds the boxes that run, whoever started them, and serves them from this process.
    ///
    /// # Errors
    /// A store that cannot be read, a box that cannot be served.
    pub fn find_again(&self) -> Result<Vec<String>, Error> {
        let running = self.list()?.into_iter().filter(|known| known.running);
        let names: Vec<String> = running.map(|known| known.row.name).collect();
        for name in &names {
            self.living(name)?;
        }
        Ok(names)
    }
}

fn policy(image: &Image) -> Policy {
    Policy::new(image.network.clone(), image.secrets.clone())
}

/// Decisions as rows, written beside what waits for them.
struct Log {
    records: Arc<Records>,
    runtime: Handle,
}

impl Decisions for Log {
    fn decided(&self, decision: &Decision) {
        let (records, decision) = (self.records.clone(), decision.clone());
        // Whoever asked has its answer; that it cannot be written down must not change that.
        drop(self.runtime.spawn_blocking(move || records.decided(&decision)));
    }
}

/// Setup commands reach what their spec allows, without secrets.
impl Network for Engine {
    fn prepare(&self, _allow: &BTreeSet<HostPort>, spec: &mut SandboxSpec) -> Result<(), Error> {
        spec.listen.push(Listen::Tcp { port: PROXY_PORT });
        Ok(())
    }

    fn attach(&self, allow: &BTreeSet<HostPort>, sandbox: &dyn Sandbox) -> Result<Attached, Error> {
        let policy = Policy::new(allow.clone(), BTreeMap::new());
        let proxy = self.proxy(sandbox.id(), policy, None, sandbox)?;
        Ok(Attached { env: proxy.environment(), guard: Some(Box::new(proxy)) })
    }
}
