//! A fleet that moves from the first version of its kind to the second, while
//! messages keep coming and nodes die: none is lost, and whoever has heard
//! nothing waits until its code is back.

use super::definition::{PLAIN, Scenario, ends};
use crate::outside::{Outside, Script};
use crate::user::{User, Wish};
use greenroom_model::Failure;
use greenroom_runtime::{Ctx, Registry};

/// The switches that stand for what a node's binary holds.
const NO_SECOND: &str = "no-second";
const NO_FIRST: &str = "no-first";

pub(super) const SCENARIO: Scenario = Scenario {
    name: "fleet",
    about: "from one version to the next: both, the new one alone, both again",
    registry,
    outside: |outside| {
        outside.script(NO_SECOND, Script { fail_first: u32::MAX, ..Script::default() });
        outside.script(NO_FIRST, Script::default());
    },
    users: || {
        let truck = |name: &'static str, told_with_both: bool| {
            let id = format!("truck/{name}");
            let mut user = User::new().starts("truck", name, "0");
            for (at_ms, amount) in [(0, "1"), (0, "10"), (2_000, "100"), (11_000, "1000")] {
                if told_with_both || amount != "100" {
                    user = user.sends(at_ms, &id, "add", amount);
                }
            }
            user.sends(21_000, &id, "done", "null").awaits(21_000, &id)
        };
        let deploys = User::new()
            .at(1_000, Wish::Repair { name: NO_SECOND })
            .at(1_000, Wish::Stop)
            .at(10_000, Wish::Break { name: NO_FIRST })
            .at(10_000, Wish::Stop)
            .at(20_000, Wish::Repair { name: NO_FIRST })
            .at(20_000, Wish::Stop);
        vec![truck("a", true), truck("b", true), truck("silent", false), deploys]
    },
    expect: |run| {
        let mut wrong = ends(run, "truck/a", "completed 1111");
        wrong.extend(ends(run, "truck/b", "completed 1111"));
        wrong.extend(ends(run, "truck/silent", "completed 1011"));
        wrong.extend((!run.seen.dead.is_empty()).then(|| "a message was lost".to_owned()));
        wrong
    },
    ..PLAIN
};

fn registry(outside: &Outside) -> Registry {
    let mut registry = Registry::new();
    if !outside.is_broken(NO_FIRST) {
        registry = registry.kind("truck", first);
    }
    if !outside.is_broken(NO_SECOND) {
        registry = registry
            .kind_version("truck", 2, second)
            .migrate("truck", 1, 2, |count| Ok(serde_json::json!([count])));
    }
    registry
}

async fn first(ctx: Ctx, count: u64) -> Result<u64, Failure> {
    let message = ctx.recv().await?;
    match message.topic.as_str() {
        "add" => ctx.continue_as_new(&(count + message.read::<u64>()?)),
        _ => Ok(count),
    }
}

/// The second version passes on a list.
async fn second(ctx: Ctx, mut taken: Vec<u64>) -> Result<u64, Failure> {
    let message = ctx.recv().await?;
    match message.topic.as_str() {
        "add" => {
            taken.push(message.read()?);
            ctx.continue_as_new(&taken)
        }
        _ => Ok(taken.iter().sum()),
    }
}
