//! Serves the sockets of boxes from this process.

use super::open::{Engine, locked};
use super::outside::{Life, NoSecrets, Served};
use super::records::{BoxRow, Records};
use super::turn::Turn;
use crate::LevelName;
use crate::branch::Head;
use crate::build::{Attached, Image, Network};
use crate::error::Error;
use crate::hub::{self, Quota, Resident};
use crate::network::{self, CERTIFICATE_PATH, Decision, Decisions, Egress, Kept, Policy, Secrets};
use crate::sandbox::{Bind, Listen, Sandbox, SandboxSpec};
use crate::spec::{HostPort, Rights};
use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::runtime::Handle;

/// What a box sees at [`hub::NODE_PATH`].
const NODE_FILE: &str = "node";

/// Where a box finds its proxy, on its own 127.0.0.1. The usual port of proxies.
const PROXY_PORT: u16 = 3128;

impl Engine {
    /// The sockets that a box of this image is born with, and what it needs to use them.
    pub(super) fn prepare_sockets(
        &self,
        name: &str,
        image: &Image,
        spec: &mut SandboxSpec,
    ) -> Result<(), Error> {
        if !image.network.is_empty() {
            self.runtime(name)?;
            spec.listen.push(Listen::Tcp { port: PROXY_PORT });
            if self.policy(name, image)?.opens_tls() {
                let source = made(self.shown_dir(name))?.join("ca.pem");
                let certificates = self.kept(name)?.certificates(&self.setup.roots)?;
                std::fs::write(&source, certificates)
                    .map_err(|error| Error::io("write", &source, error))?;
                let target = PathBuf::from(CERTIFICATE_PATH);
                spec.binds.push(Bind { source, target, writable: false });
            }
        }
        if has_hub(image) {
            spec.listen.push(hub::listen());
            spec.binds.push(self.client()?);
            let node = made(self.shown_dir(name))?.join(NODE_FILE);
            hub::make_node(&node, self.setup.hub.is_some() || self.setup.beside_node)?;
            spec.binds.push(hub::node_bind(&node));
        }
        Ok(())
    }

    /// Serves them from this process, as soon as no other does, unless it does so already. It
    /// is the same whoever does: all go by the same image, the same rows and the same secrets.
    /// `seen`: the life that the row told before the sandbox was found. If it tells another one
    /// now, nobody knows whose the sandbox is, and the next who looks serves it.
    pub(super) fn serve(&self, name: &str, seen: Life, sandbox: &dyn Sandbox) -> Result<(), Error> {
        let _alone = locked(&self.serving);
        let row = self.row(name)?;
        if self.serves(&row) || life(&row) != seen {
            return Ok(());
        }
        let image = self.image(&row.image.to_string())?;
        let mut sockets = sandbox.listeners()?.into_iter();
        let locks = self.upper_dir(name, row.sandbox.unwrap_or(0));
        let (mut env, mut turns) = (BTreeMap::new(), Vec::new());
        if !image.network.is_empty() {
            let why = "has no socket for its network: it was started by an older program; stop it";
            let none = || Error::NotNow { branch: name.to_owned(), why: why.to_owned() };
            let listener = TcpListener::from(sockets.next().ok_or_else(none)?);
            let policy = self.policy(name, &image)?;
            let egress = self.egress(name, policy, Some(self.kept(name)?));
            let runtime = self.runtime(name)?.clone();
            let address = listener.local_addr().map_err(network::Error::Listener)?;
            env = egress()?.environment(address)?;
            turns.push(Turn::take(&locks.join("proxy.lock"), &runtime.clone(), move || {
                let listener = listener.try_clone().map_err(network::Error::Listener)?;
                Ok(egress()?.start(listener, &runtime)?)
            })?);
        }
        // A box that an older program has started may have no such socket.
        if let (true, Some(listener)) = (has_hub(&image), sockets.next()) {
            turns.extend(self.hub_turn(&row, &image, listener, &locks)?);
            add_to_path(&mut env, &image);
        }
        let served = Served { life: life(&row), env, _turns: turns };
        locked(&self.served).insert(name.to_owned(), served);
        Ok(())
    }

    fn client(&self) -> Result<Bind, Error> {
        if let Some(bind) = self.client.get() {
            return Ok(bind.clone());
        }
        let bind = hub::client_bind(&self.shown_programs())?;
        Ok(self.client.get_or_init(|| bind).clone())
    }

    fn serves(&self, row: &BoxRow) -> bool {
        locked(&self.served).get(&row.name).is_some_and(|served| served.life == life(row))
    }

    /// Serves a box's hub, if this process has one.
    fn hub_turn(
        &self,
        row: &BoxRow,
        image: &Image,
        listener: OwnedFd,
        locks: &Path,
    ) -> Result<Option<Turn>, Error> {
        let (Some(hub), Some(runtime)) = (self.setup.hub.clone(), self.setup.runtime.clone())
        else {
            return Ok(None);
        };
        let resident = self.resident(row, image)?;
        // Written down first: whatever happens, somebody will end what is begun for it.
        self.records.add_mailbox(&resident.name, resident.number)?;
        hub::note_node(&self.shown_dir(&row.name).join(NODE_FILE))?;
        let turn = Turn::take(&locks.join("hub.lock"), &runtime.clone(), move || {
            let failed = |error| Error::io("serve the hub's socket of", &resident.name, error);
            let listener = listener.try_clone().map_err(failed)?;
            hub::serve(resident.clone(), listener, hub.clone(), Quota::default(), &runtime)
        })?;
        Ok(Some(turn))
    }

    /// As whom the hub knows a box: what no branch and no later box of the name shares with it.
    fn resident(&self, row: &BoxRow, image: &Image) -> Result<Resident, Error> {
        Ok(Resident {
            name: row.name.clone(),
            number: number(&self.branches.head(&row.name)?),
            owner: row.owner.clone(),
            rights: image.hub.clone(),
            within: row.within.clone(),
        })
    }

    /// Boxes that are no more, of which the hub may keep something yet, until
    /// [`Engine::forgotten`] says that it does not. Of what they might do nothing is left.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn departed(&self) -> Result<Vec<Resident>, Error> {
        let mut departed = self.records.mailboxes()?;
        if departed.is_empty() {
            return Ok(Vec::new());
        }
        let mut there = BTreeSet::new();
        for row in self.records.list()? {
            if self.is_open(&row)? {
                there.insert((row.name.clone(), number(&self.branches.head(&row.name)?)));
            }
        }
        departed.retain(|mailbox| !there.contains(mailbox));
        let resident = |(name, number)| Resident {
            name,
            number,
            owner: None,
            rights: Rights::default(),
            within: None,
        };
        Ok(departed.into_iter().map(resident).collect())
    }

    /// The hub keeps nothing of this box any more.
    ///
    /// # Errors
    /// A store that cannot be written.
    pub fn forgotten(&self, of: &Resident) -> Result<(), Error> {
        self.records.remove_mailbox(&of.name, of.number)
    }

    /// What starts a box's proxy, as often as it is asked.
    fn egress(
        &self,
        name: &str,
        policy: Policy,
        kept: Option<Kept>,
    ) -> impl Fn() -> Result<Egress, Error> + Send + Sync + use<> {
        let secrets: Arc<dyn Secrets> = match &self.setup.secrets {
            Some(secrets) => secrets.clone(),
            None => Arc::new(NoSecrets),
        };
        let records = self.records.clone();
        let runtime = self.setup.runtime.clone();
        let (roots, name) = (self.setup.roots.clone(), name.to_owned());
        move || {
            let log = Arc::new(Log { records: records.clone(), runtime: runtime.clone() });
            let (kept, roots) = (kept.clone(), roots.clone());
            let egress = Egress::new(&name, policy.clone(), secrets.clone(), log);
            Ok(Egress { kept, roots, ..egress })
        }
    }

    fn runtime(&self, name: &str) -> Result<&Handle, Error> {
        let why = "may reach hosts, but this program serves no network";
        let none = || Error::NotNow { branch: name.to_owned(), why: why.to_owned() };
        self.setup.runtime.as_ref().ok_or_else(none)
    }

    fn kept(&self, name: &str) -> Result<Kept, Error> {
        Ok(Kept::open(&made(self.box_dir(name))?.join("proxy.json"))?)
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

    /// Finds the boxes that run, whoever started them, and serves them from this process; those
    /// that run no more it does not any longer. Which it serves now.
    ///
    /// # Errors
    /// A store that cannot be read. A box that cannot be served: the others are.
    pub fn find_again(&self) -> Result<Vec<String>, Error> {
        let mut rows = self.records.list()?;
        rows.retain(|row| row.boot.is_some());
        let running: BTreeMap<_, _> = rows.iter().map(|row| (&row.name, life(row))).collect();
        locked(&self.served).retain(|name, served| running.get(name) == Some(&served.life));
        let (mut names, mut failed) = (Vec::new(), None);
        for row in rows {
            match self.serve_again(&row) {
                Ok(true) => names.push(row.name),
                Ok(false) => {}
                Err(error) => drop(failed.get_or_insert(error)),
            }
        }
        failed.map_or(Ok(names), Err)
    }

    fn serve_again(&self, row: &BoxRow) -> Result<bool, Error> {
        if self.serves(row) {
            return Ok(true);
        }
        match self.is_open(row)?.then(|| self.adopted(row)).transpose()?.flatten() {
            Some(sandbox) => self.serve(&row.name, life(row), &*sandbox).map(|()| true),
            None => Ok(false),
        }
    }
}

fn made(dir: PathBuf) -> Result<PathBuf, Error> {
    std::fs::create_dir_all(&dir).map_err(|error| Error::io("make", &dir, error))?;
    Ok(dir)
}

pub(super) fn life(row: &BoxRow) -> Life {
    (row.made_ms, row.sandbox)
}

/// Levels without sockets have no hub.
fn has_hub(image: &Image) -> bool {
    image.level == LevelName::Namespace
}

/// The hub's client is found after all that is the box's own.
fn add_to_path(env: &mut BTreeMap<String, String>, image: &Image) {
    if let Some(path) = image.env.get("PATH") {
        env.insert("PATH".to_owned(), format!("{path}:{}", hub::CLIENT_DIR));
    }
}

/// No other head, before or after, has it.
fn number(head: &Head) -> u64 {
    u64::try_from(head.no).unwrap_or(0)
}

/// Decisions as rows, written beside what waits for them.
struct Log {
    records: Arc<Records>,
    runtime: Option<Handle>,
}

impl Decisions for Log {
    fn decided(&self, decision: &Decision) {
        let (records, decision) = (self.records.clone(), decision.clone());
        // Whoever asked has its answer; that it cannot be written down must not change that.
        if let Some(runtime) = &self.runtime {
            drop(runtime.spawn_blocking(move || records.decided(&decision)));
        }
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
        let name = sandbox.id();
        let listener = sandbox.listeners()?.into_iter().next();
        let none = || {
            let why = "has no socket for its network".to_owned();
            Error::NotNow { branch: name.to_owned(), why }
        };
        let listener = TcpListener::from(listener.ok_or_else(none)?);
        let proxy = self.egress(name, policy, None)()?.start(listener, self.runtime(name)?)?;
        Ok(Attached { env: proxy.environment(), guard: Some(Box::new(proxy)) })
    }
}
