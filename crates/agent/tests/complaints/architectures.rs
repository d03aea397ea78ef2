//! Architectures that cannot be: said at once, before anybody is started or asked.

use crate::house::{House, models, server};
use greenroom_agent::Agent;
use greenroom_agent::architecture::{
    BAD_PIPELINE, BAD_SWARM, Fallback, Pipeline, STAGE_FAILED, Stage, Swarm,
};
use greenroom_model::{Exit, Failure};
use greenroom_runtime::Registry;
use serde_json::{Value, json};

/// What the kind fails with; nobody else may have begun by then.
async fn failure(kind: &str, input: Value, add: impl FnOnce(Registry) -> Registry) -> Failure {
    let server = server(&json!([{"when": {"system": ""}, "say": "well"}]));
    let members = ["ada", "bob"].iter().fold(Registry::new(), |registry, name| {
        Agent::new(name, "Talk.", models(&server)).register(registry)
    });
    let house = House::new(add(members));
    let id = house.start(kind, &input).await;
    let Exit::Error(failure) = house.exit(&id).await else { panic!("{id} has not failed") };
    assert_eq!((house.count("ada").await, house.count("bob").await), (0, 0));
    assert_eq!(server.count(), 0);
    failure
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swarm_that_cannot_be_says_why() {
    let two = || Swarm::new("panel").member("ada").member("bob");
    let bad = [
        (Swarm::new("panel"), "needs two members"),
        (Swarm::new("panel").member("ada"), "needs two members"),
        (two().member("ada"), "`ada` is in the swarm `panel` twice"),
        (two().member("all"), "no member can be called `all`"),
        (two().messages(0), "may say 0 messages: 1 to 300 can be"),
        (two().messages(301), "may say 301 messages: 1 to 300 can be"),
        (two().concluded_by("cy"), "`cy` is to conclude the swarm `panel` and is none of"),
    ];
    for (swarm, why) in bad {
        let failure = failure("panel", json!("talk"), |registry| swarm.register(registry)).await;
        assert!(failure.is(BAD_SWARM) && failure.message.contains(why), "{failure:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_that_cannot_be_says_why() {
    let number = json!({"type": "integer"});
    let value = || Fallback::Value(json!("none"));
    let bad = [
        (Pipeline::new("line"), "has no stages: add one with `.stage(…)`"),
        (
            Pipeline::new("line")
                .stage(Stage::agent("ada").gives_schema(number.clone()).or(value())),
            "the fallback's value of the stage `ada`",
        ),
        (
            Pipeline::new("line")
                .stage(Stage::agent("ada").or(value()))
                .stage(Stage::agent("bob").takes_schema(number.clone())),
            "the fallback's value of the stage `ada`",
        ),
    ];
    for (line, why) in bad {
        let failure = failure("line", json!("go"), |registry| line.register(registry)).await;
        assert!(failure.is(BAD_PIPELINE) && failure.message.contains(why), "{failure:?}");
    }
    let takes = Pipeline::new("line").stage(Stage::agent("ada").takes_schema(number));
    let failed = failure("line", json!("go"), |registry| takes.register(registry)).await;
    assert!(failed.is("bad_payload") && failed.message.contains("input"), "{failed:?}");
    let nobody = Pipeline::new("line").stage(Stage::agent("eve"));
    let failed = failure("line", json!("go"), |registry| nobody.register(registry)).await;
    assert!(failed.is(STAGE_FAILED) && failed.message.contains("`eve`"), "{failed:?}");
}
