//! Plain functions as tools.

use crate::world::World;
use greenroom_agent::tool::{BAD_ARGUMENTS, Tool};
use greenroom_runtime::model::Failure;
use greenroom_runtime::{Ctx, Step};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Refund {
    order: u64,
}

#[tokio::test]
async fn a_function_is_a_step_with_its_key_and_its_attempts() {
    let (world, runs) = (World::new(), Arc::new(AtomicU32::new(0)));
    let counted = runs.clone();
    let refund = Tool::function("refund", "Pays back.", move |step: Step, refund: Refund| {
        let attempt = counted.fetch_add(1, Ordering::Relaxed) + 1;
        async move {
            if attempt < 3 {
                return Err(Failure::msg("busy"));
            }
            Ok(json!({ "order": refund.order, "key": step.key() }))
        }
    });
    let done = world.call(&refund, json!({ "order": 7 })).await.unwrap();
    assert_eq!(done["order"], 7);
    assert!(done["key"].as_str().unwrap().starts_with("call/0"), "{done}");
    let once = refund.clone().at_most_once();
    runs.store(0, Ordering::Relaxed);
    let failure = world.call(&once, json!({ "order": 7 })).await.unwrap_err();
    assert_eq!((failure.message.as_str(), runs.load(Ordering::Relaxed)), ("busy", 1));
    let wrong = world.call(&refund, json!({ "order": "7" })).await.unwrap_err();
    assert_eq!(wrong.kind, BAD_ARGUMENTS);
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_verb_is_code_on_the_process_itself() {
    let world = World::new();
    let who = Tool::verb("who", "Who I am.", |ctx: Ctx, (): ()| async move {
        Ok::<_, Failure>(ctx.id().to_string())
    });
    assert_eq!(world.call(&who, json!({})).await.unwrap(), json!("call/0"));
}
