//! The context that agents of a tree share, through their tools.

use crate::house::{House, Scripted, call, result, text};
use greenroom_agent::conversation::{Message, Part};
use greenroom_agent::provider::Request;
use greenroom_agent::{Agent, Definition, context};
use greenroom_runtime::Registry;
use serde_json::{Value, json};

fn results(request: &Request, tool: &str) -> Vec<String> {
    let parts = request.messages.iter().flat_map(|message| &message.content);
    let of = |part: &Part| match part {
        Part::ToolResult(result) if result.name == tool => Some(result.content.clone()),
        _ => None,
    };
    parts.filter_map(of).collect()
}

fn said(request: &Request) -> String {
    let words: Vec<String> = request.messages.iter().map(Message::text).collect();
    words.join("\n")
}

/// Adds its word to a list under one key: of two who begin at once, one is told of the
/// other's.
fn writer(request: &Request) -> Vec<Part> {
    let word = request.messages[0].text();
    let set = |value: Value, if_version: u64| {
        let set = json!({"key": "site/words", "value": value, "if_version": if_version});
        vec![call("context_set", set)]
    };
    match result(request) {
        None => set(json!([word]), 0),
        Some(told) if told.contains("Its value now: ") => {
            let (head, now) = told.split_once("Its value now: ").expect("both");
            let version = head.split("at version ").nth(1).expect("a version");
            let version: String = version.chars().take_while(char::is_ascii_digit).collect();
            let mut words: Vec<String> = serde_json::from_str(now).expect("a list");
            words.push(word);
            set(json!(words), version.parse().expect("a number"))
        }
        Some(told) => vec![text(told)],
    }
}

fn lead(request: &Request) -> Vec<Part> {
    if results(request, "context_watch").is_empty() {
        let start = |word: &str, grants: Value| {
            let job = json!({"agent": "writer", "task": word, "context": grants});
            call("start_agent", job)
        };
        return vec![
            call("context_watch", json!({"prefix": "site/"})),
            start("one", json!(["site/"])),
            start("two", json!(["site/words"])),
            start("three", json!([])),
        ];
    }
    if said(request).matches("has finished;").count() < 3 {
        return vec![text("waiting")];
    }
    match result(request) {
        None => vec![call("context_get", json!({"key": "site/words"}))],
        Some(words) => vec![text(words)],
    }
}

fn house(model: &Scripted) -> House {
    let writer = Definition::new("writer", "Write.");
    let registry = Agent::of(writer.clone(), model.models()).shares().register(Registry::new());
    let lead = Agent::new("lead", "Lead.", model.models()).leads(&[writer]).shares();
    House::of(context::register(lead.register(registry)))
}

#[tokio::test]
async fn two_agents_write_one_key_and_nothing_is_lost() {
    let model = Scripted::new(|request| {
        let is_lead = request.system.starts_with("Lead");
        Ok(if is_lead { lead(request) } else { writer(request) })
    });
    let house = house(&model);
    let id = house.start("lead", "one", json!("words")).await;
    let end = house.end(&id).await.expect("it ends");
    let read: Value = serde_json::from_str(end.as_str().expect("words")).expect("JSON");
    let mut words: Vec<String> = serde_json::from_value(read["value"].clone()).expect("a list");
    words.sort_unstable();
    assert_eq!((words, &read["version"]), (vec!["one".to_owned(), "two".to_owned()], &json!(2)));
    let asked = model.asked();
    let all: Vec<String> = asked.iter().flat_map(|one| results(one, "context_set")).collect();
    assert!(all.iter().any(|told| told.contains("is at version 1, not 0")), "a conflict: {all:?}");
    // Who was granted nothing is told whom to ask; its lead was told of each change.
    let refused = asked.iter().filter(|one| one.messages[0].text() == "three").filter_map(result);
    let refused: Vec<&str> = refused.collect();
    for words in ["may not write `site/words`", "ask lead/one", "greenroom send context/"] {
        assert!(refused.iter().any(|told| told.contains(words)), "{refused:?}");
    }
    let told = said(asked.last().expect("one"));
    for version in 1..=2 {
        let note = format!("[the shared key `site/words` is at version {version}, by writer/");
        assert!(told.contains(&note), "{told}");
    }
}

#[tokio::test]
async fn a_lead_that_may_not_grant_starts_nobody() {
    let model = Scripted::new(|request| {
        let task = request.messages[0].text();
        let start = |grants: Value| {
            let mut job = json!({"agent": "writer", "task": "deep"});
            job["context"] = grants;
            vec![call("agent", job)]
        };
        Ok(match (request.system.starts_with("Lead"), result(request)) {
            (true, None) => vec![call(
                "agent",
                json!({"agent": "lead", "task": "sub", "context_read": ["site/"]}),
            )],
            (_, Some(told)) => vec![text(told)],
            (false, None) if task == "sub" => start(json!(["site/"])),
            (false, None) => vec![text("never")],
        })
    });
    // The lead in the middle has read alone, and would give write.
    let middle = Definition::new("lead", "Middle.");
    let writer = Definition::new("writer", "Write.");
    let registry = Agent::of(writer.clone(), model.models()).shares().register(Registry::new());
    let registry =
        Agent::of(middle.clone(), model.models()).leads(&[writer]).shares().register(registry);
    let top = Agent::new("top", "Lead.", model.models()).leads(&[middle]).shares();
    let house = House::of(context::register(top.register(registry)));
    let id = house.start("top", "one", json!("go")).await;
    let end = house.end(&id).await.expect("it ends").to_string();
    assert!(end.contains("may not write `site/`"), "{end}");
    assert!(!model.asked().iter().any(|one| one.messages[0].text() == "deep"), "nobody started");
}

#[tokio::test]
async fn a_file_is_put_and_read_and_the_context_goes_on_for_ever() {
    let model = Scripted::new(|request| {
        Ok(match (request.messages[0].text().as_str(), result(request)) {
            (_, Some(told)) => vec![text(told)],
            ("put", _) => {
                let file = json!({"name": "site/a.html", "text": "<p>a</p>"});
                vec![call("context_put_file", file)]
            }
            (name, _) => vec![call("context_get_file", json!({"name": name}))],
        })
    });
    let agent = Agent::new("clerk", "Put.", model.models()).shares();
    let house = House::of(context::register(agent.register(Registry::new())));
    let shared = house.start("context", "team", json!(null)).await;
    let run = async |key: &str, task: &str| {
        let input = json!({"task": task, "context": "context/team"});
        let id = house.start("clerk", key, input).await;
        house.end(&id).await.expect("it ends").as_str().unwrap_or_default().to_owned()
    };
    let refused = run("a", "put").await;
    assert!(refused.contains("a person, who can say") && !refused.contains("which has made it"));
    for clerk in ["clerk/b", "clerk/c", "clerk/d"] {
        let grant = json!({"to": clerk, "prefix": "site/", "write": true});
        house.send(&shared, "grant", grant).await;
    }
    // What is no request is refused, and the context goes on.
    house.send(&shared, "grant", json!({"who": "me"})).await;
    assert_eq!(run("b", "put").await, "{\"version\":1}");
    for number in 0..600 {
        house.send(&shared, "set", json!({"key": "n", "value": number})).await;
    }
    house.until(&shared, "key/n", |n| *n == json!(599)).await;
    assert_eq!(run("c", "site/a.html").await, "<p>a</p>");
    assert!(run("d", "site/b.html").await.contains("no file `site/b.html`"));
}
