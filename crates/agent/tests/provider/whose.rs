//! Two servers of one protocol in one chain: each is given back what it has sent itself,
//! and told in plain words what the other has said.

use crate::exact::events;
use crate::house::House;
use crate::line::Line;
use std::time::Duration;

const GONE: &str = "HTTP/1.1 401 Unauthorized\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

fn chunk(delta: &str, finish: &str) -> String {
    events(&[
        &format!(r#"{{"model":"m","choices":[{{"delta":{delta},"finish_reason":"{finish}"}}]}}"#),
        r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":9}}"#,
        "[DONE]",
    ])
}

/// Asks for a tool, is away, and comes back.
fn first(number: usize) -> String {
    match number {
        0 => chunk(
            r#"{"content":"I look.","sealed":"by the first","tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Oslo\"}"}}]}"#,
            "tool_calls",
        ),
        1 => GONE.to_owned(),
        _ => chunk(r#"{"content":"I am back."}"#, "stop"),
    }
}

/// Answers twice, then is away.
fn second(number: usize) -> String {
    match number {
        0 | 1 => chunk(r#"{"content":"Rain.","sealed":"by the second"}"#, "stop"),
        _ => GONE.to_owned(),
    }
}

/// The configuration of a chain of two; where they are, and what the second is called.
fn chain(first: &str, second: &str) -> String {
    format!(
        "[providers.first]\nprotocol = \"chat\"\nurl = \"{first}\"\n\
         [providers.second]\nprotocol = \"chat\"\nurl = \"{second}\"\n\
         [models]\ndefault = [\"first/big\", \"second/big\"]\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_of_one_protocol_do_not_see_each_others_blocks() {
    let (one, other) = (Line::new(first).await, Line::new(second).await);
    let config = chain(&one.url, &other.url);
    let house = House::new(one, &config, 100_000).await;
    let id = house.start().await;
    house.listens(&id).await;
    let told = other.bodies().remove(0);
    assert!(!told.contains("sealed"), "the second is told of the first's: {told}");
    for words in ["I look.", "\"id\":\"c1\"", "rain in Oslo"] {
        assert!(told.contains(words), "{words} is not told in {told}");
    }
    house.send(&id, "say", "and now?".into()).await;
    crate::support::eventually(|| other.bodies().len() == 2).await;
    house.listens(&id).await;
    let told = other.bodies().remove(1);
    assert!(told.contains("by the second") && !told.contains("by the first"), "{told}");
    house.send(&id, "say", "and now?".into()).await;
    crate::support::eventually(|| house.line.bodies().len() == 3).await;
    house.listens(&id).await;
    let told = house.line.bodies().remove(2);
    assert!(told.contains("by the first") && !told.contains("by the second"), "{told}");
    assert!(told.contains("Rain."), "{told}");
    house.node.stop(Duration::ZERO).await;
}
