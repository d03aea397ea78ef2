//! One process that sends very many messages, and the one that takes them.

use greenroom::{Ctx, Failure, ProcessId};

/// How many are sent, or taken, in one segment of a journal.
const SENT_PER_SEGMENT: u64 = 5_000;
const TAKEN_PER_SEGMENT: u64 = 1_000;

/// How many numbers in all, and how many of them are done.
type Stand = (u64, u64);

pub async fn storm(ctx: Ctx, (count, mut done): Stand) -> Result<u64, Failure> {
    let sink = ProcessId::new("sink", "1")?;
    for _ in 0..SENT_PER_SEGMENT {
        if done == count {
            return Ok(done);
        }
        done += 1;
        ctx.send(&sink, "n", &done).await?;
    }
    ctx.continue_as_new(&(count, done))
}

pub async fn sink(ctx: Ctx, (count, mut done): Stand) -> Result<u64, Failure> {
    for _ in 0..TAKEN_PER_SEGMENT {
        if done == count {
            return Ok(done);
        }
        let n: u64 = ctx.recv().await?.read()?;
        if n != done + 1 {
            return Err(Failure::msg(format!("{n} came after {done}")));
        }
        done = n;
    }
    ctx.continue_as_new(&(count, done))
}
