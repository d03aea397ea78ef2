//! Names, groups and topics: every subscriber has each event once and in order,
//! one of many gets a name, and what has ended is found nowhere.

use super::definition::{PLAIN, Scenario, ends};
use crate::user::{User, Wish};
use greenroom_model::Failure;
use greenroom_runtime::{Ctx, Registry};
use std::time::Duration;

/// How many events each of two publishes.
const EVENTS: u64 = 4;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "hub",
    about: "names, groups, publish and subscribe",
    registry: |_| {
        Registry::new()
            .kind("listener", listener)
            .kind("speaker", speaker)
            .kind("rival", rival)
            .kind("seeker", seeker)
    },
    users: || {
        let mut user = User::new()
            .starts("listener", "exact", r#""news.a""#)
            .starts("listener", "any", r#""news.*""#)
            .starts("rival", "1", "null")
            .starts("rival", "2", "null");
        for id in ["listener/exact", "listener/any"] {
            let status = greenroom_model::Status::Receiving;
            user = user.at(0, Wish::Until { id: id.to_owned(), status });
        }
        let close = |topic: &str| Wish::Publish { topic: topic.to_owned(), body: "0".to_owned() };
        let user = user
            .starts("speaker", "a", r#""news.a""#)
            .starts("speaker", "b", r#""news.b""#)
            .awaits(0, "speaker/a")
            .awaits(0, "speaker/b")
            .at(0, close("news.a"))
            .at(3_600_000, Wish::Start { kind: "seeker", key: "1".into(), input: "null".into() });
        vec![user]
    },
    expect: |run| {
        let mut wrong = ends(run, "listener/exact", &format!("completed [{EVENTS},0]"));
        wrong.extend(ends(run, "listener/any", &format!("completed [{EVENTS},{EVENTS}]")));
        // Of two at most one has it at a time; both get it in the end.
        for rival in ["rival/1", "rival/2"] {
            wrong.extend(ends(run, rival, "completed true"));
        }
        wrong.extend(ends(run, "seeker/1", "completed [null,[],0]"));
        wrong
    },
    exact: false,
    ..PLAIN
};

/// Counts the events of each, which must come in order, until a zero.
async fn listener(ctx: Ctx, pattern: String) -> Result<(u64, u64), Failure> {
    ctx.join_group("listeners")?;
    let mut heard = [0, 0];
    loop {
        let message = ctx.on_event(&pattern).await?;
        let number: u64 = message.read()?;
        if number == 0 {
            return Ok((heard[0], heard[1]));
        }
        let which = usize::from(message.topic != "news.a");
        if number != heard[which] + 1 {
            return Err(Failure::msg(format!("{number} after {}", heard[which])));
        }
        heard[which] = number;
    }
}

async fn speaker(ctx: Ctx, topic: String) -> Result<u64, Failure> {
    let mut told = 0;
    for number in 1..=EVENTS {
        told += ctx.publish(&topic, &number).await?;
    }
    Ok(told)
}

/// Wants a name, has it for a while, and ends.
async fn rival(ctx: Ctx, _: ()) -> Result<bool, Failure> {
    loop {
        match ctx.register("throne").await {
            Ok(()) => break,
            Err(failure) if failure.is("already_registered") => {
                ctx.sleep(Duration::from_millis(500)).await?;
            }
            Err(failure) => return Err(failure),
        }
    }
    ctx.sleep(Duration::from_millis(100)).await?;
    Ok(ctx.whereis("throne").await? == Some(ctx.id()))
}

type Found = (Option<greenroom_model::ProcessId>, Vec<greenroom_model::ProcessId>, u64);

/// All have ended: it finds nobody.
async fn seeker(ctx: Ctx, _: ()) -> Result<Found, Failure> {
    let told = ctx.publish("news.a", &1).await?;
    Ok((ctx.whereis("throne").await?, ctx.members("listeners").await?, told))
}
