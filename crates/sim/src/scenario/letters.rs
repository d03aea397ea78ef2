//! Messages to nobody, sent again once somebody is there: each arrives once,
//! and no letter is left.

use super::definition::{PLAIN, Scenario, ends};
use crate::user::{User, Wish};
use greenroom_model::{Failure, ProcessId};
use greenroom_runtime::{Ctx, Registry};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "letters",
    about: "dead letters, sent again",
    registry: |_| Registry::new().kind("sender", sender).kind("adder", adder),
    users: || {
        vec![
            User::new()
                .starts("sender", "1", "\"adder/1\"")
                .awaits(0, "sender/1")
                .starts("adder", "1", "3")
                .at(1_000, Wish::Requeue { count: 3 })
                .awaits(1_000, "adder/1"),
        ]
    },
    expect: |run| {
        let mut wrong = ends(run, "adder/1", "completed [1,2,3]");
        wrong.extend((!run.seen.dead.is_empty()).then(|| "letters are left".to_owned()));
        wrong
    },
    ..PLAIN
};

async fn sender(ctx: Ctx, to: ProcessId) -> Result<(), Failure> {
    for n in 1..=3_u64 {
        ctx.send(&to, "add", &n).await?;
    }
    Ok(())
}

async fn adder(ctx: Ctx, count: usize) -> Result<Vec<u64>, Failure> {
    let mut heard = Vec::new();
    while heard.len() < count {
        heard.push(ctx.recv().await?.read()?);
    }
    Ok(heard)
}
