//! The world that steps reach: it counts what is done to it by idempotency
//! key, can fail, hang or be slow, and lives through every crash.

use crate::log::Log;
use crate::machine::Machine;
use futures_util::future::BoxFuture;
use greenroom_model::{Failure, Retry};
use greenroom_runtime::{Ctx, Step, StepCall};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How calls of one name go.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// So many calls of each key fail first.
    pub fail_first: u32,
    /// The kind of these failures.
    pub failure_kind: Option<&'static str>,
    /// These failures are final.
    pub fatal: bool,
    /// So many calls of each key never end.
    pub hang_first: u32,
    /// So many calls of each key take the whole node down.
    pub crash_first: u32,
    /// How long a call takes.
    pub slow_ms: u64,
    /// A call says this often that it is alive while it takes its time.
    pub beat_ms: Option<u64>,
    /// What a call gives.
    pub value: u64,
    /// More calls of the name at once, by one node, are wrong.
    pub at_once_max: Option<u32>,
}

/// One call.
#[derive(Clone, Debug)]
pub struct Called {
    /// What was called.
    pub name: String,
    /// With which key.
    pub key: String,
    /// Which attempt said so.
    pub attempt: u32,
}

#[derive(Default)]
struct Records {
    scripts: BTreeMap<String, Script>,
    calls: Vec<Called>,
    counts: BTreeMap<String, u32>,
    /// How many calls of each name are under way.
    inside: BTreeMap<(u64, String), u32>,
    effects: Vec<String>,
    wrongs: Vec<String>,
    crash: bool,
}

/// A call under way, until it ends or is dropped.
struct Inside {
    outside: Outside,
    name: &'static str,
}

impl Drop for Inside {
    fn drop(&mut self) {
        let place = (self.outside.boot, self.name.to_owned());
        if let Some(inside) = self.outside.lock().inside.get_mut(&place) {
            *inside = inside.saturating_sub(1);
        }
    }
}

/// The outside. Its clones are the same one.
#[derive(Clone)]
pub struct Outside {
    records: Arc<Mutex<Records>>,
    machine: Arc<Machine>,
    log: Option<Arc<Mutex<Log>>>,
    /// Which node calls: what one lets in at once another knows nothing of.
    boot: u64,
}

impl Outside {
    /// The same, as a node calls it.
    pub fn of(&self, boot: u64) -> Outside {
        Outside { boot, ..self.clone() }
    }

    /// The outside of a run; `log` is where intents must stand first.
    pub fn new(machine: Arc<Machine>, log: Arc<Mutex<Log>>) -> Outside {
        Outside { records: Arc::default(), machine, log: Some(log), boot: 0 }
    }

    /// One that never answers, for replays.
    pub fn deaf(machine: Arc<Machine>) -> Outside {
        Outside { records: Arc::default(), machine, log: None, boot: 0 }
    }

    fn lock(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets how calls of a name go.
    pub fn script(&self, name: &str, script: Script) {
        self.lock().scripts.insert(name.to_owned(), script);
    }

    /// Calls of a name no longer fail.
    pub fn repair(&self, name: &str) {
        if let Some(script) = self.lock().scripts.get_mut(name) {
            script.fail_first = 0;
        }
    }

    /// Calls of a name fail from now on.
    pub fn fail(&self, name: &str) {
        self.lock().scripts.entry(name.to_owned()).or_default().fail_first = u32::MAX;
    }

    /// Whether calls of a name fail for ever: a switch that code may look at.
    pub fn is_broken(&self, name: &str) -> bool {
        self.lock().scripts.get(name).is_some_and(|script| script.fail_first == u32::MAX)
    }

    /// All calls, in order.
    pub fn calls(&self) -> Vec<Called> {
        self.lock().calls.clone()
    }

    /// How often each name has taken effect, counting a key once.
    pub fn effects(&self) -> BTreeMap<String, u64> {
        let records = self.lock();
        let mut keys: Vec<&String> = records.effects.iter().collect();
        keys.sort_unstable();
        keys.dedup();
        let mut effects = BTreeMap::new();
        for key in keys {
            let name = key.split_once(' ').map_or(key.as_str(), |(name, _)| name);
            *effects.entry(name.to_owned()).or_insert(0) += 1;
        }
        effects
    }

    /// How often each name was called.
    pub fn call_counts(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for call in &self.lock().calls {
            *counts.entry(call.name.clone()).or_insert(0) += 1;
        }
        counts
    }

    /// The effects in the order they happened first, by name.
    pub fn order(&self) -> Vec<String> {
        let mut seen = std::collections::BTreeSet::new();
        let records = self.lock();
        let first = records.effects.iter().filter(|effect| seen.insert((*effect).clone()));
        first.map(|effect| effect.split(' ').next().unwrap_or_default().to_owned()).collect()
    }

    /// Whether a call has taken the node down; asked after every action.
    pub fn take_crash(&self) -> bool {
        std::mem::take(&mut self.lock().crash)
    }

    /// What should not have been asked for.
    pub fn wrongs(&self) -> Vec<String> {
        self.lock().wrongs.clone()
    }

    /// A step that calls the outside by this name. A storm may have more
    /// crashes than the default policy has attempts, so one that only a crash
    /// can end has more.
    pub fn step(&self, ctx: &Ctx, name: &'static str) -> StepCall<u64> {
        let outside = self.clone();
        let works = self.lock().scripts.get(name).is_none_or(|script| script.fail_first == 0);
        let retry = if works { Retry::attempts(50) } else { Retry::default() };
        ctx.step(name, move |step| outside.call(step, name)).retry(retry)
    }

    /// One call.
    pub fn call(&self, step: Step, name: &'static str) -> BoxFuture<'static, Result<u64, Failure>> {
        let (outside, key, attempt) = (self.clone(), step.key().to_owned(), step.attempt());
        Box::pin(async move { outside.answer(name, &key, attempt, Some(&step)).await })
    }

    /// One call by who knows the step's key alone: an attempt for each call before it.
    pub async fn call_by_key(&self, key: &str, name: &'static str) -> Result<u64, Failure> {
        let before = self.lock().counts.get(key).copied().unwrap_or(0);
        self.clone().answer(name, key, before + 1, None).await
    }

    async fn answer(
        self,
        name: &'static str,
        key: &str,
        attempt: u32,
        step: Option<&Step>,
    ) -> Result<u64, Failure> {
        let (script, count) = self.begin(name, key, attempt);
        let _inside = self.enter(&script, name);
        if self.log.is_some() && count <= script.crash_first {
            self.lock().crash = true;
            std::future::pending::<()>().await;
        }
        if self.log.is_none() || count <= script.hang_first {
            std::future::pending::<()>().await;
        }
        self.take_time(step, &script).await;
        if count <= script.hang_first.saturating_add(script.fail_first) {
            let kind = script.failure_kind.unwrap_or("outside");
            let words = format!("{name} failed");
            return Err(match script.fatal {
                true => Failure::fatal(kind, words),
                false => Failure::new(kind, words),
            });
        }
        self.lock().effects.push(format!("{name} {key}"));
        Ok(script.value)
    }

    fn enter(&self, script: &Script, name: &'static str) -> Inside {
        let mut records = self.lock();
        let inside = records.inside.entry((self.boot, name.to_owned())).or_default();
        *inside += 1;
        if script.at_once_max.is_some_and(|most| *inside > most) {
            let words = format!("{inside} calls of {name} at once");
            records.wrongs.push(words);
        }
        Inside { outside: self.clone(), name }
    }

    fn begin(&self, name: &str, key: &str, attempt: u32) -> (Script, u32) {
        let mut records = self.lock();
        let script = records.scripts.get(name).cloned().unwrap_or_default();
        let count = records.counts.entry(key.to_owned()).or_insert(0);
        *count += 1;
        let count = *count;
        records.calls.push(Called { name: name.to_owned(), key: key.to_owned(), attempt });
        if let Some(log) = &self.log
            && !log.lock().unwrap_or_else(PoisonError::into_inner).intends(key, attempt)
        {
            let words = format!("{name} {key} attempt {attempt} ran before its intent was durable");
            records.wrongs.push(words);
        }
        (script, count)
    }

    async fn take_time(&self, step: Option<&Step>, script: &Script) {
        let mut left = script.slow_ms;
        while left > 0 {
            let slice = script.beat_ms.unwrap_or(left).clamp(1, left);
            self.machine.sleep(slice).await;
            left -= slice;
            if let (Some(step), Some(_)) = (step, script.beat_ms) {
                step.heartbeat();
            }
        }
    }
}
