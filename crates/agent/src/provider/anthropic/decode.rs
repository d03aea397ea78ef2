//! A reply of the Messages API out of its events. Knows no HTTP.

use crate::conversation::{Message, Part, Raw, Role, ToolCall, Verbatim};
use crate::provider::body::{arguments, arguments_verbatim, count};
use crate::provider::fault::Complaint;
use crate::provider::http::{Decode, Wrong, json};
use crate::provider::json::{Fields, Json};
use crate::provider::reply::{Delta, Reply, Stop, Usage};
use crate::provider::request::Request;
use crate::provider::{OnDelta, sse};
use serde_json::{Map, Value};

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
    fields: Fields,
    input: String,
}

impl Block {
    fn word(&self, name: &str) -> String {
        self.fields.text(name).unwrap_or_default()
    }

    /// What it says, in words that any provider can be told. What the model wrote for a
    /// call's input takes its place.
    fn end(&mut self) -> Option<Part> {
        if !self.input.is_empty() {
            self.fields.set("input", &arguments_verbatim(&self.input));
        }
        match self.word("type").as_str() {
            "text" => Some(Part::Text { text: self.word("text") }),
            "tool_use" => {
                // The model's own words, where they are no object.
                let whole = self.fields.whole("input").map_or("", Verbatim::text);
                let text = if self.input.is_empty() { whole } else { &self.input };
                let (id, name) = (self.word("id"), self.word("name"));
                Some(Part::ToolCall(ToolCall { id, name, arguments: arguments(text) }))
            }
            _ => None,
        }
    }
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

    fn start(&mut self, message: &Json<'_>) {
        if let Some(model) = message["model"].as_str() {
            self.model = model.to_owned();
        }
        self.take_usage(&message["usage"]);
    }

    /// Later counts replace earlier ones, they are not added.
    fn take_usage(&mut self, usage: &Json<'_>) {
        let counts = usage.fields().iter().filter(|(_, count)| !count.is_null());
        self.usage.extend(counts.map(|(name, count)| (name.clone(), count.value())));
    }

    fn take_end(&mut self, delta: &Json<'_>) {
        if let Some(stop) = delta["stop_reason"].as_str() {
            self.stop = Some(stop.to_owned());
        }
        let explanation = delta["stop_details"]["explanation"].as_str();
        self.explanation = explanation.map(str::to_owned).or(self.explanation.take());
    }

    fn begin_block(&mut self, index: u64, value: &Json<'_>, on_delta: OnDelta<'_>) {
        let word = |name: &str| value.word(name);
        match value["type"].as_str() {
            Some("tool_use") => on_delta(Delta::ToolCall { id: word("id"), name: word("name") }),
            // Seldom, a block begins with its first words.
            Some("text") if !word("text").is_empty() => {
                on_delta(Delta::Text { text: word("text") })
            }
            _ => {}
        }
        self.blocks.push(Block { index, fields: Fields::of(value), input: String::new() });
    }

    fn take_delta(
        &mut self,
        index: u64,
        delta: &Json<'_>,
        on_delta: OnDelta<'_>,
    ) -> Result<(), Wrong> {
        let block = self.blocks.iter_mut().rev().find(|block| block.index == index);
        let Some(Block { fields, input, .. }) = block else {
            return Err(Wrong::Nonsense(format!("more of block {index}, which has not begun")));
        };
        for (name, piece) in delta.fields() {
            match (name.as_str(), piece.as_str()) {
                ("type", _) => {}
                ("partial_json", Some(text)) => input.push_str(text),
                ("citation", _) => fields.add_item("citations", piece),
                (_, Some(text)) => {
                    let seen = || text.to_owned();
                    match name.as_str() {
                        _ if text.is_empty() => {}
                        "text" => on_delta(Delta::Text { text: seen() }),
                        "thinking" => on_delta(Delta::Thinking { text: seen() }),
                        _ => {}
                    }
                    fields.add_text(name, text);
                }
                _ => fields.add(name, piece),
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
            "message_delta" => {
                self.take_end(&event["delta"]);
                self.take_usage(&event["usage"]);
            }
            "message_stop" => self.is_done = true,
            "error" => return Err(Wrong::Failed(Complaint::of_event(&event.value()))),
            // One document in place of a stream.
            "message" => {
                self.start(&event);
                for (index, block) in event["content"].items().iter().enumerate() {
                    self.begin_block(index as u64, block, on_delta);
                }
                self.take_end(&event);
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
        let mut content: Vec<Part> = self.blocks.iter_mut().filter_map(Block::end).collect();
        if let (true, Stop::Refused, Some(text)) = (content.is_empty(), &stop, self.explanation) {
            content.push(Part::Text { text });
        }
        let blocks: Vec<Fields> = self.blocks.into_iter().map(|block| block.fields).collect();
        let blocks = Verbatim::of(&blocks);
        let raw = Raw { protocol: PROTOCOL.to_owned(), by: None, blocks };
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
