//! A store whose answer is lost, on a node with nothing else to do.

use crate::hooks::Hooks;
use crate::world::World;
use greenroom_runtime::journal::Error;
use greenroom_runtime::model::Payload;
use greenroom_runtime::{Ctx, Node, NodeOptions, Registry, StartRequest};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[tokio::test(flavor = "multi_thread")]
async fn a_process_whose_start_was_forgotten_runs_all_the_same() {
    let forgets = AtomicBool::new(true);
    // It has taken the commit, and says that it has not, once.
    let store = Arc::new(Hooks {
        after_commit: Box::new(move |_| match forgets.swap(false, Ordering::SeqCst) {
            true => Err(Error::Unavailable { why: "the answer was lost".to_owned() }),
            false => Ok(()),
        }),
        ..Hooks::default()
    });
    let registry = Registry::new().kind("echo", |_: Ctx, n: u64| async move {
        Ok::<u64, greenroom_runtime::model::Failure>(n)
    });
    let node = Node::start(store, registry, NodeOptions::default()).expect("starts");
    let request = StartRequest {
        budget: None,
        kind: "echo".into(),
        key: Some("1".into()),
        input: Payload::parse("7").expect("json"),
        by: "test".into(),
    };
    let said = node.start_process(request).await.expect_err("its answer is lost");
    assert_eq!(said.code(), "unavailable");
    // Nothing else is asked of the node: it must look for itself.
    let world = World::with(node);
    assert_eq!(world.result(&"echo/1".parse().expect("an id")).await, "7");
}
