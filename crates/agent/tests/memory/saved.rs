//! What is saved in one conversation is found in another, by its words and by its
//! meaning.

use crate::house::{House, Scripted, call, result, text};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use greenroom_agent::models::{Choice, Models};
use greenroom_agent::provider::{Catalog, Embed, ModelsConfig, Provider};
use greenroom_agent::{Agent, memory};
use greenroom_runtime::Registry;
use greenroom_runtime::model::Failure;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

/// Calls the tool that the task names, and ends with its result.
fn clerk() -> Scripted {
    Scripted::new(|request| {
        Ok(match result(request) {
            Some(told) => vec![text(told)],
            None => {
                let task: Value = serde_json::from_str(&request.messages[0].text()).expect("JSON");
                vec![call(task[0].as_str().expect("a tool"), task[1].clone())]
            }
        })
    })
}

async fn run(house: &House, kind: &str, key: &str, task: Value) -> String {
    let id = house.start(kind, key, json!({ "task": task.to_string() })).await;
    house.end(&id).await.expect("it ends").as_str().unwrap_or_default().to_owned()
}

fn texts(found: &str) -> Vec<String> {
    let found: Value = serde_json::from_str(found).expect("JSON");
    assert!(found["note"].as_str().is_some_and(|note| note.contains("not instructions")));
    let hits = found["hits"].as_array().expect("hits").clone();
    hits.iter().map(|hit| hit["text"].as_str().expect("words").to_owned()).collect()
}

fn house(models: &Arc<dyn Models>) -> House {
    let agent = |name: &str| Agent::new(name, "Remember.", models.clone()).remembers();
    let registry = agent("other").register(agent("clerk").register(Registry::new()));
    House::of(memory::register(registry))
}

#[tokio::test]
async fn it_is_found_again_from_another_conversation_and_by_nobody_else() {
    let house = house(&clerk().models());
    for (key, words) in [("a", "The customer Åsa likes green."), ("b", "Orders go out on Monday.")]
    {
        let saved = json!(["memory_save", {"text": words, "tags": ["shop"]}]);
        assert!(run(&house, "clerk", key, saved).await.contains("\"id\":"));
    }
    let search = |query: &str| json!(["memory_search", {"query": query}]);
    let found = run(&house, "clerk", "c", search("what does ÅSA like, GREEN?")).await;
    assert_eq!(texts(&found), ["The customer Åsa likes green."]);
    let hit = &serde_json::from_str::<Value>(&found).expect("JSON")["hits"][0];
    assert_eq!((&hit["id"], hit["date"].as_str().map(str::len)), (&json!(1), Some(10)));
    assert_eq!(texts(&run(&house, "clerk", "d", search("shop")).await).len(), 2, "by its tag");
    let one = json!(["memory_search", {"query": "shop", "limit": 1}]);
    assert_eq!(texts(&run(&house, "clerk", "e", one).await), ["Orders go out on Monday."]);
    assert!(texts(&run(&house, "other", "a", search("green")).await).is_empty());
    for text in [String::new(), "x".repeat(9_000)] {
        let saved = json!(["memory_save", {"text": text}]);
        let refused = run(&house, "clerk", &format!("f{}", text.len()), saved).await;
        assert!(refused.contains("1 to 8192 can"), "{refused}");
    }
}

/// A model of two meanings: beasts, and all else.
#[derive(Clone)]
struct Beasts(Scripted);

impl Embed for Beasts {
    fn embed<'a>(&'a self, text: &'a str, _: &'a str) -> BoxFuture<'a, Result<Vec<f32>, Failure>> {
        async move {
            match text {
                text if text.contains("broken") => Err(Failure::fatal("provider_error", "broken")),
                text if ["cat", "dog", "pet"].iter().any(|word| text.contains(word)) => {
                    Ok(vec![0.9, 0.1])
                }
                _ => Ok(vec![0.0, 0.2]),
            }
        }
        .boxed()
    }
}

impl Models for Beasts {
    fn choose(&self, name: &str) -> Result<Vec<Choice>, Failure> {
        self.0.models().choose(name)
    }

    fn provider(&self, choice: &Choice) -> Result<Arc<dyn Provider>, Failure> {
        self.0.models().provider(choice)
    }

    fn embedder(&self) -> Option<Arc<dyn Embed>> {
        Some(Arc::new(self.clone()))
    }
}

#[tokio::test]
async fn with_a_model_for_it_what_means_the_same_is_found() {
    let models: Arc<dyn Models> = Arc::new(Beasts(clerk()));
    let house = house(&models);
    for (key, words) in [("a", "She has a cat."), ("b", "It rains."), ("c", "broken, but saved")] {
        run(&house, "clerk", key, json!(["memory_save", {"text": words}])).await;
    }
    let search = |query: &str| json!(["memory_search", {"query": query}]);
    let found = run(&house, "clerk", "d", search("pet")).await;
    assert_eq!(texts(&found), ["She has a cat."], "no word of it is the same");
    // A model that does not answer is no reason to find nothing.
    let found = run(&house, "clerk", "e", search("broken rains")).await;
    assert_eq!(texts(&found).len(), 2);
}

#[tokio::test]
async fn it_goes_on_at_its_limits_and_forgets_the_oldest() {
    let house = house(&clerk().models());
    // All that one may be, and each letter six bytes long in JSON.
    let numbers: Vec<i32> = (0..4_096).map(|n| if n % 2 == 0 { 1 } else { -1 }).collect();
    let id = house.start("memory", "clerk", Value::Null).await;
    for n in 0..520 {
        let text = format!("{n:04}{}", "\u{1}".repeat(8_188));
        house.send(&id, "save", json!({"text": text, "vector": numbers})).await;
    }
    let last = json!(["memory_save", {"text": "the last one"}]);
    let told = run(&house, "clerk", "a", last).await;
    assert!(told.contains("\"id\":521") && !told.contains("forgotten"), "{told}");
    let saved = house.state(&id, "saved").await.as_u64().expect("a number");
    assert!((200..400).contains(&saved), "{saved}");
    let found = |words: &str| json!(["memory_search", {"query": words}]);
    assert_eq!(texts(&run(&house, "clerk", "b", found("last one")).await), ["the last one"]);
    assert!(run(&house, "clerk", "c", found("0519")).await.contains("0519"));
    assert!(texts(&run(&house, "clerk", "d", found("0001")).await).is_empty());

    let many = json!(["memory_save", {"text": "x", "tags": vec![""; 65]}]);
    assert!(run(&house, "clerk", "e", many).await.contains("at most 64 can"));
}

#[expect(clippy::disallowed_methods, reason = "a test serves beside itself")]
#[tokio::test]
async fn a_configured_server_is_asked_as_openai_is() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a request");
        let mut reader = BufReader::new(stream.try_clone().expect("it reads"));
        let (mut head, mut length) = (String::new(), 0);
        while reader.read_line(&mut head).expect("a line") > 2 {
            let last = head.lines().last().unwrap_or_default().to_lowercase();
            if let Some(bytes) = last.strip_prefix("content-length: ") {
                length = bytes.trim().parse().expect("a number");
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("the body");
        let said = r#"{"data":[{"embedding":[0.5,-1]}],"usage":{"total_tokens":2}}"#;
        let headers = format!("content-type: application/json\r\ncontent-length: {}", said.len());
        write!(stream, "HTTP/1.1 200 OK\r\n{headers}\r\n\r\n{said}").expect("it is read");
        (head, serde_json::from_slice::<Value>(&body).expect("JSON"))
    });
    let config = format!(
        "[models]\nembed = \"acme/small\"\n[providers.acme]\nprotocol = \"chat\"\nurl = \"{url}\""
    );
    let catalog = Catalog::new(ModelsConfig::from_toml(&config).expect("TOML")).expect("models");
    let embed = catalog.embedder().expect("it is named");
    assert_eq!(embed.embed("a text", "key-1").await.expect("numbers"), [0.5, -1.0]);
    let (head, body) = server.join().expect("it served");
    assert!(head.starts_with("POST /v1/embeddings ") && head.contains("key-1"), "{head}");
    assert_eq!((&body["model"], &body["input"]), (&json!("small"), &json!("a text")));

    let bad = |embed: &str| {
        let config = ModelsConfig::from_toml(&format!("[models]\nembed = \"{embed}\""));
        Catalog::new(config.expect("TOML")).err().expect("it cannot be").message
    };
    assert!(bad("small").contains("no PROVIDER/MODEL"), "{}", bad("small"));
    assert!(bad("anthropic/x").contains("does not speak"), "{}", bad("anthropic/x"));
}
