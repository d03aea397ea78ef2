//! What can be asked of `greenroom bench`.

use clap::ValueEnum;

/// Measure this machine and this store.
#[derive(clap::Args, Debug, Clone)]
pub struct Args {
    /// Which; `all` runs every one in turn.
    #[arg(value_enum)]
    pub name: BenchName,
    /// How many processes (each bench has its own default).
    #[arg(long)]
    pub processes: Option<usize>,
    /// How many steps each.
    #[arg(long)]
    pub steps: Option<u64>,
    /// How many messages, round trips or hops.
    #[arg(long)]
    pub messages: Option<u64>,
    /// How many children are restarted.
    #[arg(long)]
    pub children: Option<usize>,
    /// How many events to replay.
    #[arg(long)]
    pub events: Option<u64>,
}

/// The benches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BenchName {
    /// Many processes, each a chain of steps: throughput.
    Steps,
    /// One process, one step after another: what a step waits for.
    Latency,
    /// Starting processes from outside.
    Starts,
    /// A message to one of many waiting processes.
    Wake,
    /// Memory of waiting processes.
    Waiting,
    /// After SIGKILL in the middle of work.
    Recovery,
    /// Running code against its journal.
    Replay,
    /// Messages between durable processes, exactly once.
    Messages,
    /// Spawning ephemeral processes: time and memory.
    Spawn,
    /// Messages between two ephemeral processes.
    Pingpong,
    /// Messages from 1,000 ephemeral processes to one.
    Fanin,
    /// A message around 1,000 ephemeral processes.
    Ring,
    /// Supervised ephemeral children that fail.
    Restarts,
    /// Every bench.
    All,
    /// The victim of `recovery`.
    #[value(hide = true)]
    RecoveryVictim,
}
