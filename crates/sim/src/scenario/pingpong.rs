//! Many processes that send each other numbered messages: a receiver takes
//! each number of each sender once, in order.

use super::definition::{PLAIN, Scenario, ends};
use crate::user::User;
use greenroom_model::{Failure, Origin, ProcessId};
use greenroom_runtime::{Ctx, Registry};
use std::collections::BTreeMap;

/// How many play.
const PLAYERS: u64 = 4;
/// How many messages each sends to each.
const ROUNDS: u64 = 4;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "pingpong",
    about: "many processes and messages, each handled once and in order",
    registry: |_| Registry::new().kind("player", player),
    users: || {
        let start =
            |number: u64| User::new().starts("player", &number.to_string(), &number.to_string());
        let mut users: Vec<User> = (0..PLAYERS).map(start).collect();
        let mut whistle = User::new();
        for number in 0..PLAYERS {
            whistle = whistle.sends(2_000, &format!("player/{number}"), "go", "null");
        }
        users.push(whistle);
        users
    },
    expect: |run| {
        let wanted = format!("completed {}", (PLAYERS - 1) * ROUNDS);
        let mut wrong: Vec<String> = Vec::new();
        for number in 0..PLAYERS {
            wrong.extend(ends(run, &format!("player/{number}"), &wanted));
        }
        wrong.extend((!run.seen.dead.is_empty()).then(|| "there are dead letters".to_owned()));
        wrong
    },
    timeless: true,
    ..PLAIN
};

async fn player(ctx: Ctx, me: u64) -> Result<u64, Failure> {
    ctx.recv().topic("go").await?;
    let others: Vec<u64> = (0..PLAYERS).filter(|other| *other != me).collect();
    let throw = |round: u64| {
        others.iter().try_for_each(|other| {
            let id = ProcessId::new("player", &other.to_string())?;
            ctx.try_send(&id, "ball", &round)
        })
    };
    throw(1)?;
    let mut seen: BTreeMap<ProcessId, u64> = BTreeMap::new();
    let (mut count, mut round) = (0, 1);
    while count < (PLAYERS - 1) * ROUNDS {
        let ball = ctx.recv().topic("ball").await?;
        let Origin::Process(from) = ball.from.clone() else {
            return Err(Failure::msg("from nobody"));
        };
        let last = seen.entry(from.clone()).or_insert(0);
        let number: u64 = ball.read()?;
        if number != *last + 1 {
            return Err(Failure::msg(format!("{number} of {from} came after {last}")));
        }
        *last = number;
        count += 1;
        if round < ROUNDS && count >= round * (PLAYERS - 1) {
            round += 1;
            throw(round)?;
        }
    }
    Ok(count)
}
