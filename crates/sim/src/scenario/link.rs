//! Processes that share their ends: a chain that falls with its last, undoing
//! what it did, and one that traps exits and counts them.

use super::definition::{PLAIN, Scenario, effect, ends};
use crate::outside::{Outside, Script};
use crate::user::{User, Wish};
use greenroom_model::{Failure, ProcessId, Status};
use greenroom_runtime::{Ctx, Registry};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "link",
    about: "links along a chain, trapped exits, unlink",
    registry: |outside| {
        let outside = outside.clone();
        Registry::new()
            .kind("mate", move |ctx, other| mate(ctx, other, outside.clone()))
            .kind("guard", guard)
    },
    outside: |outside| {
        outside.script("release", Script { slow_ms: 5, ..Script::default() });
    },
    users: || {
        let wait = |id: &str| Wish::Until { id: id.to_owned(), status: Status::Receiving };
        let mut user = User::new().starts("mate", "1", "null").at(0, wait("mate/1"));
        for (id, other) in [("2", "1"), ("3", "2"), ("free", "2")] {
            user = user.starts("mate", id, &format!("\"mate/{other}\""));
            user = user.at(0, wait(&format!("mate/{id}")));
        }
        let send = |to: &str, topic| Wish::Send { to: to.into(), topic, body: "\"mate/2\"".into() };
        user = user.at(0, send("mate/free", "unlink")).at(1_000, wait("mate/free"));
        user = user.starts("guard", "g", "null").at(2_000, send("mate/3", "fail"));
        vec![user.awaits(2_000, "mate/1").at(3_000, send("mate/free", "done"))]
    },
    expect: |run| {
        let words = "failed error: linked: mate/3 ended: error: broken";
        let mut wrong = ends(run, "mate/3", "failed error: broken");
        wrong.extend(ends(run, "mate/2", words));
        wrong.extend(ends(run, "mate/1", words));
        wrong.extend(ends(run, "mate/free", "completed null"));
        wrong.extend(ends(run, "guard/g", "completed [\"mate/1\",\"mate/2\",\"mate/3\"]"));
        wrong.extend(effect(run, "release", 3));
        wrong
    },
    exact: false,
    ..PLAIN
};

async fn mate(ctx: Ctx, other: Option<ProcessId>, outside: Outside) -> Result<(), Failure> {
    if let Some(other) = &other {
        ctx.link(other)?;
    }
    let undo = outside.clone();
    outside
        .step(&ctx, "reserve")
        .compensate("release", move |step| undo.call(step, "release"))
        .await?;
    loop {
        let message = ctx.recv().await?;
        match message.topic.as_str() {
            "unlink" => ctx.unlink(&message.read()?),
            "done" => return Ok(()),
            _ => return Err(Failure::msg("broken")),
        }
    }
}

/// Linked to all of the chain, it hears of each end once.
async fn guard(ctx: Ctx, _: ()) -> Result<Vec<ProcessId>, Failure> {
    ctx.trap_exit(true)?;
    for key in ["1", "2", "3"] {
        ctx.link(&ProcessId::new("mate", key)?)?;
    }
    let mut heard = Vec::new();
    for _ in 0..3 {
        heard.push(ctx.recv_exit().await?.0);
    }
    heard.sort();
    Ok(heard)
}
