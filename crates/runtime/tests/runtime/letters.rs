//! Dead letters: sent again once, dropped, bounded.

use crate::world::{Ran, World};
use greenroom_runtime::journal::{LetterListing, Memory};
use greenroom_runtime::model::{Content, Failure, Millis, Origin, ProcessId, Status};
use greenroom_runtime::{Ctx, Node, NodeOptions, Registry};
use std::sync::Arc;

fn registry() -> Registry {
    Registry::new()
        .kind("sender", |ctx: Ctx, to: ProcessId| async move {
            for n in 1..=3_u64 {
                ctx.send(&to, "add", &n).await?;
            }
            Ran::Ok(0)
        })
        .kind("caller", |ctx: Ctx, to: ProcessId| async move {
            let answer: Result<u64, Failure> = ctx.call(&to, "add", &9).await;
            Ran::Ok(u64::from(answer.is_err()))
        })
        .kind("adder", |ctx: Ctx, count: u64| async move {
            let mut sum = 0;
            for _ in 0..count {
                let message = ctx.recv().await?;
                assert!(!message.is_call(), "nobody waits any more");
                sum += message.read::<u64>()?;
            }
            Ran::Ok(sum)
        })
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_are_sent_again_once() {
    let world = World::new(registry());
    let sender = world.start("sender/1", "\"adder/1\"").await;
    world.result(&sender).await;
    let caller = world.start("caller/1", "\"adder/1\"").await;
    assert_eq!(world.result(&caller).await, "1");
    let numbers: Vec<i64> =
        world.node.dead(9).await.expect("reads").iter().map(|letter| letter.no).collect();
    assert_eq!(numbers, [4, 3, 2, 1]);
    let refused = world.node.requeue(&numbers, None).await.expect_err("nobody is there");
    assert_eq!(refused.code(), "no_process");
    let letter = world.node.letter(1).await.expect("it stays");
    assert_eq!(letter.from, Origin::Process(sender.clone()));
    assert!(matches!(letter.content, Content::User { ref topic, .. } if topic == "add"));

    let adder = world.start("adder/1", "5").await;
    let keyed = world.node.once("again").expect("a key");
    keyed.requeue(&numbers, None).await.expect("sent");
    keyed.requeue(&numbers, None).await.expect("the same request");
    let gone = world.node.requeue(&[1], None).await.expect_err("it is sent already");
    assert_eq!((gone.code(), gone.http_status()), ("no_letter", 404));
    world.send(&adder, "add", "100").await;
    assert_eq!(world.result(&adder).await, "115");
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_go_to_another_process_or_away() {
    let world = World::new(registry());
    let sender = world.start("sender/1", "\"adder/1\"").await;
    world.result(&sender).await;
    let other = world.start("adder/other", "1").await;
    world.node.requeue(&[2], Some(&other)).await.expect("sent");
    assert_eq!(world.result(&other).await, "2");
    let ended = world.node.requeue(&[1], Some(&other)).await.expect_err("it has ended");
    assert_eq!(ended.code(), "ended");
    world.node.drop_letters(&[1]).await.expect("dropped");
    let listing = LetterListing { to: Some(other), ..LetterListing::default() };
    let all = Millis(u64::MAX);
    assert_eq!(world.node.drop_all_letters(listing, all).await.expect("dropped"), 0);
    let listing = LetterListing::default();
    assert_eq!(world.node.drop_all_letters(listing.clone(), Millis(1)).await.expect("none"), 0);
    assert_eq!(world.node.drop_all_letters(listing, all).await.expect("dropped"), 1);
    assert!(world.node.dead(9).await.expect("reads").is_empty());
    assert_eq!(world.node.requeue(&[], None).await.expect_err("none named").code(), "bad_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_are_bounded_or_not_kept_at_all() {
    let node = |options| {
        World::with(Node::start(Arc::new(Memory::new()), registry(), options).expect("starts"))
    };
    let world = node(NodeOptions { letters_max: 2, ..NodeOptions::default() });
    let sender = world.start("sender/1", "\"adder/1\"").await;
    world.until(&sender, Status::Completed).await;
    assert_eq!(world.node.dead(9).await.expect("reads").len(), 2);
    let world = node(NodeOptions { drops_unreachable: true, ..NodeOptions::default() });
    let sender = world.start("sender/1", "\"adder/1\"").await;
    world.until(&sender, Status::Completed).await;
    assert!(world.node.dead(9).await.expect("reads").is_empty());
}
