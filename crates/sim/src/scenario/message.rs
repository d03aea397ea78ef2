//! Processes that send, call and reply; a call to one that has ended, and to
//! one that never was; a filter that leaves other messages for later.

use super::definition::{PLAIN, Scenario, ends};
use crate::user::User;
use greenroom_model::{Failure, ProcessId};
use greenroom_runtime::{Ctx, Registry};
use std::time::Duration;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "message",
    about: "send, call, reply, selective receive, calls to the dead",
    registry: |_| {
        Registry::new().kind("server", server).kind("client", client).kind("picky", picky)
    },
    users: || {
        vec![
            User::new()
                .starts("server", "s", "null")
                .starts("client", "c", "4")
                .starts("picky", "p", "null")
                .sends(5, "picky/p", "noise", "1")
                .sends(10, "picky/p", "noise", "2")
                .sends(20, "picky/p", "signal", "{\"for\":\"me\"}"),
        ]
    },
    expect: |run| {
        let mut wrong = ends(run, "client/c", "completed [20,\"no_process\",\"no_process\"]");
        wrong.extend(ends(run, "server/s", "completed 4"));
        wrong.extend(ends(run, "picky/p", "completed [\"signal\",1,2,\"timeout\"]"));
        wrong
    },
    ..PLAIN
};

async fn server(ctx: Ctx, _: ()) -> Result<u64, Failure> {
    let mut calls = 0;
    loop {
        let message = ctx.recv().await?;
        if message.topic == "stop" {
            return Ok(calls);
        }
        let number: u64 = message.read()?;
        calls += 1;
        ctx.reply(&message, &(number * 2))?;
    }
}

async fn client(ctx: Ctx, count: u64) -> Result<(u64, String, String), Failure> {
    let server = ProcessId::new("server", "s")?;
    let mut sum = 0;
    for number in 1..=count {
        sum += ctx.call::<u64>(&server, "double", &number).await?;
    }
    ctx.send(&server, "stop", &()).await?;
    // A call that comes too late, and one to nobody.
    let late = ctx.call::<u64>(&server, "double", &1).await;
    let nobody = ProcessId::new("server", "nobody")?;
    let none = ctx.call::<u64>(&nobody, "double", &1).await;
    Ok((sum, kind(late), kind(none)))
}

fn kind(result: Result<u64, Failure>) -> String {
    result.map_or_else(|failure| failure.kind.to_string(), |value| value.to_string())
}

async fn picky(ctx: Ctx, _: ()) -> Result<(String, u64, u64, String), Failure> {
    let signal = ctx.recv().topic("signal").field("/for", "me").await?;
    let first: u64 = ctx.recv().await?.read()?;
    let second: u64 = ctx.recv().topic("noise").timeout(Duration::from_secs(60)).await?.read()?;
    let late = ctx.recv().timeout(Duration::from_secs(5)).await;
    let late =
        late.map_or_else(|failure| failure.kind.to_string(), |message| message.topic.to_string());
    Ok((signal.topic.to_string(), first, second, late))
}
