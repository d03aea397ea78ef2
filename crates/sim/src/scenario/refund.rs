//! Refunds like the flagship's: look up, above a limit ask a person and wait
//! up to a day, pay with an idempotency key, write a receipt.

use super::definition::{PLAIN, Scenario, effect, ends};
use crate::outside::{Outside, Script};
use crate::user::{User, Wish};
use greenroom_model::{Failure, Retry};
use greenroom_runtime::{Ctx, Registry};
use std::time::Duration;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "refund",
    about: "the flagship: small and large refunds, approved, denied, forgotten",
    registry: |outside| {
        let outside = outside.clone();
        Registry::new().kind("refund", move |ctx, amount| refund(ctx, amount, outside.clone()))
    },
    outside: |outside| {
        outside.script("get_purchase", Script { slow_ms: 3, value: 1, ..Script::default() });
        outside.script(
            "process_refund",
            Script { slow_ms: 40, fail_first: 1, value: 1, ..Script::default() },
        );
    },
    users: || {
        let answer = |key: &str, value: &str| Wish::Answer {
            to: format!("refund/{key}"),
            ask: "approval",
            value: value.to_owned(),
        };
        vec![
            User::new().starts("refund", "small", "500").awaits(0, "refund/small"),
            User::new()
                .starts("refund", "large", "5000")
                .at(3_600_000, answer("large", "\"approve\""))
                .awaits(0, "refund/large"),
            User::new()
                .starts("refund", "denied", "6000")
                .at(7_200_000, answer("denied", "\"deny\"")),
            User::new().starts("refund", "forgotten", "7000").awaits(0, "refund/forgotten"),
        ]
    },
    expect: |run| {
        let mut wrong = ends(run, "refund/small", "completed \"refunded 500\"");
        wrong.extend(ends(run, "refund/large", "completed \"refunded 5000\""));
        wrong.extend(ends(run, "refund/denied", "completed \"denied\""));
        wrong.extend(ends(run, "refund/forgotten", "completed \"nobody approved in time\""));
        wrong.extend(effect(run, "process_refund", 2));
        wrong.extend(effect(run, "receipt", 2));
        wrong
    },
    ..PLAIN
};

async fn refund(ctx: Ctx, amount: u64, outside: Outside) -> Result<String, Failure> {
    outside.step(&ctx, "get_purchase").await?;
    if amount > 1000 {
        ctx.set("waits_for", "approval")?;
        let question = format!("Refund {amount}?");
        let day = Duration::from_secs(24 * 3600);
        let ask =
            ctx.ask::<String>("approval", question).choices(["approve", "deny"]).deadline(day);
        match ask.await {
            Ok(answer) if answer == "approve" => {}
            Ok(_) => return Ok("denied".to_owned()),
            Err(failure) if failure.is("timeout") => {
                return Ok("nobody approved in time".to_owned());
            }
            Err(failure) => return Err(failure),
        }
    }
    let patient = Retry { first_delay: Duration::from_millis(50), ..Retry::attempts(50) };
    outside.step(&ctx, "process_refund").retry(patient).await?;
    outside.step(&ctx, "receipt").await?;
    Ok(format!("refunded {amount}"))
}
