//! The same processes on the store that users have, with room for one of them.

use crate::world::World;
use greenroom_runtime::journal::{Sqlite, SqliteOptions};
use greenroom_runtime::model::{Failure, ProcessId};
use greenroom_runtime::{Ctx, Node, NodeOptions, Registry};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn registry() -> Registry {
    Registry::new().kind("counter", |ctx: Ctx, _: ()| async move {
        let mut sum = 0;
        for _ in 0..3 {
            sum += ctx.recv().topic("add").await?.read::<u64>()?;
            ctx.set("sum", &sum)?;
            ctx.step("noted", |_| async { Ok::<(), Failure>(()) }).await?;
        }
        Ok::<u64, Failure>(sum)
    })
}

fn node(path: &Path) -> Node {
    let store = Sqlite::open(path, SqliteOptions::default()).expect("opens");
    let options = NodeOptions { resident_max: 1, ..NodeOptions::default() };
    Node::start(Arc::new(store), registry(), options).expect("starts")
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_are_not_in_memory_are_woken() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store.db");
    let mut world = World::with(node(&path));
    let ids: Vec<ProcessId> = {
        let mut ids = Vec::new();
        for key in 0..20 {
            ids.push(world.start(&format!("counter/{key}"), "null").await);
        }
        ids
    };
    for round in 1..=3 {
        for id in &ids {
            world.send(id, "add", "1").await;
        }
        if round == 2 {
            world.node.stop(Duration::from_secs(5)).await;
            drop(world);
            world = World::with(node(&path));
        }
    }
    for id in &ids {
        assert_eq!(world.result(id).await, "3");
    }
    assert!(world.node.health().resident <= 2, "{:?}", world.node.health());
    assert_eq!(world.node.verify().await.expect("read"), Vec::<String>::new());
}
