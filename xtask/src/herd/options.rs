//! The options of a herd campaign.

use crate::soak::clock;
use anyhow::{Context, bail, ensure};
use std::fmt;

pub const USAGE: &str = "usage: cargo run -q -p xtask -- herd [--processes 50000] [--seconds 600] \
[--kills 40] [--storm 1000000] [--seconds-max 2400] [--seed NUMBER] [--store STORE] [--release]";

/// How many processes a crew has: its supervisor, a feeder, and counters.
pub const CREW: u64 = 50;

pub struct Options {
    /// How many processes there are, without the storm's.
    pub processes: u64,
    /// How long the feeders feed, at least.
    pub seconds: u64,
    /// How often the node is killed.
    pub kills: u64,
    /// How many messages the storm sends.
    pub storm: u64,
    /// How long all of it may take.
    pub seconds_max: u64,
    /// What is drawn from; the timing of the machine comes on top.
    pub seed: u64,
    /// As the node's `--store`; its own if there is none.
    pub store: Option<String>,
    /// Whether the example is built for speed.
    pub release: bool,
}

impl Options {
    pub fn read(words: &[String]) -> anyhow::Result<Options> {
        let mut options = Options {
            processes: 50_000,
            seconds: 600,
            kills: 40,
            storm: 1_000_000,
            seconds_max: 2_400,
            seed: clock::seed() % 1_000_000,
            store: None,
            release: false,
        };
        let mut words = words.iter();
        while let Some(name) = words.next() {
            if name == "--release" {
                options.release = true;
                continue;
            }
            let value = words.next().with_context(|| format!("`{name}` needs a value"))?;
            if name == "--store" {
                options.store = Some(value.clone());
                continue;
            }
            let number =
                value.parse().with_context(|| format!("`{name} {value}`: not a whole number"))?;
            match name.as_str() {
                "--processes" => options.processes = number,
                "--seconds" => options.seconds = number,
                "--kills" => options.kills = number,
                "--storm" => options.storm = number,
                "--seconds-max" => options.seconds_max = number,
                "--seed" => options.seed = number,
                _ => bail!("no option `{name}`"),
            }
        }
        ensure!(options.processes >= CREW, "there are at least {CREW} processes, one crew");
        ensure!(options.seconds >= 10, "it takes at least 10 seconds");
        Ok(options)
    }

    pub fn crews(&self) -> u64 {
        self.processes / CREW
    }

    /// How many numbers each counter is sent: one every twenty seconds or so.
    /// Most counters are not in memory then, so that each number is a replay.
    pub fn rounds(&self) -> u64 {
        (self.seconds / 20).clamp(5, 30)
    }

    pub fn pause_ms(&self) -> u64 {
        self.seconds * 1_000 / self.rounds()
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { processes, seconds, kills, storm, seed, .. } = self;
        write!(
            f,
            "{processes} processes for {seconds} s, {kills} kills of the node, a storm of {storm} \
             messages, seed {seed}"
        )
    }
}
