//! What every command works with: options, kinds, the way to a node or a store.

use crate::agents::{Kinds, MEND};
use crate::exit::Code;
use crate::options::Options;
use crate::paint::Paint;
use crate::problem::Problem;
use crate::source::Source;
use crate::store;
use greenroom_agent::boxes::Boxes;
use greenroom_api::Client;
use greenroom_model::{Kind, Millis};
use greenroom_runtime::{Env, RealEnv, Registry};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

/// How a command ends.
pub type Done = anyhow::Result<Code>;

/// What every command works with.
pub struct App {
    /// The options every command has.
    pub options: Options,
    /// The kinds of this binary.
    pub registry: Registry,
    /// Those of them that are agents of the project.
    pub agents: BTreeSet<String>,
    /// Why there is no agent of a name, by the names of files that are broken.
    broken: BTreeMap<String, String>,
    /// The boxes of this directory.
    pub boxes: Boxes,
    /// Clock, tasks and threads.
    pub env: Arc<dyn Env>,
    /// Colours of standard output.
    pub paint: Paint,
}

/// A node that is being started is looked for so often, so far apart.
const LOOKS: u32 = 60;
const LOOKS_IN_SILENCE: u32 = 10;
const LOOK_AGAIN_AFTER: std::time::Duration = std::time::Duration::from_millis(50);

impl App {
    /// Must be called inside an async runtime.
    pub fn new(options: Options, kinds: Kinds) -> App {
        let Kinds { registry, agents, broken, boxes } = kinds;
        let env = Arc::new(RealEnv::new(tokio::runtime::Handle::current()));
        App { options, registry, agents, broken, boxes, env, paint: Paint::on(&std::io::stdout()) }
    }

    /// Whether an agent of this name can be started, as far as the project's files say.
    ///
    /// # Errors
    /// What is wrong with the file that would define it.
    pub fn is_whole(&self, kind: &str) -> Result<(), Problem> {
        let name = kind.split_once('@').map_or(kind, |(name, _)| name);
        let is_there = self.own_kinds().iter().any(|kind| *kind.name == *name);
        match self.broken.get(name).filter(|_| !is_there) {
            None => Ok(()),
            Some(message) => Err(Problem::usage(message).next(MEND)),
        }
    }

    /// Whether to print JSON.
    pub fn json(&self) -> bool {
        self.options.json
    }

    /// The kinds this binary has code for, with those that need none.
    pub fn own_kinds(&self) -> Vec<Kind> {
        self.registry.clone().with_ready_kinds().kinds()
    }

    /// The time.
    pub fn now(&self) -> Millis {
        self.env.now()
    }

    /// The node, if one answers.
    pub fn node(&self) -> anyhow::Result<Option<Client>> {
        let socket = self.options.socket();
        match UnixStream::connect(&socket) {
            Ok(_) => Ok(Some(Client::new(&socket)?.insisting(self.env.clone()))),
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                let words = format!("the node of {} belongs to another user", self.dir());
                Err(Problem::new("forbidden", words).into())
            }
            Err(_) => Ok(None),
        }
    }

    /// The node; without one nothing can be changed.
    pub fn client(&self) -> anyhow::Result<Client> {
        self.node_soon()?.ok_or_else(|| self.no_node().into())
    }

    /// The node, also one that has only just been started: `up &` and the next
    /// command stand on following lines of many a script.
    #[expect(clippy::disallowed_methods, reason = "a person waits for this, in real time")]
    pub fn node_soon(&self) -> anyhow::Result<Option<Client>> {
        for look in 0..LOOKS {
            if let Some(client) = self.node()? {
                return Ok(Some(client));
            }
            if look == LOOKS_IN_SILENCE && !self.json() {
                eprintln!("no node is running for {} yet: waiting a moment", self.dir());
            }
            std::thread::sleep(LOOK_AGAIN_AFTER);
        }
        self.node()
    }

    /// Nobody answers.
    pub fn no_node(&self) -> Problem {
        Problem::new("no_node", format!("no node is running for {}", self.dir()))
            .next("start one with `greenroom up`")
    }

    /// Nobody answers, and nothing was left behind.
    fn nothing_here(&self) -> Problem {
        let words = format!(
            "no node is running for {}, and there is no store {} to look at",
            self.dir(),
            self.options.store()
        );
        Problem::new("no_node", words).next(
            "start one with `greenroom up`, or a process with `greenroom run`; if there is a \
             node elsewhere, go to its directory or name it with --dir",
        )
    }

    /// The node, or else the store itself, to look at.
    pub fn source(&self) -> anyhow::Result<Source> {
        if let Some(client) = self.node()? {
            return Ok(Source::Node(client));
        }
        match store::open_to_read(&self.options.store(), &self.options.dir)? {
            Some(journal) => Ok(Source::Store(journal)),
            None => Err(self.nothing_here().into()),
        }
    }

    fn dir(&self) -> String {
        self.options.dir.display().to_string()
    }
}
