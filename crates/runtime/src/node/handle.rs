//! Starting and stopping a node, and its two ways to the store.

use crate::engine::{Engine, EngineOptions};
use crate::env::RealEnv;
use crate::{Env, Error, Registry, Result};
use greenroom_journal::Journal;
use greenroom_model::Millis;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How a node is set.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// Who holds the lease, for people: a host and process number, say.
    pub name: String,
    /// How many waiting processes may stay in memory.
    pub resident_max: usize,
    /// How much memory they may take, in bytes, about.
    pub resident_bytes_max: usize,
    /// Threads that run turns.
    pub workers: usize,
    /// Whether it ends with the command it runs inside, so that whoever relies on
    /// it must be ready to take over.
    pub temporary: bool,
    /// How long the key of a request ([`Node::once`]) is kept.
    pub request_kept: Duration,
    /// How long a process's code may run without an await; then it is stopped,
    /// as soon as it yields.
    pub turn_time_max: Duration,
    /// How many dead letters are kept; the oldest go as new ones come.
    pub letters_max: u64,
    /// How long they are kept, at least until new ones come.
    pub letters_kept: Duration,
    /// Messages to processes that have ended or do not exist are dropped rather
    /// than kept as dead letters. Callers hear `no_process` all the same, and
    /// messages that ended their process too often are kept.
    pub drops_unreachable: bool,
    /// How many messages and spawns may lie between a request and what goes back
    /// to it; what is further away is most likely a loop, and a dead letter.
    pub hops_max: u32,
}

impl Default for NodeOptions {
    fn default() -> NodeOptions {
        let workers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let name = format!("process {}", std::process::id());
        let EngineOptions {
            resident_max,
            resident_bytes_max,
            request_kept,
            turn_time_max,
            letters_max,
            letters_kept,
            drops_unreachable,
            hops_max,
            ..
        } = EngineOptions::default();
        NodeOptions {
            name,
            resident_max,
            resident_bytes_max,
            workers,
            temporary: false,
            request_kept,
            turn_time_max,
            letters_max,
            letters_kept,
            drops_unreachable,
            hops_max,
        }
    }
}

/// A running node. Cheap to clone; all clones are the same node.
#[derive(Clone)]
pub struct Node {
    pub(super) engine: Arc<Engine>,
    pub(super) env: Arc<dyn Env>,
    pub(super) name: Arc<str>,
    pub(super) started_at: Millis,
    pub(super) temporary: bool,
    /// Held while an answer or a restart is looked at and appended: of two at the
    /// same moment the second must see the first.
    pub(super) deciding: Arc<tokio::sync::Mutex<()>>,
    /// The key of the change to be asked for through this handle.
    pub(super) request_key: Option<Arc<str>>,
}

/// How often a stopping node looks whether all is quiet.
const QUIET_AGAIN_AFTER: Duration = Duration::from_millis(5);

/// How long a stopped node waits for its threads; code that blocks one of them
/// cannot be ended.
const THREADS_END_WITHIN: Duration = Duration::from_secs(10);

impl Node {
    /// Takes the store's lease and brings back every process that was at work.
    /// Must be called within a tokio runtime of several threads.
    ///
    /// # Errors
    /// [`Error::Registry`] if a kind cannot be registered; the store's, such as
    /// `in_use` if another node has it.
    pub fn start(
        journal: Arc<dyn Journal>,
        registry: Registry,
        options: NodeOptions,
    ) -> Result<Node> {
        let registry = registry.with_ready_kinds();
        let problems = registry.problems();
        if !problems.is_empty() {
            return Err(Error::Registry(problems.join("; ")));
        }
        let tokio = tokio::runtime::Handle::try_current()
            .map_err(|_| Error::BadRequest("a node needs a tokio runtime around it".to_owned()))?;
        let env: Arc<dyn Env> = Arc::new(RealEnv::new(tokio));
        let lease = journal.acquire(&options.name, env.now())?;
        let engine_options = EngineOptions {
            resident_max: options.resident_max,
            resident_bytes_max: options.resident_bytes_max,
            request_kept: options.request_kept,
            turn_time_max: options.turn_time_max,
            letters_max: options.letters_max,
            letters_kept: options.letters_kept,
            drops_unreachable: options.drops_unreachable,
            hops_max: options.hops_max,
            ..EngineOptions::default()
        };
        let engine = Engine::new(journal, registry, env.clone(), lease, engine_options);
        engine.drive(options.workers);
        Ok(Node { temporary: options.temporary, ..Node::over(engine, &options.name) })
    }

    /// The requests a node takes, over an engine that somebody else drives.
    pub fn over(engine: Arc<Engine>, name: &str) -> Node {
        let env = engine.env.clone();
        let started_at = env.now();
        let deciding = Arc::default();
        let (name, temporary) = (name.into(), false);
        Node { engine, env, name, started_at, temporary, deciding, request_key: None }
    }

    /// Stops: begins no more steps, waits at most `grace` for those under way
    /// and for their commits, then lets go. What was not done by then is
    /// unknown to the next node, as after a crash.
    pub async fn stop(&self, grace: Duration) {
        self.engine.drain();
        let end = self.env.now().after(grace);
        while !self.engine.is_quiet() && self.env.now() < end {
            self.env.sleep(QUIET_AGAIN_AFTER).await;
        }
        self.engine.stop("it was asked to stop");
        self.engine.abort_steps();
        // A commit under way ends first; only then is the store let go.
        let end = self.env.now().after(THREADS_END_WITHIN);
        let at_work =
            || self.engine.threads.load(Ordering::Acquire) > 0 || self.engine.ephemeral.is_alive();
        while at_work() && self.env.now() < end {
            self.env.sleep(QUIET_AGAIN_AFTER).await;
        }
        // They hold on to the engine, and so to the store.
        self.engine.drop_steps();
    }

    /// Waits until the node no longer works, and says why.
    pub async fn stopped(&self) -> Option<Error> {
        let mut stopped = self.engine.stopped.subscribe();
        let why = stopped.wait_for(Option::is_some).await.ok()?.clone()?;
        Some(Error::Stopped { why })
    }

    /// Reads the store, beside the async threads.
    pub(super) async fn read<T, F>(&self, read: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&dyn Journal) -> Result<T> + Send + 'static,
    {
        let journal = self.engine.journal.clone();
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.env.block(Box::new(move || {
            // Nobody may be waiting any more.
            let _ = sender.send(read(&*journal));
        }));
        let gone = || Error::Stopped { why: "a read of the store did not end".to_owned() };
        receiver.await.map_err(|_| gone())?
    }
}
