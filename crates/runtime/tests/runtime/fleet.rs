//! Versions of a kind: pinned processes, migration, and a fleet that moves.

use crate::world::World;
use greenroom_runtime::model::{Exit, Failure, Payload, ProcessId, Status};
use greenroom_runtime::{Ctx, Registry, SendRequest, StartRequest};
use serde::{Deserialize, Serialize};

const FLEET: usize = 200;
/// The last few hear nothing while both versions are there.
const SILENT: usize = 5;

/// What the first version passes on is the bare count.
async fn first(ctx: Ctx, count: u64) -> Result<u64, Failure> {
    let message = ctx.recv().await?;
    match message.topic.as_str() {
        "add" => ctx.continue_as_new(&(count + message.read::<u64>()?)),
        _ => Ok(count),
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Second {
    total: u64,
}

async fn second(ctx: Ctx, mut state: Second) -> Result<u64, Failure> {
    let message = ctx.recv().await?;
    match message.topic.as_str() {
        "add" => {
            state.total += message.read::<u64>()?;
            ctx.continue_as_new(&state)
        }
        _ => Ok(state.total),
    }
}

fn old() -> Registry {
    Registry::new().kind("truck", first)
}

fn new() -> Registry {
    Registry::new()
        .kind_version("truck", 2, second)
        .migrate("truck", 1, 2, |count| Ok(serde_json::json!({ "total": count })))
}

/// Each is told to add, over and over until it is known to have been told.
async fn add(world: &World, fleet: &[ProcessId], round: &str, amount: u64) {
    for (place, id) in fleet.iter().enumerate() {
        let node = world.node.once(&format!("{round} {place}")).expect("a key");
        let body = Payload::of(&amount).expect("json");
        let request = SendRequest { topic: "add".into(), body, by: "test".into() };
        node.send(id, request).await.expect("sent");
    }
}

async fn on(world: &World, version: u32) -> u64 {
    let census = world.node.census().await.expect("reads");
    let counted = census.iter().filter(|count| count.kind.version == version);
    counted.filter(|count| !count.status.is_ended()).map(|count| count.count).sum()
}

async fn until_on(world: &World, version: u32, wanted: u64) {
    for _ in 0..2_000 {
        if on(world, version).await == wanted {
            return;
        }
        crate::world::pause(5).await;
    }
    panic!("{} are on version {version}, not {wanted}", on(world, version).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_moves_without_losing_a_message() {
    let world = World::new(old());
    let mut fleet = Vec::new();
    for truck in 0..FLEET {
        fleet.push(world.start(&format!("truck/{truck}"), "0").await);
    }
    let (moving, silent) = fleet.split_at(FLEET - SILENT);
    // Stopped right after: most of it is still to be taken.
    add(&world, moving, "first", 1).await;
    let world = world.deploy(old().merge(new())).await;
    add(&world, moving, "second", 10).await;
    add(&world, moving, "third", 100).await;
    until_on(&world, 2, moving.len() as u64).await;
    assert_eq!(on(&world, 1).await, SILENT as u64, "those that hear nothing stay");

    let world = world.deploy(new()).await;
    add(&world, &fleet, "fourth", 1_000).await;
    for id in moving {
        world.send(id, "done", "null").await;
        assert_eq!(world.result(id).await, "1111");
    }
    assert_eq!(on(&world, 1).await, SILENT as u64);
    let without: Vec<String> =
        world.node.health().troubles.into_iter().map(|trouble| trouble.what).collect();
    assert_eq!(without.len(), SILENT, "{without:?}");
    assert!(without.iter().all(|what| what.contains("no code for truck@1")), "{without:?}");

    let world = world.deploy(old().merge(new())).await;
    for id in silent {
        world.send(id, "done", "null").await;
        assert_eq!(world.result(id).await, "1000");
    }
    assert!(world.node.dead(9).await.expect("reads").is_empty());
}

async fn start(world: &World, kind: &str, key: &str) -> Result<ProcessId, String> {
    let (kind, key) = (kind.to_owned(), Some(key.to_owned()));
    let request = StartRequest {
        budget: None,
        kind,
        key,
        input: Payload::parse("0").expect("json"),
        by: "t".into(),
    };
    world.node.start_process(request).await.map(|it| it.id).map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_process_stays_on_its_version() {
    let world = World::new(old().merge(new()));
    let id = start(&world, "truck@1", "pinned").await.expect("started");
    assert_eq!(id.as_str(), "truck/pinned");
    add(&world, std::slice::from_ref(&id), "round", 5).await;
    add(&world, std::slice::from_ref(&id), "again", 5).await;
    world.send(&id, "done", "null").await;
    assert_eq!(world.result(&id).await, "10");
    assert_eq!(world.node.process(&id).await.expect("row").kind.version, 1);
    let missing = start(&world, "truck@3", "x").await.expect_err("there is none");
    assert!(missing.contains("truck@3") && missing.contains("truck@2"), "{missing}");
    assert!(start(&world, "truck@two", "x").await.expect_err("no").contains("KIND@NUMBER"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_migrated_stays_where_it_is() {
    let world = World::new(old());
    let id = start(&world, "truck", "1").await.expect("started");
    world.until(&id, Status::Receiving).await;
    let broken = old().merge(Registry::new().kind_version("truck", 2, second)).migrate(
        "truck",
        1,
        2,
        |_| Err(Failure::msg("not today")),
    );
    let world = world.deploy(broken).await;
    add(&world, std::slice::from_ref(&id), "round", 5).await;
    world.send(&id, "done", "null").await;
    assert_eq!(world.result(&id).await, "5");
    assert_eq!(world.node.process(&id).await.expect("row").kind.version, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_go_step_by_step() {
    let third = |ctx: Ctx, words: String| async move {
        ctx.recv().await?;
        Ok::<_, Failure>(words)
    };
    let all = old()
        .merge(new())
        .kind_version("truck", 3, third)
        .migrate("truck", 2, 3, |state| Ok(serde_json::json!(format!("had {}", state["total"]))));
    let world = World::new(old());
    let id = start(&world, "truck", "1").await.expect("started");
    let world = world.deploy(all).await;
    add(&world, std::slice::from_ref(&id), "round", 5).await;
    world.send(&id, "done", "null").await;
    assert!(
        matches!(world.exit(&id).await, Exit::Normal(words) if words.text() == Some("\"had 5\""))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_migrations_are_told_at_start() {
    let back =
        old().migrate("truck", 2, 1, Ok).migrate("truck", 1, 2, Ok).migrate("truck", 1, 2, Ok);
    let store = std::sync::Arc::new(greenroom_runtime::journal::Memory::new());
    let refused = greenroom_runtime::Node::start(store, back, Default::default());
    let words = refused.err().expect("it is refused").to_string();
    assert!(words.contains("leads back") && words.contains("two migrations"), "{words}");
}
