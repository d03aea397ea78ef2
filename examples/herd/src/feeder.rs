//! A process that sends numbers to all counters of its crew, in rounds.

use greenroom::{Ctx, Failure, ProcessId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How many rounds it makes before it begins a new segment of its journal.
const SEGMENT: u64 = 10;

/// What it is to do.
#[derive(Clone, Serialize, Deserialize)]
pub struct Feeder {
    /// The keys of its counters begin with it.
    pub crew: u64,
    pub counters: u64,
    pub rounds: u64,
    /// How long it rests between rounds.
    pub pause_ms: u64,
    /// Rounds it has made.
    #[serde(default)]
    pub made: u64,
}

pub async fn feeder(ctx: Ctx, mut state: Feeder) -> Result<u64, Failure> {
    for _ in 0..SEGMENT {
        if state.made == state.rounds {
            return Ok(state.made);
        }
        for counter in 0..state.counters {
            let to = ProcessId::new("counter", &format!("{}.{counter}", state.crew))?;
            ctx.send(&to, "n", &(state.made + 1)).await?;
        }
        state.made += 1;
        ctx.sleep(Duration::from_millis(state.pause_ms)).await?;
    }
    ctx.continue_as_new(&state)
}
