//! What a server was asked, as far as a script looks at it: out of a request of
//! either protocol. Knows no script.

use serde_json::Value;

#[derive(Debug, Default, PartialEq)]
pub(super) struct Prompt {
    pub model: String,
    pub system: String,
    /// The person's last words: all since the model's.
    pub asked: String,
    /// What tools have returned since the model's last words.
    pub results: Vec<String>,
    /// How many times the model has spoken.
    pub replies: usize,
    pub is_stream: bool,
    /// All of it, for counting.
    pub chars: usize,
}

impl Prompt {
    pub fn of(body: &Value) -> Prompt {
        let mut prompt = Prompt {
            model: body["model"].as_str().unwrap_or_default().to_owned(),
            system: words(&body["system"]),
            is_stream: body["stream"] == Value::Bool(true),
            chars: body["messages"].to_string().len() + words(&body["system"]).len(),
            ..Prompt::default()
        };
        let mut spoken = false;
        for message in body["messages"].as_array().into_iter().flatten() {
            let content = &message["content"];
            match message["role"].as_str().unwrap_or_default() {
                "system" | "developer" => prompt.system.push_str(&words(content)),
                "assistant" => {
                    prompt.replies += 1;
                    spoken = false;
                    prompt.results.clear();
                }
                "tool" => prompt.results.push(words(content)),
                _ => {
                    let said = words(content);
                    let results = content.as_array().into_iter().flatten();
                    let results = results.filter(|part| part["type"] == "tool_result");
                    let results: Vec<String> =
                        results.map(|part| words(&part["content"])).collect();
                    if results.is_empty() {
                        // A person's words after a tool's results are what is answered.
                        prompt.results.clear();
                    }
                    prompt.results.extend(results);
                    if said.is_empty() {
                        continue;
                    }
                    if spoken {
                        prompt.asked = format!("{}\n{said}", prompt.asked);
                    } else {
                        prompt.asked = said;
                    }
                    spoken = true;
                }
            }
        }
        prompt
    }
}

/// Text, or parts with text.
fn words(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}
