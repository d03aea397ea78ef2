//! The same processes on the store that users have, with room for one of them.

use crate::world::{World, pause};
use greenroom_runtime::journal::{Sqlite, SqliteOptions};
use greenroom_runtime::model::{Failure, Payload, ProcessId, Status};
use greenroom_runtime::{Ctx, Node, NodeOptions, Registry, SendRequest};
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

/// Waits for a message, with others left in the mailbox, then ends.
fn enders() -> Registry {
    Registry::new().kind("ender", |ctx: Ctx, _: ()| async move {
        ctx.recv().topic("go").await?;
        ctx.sleep(Duration::from_millis(400)).await?;
        Ok::<u64, Failure>(7)
    })
}

/// A node with so many of them that are all about to end.
async fn about_to_end(path: &Path, count: usize) -> (World, Vec<ProcessId>) {
    let store = Sqlite::open(path, SqliteOptions::default()).expect("opens");
    let node = Node::start(Arc::new(store), enders(), NodeOptions::default()).expect("starts");
    let (world, mut ids) = (World::with(node), Vec::new());
    for key in 0..count {
        let id = world.start(&format!("ender/{key}"), "null").await;
        world.send(&id, "noise", &key.to_string()).await;
        ids.push(id);
    }
    for id in &ids {
        world.send(id, "go", "null").await;
    }
    (world, ids)
}

fn damage(path: &Path, sql: &str) {
    let other = rusqlite::Connection::open(path).expect("opens");
    other.busy_timeout(Duration::from_secs(5)).expect("set");
    assert_eq!(other.execute(sql, []).expect("runs"), 1, "{sql}");
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_that_lets_nothing_be_committed_is_no_turn_s_own_fault() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store.db");
    let (world, ids) = about_to_end(&path, 8).await;
    damage(&path, "update meta set mark = mark + 1");
    for _ in 0..500 {
        if world.node.health().store_error.is_some() {
            break;
        }
        pause(10).await;
    }
    pause(700).await;
    let said = world.node.health().store_error.expect("the node says so");
    assert!(said.contains("damaged") && said.contains("meta"), "{said}");
    let sent = SendRequest { topic: "t".into(), body: Payload::null(), by: "tester".into() };
    let refused = world.node.send(&ids[0], sent).await.expect_err("nothing can be stored");
    assert_eq!(refused.code(), "unavailable");
    // With a good copy back all go on by themselves.
    damage(&path, "update meta set mark = mark - 1");
    for id in &ids {
        assert_eq!(world.result(id).await, "7");
        assert!(!world.names(id).await.contains(&"Parked"));
    }
    assert_eq!(world.node.health().store_error, None);
    assert!(world.node.health().troubles.is_empty(), "{:?}", world.node.health().troubles);
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_that_one_turn_meets_holds_up_no_other_of_its_group() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store.db");
    let (world, ids) = about_to_end(&path, 8).await;
    let noise = "where content like '%noise%' and process = \
                 (select no from process where id = 'ender/3')";
    damage(&path, &format!("update mailbox set sum = sum + 1 {noise}"));
    for id in ids.iter().filter(|id| id.as_str() != "ender/3") {
        assert_eq!(world.result(id).await, "7");
    }
    let hurt = &ids[3];
    world.until(hurt, Status::Damaged).await;
    assert_eq!(world.node.health().store_error, None);
    let troubles = world.node.health().troubles;
    assert!(troubles.len() == 1 && troubles[0].what.contains("ender/3 is damaged"), "{troubles:?}");
    damage(&path, &format!("update mailbox set sum = sum - 1 {noise}"));
    world.node.resume(hurt, "tester").await.expect("resumed");
    assert_eq!(world.result(hurt).await, "7");
}
