//! `select`: a step against a timer, a message against a step, a scope that is
//! cancelled; the loser is dropped and does no harm.

use super::definition::{PLAIN, Scenario, effect, ends};
use crate::outside::{Outside, Script};
use crate::user::User;
use greenroom_model::Failure;
use greenroom_runtime::{Ctx, Either, Registry, select, select_all};
use std::time::Duration;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "choice",
    about: "select between steps, timers and messages; scopes",
    registry: |outside| {
        let outside = outside.clone();
        Registry::new().kind("choice", move |ctx, ()| choice(ctx, outside.clone()))
    },
    outside: |outside| {
        outside.script("endless", Script { hang_first: 1_000, ..Script::default() });
        outside.script("quick", Script { slow_ms: 5, value: 2, ..Script::default() });
    },
    users: || {
        vec![
            User::new()
                .starts("choice", "a", "null")
                .sends(3, "choice/a", "later", "1")
                .sends(30_000, "choice/a", "now", "2"),
        ]
    },
    expect: |run| {
        let wanted = "completed [\"timer\",\"step 2\",\"message now\",\"1\",\"timeout\",\"cancelled\",\"1\"]";
        let mut wrong = ends(run, "choice/a", wanted);
        wrong.extend(effect(run, "endless", 0));
        wrong
    },
    ..PLAIN
};

async fn choice(ctx: Ctx, outside: Outside) -> Result<Vec<String>, Failure> {
    let mut told = Vec::new();
    told.push(
        match select(outside.step(&ctx, "endless"), ctx.sleep(Duration::from_secs(2))).await {
            Either::Left(_) => "step".to_owned(),
            Either::Right(_) => "timer".to_owned(),
        },
    );
    told.push(
        match select(outside.step(&ctx, "quick"), ctx.sleep(Duration::from_secs(3600))).await {
            Either::Left(value) => format!("step {}", value?),
            Either::Right(_) => "timer".to_owned(),
        },
    );
    let receive = ctx.recv().topic("now");
    told.push(match select(outside.step(&ctx, "endless"), receive).await {
        Either::Left(_) => "step".to_owned(),
        Either::Right(message) => format!("message {}", message?.topic),
    });
    let naps = [5_000, 100, 9_000].map(|ms| ctx.sleep(Duration::from_millis(ms)));
    told.push(select_all(naps).await.0.to_string());
    let limited = ctx.timeout(Duration::from_millis(500), outside.step(&ctx, "endless")).await;
    told.push(limited.map_or_else(|failure| failure.kind.to_string(), |value| value.to_string()));
    let (scope, work) = ctx.scope(async { ctx.sleep(Duration::from_secs(900)).await });
    let canceller = async {
        ctx.sleep(Duration::from_millis(50)).await?;
        scope.cancel();
        std::future::pending::<Result<(), Failure>>().await
    };
    told.push(match select(Box::pin(work), Box::pin(canceller)).await {
        Either::Left(Err(failure)) => failure.kind.to_string(),
        _ => "not cancelled".to_owned(),
    });
    told.push(ctx.recv().await?.read::<u64>()?.to_string());
    Ok(told)
}
