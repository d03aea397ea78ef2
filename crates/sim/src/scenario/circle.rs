//! Circles of calls: told with their members and broken at the call that was
//! made last, however long the node was down meanwhile.

use super::definition::{PLAIN, Scenario, ends};
use crate::user::User;
use greenroom_model::{Failure, ProcessId, failure};
use greenroom_runtime::{Ctx, Registry};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "circle",
    about: "circles of calls, told with their members and broken",
    registry: |_| {
        Registry::new().kind("ring", ring).kind("lone", lone).kind("bystander", bystander)
    },
    users: || {
        vec![
            User::new()
                .starts("ring", "a", r#""ring/b""#)
                .starts("ring", "b", r#""ring/c""#)
                .starts("ring", "c", r#""ring/a""#)
                .starts("bystander", "x", r#""ring/b""#)
                .starts("lone", "l", "null")
                // With nothing left in any mailbox that would bring them back.
                .starts("ring", "p", r#""ring/q""#)
                .starts("ring", "q", r#""ring/p""#)
                .sends(10, "ring/a", "go", "null")
                .sends(10, "ring/p", "go", "null")
                // Long after: by then nobody may still wait.
                .awaits(3_600_000, "ring/a")
                .awaits(0, "bystander/x")
                .awaits(0, "lone/l"),
        ]
    },
    expect: |run| {
        let mut wrong = Vec::new();
        // The call that closed the circle fails, and that is the answer to the others.
        let circles =
            [&["ring/c", "ring/a", "ring/b"] as &[&str], &["ring/q", "ring/p"], &["lone/l"]];
        for members in circles {
            let told = format!(
                "completed \"deadlock: a circle of calls: {} waits for {}, and none of them can go \
                 on\"",
                members.join(" waits for "),
                members[0]
            );
            wrong.extend(members.iter().flat_map(|member| ends(run, member, &told)));
        }
        // Who only waited for a member was in no circle: it hears that the member has ended.
        wrong.extend(ends(run, "bystander/x", "completed \"no_process\""));
        let broken = run.seen.history().matches("\"kind\":\"deadlock\"").count();
        let one_of_each = format!("{broken} calls failed as deadlock, not {}", circles.len());
        wrong.extend((broken != circles.len()).then_some(one_of_each));
        wrong
    },
    // A circle is seen once all of it is in memory.
    resident_max: Some(1_000),
    downtime_ms: 600_000,
    ..PLAIN
};

/// Answers a call only after it has called the next.
async fn ring(ctx: Ctx, next: ProcessId) -> Result<String, Failure> {
    let message = ctx.recv().topic("go").await?;
    let heard = told(ctx.call::<String>(&next, "go", &()).await);
    ctx.reply(&message, &heard)?;
    Ok(heard)
}

async fn lone(ctx: Ctx, _: ()) -> Result<String, Failure> {
    let me = ctx.id();
    Ok(told(ctx.call::<String>(&me, "go", &()).await))
}

/// Calls a member that takes nothing more.
async fn bystander(ctx: Ctx, member: ProcessId) -> Result<String, Failure> {
    let late = ctx.call::<String>(&member, "late", &()).await;
    Ok(late.map_or_else(|failure| failure.kind.to_string(), |_| "answered".to_owned()))
}

fn told(heard: Result<String, Failure>) -> String {
    match heard {
        Err(failed) if failed.is(failure::DEADLOCK) => {
            format!("{}: {}", failed.kind, failed.message)
        }
        Err(failed) => failed.kind.to_string(),
        Ok(heard) => heard,
    }
}
