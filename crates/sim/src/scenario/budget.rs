//! A budget that is too small: who spends waits, what children have left comes
//! back, and whatever happens to the node, what is used up is what was done.

use super::definition::{PLAIN, Scenario, effect, ends};
use crate::outside::{Outside, Script};
use crate::run::Run;
use crate::user::{User, Wish};
use greenroom_model::budget::{Budget, Spend};
use greenroom_model::{Event, Failure, Status};
use greenroom_runtime::{Ctx, Registry};

const HELPERS: u64 = 2;
const NEWS: u64 = 3;
const LISTENERS: u64 = 2;
/// One less than is needed.
const GIVEN: u64 = HELPERS * 3 + NEWS * LISTENERS - 1;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "budget",
    about: "a budget that is used up, with children's budgets, and a person who gives more",
    registry: |outside| {
        let outside = outside.clone();
        Registry::new()
            .kind("chief", chief)
            .kind("helper", move |ctx, ()| helper(ctx, outside.clone()))
            .kind("listener", listener)
    },
    outside: |outside| {
        outside.script("think", Script { slow_ms: 7, value: 1, ..Script::default() })
    },
    users: || {
        let mut user = User::new();
        for number in 1..=LISTENERS {
            let id = format!("listener/{number}");
            user = user.starts("listener", &number.to_string(), "null");
            user = user.at(0, Wish::Until { id, status: Status::Receiving });
        }
        let budget = Budget::default().messages(GIVEN).tokens(60);
        let id = || "chief/1".to_owned();
        let user = user
            .at(0, Wish::StartWith { kind: "chief", key: "1".to_owned(), budget })
            .at(0, Wish::Until { id: id(), status: Status::Blocked })
            .at(0, Wish::Raise { id: id(), by: Budget::default().messages(5) });
        vec![user]
    },
    expect: |run| {
        let mut wrong = effect(run, "think", HELPERS);
        wrong.extend(ends(run, "chief/1", &format!("completed {}", NEWS * LISTENERS)));
        for number in 1..=LISTENERS {
            wrong.extend(ends(run, &format!("listener/{number}"), &format!("completed {NEWS}")));
        }
        wrong.extend(balance(run));
        wrong
    },
    ..PLAIN
};

/// What the account says was used up must be what the journals say was done.
fn balance(run: &Run) -> Vec<String> {
    let Some(account) = run.seen.accounts.get("chief/1") else {
        return vec!["chief/1 has no account".to_owned()];
    };
    let events = run.seen.processes.iter().flat_map(|loaded| &loaded.turns);
    let events = events.flat_map(|turn| &turn.events);
    let mut done = Spend::messages(NEWS * LISTENERS);
    for event in events {
        done = match event {
            Event::MessageSent { .. } | Event::ProcessSpawned { .. } => {
                done.plus(Spend::messages(1))
            }
            Event::BudgetSpent { spent, back, .. } => done.plus(*spent).minus(*back),
            _ => done,
        };
    }
    let wanted = Spend { messages: GIVEN + 1, tokens: HELPERS * 10, money_micro: 0 };
    let mut wrong = Vec::new();
    if (account.spent, done) != (wanted, wanted) {
        wrong.push(format!("{:?} is noted, {done:?} was done, not {wanted:?}", account.spent));
    }
    if account.reserved != Spend::default() || account.limits.messages != Some(GIVEN + 5) {
        wrong.push(format!("{account:?}"));
    }
    wrong
}

async fn chief(ctx: Ctx, _: ()) -> Result<u64, Failure> {
    let budget = Budget::default().messages(2).tokens(30);
    let mut helpers = Vec::new();
    for _ in 0..HELPERS {
        helpers.push(ctx.spawn("helper", &()).budget(budget).await?);
    }
    let mut told = 0;
    for news in 0..NEWS {
        told += ctx.publish("news", &news).await?;
    }
    for helper in helpers {
        helper.join::<()>().await?;
    }
    Ok(told)
}

async fn helper(ctx: Ctx, outside: Outside) -> Result<(), Failure> {
    let reserved = ctx.reserve(Spend::tokens(30)).await?;
    outside.step(&ctx, "think").await?;
    reserved.settle(Spend::tokens(10));
    let Some(chief) = ctx.parent() else { return Err(Failure::msg("no parent")) };
    for number in 0..2 {
        ctx.send(&chief, "done", &number).await?;
    }
    Ok(())
}

async fn listener(ctx: Ctx, _: ()) -> Result<u64, Failure> {
    ctx.subscribe("news")?;
    for number in 0..NEWS {
        let news: u64 = ctx.recv().topic("news").await?.read()?;
        if news != number {
            return Err(Failure::msg(format!("{news} came, not {number}")));
        }
    }
    Ok(NEWS)
}
