//! The campaign: one thread kills the node, one kills processes, one probes how
//! long others take; then all settles and is judged.

use super::memory::Memory;
use super::options::{CREW, Options};
use crate::soak::chance::Chance;
use crate::soak::clock::{self, Moment, pause_ms};
use crate::soak::program::Caller;
use crate::soak::running::Running;
use crate::soak::waiting::{is_absence, joined};
use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

pub struct Campaign<'a> {
    options: &'a Options,
    caller: Caller,
    began: Moment,
    killed: AtomicU64,
    /// All crews are there.
    started: AtomicBool,
    /// No more is killed.
    calm: AtomicBool,
    /// Something is wrong: nobody waits any longer.
    failed: AtomicBool,
}

/// What a campaign came to.
pub struct Summary {
    kills: u64,
    killed: u64,
    messages: u64,
    memory: Memory,
    /// Milliseconds each probe took, ascending.
    probes: Vec<u64>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { kills, killed, messages, memory, probes } = self;
        let at = |share: usize| probes.get(probes.len() * share / 100).copied().unwrap_or(0);
        write!(
            f,
            "{messages} messages, each once and in order; {kills} kills of the node, {killed} of \
             processes; memory {memory}; {} probes beside it took {} ms (median), {} ms (95 %)",
            probes.len(),
            at(50),
            at(95),
        )
    }
}

impl<'a> Campaign<'a> {
    pub fn new(options: &'a Options, caller: Caller) -> Campaign<'a> {
        Campaign {
            options,
            caller,
            began: clock::now(),
            killed: AtomicU64::new(0),
            started: AtomicBool::new(false),
            calm: AtomicBool::new(false),
            failed: AtomicBool::new(false),
        }
    }

    pub fn run(&self) -> anyhow::Result<Summary> {
        let mut memory = Memory::default();
        let (mut node, probes) = std::thread::scope(|scope| {
            let starter = scope.spawn(|| self.start_all());
            let killer = scope.spawn(|| self.kill_processes());
            let prober = scope.spawn(|| self.probe());
            let node = self.kill_and_settle(&mut memory);
            self.calm.store(true, SeqCst);
            self.failed.store(node.is_err(), SeqCst);
            let (started, killed, probes) = (joined(starter), joined(killer), joined(prober));
            // The first to fail is why the others wait in vain.
            let node = node?;
            started.and(killed)?;
            anyhow::Ok((node, probes?))
        })?;
        let messages = self.judge()?;
        let status = node.stop()?;
        ensure!(status.success(), "the node stopped with {status}");
        ensure!(memory.is_flat(), "memory grew: {memory}");
        let (kills, killed) = (self.options.kills, self.killed.load(SeqCst));
        Ok(Summary { kills, killed, messages, memory, probes })
    }

    fn kill_and_settle(&self, memory: &mut Memory) -> anyhow::Result<Running> {
        let mut chance = Chance::new(self.options.seed, 2);
        // The last node lives for the rest: a leak shows in a long life alone.
        let mean_ms = self.options.seconds * 600 / (self.options.kills + 1);
        let mut node = self.up()?;
        for _ in 0..self.options.kills {
            let until = chance.between(mean_ms / 3, mean_ms * 5 / 3);
            self.watch(&mut node, memory, until)?;
            node.kill()?;
            node = self.up()?;
            memory.next_life();
        }
        let mut after = Memory::default();
        while !self.started.load(SeqCst) || self.alive()? > 0 {
            if self.began.elapsed_s() < self.options.seconds {
                self.watch(&mut node, memory, 1_000)?;
                continue;
            }
            // What takes long to end is no life: its memory is judged by its peak.
            self.calm.store(true, SeqCst);
            self.watch(&mut node, &mut after, 1_000)?;
        }
        memory.include(&after);
        Ok(node)
    }

    fn up(&self) -> anyhow::Result<Running> {
        let mut node = self.caller.start("node", &["up"])?;
        while !self.caller.is_up() {
            self.look(&mut node)?;
            pause_ms(20);
        }
        Ok(node)
    }

    /// Looks how much memory the node takes, for so long.
    fn watch(&self, node: &mut Running, memory: &mut Memory, ms: u64) -> anyhow::Result<()> {
        const EVERY_MS: u64 = 250;
        for _ in 0..ms.div_ceil(EVERY_MS) {
            self.look(node)?;
            memory.add(self.began.elapsed_s(), node.rss_bytes());
            pause_ms(EVERY_MS);
        }
        Ok(())
    }

    /// Only we may end a node.
    fn look(&self, node: &mut Running) -> anyhow::Result<()> {
        if let Some(status) = node.ended()? {
            let printed = std::fs::read_to_string(self.caller.output("node")).unwrap_or_default();
            let tail: Vec<_> = printed.lines().rev().take(15).collect();
            let tail: Vec<_> = tail.into_iter().rev().collect();
            bail!("the node ended by itself with {status}:\n{}", tail.join("\n"));
        }
        let (now, limit) = (self.began.elapsed_s(), self.options.seconds_max);
        ensure!(now < limit, "it takes longer than {limit} s: {} processes go on", self.alive()?);
        Ok(())
    }

    /// Asks until a node answers.
    fn insist(&self, words: &[&str]) -> anyhow::Result<Value> {
        loop {
            match self.caller.ask(words) {
                Err(error) if is_absence(&error) && !self.is_late() => pause_ms(50),
                answer => return answer,
            }
        }
    }

    fn is_late(&self) -> bool {
        self.failed.load(SeqCst) || self.began.elapsed_s() > self.options.seconds_max
    }

    fn start(&self, id: &str, input: &Value) -> anyhow::Result<()> {
        match self.insist(&["run", id, "--input", &input.to_string(), "--detach"]) {
            Err(error) if error.to_string().contains("\"exists\"") => Ok(()),
            answer => answer.map(drop),
        }
    }

    fn start_all(&self) -> anyhow::Result<()> {
        self.start("sink/1", &json!([self.options.storm, 0]))?;
        self.start("storm/1", &json!([self.options.storm, 0]))?;
        for crew in 0..self.options.crews() {
            self.start(&format!("supervisor/{crew}"), &self.crew(crew))?;
        }
        self.started.store(true, SeqCst);
        println!("herd: all are there after {} s", self.began.elapsed_s());
        Ok(())
    }

    /// What a crew's supervisor is to start: it bears any number of kills.
    fn crew(&self, crew: u64) -> Value {
        let (rounds, pause_ms) = (self.options.rounds(), self.options.pause_ms());
        let counters = CREW - 2;
        let child = |name: String, kind: &str, input: Value| {
            json!({
                "name": name, "kind": kind, "key": format!("{crew}.{name}"), "input": input,
                "restart": "transient",
            })
        };
        let each = |n: u64| child(n.to_string(), "counter", json!({"rounds": rounds}));
        let mut children: Vec<Value> = (0..counters).map(each).collect();
        let feeder =
            json!({"crew": crew, "counters": counters, "rounds": rounds, "pause_ms": pause_ms});
        children.push(child("feeder".to_owned(), "feeder", feeder));
        json!({
            "strategy": "one_for_one", "intensity": 1_000_000, "period_ms": 1_000,
            "on_intensity": "escalate", "auto_shutdown": "never", "children": children,
        })
    }

    /// Kills processes at random; their supervisors start them again.
    fn kill_processes(&self) -> anyhow::Result<()> {
        let mut chance = Chance::new(self.options.seed, 3);
        while !self.calm.load(SeqCst) {
            pause_ms(chance.between(20, 120));
            let crew = chance.between(0, self.options.crews());
            let id = match chance.between(0, CREW) {
                0 | 1 => format!("feeder/{crew}.feeder"),
                n => format!("counter/{crew}.{}", n - 2),
            };
            // It may not be there yet, or not any more.
            if self.caller.ask(&["cancel", &id, "--kill"]).is_ok() {
                self.killed.fetch_add(1, SeqCst);
            }
        }
        Ok(())
    }

    /// How long another process takes from start to end, beside all that.
    fn probe(&self) -> anyhow::Result<Vec<u64>> {
        let mut took = Vec::new();
        for n in 0_u64.. {
            if self.calm.load(SeqCst) {
                break;
            }
            let began = clock::now();
            let id = format!("probe/{n}");
            // Detached: else it would be a node itself where there is none.
            let started = self.caller.ask(&["run", &id, "--detach"]);
            if started.and_then(|_| self.caller.ask(&["result", &id, "--wait"])).is_ok() {
                took.push(began.elapsed_ms());
            }
            pause_ms(500);
        }
        took.sort_unstable();
        Ok(took)
    }

    /// How many processes that must end have not.
    fn alive(&self) -> anyhow::Result<u64> {
        let kinds = self.insist(&["kinds"])?;
        let kinds = kinds.as_array().context("kinds prints a list")?;
        let end = |kind: &&Value| {
            let name = kind["kind"].as_str().unwrap_or_default();
            !name.starts_with("supervisor@") && !name.starts_with("probe@")
        };
        Ok(kinds.iter().filter(end).filter_map(|kind| kind["alive"].as_u64()).sum())
    }

    /// Gives back how many messages have arrived.
    fn judge(&self) -> anyhow::Result<u64> {
        let (rounds, crews) = (self.options.rounds(), self.options.crews());
        let expected = [
            ("counter", crews * (CREW - 2), rounds),
            ("feeder", crews, rounds),
            ("storm", 1, self.options.storm),
            ("sink", 1, self.options.storm),
        ];
        for (kind, count, result) in expected {
            let limit = (count + 1).to_string();
            let rows = self.insist(&["ps", "--all", "--kind", kind, "--limit", &limit])?;
            let rows = rows.as_array().context("ps prints a list")?;
            ensure!(rows.len() as u64 == count, "{} {kind}s, not {count}", rows.len());
            for row in rows {
                ensure!(row["exit"]["normal"] == result, "{} ended with {}", row["id"], row);
            }
        }
        let dead = self.insist(&["dead"])?;
        ensure!(dead.as_array().is_some_and(Vec::is_empty), "there are dead letters: {dead}");
        Ok(crews * (CREW - 2) * rounds + self.options.storm)
    }
}
