//! The options of a soak. Knows no default that depends on the machine but the seed.

use super::clock;
use anyhow::{Context, bail};

pub const USAGE: &str = "usage: cargo run -q -p xtask -- soak [--kills 200] [--refunds 500] \
[--seconds-max 1800] [--seed NUMBER] [--store STORE] [--release]";

pub struct Options {
    /// How often the node is killed.
    pub kills: u32,
    /// How many refunds are started meanwhile.
    pub refunds: u32,
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
        let seed = clock::seed() % 1_000_000;
        let mut options = Options {
            kills: 200,
            refunds: 500,
            seconds_max: 1_800,
            seed,
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
            let bad = || format!("`{name} {value}`: not a whole number");
            match name.as_str() {
                "--kills" => options.kills = value.parse().with_context(bad)?,
                "--refunds" => options.refunds = value.parse().with_context(bad)?,
                "--seconds-max" => options.seconds_max = value.parse().with_context(bad)?,
                "--seed" => options.seed = value.parse().with_context(bad)?,
                "--store" => options.store = Some(value.clone()),
                _ => bail!("no option `{name}`"),
            }
        }
        Ok(options)
    }
}
