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
    /// How long the model's server takes for an answer, in milliseconds.
    #[arg(long, value_name = "MS")]
    pub latency: Option<u64>,
    /// How many requests a second the model's server lets in; the agents' queue keeps
    /// to it.
    #[arg(long, value_name = "PER_SECOND")]
    pub rate: Option<u32>,
    /// How many tokens an answer has.
    #[arg(long)]
    pub tokens: Option<u64>,
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
    /// What an agent adds to a call of its model: agent_p50_ms next to bare_p50_ms.
    ModelCall,
    /// Agents that all wait for a model (--processes 10000 --latency 5000): concurrent,
    /// rss_mb, cpu_ms_per_agent; with --rate also of_rate, limited_429 (both parts of
    /// 1) and how even the shares of four tenants are.
    Agents,
    /// An agent's tokens, told to 100 watchers over the API: tokens_told_per_s.
    Watchers,
    /// Boxes beside bwrap, fork and exec, and git worktrees: spawn_p50_us, exec_p50_us,
    /// branch_p50_us, commit_100_p50_us, idle_kb_per_box (of --processes boxes).
    Box,
    /// Every bench.
    All,
    /// The model's server of the benches of agents.
    #[value(hide = true)]
    ModelServer,
    /// The victim of `recovery`.
    #[value(hide = true)]
    RecoveryVictim,
}
