//! Messages, events, rights, and nodes that go.

use crate::world::{World, resident};
use greenroom_boxes::hub::Hub;
use serde_json::{Value, json};

fn code(answer: &Value) -> &str {
    answer["error"]["code"].as_str().unwrap_or_default()
}

fn send(to: &str, key: &str, body: Value) -> Value {
    json!({"op": "send", "to": to, "topic": "n", "key": key, "body": body})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_reaches_its_owner_once_though_the_node_goes_in_between() {
    let mut world = World::new();
    world.start("keeper", "1", json!(null)).await;
    let mut wanted = Vec::new();
    for round in 0..3 {
        let socket = world.serve(resident("work", 1, &[], &[]));
        // What the node before has taken is not taken again.
        for n in 0..=round {
            let answer = socket.ask(send("owner", &format!("k{n}"), json!({ "n": n }))).await;
            assert_eq!(answer["ok"]["repeated"], json!(n < round), "{answer}");
        }
        assert_eq!(code(&socket.ask(send("owner", "k0", json!("other"))).await), "key_reused");
        wanted.push(("box:work".to_owned(), json!({ "n": round })));
        drop(socket);
        world.again().await;
    }
    assert_eq!(world.kept(3).await, wanted);
    // Another box's keys are its own, and so are those of a later box of the name.
    let other = world.serve(resident("other", 1, &["keeper/*"], &[]));
    assert_eq!(other.ask(send("keeper/1", "k0", json!(1))).await["ok"]["repeated"], false);
    let later = world.serve(resident("work", 2, &[], &[]));
    assert_eq!(later.ask(send("keeper/1", "k0", json!(2))).await["ok"]["repeated"], false);
    assert_eq!(world.kept(5).await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_wait_for_a_box_that_is_away_and_a_node_that_goes() {
    let mut world = World::new();
    let box_of = || resident("work", 1, &[], &["news.>"]);
    let socket = world.serve(box_of());
    let subscribe = json!({"op": "subscribe", "topics": ["news.*", "secret.a", "told"]});
    let answer = socket.ask(subscribe.clone()).await;
    let warning = answer["ok"]["warning"].as_str().expect("a warning");
    assert!(warning.contains("published under secret.a, told"), "{answer}");
    drop(socket);
    for n in 0..100 {
        world.tell(&format!("a{n}"), "news.a", json!(n)).await;
        if n == 50 {
            world.again().await;
        }
    }
    world.tell("b", "secret.a", json!("not for it")).await;
    world.tell("c", "box:work", json!("for it alone")).await;
    world.again().await;
    let mut numbers = Vec::new();
    while numbers.len() < 101 {
        let socket = world.serve(box_of());
        let mut program = socket.connect().await;
        assert_eq!(program.ask(subscribe.clone()).await["ok"]["subscribed"][0], "news.*");
        // Each program takes some, is given more, and dies.
        let mut ahead = std::collections::VecDeque::new();
        for _ in 0..40.min(101 - numbers.len()) {
            let event: Value = match ahead.pop_front() {
                Some(event) => event,
                None => program.hear().await,
            };
            let answer = program.acknowledge(&event, &mut ahead).await;
            assert_eq!(answer["ok"]["acknowledged"], event["seq"], "{answer}");
            numbers.push(event);
        }
    }
    for (n, event) in numbers.iter().take(100).enumerate() {
        assert_eq!(event["seq"], json!(n + 1));
        let wanted = json!({"topic": "news.a", "from": format!("teller/a{n}"), "body": n});
        assert_eq!(event["event"], wanted);
    }
    assert_eq!(numbers[100]["event"]["body"], "for it alone");
    let socket = world.serve(box_of());
    let mut program = socket.connect().await;
    program.ask(subscribe).await;
    assert!(program.is_silent().await, "all was acknowledged, and survived");
    let unsubscribe = json!({"op": "unsubscribe", "topics": ["news.*"]});
    assert!(program.ask(unsubscribe).await["ok"].is_object());
    world.tell("d", "news.a", json!(0)).await;
    assert!(program.is_silent().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn boxes_write_to_boxes_that_they_are_let_to() {
    let world = World::new();
    let a = world.serve(resident("a", 1, &["box:*"], &[]));
    let b = world.serve(resident("b", 1, &[], &[]));
    let mut stranger = resident("c", 1, &["box:*"], &[]);
    stranger.owner = Some("keeper/2".to_owned());
    let c = world.serve(stranger);
    // They are there as soon as they are served.
    world.hub().open(&resident("b", 1, &[], &[])).await.expect("open");
    assert_eq!(a.ask(send("box:b", "k", json!("hello"))).await["ok"]["told"], 1);
    let mut program = b.connect().await;
    program.ask(json!({"op": "subscribe", "topics": ["box.*.n"]})).await;
    let heard = program.hear().await;
    assert_eq!(heard["event"], json!({"topic": "box.a.n", "from": "box:a", "body": "hello"}));
    for (socket, to) in [
        (&b, "box:a"),
        (&b, "keeper/2"),
        (&b, "box_mailbox/a.1"),
        (&c, "box:a"),
        (&c, "box:nobody"),
        (&a, "keeper/2"),
    ] {
        let answer = socket.ask(send(to, "k2", json!(1))).await;
        assert_eq!(code(&answer), "not_allowed", "{to}: {answer}");
        assert!(
            answer["error"]["next"].as_str().unwrap().contains("its owner must not keep it"),
            "{answer}"
        );
    }
    assert_eq!(code(&b.ask(send("nonsense", "k3", json!(1))).await), "bad_request");
    assert_eq!(code(&a.ask(send("owner", "k4", json!(1))).await), "no_process");
    // What a box publishes has its name.
    let mut listener = resident("ear", 1, &[], &["box.a.>"]);
    listener.owner = None;
    let ear = world.serve(listener);
    let mut program = ear.connect().await;
    program.ask(json!({"op": "subscribe", "topics": ["box.a.*"]})).await;
    let publish = json!({"op": "publish", "topic": "done", "key": "p", "body": 1});
    assert_eq!(a.ask(publish.clone()).await["ok"]["told"], 1);
    assert_eq!(a.ask(publish).await["ok"]["told"], 1);
    assert_eq!(program.hear().await["event"]["topic"], "box.a.done");
    assert!(program.is_silent().await, "one under its key");
    assert_eq!(code(&ear.ask(send("owner", "k", json!(1))).await), "no_owner");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_box_of_the_name_has_nothing_of_the_earlier() {
    let world = World::new();
    let first = resident("work", 1, &[], &["news"]);
    let hub = world.hub();
    hub.open(&first).await.expect("open");
    hub.subscribe(&first, &["news".to_owned()]).await.expect("subscribed");
    world.tell("a", "news", json!("old")).await;
    let second = world.serve(resident("work", 2, &[], &["news"]));
    let mut program = second.connect().await;
    program.ask(json!({"op": "subscribe", "topics": ["news"]})).await;
    world.tell("b", "news", json!("new")).await;
    assert_eq!(program.hear().await["event"]["body"], "new");
    // The earlier one does not come back.
    assert_eq!(hub.open(&first).await.expect_err("gone").code, "not_allowed");
    // One that is disposed of is no more.
    hub.forget(&resident("work", 2, &[], &[])).await.expect("forgotten");
    hub.forget(&resident("work", 2, &[], &[])).await.expect("twice is once");
    assert_eq!(program.hear().await["error"]["code"], "ended");
    let a = world.serve(resident("a", 1, &["box:work"], &[]));
    assert_eq!(code(&a.ask(send("box:work", "k", json!(1))).await), "no_box");
}

/// More than a box is given at once wait, and a body that is too large is said to be.
#[tokio::test(flavor = "multi_thread")]
async fn a_box_that_does_not_listen_holds_up_nobody() {
    let world = World::new();
    let of = resident("work", 1, &[], &["news", "rare"]);
    let hub = world.hub();
    hub.open(&of).await.expect("open");
    hub.subscribe(&of, &["news".to_owned(), "rare".to_owned()]).await.expect("subscribed");
    world.tell("large", "news", json!("x".repeat(100_000))).await;
    for n in 0..70 {
        world.tell(&format!("n{n}"), "news", json!(n)).await;
    }
    world.tell("rare", "rare", json!("at last")).await;
    let socket = world.serve(of);
    let (mut program, mut other) = (socket.connect().await, socket.connect().await);
    other.ask(json!({"op": "subscribe", "topics": ["rare"]})).await;
    assert!(other.is_silent().await, "64 are before it");
    program.ask(json!({"op": "subscribe", "topics": ["news"]})).await;
    for seq in 1..=71 {
        let heard = program.hear_event().await;
        assert_eq!(heard["seq"], json!(seq));
        if seq == 1 {
            assert_eq!(heard["event"]["cut_bytes"], 100_002);
            assert_eq!(heard["event"]["body"], json!(null));
        }
        program.say(&json!({"op": "ack", "seq": seq})).await;
    }
    assert_eq!(other.hear().await["event"]["body"], "at last");
}

/// What is deeply nested, a call, or nobody's topic does no harm to the mailbox.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_refused_and_the_mailbox_goes_on() {
    let world = World::new();
    let socket = world.serve(resident("work", 1, &[], &["news", "a.*"]));
    let subscribe = |topic: &str| json!({"op": "subscribe", "topics": [topic]});
    assert_eq!(code(&socket.ask(subscribe("a..b")).await), "bad_request");
    let publish = |topic: &str| json!({"op": "publish", "topic": topic, "body": 1});
    assert_eq!(code(&socket.ask(publish("a.*")).await), "bad_request");
    assert_eq!(code(&socket.ask(publish("a.b.c.d.e.f.g")).await), "bad_request");
    let warned = socket.ask(subscribe("a.>")).await;
    assert!(warned["ok"]["warning"].is_string(), "{warned}");
    for round in 0..3 {
        let topics: Vec<String> = (0..30).map(|n| format!("news.{round}.{n}")).collect();
        let of = resident("many", 1, &[], &[">"]);
        let done = async {
            world.hub().open(&of).await?;
            world.hub().subscribe(&of, &topics).await
        };
        assert_eq!(done.await.is_ok(), round < 2, "64 at most");
    }
    let mut program = socket.connect().await;
    program.ask(subscribe("news")).await;
    world.tell("a", "news", json!([1.5, "é"])).await;
    assert_eq!(program.hear().await["event"]["body"], json!([1.5, "é"]));
}
