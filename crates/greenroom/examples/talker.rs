//! An agent with two tools, which the tests of the command line run as a user would
//! run their own. Its model is at the address in `TALKER_URL`.

use greenroom::agent::models::One;
use greenroom::agent::provider::{Chat, Endpoint, Key};
use greenroom::agent::tool::{Approval, Tool};
use greenroom::agent::{Agent, Definition, context, memory};
use greenroom::{Failure, Registry, Step};
use serde::Deserialize;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Deserialize, schemars::JsonSchema)]
struct Order {
    /// The order's number.
    order: u64,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Refund {
    /// The order's number.
    order: u64,
    /// How much, in euros.
    amount: f64,
}

fn main() -> ExitCode {
    let url = std::env::var("TALKER_URL").unwrap_or_default();
    let provider = Arc::new(Chat::new(Endpoint::new("script", url, Key::None)));
    let models = Arc::new(One::new("script/model", "model", provider));
    let find =
        Tool::function("find_order", "Finds an order.", |_: Step, order: Order| async move {
            Ok::<_, Failure>(format!("order {} cost 120 euros and came broken", order.order))
        });
    let refund =
        Tool::function("refund", "Pays money back.", |_: Step, refund: Refund| async move {
            Ok::<_, Failure>(format!(
                "{} euros of order {} are paid back",
                refund.amount, refund.order
            ))
        });
    let refund = refund.approval(Approval::Above { pointer: "/amount".to_owned(), most: 50.0 });
    let clerk = Definition::new("clerk", "You find out about orders.");
    let registry = memory::register(context::register(Registry::new()));
    let worker = Agent::of(clerk.clone(), models.clone()).asks().shares().remembers();
    let registry = worker.register(registry);
    let support = Agent::new("support", "You help customers.", models)
        .tool(find.read_only())
        .tool(refund)
        .leads(&[clerk]);
    greenroom::main(support.register(registry))
}
