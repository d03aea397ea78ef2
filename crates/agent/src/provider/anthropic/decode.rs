//! A reply of the Messages API out of its events. Knows no HTTP.

use crate::conversation::{Message, Part, Raw, Role, ToolCall};
use crate::provider::body::{arguments, arguments_object, count};
use crate::provider::fault::Complaint;
use crate::provider::http::{Decode, Wrong, json};
use crate::provider::reply::{Delta, Reply, Stop, Usage};
use crate::provider::request::Request;
use crate::provider::{OnDelta, sse};
use serde_json::{Map, Value, json};

/// The protocol's name.
pub(super) const PROTOCOL: &str = "anthropic";

pub(super) struct Decoder {
    model: String,
    blocks: Vec<Block>,
    stop: Option<String>,
    /// Why it refused, if it said so.
    explanation: Option<String>,
    usage: Map<String, Value>,
    is_done: bool,
}

/// A block, as it came, and the text of its input until it is whole.
struct Block {
    index: u64,
    value: Value,
    input: String,
}

impl Decoder {
    pub fn new(request: &Request) -> Decoder {
        Decoder {
            model: request.model.clone(),
            blocks: Vec::new(),
            stop: None,
            explanation: None,
            usage: Map::new(),
            is_done: false,
        }
    }

    fn start(&mut self, message: &Value) {
        if let Some(model) = message["model"].as_str() {
            self.model = model.to_owned();
        }
        self.take_usage(&message["usage"]);
    }

    /// Later counts replace earlier ones, they are not added.
    fn take_usage(&mut self, usage: &Value) {
        let counts = usage.as_object().into_iter().flatten();
        let counts = counts.filter(|(_, count)| !count.is_null());
        self.usage.extend(counts.map(|(name, count)| (name.clone(), count.clone())));
    }

    fn take_end(&mut self, delta: &Value, usage: &Value) {
        if let Some(stop) = delta["stop_reason"].as_str() {
            self.stop = Some(stop.to_owned());
        }
        let explanation = delta.pointer("/stop_details/explanation").and_then(Value::as_str);
        self.explanation = explanation.map(str::to_owned).or(self.explanation.take());
        self.take_usage(usage);
    }

    fn begin_block(&mut self, index: u64, value: &Value, on_delta: OnDelta<'_>) {
        let word = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        match value["type"].as_str() {
            Some("tool_use") => on_delta(Delta::ToolCall { id: word("id"), name: word("name") }),
            // Seldom, a block begins with its first words.
            Some("text") if !word("text").is_empty() => {
                on_delta(Delta::Text { text: word("text") })
            }
            _ => {}
        }
        self.blocks.push(Block { index, value: value.clone(), input: String::new() });
    }

    fn take_delta(
        &mut self,
        index: u64,
        delta: &Value,
        on_delta: OnDelta<'_>,
    ) -> Result<(), Wrong> {
        let block = self.blocks.iter_mut().rev().find(|block| block.index == index);
        let Some(Block { value: Value::Object(fields), input, .. }) = block else {
            return Err(Wrong::Nonsense(format!("more of block {index}, which has not begun")));
        };
        for (name, piece) in delta.as_object().into_iter().flatten() {
            match (name.as_str(), piece) {
                ("type", _) => {}
                ("partial_json", Value::String(text)) => input.push_str(text),
                ("citation", citation) => match fields.get_mut("citations") {
                    Some(Value::Array(citations)) => citations.push(citation.clone()),
                    _ => drop(fields.insert("citations".to_owned(), json!([citation]))),
                },
                (_, Value::String(text)) => {
                    if !text.is_empty() {
                        match name.as_str() {
                            "text" => on_delta(Delta::Text { text: text.clone() }),
                            "thinking" => on_delta(Delta::Thinking { text: text.clone() }),
                            _ => {}
                        }
                    }
                    match fields.get_mut(name) {
                        Some(Value::String(whole)) => whole.push_str(text),
                        _ => drop(fields.insert(name.clone(), piece.clone())),
                    }
                }
                _ => drop(fields.insert(name.clone(), piece.clone())),
            }
        }
        Ok(())
    }

    fn stop(&self) -> Stop {
        match self.stop.as_deref() {
            None | Some("end_turn" | "stop_sequence") => Stop::End,
            Some("tool_use") => Stop::ToolCalls,
            Some("max_tokens" | "model_context_window_exceeded") => Stop::Length,
            Some("refusal") => Stop::Refused,
            Some("pause_turn") => Stop::Paused,
            Some(other) => Stop::Other(other.to_owned()),
        }
    }
}

impl Decode for Decoder {
    fn take(&mut self, event: &sse::Event, on_delta: OnDelta<'_>) -> Result<(), Wrong> {
        let event = json(event)?;
        let index = event["index"].as_u64().unwrap_or(0);
        match event["type"].as_str().unwrap_or_default() {
            "message_start" => self.start(&event["message"]),
            "content_block_start" => self.begin_block(index, &event["content_block"], on_delta),
            "content_block_delta" => return self.take_delta(index, &event["delta"], on_delta),
            "message_delta" => self.take_end(&event["delta"], &event["usage"]),
            "message_stop" => self.is_done = true,
            "error" => return Err(Wrong::Failed(Complaint::of_event(&event))),
            // One document in place of a stream.
            "message" => {
                self.start(&event);
                for (index, block) in event["content"].as_array().into_iter().flatten().enumerate()
                {
                    self.begin_block(index as u64, block, on_delta);
                }
                self.take_end(&event, &Value::Null);
                self.is_done = true;
            }
            // `ping`, the ends of blocks, and what the protocol may yet bring.
            _ => {}
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.is_done
    }

    fn usage(&self) -> Usage {
        usage_of(&Value::Object(self.usage.clone()))
    }

    fn finish(mut self) -> Result<Reply, Wrong> {
        // `message_delta` has said why it stops: only an empty event is missing then.
        if !self.is_done && self.stop.is_none() {
            return Err(Wrong::Cut);
        }
        let stop = self.stop();
        let mut content = Vec::new();
        for Block { value, input, .. } in &mut self.blocks {
            if !input.is_empty() {
                let read = arguments(input);
                value["input"] = arguments_object(&read);
            }
            let word = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
            match value["type"].as_str() {
                Some("text") => content.push(Part::Text { text: word("text") }),
                Some("tool_use") => {
                    let (id, name) = (word("id"), word("name"));
                    // The model's own words, where they are no object.
                    let arguments =
                        if input.is_empty() { value["input"].clone() } else { arguments(input) };
                    content.push(Part::ToolCall(ToolCall { id, name, arguments }));
                }
                _ => {}
            }
        }
        if let (true, Stop::Refused, Some(text)) = (content.is_empty(), &stop, self.explanation) {
            content.push(Part::Text { text });
        }
        let blocks = self.blocks.into_iter().map(|block| block.value).collect();
        let raw = Raw { protocol: PROTOCOL.to_owned(), blocks: Value::Array(blocks) };
        let message = Message { role: Role::Assistant, content, raw: Some(raw) };
        let usage = usage_of(&Value::Object(self.usage));
        Ok(Reply { message, stop, usage, model: self.model })
    }
}

fn usage_of(usage: &Value) -> Usage {
    Usage {
        input: count(usage, "/input_tokens"),
        output: count(usage, "/output_tokens"),
        cache_read: count(usage, "/cache_read_input_tokens"),
        cache_write: count(usage, "/cache_creation_input_tokens"),
        guessed: false,
    }
}
