//! One process of every sort, through the node's public face.

use greenroom_runtime::journal::Memory;
use greenroom_runtime::model::{Exit, Failure, Payload};
use greenroom_runtime::{Ctx, Node, NodeOptions, Registry, StartRequest};
use std::sync::Arc;
use std::time::Duration;

async fn adder(ctx: Ctx, upto: u64) -> Result<u64, Failure> {
    let mut sum = 0;
    for n in 1..=upto {
        sum += ctx.step::<u64, Failure, _, _>("add", move |_| async move { Ok(n) }).await?;
    }
    ctx.sleep(Duration::from_millis(5)).await?;
    Ok(sum)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_of_steps_ends() {
    let node = Node::start(
        Arc::new(Memory::new()),
        Registry::new().kind("adder", adder),
        NodeOptions::default(),
    )
    .expect("starts");
    let started = node
        .start_process(StartRequest {
            kind: "adder".into(),
            key: Some("1".into()),
            input: Payload::parse("10").expect("json"),
            by: "test".into(),
        })
        .await
        .expect("started");
    let exit = node.result(&started.id, Some(Duration::from_secs(5))).await.expect("read");
    let Some(Exit::Normal(result)) = exit else { panic!("{exit:?}") };
    assert_eq!(result.text(), Some("55"));
    node.stop(Duration::from_secs(1)).await;
}
